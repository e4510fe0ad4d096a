"""Allotments through the whole service: keys that carry a channel, and their release."""

import asyncio

from api_client import Api, create, make_key
from running_service import Service

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
