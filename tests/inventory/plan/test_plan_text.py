import msgspec
import pytest
from support.inventory.harness import SPORTS_HALL, plan_json

from holdfast_inventory.plan.plan import compile_plan
from holdfast_inventory.plan.text import clean_plan
from holdfast_inventory.settings import InventorySettings
from holdfast_web.errors import ErrorCode, HoldfastError

PLAN = plan_json(["AB"])


def test_clean_plan_is_kept_byte_for_byte() -> None:
    for plan in (
        PLAN,
        SPORTS_HALL.read_bytes(),
        PLAN.replace(b"Drawn", "Café \u202b\u05e9\u05dc".encode()),
        PLAN.replace(b'"Drawn"', rb'"Caf\u00e9 \"1\""'),
        PLAN.replace(b"Drawn", b"one \\n two").replace(b'"name":"one', b'"note":"one'),
    ):
        assert clean_plan(plan) == plan


def test_byte_order_mark_is_left_out() -> None:
    assert clean_plan(b"\xef\xbb\xbf" + PLAN) == PLAN


@pytest.mark.parametrize("guid", [b"Cafe\xcc\x81", rb"Cafe\u0301"])
def test_decomposed_names_are_composed_as_in_every_request(guid: bytes) -> None:
    plan = clean_plan(PLAN.replace(b"z1-1-1", guid))
    assert compile_plan(plan, InventorySettings()).index("Café") == 0
    assert "Café".encode() in compile_plan(plan, InventorySettings()).document


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        (b'"Drawn"', rb'"Dr\u0000awn"', "name"),
        (b'"Z1"', rb'"two\nlines"', "zones[0].name"),
        (b'"z1-1-2"', b'"z\x7f"', "zones[0].rows[0].seats[1].seat_guid"),
        (b'"z1-1-2"', b'"z\xc2\x85"', "zones[0].rows[0].seats[1].seat_guid"),
        (b'"row_number":"1"', rb'"row_number":"\t"', "zones[0].rows[0].row_number"),
        (b'"Drawn"', rb'"x","extra":{"a":["\u0007"]}', "extra.a[0]"),
        (b'"Drawn"', rb'"x","\u0000":1', "$"),
        (b'"Drawn"', b'"\xff"', "$"),
        (b'"Drawn"', rb'"\ud800"', "$"),
    ],
)
def test_what_is_no_text_is_refused_where_it_stands(old: bytes, new: bytes, path: str) -> None:
    assert old in PLAN
    with pytest.raises(HoldfastError) as refusal:
        clean_plan(PLAN.replace(old, new))
    assert refusal.value.code is ErrorCode.INVALID_PLAN
    assert refusal.value.members["field"] == f"plan.{path}"


def nested(levels: int) -> bytes:
    inner = b"[" * levels + rb'"\u0065"' + b"]" * levels
    return PLAN.replace(b'"Drawn"', b'"Drawn","extra":' + inner)


def test_nested_plan_is_kept() -> None:
    assert clean_plan(nested(100)) == nested(100)


@pytest.mark.parametrize("levels", [900, 100_000])
def test_plan_that_is_nested_too_deeply_is_refused(levels: int) -> None:
    """Whether the decoder says so, or takes what is too deep for those who look at it next."""
    with pytest.raises(HoldfastError) as refusal:
        clean_plan(nested(levels))
    assert refusal.value.code is ErrorCode.INVALID_PLAN
    assert refusal.value.members["field"] == "plan.$"


def test_scenery_may_have_several_lines() -> None:
    shape = {"text": {"text": "The\nStage"}, "note": "a\tb"}
    drawn = msgspec.json.decode(PLAN)
    drawn["zones"][0]["areas"] = [shape]
    text = msgspec.json.encode(drawn)
    assert clean_plan(text) == text
