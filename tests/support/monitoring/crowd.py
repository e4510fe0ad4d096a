"""A small crowd for a service that Prometheus watches: something happens in every figure."""

import asyncio
from typing import Any, Final

from support.api_client import Api, create

SALE: Final = "finale"
FLOOR: Final = {"areas": [{"id": "floor", "quantity": 1}]}
BUYERS: Final = 8


async def open_sale(operator: Api) -> None:
    """A sale in which people wait for a moment, and slots are bounded."""
    await create(operator, SALE, new_users_per_minute=240, total_active_users=50, hold_seconds=60)


async def visit(operator: Api) -> None:
    """Visitors who wait for a moment and buy: one is paid back, one pays too late."""
    buyers = await asyncio.gather(*(operator.admitted(SALE) for _ in range(BUYERS)))
    holds = await asyncio.gather(*(_hold(buyer) for buyer in buyers))
    confirmed = [await operator.confirm(SALE, hold) for hold in holds[:-1]]
    assert {answer.status for answer in confirmed} == {200}
    refunded = await operator.post(f"/v1/sales/{SALE}/orders/{holds[0]['id']}/refund")
    assert refunded.status == 200, refunded
    await _pay_too_late(operator, buyers[-1], holds[-1])
    assert (await operator.patch(f"/v1/sales/{SALE}", {"message": "Enjoy!"})).status == 200


async def _hold(buyer: Api) -> dict[str, Any]:
    made = await buyer.hold(SALE, FLOOR)
    assert made.status == 201, made
    body: dict[str, Any] = made.body
    return body


async def _pay_too_late(operator: Api, buyer: Api, hold: dict[str, Any]) -> None:
    await buyer.post(f"/v1/sales/{SALE}/holds/{hold['id']}/release")
    late = await operator.confirm(SALE, hold)
    assert (late.status, late.code) == (410, "hold_released"), late
