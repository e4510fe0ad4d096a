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
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from holdfast_loadtest.audit.journal import Journal
from holdfast_loadtest.audit.verdict import Verdict, conclude, sale_parser, settled_verdict
from holdfast_loadtest.calls import ShopCalls
from holdfast_loadtest.client import Client, open_session
from holdfast_loadtest.crowd.arrivals import DEFAULT_VISITORS, CrowdPlan, run_crowd
from holdfast_loadtest.crowd.context import CrowdContext
from holdfast_loadtest.crowd.opening import read_offer
from holdfast_loadtest.crowd.tally import Tally, VisitorState

REPORT_SECONDS: Final = 5.0


async def send_crowd(options: argparse.Namespace, plan: CrowdPlan, key: str) -> Verdict:
    """The whole run: crowd, then audit."""
    async with open_session() as session:
        client = Client(session, options.url, options.sale, shop_url=options.shop_url)
        shop = ShopCalls(client, key)
        offer = await read_offer(shop)
        with _journal(options.journal) as journal:
            context = CrowdContext(client, key, offer, Tally(plan.visitors), journal)
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
    description = "Send a crowd to a sale, then check every promise through the API."
    parser = sale_parser("python -m holdfast_loadtest", description)
    add = parser.add_argument
    add("--visitors", type=int, default=DEFAULT_VISITORS)
    add("--seed", type=int, default=1, help="the same seed sends the same people")
    add("--minutes", type=float, default=10.0, help="when everybody goes home")
    add("--journal", type=Path, help="keep what the crowd was told in this file")
    options = parser.parse_args(arguments)
    plan = CrowdPlan(options.visitors, options.seed, time_limit_s=options.minutes * 60)
    return conclude(lambda key: send_crowd(options, plan, key))


@contextlib.contextmanager
def _journal(path: Path | None) -> Iterator[Journal]:
    if path is None:
        yield Journal()
        return
    with path.open("w", encoding="utf-8") as file:
        yield Journal(file)


if __name__ == "__main__":
    sys.exit(main())
