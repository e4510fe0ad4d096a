"""Where a visitor may be sent back to: the sale's return origins, and our own.

The rule is the connector's, for a storefront lives by the same; here it becomes a refusal.
"""

from collections.abc import Collection

from holdfast_connector.origins import origin_of
from holdfast_web.errors import ErrorCode, HoldfastError


def check_return_url(url: str, origins: Collection[str], own_origin: str) -> str:
    """`url` itself when its origin is in `origins` or our own, else 400 `invalid_return_url`."""
    try:
        origin = origin_of(url)
    except ValueError as exc:
        raise HoldfastError(ErrorCode.INVALID_RETURN_URL, str(exc)) from None
    if origin != own_origin and origin not in origins:
        raise HoldfastError(ErrorCode.INVALID_RETURN_URL)
    return url
