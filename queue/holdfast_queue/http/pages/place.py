"""The page for browsers without scripts: its scene, its texts, and its form.

The page refreshes itself; joining and claiming are POSTs of a form. It decides nothing: it uses the
same room as the API, and chooses a scene from the document in the same order of precedence as
`static/scene.js`.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from holdfast_queue.http.pages.documents import (
    PageVisit,
    back_html,
    facts_html,
    form_html,
    message_html,
    refresh_tag,
)
from holdfast_queue.http.pages.render import Html
from holdfast_queue.line.estimate import Wait
from holdfast_queue.line.results import VisitorState, VisitorView
from holdfast_queue.line.room import Room
from holdfast_queue.line.settings import LineSettings, QueueingMethod
from holdfast_queue.line.status import SaleState, StatusDocument
from holdfast_queue.tokens.identities import IdentityMode

MIN_REFRESH_SECONDS: Final = 3
MAX_REFRESH_SECONDS: Final = 30
# Widths that the style sheet has sizes for, in digits; a Chinese character takes nearly two.
_FIGURE_DIGITS: Final = 6
_LONG_FIGURE_DIGITS: Final = 9
_LAST_NARROW: Final = "\u2e7f"
_DAY_SECONDS: Final = 86_400
_HOURS_FROM_SECONDS: Final = 7_200


class Scene(StrEnum):
    """What the page shows; texts and styles have the same names."""

    FORM = "form"
    SCHEDULED = "scheduled"
    LOBBY = "lobby"
    WAITING = "waiting"
    HELD = "held"
    PAUSED = "paused"
    TURN = "turn"
    DRAINING = "draining"
    SOLD_OUT = "sold_out"
    CLOSED = "closed"
    REJECTED = "rejected"
    IDENTITY = "identity"
    COOKIES = "cookies"
    EXPIRED = "expired"
    ENDED = "ended"


_OVER: Final = {SaleState.CLOSED: Scene.CLOSED, SaleState.SOLD_OUT: Scene.SOLD_OUT}
_WITHOUT_PLACE: Final = {SaleState.SCHEDULED: Scene.SCHEDULED, SaleState.DRAINING: Scene.DRAINING}
_JOINABLE: Final = frozenset({Scene.FORM, Scene.COOKIES, Scene.EXPIRED, Scene.ENDED})
_NOT_REFRESHED: Final = _JOINABLE | {Scene.IDENTITY}
"""Scenes that only an action of the visitor ends."""

_SLOWLY_REFRESHED: Final = frozenset({Scene.CLOSED, Scene.SOLD_OUT, Scene.DRAINING, Scene.REJECTED})
_WITH_SHOP_LINK: Final = _SLOWLY_REFRESHED | _NOT_REFRESHED - {Scene.FORM} | {Scene.SCHEDULED}
"""Scenes that do not change by themselves, or not soon: they have a link to the shop."""

_IN_LINE: Final = frozenset({Scene.LOBBY, Scene.WAITING, Scene.HELD, Scene.PAUSED})


@dataclass(frozen=True, slots=True)
class PageState:
    """The values that one page is made from."""

    scene: Scene
    document: StatusDocument
    settings: LineSettings
    view: VisitorView | None


def page_state(
    room: Room, view: VisitorView | None, *, identified: bool = False, ticket_lost: bool = False
) -> PageState:
    """Chooses the scene for a visitor with the place `view`, or with none.

    `identified` when the shop has signed who they are, `ticket_lost` when they have just joined and
    their browser sends no ticket.
    """
    document = room.document
    if document.state in _OVER:
        scene = _OVER[document.state]
    elif view is not None:
        scene = _in_line(document, view)
    else:
        scene = _without_place(room, document, identified)
        if ticket_lost and scene in {Scene.FORM, Scene.IDENTITY}:
            scene = Scene.COOKIES
    return PageState(scene, document, room.settings, view)


def _without_place(room: Room, document: StatusDocument, identified: bool) -> Scene:
    if document.state in _WITHOUT_PLACE:
        return _WITHOUT_PLACE[document.state]
    if room.settings.rejects:
        return Scene.REJECTED
    required = room.settings.identity is IdentityMode.REQUIRED
    return Scene.IDENTITY if required and not identified else Scene.FORM


def _in_line(document: StatusDocument, view: VisitorView) -> Scene:
    if view.state is VisitorState.LOBBY:
        return Scene.LOBBY
    if document.state is SaleState.PAUSED:
        return Scene.PAUSED
    if view.called:
        return Scene.TURN
    everything_held = document.line.free <= 0 < document.line.held
    return Scene.HELD if everything_held else Scene.WAITING


def place_values(visit: PageVisit, page: PageState) -> dict[str, str]:
    """The values for `templates/place.html`."""
    texts = visit.texts
    figure, caption = _figure(texts, page)
    refresh = None if page.scene in _NOT_REFRESHED else _refresh_seconds(page)
    return {
        "state": page.scene.value,
        "title": f"{texts[f'{page.scene}_headline']} - {visit.title}",
        "headline": texts[f"{page.scene}_headline"],
        "lead": _lead(visit, page),
        "figure": figure,
        "figure_class": _figure_class(figure),
        "caption": caption,
        "details": _details(texts, page),
        "form": _form(visit, page.scene),
        "message": message_html(texts, page.settings.message),
        "refresh": refresh_tag(refresh),
        "note": "" if refresh is None else texts["form_refresh"].format(seconds=refresh),
    }


def _lead(visit: PageVisit, page: PageState) -> str:
    """The lead text: the operator's own, else the one for a page without scripts."""
    texts, scene = visit.texts, page.scene
    if scene is Scene.LOBBY:
        drawn = page.settings.queueing_method is QueueingMethod.RANDOM
        return texts["lobby_lead_random" if drawn else "lobby_lead_fifo"]
    if scene is Scene.TURN:
        return texts["form_turn_lead"].format(window=_claim_window(texts, page))
    own = f"{scene}_lead"
    worded = own in visit.brand.texts_in(visit.language)
    return texts[own] if worded else texts.get(f"form_{own}", texts[own])


