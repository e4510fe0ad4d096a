"""What a good request to every route looks like: the fuzz changes one thing of it at a time.

A target that is missing for a route, a struct that is not the route's own and a query parameter
that nobody listed are failures of the test, so that the list follows the code.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

import msgspec
from support.fuzz.wire import Wire
from support.inventory.harness import plan_json

from holdfast.http.sales import BeaconBody
from holdfast.http.visitors import RevokeBody, VisitorQuery
from holdfast.sales.spec import SaleBody, SaleSpec
from holdfast_connector.contract import HANDOFF_PARAMETER
from holdfast_inventory.holds.hold_requests import HoldBody, HoldChangeBody, SeatsBody
from holdfast_inventory.http.orders import PayingBody, ResolveBody
from holdfast_inventory.orders.confirm import ConfirmRequest
from holdfast_inventory.orders.refund import RefundRequest
from holdfast_inventory.plan.pretix import PlanEntry
from holdfast_queue.http.routes import ClaimBody, ExchangeBody, JoinBody

OPERATOR_KEY: Final = "key-" * 8
SHOP: Final = "https://shop.example"
RETURN: Final = b"https%3A%2F%2Fshop.example%2Fback"
AREA: Final = {"id": "floor", "name": "Floor", "capacity": 1_000_000, "category": "A"}
PLAN: Final = plan_json(["AAAAAAAAAA", "AAAAABBBBB"], ["BBBBB"])
SALE: Final[dict[str, Any]] = {
    "name": "Fuzz",
    "areas": [AREA, {**AREA, "id": "club", "channel": "fans"}],
    "plan": msgspec.json.decode(PLAN),
    "prices": {"A": 100, "B": 200},
    "return_origins": [SHOP],
    "identity": "optional",
    "new_users_per_minute": 6_000_000,
    "burst": 1_000_000,
    "total_active_users": 10_000_000,
    "max_units_per_buyer": 1000,
    "allotments": [{"channel": "fans", "seats": ["z2-1-1"], "zones": []}],
    "brand": {"name": "Us", "colour": "#102030", "texts": {"en": {"waiting_lead": "Soon"}}},
    "focal_point": {"x": 1.0, "y": 2.0},
}
LOBBY: Final = {
    "prequeue_start_time": "2020-01-01T00:00:00Z",
    "event_start_time": "2090-01-01T00:00:00Z",
    "queueing_method": "random",
    "draw_beacon": "the next block",
}


@dataclass(frozen=True)
class Example:
    """One good request."""

    path: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    queries: Mapping[str, bytes] = field(default_factory=dict)
    body: Any = None


class FuzzedService:
    """A running service with the sales that are fuzzed, and the calls that make valid examples."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self._made = 0
        self.session = "", ""
        """the cookie of a console session, and what its forms carry"""

    async def set_up(self) -> None:
        """Signs in before wrong keys are tried, after which an address has to wait."""
        self.session = await self._sign_in()
        for name in ("fuzz", "fuzz-put", "fuzz-patch", "fuzz-life"):
            await self.call("PUT", f"/v1/sales/{name}", SALE)

    def fresh(self, prefix: str) -> str:
        self._made += 1
        return f"{prefix}-{self._made}"

    async def call(self, method: str, path: str, body: object = None, **headers: str) -> Any:
        """The answer of a call that must succeed."""
        sent = {"Authorization": f"Bearer {OPERATOR_KEY}", **headers}
        pairs = [(name.replace("_", "-").encode(), text.encode()) for name, text in sent.items()]
        content = None if body is None else msgspec.json.encode(body)
        reply = await self.wire.send(method, path.encode(), pairs, content)
        assert reply.status < 300, (method, path, reply)
        return msgspec.json.decode(reply.body) if reply.body else None

    async def hold(self) -> str:
        body = {"areas": [{"id": "floor", "quantity": 2}], "buyer": self.fresh("buyer")}
        made = await self.call(
            "POST", "/v1/sales/fuzz/holds", body, Idempotency_Key=self.fresh("key")
        )
        return str(made["id"])

    async def order(self) -> str:
        hold = await self.hold()
        await self.call(
            "POST",
            f"/v1/sales/fuzz/holds/{hold}/confirm",
            {"order_ref": self.fresh("order"), "amount": 200},
        )
        return hold

    async def entry(self) -> Any:
        return await self.call("POST", "/v1/sales/fuzz/tickets", {})

    async def handoff(self) -> str:
        ticket = (await self.entry())["ticket"]
        claimed = await self.call(
            "POST", "/v1/sales/fuzz/pass", {"return_url": SHOP + "/"}, Holdfast_Ticket=ticket
        )
        return str(dict(parse_qsl(urlsplit(claimed["redirect_to"]).query))[HANDOFF_PARAMETER])

    async def drawing(self) -> str:
        """A sale whose lobby is closed and whose beacon is awaited."""
        name = self.fresh("fuzz-draw")
        await self.call("PUT", f"/v1/sales/{name}", {**SALE, **LOBBY})
        await self.call("POST", f"/v1/sales/{name}/tickets", {})
        await self.call("POST", f"/v1/sales/{name}/open")
        return name

    async def asset(self) -> dict[str, str]:
        page = await self.wire.send("GET", b"/wait/fuzz?t=" + RETURN, [], None)
        found = re.search(rb"/wait/-/([^/\"]+)/([^\"]+)", page.body)
        assert found is not None, page
        return {"digest": found[1].decode(), "file": found[2].decode()}

    async def _sign_in(self) -> tuple[str, str]:
        form = f"key={OPERATOR_KEY}".encode()
        entered = await self.wire.send("POST", b"/console/sign-in", [], form)
        cookie = entered.headers[b"set-cookie"].partition(b";")[0].decode()
        page = await self.wire.send("GET", b"/console", [(b"Cookie", cookie.encode())], None)
        found = re.search(rb'name="csrf" value="([^"]+)"', page.body)
        assert found is not None, page
        return cookie, found[1].decode()


