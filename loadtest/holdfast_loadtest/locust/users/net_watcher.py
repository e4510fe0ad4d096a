"""A watcher who keeps a map by net changes, as the shop's page does."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

import msgspec

from holdfast_loadtest.crowd.seat_view import (
    MapChange,
    MapChanges,
    NetChanges,
    NetView,
    PackedMap,
    SeatView,
    cursor,
)
from holdfast_loadtest.locust.event_stream import ServerEvent
from holdfast_loadtest.locust.users.watching import Watching
from holdfast_loadtest.wire import SeatMap

WHOLE: Final = "map"
"""the kind of a message that is the whole map"""


class NetWatcher(Watching[NetView]):
    """Follows the map as a browser does that shows it.

    Between its messages it never adds single changes to its map: what comes and goes in between is
    not told.
    """

    kind = "net_watcher"
    _read_anew: SeatMap | None = None

    def open_view(self, seat_map: SeatMap) -> NetView:
        self._read_anew = None
        return NetView(seat_map)

    def route(self, view: NetView) -> str:
        return f"/changes?form=net&after={quote(view.etag)}"

    def take(self, view: NetView, event: ServerEvent) -> None:
        if event.kind == WHOLE:
            view.replace(msgspec.json.decode(event.data, type=PackedMap))
        elif event.data:
            view.apply(msgspec.json.decode(event.data, type=NetChanges))
        view.etag = event.id or view.etag

    def try_to_compare(self, view: NetView) -> None:
        """Compares with the map read anew, once the view is it or has passed it."""
        if self._read_anew is None:
            self._read_anew = self.read_map()
        seat_map = self._read_anew
        if view.is_of(seat_map):
            view.compare(seat_map)
        elif view.version >= cursor(str(seat_map.version)):
            since = self._changes_since(str(seat_map.version), view.version)
            if since is None:
                self._read_anew = None
            else:
                view.compare(seat_map, since)

    def poll(self, view: NetView) -> bool:
        """Beginning with the map read anew: single changes do not add to net ones."""
        singly = SeatView(self.read_map())
        singly.findings = view.findings
        has_seen_enough = self.poll_changes(singly)
        view.checks += singly.checks
        return has_seen_enough

    def _changes_since(self, version: str, until: tuple[int, int]) -> list[MapChange] | None:
        """All single changes from one version to another; None where they are not kept any more."""
        changes: list[MapChange] = []
        while True:
            answer = self.read_changes(version)
            if not answer.ok:
                return None
            page = answer.read(MapChanges)
            changes += page.changes
            version = page.version
            if not page.more or cursor(version) >= until:
                return changes
