"""A watcher: keeps a map by every change, and checks that the stream misses nothing."""

from __future__ import annotations

import msgspec

from holdfast_loadtest.crowd.seat_view import MapChanges, SeatView
from holdfast_loadtest.locust.event_stream import ServerEvent
from holdfast_loadtest.locust.users.watching import Watching, text_of
from holdfast_loadtest.wire import SeatMap


class Watcher(Watching[SeatView]):
    """Follows the map as a shop's server does that must know of every change."""

    kind = "watcher"

    def open_view(self, seat_map: SeatMap) -> SeatView:
        return SeatView(seat_map)

    def route(self, view: SeatView) -> str:
        return f"/changes?after={text_of(view.version)}"

    def take(self, view: SeatView, event: ServerEvent) -> None:
        if event.data:
            view.apply(msgspec.json.decode(event.data, type=MapChanges))
        elif event.id is not None:
            view.apply(MapChanges(event.id))

    def try_to_compare(self, view: SeatView) -> None:
        self.expect_map(view)

    def poll(self, view: SeatView) -> bool:
        return self.poll_changes(view)
