"""Debian's Chromium, driven by Playwright: one browser, and for each page a context of its own.

A context shares no cookie, no storage and no cache with another. `SharedContexts` empties one for
the next page instead, where only the looks of pages are examined. Playwright waits by itself for
what is asked of a page, `WAIT_MS` at most.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from playwright.async_api import (
    Browser,
    BrowserContext,
    CDPSession,
    Page,
    Request,
    Route,
    async_playwright,
    expect,
)

if TYPE_CHECKING:
    from playwright.async_api import StorageState

PROGRAMS: Final = ("chromium-headless-shell", "chromium")
"""Debian's packages of the same engine; the first has no windows and starts a page far cheaper."""
FLAGS: Final = (
    "--no-sandbox",  # tests may run as root
    "--disable-gpu",
    "--disable-quic",
    "--autoplay-policy=no-user-gesture-required",
    # Pages of one context share a process.
    "--disable-site-isolation-trials",
    "--renderer-process-limit=1",
)
LAUNCHER: Final = Path(__file__).with_name("chromium_without_netlink.py")
WAIT_MS: Final = 10_000

Size = tuple[int, int]
"""Width and height in CSS pixels; a narrow page is a phone's, with touch and dense pixels."""

OpenPage = Callable[..., AbstractAsyncContextManager[Page]]
"""Opens an empty page of a size, in a `language`, with `scripts` or without."""

PHONE: Final = (390, 844)
NARROW: Final = (320, 640)
DESKTOP: Final = (1440, 900)
WIDE: Final = (1920, 1080)
WIDEST_PHONE: Final = 600

MEDIA: Final[Mapping[str, Mapping[str, Any]]] = {
    "light": {"color_scheme": "light", "forced_colors": "none"},
    "dark": {"color_scheme": "dark", "forced_colors": "none"},
    "forced colours": {"color_scheme": "light", "forced_colors": "active"},
}
"""Arguments of `Page.emulate_media`."""

LAYOUT_SHIFT: Final = """
window.shifted = 0;
new PerformanceObserver((list) => list.getEntries().forEach((shift) => {
  if (!shift.hadRecentInput) window.shifted += shift.value;
})).observe({type: "layout-shift", buffered: true});
"""
"""For `Page.add_init_script`: what `layout_shift` reads."""
_NEXT_FRAMES: Final = """
new Promise((done) =>
  requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 100))))
"""

FORGET_STORAGE: Final = "try { localStorage.clear(); } catch { /* a document without any */ }"


async def layout_shift(page: Page) -> float:
    """How far what the page shows has jumped, as in CLS; what is under way in it is shown first."""
    await page.evaluate(_NEXT_FRAMES)
    return float(await page.evaluate("window.shifted"))


def chromium_path() -> str | None:
    """Where Chromium is installed, if it is."""
    return next((path for name in PROGRAMS if (path := shutil.which(name))), None)


@asynccontextmanager
async def run_chromium(path: str) -> AsyncIterator[Browser]:
    """Starts Chromium, without a window."""
    expect.set_options(timeout=WAIT_MS)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=LAUNCHER, args=FLAGS, env={**os.environ, "CHROMIUM": path}
        )
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def open_page(
    browser: Browser,
    size: Size = DESKTOP,
    *,
    language: str = "en",
    scripts: bool = True,
    state: StorageState | None = None,
) -> AsyncIterator[Page]:
    """An empty page; `state` has the cookies and the storage that its context begins with."""
    context = await _new_context(browser, size, language=language, scripts=scripts, state=state)
    log = RequestLog(context)
    try:
        yield await context.new_page()
    finally:
        log.show()
        await context.close()


async def _new_context(
    browser: Browser,
    size: Size,
    *,
    language: str,
    scripts: bool,
    state: StorageState | None = None,
) -> BrowserContext:
    width, height = size
    phone = width < WIDEST_PHONE
    context = await browser.new_context(
        viewport={"width": width, "height": height},
        device_scale_factor=2 if phone else 1,
        is_mobile=phone,
        has_touch=phone,
        locale=language,
        java_script_enabled=scripts,
        storage_state=state,
    )
    context.set_default_timeout(WAIT_MS)
    return context


@dataclass(frozen=True)
class _SharedContext:
    """A context, and a session with the page that keeps its process when no other page is open."""

    context: BrowserContext
    devtools: CDPSession

    async def empty(self) -> None:
        """Forgets cookies, storage and cache."""
        await self.context.clear_cookies()
        everything = {"origin": "*", "storageTypes": "all"}
        await self.devtools.send("Storage.clearDataForOrigin", everything)
        await self.devtools.send("Network.clearBrowserCache")


