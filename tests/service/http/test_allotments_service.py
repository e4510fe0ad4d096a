"""Allotments through the whole service: who carries a channel, by key or by pass, and releases."""

import asyncio
import json

from support.api_client import NIGHT, Api, create, eventually, make_key
from support.service.running import Service

from holdfast_connector import IdentitySigner

FLOOR = {"id": "floor", "name": "Floor", "capacity": 2, "category": "GA"}
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
    await create(operator, name, areas=[FLOOR, PIT], identity="optional")
    key = (await platform.get(f"/v1/sales/{name}/identity-key")).body
    signer = IdentitySigner.from_json(json.dumps(key))
    body = {"areas": WISH["areas"]}
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
        held = await operator.as_(claimed.body["pass"]).hold(name, body)
        assert held.status == status, (customer, held)
        if status == 403:
            assert (held.code, held.body["conflicts"]) == ("channel_required", ["pit"])


async def test_nobody_waits_for_what_is_set_aside_until_it_is_released(
    operator: Api, platform: Api, name: str
) -> None:
    """Given two places for everybody and five for fans: the third visitor is told, then called."""
    path = f"/v1/sales/{name}"
    await create(operator, name, areas=[FLOOR, PIT], total_active_users=2)
    await eventually(operator, f"{path}/status", "sellable", 2)
    waiting = []
    for _ in range(3):
        joined = await operator.as_(None).post(f"{path}/tickets")
        waiting.append({"Holdfast-Ticket": joined.body["ticket"]})
    held = await platform.hold(name, {"areas": [{"id": "floor", "quantity": 2}], "buyer": "bea"})
    await platform.confirm(name, held.body)
    await eventually(operator, f"{path}/status", "state", "sold_out")
    shown = (await operator.get(f"{path}/status")).body
    assert (shown["sellable"], shown["held"], shown["sold"]) == (0, 0, 2)
    assert (await operator.as_(None).post(f"{path}/tickets")).code == "sold_out"

    released = await operator.patch(path, {"released_channels": ["fanclub"]})
    assert released.status == 200, released
    await eventually(operator, f"{path}/status", "state", "open")
    await operator.patch(path, {"total_active_users": 10})
    await eventually(operator, f"{path}/status", "serving", 3)
    claimed = await operator.as_(None).post(f"{path}/pass", **waiting[2])
    assert claimed.status == 201, claimed
    assert (
        await operator.as_(claimed.body["pass"]).hold(name, {"areas": WISH["areas"]})
    ).status == 201
    kinds = [event["type"] for event in (await platform.get(f"{path}/events")).body["items"]]
    assert kinds.index("allotment.released") + 1 == kinds.index("inventory.reopened")
    await operator.patch(path, {"message": "again"})
    kinds = [event["type"] for event in (await platform.get(f"{path}/events")).body["items"]]
    assert kinds.count("allotment.released") == 1


async def test_a_presale_is_open_to_those_who_are_in_line_for_it(operator: Api, name: str) -> None:
    """Given that all is set aside for whom the line carries; nothing else would be for anybody."""
    path = f"/v1/sales/{name}/status"
    await create(operator, name, areas=[PIT], line_channels=["fanclub"])
    await eventually(operator, path, "sellable", 5)
    await create(operator, f"{name}-x", areas=[PIT])
    await eventually(operator, f"/v1/sales/{name}-x/status", "state", "sold_out")
    wrong = await operator.put(f"/v1/sales/{name}-y", {**NIGHT, "line_channels": ["nobody"]})
    assert (wrong.status, wrong.body["field"]) == (400, "line_channels")
