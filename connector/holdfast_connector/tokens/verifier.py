"""Verifies hand-offs and passes offline: signature, purpose, audience, issuer and times.

A refusal says whether a new hand-off from the waiting room can help: one that has expired can be
replaced; one for another shop is a wrong configuration or a forgery, and sending that visitor back
to the room would send them in circles.

Invariants: the algorithm is pinned by the key; `typ` tells hand-offs from passes, so neither stands
in for the other; all of `iss aud sub jti iat nbf exp` must be there; clocks may differ by
`LEEWAY_SECONDS`. Time is injected: PyJWT's own look at the wall clock is switched off.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from holdfast_connector.contract import HANDOFF_TYPE, LEEWAY_SECONDS, PASS_TYPE
from holdfast_connector.tokens.jwts import header_of, verified_claims
from holdfast_connector.tokens.keys import Keys


class Fault(Enum):
    """Why a token is refused."""

    FORGED = "forged"
    """Not signed by the service, not for this audience, or not a token at all."""
    OVER = "over"
    """It was valid, and has expired or was used."""
    UNKNOWN_KEY = "unknown_key"
    """Signed with a key that the service does not publish: retired, or too new to be known yet."""
    TEST = "test"
    """Of a test sale, and the shop admits none."""


class Refused(Exception):
    """The token is refused."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.value)
        self.fault = fault


@dataclass(frozen=True, slots=True)
class Handoff:
    """A verified hand-off. Times are Unix seconds."""

    id: str
    sale: str
    pass_id: str
    subject: str
    pass_expires_at: int
    expires_at: int
    test: bool = False
    """Whether the sale is a test sale: what is bought in it is not to be charged."""


@dataclass(frozen=True, slots=True)
class VerifiedPass:
    """A verified pass: its visitor was admitted to `sale` until `expires_at` (Unix seconds)."""

    sale: str
    pass_id: str
    subject: str
    expires_at: int
    test: bool = False
    """Whether the sale is a test sale: what is bought in it is not to be charged."""


class Verifier:
    """Verifies the tokens of one service."""

    def __init__(
        self,
        issuer: str,
        keys: Keys,
        *,
        clock: Callable[[], float] = time.time,
        leeway_seconds: int = LEEWAY_SECONDS,
        admit_test: bool = True,
    ) -> None:
        # An operator may have written the public URL with a slash at its end.
        self._issuers = (issuer, f"{issuer}/")
        self._keys = keys
        self._clock = clock
        self._leeway_seconds = leeway_seconds
        self._admit_test = admit_test

    def handoff(self, token: str, origin: str) -> Handoff:
        """The hand-off behind `token`, meant for the shop at `origin`; raises Refused or
        KeysUnavailable.
        """
        claims = self._claims(token, origin, HANDOFF_TYPE)
        try:
            return Handoff(
                id=claims["jti"],
                sale=str(claims["sale"]),
                pass_id=str(claims["pass_id"]),
                subject=claims["sub"],
                pass_expires_at=int(claims["pass_exp"]),
                expires_at=int(claims["exp"]),
                test=_is_test(claims),
            )
        except (KeyError, TypeError, ValueError):
            raise Refused(Fault.FORGED) from None

    def visitor_pass(self, token: str, sale: str) -> VerifiedPass:
        """The pass in `token`; raises Refused or KeysUnavailable.

        Blocks when keys have to be read: in a coroutine use `visitor_pass_async`.
        """
        claims = self._claims(token, sale, PASS_TYPE)
        return VerifiedPass(
            sale, claims["jti"], claims["sub"], int(claims["exp"]), _is_test(claims)
        )

    async def visitor_pass_async(self, token: str, sale: str) -> VerifiedPass:
        """The pass in `token`, verified without blocking the event loop."""
        if self._keys.has(_header(token).get("kid", "")):
            return self.visitor_pass(token, sale)
        return await asyncio.to_thread(self.visitor_pass, token, sale)

    def _claims(self, token: str, audience: str, token_type: str) -> dict[str, Any]:
        header = _header(token)
        if header.get("typ") != token_type:
            raise Refused(Fault.FORGED)
        key = self._keys.find(str(header.get("kid", "")))
        if key is None:
            raise Refused(Fault.UNKNOWN_KEY)
        claims = verified_claims(
            token, key.material, key.algorithm, audience=audience, issuers=self._issuers
        )
        if claims is None:
            raise Refused(Fault.FORGED)
        self._check_times(claims)
        if _is_test(claims) and not self._admit_test:
            raise Refused(Fault.TEST)
        return claims

    def _check_times(self, claims: Mapping[str, Any]) -> None:
        issued, begins, ends = claims["iat"], claims["nbf"], claims["exp"]
        if not all(type(moment) is int for moment in (issued, begins, ends)):
            raise Refused(Fault.FORGED)
        now, leeway = self._clock(), self._leeway_seconds
        if ends + leeway <= now:
            raise Refused(Fault.OVER)
        if max(issued, begins) > now + leeway:
            raise Refused(Fault.FORGED)


def _is_test(claims: Mapping[str, Any]) -> bool:
    """Whether a token is of a test sale; a claim of any other form counts as that, too."""
    return claims.get("test", False) is not False


def _header(token: str) -> dict[str, Any]:
    header = header_of(token)
    if header is None:
        raise Refused(Fault.FORGED)
    return header
