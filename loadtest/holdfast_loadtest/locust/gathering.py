"""Observations under Locust: from the users of each process to one verdict at the master.

A process with users then has an `Observer` for each run, whose
batches go out every second as messages of Locust; the master, or the only process, keeps a
`RunRecord` of them. At the end of a run the master tells its workers to finish, waits for the last
batch of each, and has the run judged by another process, which gevent has not patched.

The workers are told here and not by Locust, whose master ends a headless run by "quit" and stops
listening half a second later: last batches would be lost whenever users take longer to stop.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final
from weakref import WeakKeyDictionary

import gevent
import msgspec
from gevent.event import Event
from locust.env import Environment
from locust.runners import STATE_MISSING, MasterRunner, Runner, WorkerRunner

from holdfast_loadtest.audit.verdict import KEY_VARIABLE
from holdfast_loadtest.locust.progress import progress_line
from holdfast_loadtest.locust.scraping import CoresReader, EventWriter
from holdfast_loadtest.observations.observer import Observer
from holdfast_loadtest.observations.record import EVENTS_FILE, RunRecord
from holdfast_loadtest.report.judge import RESULT_FILE
from holdfast_loadtest.report.result import EXIT_STATUS
from holdfast_loadtest.report.run_facts import RunFacts, describe_generator, write_facts

BATCH_MESSAGE: Final = "holdfast.batch"
FINISH_MESSAGE: Final = "holdfast.finish"
FLUSH_SECONDS: Final = 1.0
PROGRESS_SECONDS: Final = 5.0
SCRAPE_SECONDS: Final = 2.0
FINISH_SECONDS: Final = 60.0
"""beyond the stop timeout, for the last batches of workers that are still there"""
VERDICT_SECONDS: Final = 600.0
"""for the last batches and the audit, when something else than the run ends Locust"""
POLL_SECONDS: Final = 0.1
LOCAL: Final = "local"
"""the worker's name where there is only one process"""


