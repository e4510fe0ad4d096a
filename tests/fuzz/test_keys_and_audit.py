"""Who may use which sale, and what the audit says of each change: every route is walked.

Both follow from where a route is added, so a new route is tried here without being listed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer
from support.fuzz.targets import (
    KEY,
    OPERATOR_KEY,
    SALE,
    TARGETS,
    Example,
    FuzzedService,
    S,
)
from support.fuzz.wire import Reply, Wire
from support.ledger.migrated import write_migrated

from holdfast.config import Config
from holdfast.http.app import create_app
from holdfast.http.app_keys import LEDGER
from holdfast_ledger import AuditRecord, Ledger
from holdfast_web.credentials import Role
from holdfast_web.roles.role_routes import AUDITED_ROUTES

OF_EVERY_SALE: Final = {("GET", "/v1/sales"), ("GET", "/v1/audit")}
"""What a key of some sales sees a part of."""


@dataclass
class Running:
    """The whole service in this process."""

    app: web.Application
    service: FuzzedService

    @property
    def ledger(self) -> Ledger:
        return self.app[LEDGER]

    async def send(self, route: tuple[str, str], example: Example, **headers: str) -> Reply:
        """The answer to a good request, with these headers besides or instead."""
        address = route[1]
        for name, value in example.path.items():
            address = address.replace(f"{{{name}}}", value)
        query = "&".join(f"{name}={value.decode()}" for name, value in example.queries.items())
        sent = {**example.headers, **{k.replace("_", "-"): v for k, v in headers.items()}}
        pairs = [(name.encode(), value.encode()) for name, value in sent.items()]
        body = example.body
        if body is not None and not isinstance(body, bytes):
            body = msgspec.json.encode(body)
        target = address + (f"?{query}" if query else "")
        return await self.service.wire.send(route[0], target.encode(), pairs, body)

    async def entries(self, request_id: str) -> list[AuditRecord]:
        """What the audit has of this request."""
        records = await self.ledger.audit.page(limit=20)
        return [record for record in records if record.entry.request_id == request_id]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(
    store_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Running]:
    data = tmp_path_factory.mktemp("audited")
    write_migrated(data / "ledger.db")
    config = Config(
        data_dir=Path(data),
        public_url="http://127.0.0.1:8080",
        store_url=store_url,
        ledger_url=f"sqlite:///{data / 'ledger.db'}",
        secret="secret-" * 8,
        operator_key=OPERATOR_KEY,
        trusted_proxies=("127.0.0.0/8",),
        checkpoint_ms=60_000,
        recovery_ms=60_000,
    )
    app = create_app(config)
    async with TestServer(app, host="127.0.0.1") as server:
        assert server.port is not None
        service = FuzzedService(Wire(server.port))
        await service.set_up()
        yield Running(app, service)
        service.wire.close()


async def _good(running: Running, route: tuple[str, str]) -> Example:
    """A request that succeeds; the good request to delete a sale is refused, as it is open."""
    if route != ("DELETE", S):
        return await TARGETS[route].make(running.service)
    name = running.service.fresh("fuzz-gone")
    await running.service.call("PUT", f"/v1/sales/{name}", SALE)
    await running.service.call("POST", f"/v1/sales/{name}/close")
    return Example({"sale": name}, KEY)


@pytest.mark.asyncio(loop_scope="module")
async def test_each_change_by_a_key_is_in_the_audit_as_its_route_says(running: Running) -> None:
    """Who, from where, in which request and what; and nothing of what leaves another trace."""
    audited = running.app[AUDITED_ROUTES]
    assert len(audited) >= 19
    for number, (route, action) in enumerate(audited.items()):
        example, sent = await _good(running, route), f"audit-{number}"
        reply = await running.send(
            route, example, X_Request_Id=sent, X_Forwarded_For="203.0.113.7, 127.0.0.1"
        )
        assert reply.status < 300 or reply.status in TARGETS[route].good, (route, reply)
        entries = await running.entries(sent)
        if route[1].startswith("/console"):
            continue  # what it changes by the API is in the audit as the API's routes say
        assert [record.entry.action for record in entries] == ([action] if action else []), route
        for record in entries:
            assert (record.entry.actor, record.entry.address) == ("operator", "203.0.113.7")
            # A copy is the beginning of the sale that it makes.
            made = example.body["to"] if action == "sale.copy" else example.path["sale"]
            assert record.sale == made
            assert record.entry.before or record.entry.after, route


@pytest.mark.asyncio(loop_scope="module")
async def test_order_says_which_key_address_and_request_it_comes_from(running: Running) -> None:
    _, secret = await running.ledger.keys.create("shop", Role.PLATFORM)
    [key] = [one for one in await running.ledger.keys.all() if one.name == "shop"]
    uid = (await running.service.call("GET", "/v1/sales/fuzz"))["uid"]
    for step, body in (("paying", {}), ("confirm", {"order_ref": "o", "amount": 200})):
        hold = await running.service.hold()
        example = Example({"sale": "fuzz", "id": hold}, {}, body=body)
        reply = await running.send(
            ("POST", f"{S}/holds/{{id}}/{step}"),
            example,
            Authorization=f"Bearer {secret}",
            X_Request_Id=f"shop-{step}",
            X_Forwarded_For="2001:db8::7",
        )
        assert reply.status == 200, reply
        order = await running.ledger.orders.read(uid, hold)
        assert order is not None
        noted = (order.acted_by, order.acted_from, order.request_id)
        assert noted == (key.id, "2001:db8::7", f"shop-{step}")


@pytest.mark.asyncio(loop_scope="module")
async def test_key_of_other_sales_opens_no_route_of_a_test_sale(running: Running) -> None:
    """As above, the other way round: the addresses of a test sale with the key of a real one."""
    body = {"to": "rehearsal", "test": True, "event_start_time": None}
    await running.service.call("POST", "/v1/sales/fuzz/copy", body, **KEY)
    _, secret = await running.ledger.keys.create("real", Role.OPERATOR, sales=("fuzz",))
    limited = {"Authorization": f"Bearer {secret}"}
    walked = 0
    for route in TARGETS:
        example = await _good(running, route)
        needs_key = example.headers.get("Authorization") == KEY["Authorization"]
        if "sale" not in example.path or not needs_key:
            continue
        there = dataclasses.replace(example, path={**example.path, "sale": "rehearsal"})
        keyless = dataclasses.replace(there, headers={**example.headers, "Authorization": ""})
        if (await running.send(route, keyless)).status != 401:
            continue  # open to all
        walked += 1
        reply = await running.send(route, there, **limited)
        assert reply.status == 403, (route, reply)
    assert walked >= 25


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("other", ["opera", "rehearsal"])
async def test_key_of_another_sale_opens_no_route(running: Running, other: str) -> None:
    """Every request that succeeds with a key of all sales is 403 with one of another sale, such as
    a test sale that is a copy of this one.
    """
    _, secret = await running.ledger.keys.create("other", Role.OPERATOR, sales=(other,))
    limited = {"Authorization": f"Bearer {secret}"}
    walked = 0
    for route in TARGETS:
        example = await _good(running, route)
        keyless = dataclasses.replace(example, headers={**example.headers, "Authorization": ""})
        if example.headers.get("Authorization") != KEY["Authorization"]:
            continue
        if (await running.send(route, keyless)).status != 401:
            continue  # open to all
        walked += 1
        reply = await running.send(route, example, **limited)
        if route in OF_EVERY_SALE:
            items = msgspec.json.decode(reply.body)["items"]
            assert {item["sale"] for item in items} <= {other}, route
            continue
        assert reply.status == 403, (route, reply)
        assert msgspec.json.decode(reply.body)["code"] == "forbidden"
    assert walked >= 25


@pytest.mark.asyncio(loop_scope="module")
async def test_key_of_some_sales_works_there_and_lists_show_nothing_else(
    running: Running,
) -> None:
    _, secret = await running.ledger.keys.create("two", Role.OPERATOR, sales=("mine", "fuzz"))
    key = f"Bearer {secret}"

    async def call(method: str, path: str, body: Any = None) -> Any:
        return await running.service.call(method, path, body, Authorization=key)

    await call("PUT", "/v1/sales/mine", SALE)
    await call("PATCH", "/v1/sales/mine", {"burst": 7, "message": "Soon"})
    assert [s["sale"] for s in (await call("GET", "/v1/sales"))["items"]] == ["fuzz", "mine"]
    every = (await call("GET", "/v1/audit?limit=500"))["items"]
    assert {item["sale"] for item in every} == {"mine", "fuzz"}
    patched, made = (await call("GET", "/v1/sales/mine/audit"))["items"]
    assert (made["action"], made["before"], made["after"]["name"]) == ("sale.put", None, "Fuzz")
    assert patched["action"] == "sale.patch"
    assert patched["before"] == {"burst": SALE["burst"], "message": None}
    assert patched["after"] == {"burst": 7, "message": "Soon"}
    assert patched["actor_name"] == "two"
    first = await call("GET", "/v1/sales/mine/audit?limit=1")
    rest = await call("GET", f"/v1/sales/mine/audit?limit=1&cursor={first['next']}")
    assert [*first["items"], *rest["items"]] == [patched, made]
    assert rest["next"] is None
    [only] = (await call("GET", "/v1/sales/mine/audit?action=sale.put"))["items"]
    assert only == made
