"""Where handlers find the hall of a sale; apart, so that every module of routes can import it."""

from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

from holdfast_inventory.holds.sale_inventory import Hall

HALLS: Final[web.AppKey[Callable[[str], Awaitable[Hall]]]] = web.AppKey("halls")
"""From a sale's name to its hall; raises HoldfastError(UNKNOWN_SALE). Set by the face."""
