from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from holdfast.sales.operations import SEATS_AUDITED, audited_spec
from holdfast.sales.spec import (
    LIVE_FIELDS,
    SaleBody,
    SaleSpec,
    check_prices,
    patched_spec,
    spec_from_json,
    spec_to_json,
    split_body,
)
from holdfast.sales.spec_mapping import brand, inventory_settings, line_settings, sale_times
from holdfast_web.errors import ErrorCode, HoldfastError
from holdfast_web.request.body import decode_json

FLOOR = {"id": "floor", "name": "Floor", "capacity": 100, "category": "GA"}
START = "2030-01-01T10:00:00Z"


def body(**fields: object) -> bytes:
    return msgspec.json.encode(
        {"name": "Night", "areas": [FLOOR], "prices": {"GA": 4500}, **fields}
    )


def spec_of(**fields: object) -> SaleSpec:
    return split_body(decode_json(body(**fields), SaleBody))[0]


def refused_field(**fields: object) -> object:
    with pytest.raises(HoldfastError) as refusal:
        spec_of(**fields)
    assert refusal.value.code is ErrorCode.INVALID_REQUEST
    return refusal.value.members["field"]


def test_defaults_are_those_of_the_contract() -> None:
    spec = decode_json(b'{"name": "x"}', SaleBody)
    assert (spec.currency, spec.queueing_method, spec.late_payment) == (
        "EUR",
        "fifo",
        "reacquire_same",
    )
    assert (spec.new_users_per_minute, spec.burst, spec.total_active_users) == (600, 20, 1000)
    assert (spec.session_duration, spec.claim_window_seconds, spec.first_hold_seconds) == (
        15,
        120,
        180,
    )
    assert (spec.hold_seconds, spec.hold_max_seconds, spec.max_units_per_buyer) == (1800, 3600, 6)
    assert (spec.stock_factor, spec.verify_amount, spec.queue_all, spec.suspended) == (
        1.0,
        True,
        False,
        False,
    )
    assert spec.event_start_time is None


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"nome": "x"}, "nome"),
        ({"name": ""}, "name"),
        ({"name": 7}, "name"),
        ({"currency": "euro"}, "currency"),
        ({"new_users_per_minute": "600"}, "new_users_per_minute"),
        ({"new_users_per_minute": -1}, "new_users_per_minute"),
        ({"burst": 0}, "burst"),
        ({"stock_factor": 0}, "stock_factor"),
        ({"hold_seconds": 0}, "hold_seconds"),
        ({"queueing_method": "lottery"}, "queueing_method"),
        ({"late_payment": "keep"}, "late_payment"),
        ({"event_start_time": "2030-01-01 10:00"}, "event_start_time"),
        ({"event_start_time": "2030-01-01T10:00:00"}, "event_start_time"),
        ({"prequeue_start_time": START}, "event_start_time"),
        (
            {"prequeue_start_time": START, "event_start_time": "2029-12-31T10:00:00Z"},
            "prequeue_start_time",
        ),
        ({"event_start_time": START, "event_end_time": START}, "event_end_time"),
        ({"hold_seconds": 3601}, "hold_max_seconds"),
        ({"return_origins": ["https://shop.example/cart"]}, "return_origins"),
        ({"return_origins": ["https:\\\\evil.example"]}, "return_origins"),
        ({"prices": {"GA": -1}}, "prices[...]"),
        ({"prices": {"GA": 1.5}}, "prices[...]"),
        ({"areas": [FLOOR, FLOOR]}, "areas"),
        ({"areas": [{**FLOOR, "capacity": 0}]}, "areas[0].capacity"),
        ({"areas": [{**FLOOR, "size": 1}]}, "areas[0].size"),
    ],
)
def test_refusal_names_the_field(fields: dict[str, object], field: str) -> None:
    assert refused_field(**fields) == field


def test_plan_is_carried_as_it_came() -> None:
    _, plan = split_body(decode_json(body(plan={"zones": [1, 2]}), SaleBody))
    assert plan == b'{"zones":[1,2]}'
    assert split_body(decode_json(body(), SaleBody))[1] is None
    assert split_body(decode_json(body(plan=None), SaleBody))[1] is None


def test_spec_survives_the_ledger() -> None:
    spec = spec_of(event_start_time=START, return_origins=["https://shop.example"], message="hi")
    assert spec_from_json(spec_to_json(spec)) == spec


