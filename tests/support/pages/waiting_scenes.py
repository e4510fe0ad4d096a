"""Every scene of the waiting page: with its script by answers given in the service's stead, without
scripts as the documents that the service makes.

`SCENES`, `PLACES` and `PROBLEMS` are complete: a test compares them with the catalogue of texts, in
which each scene has its headline.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from playwright.async_api import Page, Route, expect
from support.pages.running_sale import Sale
from support.pages.waiting_answers import WaitingAnswers

from holdfast_queue.http.pages.documents import PageVisit, problem_document
from holdfast_queue.http.pages.examples import example_document
from holdfast_queue.http.pages.languages import catalogue
from holdfast_queue.http.pages.place import Scene
from holdfast_queue.line.brand import Brand

TITLE: Final = "Night at the hall"
MESSAGE: Final = "Doors open at <eight>. \u0627\u0644\u0628\u0627\u0628 3"
"""An operator's words in two directions of writing, with markup that must stay text."""

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


PROBLEMS: Final = ("return_url", "unknown_sale", "unavailable", "limited", "other")


def place_page(sale: Sale, scene: Scene, language: str = "en") -> str:
    """The document of a scene, as the service would make it of such a line."""
    visit = PageVisit(sale.name, f"{sale.shop}/seats", language, Brand(title=TITLE))
    return example_document(visit, scene, MESSAGE)


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
