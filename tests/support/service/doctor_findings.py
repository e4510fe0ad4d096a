"""What the doctor found, as tests compare it."""

from collections.abc import Mapping
from pathlib import Path

from holdfast.config import Config
from holdfast.doctor import Finding, Level, examine
from holdfast.doctor.findings import FindingBuilder

AREA = FindingBuilder("test")


def judged(findings: list[Finding], area: str) -> dict[str, Level]:
    """The level of each check of an area; a check is there once."""
    found = [finding for finding in findings if finding.area == area]
    levels = {finding.check: finding.level for finding in found}
    assert len(levels) == len(found)
    return levels


def worse(levels: Mapping[str, Level]) -> dict[str, Level]:
    """What is not ok."""
    return {check: level for check, level in levels.items() if level is not Level.OK}


async def look(
    tmp_path: Path,
    area: str,
    *,
    store_url: str | None = None,
    ledger_url: str | None = None,
    secret: str | None = None,
) -> dict[str, Level]:
    """The levels of one area under these settings."""
    config = Config(data_dir=tmp_path, store_url=store_url, ledger_url=ledger_url, secret=secret)
    return judged(await examine(config), area)
