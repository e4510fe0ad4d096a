"""The inventory's HTTP application alone, with made-up keys and passes."""

from typing import Any, Protocol

from aiohttp import ClientResponse, web
from support.inventory.harness import InventoryHarness

from holdfast_inventory.holds.sale_inventory import SaleInventory
from holdfast_inventory.http.request import INVENTORIES
from holdfast_inventory.http.routes import add_routes
from holdfast_web.cors import RETURN_ORIGINS
from holdfast_web.credentials import (
    API_KEYS,
    PASS_VERIFIER,
    ApiKey,
    PassClaims,
    Role,
)
from holdfast_web.endpoint import add_fallback
from holdfast_web.errors import ErrorCode, HoldfastError
from holdfast_web.request.client_address import TRUSTED_PROXIES
from holdfast_web.trusted_proxies import TrustedProxies

SALE = "/v1/sales/sale"
SHOP = "https://shop.example"
API = {
    name: ApiKey(name, role, name)
    for name, role in (
        ("viewer", Role.VIEWER),
        ("platform", Role.PLATFORM),
        ("second", Role.PLATFORM),
        ("operator", Role.OPERATOR),
    )
}


class Client(Protocol):
    """Sends a request to the application: method and path below the sale."""

    async def __call__(self, method: str, path: str, **how: Any) -> ClientResponse: ...


def application(harness: InventoryHarness) -> web.Application:
    """The inventory alone; a pass reads `pass.<buyer>.<channel>`, with `x` for no channel, or
    `final` where the time for renewing is over."""
    app = web.Application()

    async def inventories(name: str) -> SaleInventory:
        if name != "sale":
            raise HoldfastError(ErrorCode.UNKNOWN_SALE)
        return harness.inventory

    async def api_keys(digest: str) -> ApiKey | None:
        return API.get(digest)

    async def origins(_: str) -> tuple[str, ...]:
        return (SHOP,)

    def verified(token: str, sale: str, uid: str | None) -> PassClaims | None:
        kind, buyer, channel = token.split(".")
        if kind != "pass" or sale != "sale" or uid not in (None, harness.uid):
            return None
        channels, final = frozenset({channel} - {"x", "final"}), channel == "final"
        pass_id = f"pass-{buyer}"
        return PassClaims(sale, harness.uid, pass_id, buyer, 2**40, channels=channels, final=final)

    app[INVENTORIES] = inventories
    app[API_KEYS] = api_keys
    app[RETURN_ORIGINS] = origins
    app[PASS_VERIFIER] = verified
    app[TRUSTED_PROXIES] = TrustedProxies()
    add_routes(app)
    add_fallback(app)
    return app


async def problem(response: ClientResponse) -> tuple[int, str]:
    """Status and code of a refusal."""
    assert response.content_type == "application/problem+json"
    return response.status, (await response.json())["code"]
