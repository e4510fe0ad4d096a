"""Live, New sale and Draw without scripts: forms act, and say first what they would do."""

from __future__ import annotations

import asyncio
import re
from html import escape
from uuid import uuid4

from support.api_client import Api, create, make_key
from support.console_browser import CONSOLE, ConsoleBrowser
from support.service.running import Service

LOBBY = {
    "prequeue_start_time": "2020-01-01T00:00:00Z",
    "event_start_time": "2090-01-01T00:00:00Z",
    "queueing_method": "random",
    "draw_beacon": "the next block",
}


async def made(operator: Api, **fields: object) -> str:
    name = f"s-{uuid4().hex}"
    await create(operator, name, **fields)
    return name


async def test_rate_and_cap_are_tried_then_applied_then_taken_back(
    browser: ConsoleBrowser, operator: Api
) -> None:
    name = await made(operator, new_users_per_minute=600, total_active_users=50)
    path, sale = f"{CONSOLE}/sales/{name}", f"/v1/sales/{name}"
    tried = await browser.get(f"{path}?rate=1200&cap=70")
    assert 'value="1200"' in tried.text
    assert "The last in line would wait" in tried.text
    assert (await operator.get(sale)).body["new_users_per_minute"] == 600
    applied = await browser.post(path, {"do": "change", "rate": "1200", "cap": "70"})
    assert applied.status == 303
    settings = (await operator.get(sale)).body
    assert (settings["new_users_per_minute"], settings["total_active_users"]) == (1200, 70)
    shown = await browser.get(applied.location)
    undo = dict(
        re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', shown.text.split("Undo")[0])
    )
    assert (undo["do"], undo["rate"], undo["cap"]) == ("change", "600", "50")
    await browser.post(path, undo)
    settings = (await operator.get(sale)).body
    assert (settings["new_users_per_minute"], settings["total_active_users"]) == (600, 50)


async def test_refused_change_is_told_and_changes_nothing(
    browser: ConsoleBrowser, operator: Api
) -> None:
    name = await made(operator)
    page = await browser.post(
        f"{CONSOLE}/sales/{name}", {"do": "change", "rate": "999999999", "cap": "5"}
    )
    assert page.status == 400
    assert "new_users_per_minute" in page.text.split('role="alert"')[1][:300]
    assert (await operator.get(f"/v1/sales/{name}")).body["total_active_users"] == 1000


async def test_message_is_set_and_taken_back(browser: ConsoleBrowser, operator: Api) -> None:
    name = await made(operator)
    path = f"{CONSOLE}/sales/{name}"
    for text, kept in (("Doors at <eight>\r\nor nine", "Doors at <eight>\nor nine"), ("  ", None)):
        await browser.post(path, {"do": "message", "message": text})
        assert (await operator.get(f"/v1/sales/{name}")).body["message"] == kept


async def test_sale_goes_through_its_life(browser: ConsoleBrowser, operator: Api) -> None:
    name = await made(operator)
    path = f"{CONSOLE}/sales/{name}"

    async def state() -> object:
        return (await operator.get(f"/v1/sales/{name}")).body["state"]

    paused = await browser.post(path, {"do": "pause"})
    assert paused.location == f"{path}?done=pause"
    assert await state() == "paused"
    assert "Undo" in (await browser.get(paused.location)).text
    await browser.post(path, {"do": "resume"})
    assert await state() == "open"
    asked = await browser.post(path, {"do": "close"})
    assert asked.status == 200
    assert "Close Night?" in asked.text
    assert "This cannot be undone." in asked.text
    assert await state() == "open"
    await browser.post(path, {"do": "close", "confirmed": "yes"})
    assert await state() == "closed"
    # The live figures are made once a second.
    async with asyncio.timeout(10):
        while 'name="do" value="close"' in (await browser.get(path)).text:
            assert await state() == "closed"


async def test_viewer_looks_and_changes_nothing(
    service: Service, stranger: ConsoleBrowser, operator: Api
) -> None:
    name = await made(operator)
    path = f"{CONSOLE}/sales/{name}"
    await stranger.sign_in(make_key(service, "viewer"))
    page = await stranger.get(path)
    assert page.status == 200
    assert 'name="rate"' not in page.text
    for form in ({"do": "pause"}, {"do": "change", "rate": "1"}, {"do": "message", "message": "x"}):
        assert (await stranger.post(path, form)).status == 403
    assert (await operator.get(f"/v1/sales/{name}")).body["state"] == "open"


