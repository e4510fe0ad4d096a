"""What a run was: written when it begins, read when it is judged."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

import msgspec

from holdfast_loadtest.report.thresholds import Thresholds
from holdfast_loadtest.wire import Sale

RUN_FILE: Final = "run.json"
PACKAGES: Final = ("holdfast", "locust", "gevent")


class RunFacts(msgspec.Struct, kw_only=True):
    """Where, what and with which limits; never a key."""

    run: str
    scenario: str
    sale: str
    url: str
    shop_url: str | None = None
    """where the role shop is served, if not there"""
    seed: int = 1
    world: dict[str, Any] = {}
    """the scenario as its file has it"""
    thresholds: Thresholds = Thresholds()
    settings: Sale | None = None
    """the sale as it was when the run began: its promises are measured against this"""
    generator: dict[str, str] = {}
    """the programs and the machine that made the load"""


def describe_generator() -> dict[str, str]:
    """Versions and machine of this process."""
    found = {"Python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return {**found, **_machine()}


def _machine() -> dict[str, str]:
    cpus, model = 0, ""
    cpuinfo = Path("/proc/cpuinfo")
    for line in cpuinfo.read_text().splitlines() if cpuinfo.exists() else ():
        name, _, value = line.partition(":")
        if name.strip() == "processor":
            cpus += 1
        elif name.strip() == "model name":
            model = value.strip()
    found = {"System": f"{platform.system()} {platform.release()}, {platform.machine()}"}
    if cpus:
        found["Processors"] = f"{cpus} x {model}" if model else str(cpus)
    return found


def write_facts(facts: RunFacts, directory: Path) -> None:
    (directory / RUN_FILE).write_bytes(msgspec.json.format(msgspec.json.encode(facts)))


def read_facts(directory: Path) -> RunFacts:
    return msgspec.json.decode((directory / RUN_FILE).read_bytes(), type=RunFacts)
