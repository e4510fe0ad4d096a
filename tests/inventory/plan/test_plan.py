import math
import time
from typing import Any

import msgspec
import pytest
from support.inventory.harness import FLOOR, PRICES, SETTINGS, SPORTS_HALL, plan_json

from holdfast_inventory.plan.geometry import default_focus, place_rows
from holdfast_inventory.plan.plan import Plan, compile_plan
from holdfast_inventory.plan.pretix import PLAN_BYTES_MAX, read_plan
from holdfast_inventory.settings import InventorySettings
from holdfast_web.errors import ErrorCode, HoldfastError


def plan_of(*zones: list[str], **terms: Any) -> Plan:
    return compile_plan(plan_json(*zones), InventorySettings(prices=PRICES, **terms))


def document(*zones: list[str]) -> dict[str, Any]:
    plan: dict[str, Any] = msgspec.json.decode(plan_json(*zones))
    return plan


def complaint(plan: object) -> str:
    text = plan if isinstance(plan, bytes) else msgspec.json.encode(plan)
    with pytest.raises(HoldfastError) as caught:
        read_plan(text)
    assert caught.value.code is ErrorCode.INVALID_PLAN
    return caught.value.detail


def test_a_real_plan_is_read_in_plan_order() -> None:
    plan = compile_plan(SPORTS_HALL.read_bytes(), SETTINGS)
    assert len(plan) == 1221
    assert plan.guids[0] == "D-6-1"
    assert plan.index("A-1-1") == plan.zones[3].first
    assert plan.label(0) == "Block D, row 6, seat 1"
    assert [zone.id for zone in plan.zones] == ["D", "E", "F", "A", "B", "C"]
    assert plan.category_seats() == {"I": 173, "II": 851, "VIP": 197}
    assert sum(segment.length for segment in plan.segments) == 1221


def test_a_real_plan_has_its_aisles_where_they_are() -> None:
    plan = compile_plan(SPORTS_HALL.read_bytes(), SETTINGS)
    row = [plan.index(f"A-12-{number}") for number in range(1, 29)]
    runs = [plan.run_of[seat] for seat in row if seat is not None]
    assert len(runs) == 28
    assert len(set(runs)) == 3


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (lambda seat: seat.update(category="Z"), "seats[1].category: unknown category 'Z'"),
        (lambda seat: seat.update(seat_guid="z1-1-1"), "seats[1].seat_guid: 'z1-1-1' is also"),
        (lambda seat: seat.update(seat_guid=7), "seats[1].seat_guid: Expected `str`"),
        (lambda seat: seat.update(seat_guid=""), "seats[1].seat_guid"),
        (lambda seat: seat.pop("seat_guid"), "seats[1]: Object missing required field"),
        (lambda seat: seat.pop("position"), "seats[1]: Object missing required field"),
        (lambda seat: seat["position"].update(x="3"), "seats[1].position.x: Expected `float`"),
        (lambda seat: seat["position"].update(x=1e30), "seats[1].position.x"),
        (lambda seat: seat.update(accessible="yes"), "seats[1].accessible: Expected `bool`"),
    ],
)
def test_a_bad_seat_is_named_by_its_path(change: Any, where: str) -> None:
    plan = document(["AAA"], ["AAA", "AAA"])
    change(plan["zones"][1]["rows"][1]["seats"][1])
    if "also" in where:
        plan["zones"][0]["rows"][0]["seats"][0]["seat_guid"] = "z1-1-1"
    assert complaint(plan).startswith(f"zones[1].rows[1].{where}")


@pytest.mark.parametrize(
    ("plan", "where"),
    [
        (b"not json", "$: not JSON"),
        (b"[]", "$: a plan is an object"),
        (b'{"zones": []}', "$: Object missing required field `categories`"),
        (b'{"zones": [], "categories": []}', "zones: the plan has no seats"),
        (b'{"zones": [{"rows": 3}], "categories": []}', "zones[0].rows: Expected `array`"),
        (b'{"zones": [{"rows": [1]}], "categories": []}', "zones[0].rows[0]: Expected `object`"),
        (b'{"zones": [], "categories": ["A"]}', "categories[0]: Expected `object`"),
        (
            b'{"zones": [], "categories": [{"name": ""}]}',
            "categories[0].name: Expected `str` of length >= 1",
        ),
        (b"\xff\xfe{}", "$: not JSON"),
        (b"[" * 5000, "$: not JSON"),
    ],
)
def test_a_bad_plan_is_named_by_its_path(plan: bytes, where: str) -> None:
    assert complaint(plan).startswith(where)


def test_a_category_is_listed_once() -> None:
    plan = document(["A"])
    plan["categories"].append({"name": "A"})
    assert complaint(plan).startswith("categories[3].name: 'A' is also the name of categories[0]")


def test_too_much_is_too_much() -> None:
    assert "larger than" in complaint(b" " * (PLAN_BYTES_MAX + 1))
    many = document(["A"])
    many["categories"] = [{"name": f"c{at}"} for at in range(61)]
    assert complaint(many).startswith("categories: 61 are too many")


def test_what_the_format_may_add_is_carried_along() -> None:
    plan = document(["AA"])
    plan["zones"][0]["rows"][0]["seats"][0]["tomorrow"] = {"new": 1}
    plan["zones"][0]["areas"] = [{"shape": "polygon", "points": [], "text": {"text": "Bar"}}]
    compiled = compile_plan(msgspec.json.encode(plan), SETTINGS)
    shown = msgspec.json.decode(compiled.document)
    assert shown["zones"] == plan["zones"]


