"""Liveness (`/livez`) and readiness (`/readyz`) of a worker.

Liveness depends on the process alone, since restarting it would not help a store that is down.
Readiness asks store and ledger, each within `CHECK_SECONDS`, whether they would take a write, and
says what is wrong; a service that is about to stop asks nothing and says that it stops.
Simultaneous requests share one check. A difference between the clocks of store and host is reported
but does not make the node unready: it serves as well as any other.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from typing import Final

from aiohttp import web

from holdfast.batched_lookup import BatchedLookup
from holdfast.http.app_keys import DIRECTORY, EXECUTOR, LEDGER, SKEW, STOPPING
from holdfast_ledger import LedgerError, LedgerUnavailable
from holdfast_lua.calls.store import probe_store
from holdfast_lua.clock import SKEW_WARNING_MS
from holdfast_lua.errors import StoreError, StoreRefusing
from holdfast_web.endpoint import endpoint
from holdfast_web.errors import HoldfastError
from holdfast_web.responses import json_response

CHECK_SECONDS: Final = 2.0
OK: Final = "ok"
Checks = dict[str, str]
CHECKS: web.AppKey[BatchedLookup[Checks]] = web.AppKey("checks")


def add_routes(app: web.Application) -> None:
    """Adds the two endpoints that orchestrators poll."""
    app.cleanup_ctx.append(_checking)
    app.router.add_get("/livez", livez)
    app.router.add_get("/readyz", readyz)


async def livez(_request: web.Request) -> web.Response:
    """200 as long as the event loop runs."""
    return json_response({"status": "ok"})


@endpoint
async def readyz(request: web.Request) -> web.Response:
    """200 when store and ledger take writes, else 503 with the state of both; 503 at the end."""
    if request.app[STOPPING].is_set():
        return json_response({"status": "stopping"}, status=503, headers={"Retry-After": "1"})
    heard = (request.app[DIRECTORY].clock.skew_ms(), request.app[SKEW].ms())
    skew_ms = max(heard, key=abs)
    checks = await request.app[CHECKS].find("readiness") or {}
    ready = set(checks.values()) == {OK}
    return json_response(
        {
            "status": OK if ready else "unavailable",
            "checks": checks,
            "clock": {"state": _clock_state(skew_ms), "skew_seconds": skew_ms / 1000},
        },
        status=200 if ready else 503,
        headers={} if ready else {"Retry-After": "1"},
    )


def _clock_state(skew_ms: int) -> str:
    """`ok`, or whether the store's clock is `ahead` of this host's or `behind`."""
    if abs(skew_ms) < SKEW_WARNING_MS:
        return OK
    return "ahead" if skew_ms > 0 else "behind"


async def _checking(app: web.Application) -> AsyncIterator[None]:
    async def read(names: Sequence[str]) -> Mapping[str, Checks]:
        store, ledger = await asyncio.gather(
            _state(probe_store(app[EXECUTOR])), _state(app[LEDGER].check())
        )
        return {name: {"store": store, "ledger": ledger} for name in names}

    app[CHECKS] = BatchedLookup(read)
    yield
    await app[CHECKS].aclose()


async def _state(question: Awaitable[object]) -> str:
    """`ok`, `unavailable`, or the reason why writes are refused."""
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            await question
    except (StoreRefusing, LedgerUnavailable) as refusal:
        return refusal.reason
    except (StoreError, LedgerError, HoldfastError, TimeoutError):
        return "unavailable"
    return OK
