"""Judges a run that is over: the audit, the thresholds, one verdict, `report.json` and the page.

    HOLDFAST_PLATFORM_KEY=... python -m holdfast_loadtest.report DIRECTORY

The directory is what a run has left. Exit status 0: every promise and threshold was held; 1: one
was not; 2: there can be no verdict, since the audit could not be made, receipts are missing or the
run was interrupted. It may be run again later, as long as the service still has the sale.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import aiohttp
import msgspec

from holdfast_loadtest.audit.evidence import Evidence, read_events
from holdfast_loadtest.audit.facts import UnreadableEvent
from holdfast_loadtest.audit.findings import Check, concluded
from holdfast_loadtest.audit.journal import read_journal
from holdfast_loadtest.audit.verdict import (
    AUDIT_CONNECTIONS,
    KEY_VARIABLE,
    Verdict,
    check_evidence,
    platform_key,
    settled_evidence,
)
from holdfast_loadtest.calls import ShopCalls
from holdfast_loadtest.client import Client, ContractError, open_session
from holdfast_loadtest.observations.intake import COMPLETE
from holdfast_loadtest.observations.record import (
    EVENTS_FILE,
    JOURNAL_FILE,
    OBSERVED_FILE,
    Observed,
)
from holdfast_loadtest.report.compose import AuditedSale, compose
from holdfast_loadtest.report.page import write_page
from holdfast_loadtest.report.result import EXIT_STATUS, RunResult
from holdfast_loadtest.report.run_facts import RunFacts, read_facts
from holdfast_loadtest.report.sale_history import read_history
from holdfast_loadtest.wire import Sale

RESULT_FILE: Final = "report.json"
PAGE_FILE: Final = "report.html"
UNCHANGED: Final = "the sale's settings stayed as they were when the run began"
SETTINGS: Final = (
    "queueing_method",
    "new_users_per_minute",
    "burst",
    "total_active_users",
    "claim_window_seconds",
    "hold_seconds",
    "max_units_per_buyer",
)


async def judge(directory: Path, key: str) -> RunResult:
    """The result of the run whose files are in `directory`, which then has the report as well."""
    facts = read_facts(directory)
    observed = msgspec.json.decode((directory / OBSERVED_FILE).read_bytes(), type=Observed)
    result = compose(facts, observed, await _audit(facts, directory, key))
    (directory / RESULT_FILE).write_bytes(msgspec.json.format(msgspec.json.encode(result)))
    write_page(result, facts, directory / PAGE_FILE)
    return result


async def _audit(facts: RunFacts, directory: Path, key: str) -> AuditedSale:
    journal = read_journal(directory / JOURNAL_FILE)
    try:
        async with open_session(AUDIT_CONNECTIONS) as session:
            client = Client(session, facts.url, facts.sale, shop_url=facts.shop_url)
            shop = ShopCalls(client, key)
            check = partial(check_run, settings=facts.settings)
            kept = read_events(directory / EVENTS_FILE)
            evidence, verdict = await settled_evidence(shop, journal, check, kept)
            environment = await _service(session, facts.url, key)
    except ContractError as error:
        return AuditedSale(failure=str(error))
    try:
        history = read_history(evidence)
    except UnreadableEvent:
        history = None  # the verdict says so
    booked = evidence.seat_map.counts.booked
    return AuditedSale(verdict.checks, history, booked, environment)


def check_run(evidence: Evidence, settings: Sale | None) -> Verdict:
    """Every check of the audit, against what the sale promised when the run began."""
    if settings is None:
        return check_evidence(evidence)
    promised = msgspec.structs.replace(evidence.sale, **_settings(settings))
    verdict = check_evidence(replace(evidence, sale=promised))
    return replace(verdict, checks=(*verdict.checks, _unchanged(settings, evidence.sale)))


def _unchanged(before: Sale, after: Sale) -> Check:
    changed = _changes(_settings(before), _settings(after))
    return concluded(UNCHANGED, f"{len(SETTINGS)} settings", changed)


def _changes(before: dict[str, Any], after: dict[str, Any]) -> Iterator[str]:
    for name, value in before.items():
        if value != after[name]:
            yield f"{name} was {value} and is {after[name]}"


def _settings(sale: Sale) -> dict[str, Any]:
    return {name: getattr(sale, name) for name in SETTINGS}


async def _service(session: aiohttp.ClientSession, url: str, key: str) -> dict[str, str]:
    """The version of the service, where this key may know it and this address tells it."""
    headers = {"Authorization": f"Bearer {key}"}
    version = ""
    try:
        async with session.get(f"{url.rstrip('/')}/v1/health", headers=headers) as answer:
            if answer.ok:
                version = str((await answer.json()).get("version", ""))
    except (aiohttp.ClientError, TimeoutError, ValueError):
        pass
    return {"Service": f"{url}, version {version}" if version else url}


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    key = platform_key()
    if not key:
        return EXIT_STATUS["unknown"]
    try:
        result = asyncio.run(judge(options.directory, key))
    except (OSError, msgspec.MsgspecError) as error:
        print(f"{options.directory} has no run that can be judged: {error}", file=sys.stderr)
        return EXIT_STATUS["unknown"]
    except Exception:  # status 1 would say that the sale broke a promise
        traceback.print_exc()
        return EXIT_STATUS["unknown"]
    print("\n".join(lines(result)))
    print(f"Report: {options.directory / PAGE_FILE}")
    return result.verdict.exit_status


def lines(result: RunResult) -> Iterator[str]:
    """The verdict as text: a line per promise and threshold, evidence under what was broken."""
    verdict = result.verdict
    yield f"Run of scenario {result.scenario!r} against sale {result.sale!r}"
    for finding in verdict.findings:
        broken = "MISSING" if finding.check == COMPLETE else "BROKEN"
        yield f"  {'ok' if finding.held else broken:7} {finding.check}  ({finding.detail})"
        yield from (f"            {evidence}" for evidence in finding.evidence)
        if finding.broken > len(finding.evidence):
            yield f"            and {finding.broken - len(finding.evidence)} more"
    for one in verdict.thresholds:
        measured = "not measured" if one.measured is None else f"{one.measured:.4g}"
        yield f"  {'ok' if one.held else 'MISSED':7} {one.name}: {measured}, limit {one.limit:g}"
    yield from (f"  note    {note}" for note in result.notes)
    yield verdict.summary


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m holdfast_loadtest.report",
        description="Audit the sale of a run that is over, and write its report.",
        epilog=f"The key of role platform is read from {KEY_VARIABLE}. Exit status: 0 held, 1 a "
        "promise or threshold was not, 2 no verdict possible.",
    )
    parser.add_argument("directory", type=Path, help="what the run has left, see --report")
    return parser
