"""The life of a run over all processes: prepared by the master, over when every worker says so.

The master (or the only process) reads the scenario and makes the sale when a test starts, and sends
each worker its part. A worker builds its part when the message comes, and its `Arrivals` user
begins it. When the people of every worker have gone home, the shape ends the test, and the verdict
is made.
"""

from __future__ import annotations

import logging
import os
import re
import secrets
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import gevent
import msgspec
from locust.runners import MasterRunner, WorkerRunner

from holdfast_loadtest.audit.verdict import KEY_VARIABLE
from holdfast_loadtest.locust.assignment import (
    ASSIGNED,
    DONE,
    Assignment,
    portable,
    read_assignment,
)
from holdfast_loadtest.locust.gathering import LOCAL, gathering_of
from holdfast_loadtest.locust.options import DEFAULT_REPORTS, Options, options_of
from holdfast_loadtest.locust.process import this_process
from holdfast_loadtest.preparing import SalePreparer, Unprepared
from holdfast_loadtest.report.judge import PAGE_FILE
from holdfast_loadtest.report.run_facts import RunFacts
from holdfast_loadtest.sale_api import ApiFault
from holdfast_loadtest.scenarios.people import People
from holdfast_loadtest.scenarios.scenario import Scenario, read_scenario
from holdfast_simulator.world import InvalidWorld

if TYPE_CHECKING:
    from locust.env import Environment

LEAD_SECONDS: Final = 2.0
"""from the sale being ready to the first arrival: every process reads the plan meanwhile"""
GRACE_SECONDS: Final = 60.0
"""after the duration of a scenario, for workers that do not say that they are done"""
NO_VERDICT: Final = 2

log = logging.getLogger(__name__)


class Run:
    """The run that is on, as the master sees it."""

    def __init__(self) -> None:
        self.id = ""
        self.sale = ""
        self.report: Path | None = None
        """where the report of the newest run goes"""
        self.is_on = self.has_failed = False
        self.failure = ""
        """why the newest run could not begin"""
        self.verdict: dict[str, Any] | None = None
        """`report.json` of a run that was judged, until it is shown"""
        self._under_way: set[str] = set()
        self._ends_at = 0.0
        self._is_cut_short = False

    def cut_short(self) -> None:
        """Nobody is waited for any more."""
        self._is_cut_short = True

    def begin(self, assignments: dict[str, Assignment]) -> None:
        first = next(iter(assignments.values()))
        self.id, self.sale = first.run, first.sale
        self._under_way = set(assignments)
        seconds = first.opens_in_seconds + first.scenario.duration_seconds + GRACE_SECONDS
        self._ends_at = time.monotonic() + seconds
        self.is_on, self.has_failed, self.failure = True, False, ""
        self._is_cut_short = False

    def fail(self, why: str) -> None:
        """It could not begin."""
        self.is_on, self.has_failed, self.failure = False, True, why

    def end(self) -> None:
        self.is_on = self.has_failed = False

    def done(self, run: str, worker: str) -> None:
        """A worker's people have all gone home."""
        if run == self.id:
            self._under_way.discard(worker)

    @property
    def is_over(self) -> bool:
        """Whether there is nothing to wait for any more."""
        late = self._is_cut_short or time.monotonic() > self._ends_at
        return self.has_failed or (self.is_on and (late or not self._under_way))

    @property
    def is_interrupted(self) -> bool:
        """Whether it ends before its time, by a signal or by the button on Locust's page."""
        return self._is_cut_short or not self.is_over


run: Final = Run()


def set_up(environment: Environment, **_: Any) -> None:
    """A listener of `init`, in every process."""
    gathering_of(environment)
    runner = environment.runner
    if isinstance(runner, WorkerRunner):
        runner.register_message(ASSIGNED, _assigned, concurrent=True)
        return
    if isinstance(runner, MasterRunner):
        runner.register_message(DONE, _done)
    if environment.parsed_options is not None and environment.parsed_options.headless:
        gevent.signal_handler(signal.SIGTERM, _terminate)


def prepare(environment: Environment, **_: Any) -> None:
    """A listener of `test_start`: in the master, or the only process, makes the sale."""
    if isinstance(environment.runner, WorkerRunner):
        return
    options = options_of(environment)
    try:
        assignments = _prepare(environment, options)
    except (Unprepared, ApiFault, InvalidWorld, OSError) as error:
        log.error("no run: %s", error)
        environment.process_exit_code = NO_VERDICT
        run.fail(str(error))
        return
    run.begin(assignments)
    _begin_gathering(environment, options, next(iter(assignments.values())))
    _send(environment, assignments)


def tell_done(environment: Environment, run_id: str) -> None:
    """Tells the master that all people of this process have gone home."""
    if isinstance(environment.runner, WorkerRunner):
        environment.runner.send_message(DONE, {"run": run_id})
    else:
        run.done(run_id, LOCAL)


