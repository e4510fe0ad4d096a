"""A steady crowd at the front of a deployment, and when each kind of write last succeeded for it.

Visitors go the whole way: join, claim, hold, pay; most are late when they are called. Beside
them some only join, and shops hold by their key, so that one kind of write that stands still does
not keep the others from being tried.

Whatever gets no answer, or is told to come back, is asked again as a page or a shop's server would;
what was promised goes into the journal of the audit.
"""

import asyncio
import contextlib
import itertools
import json
import ssl
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final
from uuid import uuid4

import aiohttp
from support.api_client import ALL_PRICES, seating_plan

from holdfast_loadtest.audit.journal import (
    Admitted,
    Confirmed,
    Joined,
    Journal,
    Paid,
    RefundRequired,
    digest,
)
from holdfast_loadtest.calls import BuyerCalls, LineCalls, ShopCalls
from holdfast_loadtest.client import Answer, Client, Unreachable
from holdfast_loadtest.crowd.context import WITHIN_CONTRACT
from holdfast_loadtest.wire import Confirmation, Hold, Pass, Ticket

SALE: Final = "night"
WRITES: Final = ("join", "claim", "hold", "confirm")
VISITORS: Final = 12
LATE_VISITORS: Final = 30
LATE_SECONDS: Final = (3.0, 20.0)
"""within the claim window"""
JOINERS: Final = 2
SHOPS: Final = 5
ANSWER_SECONDS: Final = 4.0
REPEAT_SECONDS: Final = 0.25
REPEATS_MAX: Final = 400
POLL_SECONDS: Final = 0.5
COME_BACK: Final = frozenset({429, 502, 503, 504})
SOLD: Final = frozenset({"sold_out", "not_enough_together"})
COPIES: Final = 6
"""of the plan of 1,221 seats: more than a long run sells"""


class GaveUp(Exception):
    """A request was repeated for longer than anything takes that repairs itself."""


@dataclass
class Crowd:
    """Everybody at one deployment; times are of the monotonic clock, in seconds."""

    clients: list[Client]
    shop_url: str
    key: str
    seed: int
    journal: Journal = field(default_factory=Journal)
    successes: dict[str, list[float]] = field(default_factory=lambda: {kind: [] for kind in WRITES})
    answers: Counter[str] = field(default_factory=Counter)
    _stopped: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self._in_turn = itertools.cycle(self.clients)

    def stop(self) -> None:
        """Nobody comes any more; who is late comes at once."""
        self._stopped.set()

    async def run(self) -> None:
        """Until it is stopped and all visits are over."""
        people = [*[self._visit] * VISITORS, *[self._visit_late] * LATE_VISITORS]
        people += [*[self._only_join] * JOINERS, *[self._shop] * SHOPS]
        async with asyncio.TaskGroup() as group:
            for number, person in enumerate(people):
                group.create_task(self._repeat(person, Random(f"{self.seed}:{number}")))

    async def _repeat(self, person: Callable[[Random], Awaitable[None]], rng: Random) -> None:
        while not self._stopped.is_set():
            try:
                await person(rng)
            except GaveUp as told:
                self.journal.complain("everything goes on by itself", str(told))
            await asyncio.sleep(rng.uniform(0.1, 0.5))

    def _client(self) -> Client:
        return next(self._in_turn)

    @property
    def shop(self) -> ShopCalls:
        """The shop's server, at the next of its addresses."""
        return ShopCalls(self._client().at(self.shop_url), self.key)

    # -- one request --------------------------------------------------------------------------

    async def _until_answered(
        self, kind: str, attempt: Callable[[], Awaitable[Answer]]
    ) -> tuple[Answer, float]:
        """The first final answer, and when it was asked for."""
        for _ in range(REPEATS_MAX):
            sent = time.monotonic()
            try:
                answer = await attempt()
            except Unreachable:
                self.answers[f"{kind}: no answer"] += 1
            else:
                self.answers[f"{kind}: {answer.problem().code or answer.status}"] += 1
                if answer.status not in COME_BACK:
                    return answer, sent
            await asyncio.sleep(REPEAT_SECONDS)
        raise GaveUp(f"{kind}: no final answer to {REPEATS_MAX} requests")

    def _succeeded(self, kind: str) -> float:
        self.successes[kind].append(now := time.monotonic())
        return now

    def _unexpected(self, kind: str, answer: Answer) -> None:
        problem = answer.problem()
        told = f"{kind}: {answer.status} {problem.code} {problem.detail}"
        self.journal.complain(WITHIN_CONTRACT, told)

    # -- those who wait -----------------------------------------------------------------------

    async def _only_join(self, rng: Random) -> None:
        """As those do who close the page again."""
        await self._join()
        await asyncio.sleep(rng.uniform(0.3, 1.0))

    async def _join(self) -> Ticket | None:
        answer, sent = await self._until_answered("join", LineCalls(self._client()).join)
        if not answer.ok:
            self._unexpected("join", answer)
            return None
        ticket, answered = answer.read(Ticket), self._succeeded("join")
        if ticket.number is not None:
            self.journal.record(Joined(ticket.number, sent, answered))
        return ticket

    async def _visit(self, rng: Random) -> None:
        await self._go_in(await self._join(), rng)

    async def _visit_late(self, rng: Random) -> None:
        ticket = await self._join()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopped.wait(), rng.uniform(*LATE_SECONDS))
        await self._go_in(ticket, rng)

    async def _go_in(self, ticket: Ticket | None, rng: Random) -> None:
        passed = None if ticket is None else await self._claim(ticket)
        if passed is None:
            return
        calls = BuyerCalls(self._client(), passed.token)
        hold = await self._hold(rng, calls.hold, {})
        if hold is not None:
            await self._pay(hold, announce=rng.random() < 0.5)
        await self._until_answered("leave", lambda: LineCalls(self._client()).leave(passed.token))

    async def _claim(self, ticket: Ticket) -> Pass | None:
        """Asks until the turn has come; without a line it came with the ticket."""
        if ticket.token is not None:
            return self._welcome(ticket, Pass(ticket.token, ticket.pass_id or ""))
        for _ in range(REPEATS_MAX):
            answer, _ = await self._until_answered(
                "claim", lambda: LineCalls(self._client()).claim(ticket.ticket)
            )
            if answer.status in {200, 201}:
                return self._welcome(ticket, answer.read(Pass))
            if answer.status != 202:
                self._unexpected("claim", answer)
                return None
            if self._stopped.is_set():
                return None
            await asyncio.sleep(POLL_SECONDS)
        raise GaveUp(f"claim: number {ticket.number} was never called")

    def _welcome(self, ticket: Ticket, passed: Pass) -> Pass:
        self._succeeded("claim")
        self.journal.record(Admitted(digest(ticket.ticket), passed.pass_id, ticket.number))
        return passed

    # -- those who buy ------------------------------------------------------------------------

    async def _shop(self, rng: Random) -> None:
        buyer = {"buyer": uuid4().hex}
        hold = await self._hold(rng, self._hold_by_key, buyer)
        if hold is not None:
            await self._pay(hold, announce=rng.random() < 0.5)

    async def _hold_by_key(self, body: dict[str, Any], key: str) -> Answer:
        return await BuyerCalls(self._client().at(self.shop_url), self.key).hold(body, key)

    async def _hold(
        self,
        rng: Random,
        ask: Callable[[dict[str, Any], str], Awaitable[Answer]],
        more: dict[str, str],
    ) -> Hold | None:
        seats = {"best_available": {"quantity": rng.choice((1, 2, 3))}}
        floor = {"areas": [{"id": "floor", "quantity": 1}]}
        key = uuid4().hex
        body = {**(seats if rng.random() < 0.5 else floor), **more}
        answer, _ = await self._until_answered("hold", lambda: ask(body, key))
        if answer.ok:
            self._succeeded("hold")
            return answer.read(Hold)
        if answer.problem().code not in SOLD:
            self._unexpected("hold", answer)
        return None

    async def _pay(self, hold: Hold, *, announce: bool) -> None:
        """Announces the payment or does not; charges, in thought; confirms until it is answered."""
        if announce:
            answer, _ = await self._until_answered("paying", lambda: self.shop.paying(hold.id))
            if answer.status == 410:  # the hold went with the store that had it
                return
            if not answer.ok:
                self._unexpected("paying", answer)
                return
        self.journal.record(Paid(hold.id))
        payment = {
            "order_ref": f"order-{hold.id}",
            "payment_ref": f"pay-{hold.id}",
            "amount": hold.total,
        }
        kind = "confirm announced" if announce else "confirm"
        answer, _ = await self._until_answered(kind, lambda: self.shop.confirm(hold.id, payment))
        if answer.ok:
            self._succeeded("confirm")
            order = answer.read(Confirmation).order
            assert order is not None
            self.journal.record(Confirmed(hold.id, order.items, hold.total))
        elif answer.status == 410 and answer.problem().refund_required:
            self.journal.record(RefundRequired(hold.id))
        else:
            self._unexpected(kind, answer)


