"""The whole examination of one configuration: host, store, ledger, in that order."""

from holdfast.config import Config
from holdfast.doctor.findings import Finding
from holdfast.doctor.host import examine_host
from holdfast.doctor.ledger import examine_ledger
from holdfast.doctor.store import examine_store


async def examine(config: Config) -> list[Finding]:
    """All findings. Never raises for what it examines: a dead server is a finding."""
    return [
        *examine_host(config),
        *await examine_store(config),
        *await examine_ledger(config),
    ]
