"""Who keeps a map by a stream, and compares it with the map read anew at the end of the stay."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Callable
from typing import Final, Generic, TypeVar

import gevent
import msgspec
from geventhttpclient.response import HTTPParseError

from holdfast_loadtest.client import Answer, path_of
from holdfast_loadtest.crowd.seat_view import MapChanges, MapView, SeatView
from holdfast_loadtest.locust.event_stream import EventStream, ServerEvent
from holdfast_loadtest.locust.http import NO_ANSWER
from holdfast_loadtest.locust.scheduling import complete
from holdfast_loadtest.locust.users.person import Person
from holdfast_loadtest.wire import Problem, SeatMap

STREAM: Final = "stream"
COMPARE: Final = "compare"
"""the step that a watcher ends with: without a comparison nothing was found, nor looked for"""
NEVER_COMPARED: Final = "its map was not compared"
CHECK_SECONDS: Final = 20.0
"""for the stream to come as far as the map that it is compared with; half of what is left of a run,
where that is less"""
EXPIRED: Final = "cursor_expired"
PAUSE_SECONDS: Final = 2.0
MAX_STREAMS: Final = 100
"""that one watcher opens, one after another"""

View = TypeVar("View", bound=MapView)
AnyView = TypeVar("AnyView", bound=MapView)


class Watching(Person, Generic[View]):
    """Opens the map, follows a stream, and compares what came of it with the map read anew."""

    abstract = True
    view: View | None = None
    _until = 0.0

    @abstractmethod
    def open_view(self, seat_map: SeatMap) -> View:
        """The view of a client that has just read the map."""

    @abstractmethod
    def route(self, view: View) -> str:
        """The route of the stream that goes on from where the view is."""

    @abstractmethod
    def take(self, view: View, event: ServerEvent) -> None:
        """Takes the next message of the stream into the view."""

    @abstractmethod
    def try_to_compare(self, view: View) -> None:
        """Compares if that can be done by now; called after each message once the stay is over."""

    @abstractmethod
    def poll(self, view: View) -> bool:
        """What a client does for whom there is no stream; whether the watcher has seen enough."""

    def visit(self) -> None:
        """Watches, and tells whether the map was compared, unless the run ends first."""
        try:
            self._watch()
        except Exception:
            self._tell_compared()
            raise
        self._tell_compared()

    def go_home(self) -> None:
        for promise, evidence in [] if self.view is None else self.view.findings:
            self.part.context.journal.complain(promise, f"{self.kind} {self.index}: {evidence}")

    def poll_changes(self, view: SeatView) -> bool:
        """Reads every change page by page; whether the watcher has seen enough."""
        while not self._has_seen_enough(view, self.expect_map):
            answer = self.read_changes(text_of(view.version))
            if answer.problem().code == EXPIRED:
                self._begin_anew(view)
                return False
            if answer.ok:
                page = answer.read(MapChanges)
                view.apply(page)
                if page.more:
                    continue
            gevent.sleep(answer.retry_after or PAUSE_SECONDS)
        return True

    def expect_map(self, view: SeatView) -> None:
        """Reads the map that the view is compared with when it comes to it."""
        if not view.is_expecting:
            view.expect(self.read_map())

    def read_map(self) -> SeatMap:
        """The map, asked for again while the service is busy."""
        context = self.part.context
        answer = complete(context.persist(lambda: context.client.call("GET", "/seats")))
        if not answer.ok:
            context.unexpected("seat map", answer)
        return answer.read(SeatMap)

    def read_changes(self, after: str) -> Answer:
        """A page of single changes."""
        return complete(self.part.context.client.call("GET", f"/changes?after={after}"))

    def _has_seen_enough(self, view: AnyView, compare: Callable[[AnyView], None]) -> bool:
        """Whether the stay is over and the view was compared, or cannot be before long."""
        now = time.monotonic()
        if now > self._until and view.checks == 0:
            compare(view)
        return view.checks > 0 or now > self._until + CHECK_SECONDS

    def _begin_anew(self, view: MapView) -> None:
        """The sale was rebuilt: the map is read anew, and what was found stays."""
        self.view = self.open_view(self.read_map())
        self.view.findings += view.findings

    def _watch(self) -> None:
        stay = self.part.scenario.buyers.patience_seconds * (1 + self.profile.poll_jitter) / 2
        left = self.part.seconds_left
        self._until = time.monotonic() + min(stay, max(left - CHECK_SECONDS, left / 2))
        for _ in range(MAX_STREAMS):
            if self.view is None:
                self.view = self.open_view(self.read_map())
            if self._follow(self.view) or time.monotonic() > self._until:
                return
            gevent.sleep(PAUSE_SECONDS)

    def _tell_compared(self) -> None:
        is_compared = self.view is not None and self.view.checks > 0
        failure = None if is_compared else NEVER_COMPARED
        self.part.client.report("GET", COMPARE, time.perf_counter(), failure=failure)

    def _follow(self, view: View) -> bool:
        """Follows one stream from where the view is; whether the watcher has seen enough."""
        part, began = self.part, time.perf_counter()
        path = path_of(part.assignment.sale, self.route(view))
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

    def _read(self, stream: EventStream, view: View) -> bool:
        """Takes messages until the view was checked at the end of the stay, or the stream ends."""
        for event in stream:
            if event.kind == "end":
                if msgspec.json.decode(event.data, type=Problem).code == EXPIRED:
                    self._begin_anew(view)
                return False
            self.take(view, event)
            if self._has_seen_enough(view, self.try_to_compare):
                return True
        return False

    def _refused(self, view: View, stream: EventStream, began: float) -> bool:
        """A service that takes no more streams says to poll instead."""
        answer = Answer(stream.status, stream.body())
        code = answer.problem().code or str(answer.status)
        failure = code if answer.status >= 500 else None
        self.part.client.report("GET", STREAM, began, failure=failure, code=code)
        if code == EXPIRED:
            self._begin_anew(view)
            return False
        return self.poll(view)


def text_of(version: tuple[int, int]) -> str:
    """A cursor as requests have it."""
    return f"{version[0]}-{version[1]}"