async def create_sale(operator: ShopCalls) -> str:
    """A sale of some thousand seats and a floor that is never full; answers its uid."""
    plan: dict[str, Any] = seating_plan()
    made = await operator.write(
        "PUT",
        "",
        {
            "name": "Night",
            "plan": {**plan, "zones": _zones(plan)},
            "areas": [{"id": "floor", "name": "Floor", "capacity": 1_000_000, "category": "GA"}],
            "prices": ALL_PRICES,
            # Few enough that there is a line.
            "new_users_per_minute": 480,
            "burst": 4,
            "total_active_users": 10_000,
        },
    )
    assert made.status == 201, made.body
    return str(json.loads(made.body)["uid"])


def _zones(plan: dict[str, Any]) -> list[dict[str, Any]]:
    """The zones of a plan several times over, under names of their own."""
    return [
        {
            "name": f"{zone['name']} {copy}",
            "position": zone["position"],
            "rows": [
                {
                    "row_number": row["row_number"],
                    "position": row["position"],
                    "seats": [
                        {
                            "seat_guid": f"{seat['seat_guid']}-{copy}",
                            "seat_number": seat["seat_number"],
                            "position": seat["position"],
                            "category": seat["category"],
                        }
                        for seat in row["seats"]
                    ],
                }
                for row in zone["rows"]
            ],
        }
        for copy in range(COPIES)
        for zone in plan["zones"]
    ]


@asynccontextmanager
async def crowd(
    url: str, shop_url: str, *, key: str, addresses: list[str], trusting: ssl.SSLContext, seed: int
) -> AsyncIterator[Crowd]:
    """People behind so many addresses, and the shop's server; they come once it is run."""
    sessions = [
        aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=trusting, local_addr=(address, 0), limit=64),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=ANSWER_SECONDS),
        )
        for address in addresses
    ]
    try:
        clients = [Client(session, url, SALE) for session in sessions]
        yield Crowd(clients, shop_url, key, seed)
    finally:
        for session in sessions:
            await session.close()
