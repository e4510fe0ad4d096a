"""Rotating the secret while a sale goes on: nobody honest is refused, a retired key opens nothing.

The service is restarted under load with a new secret and the old one listed, then with the new one
alone. A refusal is a 401, 403 or 410; that a restart cuts connections is another matter.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import jwt
import pytest
from support.api_client import Answer, Api, create
from support.connector.storefronts import COOKIE_SECRET, SHOP, asgi_ask
from support.ports import free_port
from support.sales.worker import until
from support.service.running import STOP_SECONDS, Service, await_ready, launch

from holdfast_connector import Gate, Settings

OLD, NEW = "old-" + "s" * 40, "new-" + "t" * 40
SALE, QUEUE = "gala", "queue"
VISITORS = 12
GET_THROUGH_SECONDS = 60
REFUSALS = {401, 403, 410}
BROWSER = {"Sec_Fetch_Mode": "navigate"}
OPEN_DOORS = {"new_users_per_minute": 60_000, "burst": 1_000, "return_origins": [SHOP]}


@dataclass
class Rotating:
    """One deployment, restarted with other secrets on the same port and directory."""

    http: aiohttp.ClientSession
    data_dir: Path
    port: int = field(default_factory=free_port)
    service: Service | None = None

    async def start(self, secret: str, previous: str = "") -> None:
        environ = {"HOLDFAST_SECRET": secret, "HOLDFAST_SECRET_PREVIOUS": previous}
        arguments = ("--port", str(self.port), "--workers", "2")
        self.service = launch(self.data_dir, *arguments, **environ)
        await asyncio.to_thread(await_ready, self.service)

    async def stop(self) -> None:
        assert self.service is not None
        await asyncio.to_thread(self.service.stop)

    @property
    def api(self) -> Api:
        return Api(self.http, f"http://127.0.0.1:{self.port}")

    @property
    def operator(self) -> Api:
        assert self.service is not None
        return self.api.as_(self.service.operator_key)


@pytest.fixture
async def rotating(tmp_path: Path, http: aiohttp.ClientSession) -> AsyncIterator[Rotating]:
    deployment = Rotating(http, tmp_path / "data")
    try:
        yield deployment
    finally:
        service = deployment.service
        if service is not None and service.process.poll() is None:
            service.process.kill()
            service.process.wait(STOP_SECONDS)


@dataclass
class Crowd:
    """Visitors from before the rotation, and what they show again and again."""

    api: Api
    waiting: list[str] = field(default_factory=list)
    tickets: list[str] = field(default_factory=list)
    passes: list[str] = field(default_factory=list)
    rejections: list[Answer] = field(default_factory=list)
    good: int = 0

    async def gather(self) -> None:
        """Some wait in a line that does not move, some are inside."""
        for _ in range(VISITORS):
            self.waiting.append(await self.api.join(QUEUE))
            self.tickets.append(await self.api.join(SALE))
            self.passes.append(await self.api.claim(SALE, self.tickets[-1]))

    def acts(self) -> list[Callable[[], Awaitable[Answer]]]:
        """What they do: poll, claim again, look at their holds, renew."""
        api = self.api
        return [
            *(lambda t=t: _shown(api, "GET", f"{QUEUE}/ticket", t) for t in self.waiting),
            *(lambda t=t: _shown(api, "POST", f"{SALE}/pass", t) for t in self.tickets),
            *(lambda p=p: api.as_(p).get(f"/v1/sales/{SALE}/holds") for p in self.passes),
            *(lambda p=p: api.as_(p).post(f"/v1/sales/{SALE}/pass/renew") for p in self.passes),
        ]

    async def once(self, act: Callable[[], Awaitable[Answer]]) -> None:
        try:
            answer = await act()
        except (aiohttp.ClientError, OSError):
            await asyncio.sleep(0.05)
            return
        if answer.status in REFUSALS:
            self.rejections.append(answer)
        self.good += answer.status in {200, 201}

    async def get_through(self, times: int) -> None:
        """Waits until so many more of their requests were taken."""
        wanted = self.good + times

        async def have_got() -> bool:
            return self.good >= wanted

        await until(have_got, GET_THROUGH_SECONDS)

    @asynccontextmanager
    async def coming_and_going(self) -> AsyncIterator[None]:
        """All of them at it, all the time."""

        async def keep_on(act: Callable[[], Awaitable[Answer]]) -> None:
            while True:
                await self.once(act)
                await asyncio.sleep(0.02)

        tasks = [asyncio.create_task(keep_on(act)) for act in self.acts()]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(end, asyncio.CancelledError) for end in ended), ended

    async def each_once(self) -> list[int]:
        return [(await act()).status for act in self.acts()]


async def _shown(api: Api, method: str, path: str, ticket: str) -> Answer:
    return await api.call(method, f"/v1/sales/{path}", headers={"Holdfast-Ticket": ticket})


async def handoff(api: Api) -> str:
    """Where the waiting room sends a fresh visitor, on the shop."""
    ticket = await api.join(SALE)
    await api.claim(SALE, ticket)
    body = {"return_url": f"{SHOP}/seats"}
    again = await api.post(f"/v1/sales/{SALE}/pass", body, **{"Holdfast-Ticket": ticket})
    return str(again.body["redirect_to"]).removeprefix(SHOP)


def kid_of(token: str) -> object:
    return jwt.get_unverified_header(token)["kid"]


async def test_rotation_refuses_nothing_honest_and_a_retired_key_everything(
    rotating: Rotating,
) -> None:
    # Given a sale under the old secret, with a crowd in it and a shop that knows the keys
    await rotating.start(OLD)
    await create(rotating.operator, SALE, **OPEN_DOORS)
    await create(rotating.operator, QUEUE, queue_all=True)
    crowd = Crowd(rotating.api)
    await crowd.gather()
    shop = asgi_ask(_gate(rotating))
    inside = (await shop(await handoff(rotating.api), **BROWSER)).cookie

    # When the secret is rotated while they come and go
    async with crowd.coming_and_going():
        await crowd.get_through(len(crowd.acts()))
        on_the_way, kept = await handoff(rotating.api), await handoff(rotating.api)
        await rotating.stop()
        await rotating.start(NEW, previous=OLD)
        let_in = await shop(on_the_way, **BROWSER)
        fresh = await handoff(rotating.api)
        renewed = await rotating.api.as_(crowd.passes[0]).post(f"/v1/sales/{SALE}/pass/renew")
        newly_in = await shop(fresh, **BROWSER)
        await crowd.get_through(2 * len(crowd.acts()))

    # Then nobody was refused: old tickets, passes and hand-offs hold, new ones have a new key
    assert crowd.rejections == []
    assert set(await crowd.each_once()) == {200}
    assert let_in.all("Set-Cookie")
    assert newly_in.all("Set-Cookie")
    assert (await shop("/seats", Cookie=inside, **BROWSER)).status == 200
    assert kid_of(fresh.partition("=")[2]) != kid_of(on_the_way.partition("=")[2])
    assert kid_of(str(renewed.body["pass"])) != kid_of(crowd.passes[0])

    # And when the old secret is taken off the list, what it signed is worth nothing
    await rotating.stop()
    await rotating.start(NEW)
    assert set(await crowd.each_once()) == {401}
    body = {"token": kept.partition("=")[2], "origin": SHOP}
    refused = await rotating.api.post(f"/v1/sales/{SALE}/pass/exchange", body)
    assert (refused.status, refused.code) == (410, "handoff_used")
    other_shop = asgi_ask(_gate(rotating))
    assert not (await other_shop(kept, **BROWSER)).all("Set-Cookie")
    assert (
        await rotating.api.as_(str(renewed.body["pass"])).get(f"/v1/sales/{SALE}/holds")
    ).status == 200


def _gate(rotating: Rotating) -> Gate:
    url = f"http://127.0.0.1:{rotating.port}"
    return Gate(
        Settings(service_url=url, shop_url=SHOP, sale=SALE, cookie_secrets=(COOKIE_SECRET,))
    )
