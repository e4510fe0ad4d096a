"""What a visitor of the demo's shop does there in a browser, and what the network does to it."""

from collections.abc import Mapping
from typing import Final

from playwright.async_api import Locator, Page, Route, expect
from support.pages.browser import arrive, lose_requests
from support.pages.open_shop import OpenShop

TURN_SECONDS: Final = 30
"""Longer than it takes a quiet sale to let a visitor through."""


async def walk_in(page: Page, store: OpenShop) -> None:
    """Through the line by the API, to the map."""
    await page.goto(await store.way_in())
    await expect(page.locator("#shop")).to_be_visible()


async def walk_all_the_way(page: Page, store: OpenShop) -> None:
    """From the landing page through the waiting page to the map."""
    await page.goto(store.url)
    await page.locator("main a.button").first.click()
    await arrive(page, "/seats", seconds=TURN_SECONDS)
    await expect(page.locator("#shop")).to_be_visible()


async def come_to_the_seats(page: Page, store: OpenShop) -> None:
    """Through the line, to a page whose map may not load."""
    await page.goto(await store.way_in(), wait_until="commit")
    await arrive(page, "/seats")


async def walk_in_without_scripts(page: Page, store: OpenShop) -> None:
    """The same with the forms of both pages, in a context without scripts."""
    await page.goto(await store.way_in())
    await page.wait_for_url("**/seats?plain*")


async def focus_map(page: Page) -> Locator:
    """Gives the map's cursor the keyboard; the answer is what has it from then on."""
    await page.locator(".cursor[tabindex='0']").focus()
    return page.locator(":focus")


async def hold_best(page: Page) -> None:
    """Holds the best places that are free."""
    await page.locator("#best .button").click()
    await expect(page.locator(".hold")).to_be_visible()


async def submit_payment(page: Page, answer: str = "approved") -> None:
    """Asks the bank to pay for the first hold in the cart, and says what it answers."""
    await page.locator(".hold .button").first.click()
    await page.locator(f"input[value={answer}]").check()
    await page.locator("#payment .button").click()


async def pay(page: Page) -> None:
    """Pays for the first hold in the cart, up to the page of the order."""
    await submit_payment(page)
    await page.wait_for_url("**/orders/*")


async def answer_for_service(
    page: Page, path: str, status: int, problem: Mapping[str, object]
) -> None:
    """Refuses the page's calls to the service whose path ends like this."""

    async def refuse(route: Route) -> None:
        await route.fulfill(status=status, json=dict(problem))

    await page.route(service_calls(path), refuse)


async def lose_calls(page: Page, path: str) -> None:
    """Lets the page's calls to the service whose path ends like this get no answer."""
    await lose_requests(page, service_calls(path))


async def answer_as_before(page: Page) -> None:
    """Lets the service answer holds as a node of the release before: it knows no seats by index."""

    async def answer(route: Route) -> None:
        if "seat_indices" in (route.request.post_data or ""):
            await route.fulfill(status=400, json={"code": "invalid_request"})
            return
        answered = await route.fetch()
        body = await answered.json()
        for hold in body.get("items", []) if route.request.method == "GET" else [body]:
            for item in hold.get("items", []):
                item.pop("index", None)
        await route.fulfill(response=answered, json=body)

    await page.route(service_calls("/holds"), answer)


def service_calls(path: str) -> str:
    """Matches calls to the service whose path ends like this."""
    return f"**/v1/sales/*{path}*"
