"""The micro-batching executor: all calls of one event-loop tick leave in one write.

A pool of connections gives each call its own round trip, its own wakeups and an unfair queue;
measured, batching by tick does three to four times the work per CPU second. Calls are encoded when
they are made (a bad argument fails its caller, not the batch), collected until the loop has run
everything that was ready, and written together; see link.py for why nothing waits for anything.
Calls of a script that can take several at once even become one call: hold_batch.py.

Promises:
- Bounded: at most `max_pending` calls between submission and reply; the next is refused with
  StoreBusy.
- Shielded: a cancelled caller disturbs nobody; a call not yet sent is then not sent at all.
- No blind retries. A call is sent again only when the store said that it did not run: NOSCRIPT (the
  script is loaded in front of it), MOVED, ASK, TRYAGAIN (at most REDIRECTS_MAX times).
- Not sent (StoreUnavailable) and reply lost (StoreOutcomeUnknown) are never confused.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Any, Final, Self

from holdfast_lua.bundle.loader import Bundle, production_bundle
from holdfast_lua.client.hold_batch import HoldBatch, Part, join
from holdfast_lua.client.link import Call
from holdfast_lua.client.node import Node
from holdfast_lua.client.routing import Router, make_router
from holdfast_lua.client.store_url import StoreUrl
from holdfast_lua.client.wire import (
    MAX_CALL_BYTES,
    Argument,
    ReplyError,
    encode_command,
)
from holdfast_lua.errors import (
    NOT_PERMITTED,
    ScriptFault,
    StoreBusy,
    StoreError,
    StoreOutcomeUnknown,
    StoreRefusing,
    StoreUnavailable,
)

MAX_PENDING: Final = 10_000
REDIRECTS_MAX: Final = 8
TRY_AGAIN_SECONDS: Final = 0.05

# Error replies that mean: refused before it ran. All scripts carry `#!lua`, so that holds for
# scripts too, unless the text names a line of a script.
_REFUSED: Final = frozenset(
    {"BUSY", "CLUSTERDOWN", "LOADING", "MASTERDOWN", "NOAUTH", "NOSCRIPT"}
    | {"TRYAGAIN", "MOVED", "ASK"}
)
# Those that mean: no writes at present, or not from this user.
_REFUSING: Final = {
    "MISCONF": "cannot_save",
    "NOPERM": NOT_PERMITTED,
    "NOREPLICAS": "too_few_replicas",
    "OOM": "out_of_memory",
    "READONLY": "read_only",
}
# What a script is told whose user may not run one of its commands (Valkey's and Redis' words).
_FORBIDDEN_INSIDE: Final = ("ERR ACL failure in script", "ERR The user executing the script can't")

Observer = Callable[[str, float, int], None]  # script or command name, seconds, size of its batch


class Executor:
    """Runs scripts and commands on the store. One per process, living in one event loop."""

    def __init__(
        self,
        url: StoreUrl | str,
        bundle: Bundle | None = None,
        *,
        observer: Observer | None = None,
        max_pending: int = MAX_PENDING,
    ) -> None:
        self._url = StoreUrl.parse(url) if isinstance(url, str) else url
        self._bundle = bundle if bundle is not None else production_bundle()
        self._observer = observer
        self.max_pending = max_pending
        """how many calls may be outstanding"""
        self._loop = asyncio.get_running_loop()
        self._router: Router = make_router(self, self._url)
        self._pending: list[Call] = []
        self._outstanding = 0
        self._closing = False
        self._when_moved: Callable[[], Awaitable[None]] | None = None
        self._drained = asyncio.Event()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    @property
    def outstanding(self) -> int:
        """Calls submitted and not yet answered."""
        return self._outstanding

    @property
    def bundle(self) -> Bundle:
        """The scripts this executor runs."""
        return self._bundle

    async def run(self, name: str, keys: Sequence[str], args: Sequence[Argument] = ()) -> list[Any]:
        """Runs a script by name and gives its reply as it came: integers, bytes, None, lists.

        Every script answers an array whose first element is a code; most callers want `guarded`.
        """
        script = self._bundle.script(name)
        script.check(len(keys), len(args))
        future = self._loop.create_future()
        if script.joins > 1:
            call: Call = Part(script, keys, args, future)
        else:
            payload = encode_command("EVALSHA", script.sha, len(keys), *keys, *args)
            call = Call(name, payload, future, key=keys[0] if keys else "")
            call.sha = script.sha
        reply: list[Any] = await self._submit(call)
        return reply

    async def run_on_every_server(self, name: str, args: Sequence[Argument]) -> list[list[Any]]:
        """Runs a script without keys on the store's server, or on every master of a Cluster."""
        script = self._bundle.script(name)
        script.check(0, len(args))
        payload = encode_command("EVALSHA", script.sha, 0, *args)
        futures = []
        for node in await self._router.nodes():
            call = Call(name, payload, self._loop.create_future())
            call.sha = script.sha
            futures.append(self._count_in(call))
            node.submit([call])
        replies: list[list[Any]] = await asyncio.gather(*futures)
        return replies

    async def command(self, *values: Argument, key: str | None = None) -> Any:
        """Runs a plain command in the same batches, e.g. `command("GET", some_key)`.

        In a Cluster it is sent to the slot of `key`, by default of its first argument.
        """
        routed = key if key is not None else _text(values[1]) if len(values) > 1 else ""
        future = self._loop.create_future()
        name, payload = _text(values[0]), encode_command(*values)
        return await self._submit(Call(name, payload, future, key=routed))

    def when_moved(self, learn: Callable[[], Awaitable[None]]) -> None:
        """`learn` runs when another server takes over, before any call reaches that one.

        What it raises, a StoreUnavailable or an OSError, keeps the server from being used.
        """
        self._when_moved = learn

    async def require_master(self) -> None:
        """Returns when the server in use is the one to use; StoreUnavailable when it may not be.

        With Sentinel most of them must name it. For what two stores must never both do.
        """
        await self.command("PING")  # so that there is a server in use
        await self._router.require_master()

    async def aclose(self, drain_seconds: float = 5.0) -> None:
        """Refuses new calls, waits for those under way (at most `drain_seconds`), disconnects.

        Afterwards every call has ended: what was left fails as the links close.
        """
        self._closing = True
        try:
            if self._outstanding:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(drain_seconds):
                        await self._drained.wait()
        finally:
            await self._router.aclose()

    # What nodes tell us

    def node_reply(self, node: Node, call: Call, reply: Any) -> None:
        """A reply came: an outcome, or a reason to send the call again."""
        if isinstance(reply, ReplyError):
            if reply.kind == "NOSCRIPT" and call.loaded is not None and call.loaded.done():
                reply = _why_not_loaded(call.loaded, reply)
            if self._send_again(node, call, reply):
                return
            self.finish(call, self._translate(node, call, reply))
            return
        self.finish(call, reply)
        if self._observer is not None:
            now = self._loop.time()
            for one in call.parts if isinstance(call, HoldBatch) else (call,):
                self._observer(one.name, now - one.queued_at, one.batch)

    async def node_moved(self, node: Node) -> None:
        """Calls the hook for a changed server before any call goes to it.

        The server before it may have known more, which only the hook can find out.
        """
        if self._when_moved is not None:
            await self._when_moved()

    def finish(self, call: Call, outcome: Any) -> None:
        """A call is over, one way or another; exactly once for each call that was sent."""
        if isinstance(call, HoldBatch):
            for part, its_own in zip(call.parts, call.outcomes(outcome), strict=True):
                self._finish(part, its_own)
        else:
            self._finish(call, outcome)

    def _finish(self, call: Call, outcome: Any) -> None:
        self._outstanding -= 1
        future = call.future
        if future is not None and not future.done():
            if isinstance(outcome, StoreError):
                future.set_exception(outcome)
            else:
                future.set_result(outcome)
        if self._closing and not self._outstanding:
            self._drained.set()

    # Submission

    def _submit(self, call: Call) -> asyncio.Future[Any]:
        future = self._count_in(call)
        if not self._pending:
            self._loop.call_soon(self._flush)
        self._pending.append(call)
        return future

    def _count_in(self, call: Call) -> asyncio.Future[Any]:
        if len(call.payload) > MAX_CALL_BYTES:
            raise ScriptFault(f"{call.name}: a call of {len(call.payload)} bytes is too large")
        if self._closing:
            raise StoreUnavailable("the executor is closed")
        if self._outstanding >= self.max_pending:
            raise StoreBusy(f"{self._outstanding} calls are waiting for the store already")
        self._outstanding += 1
        call.queued_at = self._loop.time()
        assert call.future is not None
        return call.future

    def _flush(self) -> None:
        pending, self._pending = self._pending, []
        batch = []
        for call in pending:
            if call.future is not None and call.future.cancelled():
                self._finish(call, None)
            else:
                call.batch = len(pending)
                batch.append(call)
        if batch:
            self._router.dispatch(join(batch))

    # Error replies

    def _send_again(self, node: Node, call: Call, error: ReplyError) -> bool:
        """Sends a call again when the store said that it did not run and that helps."""
        if call.retries >= REDIRECTS_MAX:
            return False
        if error.kind == "NOSCRIPT" and call.sha:
            call.retries += 1
            source = self._bundle.script(call.name).source
            node.resend(call, encode_command("SCRIPT", "LOAD", source))
            return True
        if error.kind == "TRYAGAIN":
            call.retries += 1
            delay = TRY_AGAIN_SECONDS * call.retries
            self._loop.call_later(delay, self._router.dispatch, [call])
            return True
        if error.kind in ("MOVED", "ASK", "CLUSTERDOWN"):
            call.retries += 1
            return self._router.redirect(node, call, error)
        return False

    def _translate(self, node: Node, call: Call, error: ReplyError) -> StoreError:
        if error.kind == "READONLY":
            node.drop("the server became a replica")
        elif error.kind == "NOREPLICAS":  # it may be cut off, and another be master by now
            self._router.doubt(node)
        text = f"{call.name}: {error.text}"
        if error.text.startswith(_FORBIDDEN_INSIDE):
            return StoreOutcomeUnknown(text)  # what came before it in the script was done
        if " script: " in error.text:
            return ScriptFault(text)
        if error.kind in _REFUSING:
            return StoreRefusing(text, _REFUSING[error.kind])
        return StoreUnavailable(text) if error.kind in _REFUSED else ScriptFault(text)


def _why_not_loaded(loaded: asyncio.Future[Any], reply: ReplyError) -> ReplyError:
    """A script may be unknown because the store has refused to load it: that is what to tell."""
    answer = loaded.result()
    return answer if isinstance(answer, ReplyError) else reply


def _text(value: Argument) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
