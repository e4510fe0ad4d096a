import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace

import msgspec
import pytest
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer
from support.http.refusals import refusal_of
from support.inventory.app import API, SALE, application
from support.inventory.harness import PRICES, SETTINGS, Clock, InventoryHarness, plan_json

from holdfast_inventory.holds.choice import ChoiceCompiler
from holdfast_inventory.holds.hold_requests import BuyerRef, HoldRequest
from holdfast_inventory.holds.releases import release
from holdfast_inventory.orders.confirm import equivalent_choices
from holdfast_inventory.plan.plan import compile_plan
from holdfast_inventory.settings import Allotment, Area, InventorySettings
from holdfast_lua import Executor
from holdfast_lua.calls import keys
from holdfast_lua.calls.codes import Code
from holdfast_lua.calls.hold_terms import SeatChoice, SeatList
from holdfast_lua.calls.records import AreaUnits
from holdfast_web.credentials import ApiKey, Role
from holdfast_web.errors import ErrorCode, HoldfastError

FANS = ("z1-1-4", "z1-1-5", "z1-1-6", "z1-1-7")
ALLOTTED = InventorySettings(
    prices=PRICES,
    areas=(Area("floor", "Floor", 5, "GA"), Area("pit", "Pit", 3, "GA", channel="fanclub")),
    allotments=(Allotment("fanclub", seats=FANS), Allotment("press", zones=("Z2",))),
)
PLAN = plan_json(["AAAAAAAAAA"], ["BB"])


class Shop:
    """The API with two keys: `fans` carries the channel of the fan club, `platform` none."""

    def __init__(
        self, client: TestClient[web.Request, web.Application], harness: InventoryHarness
    ) -> None:
        self.client = client
        self.harness = harness

    async def hold(self, token: str, body: Mapping[str, object], key: str) -> ClientResponse:
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key}
        asked = {**body, "buyer": f"buyer-{key}"}
        return await self.client.post(SALE + "/holds", json=asked, headers=headers)

    async def release(self, channel: str) -> None:
        """As an operator's PATCH: the store first, then every worker."""
        inventory = self.harness.inventory
        await release(inventory, [channel])
        inventory.apply(
            replace(inventory.settings, released=inventory.settings.released | {channel})
        )

    async def changes(self, channel: str = "") -> list[tuple[str, list[int], list[object]]]:
        address = f"{SALE}/changes?after=1-0{channel}"
        page = await (await self.client.get(address)).json()
        return [(item["state"], item["seats"], item["areas"]) for item in page["changes"]]

    async def states(self, channel: str = "") -> str:
        asked = f"?channel={channel}" if channel else ""
        response = await self.client.get(f"{SALE}/seats{asked}")
        return str((await response.json())["states"])


@pytest.fixture
async def shop(executor: Executor, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Shop]:
    harness = await InventoryHarness.install(executor, PLAN, ALLOTTED)
    fans = ApiKey("fans", Role.PLATFORM, "fans", frozenset({"fanclub"}))
    monkeypatch.setitem(API, "fans", fans)
    async with TestClient(TestServer(application(harness))) as client:
        yield Shop(client, harness)


async def test_a_seat_that_is_set_aside_is_named_and_refused(shop: Shop) -> None:
    body = {"seats": ["z1-1-3", "z1-1-4"], "areas": [{"id": "pit", "quantity": 1}]}
    refused = await shop.hold("platform", body, "k1")
    document = await refused.json()
    assert (refused.status, document["code"]) == (403, "channel_required")
    assert document["conflicts"] == ["z1-1-4", "pit"]
    assert (await shop.hold("fans", body, "k2")).status == 201


async def test_the_store_itself_refuses_what_is_set_aside(shop: Shop) -> None:
    """Whatever a worker thinks of a request: the class of a seat is known in the store."""
    seats = shop.harness.seats("z1-1-3", "z1-1-4", "z2-1-1", channel="fanclub")
    answer = await shop.harness.hold(seats, channel="fanclub")
    assert (answer.code, answer.seats) == (Code.CHANNEL_REQUIRED, (10,))
    answer = await shop.harness.hold(shop.harness.seats(*FANS))
    assert (answer.code, answer.seats) == (Code.CHANNEL_REQUIRED, (3, 4, 5, 6))
    hold_request = HoldRequest((3,), None, frozenset(), (AreaUnits(0, 1, 0), AreaUnits(1, 1, 0)))
    refused = await refusal_of(
        shop.harness.inventory.hold(hold_request, BuyerRef("bea", "key:1"), key="k", digest="d")
    )
    assert refused.code is ErrorCode.CHANNEL_REQUIRED
    assert refused.members == {"conflicts": ["z1-1-4", "pit"]}
    assert await shop.harness.states() == "f" * 12
    await shop.harness.recount()


