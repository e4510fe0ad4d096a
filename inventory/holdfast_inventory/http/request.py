"""Reads from a request which sale and hold it is about, and on whose behalf it is made."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

from holdfast_inventory.holds.hold_requests import BuyerRef
from holdfast_inventory.holds.sale_inventory import SaleInventory
from holdfast_web.credentials import ApiKey, Buyer, Role, buyer, require_role, shows_pass
from holdfast_web.errors import ErrorCode, HoldfastError

INVENTORIES: Final[web.AppKey[Callable[[str], Awaitable[SaleInventory]]]] = web.AppKey(
    "inventories"
)
"""From a sale's name to its inventory; raises HoldfastError(UNKNOWN_SALE). Set by the face."""

_HOLD_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")


async def inventory_of(request: web.Request) -> SaleInventory:
    """The inventory of the sale in the address."""
    return await request.app[INVENTORIES](request.match_info["sale"])


def hold_id_of(request: web.Request, unknown: ErrorCode = ErrorCode.UNKNOWN_HOLD) -> str:
    """The id of the hold or order in the address; 404 for one of another form."""
    text = request.match_info["id"]
    if _HOLD_ID.fullmatch(text) is None:
        raise HoldfastError(unknown)
    return text


def buyer_ref(who: Buyer) -> BuyerRef:
    """The buyer of a hold request; idempotency keys are scoped by the credential."""
    if who.claims is not None:
        claims = who.claims
        credential, expires_ms = f"pass:{claims.pass_id}", claims.expires_at * 1000
        limit_ms = claims.renewable_until * 1000
        return BuyerRef(who.id, credential, claims.pass_id, claims.epoch, expires_ms, limit_ms)
    return BuyerRef(who.id, f"key:{who.key.id if who.key else ''}")


async def owner_of(request: web.Request, inventory: SaleInventory, named: str | None) -> str:
    """The buyer that must own the hold: that of the pass, or the named one.

    Empty, for anybody's hold, with a platform key that names none.
    """
    if named is None and not shows_pass(request):
        await require_role(request, Role.PLATFORM)
        return ""
    return (await buyer(request, inventory, named)).id


async def forcing_operator(request: web.Request, named: str | None) -> ApiKey | None:
    """The operator's key when it ends a hold by force: on behalf of no buyer, named or shown."""
    if named is not None or shows_pass(request):
        return None
    key = await require_role(request, Role.PLATFORM)
    return key if key.role is Role.OPERATOR else None
