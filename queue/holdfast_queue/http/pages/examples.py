"""The page of each scene as a visitor would see it, for whoever designs how a sale looks.

The line is made up. The documents are those that visitors without scripts get, made by the same
functions.
"""

from collections.abc import Mapping
from typing import Any, Final

from holdfast_lua.calls.codes import Code
from holdfast_lua.calls.line import Advanced
from holdfast_lua.calls.line_status import DrawState, LineMode, LineStatus
from holdfast_queue.http.pages.documents import PageVisit, place_document, refresh_tag
from holdfast_queue.http.pages.place import PageState, Scene, place_values
from holdfast_queue.http.pages.render import Html
from holdfast_queue.line.estimate import Wait
from holdfast_queue.line.results import VisitorState, VisitorView
from holdfast_queue.line.settings import LineSettings, QueueingMethod
from holdfast_queue.line.status import SaleState, make_document

NOW_MS: Final = 1_790_000_000_000


def _line(**changes: object) -> LineStatus:
    values: dict[str, Any] = {
        "lifecycle": "live", "phase": "open", "prequeue_ms": 0, "opens_ms": NOW_MS - 60_000,
        "ends_ms": 0, "settings_version": 1, "free": 300, "held": 100, "booked": 100,
        "frozen": True, "lobby": 0, "issued": 200, "ceiling": 400, "serving": 40,
        "called_from": 1, "gaps": (), "active": 1, "deferred": 0, "called": 40, "claimed": 40,
        "lapsed": 0, "admitted": 40, "rate_per_minute": 60, "cap": 100, "mode": LineMode.LINE,
        "queue_all": False, "show_share": 1.0, "pace": 0.0, "pace_ms": 0, "pace_since_ms": 0,
        "draw": DrawState.NONE,
    }  # fmt: skip
    return LineStatus(**values | changes)


_OPENING: Final = {"opens_ms": NOW_MS + 90_000, "frozen": False, "serving": 0}

PLACES: Final[Mapping[Scene, Mapping[str, object]]] = {
    Scene.FORM: {},
    Scene.COOKIES: {},
    Scene.IDENTITY: {},
    Scene.REJECTED: {},
    Scene.EXPIRED: {},
    Scene.ENDED: {},
    Scene.SCHEDULED: {"phase": "scheduled", "prequeue_ms": NOW_MS + 90_000, **_OPENING},
    Scene.LOBBY: {"phase": "lobby", **_OPENING},
    Scene.WAITING: {},
    Scene.HELD: {"free": 0},
    Scene.PAUSED: {"lifecycle": "paused"},
    Scene.TURN: {},
    Scene.DRAINING: {"lifecycle": "draining"},
    Scene.SOLD_OUT: {"free": 0, "held": 0},
    Scene.CLOSED: {"lifecycle": "closed"},
}
"""The line behind each scene."""


def example_document(visit: PageVisit, scene: Scene, message: str | None) -> Html:
    """The document of `scene` with the brand and the texts of `visit`."""
    settings = LineSettings(message=message, queueing_method=QueueingMethod.RANDOM)
    advanced = Advanced(Code.OK, 10, NOW_MS, _line(**PLACES[scene]))
    document = make_document(visit.sale, settings, advanced)
    page = PageState(scene, document, settings, _view(scene, document.state))
    still = {**place_values(visit, page), "refresh": refresh_tag(None)}
    return place_document(visit, still)


def _view(scene: Scene, state: SaleState) -> VisitorView | None:
    waiting = {Scene.WAITING, Scene.HELD, Scene.PAUSED}
    if scene is Scene.LOBBY:
        return VisitorView(VisitorState.LOBBY, None, 7, False, None, 0, None, 5, 10, state)
    if scene is Scene.TURN:
        return VisitorView(VisitorState.CALLED, 100, None, True, 0, 100, Wait(0, 0), 2, 10, state)
    if scene in waiting:
        wait = Wait(600, 840)
        return VisitorView(VisitorState.WAITING, 100, None, False, 59, 40, wait, 5, 10, state)
    return None
