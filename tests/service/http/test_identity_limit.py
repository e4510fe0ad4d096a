"""`max_units_per_buyer` counts an identity's units, however many passes it has had."""

import asyncio
import shutil
import time
from typing import Any

import jwt
from aiohttp import ClientSession
from support.api_client import MAX_TRIES, Answer, Api, create, eventually, make_key
from support.service.running import Service, StartService

TWO = {"areas": [{"id": "floor", "quantity": 2}]}
ONE = {"areas": [{"id": "floor", "quantity": 1}]}
SECRETS = ("the first secret of a deployment, long enough", "the second secret of it, long enough")


async def come(platform: Api, name: str, who: str = "customer 7") -> Api:
    """A pass for an identity; after an earlier one was released, one of its next turn."""
    base = f"/v1/sales/{name}"
    shown = (await platform.get(f"{base}/identity-key")).body
    now = int(time.time())
    claims = {"aud": name, "sub": who, "iat": now, "exp": now + 300}
    identity = jwt.encode(claims, shown["key"], "HS256", {"kid": shown["kid"]})
    visitor = platform.as_(None)
    for _ in range(MAX_TRIES):  # after a loss nobody new is called for some polls
        joined = await visitor.post(f"{base}/tickets", {"identity": identity})
        assert joined.status in {200, 201}, joined
        ticket = {"Holdfast-Ticket": str(joined.body["ticket"])}
        claimed = await visitor.post(f"{base}/pass", **ticket)
        if claimed.status in {200, 201}:
            return visitor.as_(claimed.body["pass"])
        # A worker takes a place for live until it hears of its end, within a tick.
        assert claimed.status == 202 or claimed.code == "call_expired", claimed
        await asyncio.sleep(0.05)
    raise AssertionError("never admitted")


async def come_again(platform: Api, name: str, buyer: Api) -> Api:
    """Gives the pass up and joins anew."""
    assert (await buyer.post(f"/v1/sales/{name}/pass/release")).status == 204
    again = await come(platform, name)
    assert pass_of(again)["jti"] != pass_of(buyer)["jti"]
    return again


def pass_of(buyer: Api) -> dict[str, Any]:
    assert buyer.token is not None
    claims: dict[str, Any] = jwt.decode(buyer.token, options={"verify_signature": False})
    return claims


async def sold(platform: Api, name: str, buyer: Api, body: object = TWO) -> Answer:
    """Holds and pays."""
    held = await buyer.hold(name, body)
    assert held.status == 201, held
    confirmed = await platform.confirm(name, held.body)
    assert confirmed.status == 200, confirmed
    return held


def refused(answer: Answer) -> bool:
    return (answer.status, answer.code) == (409, "hold_limit_exceeded")


async def test_identity_buys_no_more_with_its_next_passes(
    operator: Api, platform: Api, name: str
) -> None:
    await create(operator, name, identity="required", max_units_per_buyer=2)
    buyer = await come(platform, name)
    first = await sold(platform, name, buyer)
    for _ in range(3):
        buyer = await come_again(platform, name, buyer)
        assert refused(await buyer.hold(name, ONE))
    listed = (await buyer.get(f"/v1/sales/{name}/holds")).body["items"]
    assert [hold["id"] for hold in listed] == [first.body["id"]]
    other = await come(platform, name, "customer 8")
    assert (await other.hold(name, TWO)).status == 201
    counts = {"free": 96, "held": 2, "sold": 2}
    await eventually(operator, f"/v1/sales/{name}", "counts", counts)


async def test_hold_of_an_earlier_pass_is_the_identitys_own(
    operator: Api, platform: Api, name: str
) -> None:
    await create(operator, name, identity="required", max_units_per_buyer=2)
    base = f"/v1/sales/{name}/holds"
    buyer = await come(platform, name)
    held = (await buyer.hold(name, ONE)).body
    again = await come_again(platform, name, buyer)
    assert (await again.hold(name, ONE)).status == 201
    assert refused(await again.hold(name, ONE))
    extended = await again.post(f"{base}/{held['id']}/extend")
    assert (extended.status, extended.body["buyer"]) == (200, held["buyer"]), extended
    assert (await again.post(f"{base}/{held['id']}/release")).status == 200
    assert (await again.hold(name, ONE)).status == 201


async def test_late_payment_of_an_identity_counts_what_it_has_by_then(
    operator: Api, platform: Api, name: str
) -> None:
    await create(operator, name, identity="required", max_units_per_buyer=2, hold_seconds=1)
    buyer = await come(platform, name)
    late = (await buyer.hold(name, TWO)).body
    await until(platform, f"/v1/sales/{name}/holds/{late['id']}", "expired")
    await sold(platform, name, await come_again(platform, name, buyer))
    paid = await platform.confirm(name, late)
    assert (paid.status, paid.body.get("refund_required")) == (410, True), paid


async def until(api: Api, path: str, status: str) -> None:
    for _ in range(400):
        if (await api.get(path)).body["status"] == status:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"never {status}")


async def test_limit_outlives_a_new_secret_and_the_loss_of_the_store(
    http: ClientSession, start_service: StartService
) -> None:
    """Given two units sold, the service's secret is replaced, then the store loses everything."""
    name = "concert"
    service = start_service(HOLDFAST_SECRET=SECRETS[0])
    operator, platform = apis(http, service)
    await create(operator, name, identity="required", max_units_per_buyer=2)
    buyer = await come(platform, name)
    await sold(platform, name, buyer)
    await buyer.post(f"/v1/sales/{name}/pass/release")
    assert service.stop() == 0

    shutil.rmtree(service.data_dir / "store")
    rotated = start_service(HOLDFAST_SECRET=SECRETS[1])
    operator, platform = apis(http, rotated)
    again = await come(platform, name)
    assert pass_of(again)["sub"] == pass_of(buyer)["sub"]
    assert refused(await again.hold(name, ONE))


def apis(http: ClientSession, service: Service) -> tuple[Api, Api]:
    operator = Api(http, service.url, service.operator_key)
    return operator, operator.as_(make_key(service, "platform"))