def _figure(texts: Mapping[str, str], page: PageState) -> tuple[str, str]:
    view = page.view
    if page.scene is Scene.FORM:
        return "", ""
    if page.scene in {Scene.SCHEDULED, Scene.LOBBY}:
        return _countdown_figure(texts, page)
    if view is not None and view.users_ahead and page.scene is not Scene.TURN:
        ahead = texts["ahead_one" if view.users_ahead == 1 else "ahead_other"]
        return f"{view.users_ahead:,}", ahead
    if page.scene in {Scene.WAITING, Scene.HELD, Scene.PAUSED}:
        return texts["next_figure"], ""
    return texts[f"{page.scene}_figure"], ""


def _countdown_figure(texts: Mapping[str, str], page: PageState) -> tuple[str, str]:
    seconds = _seconds_to_open(page)
    if seconds is None:
        return texts["scheduled_figure"], texts["scheduled_caption_unknown"]
    if seconds == 0:
        return texts["lobby_opening_figure"], texts["lobby_opening"]
    return countdown(texts, seconds), texts[f"{page.scene}_caption"]


def _seconds_to_open(page: PageState) -> int | None:
    line = page.document.line
    opens_ms = line.opens_ms
    if page.scene is Scene.SCHEDULED and line.prequeue_ms:
        opens_ms = line.prequeue_ms
    if not opens_ms:
        return None
    return max(0, math.ceil((opens_ms - page.document.now_ms) / 1000))


def _refresh_seconds(page: PageState) -> int:
    if page.scene in _SLOWLY_REFRESHED:
        return MAX_REFRESH_SECONDS
    wished = MAX_REFRESH_SECONDS if page.view is None else math.ceil(page.view.refresh_seconds)
    if page.scene in {Scene.SCHEDULED, Scene.LOBBY}:
        wished = min(wished, (_seconds_to_open(page) or 0) + 1)
    return min(max(wished, MIN_REFRESH_SECONDS), MAX_REFRESH_SECONDS)


def _details(texts: Mapping[str, str], page: PageState) -> Html:
    facts: list[tuple[str, str]] = []
    if page.view is None or page.scene in _SLOWLY_REFRESHED:
        return Html("")
    if page.view.number is not None:
        facts += [
            (texts["your_number"], f"{page.view.number:,}"),
            (texts["now_serving"], f"{page.document.line.serving:,}"),
        ]
    if page.scene in {Scene.WAITING, Scene.HELD}:
        facts.append((texts["estimated_wait"], wait_text(texts, page.view.wait)))
    if page.scene in _IN_LINE:
        facts.append((texts["claim_window"], _claim_window(texts, page)))
    return facts_html(facts)


def _claim_window(texts: Mapping[str, str], page: PageState) -> str:
    """The claim window in words: whole minutes, or seconds where minutes would be rounded up."""
    seconds = page.settings.claim_window_ms // 1000
    if seconds < 120 and seconds % 60:
        return texts["duration_seconds"].format(count=seconds)
    return texts["duration_minutes"].format(count=seconds // 60)


def _form(visit: PageVisit, scene: Scene) -> Html:
    """The form of what a visitor can do in a scene, and the link to the shop."""
    texts = visit.texts
    parts = []
    if scene is Scene.TURN:
        parts.append(form_html(visit, "claim", texts["form_claim"]))
    if scene in _JOINABLE:
        label = texts["form_join" if scene is Scene.FORM else "expired_action"]
        parts.append(form_html(visit, "join", label))
    if scene in _WITH_SHOP_LINK:
        parts.append(back_html(visit.return_url, texts))
    return Html("".join(parts))


def wait_text(texts: Mapping[str, str], wait: Wait | None) -> str:
    """An estimate in words, the same as view.js has; the bound is rounded up."""
    if wait is None:
        return texts["wait_unknown"]
    if wait.p90 < 60:
        return texts["wait_short"]
    if wait.p50 >= _HOURS_FROM_SECONDS:
        halves = round(wait.p50 / 1800), math.ceil(wait.p90 / 1800)
        least, most = (f"{half / 2:g}" for half in halves)
        key = "wait_hours_single" if least == most else "wait_hours"
        return texts[key].format(low=least, high=most)
    low, high = max(1, round(wait.p50 / 60)), math.ceil(wait.p90 / 60)
    return texts["wait_single" if low >= high else "wait_range"].format(low=low, high=high)


def countdown(texts: Mapping[str, str], seconds: int) -> str:
    """93784 -> "1 d 02:03", 3754 -> "1:02:34": days leave no room for seconds."""
    days, rest = divmod(seconds, _DAY_SECONDS)
    hours, rest = divmod(rest, 3600)
    if days:
        clock = f"{hours:02}:{rest // 60:02}"
        return texts["countdown_days"].format(days=f"{days:,}", clock=clock)
    clock = f"{rest // 60:02}:{rest % 60:02}"
    return f"{hours}:{clock}" if hours else clock


def _figure_class(figure: str) -> str:
    """The style class that makes a long figure fit; the script measures instead of counting."""
    width = sum(1.75 if character > _LAST_NARROW else 1 for character in figure)
    if width > _LONG_FIGURE_DIGITS:
        return "longest"
    return "long" if width > _FIGURE_DIGITS else ""