@pytest.mark.parametrize("channel", ["", "press", "fanclub"])
async def test_the_store_gives_what_is_said_to_be_open_and_nothing_else(
    shop: Shop, channel: str
) -> None:
    """Given calls that ask as the fans may: by name, by best available in whatever rung, and of
    their area. The store gives it to those of whom it hears that they may have it.
    """
    harness, fans = shop.harness, frozenset({"fanclub"})
    choose = ChoiceCompiler(harness.plan, harness.inventory.settings).choice
    choice = choose(1, frozenset(), frozenset(), False, False, channels=fans)
    public = choose(1, frozenset(), frozenset(), False, False)
    hold_requests: tuple[tuple[SeatList | SeatChoice | None, int], ...] = (
        (harness.seats(FANS[0], channel="fanclub"), 0),
        (choice, 0),
        (msgspec.structs.replace(choice, kinds=public.kinds), 0),
        (msgspec.structs.replace(choice, first_rung=public.first_rung), 0),
        (None, 1),
        (public, 1),
    )
    said = Code.OK if channel == "fanclub" else Code.CHANNEL_REQUIRED
    for seats, pit in hold_requests:
        answer = await harness.hold(seats, pit=pit, channel=channel)
        assert (answer.code, answer.areas) == (said, (1,) * (pit and said is not Code.OK))
    assert (await harness.hold(public, floor=1, channel=channel)).code is Code.OK
    await harness.recount()


async def test_pass_gets_what_its_channel_is_given_and_nothing_else(shop: Shop) -> None:
    """By name and by best available; the press's seats stay the press's."""
    for buyer in ("fay", "bea"):
        name = keys.active(shop.harness.uid)
        await shop.harness.executor.command("ZADD", name, 2**45, f"pass-{buyer}")
    asked = (
        ("pass.bea.x", {"seats": [FANS[0]]}, 403),
        ("pass.bea.press", {"seats": [FANS[0]]}, 403),
        ("pass.fay.fanclub", {"seats": ["z2-1-1"]}, 403),
        ("pass.fay.fanclub", {"seats": [FANS[0]]}, 201),
        ("pass.fay.fanclub", {"best_available": {"quantity": 3, "categories": ["A"]}}, 201),
        ("pass.bea.press", {"best_available": {"quantity": 2, "zones": ["Z2"]}}, 201),
    )
    for number, (token, body, status) in enumerate(asked):
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": f"key-{number}"}
        held = await shop.client.post(SALE + "/holds", json=body, headers=headers)
        assert held.status == status, (token, body, await held.text())
    states = await shop.harness.states()
    assert (states.count("h"), states[3], states[10:]) == (6, "h", "hh")


async def test_best_available_sells_out_beside_what_is_set_aside(shop: Shop) -> None:
    """Given six seats for everybody, many want more: the four of the fans and the press stay."""
    one = {"best_available": {"quantity": 1}}
    answers = await asyncio.gather(*(shop.hold("platform", one, f"k{n}") for n in range(20)))
    codes = sorted(answer.status for answer in answers)
    assert codes == [201] * 6 + [409] * 14
    assert {(await a.json())["code"] for a in answers if a.status == 409} == {"sold_out"}
    assert await shop.harness.states() == "hhhffffhhhff"
    four = await shop.hold("fans", {"best_available": {"quantity": 4}}, "f")
    assert sorted(item["seat"] for item in (await four.json())["items"]) == sorted(FANS)
    press = await shop.hold("fans", {"best_available": {"quantity": 1, "zones": ["Z2"]}}, "p")
    assert press.status == 409