def conclude(environment: Environment, **_: Any) -> None:
    """A listener of `test_stop`: in the master, or the only process, makes the verdict."""
    if isinstance(environment.runner, WorkerRunner):
        return
    if run.is_on:
        gathering = gathering_of(environment)
        gathering.conclude(interrupted=run.is_interrupted)
        run.verdict = gathering.verdict
    run.end()


def show_verdict(**_: Any) -> None:
    """A listener of `quit`: after Locust's tables, which are long, the verdict stands last."""
    verdict, run.verdict = run.verdict, None
    if verdict is not None:
        print(f"{verdict['verdict']['summary']}\nReport: {run.report}/{PAGE_FILE}")


def interrupt(environment: Environment, **_: Any) -> None:
    """A listener of `quitting`, which Ctrl-C and SIGTERM cause under Locust's page.

    The shape ends the run, as it always does.
    """
    if run.is_on and not isinstance(environment.runner, WorkerRunner):
        run.cut_short()
        gathering_of(environment).await_verdict()


def _terminate() -> None:
    """SIGTERM without a page, where Locust listens to it only once all is over.

    The shape ends the run that is on; there is no verdict of one that has not begun.
    """
    if not run.is_on:
        sys.exit(NO_VERDICT)
    run.cut_short()


def _assigned(environment: Environment, msg: Any, **_: Any) -> None:
    this_process.give(environment, read_assignment(msg.data))


def _done(environment: Environment, msg: Any, **_: Any) -> None:
    run.done(str(msg.data["run"]), str(msg.node_id))


def _prepare(environment: Environment, options: Options) -> dict[str, Assignment]:
    """Makes or finds the sale; the part of each process."""
    key = os.environ.get(KEY_VARIABLE, "")
    if not key:
        raise Unprepared(f"set {KEY_VARIABLE} to a key of role operator")
    if not environment.host:
        raise Unprepared("give the address of the service with --host")
    scenario = read_scenario(options.scenario)
    name = run_name(options.scenario)
    sale = options.sale or f"loadtest-{name}"[:63].rstrip("-")
    people = People(scenario)
    preparer = SalePreparer(environment.host, sale, key)
    opens_in = _opens_in(preparer, scenario, people, is_made=not options.sale)
    carried, arrivals = portable(scenario, people)
    whole = Assignment(
        run=name,
        sale=sale,
        url=environment.host.rstrip("/"),
        shop_url=options.shop_url.rstrip("/") or None,
        scenario=carried,
        arrivals=arrivals,
        process=0,
        of=1,
        opens_in_seconds=opens_in,
    )
    return _parts(environment, whole)


def _opens_in(
    preparer: SalePreparer, scenario: Scenario, people: People, *, is_made: bool
) -> float:
    """Seconds until the sale opens, with time for those who come to a lobby before."""
    lead = LEAD_SECONDS + people.lobby_seconds
    if not is_made:
        return preparer.opens_in() or lead
    lobby = lead if people.lobby_seconds > 0 else 0.0
    return preparer.make(scenario.sale, lobby) or lead


def _parts(environment: Environment, whole: Assignment) -> dict[str, Assignment]:
    """The part of each process by its name; a worker's is the id of its client."""
    runner, names = environment.runner, [LOCAL]
    if isinstance(runner, MasterRunner):
        names = sorted(client.id for client in runner.clients.ready)
    return {
        name: msgspec.structs.replace(whole, process=number, of=len(names))
        for number, name in enumerate(names)
    }


def _send(environment: Environment, assignments: dict[str, Assignment]) -> None:
    runner = environment.runner
    for name, assignment in assignments.items():
        if isinstance(runner, MasterRunner):
            runner.send_message(ASSIGNED, assignment.to_message(), client_id=name)
        else:
            this_process.give(environment, assignment)


def _begin_gathering(environment: Environment, options: Options, whole: Assignment) -> None:
    facts = RunFacts(
        run=whole.run,
        scenario=Path(options.scenario).stem,
        sale=whole.sale,
        url=whole.url,
        shop_url=whole.shop_url,
        seed=whole.scenario.seed,
        world=msgspec.to_builtins(read_scenario(options.scenario), str_keys=True),
        thresholds=whole.scenario.limits,
    )
    directory = Path(options.report or Path(DEFAULT_REPORTS) / whole.run)
    run.report = directory
    gathering_of(environment).begin(facts, directory, os.environ[KEY_VARIABLE])


def run_name(scenario: str) -> str:
    """A new name: the scenario's, the time, and what keeps two of one second apart."""
    stem = re.sub(r"[^a-z0-9]+", "-", Path(scenario).stem.lower()).strip("-")[:30] or "run"
    return f"{stem}-{datetime.now(UTC):%m%d-%H%M%S}-{secrets.token_hex(2)}"
