"""A plan by columns says what its document says: read back as docs/api.md tells a client to."""

import gzip
import hashlib
import re
import uuid
from collections.abc import Iterator
from typing import Any, Final

import brotli  # type: ignore[import-untyped]
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.inventory.app import Client, problem
from support.inventory.harness import SPORTS_HALL, InventoryHarness, plan_json

from holdfast_inventory.plan.columns import COLUMNS_FORM
from holdfast_inventory.plan.plan import compile_plan
from holdfast_inventory.settings import InventorySettings

SETTINGS: Final = InventorySettings(prices={"A": 9000})
Seat = tuple[str, str, str, bool]


def columns_of(plan: bytes | None, guids: str = "") -> dict[str, Any]:
    form = compile_plan(plan, SETTINGS).forms["columns", guids]
    columns: dict[str, Any] = msgspec.json.decode(form.bodies[""])
    return columns


def text_of(series: list[str] | dict[str, Any], at: int, number: str = "") -> str:
    if isinstance(series, list):
        return series[at]
    if "from" in series:
        number = str(series["from"] + series["by"] * at).rjust(series.get("digits", 0), "0")
    return f"{series.get('before', '')}{number}{series.get('after', '')}"


def coordinates(steps: list[int], row_sizes: list[int], unit: float) -> list[float]:
    found = []
    left, row_start = iter(steps), 0
    for size in row_sizes:
        last = step = 0
        for at in range(size):
            if at == 0:
                last = row_start = row_start + next(left)
            else:
                step += next(left)
                last += step
            found.append(last * unit)
    assert next(left, None) is None
    return found


def seats_of(columns: dict[str, Any]) -> Iterator[Seat]:
    """Guid, number, category and whether it is accessible, in plan order."""
    names = [category["name"] for category in columns["categories"]]
    runs = columns["category"]
    categories = [names[at] for at, n in zip(runs[::2], runs[1::2], strict=True) for _ in range(n)]
    accessible, last = set(), 0
    for difference in columns["accessible"]:
        last += difference
        accessible.add(last)
    index = 0
    for zone in columns["zones"]:
        rows = zone["rows"]
        for row, size in enumerate(rows["seat_count"]):
            for at in range(size):
                number = text_of(rows["seat_numbers"][row], at)
                guid = text_of(rows["seat_guids"][row], at, number)
                yield guid, number, categories[index], index in accessible
                index += 1
    assert index == columns["seat_count"] == len(categories)


def require_same(plan: bytes) -> None:
    """All that a map needs of the plan is in its columns."""
    document, columns = msgspec.json.decode(plan), columns_of(plan)
    zones = document["zones"]
    rows = [(zone, row) for zone in zones for row in zone["rows"]]
    said = [
        (s["seat_guid"], s.get("seat_number", ""), s["category"], s.get("accessible", False))
        for _, row in rows
        for s in row["seats"]
    ]
    assert list(seats_of(columns)) == said
    sizes = [n for zone in columns["zones"] for n in zone["rows"]["seat_count"]]
    assert sizes == [len(row["seats"]) for _, row in rows]
    for axis in "xy":
        exact = [
            sum(place.get("position", {axis: 0})[axis] for place in (zone, row, seat))
            for zone, row in rows
            for seat in row["seats"]
        ]
        read = coordinates(columns[axis], sizes, columns["unit"])
        slack = columns["unit"] * 0.5 + 1e-9 * max(map(abs, exact), default=0)
        assert all(abs(a - b) <= slack for a, b in zip(exact, read, strict=True))
    for shown, zone in zip(columns["zones"], zones, strict=True):
        assert shown["areas"] == zone.get("areas", [])
        assert shown["name"] == zone.get("name", "")
        for name in ("row_number", "row_number_position"):
            assert [value or None for value in shown["rows"][name]] == [
                row.get(name) or None for row in zone["rows"]
            ]


def texts(alphabet: str) -> st.SearchStrategy[str]:
    return st.text(alphabet=alphabet, min_size=1, max_size=4)


