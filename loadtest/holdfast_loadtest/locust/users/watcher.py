"""A watcher: keeps a map by the stream of changes, and checks that the stream misses nothing."""

from __future__ import annotations

import time
from typing import Final

import gevent
import msgspec
from geventhttpclient.response import HTTPParseError

from holdfast_loadtest.client import Answer, path_of
from holdfast_loadtest.crowd.seat_view import MapChanges, SeatView
from holdfast_loadtest.locust.event_stream import EventStream
from holdfast_loadtest.locust.http import NO_ANSWER
from holdfast_loadtest.locust.scheduling import complete
from holdfast_loadtest.locust.users.person import Person
from holdfast_loadtest.wire import Problem, SeatMap

STREAM: Final = "stream"
COMPARE: Final = "compare"
"""the step that a watcher ends with: without a comparison nothing was found, nor looked for"""
NEVER_COMPARED: Final = "its map was not compared"
CHECK_SECONDS: Final = 20.0
"""for the stream to come as far as the map that it is compared with"""
EXPIRED: Final = "cursor_expired"
PAUSE_SECONDS: Final = 2.0
MAX_STREAMS: Final = 100
"""that one watcher opens, one after another"""


class Watcher(Person):
    """Opens the map, follows its changes, and compares what came of it with the map read anew."""

    kind = "watcher"
    view: SeatView | None = None
    _until = 0.0
    _is_asked = False

    def visit(self) -> None:
        """Whom the end of the run breaks off says nothing of the map."""
        try:
            self._watch()
        except Exception:
            self._tell_compared()
            raise
        self._tell_compared()

    def _watch(self) -> None:
        stay = self.part.scenario.buyers.patience_seconds * (1 + self.profile.poll_jitter) / 2
        self._until = time.monotonic() + min(stay, self.part.seconds_left - CHECK_SECONDS)
        for _ in range(MAX_STREAMS):
            if self.view is None:
                self.view = SeatView(self._map())
            if self._follow(self.view) or time.monotonic() > self._until:
                return
            gevent.sleep(PAUSE_SECONDS)

    def go_home(self) -> None:
        for promise, evidence in [] if self.view is None else self.view.findings:
            self.part.context.journal.complain(promise, f"watcher {self.index}: {evidence}")

    def _tell_compared(self) -> None:
        is_compared = self.view is not None and self.view.checks > 0
        failure = None if is_compared else NEVER_COMPARED
        self.part.client.report("GET", COMPARE, time.perf_counter(), failure=failure)

    def _follow(self, view: SeatView) -> bool:
        """Follows one stream from where the view is; whether the watcher has seen enough."""
        part, began = self.part, time.perf_counter()
        after = f"{view.version[0]}-{view.version[1]}"
        path = path_of(part.assignment.sale, f"/changes?after={after}")
        try:
            with EventStream(part.assignment.url, path) as stream:
                if stream.status != 200:
                    return self._refused(view, stream, began)
                part.client.report("GET", STREAM, began)
                return self._read(stream, view)
        except (OSError, HTTPParseError) as error:
            name = type(error).__name__
            part.client.report("GET", STREAM, began, failure=name, code=NO_ANSWER)
            return False

    def _read(self, stream: EventStream, view: SeatView) -> bool:
        """Applies events until the view was checked at the end of the stay, or the stream ends."""
        for event in stream:
            if event.kind == "end":
                if msgspec.json.decode(event.data, type=Problem).code == EXPIRED:
                    self._keep_findings(view)
                return False
            if event.data:
                view.apply(msgspec.json.decode(event.data, type=MapChanges))
            elif event.id is not None:
                view.apply(MapChanges(event.id))
            if self._has_seen_enough(view):
                return True
        return False

    def _poll(self, view: SeatView) -> bool:
        """Reads the changes page by page, as a client does for whom there is no stream."""
        call = self.part.context.client.call
        while not self._has_seen_enough(view):
            route = f"/changes?after={view.version[0]}-{view.version[1]}"
            answer = complete(call("GET", route))
            if answer.problem().code == EXPIRED:
                self._keep_findings(view)
                return False
            if answer.ok:
                page = answer.read(MapChanges)
                view.apply(page)
                if page.more:
                    continue
            gevent.sleep(answer.retry_after or PAUSE_SECONDS)
        return True

    def _has_seen_enough(self, view: SeatView) -> bool:
        """At the end of the stay asks for the map that the view is then compared with."""
        now = time.monotonic()
        if now > self._until and not self._is_asked:
            self._is_asked = view.expect(self._map())
        return view.checks > 0 or now > self._until + CHECK_SECONDS

    def _keep_findings(self, view: SeatView) -> None:
        """The sale was rebuilt: the map is read anew, and what was found stays."""
        self.view = SeatView(self._map())
        self.view.findings += view.findings
        self._is_asked = False

    def _refused(self, view: SeatView, stream: EventStream, began: float) -> bool:
        """A service that takes no more streams says to poll instead."""
        answer = Answer(stream.status, stream.body())
        code = answer.problem().code or str(answer.status)
        failure = code if answer.status >= 500 else None
        self.part.client.report("GET", STREAM, began, failure=failure, code=code)
        if code == EXPIRED:
            self._keep_findings(view)
            return False
        return self._poll(view)

    def _map(self) -> SeatMap:
        """The map, asked for again while the service is busy."""
        context = self.part.context
        answer = complete(context.persist(lambda: context.client.call("GET", "/seats")))
        if not answer.ok:
            context.unexpected("seat map", answer)
        return answer.read(SeatMap)
