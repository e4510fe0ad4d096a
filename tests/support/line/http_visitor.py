"""A visitor of one sale over HTTP, and a line for it to stand in."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient
from conftest import Clock

from holdfast_lua.calls.constants import MIN_STEP_MS
from holdfast_queue.line.room import Room

Client = TestClient[web.Request, web.Application]
ClientFactory = Callable[[Room], Awaitable[Client]]
RoomFactory = Callable[..., Awaitable[Room]]
SHOP = "https://shop.example"
OWN = "http://wait.example"


class Visitor:
    """Talks to one sale, with its ticket in the header."""

    def __init__(self, client: Client, room: Room) -> None:
        self.client = client
        self._base = f"/v1/sales/{room.name}"
        self.ticket = ""

    async def ask(
        self, method: str, path: str, body: Any = None, **headers: str
    ) -> tuple[int, dict[str, Any], ClientResponse]:
        if self.ticket:
            headers["Holdfast-Ticket"] = self.ticket
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.client.session.cookie_jar.clear()
        response = await self.client.request(
            method, self._base + path, json=body, headers=named, skip_auto_headers=["User-Agent"]
        )
        return response.status, await response.json() if response.status != 204 else {}, response

    async def join(self, body: Any = None, **headers: str) -> tuple[int, dict[str, Any]]:
        status, answer, _ = await self.ask("POST", "/tickets", body, **headers)
        self.ticket = answer.get("ticket", self.ticket)
        return status, answer


async def crowded(make_room: RoomFactory, clock: Clock, **settings: Any) -> Room:
    """A room with a line: one visitor a minute is admitted, ten are ahead."""
    room = await make_room(
        **{"burst": 1, "new_users_per_minute": 1, "claim_window_ms": 3_600_000} | settings
    )
    await asyncio.gather(*(room.join() for _ in range(10)))
    await tick(room, clock)
    return room


async def tick(room: Room, clock: Clock) -> None:
    """Moves the line on, however short ago it was moved."""
    await clock.advance_ms(MIN_STEP_MS)
    await room.tick()