Make = Callable[[FuzzedService], Awaitable[Example]]


@dataclass(frozen=True)
class Target:
    """A route: how a good request to it is made, which struct reads its body, what it answers.

    `once`: a request that succeeds leaves nothing to be done, so the next one is made anew.
    """

    make: Make
    shape: type[msgspec.Struct] | None = None
    queries: tuple[str, ...] = ()
    good: tuple[int, ...] = (200,)
    once: bool = False


KEY: Final = {"Authorization": f"Bearer {OPERATOR_KEY}"}


def screen(path: str | None = None, form: Mapping[str, str] | None = None) -> Make:
    """A page of the console, or a form of it, for somebody who is signed in."""

    async def make(service: FuzzedService) -> Example:
        cookie, csrf = service.session
        places = {} if path is None else {"path": path}
        body = None if form is None else urlencode({"csrf": csrf, **form}).encode()
        return Example(places, {"Cookie": cookie}, body=body)

    return make


async def _console_asset(service: FuzzedService) -> Example:
    page = await service.wire.send("GET", b"/", [], None)
    found = re.search(rb"/console/-/([^/\"]+)/([^\"]+)", page.body)
    assert found is not None, page
    return Example({"digest": found[1].decode(), "file": found[2].decode()})


def fixed(sale: str | None = "fuzz", *, key: bool = True, **parts: Any) -> Make:
    async def make(_: FuzzedService) -> Example:
        path = {} if sale is None else {"sale": sale}
        return Example(path, KEY if key else {}, parts.get("queries", {}), parts.get("body"))

    return make


async def _scene(_: FuzzedService) -> Example:
    return Example({"sale": "fuzz", "scene": "waiting"}, KEY)


async def _ticket(service: FuzzedService) -> Example:
    return Example({"sale": "fuzz"}, {"Holdfast-Ticket": (await service.entry())["ticket"]})


async def _claim(service: FuzzedService) -> Example:
    ticket = await _ticket(service)
    return Example(ticket.path, ticket.headers, body={"return_url": SHOP + "/"})


async def _pass(service: FuzzedService) -> Example:
    shown = (await service.entry())["pass"]
    return Example({"sale": "fuzz"}, {"Authorization": f"Bearer {shown}"})


async def _exchange(service: FuzzedService) -> Example:
    return Example({"sale": "fuzz"}, body={"token": await service.handoff(), "origin": SHOP})


async def _find(service: FuzzedService) -> Example:
    return Example({"sale": "fuzz"}, KEY, body={"ticket": (await service.entry())["ticket"]})


async def _copy(service: FuzzedService) -> Example:
    body = {"to": service.fresh("fuzz-copy"), "event_start_time": None}
    return Example({"sale": "fuzz-patch"}, KEY, body=body)


