"""What a run was: written when it begins, read when it is judged."""

from __future__ import annotations

import contextlib
import os
import platform
from collections.abc import Iterable
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
    cores, model = os.cpu_count(), processor_model()
    return {
        "Python": platform.python_version(),
        **versions_of(PACKAGES),
        "System": f"{platform.system()} {platform.release()}, {platform.machine()}",
        "Processors": f"{cores} x {model}" if model else str(cores),
    }


def versions_of(packages: Iterable[str]) -> dict[str, str]:
    """The versions of those packages that are installed."""
    found = {}
    for package in packages:
        with contextlib.suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


def processor_model() -> str:
    """The model of the processor, where Linux tells it; else empty."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, "")


def write_facts(facts: RunFacts, directory: Path) -> None:
    (directory / RUN_FILE).write_bytes(msgspec.json.format(msgspec.json.encode(facts)))


def read_facts(directory: Path) -> RunFacts:
    return msgspec.json.decode((directory / RUN_FILE).read_bytes(), type=RunFacts)
