"""Checks where a visitor may be sent back to: the sale's return origins, and the service's own.

What counts as an origin is defined in the connector, since storefronts check by the same rule.
"""

from collections.abc import Collection

from holdfast_connector.origins import origin_of
from holdfast_web.errors import ErrorCode, HoldfastError


def check_return_url(url: str, origins: Collection[str], own_origin: str) -> str:
    """Returns `url` when its origin is in `origins` or our own, else raises INVALID_RETURN_URL."""
    try:
        origin = origin_of(url)
    except ValueError as exc:
        raise HoldfastError(ErrorCode.INVALID_RETURN_URL, str(exc)) from None
    if origin != own_origin and origin not in origins:
        raise HoldfastError(ErrorCode.INVALID_RETURN_URL)
    return url