class Gathering:
    """What one process of Locust has to do with observations."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._observer: Observer | None = None
        self._record: RunRecord | None = None
        self._is_concluding = False
        self._judged = Event()
        """that there is no run on whose verdict could be waited for"""
        self._directory = Path()
        self._key = ""
        self._tasks: list[gevent.Greenlet] = []
        self.verdict: dict[str, Any] | None = None
        runner = self._runner
        if isinstance(runner, WorkerRunner):
            runner.register_message(FINISH_MESSAGE, self._finish, concurrent=True)
        else:
            runner.register_message(BATCH_MESSAGE, self._take)
        environment.events.test_stop.add_listener(  # type: ignore[no-untyped-call]
            self._end_observing
        )

    def start_observing(self, run: str) -> Observer:
        """The observer of this process's users in a run."""
        runner = self._runner
        worker = runner.client_id if isinstance(runner, WorkerRunner) else LOCAL
        observer = Observer(run, worker, self._send)
        self._observer = observer
        gevent.spawn(self._flush, observer)
        return observer

    def begin(self, facts: RunFacts, directory: Path, key: str) -> None:
        """A run begins; its files and its report will be in `directory`."""
        directory.mkdir(parents=True, exist_ok=True)
        reader = CoresReader(facts.url, key)
        facts.settings = reader.read_sale(facts.sale)
        facts.generator = describe_generator()
        write_facts(facts, directory)
        shop = facts.shop_url or facts.url
        keeper = EventWriter(shop, key, facts.sale, directory / EVENTS_FILE)
        self._directory, self._key, self.verdict = directory, key, None
        record = RunRecord(facts.run, directory, time.time())
        for worker in self._workers():
            record.expect(worker)
        self._record = record
        self._judged.clear()
        self._tasks = [
            gevent.spawn(self._report_progress, record),
            gevent.spawn(self._scrape, record, reader),
            gevent.spawn(self._keep_events, keeper),
        ]

    def conclude(self, *, interrupted: bool) -> int:
        """Ends the run and has it judged; answers the exit status, which Locust will end with."""
        record = self._record
        if record is None or self._is_concluding:
            return 0
        self._is_concluding = True
        try:
            self._await_last_batches(record)
            self._record = None
            gevent.killall(self._tasks)
            record.save(time.time(), interrupted=interrupted)
            status = self._judge()
        finally:
            self._record, self._is_concluding = None, False
            self._judged.set()
        self._environment.process_exit_code = status
        return status

    def await_verdict(self) -> None:
        """Returns when the run that is on has been judged, or after `VERDICT_SECONDS`."""
        self._judged.wait(VERDICT_SECONDS)

    def snapshot(self) -> dict[str, Any]:
        """How the run stands, and the result of the last one that is over."""
        live = {} if self._record is None else self._record.live()
        return {**live, "result": self.verdict}

    @property
    def _runner(self) -> Runner:
        runner = self._environment.runner
        assert runner is not None, "a gathering before there is a runner"
        return runner

    def _workers(self) -> list[str]:
        """The workers that are there, by Locust's heartbeats."""
        runner = self._runner
        if not isinstance(runner, MasterRunner):
            return [LOCAL]
        return [client.id for client in runner.clients.all if client.state != STATE_MISSING]

    def _send(self, message: bytes) -> None:
        self._runner.send_message(BATCH_MESSAGE, {"batch": message})

    def _take(self, msg: Any, **_: Any) -> None:
        """Takes a batch, unless the run is over."""
        if self._record is not None:
            self._record.take(msg.node_id, msg.data["batch"])

    def _flush(self, observer: Observer) -> None:
        while self._observer is observer:
            gevent.sleep(FLUSH_SECONDS)
            observer.flush()

    def _finish(self, **_: Any) -> None:
        """The master has ended the run: no user goes on, then the last batch is sent."""
        self._runner.stop()
        self._end_observing()

    def _end_observing(self, **_: Any) -> None:
        observer, self._observer = self._observer, None
        if observer is not None:
            observer.end()

    def _await_last_batches(self, record: RunRecord) -> None:
        """Waits until they are here, or those who have not sent theirs are gone or out of time."""
        self._end_observing()
        if isinstance(self._runner, MasterRunner):
            self._runner.send_message(FINISH_MESSAGE)
        limit = time.monotonic() + (self._environment.stop_timeout or 0) + FINISH_SECONDS
        while time.monotonic() < limit and set(record.incomplete) & set(self._workers()):
            gevent.sleep(POLL_SECONDS)

    def _report_progress(self, record: RunRecord) -> None:
        started = time.monotonic()
        while True:
            gevent.sleep(PROGRESS_SECONDS)
            print(progress_line(time.monotonic() - started, record.live()), file=sys.stderr)

    def _scrape(self, record: RunRecord, reader: CoresReader) -> None:
        while True:
            cores = reader.cores()
            if cores is not None:
                record.add_cores(time.time(), cores)
            record.cores_note = reader.note
            gevent.sleep(SCRAPE_SECONDS)

    def _keep_events(self, keeper: EventWriter) -> None:
        while True:
            keeper.keep()
            gevent.sleep(SCRAPE_SECONDS)

    def _judge(self) -> int:
        """Has the run judged in another process: asyncio does not survive gevent's patches."""
        result = self._directory / RESULT_FILE
        result.unlink(missing_ok=True)
        command = [sys.executable, "-m", "holdfast_loadtest.report", str(self._directory)]
        environ = {**os.environ, KEY_VARIABLE: self._key}
        status = subprocess.run(command, check=False, env=environ).returncode
        if not result.exists():
            return EXIT_STATUS["unknown"]
        self.verdict = msgspec.json.decode(result.read_bytes())
        return status


_GATHERINGS: Final[WeakKeyDictionary[Environment, Gathering]] = WeakKeyDictionary()


def gathering_of(environment: Environment) -> Gathering:
    """The gathering of this process, made when its runner is there (`events.init`)."""
    if environment not in _GATHERINGS:
        _GATHERINGS[environment] = Gathering(environment)
    return _GATHERINGS[environment]