@st.composite
def plans(draw: st.DrawFn) -> bytes:
    """Plans whose guids and numbers follow a rule, nearly follow one, or follow none."""
    taken: set[str] = set()
    ways = st.sampled_from(["numbered", "padded", "serial", "free"])
    coordinate = st.one_of(st.integers(-99, 99), st.floats(-1e9, 1e9, allow_nan=False))
    zones = []
    for z in range(draw(st.integers(1, 3))):
        rows = []
        for r in range(draw(st.integers(0, 3))):
            numbers = _numbers(draw, draw(st.integers(0, 5)))
            way, before = draw(ways), f"{z}{draw(texts('0A-'))}{r}-"
            seats = []
            for at, number in enumerate(numbers):
                guid = {
                    "numbered": f"{before}{number}{'x' * (z % 2)}",
                    "padded": f"{before}{at + 8:03}",
                    "serial": f"{before}{98 - at}b",
                    "free": draw(texts("0123456789ab")),
                }[way]
                while guid in taken:
                    guid += "'"
                taken.add(guid)
                position = {"x": draw(coordinate), "y": draw(coordinate)}
                seat = {"seat_guid": guid, "seat_number": number, "position": position}
                seat["category"] = draw(st.sampled_from("AB"))
                seats.append({**seat, "uuid": "1"} | ({"accessible": True} if at % 3 else {}))
            rows.append({"seats": seats, "row_number": str(r), "row_number_position": "both"})
        areas = [{"shape": "circle", "position": {"x": 1, "y": 2}, "colour": "grey"}]
        zones.append({"name": f"Z{z}", "rows": rows, "areas": areas * (z % 2)})
    if not taken:
        position = {"x": 0, "y": 0}
        seat = {"seat_guid": "1", "category": "A", "position": position}
        zones.append({"rows": [{"seats": [seat]}]})
    categories = [{"name": "A", "color": "#ff0000"}, {"name": "B"}]
    return msgspec.json.encode({"categories": categories, "zones": zones})


def _numbers(draw: st.DrawFn, count: int) -> list[str]:
    first, by = draw(st.integers(0, 12)), draw(st.integers(-2, 2))
    numbers = [str(first + by * at) for at in range(count)]
    spoilt = draw(st.integers(0, 8))
    if spoilt < count:
        numbers[spoilt] = draw(st.sampled_from(["", "01", "1a", "x", "-1"]))
    return numbers


@given(plans())
@settings(max_examples=150, deadline=None)
def test_columns_say_what_the_document_says(plan: bytes) -> None:
    require_same(plan)


def test_the_columns_of_a_real_hall_are_a_fortieth_of_its_plan() -> None:
    forms = compile_plan(SPORTS_HALL.read_bytes(), SETTINGS).forms
    require_same(SPORTS_HALL.read_bytes())
    document, columns = forms["", ""].bodies, forms["columns", ""].bodies
    assert len(columns["gzip"]) * 30 <= len(document["gzip"])
    assert len(columns["br"]) * 40 <= len(document["gzip"])
    assert brotli.decompress(columns["br"]) == columns[""]
    assert gzip.decompress(columns["gzip"]) == columns[""]


def test_without_guids_the_columns_are_the_same_but_for_them() -> None:
    plan = SPORTS_HALL.read_bytes()
    columns, without = columns_of(plan), columns_of(plan, "none")
    for zone in columns["zones"]:
        assert len(zone["rows"].pop("seat_guids")) == len(zone["rows"]["seat_count"])
    assert without == columns


def test_random_guids_weigh_nothing_for_who_does_not_want_them() -> None:
    """No more than if they followed a rule, instead of 16 bytes for each seat."""
    plan = msgspec.json.decode(plan_json(["A" * 50] * 20))
    seats = [seat for row in plan["zones"][0]["rows"] for seat in row["seats"]]
    for seat in seats:
        seat["seat_guid"] = str(uuid.uuid4())
    forms = compile_plan(msgspec.json.encode(plan), SETTINGS).forms
    with_guids, without = (len(forms["columns", guids].bodies["br"]) for guids in ("", "none"))
    assert with_guids > 16 * len(seats)
    assert without < len(seats)


def test_other_columns_of_the_same_plan_have_another_etag() -> None:
    """Raise COLUMNS_FORM when this fails, then write the new digest here: caches and browsers that
    have the columns of the release before would go on with them.
    """
    hall = columns_of(SPORTS_HALL.read_bytes())
    del hall["plan_version"]
    assert (COLUMNS_FORM, hashlib.sha256(msgspec.json.encode(hall)).hexdigest()[:16]) == (
        1,
        "8e6ccd9ae6b72ae4",
    )