async def _hold(service: FuzzedService) -> Example:
    body = {
        "areas": [{"id": "floor", "quantity": 1}],
        "buyer": service.fresh("buyer"),
    }
    return Example({"sale": "fuzz"}, {**KEY, "Idempotency-Key": service.fresh("key")}, body=body)


async def _cancel(service: FuzzedService) -> Example:
    headers = {**KEY, "Idempotency-Key": service.fresh("key")}
    return Example({"sale": "fuzz"}, headers, body={"buyer": service.fresh("buyer")})


def held(body: Any = None) -> Make:
    async def make(service: FuzzedService) -> Example:
        return Example({"sale": "fuzz", "id": await service.hold()}, KEY, body=body)

    return make


async def _confirm(service: FuzzedService) -> Example:
    body = {"order_ref": service.fresh("order"), "payment_ref": service.fresh("pay"), "amount": 200}
    return Example({"sale": "fuzz", "id": await service.hold()}, KEY, body=body)


async def _order(service: FuzzedService) -> Example:
    return Example({"sale": "fuzz", "id": await service.order()}, KEY)


async def _refund(service: FuzzedService) -> Example:
    headers = {**KEY, "Idempotency-Key": service.fresh("key")}
    body = {"items": [{"area": "floor", "quantity": 1}]}
    return Example({"sale": "fuzz", "id": await service.order()}, headers, body=body)


async def _beacon(service: FuzzedService) -> Example:
    return Example({"sale": await service.drawing()}, KEY, body={"value": "0f" * 16})


async def _asset(service: FuzzedService) -> Example:
    return Example(await service.asset())


