"""A worker whose store stands still: the crowd is refused at once, and payments are not."""

import asyncio
import itertools
import os
import signal
from collections import Counter

import aiohttp
from support.api_client import FLOOR, Answer, Api, create, make_key
from support.service.running import Service, StartService

HOLD = {"areas": [{"id": "floor", "quantity": 1}]}
CROWD = 500
REFUSED = "overloaded"
SOON_SECONDS = 10.0


async def first_answers(asked: list[asyncio.Task[Answer]], wanted: int) -> list[Answer]:
    """So many answers, as soon as they are there."""
    async with asyncio.timeout(SOON_SECONDS):
        return [await one for one in itertools.islice(asyncio.as_completed(asked), wanted)]


async def refusals(service: Service, http: aiohttp.ClientSession) -> Counter[str]:
    """What the service has counted, by reason and priority."""
    async with http.get(f"{service.url}/metrics") as response:
        text = await response.text()
    counted: Counter[str] = Counter()
    for line in text.splitlines():
        name, _, value = line.rpartition(" ")
        if name.startswith("holdfast_refused_total"):
            counted[name.removeprefix("holdfast_refused_total")] += round(float(value))
    return counted


async def test_store_that_stands_still_keeps_the_crowd_out_and_lets_payments_in(
    start_service: StartService, http: aiohttp.ClientSession
) -> None:
    service = start_service(HOLDFAST_SHED_AFTER_MS="250")
    operator = Api(http, service.url, service.operator_key)
    await create(operator, "night", areas=[{**FLOOR, "capacity": 10_000}], max_units_per_buyer=1000)
    shop = operator.as_(make_key(service, "platform"))
    held = await shop.hold("night", {**HOLD, "buyer": "payer"})
    assert held.status == 201, held

    os.kill(service.store_pid(), signal.SIGSTOP)
    try:
        crowd = [
            asyncio.ensure_future(shop.hold("night", {**HOLD, "buyer": f"buyer-{number}"}))
            for number in range(CROWD)
        ]
        refused = [one for one in await first_answers(crowd, CROWD // 4) if one.code == REFUSED]
        assert {one.status for one in refused} == {503}
        assert len({one.headers["Retry-After"] for one in refused}) > 1
        polled = await operator.as_(None).get("/v1/sales/night/status")
        assert polled.status == 200
        of_the_hold = f"/v1/sales/night/holds/{held.body['id']}"
        paid = asyncio.ensure_future(shop.confirm("night", held.body))
        extended = asyncio.ensure_future(shop.post(f"{of_the_hold}/extend"))
        await shop.get("/livez")
    finally:
        os.kill(service.store_pid(), signal.SIGCONT)

    assert REFUSED not in {(await paid).code, (await extended).code}
    assert (await shop.confirm("night", held.body)).status == 200
    answered = Counter(one.code or str(one.status) for one in await asyncio.gather(*crowd))
    assert set(answered) <= {"201", REFUSED, "outcome_unknown", "store_unavailable"}
    assert (await shop.hold("night", {**HOLD, "buyer": "late"})).status == 201
    await asyncio.sleep(1)  # counts are flushed twice a second
    counted = await refusals(service, http)
    # The machine may have been slow, too, so that some were old. Others are there at 0.
    assert set(+counted) <= {f'{{priority="new",reason="{why}"}}' for why in ("work", "age")}
    assert counted.total() == answered[REFUSED] > 0
    assert "refused new " in service.text
