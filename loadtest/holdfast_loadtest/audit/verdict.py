"""Reads a sale through the API and says whether every promise was kept.

    HOLDFAST_PLATFORM_KEY=... python -m holdfast_loadtest.audit --url <service> --sale <sale>

Exit status 0: all held; 1: at least one was broken, with the evidence printed; 2: the audit could
not be made. The key comes from the environment, never from the command line, where every user of
the machine could read it. What a crowd was told can be added with `--journal`; without it the books
are still checked against each other.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from holdfast_loadtest.audit import event_checks, line_checks, stock_checks
from holdfast_loadtest.audit.evidence import Evidence, gather_evidence
from holdfast_loadtest.audit.facts import UnreadableEvent, issues
from holdfast_loadtest.audit.findings import Check, concluded
from holdfast_loadtest.audit.journal import Journal, read_journal
from holdfast_loadtest.calls import ShopCalls
from holdfast_loadtest.client import Client, ContractError, open_session
from holdfast_loadtest.wire import Event

KEY_VARIABLE: Final = "HOLDFAST_PLATFORM_KEY"
AUDIT_CONNECTIONS: Final = 4
NO_VERDICT: Final = 2
"""exit status when the audit could not be made"""
SETTLING_SECONDS: Final = 3.0
MAX_SETTLING_READINGS: Final = 6


@dataclass(frozen=True, slots=True)
class Verdict:
    """All checks of one audit."""

    sale: str
    checks: tuple[Check, ...]

    @property
    def held(self) -> bool:
        return all(check.held for check in self.checks)

    def lines(self) -> list[str]:
        """The verdict as text: a line per promise, evidence under those that were broken."""
        lines = [f"Audit of sale {self.sale!r}"]
        for check in self.checks:
            mark = "ok    " if check.held else "BROKEN"
            lines.append(f"  {mark}  {check.promise}  ({check.examined})")
            lines += [f"            {finding}" for finding in check.findings]
            if check.broken > len(check.findings):
                lines.append(f"            and {check.broken - len(check.findings)} more")
        lines.append(self.summary)
        return lines

    @property
    def summary(self) -> str:
        broken = sum(not check.held for check in self.checks)
        if broken:
            return f"Verdict: {broken} of {len(self.checks)} promises BROKEN"
        return f"Verdict: all {len(self.checks)} promises held"


def check_evidence(evidence: Evidence) -> Verdict:
    """Makes every check of what was read; a stream that cannot be read is a broken promise."""
    checks = [*_stock(evidence)]
    try:
        checks += [*_events(evidence), *_line(evidence)]
    except UnreadableEvent as error:
        checks.append(concluded("events are in the contract's form", "the stream", [str(error)]))
    checks += _complaints(evidence.journal)
    return Verdict(evidence.sale.sale or evidence.sale.name, tuple(checks))


def _stock(evidence: Evidence) -> list[Check]:
    orders, journal = evidence.orders, evidence.journal
    return [
        stock_checks.no_seat_twice(orders),
        stock_checks.map_is_ledger(orders, evidence.guids, evidence.seat_map),
        stock_checks.areas_are_ledger(orders, evidence.seat_map),
        stock_checks.within_limit(orders, evidence.sale.max_units_per_buyer),
        stock_checks.receipts_are_kept(orders, journal.confirmed, journal.refunds),
        stock_checks.payments_are_answered(orders, journal),
    ]


def _events(evidence: Evidence) -> list[Check]:
    events = evidence.events
    return [
        event_checks.gap_free(events),
        event_checks.events_are_ledger(events, evidence.orders),
        event_checks.replay(events, evidence.guids, evidence.seat_map),
        line_checks.time_runs_forward(events),
    ]


def _line(evidence: Evidence) -> list[Check]:
    checks = [
        line_checks.numbers_follow_arrival(evidence.journal.joined),
        line_checks.called_in_order(
            evidence.events, evidence.status.gaps, evidence.journal.admitted
        ),
        line_checks.admitted_once(evidence.events, evidence.journal.admitted),
    ]
    if evidence.sale.queueing_method != line_checks.UNLIMITED:
        bucket = line_checks.bucket_of(evidence.sale)
        checks.insert(0, line_checks.rate_is_kept(issues(evidence.events), bucket))
    return checks


def _complaints(journal: Journal) -> list[Check]:
    """What visitors saw that the contract rules out, one check per promise."""
    told: dict[str, list[str]] = {}
    for complaint in journal.complaints:
        told.setdefault(complaint.promise, []).append(complaint.evidence)
    if not told:
        return [concluded("no visitor saw the contract broken", "answers and positions", [])]
    return [concluded(promise, "seen by visitors", seen) for promise, seen in told.items()]


async def settled_verdict(shop: ShopCalls, journal: Journal | None = None) -> Verdict:
    """Checks a sale; reads it again, for a bounded time, while something is broken."""
    return (await settled_evidence(shop, journal))[1]


async def settled_evidence(
    shop: ShopCalls,
    journal: Journal | None = None,
    check: Callable[[Evidence], Verdict] = check_evidence,
    kept: Sequence[Event] = (),
) -> tuple[Evidence, Verdict]:
    """Reads and checks a sale, again for a bounded time while something is broken.

    An order is in the ledger before it is in the store, which follows within moments or, after a
    crash, by recovery. `kept` are the first events, as they were read during the run.
    """
    for reading in range(1 + MAX_SETTLING_READINGS):
        if reading:
            await asyncio.sleep(SETTLING_SECONDS)
        evidence = await gather_evidence(shop, journal, kept)
        kept, verdict = evidence.events, check(evidence)
        if verdict.held:
            break
    return evidence, verdict


async def audit(
    url: str,
    sale: str,
    platform_key: str,
    journal: Journal | None = None,
    shop_url: str | None = None,
) -> Verdict:
    """Reads and checks one sale of the service at `url`."""
    async with open_session(AUDIT_CONNECTIONS) as session:
        client = Client(session, url, sale, shop_url=shop_url)
        evidence = await gather_evidence(ShopCalls(client, platform_key), journal)
    return check_evidence(evidence)


def platform_key() -> str:
    """The key in the environment; without one, empty, and says so."""
    key = os.environ.get(KEY_VARIABLE, "")
    if not key:
        print(f"set {KEY_VARIABLE} to a key of role platform", file=sys.stderr)
    return key


def main(arguments: Sequence[str] | None = None) -> int:
    told = _parser().parse_args(arguments)
    key = platform_key()
    if not key:
        return NO_VERDICT
    journal = None if told.journal is None else read_journal(told.journal)
    try:
        verdict = asyncio.run(audit(told.url, told.sale, key, journal, told.shop_url))
    except ContractError as error:
        print(f"the audit could not be made: {error}", file=sys.stderr)
        return NO_VERDICT
    print("\n".join(verdict.lines()))
    return 0 if verdict.held else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m holdfast_loadtest.audit",
        description="Check a sale's promises through its API.",
        epilog=f"The key of role platform is read from {KEY_VARIABLE}.",
    )
    add = parser.add_argument
    add("--url", required=True, help="where the service is, e.g. http://127.0.0.1:8080")
    add("--shop-url", help="where the role shop is served, if not there")
    add("--sale", required=True, help="the sale's name in the URL")
    add("--journal", type=Path, help="what a crowd was told, written by its run")
    return parser