S: Final = "/v1/sales/{sale}"
PAGE: Final = {"t": RETURN, "lang": b"en", "identity": b"x"}
FORM: Final = b"do=join&t=" + RETURN
TARGETS: Final[dict[tuple[str, str], Target]] = {
    ("GET", S + "/status"): Target(fixed()),
    ("GET", S + "/ticket"): Target(_ticket),
    ("POST", S + "/tickets"): Target(
        fixed(body={"nonce": "n", "return_url": SHOP + "/"}), JoinBody, good=(201,)
    ),
    ("POST", S + "/pass"): Target(_claim, ClaimBody, good=(200, 201, 202)),
    ("DELETE", S + "/pass"): Target(_pass, good=(204,), once=True),
    ("POST", S + "/pass/exchange"): Target(_exchange, ExchangeBody, once=True),
    ("POST", S + "/pass/renew"): Target(_pass),
    ("POST", S + "/pass/release"): Target(_pass, good=(204,), once=True),
    ("GET", S + "/draw"): Target(fixed()),
    ("GET", S + "/identity-key"): Target(fixed()),
    ("GET", "/.well-known/jwks.json"): Target(fixed(None)),
    ("POST", S + "/holds"): Target(_hold, HoldBody, good=(201,), once=True),
    ("GET", S + "/holds"): Target(
        fixed(queries={"buyer": b"ann"}), queries=("buyer", "limit", "cursor")
    ),
    ("GET", S + "/plan"): Target(fixed(), queries=("form", "guids")),
    ("GET", S + "/seats"): Target(fixed(), queries=("channel", "seats")),
    ("GET", S + "/changes"): Target(
        fixed(queries={"after": b"1-0"}), queries=("after", "channel", "every", "form")
    ),
    ("GET", S + "/live"): Target(fixed(queries={"history": b"sale"}), queries=("history",)),
    ("GET", S + "/events"): Target(fixed(), queries=("cursor", "after", "limit")),
    ("POST", S + "/holds/cancel"): Target(_cancel, HoldChangeBody, once=True),
    ("GET", S + "/holds/{id}"): Target(held(), queries=("buyer",)),
    ("POST", S + "/holds/{id}/extend"): Target(held({"version": 1}), HoldChangeBody, once=True),
    ("POST", S + "/holds/{id}/release"): Target(held({"version": 1}), HoldChangeBody, once=True),
    ("POST", S + "/seats/block"): Target(fixed(body={"seats": ["z1-1-1"]}), SeatsBody),
    ("POST", S + "/seats/unblock"): Target(fixed(body={"seats": ["z1-1-1"]}), SeatsBody),
    ("POST", S + "/holds/{id}/paying"): Target(held({"order_ref": "o"}), PayingBody, once=True),
    ("POST", S + "/holds/{id}/confirm"): Target(_confirm, ConfirmRequest, once=True),
    ("GET", S + "/orders"): Target(
        fixed(),
        queries=("buyer", "status", "order_ref", "payment_ref", "id", "flag", "limit", "cursor"),
    ),
    ("GET", S + "/orders/totals"): Target(fixed()),
    ("GET", S + "/orders/{id}"): Target(_order, queries=("buyer",)),
    ("POST", S + "/orders/{id}/resolve"): Target(_order, ResolveBody),
    ("POST", S + "/orders/{id}/refund"): Target(_refund, RefundRequest, once=True),
    ("GET", S + "/preview/{scene}"): Target(_scene, queries=("lang", "colour")),
    ("GET", "/wait/{sale}"): Target(fixed(queries=PAGE), queries=tuple(PAGE)),
    ("GET", "/wait/{sale}/place"): Target(fixed(queries=PAGE), queries=tuple(PAGE)),
    ("POST", "/wait/{sale}/place"): Target(fixed(body=FORM), good=(303,)),
    ("GET", "/wait/{sale}/brand.css"): Target(fixed(), queries=("v",)),
    ("GET", "/wait/-/{digest}/{file}"): Target(_asset),
    ("GET", "/"): Target(fixed(None, key=False)),
    ("GET", "/console"): Target(screen()),
    ("POST", "/console"): Target(screen(form={"do": "nothing"}), good=(404,)),
    ("GET", "/console/{path}"): Target(screen("sales/fuzz")),
    ("POST", "/console/{path}"): Target(
        screen("sales/fuzz-life", {"do": "message", "message": "Soon"}), good=(303,)
    ),
    ("GET", "/console/sign-in"): Target(fixed(None, key=False)),
    ("POST", "/console/sign-in"): Target(
        fixed(None, key=False, body=f"key={OPERATOR_KEY}".encode()), good=(303,)
    ),
    ("GET", "/console/sign-in/provider"): Target(fixed(None, key=False), good=(404,)),
    ("GET", "/console/sign-in/callback"): Target(fixed(None, key=False), good=(404,)),
    ("POST", "/console/sign-out"): Target(screen(form={}), good=(303,)),
    ("GET", "/console/-/{digest}/{file}"): Target(_console_asset),
    ("GET", "/v1/audit"): Target(fixed(None), queries=("actor", "action", "limit", "cursor")),
    ("GET", S + "/audit"): Target(fixed(), queries=("actor", "action", "limit", "cursor")),
    ("GET", "/v1/sales"): Target(fixed(None), queries=("limit", "cursor", "deleted")),
    ("GET", S): Target(fixed()),
    ("PUT", S): Target(
        fixed("fuzz-put", body=SALE), SaleBody, queries=("strict",), good=(200, 201)
    ),
    ("PATCH", S): Target(fixed("fuzz-patch", body={"burst": 5}), SaleSpec),
    ("DELETE", S): Target(fixed("fuzz-life"), queries=("orders",), good=(409,)),
    ("POST", S + "/copy"): Target(_copy, SaleSpec, good=(201,), once=True),
    ("PUT", S + "/plan"): Target(
        fixed("fuzz-put", body=msgspec.json.decode(PLAN)), PlanEntry, queries=("strict",)
    ),
    ("GET", S + "/report"): Target(fixed(queries={"format": b"html"}), queries=("format", "lang")),
    ("POST", S + "/draw/beacon"): Target(_beacon, BeaconBody, once=True),
    **{
        ("POST", f"{S}/{operation}"): Target(fixed("fuzz-life"))
        for operation in ("open", "pause", "resume", "drain", "close")
    },
    ("POST", S + "/visitors/find"): Target(_find, VisitorQuery),
    ("POST", S + "/visitors/revoke"): Target(
        fixed(body={"pass_id": "none", "holds": "release"}), RevokeBody
    ),
    ("GET", S + "/addresses"): Target(fixed(), queries=("limit",)),
    ("GET", "/v1/health"): Target(fixed(None)),
    ("POST", S + "/reconcile"): Target(fixed(queries={"repair": b"true"}), queries=("repair",)),
    ("GET", "/livez"): Target(fixed(None)),
    ("GET", "/readyz"): Target(fixed(None)),
    ("GET", "/metrics"): Target(fixed(None)),
}
