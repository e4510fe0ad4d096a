"""The screens of one sale that change what visitors, seats and orders have: without scripts."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import Any
from uuid import uuid4

import pytest
from support.api_client import ALL_PRICES, NIGHT, Api, make_key, seating_plan
from support.console_browser import CONSOLE, ConsoleBrowser
from support.service.running import Service


@pytest.fixture
async def sale(operator: Api) -> str:
    """A sale with the seats of a sports hall and a floor."""
    name = f"s-{uuid4().hex}"
    body = {**NIGHT, "plan": seating_plan(), "prices": ALL_PRICES}
    assert (await operator.put(f"/v1/sales/{name}", body)).status == 201
    return name


def at(sale: str, screen: str) -> str:
    return f"{CONSOLE}/sales/{sale}/{screen}"


async def held(operator: Api, sale: str, buyer: str = "ann", **more: object) -> dict[str, Any]:
    answer = await operator.hold(sale, {"best_available": {"quantity": 2}, "buyer": buyer, **more})
    assert answer.status == 201, answer
    hold: dict[str, Any] = answer.body
    return hold


async def sold(operator: Api, sale: str, buyer: str = "ann", **more: object) -> dict[str, Any]:
    hold = await held(operator, sale, buyer, **more)
    assert (await operator.confirm(sale, hold)).status == 200
    return hold


async def states(operator: Api, sale: str) -> str:
    seats = (await operator.get(f"/v1/sales/{sale}/seats")).body
    return str(seats["states"])


async def test_seats_are_blocked_and_put_back_by_seat_row_and_id(
    browser: ConsoleBrowser, operator: Api, sale: str
) -> None:
    page = await browser.get(at(sale, "seats?zone=0"))
    guids = re.findall(r'name="seat" value="([^"]+)"', page.text)
    [row, *_] = re.findall(r'name="row" value="([^"]+)"', page.text)
    before = (await states(operator, sale)).count("x")
    assert before == 0
    done = await browser.post(at(sale, "seats"), {"do": "block", "zone": "0", "row": row})
    assert done.status == 303, done.text
    in_row = (await states(operator, sale)).count("x")
    assert 1 < in_row < len(guids)
    assert "The seats are blocked." in (await browser.get(done.location)).text
    await browser.post(at(sale, "seats"), {"do": "block", "seat": guids[-1]})
    assert (await states(operator, sale)).count("x") == in_row + 1
    form = {"do": "unblock", "guids": "\n".join(guids)}
    assert (await browser.post(at(sale, "seats"), form)).status == 303
    assert (await states(operator, sale)).count("x") == 0


async def test_seat_that_somebody_has_is_named_and_stays(
    browser: ConsoleBrowser, operator: Api, sale: str
) -> None:
    hold = await held(operator, sale)
    seat = hold["items"][0]["seat"]
    await browser.get(at(sale, "seats"))
    page = await browser.post(at(sale, "seats"), {"do": "block", "guids": seat})
    assert page.status == 200
    assert re.search(rf"stay as they are: *{re.escape(seat)}<", page.text)
    assert (await states(operator, sale)).count("x") == 0
    nothing = await browser.post(at(sale, "seats"), {"do": "block"})
    assert "No seat was chosen." in nothing.text


async def test_hold_is_listed_with_its_buyer_and_taken_away_after_it_was_asked(
    browser: ConsoleBrowser, operator: Api, sale: str
) -> None:
    hold = await held(operator, sale, "<b>bob</b>")
    page = await browser.get(at(sale, "seats"))
    assert "&lt;b&gt;bob&lt;/b&gt;" in page.text
    form = {"do": "release", "hold": hold["id"]}
    asked = await browser.post(at(sale, "seats"), form)
    assert f"Take hold {hold['id']} away?" in asked.text
    assert (await states(operator, sale)).count("h") == 2
    done = await browser.post(at(sale, "seats"), {**form, "confirmed": "yes"})
    assert done.location == at(sale, "seats?done=released")
    assert (await states(operator, sale)).count("h") == 0
    found = await operator.get(f"/v1/sales/{sale}/holds/{hold['id']}")
    assert found.body["reason"] == "operator"


async def test_order_is_found_by_each_reference_and_refunded_in_part(
    browser: ConsoleBrowser, operator: Api, sale: str
) -> None:
    order = await sold(operator, sale, "carla")
    await sold(operator, sale, "dan")
    for kind, value in (
        ("id", order["id"]), ("order_ref", f"order-{order['id']}"),
        ("payment_ref", f"pay-{order['id']}"), ("buyer", "carla"),
    ):  # fmt: skip
        page = await browser.get(at(sale, f"orders?kind={kind}&value={value}"))
        assert re.findall(r"/orders/(\w[\w-]+)\"", page.text) == [order["id"]], kind
    path = at(sale, f"orders/{order['id']}")
    page = await browser.get(path)
    [key] = re.findall(r'name="key" value="(\w+)"', page.text)
    nothing = await browser.post(path, {"do": "refund", "key": key})
    assert "No item was chosen." in nothing.text
    form = {"do": "refund", "key": key, "item-0": "1"}
    asked = await browser.post(path, form)
    assert f"€{order['items'][0]['price'] / 100:.2f}" in asked.text
    assert (await browser.post(path, {**form, "confirmed": "yes"})).status == 303
    read = (await operator.get(f"/v1/sales/{sale}/orders/{order['id']}")).body
    assert read["status"] == "partially_refunded"
    assert [item["refunded"] for item in read["items"]] == [1, 0]
    assert (
        await browser.post(path, {"do": "refund", "all": "1", "confirmed": "yes"})
    ).status == 303
    read = (await operator.get(f"/v1/sales/{sale}/orders/{order['id']}")).body
    assert read["status"] == "refunded"


async def test_units_of_an_area_sent_twice_are_given_back_once(
    browser: ConsoleBrowser, operator: Api, sale: str
) -> None:
    answer = await operator.hold(sale, {"areas": [{"id": "floor", "quantity": 3}], "buyer": "eve"})
    assert (await operator.confirm(sale, answer.body)).status == 200
    path = at(sale, f"orders/{answer.body['id']}")
    page = await browser.get(path)
    [key] = re.findall(r'name="key" value="(\w+)"', page.text)
    form = {"do": "refund", "key": key, "item-0": "2", "confirmed": "yes"}
    for _ in range(2):
        assert (await browser.post(path, form)).status == 303
    read = (await operator.get(f"/v1/sales/{sale}/orders/{answer.body['id']}")).body
    assert read["items"][0]["refunded"] == 2


async def test_export_has_every_order_and_no_formula(
    browser: ConsoleBrowser, operator: Api, sale: str
) -> None:
    await sold(operator, sale, "=cmd|calc")
    await sold(operator, sale, "fay")
    page = await browser.get(at(sale, "orders/export?format=csv"))
    assert page.headers["Content-Disposition"] == f'attachment; filename="{sale}-orders.csv"'
    rows = list(csv.DictReader(io.StringIO(page.text)))
    assert [row["buyer"] for row in rows] == ["'=cmd|calc", "fay"]
    lines = (await browser.get(at(sale, "orders/export?format=jsonl"))).text.splitlines()
    assert [json.loads(line)["buyer"] for line in lines] == ["=cmd|calc", "fay"]
    chosen = await browser.get(at(sale, "orders/export?format=jsonl&kind=buyer&value=fay"))
    assert len(chosen.text.splitlines()) == 1


async def test_visitor_is_found_and_their_session_ended(
    browser: ConsoleBrowser, operator: Api, sale: str
) -> None:
    line = operator.as_(None)
    ticket = await line.join(sale)
    await line.claim(sale, ticket)
    await browser.get(at(sale, "visitors"))
    form = {"do": "find", "kind": "ticket", "value": ticket}
    page = await browser.post(at(sale, "visitors"), form)
    assert ticket not in page.text
    [pass_id] = re.findall(r'name="pass_id" value="([^"]+)"', page.text)
    revoke = {"do": "revoke", "pass_id": pass_id, "holds": "release"}
    asked = await browser.post(at(sale, "visitors"), revoke)
    assert f"End the session of pass {pass_id}?" in asked.text
    done = await browser.post(at(sale, "visitors"), {**revoke, "confirmed": "yes"})
    assert done.location == at(sale, "visitors?done=revoked")
    page = await browser.post(at(sale, "visitors"), form)
    assert "session over" in page.text
    unknown = await browser.post(
        at(sale, "visitors"), {"do": "find", "kind": "number", "value": "999999"}
    )
    assert "Nobody in this sale has this" in unknown.text
    word = await browser.post(at(sale, "visitors"), {"do": "find", "kind": "number", "value": "x"})
    assert (word.status, "A field cannot be used: Number" in word.text) == (400, True)


async def test_number_that_is_none_is_refused(
    browser: ConsoleBrowser, operator: Api, sale: str
) -> None:
    """Too long for an integer of JSON, and for one of Python's."""
    order = await sold(operator, sale)
    await browser.get(at(sale, "visitors"))
    for digits in ("9" * 20, "9" * 5000):
        form = {"do": "find", "kind": "number", "value": digits}
        assert (await browser.post(at(sale, "visitors"), form)).status == 400
        refund = {"do": "refund", "item-0": digits}
        assert (await browser.post(at(sale, f"orders/{order['id']}"), refund)).status < 500


