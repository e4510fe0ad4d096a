"""A visitor's way over HTTP: join, poll, claim, come back, leave."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.test_utils import TestClient

from holdfast_queue.room import Room

Client = TestClient[web.Request, web.Application]
ClientFactory = Callable[[Room], Awaitable[Client]]
RoomFactory = Callable[..., Awaitable[Room]]
SHOP = "https://shop.example"
OWN = {"Origin": "http://wait.example"}


async def test_quiet_sale_admits_in_the_join(room: Room, serve: ClientFactory) -> None:
    client = await serve(room)
    joined = await client.post(f"/v1/sales/{room.name}/tickets")
    body = await joined.json()
    assert (joined.status, body["state"], body["number"]) == (201, "admitted", 1)
    again = await client.post(
        f"/v1/sales/{room.name}/pass", headers={"Holdfast-Ticket": body["ticket"]}
    )
    assert (again.status, (await again.json())["pass_id"]) == (200, body["pass_id"])
