"""The credentials of callers: an API key with a role, or a buyer's pass.

Both come as `Authorization: Bearer`. How keys are stored and passes are verified is unknown here:
the face sets `API_KEYS`, the waiting room sets `PASS_VERIFIER`. Invariants: no credential means
401, a valid one that may not do this means 403; a pass is valid for the sale with the uid that it
names, not for a later sale of the same name. A key may be limited to sales: it is then good for
addresses that name one of them, and for lists that show what concerns these alone.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Protocol

import msgspec
from aiohttp import web

from holdfast_web.errors import ErrorCode, HoldfastError, invalid

MAX_TOKEN_CHARS: Final = 2048
MAX_BUYER_CHARS: Final = 128
JWT_DOTS: Final = 2


class Role(IntEnum):
    """The role of an API key; each may do what the lower ones may."""

    VIEWER = 1
    PLATFORM = 2
    OPERATOR = 3


@dataclass(frozen=True)
class ApiKey:
    id: str
    role: Role
    name: str
    channels: frozenset[str] = frozenset()
    sales: frozenset[str] = frozenset()
    """the names of the sales that it may be used for; empty for all"""

    def allows(self, sale: str | None) -> bool:
        """Whether the key may be used for this sale; None stands for what concerns all of them."""
        return not self.sales or sale in self.sales


class PassClaims(msgspec.Struct, frozen=True, gc=False):
    """The claims of a valid pass; times in Unix seconds. `epoch` is the sale's when it was
    issued.

    A msgspec struct, since one is made for every request with a pass.
    """

    sale: str
    uid: str
    pass_id: str
    subject: str
    expires_at: int
    epoch: int = 0
    channels: frozenset[str] = frozenset()
    renewable_until: int = 0
    """0: without end"""
    final: bool = False
    """Whether it is past renewing: it begins no hold, and what is held can be paid."""


@dataclass(frozen=True)
class Buyer:
    """The buyer of a call: the subject of a pass, or the one whom a platform key names."""

    id: str
    claims: PassClaims | None
    key: ApiKey | None

    @property
    def channels(self) -> frozenset[str]:
        """The channels whose allotments this buyer may hold: those of the pass or key."""
        if self.claims is not None:
            return self.claims.channels
        return self.key.channels if self.key is not None else frozenset()


KeyLookup = Callable[[str], Awaitable[ApiKey | None]]
"""From a secret to its API key, None when there is none.

It compares digests, so that no time depends on how much of a secret was guessed right.
"""


class NamedSale(Protocol):
    """A sale with its uid: after it is deleted, another sale may get its name."""

    @property
    def name(self) -> str: ...

    @property
    def uid(self) -> str: ...


PassVerifier = Callable[[str, str, str | None], PassClaims | None]
"""From (token, name of the sale, its uid) to the claims; None when it is no valid pass of it.

