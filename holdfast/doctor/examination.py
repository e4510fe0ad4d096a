"""Examines host, store and ledger of one configuration, in that order."""

from holdfast.config import Config
from holdfast.doctor.findings import Finding
from holdfast.doctor.host import examine_host
from holdfast.doctor.ledger import examine_ledger
from holdfast.doctor.store import examine_store


async def examine(config: Config) -> list[Finding]:
    """The findings of all checks. A server that does not answer is a finding, not an error."""
    return [
        *examine_host(config),
        *await examine_store(config),
        *await examine_ledger(config),
    ]
