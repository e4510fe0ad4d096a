"""Sends a crowd to a sale of any deployment and audits the sale afterwards.

    HOLDFAST_PLATFORM_KEY=... python -m holdfast_loadtest --url <service> --sale <sale>

Progress goes to stderr, the verdict to stdout. Exit status as the audit's: 0 held, 1 broken, 2
could not be made. With `--journal` what the crowd was told is kept in a file, so that
`holdfast_loadtest.audit` can repeat the audit later.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from holdfast_loadtest.audit.journal import Journal
from holdfast_loadtest.audit.verdict import KEY_VARIABLE, Verdict, settled_verdict
from holdfast_loadtest.calls import ShopCalls
from holdfast_loadtest.client import Client, ContractError, open_session
from holdfast_loadtest.crowd.arrivals import DEFAULT_VISITORS, CrowdPlan, run_crowd
from holdfast_loadtest.crowd.context import CrowdContext
from holdfast_loadtest.crowd.opening import read_offer
from holdfast_loadtest.crowd.tally import Tally, VisitorState

REPORT_SECONDS: Final = 5.0


async def send_crowd(
    url: str, sale: str, key: str, plan: CrowdPlan, journal: Journal, *, shop_url: str | None
) -> Verdict:
    """The whole run: crowd, then audit."""
    async with open_session() as session:
        client = Client(session, url, sale, shop_url=shop_url)
        shop = ShopCalls(client, key)
        tally = Tally(plan.visitors)
        context = CrowdContext(client, key, await read_offer(shop), tally, journal)
        reports = asyncio.create_task(_report(context))
        try:
            await run_crowd(plan, context)
        finally:
            reports.cancel()
        _print_progress(context)
        return await settled_verdict(shop, journal)


async def _report(context: CrowdContext) -> None:
    while True:
        await asyncio.sleep(REPORT_SECONDS)
        _print_progress(context)


def _print_progress(context: CrowdContext) -> None:
    tally = context.tally
    states = ", ".join(
        f"{tally.states[state]} {state.value}" for state in VisitorState if tally.states[state]
    )
    print(f"{context.client.traffic.total} requests; {states}", file=sys.stderr)


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    key = os.environ.get(KEY_VARIABLE, "")
    if not key:
        print(f"set {KEY_VARIABLE} to a key of role platform", file=sys.stderr)
        return 2
    plan = CrowdPlan(options.visitors, options.seed, time_limit_s=options.minutes * 60)
    try:
        with _journal(options.journal) as journal:
            shop_url = options.shop_url
            crowd = send_crowd(options.url, options.sale, key, plan, journal, shop_url=shop_url)
            verdict = asyncio.run(crowd)
    except ContractError as error:
        print(f"the audit could not be made: {error}", file=sys.stderr)
        return 2
    print("\n".join(verdict.lines()))
    return 0 if verdict.held else 1


@contextlib.contextmanager
def _journal(path: Path | None) -> Iterator[Journal]:
    if path is None:
        yield Journal()
        return
    with path.open("w", encoding="utf-8") as file:
        yield Journal(file)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m holdfast_loadtest",
        description="Send a crowd to a sale, then check every promise through the API.",
        epilog=f"The key of role platform is read from {KEY_VARIABLE}.",
    )
    parser.add_argument("--url", required=True, help="where the service is")
    parser.add_argument("--shop-url", help="where the role shop is served, if not there")
    parser.add_argument("--sale", required=True, help="the sale's name in the URL")
    parser.add_argument("--visitors", type=int, default=DEFAULT_VISITORS)
    parser.add_argument("--seed", type=int, default=1, help="the same seed sends the same people")
    parser.add_argument("--minutes", type=float, default=10.0, help="when everybody goes home")
    parser.add_argument("--journal", type=Path, help="keep what the crowd was told in this file")
    return parser


if __name__ == "__main__":
    sys.exit(main())
