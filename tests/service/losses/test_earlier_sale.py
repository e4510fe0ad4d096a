"""What was given out in a deleted sale is worth nothing in a later sale of the same name."""

import time

import jwt
import pytest
from support.api_client import FLOOR, Api, create

SHOP = "https://shop.example"
UNIT = {"areas": [{"id": "floor", "quantity": 1}]}


def signed(key: dict[str, str], name: str) -> str:
    """What the storefront signs of its visitor."""
    now = int(time.time())
    claims = {"aud": name, "sub": "customer 7", "iat": now, "exp": now + 300}
    return jwt.encode(claims, key["key"], "HS256", {"kid": key["kid"]})


async def replaced(operator: Api, name: str, **fields: object) -> None:
    """Deletes the sale and creates another one of its name."""
    assert (await operator.post(f"/v1/sales/{name}/close")).status == 200
    assert (await operator.delete(f"/v1/sales/{name}")).status == 204
    await create(operator, name, return_origins=[SHOP], **fields)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/holds"),
        ("GET", "/holds/{hold}"),
        ("POST", "/holds/{hold}/extend"),
        ("POST", "/holds/{hold}/release"),
        ("POST", "/holds/cancel"),
        ("GET", "/orders"),
        ("POST", "/pass/renew"),
        ("POST", "/pass/release"),
        ("DELETE", "/pass"),
    ],
)
async def test_pass_of_an_earlier_sale_opens_nothing(
    operator: Api, name: str, method: str, path: str
) -> None:
    await create(operator, name, return_origins=[SHOP])
    buyer = await operator.as_(None).admitted(name)
    hold = (await buyer.hold(name, UNIT, "before")).body["id"]
    await replaced(operator, name)
    base = f"/v1/sales/{name}"
    headers = {"Idempotency-Key": "after"}
    answer = await buyer.call(method, base + path.format(hold=hold), headers=headers)
    assert (answer.status, answer.code) == (401, "unauthorized"), answer


async def test_pass_of_an_earlier_sale_holds_nothing(operator: Api, name: str) -> None:
    await create(operator, name, return_origins=[SHOP])
    buyer = await operator.as_(None).admitted(name)
    assert (await buyer.hold(name, UNIT)).status == 201
    await replaced(operator, name)
    refused = await buyer.hold(name, UNIT)
    assert (refused.status, refused.code) == (401, "unauthorized"), refused
    counts = (await operator.get(f"/v1/sales/{name}")).body["counts"]
    assert counts == {"free": FLOOR["capacity"], "held": 0, "sold": 0}


async def test_ticket_handoff_and_identity_of_an_earlier_sale_open_nothing(
    operator: Api, platform: Api, name: str
) -> None:
    base = f"/v1/sales/{name}"
    await create(operator, name, return_origins=[SHOP], identity="required")
    visitor = operator.as_(None)
    shown = (await platform.get(f"{base}/identity-key")).body
    identity = signed(shown, name)
    joined = await visitor.post(f"{base}/tickets", {"identity": identity, "return_url": SHOP})
    assert joined.status == 201, joined
    ticket = str(joined.body["ticket"])
    claimed = await visitor.post(
        f"{base}/pass", {"return_url": SHOP + "/cart"}, **{"Holdfast-Ticket": ticket}
    )
    handoff = claimed.body["redirect_to"].rpartition("=")[2]
    await replaced(operator, name, identity="required")
    exchanged = await visitor.post(f"{base}/pass/exchange", {"token": handoff})
    assert (exchanged.status, exchanged.code) == (410, "handoff_used"), exchanged
    view = await visitor.call("GET", f"{base}/ticket", headers={"Holdfast-Ticket": ticket})
    assert view.status == 401, view
    again = await visitor.post(f"{base}/tickets", {"identity": identity})
    assert (again.status, again.code) == (401, "identity_required"), again