class SharedContexts:
    """Contexts that pages of one kind use one after the other, each an empty one.

    A process of Chromium that has compiled axe and its own code checks a page in two thirds of the
    time that a fresh one takes.
    """

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._made: dict[tuple[Size, str, bool], _SharedContext] = {}

    @asynccontextmanager
    async def open_page(
        self, size: Size = DESKTOP, *, language: str = "en", scripts: bool = True
    ) -> AsyncIterator[Page]:
        """An empty page."""
        kind = (size, language, scripts)
        if kind not in self._made:
            self._made[kind] = await self._make(*kind)
        shared = self._made[kind]
        log = RequestLog(shared.context)
        page = await shared.context.new_page()
        try:
            yield page
        finally:
            log.show()
            log.close()
            if scripts:  # also what the process itself still knows of it
                await page.evaluate(FORGET_STORAGE)
            await page.close()
            await shared.empty()

    async def _make(self, size: Size, language: str, scripts: bool) -> _SharedContext:
        context = await _new_context(self._browser, size, language=language, scripts=scripts)
        return _SharedContext(context, await context.new_cdp_session(await context.new_page()))


class RequestLog:
    """Which requests of a context got no answer, for the output of a test that fails."""

    def __init__(self, context: BrowserContext) -> None:
        self._open: dict[Request, float] = {}
        self._failed: list[str] = []
        self._context = context
        context.on("request", self._begin)
        context.on("requestfinished", self._end)
        context.on("requestfailed", self._fail)

    def show(self) -> None:
        """Prints them; pytest shows what a test has printed only when it fails."""
        for request, since in self._open.items():
            print(f"no answer for {time.monotonic() - since:.1f} s: {_named(request)}")
        for failed in self._failed:
            print(f"failed: {failed}")

    def close(self) -> None:
        """Hears no more of the context."""
        self._context.remove_listener("request", self._begin)
        self._context.remove_listener("requestfinished", self._end)
        self._context.remove_listener("requestfailed", self._fail)

    def _begin(self, request: Request) -> None:
        self._open[request] = time.monotonic()

    def _end(self, request: Request) -> None:
        self._open.pop(request, None)

    def _fail(self, request: Request) -> None:
        self._end(request)
        self._failed.append(f"{_named(request)} {request.failure}")


def _named(request: Request) -> str:
    return f"{request.method} {request.url} ({request.resource_type})"


async def resize(page: Page, size: Size) -> None:
    """Gives the page's window another size."""
    await page.set_viewport_size({"width": size[0], "height": size[1]})


async def arrive(page: Page, path: str, *, seconds: float = WAIT_MS / 1000) -> None:
    """Waits until the page is at an address with this path, and loaded."""
    await page.wait_for_url(lambda address: urlsplit(address).path == path, timeout=seconds * 1000)


def record_requests(page: Page) -> list[Request]:
    """The page's requests from now on."""
    requests: list[Request] = []

    def record(request: Request) -> None:
        requests.append(request)

    page.on("request", record)
    return requests


async def lose_requests(page: Page, pattern: str) -> None:
    """Lets requests to such addresses get no answer."""

    async def lose(route: Route) -> None:
        await route.abort("connectionreset")

    await page.route(pattern, lose)


async def complaints(page: Page) -> list[str]:
    """Uncaught errors, console errors and policy violations of all documents of the page."""
    told = await page.console_messages(filter="all")
    errors = [
        f"{message.text} {message.location['url']}" for message in told if message.type == "error"
    ]
    return errors + [str(error) for error in await page.page_errors(filter="all")]


async def throttle(page: Page, bytes_per_second: int, latency_ms: int = 0) -> None:
    """Makes the page's line slow."""
    devtools = await page.context.new_cdp_session(page)
    await devtools.send("Network.enable")
    conditions = {"offline": False, "latency": latency_ms, "uploadThroughput": -1}
    await devtools.send(
        "Network.emulateNetworkConditions", {**conditions, "downloadThroughput": bytes_per_second}
    )


async def allow_scripts(page: Page) -> None:
    """Lets the document that is open run scripts, where its context was opened without."""
    devtools = await page.context.new_cdp_session(page)
    for disabled in (True, False):  # a session takes back only what it has set itself
        await devtools.send("Emulation.setScriptExecutionDisabled", {"value": disabled})
