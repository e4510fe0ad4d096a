"""Compares the simulator with real runs on this machine, and writes the result into the tree.

    .venv/bin/python scripts/validate_simulator.py            all worlds, some two minutes each
    .venv/bin/python scripts/validate_simulator.py flash      one of them, measured anew

Each world starts with a service of its own (one worker, SQLite, the embedded store) in a directory
that is removed afterwards. The status is 1 when a figure is off by more than is tolerated, 2 when
the machine was too busy for runs that say anything; such a run is kept with that mark, until it is
measured in quiet.
`make fmt` writes docs/simulator.md from the JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Final

import msgspec
from rich.console import Console

from holdfast_demo.service import Service, ServiceOptions, free_port
from holdfast_loadtest.rehearse.load_run import LoadRun
from holdfast_loadtest.rehearse.terminal import comparison_table
from holdfast_loadtest.rehearse.validation import (
    ValidatedWorld,
    Validation,
    missed,
    validate_world,
    world_files,
)
from holdfast_loadtest.report.run_facts import describe_generator

ROOT: Final = Path(__file__).resolve().parent.parent
RESULTS: Final = ROOT / "loadtest" / "validation.json"
HOST: Final = "127.0.0.1"
DISTURBED: Final = 2
"""exit status when a world could not be measured on this machine at this time"""


def main() -> int:
    options = _options()
    console, worlds = Console(), world_files()
    for name in options.worlds or worlds:
        console.print(f"[bold]{name}[/bold]")
        world = asyncio.run(_validated(name, worlds[name], options.reports))
        console.print(comparison_table(world.figures))
        console.print(world.verdict)
        if world.disturbed:
            console.print(f"Says little: {world.disturbed}", markup=False)
        _keep(options.results, world)
    kept = _read(options.results)
    for miss in missed(kept.worlds):
        console.print(f"MISSED: {miss}")
    disturbed = any(world.disturbed for world in kept.worlds)
    return 1 if missed(kept.worlds) else DISTURBED if disturbed else 0


async def _validated(name: str, path: Path, reports: Path | None) -> ValidatedWorld:
    with tempfile.TemporaryDirectory(prefix="holdfast-validation-") as folder:
        service = ServiceOptions(Path(folder), HOST, free_port(HOST, 0, 0), workers=1)
        load = LoadRun(
            url=service.url,
            shop_url=service.url,
            sale="",
            scenario=path,
            report=reports / name if reports else Path(folder, "report"),
            key=service.operator_key,
        )
        async with Service(service):
            return await asyncio.to_thread(validate_world, name, path, load)


def _keep(path: Path, world: ValidatedWorld) -> None:
    kept = msgspec.structs.replace(_read(path), machine=describe_generator())
    written = msgspec.json.encode(kept.with_world(world))
    path.write_bytes(msgspec.json.format(written) + b"\n")


def _read(path: Path) -> Validation:
    return (
        msgspec.json.decode(path.read_bytes(), type=Validation) if path.exists() else Validation()
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("worlds", nargs="*", choices=[*world_files(), []], help="which of them")
    parser.add_argument("--results", type=Path, default=RESULTS, help="the JSON")
    parser.add_argument("--reports", type=Path, help="keep the reports of the runs here")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
