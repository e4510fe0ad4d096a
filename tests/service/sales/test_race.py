"""Two hundred buyers want the same fifty seats, all at once, over HTTP, again and again."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from support.api_client import Answer, Api

BUYERS = 200
SEATS = 50
CLEAN_REFUSALS = {"seat_unavailable", "sold_out"}


def row_of_seats(count: int) -> dict[str, Any]:
    seats = [
        {
            "seat_guid": f"s{number}",
            "seat_number": str(number),
            "uuid": f"uuid-{number}",
            "position": {"x": 25.0 * number, "y": 0},
            "category": "A",
        }
        for number in range(count)
    ]
    row = {"row_number": "1", "position": {"x": 0, "y": 0}, "seats": seats}
    zone = {"name": "Hall", "zone_id": "h", "position": {"x": 0, "y": 0}, "rows": [row]}
    return {
        "name": "One row",
        "categories": [{"name": "A", "color": "#3b82f6"}],
        "zones": [zone],
        "size": {"width": 2000, "height": 100},
    }


async def buy(platform: Api, sale: str, buyer: int, seat: int) -> Answer:
    """Hold one explicit seat, pay and confirm; the first refusal is the answer."""
    request = {"seats": [f"s{seat}"], "buyer": f"buyer-{buyer}"}
    held = await insist(lambda: platform.hold(sale, request, key=f"request-{buyer}"))
    if held.status not in {200, 201}:
        return held
    return await insist(lambda: platform.confirm(sale, held.body))


async def insist(call: Callable[[], Awaitable[Answer]]) -> Answer:
    """Repeats what a busy machine has no time for, as a shop does, which must change nothing."""
    answer = await call()
    while answer.status == 503:
        await asyncio.sleep(float(answer.headers["Retry-After"]))
        answer = await call()
    return answer


@pytest.mark.parametrize("rounds", [5, pytest.param(20, marks=pytest.mark.torture)])
async def test_every_seat_is_sold_once_and_every_loser_told_so(
    operator: Api, platform: Api, name: str, rounds: int
) -> None:
    """Given 50 seats wanted by 4 buyers each, 50 buy and 150 get a clean 409."""
    dice = random.Random(7)
    for number in range(rounds):
        sale = f"{name}-{number}"
        made = await operator.put(
            f"/v1/sales/{sale}",
            {"name": "Race", "plan": row_of_seats(SEATS), "prices": {"A": 1000}},
        )
        assert made.status == 201, made
        wanted = [buyer % SEATS for buyer in range(BUYERS)]
        dice.shuffle(wanted)
        answers = await asyncio.gather(
            *(buy(platform, sale, buyer, seat) for buyer, seat in enumerate(wanted))
        )
        await check_round(operator, platform, sale, wanted, answers)


async def check_round(
    operator: Api, platform: Api, sale: str, wanted: list[int], answers: list[Answer]
) -> None:
    refused = [answer for answer in answers if answer.status != 200]
    assert {answer.code for answer in refused} <= CLEAN_REFUSALS, refused
    winners = {buyer: seat for buyer, seat in enumerate(wanted) if answers[buyer].status == 200}
    assert sorted(winners.values()) == list(range(SEATS))
    assert Counter(answer.status for answer in refused) == {409: BUYERS - SEATS}
    seats = (await operator.as_(None).get(f"/v1/sales/{sale}/seats")).body
    assert seats["states"] == "b" * SEATS
    assert seats["counts"] == {"free": 0, "held": 0, "booked": SEATS, "blocked": 0}
    orders = (await platform.get(f"/v1/sales/{sale}/orders?limit=500")).body["items"]
    owners = {item["seat"]: order["buyer"] for order in orders for item in order["items"]}
    assert len(orders) == SEATS
    assert owners == {f"s{seat}": f"buyer-{buyer}" for buyer, seat in winners.items()}
