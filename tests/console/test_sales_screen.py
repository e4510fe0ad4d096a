"""The list of sales: what is shown, and archiving."""

from __future__ import annotations

from uuid import uuid4

from support.api_client import NIGHT, Api, create, make_key
from support.console_browser import CONSOLE, ConsoleBrowser
from support.service.running import Service


async def test_markup_in_a_name_is_text(browser: ConsoleBrowser, operator: Api) -> None:
    named = {**NIGHT, "name": "<b>Night</b> & day"}
    assert (await operator.put(f"/v1/sales/s-{uuid4().hex}", named)).status == 201
    assert "&lt;b&gt;Night&lt;/b&gt; &amp; day" in (await browser.get()).text


async def test_closed_sale_is_archived_after_it_was_asked(
    browser: ConsoleBrowser, operator: Api
) -> None:
    name = f"s-{uuid4().hex}"
    await create(operator, name)
    form = {"do": "archive", "sale": name}
    asked = await browser.post(CONSOLE, form)
    assert asked.status == 200
    assert f"Archive {name}?" in asked.text
    refused = await browser.post(CONSOLE, {**form, "confirmed": "yes"})
    assert refused.status == 409
    assert "Only a closed sale can be deleted." in refused.text
    await operator.post(f"/v1/sales/{name}/close")
    done = await browser.post(CONSOLE, {**form, "confirmed": "yes"})
    assert (done.status, done.location) == (303, f"{CONSOLE}?done=archived")
    assert "The sale is archived." in (await browser.get(done.location)).text
    assert (await operator.get(f"/v1/sales/{name}")).status == 404


async def test_viewer_is_shown_no_form_and_refused_what_it_would_do(
    service: Service, stranger: ConsoleBrowser, operator: Api
) -> None:
    name = f"s-{uuid4().hex}"
    await create(operator, name)
    await operator.post(f"/v1/sales/{name}/close")
    await stranger.sign_in(make_key(service, "viewer"))
    page = await stranger.get()
    assert name in page.text
    assert "archive" not in page.text
    refused = await stranger.post(CONSOLE, {"do": "archive", "sale": name, "confirmed": "yes"})
    assert refused.status == 403
    assert "Your key may not do this." in refused.text
    assert (await operator.get(f"/v1/sales/{name}")).status == 200