async def test_names_in_forms_lead_nowhere_else(
    browser: ConsoleBrowser, operator: Api, sale: str
) -> None:
    """A hold's id is one, whatever it consists of."""
    hold = await held(operator, sale, "ida")
    await browser.get(at(sale, "seats"))
    for name in (f"{hold['id']}/extend#", f"../holds/{hold['id']}", ".."):
        release = {"do": "release", "hold": name, "confirmed": "yes"}
        assert (await browser.post(at(sale, "seats"), release)).status == 404, name


async def test_viewer_sees_and_changes_nothing(
    service: Service, stranger: ConsoleBrowser, operator: Api, sale: str
) -> None:
    order = await sold(operator, sale)
    hold = await held(operator, sale, "gil")
    await stranger.sign_in(make_key(service, "viewer"))
    seats = (await stranger.get(at(sale, "seats?zone=0"))).text
    assert 'value="block"' not in seats
    assert "gil" in (await stranger.get(at(sale, "seats"))).text
    path = at(sale, f"orders/{order['id']}")
    assert 'name="all"' not in (await stranger.get(path)).text
    for target, form in (
        (at(sale, "seats"), {"do": "block", "guids": order["items"][0]["seat"]}),
        (at(sale, "seats"), {"do": "release", "hold": hold["id"]}),
        (path, {"do": "refund", "all": "1"}),
        (at(sale, "visitors"), {"do": "revoke", "pass_id": "x"}),
    ):
        refused = await stranger.post(target, {**form, "confirmed": "yes"})
        assert refused.status == 403, form
        assert "Your key may not do this." in refused.text


async def test_report_is_shown_saved_and_in_the_language_of_its_reader(
    browser: ConsoleBrowser, operator: Api, sale: str
) -> None:
    await sold(operator, sale)
    page = await browser.get(at(sale, "report"))
    assert "Money, orders and tickets agree." in page.text
    assert "<svg" in page.text
    saved = await browser.get(at(sale, "report/export?format=html"))
    assert saved.headers["Content-Disposition"] == f'attachment; filename="{sale}-report.html"'
    assert saved.text.startswith("<!doctype html>")
    figures = json.loads((await browser.get(at(sale, "report/export?format=json"))).text)
    assert figures["comparison"]["sold"]["tickets"] == 2
    chinese = await browser.get(at(sale, "report?lang=zh-Hans"))
    assert "款项、订单与票数一致。" in chinese.text
