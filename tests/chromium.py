"""A headless Chromium, driven over its own DevTools protocol.

One browser per test session, one isolated context (cookies, storage, cache) per page. The protocol
is spoken directly over aiohttp's websocket, because what the tests ask for (network log, media
emulation, blocked requests, real key events) is that protocol; a driver between would only add a
dependency and its own waiting.

Invariants: the browser never outlives `Chromium.__aexit__`; every wait is bounded; nothing but
loopback is ever asked for (see the flags).
"""

import asyncio
import base64
import json
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import aiohttp

BINARIES: Final = ("chromium", "chromium-browser", "google-chrome")
START_SECONDS: Final = 20.0
CALL_SECONDS: Final = 20.0
WAIT_SECONDS: Final = 10.0
POLL_SECONDS: Final = 0.05
FLAGS: Final = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
    "--autoplay-policy=no-user-gesture-required",
    "--remote-debugging-port=0",
)

Message = dict[str, Any]  # DevTools messages are JSON of many shapes; each caller knows its own.

Answer = tuple[int, object] | tuple[int, object, Mapping[str, str]]
"""Status, body (a document when it is a string, else JSON) and further headers."""

Reply = Callable[[Message], Answer | None]

PHONE: Final = (390, 844)
DESKTOP: Final = (1440, 900)


def chromium_path() -> str | None:
    return next((path for name in BINARIES if (path := shutil.which(name))), None)


def _nothing(_: Message) -> Answer | None:
    return None


class BrowserError(Exception):
    """The page threw, or the protocol refused a call."""


