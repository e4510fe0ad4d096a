"""Runs a scenario of the load test, against a service of its own unless one is named.

    make loadtest SCENARIO=flash PROCESSES=2
    HOLDFAST_URL=https://... HOLDFAST_PLATFORM_KEY=... make loadtest SCENARIO=smoke

The service of its own runs on loopback with a directory of its own, and ends with the run. Exit
status: 0 all held, 1 a promise or a threshold was broken, 2 there is no verdict, as of a run that
was interrupted.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from holdfast_demo.service import Service, ServiceFailed, ServiceOptions, free_port
from holdfast_loadtest.audit.verdict import KEY_VARIABLE
from holdfast_loadtest.locust.options import ListScenarios, locust_command

URL_VARIABLE: Final = "HOLDFAST_URL"
HOST: Final = "127.0.0.1"
WEB_PORT: Final = 8089
NO_VERDICT: Final = 2


def main(arguments: Sequence[str] | None = None) -> int:
    options, others = _parser().parse_known_args(arguments)
    url, key = os.environ.get(URL_VARIABLE), os.environ.get(KEY_VARIABLE)
    try:
        if url:
            if not key:
                print(f"set {KEY_VARIABLE} to a key of role operator", file=sys.stderr)
                return NO_VERDICT
            return asyncio.run(run_locust(options, others, url, key))
        return asyncio.run(run_with_service(options, others))
    except ServiceFailed as error:
        print(f"no service: {error}", file=sys.stderr)
        return NO_VERDICT


async def run_with_service(options: argparse.Namespace, others: Sequence[str]) -> int:
    """Runs the scenario against a service that is started for it."""
    with tempfile.TemporaryDirectory(prefix="holdfast-loadtest-") as directory:
        port = free_port(HOST, 0, 0)
        service = ServiceOptions(Path(directory), HOST, port, options.workers)
        print(f"a service for this run is at {service.url}", file=sys.stderr)
        async with Service(service):
            return await run_locust(options, others, service.url, service.operator_key)


async def run_locust(options: argparse.Namespace, others: Sequence[str], url: str, key: str) -> int:
    """Locust in a process of its own, which Ctrl-C ends in good order."""
    shown = ("--web-host", HOST, "--web-port", str(options.web_port))
    process = await asyncio.create_subprocess_exec(
        *locust_command(url, options.scenario, options.processes),
        *(shown if options.web else ("--headless", "--only-summary")),
        *others,
        env=os.environ | {KEY_VARIABLE: key},
    )
    if options.web:
        print(f"Locust's page: http://{HOST}:{options.web_port}", file=sys.stderr)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, _pass_on, process, number)
    status = await process.wait()
    return status if 0 <= status <= NO_VERDICT else NO_VERDICT


def _pass_on(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    """Sends the signal on to Locust, which Ctrl-C at a terminal reaches as well."""
    if process.returncode is None:
        process.send_signal(number)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="make loadtest",
        description="Run a scenario of the load test, and say whether everything held.",
        epilog="Other options go to Locust, such as --sale NAME or --report DIR.",
    )
    parser.add_argument("--scenario", default="smoke", help="its name, or a path ending in .toml")
    parser.add_argument("--processes", type=int, default=1, help="how many make the load")
    parser.add_argument("--workers", type=int, default=1, help="of the service of its own")
    parser.add_argument("--list-scenarios", action=ListScenarios, help="print them, and end")
    parser.add_argument("--web", action="store_true", help="show Locust's page and wait there")
    parser.add_argument("--web-port", type=int, default=WEB_PORT)
    return parser


if __name__ == "__main__":
    sys.exit(main())