async def test_the_map_shows_it_as_blocked_to_everybody_else(shop: Shop) -> None:
    assert await shop.states() == "fffxxxxfffxx"
    assert await shop.states("fanclub") == "ffffffffffxx"
    response = await (await shop.client.get(SALE + "/seats")).json()
    assert response["counts"] == {"free": 11, "held": 0, "booked": 0, "blocked": 9}
    assert response["areas"]["floor"] == {"free": 5, "held": 0, "booked": 0, "capacity": 5}
    masked = {"free": 0, "held": 0, "booked": 0, "blocked": 3, "capacity": 3}
    assert response["areas"]["pit"] == masked
    response = await (await shop.client.get(SALE + "/seats?channel=fanclub")).json()
    assert response["counts"] == {"free": 18, "held": 0, "booked": 0, "blocked": 2}
    assert response["areas"]["pit"] == {"free": 3, "held": 0, "booked": 0, "capacity": 3}
    assert (await shop.client.get(SALE + "/seats?channel=nobody")).status == 400


async def test_changes_show_it_as_blocked_to_everybody_else(shop: Shop) -> None:
    units = [{"id": "floor", "quantity": 1}, {"id": "pit", "quantity": 1}]
    hold = await shop.hold("fans", {"seats": ["z1-1-3", "z1-1-4"], "areas": units}, "k")
    path = f"/holds/{(await hold.json())['id']}/release"
    headers = {"Authorization": "Bearer fans"}
    await shop.client.post(SALE + path, json={"buyer": "buyer-k"}, headers=headers)

    floor, pit = ({"area": name, "quantity": 1} for name in ("floor", "pit"))
    changes = await shop.changes()
    assert changes == [("h", [2, 3], [floor]), ("f", [2], [floor]), ("x", [3], [])]
    changes = await shop.changes("&channel=fanclub")
    assert changes == [("h", [2, 3], [floor, pit]), ("f", [2, 3], [floor, pit])]


async def test_what_is_released_is_for_everybody(shop: Shop) -> None:
    before = (await shop.client.get(SALE + "/seats")).headers["ETag"]
    await shop.release("fanclub")
    pit = {"area": "pit", "quantity": 3}
    assert await shop.changes() == [("f", [3, 4, 5, 6], [pit])]
    assert await shop.states() == "ffffffffffxx"
    assert (await shop.client.get(SALE + "/seats")).headers["ETag"] != before
    pit = {"seats": [FANS[0]], "areas": [{"id": "pit", "quantity": 1}]}
    assert (await shop.hold("platform", pit, "k1")).status == 201
    assert (await shop.hold("platform", {"best_available": {"quantity": 3}}, "k2")).status == 201
    assert (await shop.hold("platform", {"seats": ["z2-1-1"]}, "k3")).status == 403


async def test_a_late_payment_gets_equivalent_seats_of_both_kinds(shop: Shop, clock: Clock) -> None:
    """Given a hold on a seat of the fans and one for all, both taken since: two others."""
    harness = shop.harness
    seats = harness.seats("z1-1-3", "z1-1-4", channel="fanclub")
    held = await harness.held(seats, channel="fanclub")
    await clock.advance_ms(held.expires_ms - await clock.now_ms())
    await harness.held(seats, channel="fanclub")
    choices = equivalent_choices(harness.inventory, held)
    answer = await harness.calls.reacquire_hold(harness.ref, held.id, choices, limit=0, seed=1)
    assert answer.code is Code.HOLD_REACQUIRED
    assert answer.hold is not None
    assert len(set(answer.hold.seats)) == 2
    assert (await harness.states()).count("h") == 4


async def allotted_units(harness: InventoryHarness) -> tuple[int, int]:
    """Units that nobody in line can have: free, held."""
    raw = await harness.executor.command(
        "HMGET", keys.sale(harness.uid), "apart_free", "apart_held"
    )
    return int(raw[0]), int(raw[1])


async def test_what_is_set_aside_is_counted_apart_in_whatever_state(shop: Shop) -> None:
    """Given four seats and three units of the fans, and two seats of the press."""
    harness = shop.harness
    assert await allotted_units(harness) == (9, 0)
    body = {"seats": ["z1-1-3", "z1-1-4"], "areas": [{"id": "pit", "quantity": 2}]}
    held = await (await shop.hold("fans", body, "k")).json()
    assert await allotted_units(harness) == (6, 3)
    await harness.confirmed(held["id"])
    assert await allotted_units(harness) == (6, 0)
    await harness.calls.free_seats(harness.ref, held["id"], seats=[2, 3], areas=[])
    assert await allotted_units(harness) == (7, 0)
    await harness.inventory.block([4])
    assert await allotted_units(harness) == (6, 0)
    await harness.inventory.unblock([4])
    late = await harness.held(harness.choice(2))
    assert await allotted_units(harness) == (7, 0)
    await harness.inventory.release(late.id, owner="", version=0)
    await harness.recount()