Without a uid a pass of any sale that had the name will do: that decides between 401 and 403 only.
"""

API_KEYS: web.AppKey[KeyLookup] = web.AppKey("api_keys")
PASS_VERIFIER: web.AppKey[PassVerifier] = web.AppKey("pass_verifier")
ACTING_KEY: Final = web.RequestKey("acting_key", ApiKey)
"""The API key that a request has been allowed with; that of a call within the process is set before
it, since it has been looked up already.
"""


def bearer_token(request: web.Request) -> str | None:
    """The token of the `Authorization` header; None without one of this scheme.

    Valid tokens are ASCII; one that is not may consist of bytes that are no text at all.
    """
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not 0 < len(token) <= MAX_TOKEN_CHARS or not token.isascii():
        return None
    return token


def is_jwt(token: str) -> bool:
    """Whether a bearer token has the form of a pass; no key that the ledger makes has it."""
    return token.count(".") == JWT_DOTS


def shows_pass(request: web.Request) -> bool:
    """Whether the request comes with what has the form of a pass, valid or not."""
    token = bearer_token(request)
    return token is not None and is_jwt(token)


async def require_role(
    request: web.Request, role: Role, sale: NamedSale | None = None, *, filters: bool = False
) -> ApiKey:
    """The API key of the request, which must have `role` or more; raises 401 or 403.

    A valid pass of `sale` instead is 403, with a detail that says so; without `sale` a pass of any
    sale that had the name in the address. A key that is limited to sales is refused where the
    address names none of them, unless the handler `filters` by `ApiKey.allows`.
    """
    token = bearer_token(request)
    key = await _shown_key(request, token)
    if key is None:
        if token is not None and _is_pass(request, token, sale):
            raise HoldfastError(ErrorCode.FORBIDDEN, "This needs an API key; a pass is not enough.")
        raise HoldfastError(ErrorCode.UNAUTHORIZED)
    if key.role < role:
        raise HoldfastError(ErrorCode.FORBIDDEN, f"This needs the role {role.name.lower()}.")
    named = request.match_info.get("sale")
    if named is not None or not filters:
        require_sale(key, named)
    request[ACTING_KEY] = key
    return key


async def _shown_key(request: web.Request, token: str | None) -> ApiKey | None:
    """The API key that the request has been allowed with already, or that its token is."""
    key: ApiKey | None = request.get(ACTING_KEY)
    return await request.app[API_KEYS](token) if key is None and token else key


def require_sale(key: ApiKey, sale: str | None) -> None:
    """Raises 403 unless the key may be used for this sale; None stands for all of them."""
    if not key.allows(sale):
        raise HoldfastError(ErrorCode.FORBIDDEN, "This key is for other sales only.")


def _is_pass(request: web.Request, token: str, sale: NamedSale | None) -> bool:
    """Whether `token` is a valid pass of the request's sale."""
    name = sale.name if sale is not None else request.match_info.get("sale")
    if name is None or not is_jwt(token):
        return False
    uid = None if sale is None else sale.uid
    return request.app[PASS_VERIFIER](token, name, uid) is not None


async def require_pass(request: web.Request, sale: NamedSale) -> PassClaims:
    """The pass of the request, which must be of `sale`; raises 401 or 403."""
    token = bearer_token(request)
    claims = request.app[PASS_VERIFIER](token, sale.name, sale.uid) if token else None
    if claims is None:
        if token is not None and await _is_key(request, token):
            raise HoldfastError(ErrorCode.FORBIDDEN, "This needs a pass; an API key is not enough.")
        raise HoldfastError(ErrorCode.UNAUTHORIZED)
    return claims


async def _is_key(request: web.Request, token: str) -> bool:
    """Whether `token` is a valid API key; one in the form of a pass is not looked up."""
    if is_jwt(token):
        return False
    return await request.app[API_KEYS](token) is not None


async def buyer(request: web.Request, sale: NamedSale, named: str | None = None) -> Buyer:
    """The buyer of the pass, or with a platform key the one `named` in the request."""
    token = bearer_token(request)
    if token is not None and is_jwt(token):
        claims = request.app[PASS_VERIFIER](token, sale.name, sale.uid)
        if claims is not None:
            return _buyer_of_pass(claims, named)
        # A signature takes time: it is not looked at again, to say why a pass is not enough.
        if await _shown_key(request, token) is None:
            raise HoldfastError(ErrorCode.UNAUTHORIZED)
    key = await require_role(request, Role.PLATFORM, sale)
    if named is None or not 1 <= len(named) <= MAX_BUYER_CHARS:
        raise invalid("buyer", f"buyer must name one in 1 to {MAX_BUYER_CHARS} characters.")
    return Buyer(named, None, key)


def _buyer_of_pass(claims: PassClaims, named: str | None) -> Buyer:
    if named is not None and named != claims.subject:
        raise HoldfastError(ErrorCode.NOT_OWNER, "A pass buys for its own holder only.")
    return Buyer(claims.subject, claims, None)
