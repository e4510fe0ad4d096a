"""A rehearsal from beginning to end: predict, make the test sale, send the crowd, compare."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any, Final

import msgspec

from holdfast_loadtest.rehearse.comparison import ComparedFigure, agrees, compare
from holdfast_loadtest.rehearse.guard import Cleaned, Duty, GuardProcess, keys_command
from holdfast_loadtest.rehearse.load_run import LoadRun
from holdfast_loadtest.rehearse.prediction import Prediction
from holdfast_loadtest.rehearse.rehearsed_scenario import write_scenario
from holdfast_loadtest.report.result import RunResult
from holdfast_loadtest.sale_api import ApiFault, SaleApi
from holdfast_loadtest.scenarios.scenario import Scenario
from holdfast_simulator.arrivals import arrival_times
from holdfast_simulator.result import Result

SCENARIO_FILE: Final = "scenario.toml"
NAME_CHARS_MAX: Final = 63
LOBBY_LEAD_SECONDS: Final = 20.0
"""for Locust to start, before the first comes to a lobby"""
CHANGED: Final[Mapping[str, object]] = {
    "identity": "off",
    "address_joins_per_minute": 0,
    "draw_beacon": None,
    "event_end_time": None,
}
"""settings of a sale that a crowd from one machine, without identities, could not pass"""

Tell = Callable[[str], None]
Tick = Callable[[Mapping[str, Any], Result], None]
"""Is given the live figures of the test sale, every second."""


@dataclass(frozen=True, slots=True)
class RehearsalPlan:
    """What is rehearsed, where, and what stays of it."""

    url: str
    """where operators are served"""
    room_url: str
    shop_url: str
    key: str = field(repr=False)
    sale: str
    test_sale: str
    title: str
    scenario: Scenario
    original: Mapping[str, Any]
    """the document of the sale"""
    report: Path
    key_options: tuple[str, ...] = ()
    """of `holdfast keys`, where the ledger is; a key for the run is made there"""
    run_key: str | None = field(default=None, repr=False)
    """a key for the run that was made before"""
    processes: int = 1
    keep: bool = False


class RehearsalResult(msgspec.Struct, frozen=True, kw_only=True):
    """`rehearsal.json`."""

    kind: str = "rehearsal"
    sale: str
    test_sale: str
    scenario: str
    prediction: Result
    run: RunResult
    comparison: list[ComparedFigure]
    agrees: bool
    changed: dict[str, object]
    """settings of the test sale that are not the sale's"""
    cleaned: Cleaned = msgspec.field(default_factory=Cleaned)

    @property
    def exit_status(self) -> int:
        """0: promises held and the prediction right; 1: not; 2: there is no verdict."""
        if self.run.verdict.exit_status:
            return self.run.verdict.exit_status
        return 0 if self.agrees else 1


def rehearse(
    plan: RehearsalPlan, prediction: Prediction, tell: Tell, tick: Tick
) -> RehearsalResult:
    """Runs it; whatever happens, the guard cleans up. Raises ApiFault, NoRun, ValueError."""
    duty = Duty(
        url=plan.url,
        key=plan.key,
        sale=plan.test_sale,
        keep=plan.keep,
        key_options=[] if plan.run_key else list(plan.key_options),
    )
    api = SaleApi(plan.url, plan.key)
    with GuardProcess(duty) as guard:
        changed = _make_test_sale(plan, api)
        tell(f"{plan.test_sale} is a test sale like {plan.sale}")
        key = plan.run_key or _make_key(plan)
        api.require_limited(key, plan.test_sale, plan.sale)
        tell("The key of the run opens this sale and no other")
        load = _load(plan, key)
        run = load.run(guard.watch, lambda: _tick(api, plan.test_sale, prediction.typical, tick))
    figures = compare(prediction, run)
    return RehearsalResult(
        sale=plan.sale,
        test_sale=plan.test_sale,
        scenario=plan.title,
        prediction=prediction.typical,
        run=run,
        comparison=figures,
        agrees=agrees(figures),
        changed=changed,
        cleaned=guard.cleaned or Cleaned(),
    )


def _tick(api: SaleApi, sale: str, prediction: Result, tick: Tick) -> None:
    """A service that is too busy to tell its figures is asked again in a second."""
    with contextlib.suppress(ApiFault):
        tick(api.live(sale), prediction)


def test_sale_name(sale: str) -> str:
    """A name that no other sale has."""
    ending = f"-rehearsal-{secrets.token_hex(3)}"
    return sale[: NAME_CHARS_MAX - len(ending)].rstrip("-") + ending


def _make_test_sale(plan: RehearsalPlan, api: SaleApi) -> dict[str, object]:
    """Copies the sale; answers what differs. A crowd with a lobby finds it open, and a start."""
    fields: dict[str, object] = dict(CHANGED)
    fields |= {"name": f"{plan.original['name']} (rehearsal)"[:200]}
    first = arrival_times(plan.scenario.arrivals, Random(plan.scenario.seed))[0]  # noqa: S311
    api.document(plan.sale)
    now, lobby = api.answered_at, first < 0
    start = now + timedelta(seconds=LOBBY_LEAD_SECONDS - first)
    fields["event_start_time"] = start.isoformat() if lobby else None
    fields["prequeue_start_time"] = now.isoformat() if lobby else None
    api.copy(plan.sale, plan.test_sale, fields)
    return {name: value for name, value in fields.items() if plan.original.get(name) != value}


def _make_key(plan: RehearsalPlan) -> str:
    """A key of role platform for the test sale alone, called like it; the guard revokes it."""
    arguments = ("create", plan.test_sale, "--role", "platform", "--sale", plan.test_sale)
    made = keys_command(*arguments, "--json", options=plan.key_options)
    return str(made["secret"])


def _load(plan: RehearsalPlan, key: str) -> LoadRun:
    plan.report.mkdir(parents=True, exist_ok=True)
    path = plan.report / SCENARIO_FILE
    write_scenario(plan.scenario, path)
    return LoadRun(
        url=plan.room_url,
        shop_url=plan.shop_url,
        sale=plan.test_sale,
        scenario=path,
        report=plan.report,
        key=key,
        processes=plan.processes,
    )
