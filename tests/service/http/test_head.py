"""HEAD on every route that has GET: the head of the same answer, and nothing else happens."""

import re

import aiohttp
from support.api_client import Api, create
from support.service.running import StartService

from holdfast.config import Config
from holdfast.http.app import create_app

UNIT = {"areas": [{"id": "floor", "quantity": 1}]}
VARYING = {"Date", "ETag", "Content-Length"}  # the state goes on between the two


def paths(sale: str, hold: str) -> list[str]:
    """Every route of the service that can be read."""
    config = Config(
        public_url="http://127.0.0.1:8080",
        store_url="redis://127.0.0.1",
        ledger_url="sqlite://",
        secret="secret-" * 8,
        operator_key="key-" * 8,
    )
    found = [
        route.resource.canonical
        for route in create_app(config).router.routes()
        if route.resource is not None and route.method == "HEAD"
    ]
    assert len(found) > 15
    filled = (path.replace("{sale}", sale).replace("{id}", hold) for path in found)
    others = {"{digest}": "0", "{file}": "main.js", "{scene}": "waiting"}
    return [re.sub(r"{\w+}", lambda part: others.get(part[0], "0"), path) for path in filled]


async def test_head_is_the_head_of_the_same_answer(
    start_service: StartService, http: aiohttp.ClientSession
) -> None:
    service, name = start_service(), "night"
    operator = Api(http, service.url, service.operator_key)
    await create(operator, name)
    held = await operator.hold(name, {**UNIT, "buyer": "ann"})
    assert held.status == 201, held
    ticket = await operator.as_(None).join(name)
    for path in paths(name, held.body["id"]):
        after = "?after=1-0" if path.endswith("/changes") else ""
        page = "?t=" + service.url if path.startswith("/wait/") else ""
        for accept in ("*/*", "text/event-stream"):
            if accept == "text/event-stream" and not after:
                continue
            sent = {"Accept": accept, "Holdfast-Ticket": ticket, "X-Request-Id": "same"}
            url = path + (after or page)
            head = await operator.call("HEAD", url, headers=sent)
            assert head.body == b"", path
            assert head.status < 500, path
            if accept != "text/event-stream":  # a GET of that would stay open
                got = await operator.call("GET", url, headers=sent)
                assert head.status == got.status, path
                kept = {key: got.headers[key] for key in got.headers.keys() - VARYING}
                assert {key: head.headers[key] for key in head.headers.keys() - VARYING} == kept
            else:
                assert head.headers["Content-Type"] == "text/event-stream"
    text = (await operator.get("/metrics")).body.decode()
    assert "holdfast_open_streams 0.0" in text
