"""Fixtures of the page tests: a real service for each module, one real Chromium for all of them.

Each test makes a sale of its own and opens pages in a browser context of its own. The tests share
one event loop with the session's browser (see `pytest_collection_modifyitems`).
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterator
from functools import partial
from inspect import iscoroutinefunction
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import Browser, Page
from support.pages.browser import (
    DESKTOP,
    PHONE,
    PROGRAMS,
    OpenPage,
    SharedContexts,
    Size,
    chromium_path,
    open_page,
    run_chromium,
)
from support.pages.open_shop import OpenShop, open_shop
from support.pages.running_sale import ReturnPage, Sale, make_sale
from support.service.running import Service, serving
from support.services import program

HERE = Path(__file__).parent
BROWSERS = itertools.count(1)
"""counts the browsers that this process started"""
MOST_BROWSERS = 20
"""A test of another folder ends the loop of the session and the browser with it (see
`pytest_generate_tests`). A worker process comes to one between tests of pages only where it took
over another's tests: a few times, while there are hundreds of tests of pages."""

IN_ONE_LOOP = pytest.mark.asyncio(loop_scope="session")


@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Tells pytest-asyncio before it gives the test its kind of loop.

    It does so in the scope that it knows of by then, and what depends on the loop, such as the
    browser, ends with that scope.
    """
    if iscoroutinefunction(metafunc.function):
        metafunc.definition.add_marker(IN_ONE_LOOP)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A browser lives in the loop that opened it."""
    for item in items:
        if item.path.is_relative_to(HERE) and iscoroutinefunction(getattr(item, "obj", None)):
            item.add_marker(IN_ONE_LOOP, append=False)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """`holdfast serve` with two workers; it would run all of its sales on beside later tests."""
    with serving(tmp_path_factory.mktemp("pages") / "data", "--workers", "2") as running:
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """A client that keeps no cookies: each test shows its own."""
    async with aiohttp.ClientSession(
        cookie_jar=aiohttp.DummyCookieJar(), timeout=aiohttp.ClientTimeout(30)
    ) as session:
        yield session


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """A real Chromium, or a skip that says why there is none; to start one costs a second."""
    assert next(BROWSERS) <= MOST_BROWSERS, "the browser is ended after each test or module"
    path = chromium_path() or program(PROGRAMS[0], PROGRAMS[0])
    async with run_chromium(path) as running:
        yield running


@pytest.fixture
def size() -> Size:
    """Of `page`; a test may give its own, as it may a language."""
    return DESKTOP


@pytest.fixture
def language() -> str:
    """Of `page` and `phone`."""
    return "en"


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared_contexts(browser: Browser) -> SharedContexts:
    """For tests that look at pages."""
    return SharedContexts(browser)


@pytest.fixture
def opening(browser: Browser) -> OpenPage:
    """Opens `page` and `phone`, each in a context of its own; a module may give its own way."""
    return partial(open_page, browser)


@pytest_asyncio.fixture(loop_scope="session")
async def page(opening: OpenPage, size: Size, language: str) -> AsyncIterator[Page]:
    """An empty page."""
    async with opening(size, language=language) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def phone(opening: OpenPage, language: str) -> AsyncIterator[Page]:
    """An empty page of a phone."""
    async with opening(PHONE, language=language) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def plain_phone(opening: OpenPage, language: str) -> AsyncIterator[Page]:
    """An empty page of a phone that runs no scripts."""
    async with opening(PHONE, language=language, scripts=False) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def shop() -> AsyncIterator[ReturnPage]:
    """Where visitors are sent back to."""
    page = ReturnPage("")

    async def seats(request: web.Request) -> web.Response:
        if request.path == "/seats":
            page.visits.append(str(request.url))
        return web.Response(text="<title>Shop</title><h1>Shop</h1>", content_type="text/html")

    app = web.Application()
    app.router.add_get("/{path:.*}", seats)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    page.origin = _origin(runner)
    yield page
    await runner.cleanup()


def _origin(runner: web.AppRunner) -> str:
    host, port = runner.addresses[0][:2]
    return f"http://{host}:{port}"


@pytest_asyncio.fixture(loop_scope="session")
async def sale(service: Service, http: aiohttp.ClientSession, shop: ReturnPage) -> Sale:
    """An open sale that admits fast; a test that wants a line pauses it first."""
    return await make_sale(service, http, shop.origin)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shared_sale(service: Service, http: aiohttp.ClientSession) -> Sale:
    """A sale for pages whose questions about it the tests answer in the service's stead.

    A sale that is open costs the service time as long as it runs.
    """
    return await make_sale(service, http, "https://shop.example")


@pytest_asyncio.fixture(loop_scope="session")
async def store(service: Service, http: aiohttp.ClientSession) -> AsyncIterator[OpenShop]:
    """The demo's shop in front of a fresh hall."""
    async with open_shop(service, http) as opened:
        yield opened