@pytest.mark.parametrize("field", sorted(LIVE_FIELDS))
def test_live_fields_can_be_patched(field: str) -> None:
    spec = spec_of(event_start_time=START, prequeue_start_time=START)
    value = msgspec.to_builtins(getattr(spec, field))
    assert patched_spec(spec, {field: value}) == spec


def test_patch_changes_only_what_it_names() -> None:
    spec = spec_of(message="before")
    changed = patched_spec(spec, {"new_users_per_minute": 60, "message": None})
    assert (changed.new_users_per_minute, changed.message) == (60, None)
    assert msgspec.structs.replace(changed, new_users_per_minute=600, message="before") == spec


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"currency": "USD"}, "currency"),
        ({"prices": {}}, "prices"),
        ({"areas": []}, "areas"),
        ({"plan": {}}, "plan"),
        ({"queueing_method": "random"}, "queueing_method"),
        ({"nonsense": 1}, "nonsense"),
        ({"burst": "many"}, "burst"),
        ({"hold_seconds": 9999}, "hold_max_seconds"),
    ],
)
def test_patch_refusal_names_the_field(changes: dict[str, object], field: str) -> None:
    with pytest.raises(HoldfastError) as refusal:
        patched_spec(spec_of(), changes)
    assert refusal.value.members["field"] == field


def test_every_category_needs_a_price() -> None:
    spec = spec_of(prices={"GA": 0})
    check_prices(spec, frozenset({"GA"}))
    with pytest.raises(HoldfastError, match="invalid_request") as refusal:
        check_prices(spec, frozenset({"GA", "VIP"}))
    assert "'VIP'" in refusal.value.detail
    assert refusal.value.members["field"] == "prices"


def test_sale_without_any_price_is_free_of_charge() -> None:
    spec = spec_of(prices={})
    check_prices(spec, frozenset({"GA", "VIP"}))
    assert inventory_settings(spec).price("VIP") == 0


def test_translation_keeps_every_value_in_its_unit() -> None:
    spec = spec_of(
        event_start_time=START,
        event_end_time="2030-01-01T12:00:00+01:00",
        session_duration=2,
        claim_window_seconds=3,
        hold_seconds=4,
        hold_max_seconds=5,
    )
    start_ms = int(datetime(2030, 1, 1, 10, tzinfo=UTC).timestamp() * 1000)
    line, stock = line_settings(spec), inventory_settings(spec)
    assert (line.event_start_ms, line.event_end_ms) == (start_ms, start_ms + 3_600_000)
    assert sale_times(spec).opens_ms == start_ms
    assert (line.session_ms, line.claim_window_ms) == (120_000, 3000)
    assert (stock.hold_ms, stock.hold_max_ms) == (4000, 5000)
    assert stock.areas[0].capacity == 100


def test_bad_brand_is_refused_by_name() -> None:
    with pytest.raises(HoldfastError) as refusal:
        brand(spec_of(brand={"colour": "red"}))
    assert refusal.value.members["field"] == "brand.colour"


def test_what_was_released_stays_released() -> None:
    """A worker that has not heard of a change yet may sell it for a moment: so it cannot end."""
    spec = spec_of(areas=[{**FLOOR, "channel": "fanclub"}])
    released = patched_spec(spec, {"released_channels": ["fanclub"]})
    assert released.released_channels == ("fanclub",)
    for channels in ([], ["fanclub", "press"]):
        with pytest.raises(HoldfastError) as refused:
            patched_spec(released, {"released_channels": channels})
        assert refused.value.members["field"] == "released_channels"


def test_text_has_no_control_characters_and_patterns_end_where_the_text_does() -> None:
    assert refused_field(name="Night\0") == "name"
    assert refused_field(name="Night\nDay") == "name"
    assert refused_field(currency="EUR\n") == "currency"
    assert refused_field(areas=[{**FLOOR, "id": "floor\n"}]) == "areas[0].id"
    assert refused_field(areas=[{**FLOOR, "channel": "fans\n"}]) == "areas[0].channel"
    assert spec_of(name="Cafe\u0301").name == "Caf\u00e9"