@pytest.mark.parametrize(
    ("guids", "series"),
    [
        (["A-1", "A-2", "A-3"], {"before": "A-"}),
        (["A-08", "A-09", "A-10"], {"before": "A-", "digits": 2, "from": 8, "by": 1}),
        (["98b", "97b", "96b"], {"after": "b", "from": 98, "by": -1}),
        (["A-1", "A-2", "A-4"], ["A-1", "A-2", "A-4"]),
        (["1", "2", "03"], ["1", "2", "03"]),
        (["B-1", "B-10", "B-100"], ["B-1", "B-10", "B-100"]),
        (["1" * 16 + "5", "1" * 16 + "6"], {"before": "11", "from": int("1" * 14 + "5"), "by": 1}),
    ],
)  # fmt: skip
def test_what_follows_a_rule_is_the_rule(guids: list[str], series: object) -> None:
    seats = [
        {"seat_guid": guid, "category": "A", "position": {"x": at, "y": 0}, "seat_number": str(at)}
        for at, guid in enumerate(guids, start=1)
    ]
    zones = [{"rows": [{"seats": seats}]}]
    plan = msgspec.json.encode({"categories": [{"name": "A"}], "zones": zones})
    require_same(plan)
    assert columns_of(plan)["zones"][0]["rows"]["seat_guids"] == [series]


def test_a_straight_row_is_its_first_step_and_zeros() -> None:
    columns = columns_of(plan_json(["AAAAA", "AAAAA"]))
    assert columns["unit"] == 0.1
    assert columns["x"] == [0, 250, 0, 0, 0, 0, 250, 0, 0, 0]
    assert columns["y"] == [0, 0, 0, 0, 0, 400, 0, 0, 0, 0]
    assert columns["category"] == [0, 10]


@pytest.mark.parametrize("places", [(0, 5e-324), (1e-320, 2e-320), (1e-315, 1e9)])
def test_lengths_that_can_hardly_be_written_make_no_fault(places: tuple[float, float]) -> None:
    seats = [{"seat_guid": str(x), "category": "A", "position": {"x": x, "y": 0.0}} for x in places]
    zones = [{"rows": [{"seats": seats}]}]
    plan = msgspec.json.encode({"categories": [{"name": "A"}], "zones": zones})
    assert columns_of(plan)["seat_count"] == 2


def test_a_sale_of_areas_alone_has_columns_without_seats() -> None:
    columns = columns_of(None)
    assert (columns["seat_count"], columns["zones"], columns["x"]) == (0, [], [])


async def test_the_plan_comes_by_columns_to_who_asks(
    ask: Client, harness: InventoryHarness
) -> None:
    def headers(coding: str) -> dict[str, str]:
        return {"Accept-Encoding": coding}

    plan = harness.plan
    whole = await ask("GET", "/plan", headers=headers("br"))
    assert await whole.read() == plan.document
    etags = {whole.headers["ETag"]}
    codings = {"br, gzip": "br", "gzip": "gzip", "br;q=0, *": "gzip", "identity": None}
    for query, guids in {"form=columns": "", "form=columns&guids=none": "none"}.items():
        for accepted, coding in codings.items():
            response = await ask("GET", f"/plan?{query}", headers=headers(accepted))
            assert response.headers.get("Content-Encoding") == coding
            assert response.headers["Vary"] == "Accept-Encoding"
            assert re.search("public.*immutable", response.headers["Cache-Control"])
            assert await response.read() == plan.forms["columns", guids].bodies[""]
        known = {"If-None-Match": response.headers["ETag"]}
        assert (await ask("GET", f"/plan?{query}", headers=known)).status == 304
        etags.add(response.headers["ETag"])
    assert len(etags) == 3, "a cache takes one form for another"


@pytest.mark.parametrize("query", ["form=rows", "guids=none", "form=columns&guids=all"])
async def test_other_forms_are_refused(ask: Client, query: str) -> None:
    assert await problem(await ask("GET", f"/plan?{query}")) == (400, "invalid_request")