class Chromium:
    """The browser process and its one websocket."""

    def __init__(self, binary: str) -> None:
        self._binary = binary
        self._ids = 0
        self._pending: dict[int, asyncio.Future[Message]] = {}
        self._listeners: dict[str, Callable[[str, Message], None]] = {}

    async def __aenter__(self) -> Self:
        self._profile = tempfile.mkdtemp(prefix="holdfast-chromium-")
        self._process = await asyncio.to_thread(self._launch)
        self._http = aiohttp.ClientSession()
        self._socket = await self._http.ws_connect(await self._address(), max_msg_size=0)
        self._reader = asyncio.create_task(self._read())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._reader.cancel()
        await self._socket.close()
        await self._http.close()
        self._process.terminate()
        try:
            await asyncio.to_thread(self._process.wait, 5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            await asyncio.to_thread(self._process.wait)
        shutil.rmtree(self._profile, ignore_errors=True)

    async def call(self, method: str, session: str | None = None, **params: object) -> Message:
        """One protocol call and its result."""
        self._ids += 1
        message: Message = {"id": self._ids, "method": method, "params": params}
        if session is not None:
            message["sessionId"] = session
        answer: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._pending[self._ids] = answer
        await self._socket.send_str(json.dumps(message))
        return await asyncio.wait_for(answer, CALL_SECONDS)

    @asynccontextmanager
    async def page(
        self, size: tuple[int, int] = DESKTOP, *, dark: bool = False, language: str = "en"
    ) -> AsyncIterator["Page"]:
        """A page with a context of its own: no cookie, no storage, no cache shared."""
        context = (await self.call("Target.createBrowserContext"))["browserContextId"]
        target = (
            await self.call("Target.createTarget", url="about:blank", browserContextId=context)
        )["targetId"]
        session = (await self.call("Target.attachToTarget", targetId=target, flatten=True))[
            "sessionId"
        ]
        page = Page(self, session)
        self._listeners[session] = page.on_event
        await page.set_up(size, dark=dark, language=language)
        try:
            yield page
        finally:
            self._listeners.pop(session, None)
            await self.call("Target.disposeBrowserContext", browserContextId=context)

    def _launch(self) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [self._binary, *FLAGS, f"--user-data-dir={self._profile}", "about:blank"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    async def _address(self) -> str:
        """The browser writes its port and path into its profile once it listens."""
        file = Path(self._profile) / "DevToolsActivePort"
        async with asyncio.timeout(START_SECONDS):
            while True:
                lines = file.read_text().split() if file.exists() else []
                if len(lines) == 2:
                    return f"ws://127.0.0.1:{lines[0]}{lines[1]}"
                await asyncio.sleep(POLL_SECONDS)

    async def _read(self) -> None:
        async for frame in self._socket:
            message: Message = json.loads(frame.data)
            if "id" in message:
                self._settle(message)
            elif (listener := self._listeners.get(message.get("sessionId", ""))) is not None:
                listener(message["method"], message["params"])

    def _settle(self, message: Message) -> None:
        answer = self._pending.pop(message["id"])
        if answer.done():
            return
        if "error" in message:
            answer.set_exception(BrowserError(message["error"]["message"]))
        else:
            answer.set_result(message["result"])


class Page:
    """One tab: what a visitor would do, and what the network and the console saw."""

    def __init__(self, browser: Chromium, session: str) -> None:
        self._browser = browser
        self._session = session
        self._reply: Reply = _nothing
        self._background: set[asyncio.Task[None]] = set()
        self._painted = asyncio.Event()
        self.requests: list[str] = []
        self.sent: list[Message] = []
        """The same requests with method, headers and body."""
        self.complaints: list[str] = []
        """Uncaught errors, console errors and policy violations."""

    async def set_up(self, size: tuple[int, int], *, dark: bool, language: str) -> None:
        for domain in ("Page", "Runtime", "Network", "Log"):
            await self.call(f"{domain}.enable")
        await self.call("Page.setLifecycleEventsEnabled", enabled=True)
        await self.resize(size)
        await self.media(dark=dark)
        await self.call("Network.setExtraHTTPHeaders", headers={"Accept-Language": language})

    async def call(self, method: str, **params: object) -> Message:
        return await self._browser.call(method, self._session, **params)

    async def resize(self, size: tuple[int, int]) -> None:
        width, height = size
        await self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=2 if width < 600 else 1,
            mobile=width < 600,
        )  # fmt: skip
        await self.call("Emulation.setTouchEmulationEnabled", enabled=width < 600)

    async def media(
        self, *, dark: bool = False, reduced_motion: bool = False, forced_colors: bool = False
    ) -> None:
        features = [
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
            {"name": "forced-colors", "value": "active" if forced_colors else "none"},
            {
                "name": "prefers-reduced-motion",
                "value": "reduce" if reduced_motion else "no-preference",
            },
        ]
        await self.call("Emulation.setEmulatedMedia", features=features)

    async def scripts(self, *, on: bool) -> None:
        """Switches the documents' own scripts on or off, from the next document on."""
        await self.call("Emulation.setScriptExecutionDisabled", value=not on)

    async def on_new_document(self, script: str) -> None:
        """Runs `script` in each document to come, before any of its own."""
        await self.call("Page.addScriptToEvaluateOnNewDocument", source=script)

    async def go(self, url: str) -> None:
        answer = await self.call("Page.navigate", url=url)
        if answer.get("errorText"):
            raise BrowserError(f"{url}: {answer['errorText']}")
        await self.until("document.readyState === 'complete'")

    async def isolated_world(self) -> int:
        """A JavaScript context over the same document that the page's scripts and policy miss."""
        frame = (await self.call("Page.getFrameTree"))["frameTree"]["frame"]["id"]
        return int(
            (await self.call("Page.createIsolatedWorld", frameId=frame))["executionContextId"]
        )

    # Any: whatever the expression gives, as JSON.
    async def run(self, expression: str, world: int | None = None) -> Any:
        """The value of a JavaScript expression (awaited when it is a promise)."""
        where = {} if world is None else {"contextId": world}
        answer = await self.call(
            "Runtime.evaluate",
            expression=expression,
            awaitPromise=True,
            returnByValue=True,
            **where,
        )
        if "exceptionDetails" in answer:
            details = answer["exceptionDetails"]
            raise BrowserError(details.get("exception", {}).get("description", details["text"]))
        return answer["result"].get("value")

    async def until(self, expression: str, seconds: float = WAIT_SECONDS) -> Any:
        """The value of `expression` once it is truthy; a page in between two documents is not."""
        value = None
        try:
            async with asyncio.timeout(seconds):
                while True:
                    try:
                        value = await self.run(expression)
                    except BrowserError:
                        value = None
                    if value:
                        return value
                    await asyncio.sleep(POLL_SECONDS)
        except TimeoutError:
            where = await self.run("`${location.href}: ${document.body?.innerText.slice(0, 300)}`")
            told = f"still {value!r} after {seconds} s: {expression}"
            raise BrowserError(f"{told}\n at {where}\n {self.complaints}") from None

    async def text(self, selector: str) -> str:
        return str(await self.run(f"document.querySelector({json.dumps(selector)}).innerText"))

    async def click(self, selector: str) -> None:
        """A real click at the middle of the element, after it scrolled into view.

        A browser ignores input until it has shown something of the document.
        """
        await asyncio.wait_for(self._painted.wait(), WAIT_SECONDS)
        await self.until(f"!!document.querySelector({json.dumps(selector)})")
        box = await self.run(
            f"""(() => {{ const e = document.querySelector({json.dumps(selector)});
            e.scrollIntoView({{block: "center", behavior: "instant"}});
            const b = e.getBoundingClientRect();
            return [b.x + b.width / 2, b.y + b.height / 2]; }})()"""
        )
        await self.mouse(*box)

    async def mouse(self, x: float, y: float) -> None:
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            await self.call(
                "Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1
            )

    async def press(self, *keys: str) -> None:
        """Key presses by their DOM names: `Tab`, `Enter`, `ArrowLeft`, `+`."""
        for key in keys:
            params: Message = {"key": key, "code": key, "windowsVirtualKeyCode": _VIRTUAL.get(key)}
            if params["windowsVirtualKeyCode"] is None:
                params = {"key": key, "text": key}
            if key in _TEXT:
                params["text"] = _TEXT[key]
            await self.call("Input.dispatchKeyEvent", type="keyDown", **params)
            params.pop("text", None)
            await self.call("Input.dispatchKeyEvent", type="keyUp", **params)

    async def screenshot(self, path: Path, *, full: bool = False) -> None:
        answer = await self.call("Page.captureScreenshot", captureBeyondViewport=full)
        await asyncio.to_thread(path.write_bytes, base64.b64decode(answer["data"]))

    async def answer(self, part: str, reply: Reply) -> None:
        """Answers requests whose address contains `part` in the service's stead.

        `reply` gets the request and gives the answer, or None to let the network fail.
        """
        self._reply = reply
        await self.call("Fetch.enable", patterns=[{"urlPattern": f"*{part}*"}])

    async def let_through(self) -> None:
        await self.call("Fetch.disable")

    def on_event(self, method: str, params: Message) -> None:
        if method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
            self.sent.append(params["request"])
        elif method == "Page.lifecycleEvent":
            self._follow_painting(params["name"])
        elif method == "Runtime.exceptionThrown":
            details = params["exceptionDetails"]
            self.complaints.append(details.get("exception", {}).get("description", details["text"]))
        elif method == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.complaints.append(f"{params['entry']['text']} {params['entry'].get('url', '')}")
        elif method == "Fetch.requestPaused":
            task = asyncio.get_running_loop().create_task(self._answer(params))
            self._background.add(task)
            task.add_done_callback(self._background.discard)

    def _follow_painting(self, event: str) -> None:
        if event == "init":
            self._painted.clear()
        elif event == "firstContentfulPaint":
            self._painted.set()

    async def _answer(self, paused: Message) -> None:
        answer = self._reply(paused["request"])
        if answer is None:
            await self.call(
                "Fetch.failRequest", requestId=paused["requestId"], errorReason="ConnectionReset"
            )
            return
        status, body, *more = answer
        document = isinstance(body, str)
        headers = {"Content-Type": "text/html" if document else "application/json"}
        headers |= dict(*more)
        await self.call(
            "Fetch.fulfillRequest",
            requestId=paused["requestId"],
            responseCode=status,
            responseHeaders=[{"name": name, "value": value} for name, value in headers.items()],
            body=base64.b64encode(_encoded(body)).decode(),
        )


def _encoded(body: object) -> bytes:
    return (body if isinstance(body, str) else json.dumps(body)).encode()


_VIRTUAL: Final = {
    "Tab": 9, "Enter": 13, "Escape": 27, " ": 32, "PageUp": 33, "PageDown": 34, "End": 35,
    "Home": 36, "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40,
}  # fmt: skip
_TEXT: Final = {"Enter": "\r", " ": " "}
