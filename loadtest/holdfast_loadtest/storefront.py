"""The storefront of `sellout` over HTTP: sells as a shop's server does, with its platform key.

Where the service sheds load, the request is repeated when it says. Any other answer that is neither
a success nor a refusal that the crowd provokes ends the run.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from holdfast_loadtest.calls import ShopCalls
from holdfast_loadtest.client import Answer, Client, Credentials
from holdfast_loadtest.sellout import Held, Refused, SelloutFailed
from holdfast_loadtest.wire import Hold, Sale, SeatMap

REFUSALS: Final = frozenset({409})
SHED: Final = 503


class HttpStorefront:
    """One sale of any deployment; `guids` are the plan's seats in plan order."""

    def __init__(self, client: Client, platform_key: str, guids: Sequence[str]) -> None:
        self._client = client
        self._shop = ShopCalls(client, platform_key)
        self._key = platform_key
        self._guids = guids
        self._requests = itertools.count()
        self._places = {guid: at for at, guid in enumerate(guids)}

    async def put_on_sale(self, sale: object) -> str:
        """Creates the sale, which is open at once; answers its uid."""
        await _done(lambda: self._shop.write("PUT", "", sale))
        return (await _done(lambda: self._shop.read(""))).read(Sale).uid

    async def states(self) -> str:
        return (await _done(lambda: self._shop.read("/seats"))).read(SeatMap).states

    async def best(self, buyer: str, quantity: int) -> Held:
        return await self._hold(buyer, {"best_available": {"quantity": quantity}})

    async def seats(self, buyer: str, seats: tuple[int, ...]) -> Held:
        return await self._hold(buyer, {"seats": [self._guids[seat] for seat in seats]})

    async def paying(self, held: Held) -> None:
        await _done(lambda: self._shop.paying(held.id))

    async def confirm(self, held: Held) -> None:
        payment = {"order_ref": f"order-{held.id}", "payment_ref": f"paid-{held.id}"}
        body = {**payment, "amount": held.total}
        await _done(lambda: self._shop.confirm(held.id, body))

    async def release(self, buyer: str, held: Held) -> None:
        route = f"/holds/{held.id}/release"
        await _done(lambda: self._shop.write("POST", route, {"buyer": buyer}))

    async def _hold(self, buyer: str, request: dict[str, Any]) -> Held:
        # A key for each request, since the same buyer asks for less after a refusal.
        credentials = Credentials(
            bearer=self._key, idempotency_key=f"request-{next(self._requests)}"
        )
        body = {**request, "buyer": buyer}
        answer = await _done(
            lambda: self._client.call("POST", "/holds", credentials=credentials, body=body)
        )
        hold = answer.read(Hold)
        seats = tuple(self._places[item.seat] for item in hold.items if item.seat is not None)
        return Held(hold.id, seats, hold.total)


async def _done(ask: Callable[[], Awaitable[Answer]]) -> Answer:
    """The answer of a request that may be sent again: every one of these is idempotent."""
    answer = await ask()
    while answer.status == SHED and answer.retry_after is not None:
        await asyncio.sleep(answer.retry_after)
        answer = await ask()
    if answer.ok:
        return answer
    problem = answer.problem()
    if answer.status in REFUSALS:
        raise Refused(problem.code)
    raise SelloutFailed(f"{answer.status} {problem.code} {problem.detail}")
