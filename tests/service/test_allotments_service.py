"""Allotments through the whole service: who carries a channel, by key or by pass, and releases."""

import asyncio
import json

from api_client import Api, create, make_key
from running_service import Service

from holdfast_connector import IdentitySigner

PIT = {"id": "pit", "name": "Pit", "capacity": 5, "category": "GA", "channel": "fanclub"}
WISH = {"areas": [{"id": "pit", "quantity": 1}], "buyer": "bea"}


async def test_a_key_carries_channels_until_they_are_released(
    operator: Api, platform: Api, shared_service: Service, name: str
) -> None:
    fans = operator.as_(make_key(shared_service, "platform", "--channel", "fanclub"))
    press = operator.as_(make_key(shared_service, "platform", "--channel", "press"))
    await create(operator, name, areas=[PIT])
    assert (await fans.hold(name, WISH)).status == 201
    for other in (platform, press, operator):
        refused = await other.hold(name, WISH)
        assert (refused.status, refused.code) == (403, "channel_required")
        assert refused.body["conflicts"] == ["pit"]

    released = await operator.patch(f"/v1/sales/{name}", {"released_channels": ["fanclub"]})
    assert released.status == 200, released
    for _ in range(100):  # each worker hears of it within two ticks
        held = await platform.hold(name, WISH)
        if held.status == 201:
            break
        assert held.code == "channel_required"
        await asyncio.sleep(0.05)
    assert held.status == 201


async def test_a_pass_carries_the_channels_that_the_storefront_has_signed(
    operator: Api, platform: Api, name: str
) -> None:
    await create(operator, name, areas=[PIT], identity="optional")
    key = (await platform.get(f"/v1/sales/{name}/identity-key")).body
    signer = IdentitySigner.from_json(json.dumps(key))
    wish = {"areas": WISH["areas"]}
    for customer, channels, status in (
        ("fan", ["fanclub"], 201),
        ("editor", ["press", "radio"], 403),
        ("stranger", [], 403),
    ):
        visitor = operator.as_(None)
        joined = await visitor.post(
            f"/v1/sales/{name}/tickets", {"identity": signer.sign(customer, channels)}
        )
        ticket = joined.body["ticket"]
        claimed = await visitor.post(f"/v1/sales/{name}/pass", **{"Holdfast-Ticket": ticket})
        held = await operator.as_(claimed.body["pass"]).hold(name, wish)
        assert held.status == status, (customer, held)
        if status == 403:
            assert (held.code, held.body["conflicts"]) == ("channel_required", ["pit"])
