"""A run that is over, without a service: what its workers told, by a clock moved by hand."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from holdfast_loadtest.audit.findings import concluded
from holdfast_loadtest.audit.journal import Admitted
from holdfast_loadtest.observations.observer import Observer
from holdfast_loadtest.observations.record import Observed, RunRecord
from holdfast_loadtest.report.compose import AuditedSale, compose
from holdfast_loadtest.report.result import RunResult
from holdfast_loadtest.report.run_facts import RunFacts
from holdfast_loadtest.report.sale_history import SaleHistory
from holdfast_loadtest.report.thresholds import StepLimits, Thresholds
from holdfast_loadtest.wire import Sale

START: Final = 1_800_000_000.0
RATE: Final = 2
"""admissions a second"""
LIMITS: Final = Thresholds(
    steps={"join": StepLimits(p99_ms=500)},
    wait_p90_s=60,
    rate_error=0.05,
    goodput_per_s=1,
    waited_share=0.8,
)


@dataclass
class FinishedRun:
    """Forty visitors at once, two a second are let in, every second one buys a unit."""

    directory: Path
    visitors: int = 40
    time: float = START
    history: SaleHistory = field(default_factory=lambda: SaleHistory(100))

    def observe(self, *, loses_the_end: bool = False, interrupted: bool = False) -> Observed:
        record = RunRecord("run-1", self.directory, START)
        observer = Observer(
            "run-1", "w1", lambda message: record.take("w1", message), now=lambda: self.time
        )
        for person in range(self.visitors):
            observer.arrived(person)
            observer.joined(person, person + 1)
            observer.estimated(person, person / RATE + 3)
            observer.answered("join", 0.01 + person / 10_000, failed=False)
        for person in range(self.visitors):
            self.time = START + (person + 1) / RATE
            observer.polled(person, 1)
            observer.admitted(person)
            observer.record(Admitted(f"t{person}", f"p{person}", person + 1))
            self.history.passes.append(self.time)
            self.history.last_call = self.time
            if person % 2:
                self._buy(observer, person)
            else:
                observer.refused("hold", "seats_taken")
                observer.ended(person, "found nothing they wanted")
            observer.answered("hold", 0.02, failed=False)
            observer.flush()
            record.add_cores(self.time, 0.25)
        if not loses_the_end:
            observer.end()
        return record.save(self.time, interrupted=interrupted)

    def _buy(self, observer: Observer, person: int) -> None:
        observer.held(person)
        observer.paying(person)
        observer.confirmed(person)
        observer.ended(person, "bought")
        self.history.orders.append(self.time)
        self.history.booked.change(self.time, 1)


def facts(**changes: object) -> RunFacts:
    sale = Sale("demo", "uid", "Demo", "open", new_users_per_minute=60 * RATE, test=True)
    told = {
        "run": "run-1",
        "scenario": "planned",
        "sale": "demo",
        "url": "http://127.0.0.1:1",
        "thresholds": LIMITS,
        "settings": sale,
        "world": {"arrivals": {"shape": "flash"}},
        "generator": {"Python": "3"},
    }
    return RunFacts(**{**told, **changes})  # type: ignore[arg-type]


def composed(
    directory: Path,
    *findings: str,
    failure: str = "",
    loses_the_end: bool = False,
    interrupted: bool = False,
) -> RunResult:
    """The result of a run whose audit has found this about seats that were sold twice."""
    run = FinishedRun(directory)
    observed = run.observe(loses_the_end=loses_the_end, interrupted=interrupted)
    if failure:
        return compose(facts(), observed, AuditedSale(failure=failure))
    checks = [concluded("no seat is sold twice", "20 seats sold", findings)]
    return compose(facts(), observed, AuditedSale(checks, run.history, 20))