def test_the_document_carries_what_a_map_needs() -> None:
    plan = plan_of(["AB"], areas=(FLOOR,), focal_point=(5, 6))
    shown = msgspec.json.decode(plan.document)
    assert shown["plan_version"] == plan.version
    assert shown["focal_point"] == {"x": 5, "y": 6}
    assert shown["prices"] == PRICES
    assert shown["areas"] == [{"id": "floor", "name": "Floor", "capacity": 10, "category": "GA"}]


def test_the_version_names_the_content() -> None:
    assert plan_of(["AB"]).version == plan_of(["AB"]).version
    assert plan_of(["AB"]).version != plan_of(["AA"]).version
    assert plan_of(["AB"]).version != plan_of(["AB"], currency="GBP").version


def test_a_sale_of_areas_has_a_plan_without_seats() -> None:
    plan = compile_plan(None, InventorySettings(areas=(FLOOR,)))
    assert (len(plan), plan.segments, plan.zones) == (0, (), ())
    assert msgspec.json.decode(plan.document)["zones"] == []


def test_offsets_of_zone_row_and_seat_add_up() -> None:
    plan = document(["AA"])
    zone = plan["zones"][0]
    zone["position"], zone["rows"][0]["position"] = {"x": 100, "y": 10}, {"x": 20, "y": 5}
    rows = place_rows(read_plan(msgspec.json.encode(plan)))
    assert rows[0].points == ((120.0, 15.0), (145.0, 15.0))


def row_at(*places: tuple[float, float]) -> Plan:
    """A plan of one row with its seats at these places."""
    plan = document(["A" * len(places)])
    for seat, (x, y) in zip(plan["zones"][0]["rows"][0]["seats"], places, strict=True):
        seat["position"] = {"x": x, "y": y}
    return compile_plan(msgspec.json.encode(plan), SETTINGS)


def runs(plan: Plan) -> list[int]:
    return [plan.run_of.count(run) for run in sorted(set(plan.run_of))]


def test_a_curved_row_has_no_aisle_where_it_only_bends() -> None:
    arc = [(200 * math.cos(at / 8), 200 * math.sin(at / 8)) for at in range(12)]
    assert runs(row_at(*arc)) == [12]
    assert runs(row_at(*arc[:5], *arc[7:])) == [5, 5]


def test_a_pitch_that_grows_slowly_is_no_aisle() -> None:
    assert runs(row_at((0, 0), (25, 0), (51, 0), (79, 0), (110, 0), (143, 0))) == [6]


def test_pairs_at_tables_stay_pairs() -> None:
    assert runs(row_at((0, 0), (25, 0), (90, 0), (115, 0), (180, 0), (205, 0))) == [2, 2, 2]


def test_two_lone_seats_of_a_row_are_judged_by_their_zone() -> None:
    assert runs(plan_of(["AAAA", "A      A"])) == [4, 1, 1]


def test_adjacent_means_side_by_side() -> None:
    plan = plan_of(["AAB AA"])
    assert plan.adjacent((0,))
    assert plan.adjacent((1, 0))
    assert plan.adjacent((1, 2))  # another category, the same row of chairs
    assert not plan.adjacent((0, 2))
    assert not plan.adjacent((2, 3))
    assert not plan.adjacent(())


def test_blocks_have_one_category_and_one_kind_of_access() -> None:
    plan = plan_of(["AABaaA AA"])
    lengths = {(segment.first, segment.length) for segment in plan.segments}
    assert lengths == {(0, 2), (2, 1), (3, 2), (5, 1), (6, 2)}


def focus_of(*zones: list[str], **shape: Any) -> tuple[float, float]:
    plan = document(*zones)
    if shape:
        plan["zones"][0]["areas"] = [shape]
    entry = read_plan(msgspec.json.encode(plan))
    return default_focus(entry, place_rows(entry))


def test_rows_begin_at_the_stage() -> None:
    assert focus_of(["AAAAA", "AAAAA", "AAAAA"]) == (50.0, -25.0)


def test_a_drawn_stage_is_the_focus() -> None:
    place = {"x": 70, "y": 400}
    assert focus_of(["AAA", "AAA"], position=place, text={"text": "Main STAGE"}) == (70, 400)
    assert focus_of(["AAA", "AAA"], position=place, text="Bühne") == (70, 400)
    assert focus_of(["AAA", "AAA"], position=place, text={"text": "Bar"}) != (70, 400)


def test_zones_that_surround_something_look_at_the_middle() -> None:
    plan = document(["AAA", "AAA", "AAA"], ["AAA", "AAA", "AAA"])
    plan["zones"][1]["position"] = {"x": 0, "y": 1000}
    plan["zones"][0]["rows"].reverse()
    entry = read_plan(msgspec.json.encode(plan))
    assert default_focus(entry, place_rows(entry)) == (25.0, 540.0)


def test_the_focal_point_can_be_set() -> None:
    front = plan_of(["AAAA", "AAAA"])
    back = plan_of(["AAAA", "AAAA"], focal_point=(0.0, 1000.0))
    assert front.segments[0].first == 0
    assert back.segments[0].first == 4
    assert back.segments[0].focus2 == 2
    assert front.segments[0].focus2 == 5  # between the second and the third seat


def test_a_hundred_thousand_seats_are_read_in_seconds() -> None:
    text = plan_json(*([["A" * 50] * 50] * 40))
    started = time.process_time()
    plan = compile_plan(text, SETTINGS)
    assert len(plan) == 100_000
    assert time.process_time() - started < 10
