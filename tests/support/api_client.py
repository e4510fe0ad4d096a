"""The API as an outside program calls it: small typed helpers over aiohttp, no shortcuts."""

import asyncio
import json
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
from support.service import forked_command
from support.service.running import Service

FLOOR = {"id": "floor", "name": "Floor", "capacity": 100, "category": "GA"}
PLAN = Path(__file__).parents[2] / "examples" / "plans" / "sports-hall.json"
NIGHT = {"name": "Night", "areas": [FLOOR], "prices": {"GA": 4500}}
ALL_PRICES = {"I": 9000, "II": 6000, "VIP": 15000, "GA": 4500}
MAX_TRIES = 400
IN_TIME_TRIES = 6
STUCK_SECONDS = 60.0
"""how long something is waited for that comes soon, or never"""


@dataclass(frozen=True)
class Answer:
    """Status, body and headers of one response."""

    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def code(self) -> str | None:
        """The problem's code, None for a success."""
        return self.body.get("code") if isinstance(self.body, dict) else None


@dataclass
class Api:
    """One service and one credential."""

    http: aiohttp.ClientSession
    url: str
    token: str | None = None

    def as_(self, token: str | None) -> "Api":
        """The same service with another credential."""
        return Api(self.http, self.url, token)

    async def call(
        self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
    ) -> Answer:
        """Any call; the body is sent as JSON, the answer read as JSON when it is."""
        sent = dict(headers or {})
        if self.token is not None:
            sent["Authorization"] = f"Bearer {self.token}"
        async with self.http.request(method, self.url + path, json=body, headers=sent) as response:
            text = await response.read()
            is_json = "json" in response.content_type
            shown = await response.json(content_type=None) if is_json and text else text
            return Answer(response.status, shown, dict(response.headers))

    async def get(self, path: str) -> Answer:
        return await self.call("GET", path)

    async def look(self, path: str) -> Answer:
        """GET by a connection of its own: of several workers any may answer."""
        return await self.call("GET", path, headers={"Connection": "close"})

    async def post(self, path: str, body: object = None, **headers: str) -> Answer:
        return await self.call("POST", path, body, headers)

    async def put(self, path: str, body: object) -> Answer:
        return await self.call("PUT", path, body)

    async def patch(self, path: str, body: object) -> Answer:
        return await self.call("PATCH", path, body)

    async def delete(self, path: str) -> Answer:
        return await self.call("DELETE", path)

    async def join(self, sale: str) -> str:
        """A ticket."""
        joined = await self.post(f"/v1/sales/{sale}/tickets")
        assert joined.status == 201, joined
        return str(joined.body["ticket"])

    async def claim(self, sale: str, ticket: str) -> str:
        """The pass of a ticket, waiting for the call as long as it takes."""
        for _ in range(MAX_TRIES):
            claimed = await self.post(f"/v1/sales/{sale}/pass", **{"Holdfast-Ticket": ticket})
            if claimed.status in {200, 201}:
                return str(claimed.body["pass"])
            assert claimed.status == 202, claimed
            await asyncio.sleep(0.05)
        raise AssertionError("never called")

    async def admitted(self, sale: str) -> "Api":
        """A buyer who went through the line."""
        return self.as_(await self.claim(sale, await self.join(sale)))

    async def hold(self, sale: str, request: object, key: str | None = None) -> Answer:
        """A hold, under a fresh idempotency key unless one is given."""
        return await self.call(
            "POST", f"/v1/sales/{sale}/holds", request, {"Idempotency-Key": key or uuid4().hex}
        )

    async def confirm(self, sale: str, hold: dict[str, Any]) -> Answer:
        """Pay and confirm."""
        return await self.post(
            f"/v1/sales/{sale}/holds/{hold['id']}/confirm",
            {
                "order_ref": f"order-{hold['id']}",
                "payment_ref": f"pay-{hold['id']}",
                "amount": hold["total"],
            },
        )


async def create(operator: Api, name: str, **fields: object) -> None:
    made = await operator.put(f"/v1/sales/{name}", {**NIGHT, **fields})
    assert made.status == 201, made


def seating_plan() -> dict[str, object]:
    plan: dict[str, object] = json.loads(PLAN.read_text())
    return plan


async def eventually(operator: Api, path: str, member: str, wanted: object) -> float:
    """Seconds until the first of 20 reads in a row (two workers) that show the value."""
    started = since = time.monotonic()
    agreed = 0
    while agreed < 20:
        shown = (await operator.look(path)).body
        if shown.get(member) == wanted:
            agreed += 1
        else:
            agreed, since = 0, time.monotonic()
            assert since - started < STUCK_SECONDS, shown
        await asyncio.sleep(0.01)
    return since - started


async def in_time(measured: Callable[[int], Awaitable[float]], seconds: float) -> None:
    """One of some tries, which are told their number, takes less than this.

    Any of them may come at a moment in which the machine has no time for us; what is too slow by
    itself is so each time.
    """
    taken: list[float] = []
    while min(taken, default=seconds) >= seconds:
        assert len(taken) < IN_TIME_TRIES, taken
        taken.append(await measured(len(taken)))


def make_key(service: Service, role: str, *more: str) -> str:
    return keys_command(service, "create", f"test-{role}", "--role", role, *more).strip()


def keys_command(service: Service, *arguments: str) -> str:
    command = ["keys", *arguments, "--data-dir", str(service.data_dir)]
    done = forked_command.run(*command, environ={**os.environ, **service.environ})
    assert done.returncode == 0, done.stderr
    return done.stdout
