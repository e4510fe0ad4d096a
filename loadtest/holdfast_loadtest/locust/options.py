"""The load test's own options on Locust's command line and in the form of its web page.

Keys are no options: a command line can be read by everybody on the machine.
"""

from __future__ import annotations

import argparse
import os
import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from holdfast_loadtest.scenarios.scenario import SUFFIX, read_scenario, scenario_names

if TYPE_CHECKING:
    from locust.argument_parser import LocustArgumentParser
    from locust.env import Environment

DEFAULT_SCENARIO: Final = "smoke"
DEFAULT_REPORTS: Final = "loadtest-reports"
LOCUSTFILE: Final = Path(__file__).with_name("locustfile.py")
LOOPBACK: Final = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Options:
    """What was chosen, on the command line or in the form."""

    scenario: str
    sale: str
    shop_url: str
    report: str


def process_options(count: int) -> Sequence[str]:
    """Locust's options for so many processes on this machine.

    Their master listens on a free port of loopback, not on Locust's usual one at every address:
    another run may have that, and nobody else is to talk to it.
    """
    if count == 1:
        return ()
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port = str(probe.getsockname()[1])
    master = ("--master-bind-host", LOOPBACK, "--master-bind-port", port)
    return ("--processes", str(count), *master, "--master-port", port)


def locust_command(url: str, scenario: str, processes: int) -> list[str]:
    """The command that runs a scenario against a service, with so many processes."""
    return [
        *(sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), "--host", url),
        *("--scenario", scenario, *process_options(processes)),
    ]


class ScenarioNames(list[str]):
    """What `--scenario` takes: the names to choose from, and any path that ends in .toml."""

    def __contains__(self, named: object) -> bool:
        return isinstance(named, str) and (named.endswith(SUFFIX) or named in list(self))


class ListScenarios(argparse.Action):
    """Prints the scenarios, and ends."""

    def __init__(self, option_strings: Sequence[str], dest: str, **kwargs: Any) -> None:
        super().__init__(option_strings, dest, nargs=0, **kwargs)

    def __call__(self, *_: Any) -> None:
        for name in scenario_names():
            scenario = read_scenario(name)
            people, seconds = scenario.arrivals.visitors, scenario.duration_seconds
            print(f"{name:16} {scenario.about} ({people:,} people, {seconds:g} s at most)")
        raise SystemExit(0)


def add_options(parser: LocustArgumentParser) -> None:
    """A listener of Locust's `init_command_line_parser`.

    Locust shows options of a parser in its form, not those of a group.
    """
    parser.add_argument(
        "--scenario",
        default=os.environ.get("HOLDFAST_SCENARIO", DEFAULT_SCENARIO),
        choices=ScenarioNames(scenario_names()),
        metavar="NAME",
        help="a name (--list-scenarios), or a path ending in .toml",
    )
    parser.add_argument(
        "--sale",
        default=os.environ.get("HOLDFAST_SALE", ""),
        help="of one that is there; empty: each run makes its own",
    )
    parser.add_argument(
        "--shop-url",
        default=os.environ.get("HOLDFAST_SHOP_URL", ""),
        help="of the role shop, if not the host",
    )
    parser.add_argument(
        "--report",
        default="",
        metavar="DIR",
        include_in_web_ui=False,
        help=f"where the report goes (default: {DEFAULT_REPORTS}/<run>)",
    )
    parser.add_argument(
        "--list-scenarios",
        action=ListScenarios,
        include_in_web_ui=False,
        help="print the scenarios that come with the load test",
    )


def options_of(environment: Environment) -> Options:
    """The options of a process, which has parsed a command line."""
    parsed: Any = environment.parsed_options
    return Options(parsed.scenario, parsed.sale.strip(), parsed.shop_url.strip(), parsed.report)
