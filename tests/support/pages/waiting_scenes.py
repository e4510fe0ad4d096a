"""Every scene of the waiting page: with its script by answers given in the service's stead, without
scripts as the documents that the service makes.

`SCENES`, `PLACES` and `PROBLEMS` are complete: a test compares them with the catalogue of texts, in
which each scene has its headline.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from playwright.async_api import Page, Route, expect
from support.pages.running_sale import Sale
from support.pages.waiting_answers import WaitingAnswers

from holdfast_lua.calls.codes import Code
from holdfast_lua.calls.line import Advanced
from holdfast_lua.calls.line_status import DrawState, LineMode, LineStatus
from holdfast_queue.http.pages.documents import Visit, place_document, problem_document
from holdfast_queue.http.pages.languages import catalogue
from holdfast_queue.http.pages.place import PageState, Scene, place_values
from holdfast_queue.line.brand import Brand
from holdfast_queue.line.estimate import Wait
from holdfast_queue.line.results import VisitorState, VisitorView
from holdfast_queue.line.settings import LineSettings, QueueingMethod
from holdfast_queue.line.status import SaleState, make_document

TITLE: Final = "Night at the hall"
MESSAGE: Final = "Doors open at <eight>. \u0627\u0644\u0628\u0627\u0628 3"
"""An operator's words in two directions of writing, with markup that must stay text."""

NOW_MS: Final = 1_790_000_000_000
TROUBLE_MS: Final = 20_000
"""Longer than it takes a page to tell that it gets no answers."""


_CALLED: Final = {"serving": 100}
# A browser stays on the page whose navigation is answered with 204.
_TO_NOWHERE: Final = (201, {"redirect_to": "/v1/sales/x/nowhere"})

SCENES: Final[Mapping[str, Mapping[str, Any]]] = {
    "loading": {"online": False},
    "scheduled": {"opens_in": 90, "status": {"state": "scheduled"}, "join": (409, {})},
    "lobby": {
        "opens_in": 90,
        "number": None,
        "status": {"state": "lobby", "lobby": 7, "queueing_method": "random"},
    },
    "waiting": {"status": {"message": MESSAGE}},
    "next": {"status": _CALLED},
    "turn": {"status": _CALLED, "claim": _TO_NOWHERE},
    "admitted": {"status": _CALLED, "claim": _TO_NOWHERE},
    "paused": {"status": {"state": "paused"}},
    "held": {"status": {"sellable": 0}},
    "sold_out": {"status": {"state": "sold_out", "sellable": 0, "held": 0}},
    "closed": {"status": {"state": "closed"}},
    "draining": {"status": {"state": "draining"}, "join": (409, {"code": "draining"})},
    "rejected": {"join": (409, {"code": "join_refused"})},
    "limited": {"join": (429, {"code": "join_limited"}, {"Retry-After": "45"})},
    "identity": {
        "join": (401, {"code": "identity_required"}),
        "view": (401, {"code": "unauthorized"}),
    },
    "expired": {"status": _CALLED, "claim": (410, {"code": "call_expired"})},
    "ended": {"status": _CALLED, "claim": (409, {"code": "pass_ended"})},
}
"""How each scene comes about."""

TROUBLES: Final[Mapping[str, Mapping[str, Any]]] = {
    "lost": {"online": False},
    "busy": {"failing": (503, {"code": "overloaded"}, {"Retry-After": "30"})},
}
"""What happens to the page once it shows a place."""


async def open_page(page: Page, sale: Sale, answers: WaitingAnswers, scene: str) -> None:
    """The waiting page with these answers, once it shows the scene."""
    await page.route("**/v1/sales/**", answers.give)
    await page.goto(sale.page())
    await reach(page, scene)


async def reach(page: Page, scene: str) -> None:
    """Waits until the page shows the scene."""
    await expect(page.locator("html")).to_have_attribute("data-state", scene)


async def open_scene(page: Page, sale: Sale, scene: str) -> WaitingAnswers:
    """The page in one of `SCENES`, and kept there."""
    answers = WaitingAnswers(**SCENES[scene])
    if scene == "admitted":
        kept = json.dumps({"number": 100, "entered": True})
        await page.add_init_script(f"localStorage.setItem('holdfast:{sale.name}', '{kept}')")
    await open_page(page, sale, answers, scene)
    return answers


async def open_trouble(page: Page, sale: Sale, kind: str) -> WaitingAnswers:
    """A visitor in line whose page gets no answers any more."""
    answers = WaitingAnswers(status={"message": MESSAGE})
    await open_page(page, sale, answers, "waiting")
    for name, value in TROUBLES[kind].items():
        setattr(answers, name, value)
    await expect(page.locator("#banner")).to_be_visible(timeout=TROUBLE_MS)
    return answers


# -- without scripts


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
"""The line behind each document for browsers without scripts."""

PROBLEMS: Final = ("return_url", "unknown_sale", "unavailable", "limited", "other")


def place_page(sale: Sale, scene: Scene, language: str = "en") -> str:
    """The document of a scene, as the service would make it of such a line."""
    settings = LineSettings(message=MESSAGE, queueing_method=QueueingMethod.RANDOM)
    advanced = Advanced(Code.OK, 10, NOW_MS, _line(**PLACES[scene]))
    document = make_document(sale.name, settings, advanced)
    page = PageState(scene, document, settings, _view(scene, document.state))
    visit = Visit(sale.name, f"{sale.shop}/seats", language, Brand(title=TITLE))
    return place_document(visit, place_values(visit, page))


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


def problem_page(sale: Sale, kind: str, language: str = "en") -> str:
    """The document of a refusal or a fault."""
    known = kind != "unknown_sale"
    return problem_document(
        language=language,
        texts=catalogue(language),
        kind=kind,
        code="code_for_support",
        seconds=30 if kind in {"unavailable", "limited"} else None,
        again="",
        shop_url=f"{sale.shop}/" if known else None,
    )


async def open_document(page: Page, sale: Sale, document: str) -> None:
    """Shows a document on the sale's own address, with the service's styles.

    The page's context has to be one without scripts.
    """

    async def show(route: Route) -> None:
        await route.fulfill(content_type="text/html", body=document)

    await page.route("**/place?*", show)
    await page.goto(sale.page("/place"))
