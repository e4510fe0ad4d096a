"""Whether the process lives (`/livez`) and whether it can do its work (`/readyz`).

Liveness asks nobody: a process that is restarted because its store is down comes back to a store
that is down. Readiness asks store and ledger, each within a bound, whether they would take a write,
and names who is silent or would not, and why.
"""

import asyncio
from collections.abc import Awaitable
from typing import Final

from aiohttp import web

from holdfast.app_keys import EXECUTOR, LEDGER
from holdfast_inventory.ledger import LedgerUnavailable
from holdfast_lua.errors import StoreError, StoreRefusing
from holdfast_lua.store_calls import probe_store
from holdfast_web.endpoint import endpoint
from holdfast_web.errors import HoldfastError
from holdfast_web.responses import json_response

CHECK_SECONDS: Final = 2.0
OK: Final = "ok"


def add_routes(app: web.Application) -> None:
    """The two endpoints that orchestrators poll."""
    app.router.add_get("/livez", livez)
    app.router.add_get("/readyz", readyz)


async def livez(_request: web.Request) -> web.Response:
    """200 as long as the event loop turns."""
    return json_response({"status": "ok"})


@endpoint
async def readyz(request: web.Request) -> web.Response:
    """200 when store and ledger are of use, else 503 with what is not."""
    store, ledger = await asyncio.gather(
        _state(probe_store(request.app[EXECUTOR])), _state(request.app[LEDGER].check())
    )
    checks = {"store": store, "ledger": ledger}
    ready = store == ledger == OK
    return json_response(
        {"status": "ok" if ready else "unavailable", "checks": checks},
        status=200 if ready else 503,
        headers={} if ready else {"Retry-After": "1"},
    )


async def _state(question: Awaitable[object]) -> str:
    """`ok`, `unavailable`, or the word for why no write is taken."""
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            await question
    except (StoreRefusing, LedgerUnavailable) as refusal:
        return refusal.reason
    except (StoreError, HoldfastError, TimeoutError):
        return "unavailable"
    return OK