async def test_sale_is_sold_out_when_only_what_is_set_aside_is_left(shop: Shop) -> None:
    harness = shop.harness
    await harness.held(
        harness.seats(*(f"z1-1-{at}" for at in (1, 2, 3, 8, 9, 10))), floor=5, limit=0
    )
    assert await harness.kinds() == ["hold.created"]
    (hold,) = (await harness.holds()).values()
    await harness.confirmed(hold.id)
    assert (await harness.kinds())[-1] == "inventory.sold_out"
    fans = await (await shop.hold("fans", {"seats": list(FANS)}, "f")).json()
    await harness.inventory.release(fans["id"], owner="", version=0)
    assert (await harness.kinds())[-1] == "hold.released"
    await shop.release("fanclub")
    assert (await harness.kinds())[-2:] == ["allotment.released", "inventory.reopened"]
    assert await allotted_units(harness) == (2, 0)
    await harness.recount()


async def test_release_tells_once_what_it_puts_on_sale(shop: Shop) -> None:
    harness = shop.harness
    await shop.hold("fans", {"seats": [FANS[1]], "areas": [{"id": "pit", "quantity": 1}]}, "k")
    for _ in range(2):
        await shop.release("fanclub")
    headers = {"Authorization": "Bearer platform"}
    page = await (await shop.client.get(SALE + "/events?after=1-1", headers=headers)).json()
    (event,) = page["items"]
    assert event["type"] == "allotment.released"
    assert event["subject"] == "fanclub"
    wanted = [{"seat": FANS[at], "quantity": 1} for at in (0, 2, 3)]
    wanted.append({"area": "pit", "quantity": 2})
    assert event["data"] == {"channel": "fanclub", "free": 5, "held": 2, "items": wanted}
    assert await allotted_units(harness) == (2, 0)
    await harness.recount()
    await shop.release("press")
    assert await allotted_units(harness) == (0, 0)
    assert await harness.executor.command("HGET", keys.sale(harness.uid), "apart") == b""
    await harness.recount()


async def test_what_the_line_carries_is_the_lines(executor: Executor) -> None:
    """Given a presale: who is in line carries the channel, and waits for the fans' seats."""
    presale = replace(ALLOTTED, line_channels=frozenset({"fanclub"}))
    harness = await InventoryHarness.install(executor, PLAN, presale)
    assert await allotted_units(harness) == (2, 0)
    await harness.recount()


async def test_rebuilt_stock_counts_apart_as_before(shop: Shop, executor: Executor) -> None:
    harness = shop.harness
    body = {"seats": [FANS[0]], "areas": [{"id": "pit", "quantity": 2}]}
    held = await (await shop.hold("fans", body, "k")).json()
    holds = list((await harness.holds()).values())
    again = await InventoryHarness.install(executor, PLAN, ALLOTTED, holds=holds, blocked=[5])
    assert held["id"] in await again.holds()
    assert await allotted_units(again) == (5, 3)


def test_a_sale_without_allotments_gives_the_scripts_the_very_same() -> None:
    """Nothing of what a hold sends or reads may grow."""
    bare, allotted = compile_plan(PLAN, SETTINGS), compile_plan(PLAN, ALLOTTED)
    assert bare.set_aside == []
    assert [len(segment.record()) for segment in bare.segments] == [13, 13]
    assert len(allotted.segments) == 4


@pytest.mark.parametrize(
    "allotments",
    [
        (Allotment("fanclub", seats=("nope",)),),
        (Allotment("fanclub", zones=("nope",)),),
        (Allotment("fanclub", seats=FANS), Allotment("press", seats=FANS)),
    ],
)
def test_an_allotment_that_makes_no_sense_is_refused(allotments: tuple[Allotment, ...]) -> None:
    with pytest.raises(HoldfastError) as refused:
        compile_plan(PLAN, replace(SETTINGS, allotments=allotments))
    assert refused.value.code is ErrorCode.INVALID_REQUEST
