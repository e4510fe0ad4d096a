"""The routes of the service: each once, and each in the documents, with the role it belongs to."""

import re
from collections import Counter
from pathlib import Path
from typing import Final

import pytest
from aiohttp import web

from holdfast.config import Config
from holdfast.http.app import create_app
from holdfast_web.roles.role_routes import AUDITED_ROUTES, RoleRoutes, answer_elsewhere
from holdfast_web.roles.service_roles import ALL_ROLES, CROWDED_ROLES, ServiceRole
from holdfast_web.shedding.priority import Priority, priority_of

API: Final = Path(__file__).resolve().parents[3] / "docs" / "api.md"
_ROW: Final = re.compile(r"^\| `([A-Z]+)` \| `(/[^`]*)` \| \w+ \| ([^|]+) \|", re.MULTILINE)
Routes = dict[tuple[str, str], frozenset[str]]


def application(*roles: ServiceRole) -> web.Application:
    """An application of these roles that is never started."""
    config = Config(
        public_url="http://127.0.0.1:8080",
        store_url="redis://127.0.0.1",
        ledger_url="sqlite://",
        secret="secret-" * 8,
        operator_key="key-" * 8,
    )
    return create_app(config, roles=roles)


def routes_of(*roles: ServiceRole) -> list[tuple[str, str]]:
    """Method and pattern of every route that these roles serve."""
    return [
        (route.method, route.resource.canonical)
        for route in application(*roles).router.routes()
        if route.resource is not None
        and route.method not in {"HEAD", "OPTIONS", "*"}
        and route.handler is not answer_elsewhere
    ]


@pytest.fixture(scope="module")
def documented() -> Routes:
    """The roles of every endpoint in docs/api.md; `each` stands for all."""
    rows = _ROW.findall(API.read_text(encoding="utf-8"))
    return {
        (method, path): frozenset(ALL_ROLES if roles == "each" else re.findall(r"`(\w+)`", roles))
        for method, path, roles in rows
    }


def test_no_route_is_registered_twice() -> None:
    routes = routes_of(*ALL_ROLES)
    assert [route for route, times in Counter(routes).items() if times > 1] == []


def test_every_route_is_documented_and_nothing_else(documented: Routes) -> None:
    assert set(documented) == set(routes_of(*ALL_ROLES))


def test_every_route_belongs_to_the_roles_that_the_document_says(documented: Routes) -> None:
    served: dict[tuple[str, str], set[str]] = {}
    for role in ALL_ROLES:
        for route in routes_of(role):
            served.setdefault(route, set()).add(role)
    assert served == documented


def test_what_only_shops_and_operators_use_is_refused_last_in_an_overload() -> None:
    """The shop keeps the key of the sale's identities, and can ask for it later; live figures are a
    stream, and less is accepted while a payment is in work.
    """
    crowd = {route for role in CROWDED_ROLES for route in routes_of(role)}
    others = set(routes_of(*ALL_ROLES)) - crowd
    refused_earlier = {
        (method, path)
        for method, path in others
        if priority_of(method, path.replace("{sale}", "gala").replace("{id}", "1"))
        is not Priority.PAYMENT
    }
    assert len(others) >= 20
    assert refused_earlier == {
        ("GET", "/v1/sales/{sale}/identity-key"),
        ("GET", "/v1/sales/{sale}/live"),
    }


def test_an_application_without_roles_serves_what_every_listener_does() -> None:
    assert routes_of() == [("GET", "/livez"), ("GET", "/readyz")]


def test_audit_actions_are_documented_and_those_of_the_routes() -> None:
    """Every change by a key of shop or operator; what its route gives a reason for has none."""
    audited: dict[tuple[str, str], str | None] = application(*ALL_ROLES)[AUDITED_ROUTES]
    changing = {
        (method, path)
        for role in (ServiceRole.SHOP, ServiceRole.OPERATOR)
        for method, path in routes_of(role)
        if method != "GET"
    }
    assert set(audited) == changing
    table = API.read_text(encoding="utf-8").partition("| Action | Of |")[2].partition("\n\n")[0]
    listed = re.findall(r"`(\w+\.\w+)`", table)
    written = {action for action in audited.values() if action is not None}
    elsewhere = {"key.create", "key.revoke", "sale.patch_refused", "sale.lifecycle_adopted"}
    assert set(listed) == written | elsewhere


def test_change_by_a_key_without_an_audit_action_cannot_be_added() -> None:
    for role, with_key in ((ServiceRole.OPERATOR, None), (ServiceRole.ROOM, ServiceRole.SHOP)):
        routes = RoleRoutes(web.Application(), role, with_key)
        for given in ({}, {"audits": "sale.put", "unaudited": "both"}):
            with pytest.raises(TypeError, match="audits"):
                routes.add("POST", "/v1/x", answer_elsewhere, **given)
        routes.add("POST", "/v1/x", answer_elsewhere, unaudited="for a reason")
        routes.get("/v1/x", answer_elsewhere)
    RoleRoutes(web.Application(), ServiceRole.ROOM).add("POST", "/v1/x", answer_elsewhere)