def test_several_lines_are_for_what_visitors_read() -> None:
    texts = {"en": {"waiting_lead": "one\ntwo"}}
    spec = spec_of(message="one\r\ntwo", brand={"texts": texts})
    assert (spec.message, spec.brand.texts) == ("one\ntwo", texts)
    assert refused_field(message="\0") == "message"
    assert str(refused_field(brand={"texts": {"en": {"waiting_lead": "\0"}}})).startswith(
        "brand.texts"
    )
    assert refused_field(brand={"name": "a\nb"}) == "brand.name"


def test_patch_is_held_to_the_same_rule_of_text() -> None:
    spec = spec_of()
    assert patched_spec(spec, {"name": "Cafe\u0301"}).name == "Caf\u00e9"
    for changes in ({"name": "a\0"}, {"brand": {"name": "a\nb"}}, {"return_origins": ["\0" * 9]}):
        with pytest.raises(HoldfastError) as refusal:
            patched_spec(spec, changes)
        assert refusal.value.code is ErrorCode.INVALID_REQUEST
    with pytest.raises(HoldfastError):
        patched_spec(spec, {"name": "\u0958" * 200})


def test_patch_does_not_judge_what_an_older_version_took() -> None:
    old = msgspec.structs.replace(spec_of(), name="two\nlines")
    assert patched_spec(old, {"burst": 3}).burst == 3


@pytest.mark.parametrize("time", ["9999-12-31T23:59:59-23:00", "0001-01-01T00:00:00+23:00"])
def test_time_that_has_no_name_in_utc_is_refused(time: str) -> None:
    assert refused_field(event_start_time=time) == "event_start_time"


LATER = {"colour_scheme": {"dark": True}, "burst": 7}


def later_spec() -> bytes:
    """As a version to come may keep it: a field more in the spec, in an area and in the brand."""
    now = spec_of(brand={"name": "B"})
    kept = msgspec.json.decode(spec_to_json(now))
    kept["areas"][0]["standing"] = True
    kept["brand"]["font"] = "serif"
    return msgspec.json.encode({**kept, **LATER})


def test_what_a_later_version_keeps_is_read_without_what_only_it_knows() -> None:
    spec = spec_from_json(later_spec())
    assert (spec.burst, spec.areas[0].capacity, spec.brand.name) == (7, 100, "B")
    assert spec == spec_from_json(spec_to_json(spec))


def test_what_only_a_later_version_knows_stays_through_a_patch() -> None:
    patched = patched_spec(spec_from_json(later_spec()), {"burst": 3, "message": "hello"})
    written = msgspec.json.decode(spec_to_json(patched, over=later_spec()))
    assert written == {**msgspec.json.decode(later_spec()), "burst": 3, "message": "hello"}
    assert spec_from_json(msgspec.json.encode(written)) == patched


def test_a_field_that_was_changed_is_written_as_it_is_known_here() -> None:
    patched = patched_spec(spec_from_json(later_spec()), {"brand": {"name": "C"}})
    written = msgspec.json.decode(spec_to_json(patched, over=later_spec()))
    assert "font" not in written["brand"]
    assert written["areas"][0]["standing"] is True


def test_what_an_earlier_version_did_not_keep_is_written_with_its_default() -> None:
    early = msgspec.json.encode({"name": "Night"})
    assert msgspec.json.decode(spec_to_json(spec_from_json(early), over=early))["burst"] == 20


def test_a_spec_that_is_wrong_is_not_read() -> None:
    with pytest.raises(msgspec.ValidationError):
        spec_from_json(msgspec.json.encode({"name": "Night", "burst": "many", "more": 1}))


def test_audit_has_settings_of_a_bounded_size() -> None:
    seats = [f"seat-{n}" for n in range(50_000)]
    few = {"channel": "fans", "seats": seats[:SEATS_AUDITED], "zones": []}
    spec = {"name": "Night", "allotments": [few, {**few, "seats": seats}]}
    audited = audited_spec(msgspec.json.encode(spec))
    assert audited["name"] == "Night"
    kept, told = msgspec.convert(audited["allotments"], list[dict[str, Any]])
    assert kept == few
    assert told["seats"]["count"] == 50_000
    assert len(msgspec.json.encode(audited)) < 10_000
    seats[-1] = "another"
    other = audited_spec(
        msgspec.json.encode({**spec, "allotments": [few, {**few, "seats": seats}]})
    )
    assert other["allotments"] != audited["allotments"]
    assert audited_spec(b'{"name":"Night"}') == {"name": "Night"}
