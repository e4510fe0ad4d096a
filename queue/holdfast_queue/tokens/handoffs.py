"""Hand-offs: tokens that carry an admission back to the shop through the visitor's address bar.

A URL is logged, shared and kept in histories, so no long-lived credential goes into one. A hand-off
is a JWT of at most a minute whose audience is the return origin. The shop's connector verifies it
offline and makes its own cookie; a browser application exchanges it, once, for the pass. The store
enforces the single use (exchange_handoff.lua), by its `jti`.

Invariant: the `exp` of a hand-off is never after the end of the session. That the sale allows its
origin is for the caller to check.
"""

from dataclasses import dataclass
from secrets import token_urlsafe
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import msgspec

from holdfast_connector.contract import HANDOFF_PARAMETER, HANDOFF_TYPE
from holdfast_queue.tokens.claims import TokenClaims, encode_claims
from holdfast_queue.tokens.passes import Pass
from holdfast_queue.tokens.signer import Signer

HANDOFF_MS: Final = 60_000
_ID_BYTES: Final = 12


@dataclass(frozen=True, slots=True)
class Handoff:
    """A verified hand-off."""

    handoff_id: str
    admitted: Pass


class _HandoffClaims(TokenClaims, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    sale: str
    pass_id: str
    pass_exp: int
    renewable_until: int = 0


_decode_claims = msgspec.json.Decoder(_HandoffClaims).decode


class HandoffIssuer:
    """Issues hand-offs and verifies them."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer

    def issue(self, admitted: Pass, origin: str, now_ms: int, issued_ms: int | None = None) -> str:
        """A hand-off of `admitted` to the shop at `origin`, good for HANDOFF_MS from `now_ms`.

        `issued_ms` is the time from which it is valid, `now_ms` when it is left out.
        """
        issued_at_s = (now_ms if issued_ms is None else issued_ms) // 1000
        claims = _HandoffClaims(
            iss=self._signer.issuer,
            aud=origin,
            sale=admitted.sale,
            uid=admitted.uid,
            epoch=admitted.epoch,
            sub=admitted.subject,
            pass_id=admitted.pass_id,
            pass_exp=admitted.expires_at_ms // 1000,
            jti=token_urlsafe(_ID_BYTES),
            iat=issued_at_s,
            nbf=issued_at_s,
            exp=min(now_ms + HANDOFF_MS, admitted.expires_at_ms) // 1000,
            channels=admitted.channels,
            renewable_until=admitted.renewable_until_ms // 1000,
            test=admitted.test,
        )
        return self._signer.sign(encode_claims(claims), HANDOFF_TYPE)

    def read(self, token: str, origin: str | None, now_ms: int) -> Handoff | None:
        """The hand-off in `token`; None when it is not valid, over, or not meant for `origin`.

        Without an `origin` it may be meant for any.
        """
        text = self._signer.read(token, HANDOFF_TYPE)
        if text is None:
            return None
        try:
            claims = _decode_claims(text)
        except msgspec.DecodeError:
            return None
        if not claims.hold_for(self._signer.issuer, origin, now_ms):
            return None
        admitted = Pass(
            claims.sale,
            claims.uid,
            claims.epoch,
            claims.pass_id,
            claims.sub,
            claims.pass_exp * 1000,
            claims.channel_names(),
            test=claims.test,
        )
        return Handoff(claims.jti, admitted)


def redirect_url(return_url: str, handoff: str) -> str:
    """`return_url` with the hand-off as its only HANDOFF_PARAMETER."""
    parts = urlsplit(return_url)
    query = [
        (name, value)
        for name, value in parse_qsl(parts.query, keep_blank_values=True)
        if name != HANDOFF_PARAMETER
    ]
    query.append((HANDOFF_PARAMETER, handoff))
    return urlunsplit(parts._replace(query=urlencode(query)))