async def test_sale_is_created_by_a_form_once(browser: ConsoleBrowser, operator: Api) -> None:
    name = f"s-{uuid4().hex}"
    form = {
        "do": "create",
        "sale": name,
        "name": "Gala",
        "currency": "EUR",
        "area_name": "Floor",
        "area_capacity": "300",
        "area_price": "45.50",
    }
    await browser.get(f"{CONSOLE}/new")
    refused = await browser.post(f"{CONSOLE}/new", {**form, "area_price": "a lot"})
    assert refused.status == 400
    assert 'value="a lot"' in refused.text
    assert f'value="{name}"' in refused.text
    done = await browser.post(f"{CONSOLE}/new", form)
    assert done.location == f"{CONSOLE}/sales/{name}?done=created"
    sale = (await operator.get(f"/v1/sales/{name}")).body
    assert (sale["prices"], sale["counts"]["free"]) == ({"Floor": 4550}, 300)
    again = await browser.post(f"{CONSOLE}/new", {**form, "name": "Other"})
    assert again.status == 409
    assert "There is a sale of this name already." in again.text
    assert (await operator.get(f"/v1/sales/{name}")).body["name"] == "Gala"


async def test_unknown_sale_is_a_page_that_says_so(browser: ConsoleBrowser) -> None:
    assert "There is no sale of this name." in (await browser.get(f"{CONSOLE}/sales/none")).text
    for path in ("none", "%00", "..%2F..%2Freadyz", "a%3Fb", "%E4%BD%A0"):
        page = await browser.get(f"{CONSOLE}/sales/{path}")
        assert page.status == 404, path


async def test_draw_takes_its_beacon_once_the_lobby_is_closed(
    browser: ConsoleBrowser, operator: Api
) -> None:
    name = await made(operator, **LOBBY)
    await operator.join(name)
    path = f"{CONSOLE}/sales/{name}/draw"
    assert "the next block" in (await browser.get(path)).text
    early = await browser.post(path, {"do": "beacon", "value": "abc"})
    assert early.status == 409
    assert "The lobby is not closed yet." in early.text
    await operator.post(f"/v1/sales/{name}/open")
    given = await browser.post(path, {"do": "beacon", "value": "abc"})
    assert given.location == f"{path}?done=beacon"
    assert "The order is drawn." in (await browser.get(path)).text
    sealed = (await operator.get(f"/v1/sales/{name}/draw")).body
    assert sealed["beacon"] == "abc"


async def test_log_says_who_changed_what_from_what_to_what(
    browser: ConsoleBrowser, operator: Api
) -> None:
    name = await made(operator, new_users_per_minute=600)
    path = f"{CONSOLE}/sales/{name}"
    await browser.post(path, {"do": "change", "rate": "1200", "cap": "70"})
    shown = (await browser.get(f"{path}/log")).text
    assert "<code>sale.patch</code>" in shown
    assert "<dt>new_users_per_minute</dt><dd><del>600</del> \u2192 <ins>1200</ins>" in shown
    everywhere = (await browser.get(f"{CONSOLE}/log?action=sale.patch")).text
    assert f"/console/sales/{name}" in everywhere
    assert "sale.put" not in re.sub(r"<input[^>]*>", "", everywhere)
    entry = (await operator.get(f"/v1/sales/{name}/audit?action=sale.patch")).body["items"][0]
    assert (entry["actor"], entry["address"]) == ("operator", "127.0.0.1")


async def test_health_tells_what_asks_for_something_and_compares_a_sale(
    browser: ConsoleBrowser, operator: Api
) -> None:
    name = await made(operator)
    page = await browser.get(f"{CONSOLE}/health")
    assert page.status == 200
    health = (await operator.get("/v1/health")).body
    assert f'<th scope="row">{health["workers"][0]["pid"]}</th>' in page.text
    for finding in health["findings"]:
        shown = f"{finding['area']}: {finding['check']}"
        assert (escape(shown) in page.text) is (finding["level"] != "ok")
    compared = await browser.post(f"{CONSOLE}/health", {"do": "reconcile", "sale": name})
    assert "Ledger, store and events agree." in compared.text


async def test_sale_is_copied_by_a_form(browser: ConsoleBrowser, operator: Api) -> None:
    name = await made(operator, new_users_per_minute=77)
    await browser.get(f"{CONSOLE}/new")
    done = await browser.post(
        f"{CONSOLE}/new", {"do": "copy", "from": name, "sale": f"{name[:40]}-2"}
    )
    assert done.location == f"{CONSOLE}/sales/{name[:40]}-2?done=created"
    copied = (await operator.get(f"/v1/sales/{name[:40]}-2")).body
    assert (copied["new_users_per_minute"], copied["counts"]["free"]) == (77, 100)
