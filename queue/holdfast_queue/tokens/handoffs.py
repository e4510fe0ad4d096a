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

from holdfast_connector.contract import HANDOFF_PARAMETER, HANDOFF_TYPE
from holdfast_queue.tokens.passes import Pass, Signer, channels_in

HANDOFF_MS: Final = 60_000
_ID_BYTES: Final = 12


@dataclass(frozen=True, slots=True)
class Handoff:
    """A verified hand-off."""

    handoff_id: str
    admitted: Pass


class HandoffIssuer:
    """Issues hand-offs and verifies them."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer

    def issue(self, admitted: Pass, origin: str, now_ms: int, issued_ms: int | None = None) -> str:
        """A hand-off of `admitted` to the shop at `origin`, good for HANDOFF_MS from `now_ms`.

        `issued_ms` is the time from which it is valid, `now_ms` when it is left out.
        """
        issued_at_s = (now_ms if issued_ms is None else issued_ms) // 1000
        expires_at_ms = min(now_ms + HANDOFF_MS, admitted.expires_at_ms)
        return self._signer.sign(
            {
                "aud": origin,
                "sale": admitted.sale,
                "uid": admitted.uid,
                "epoch": admitted.epoch,
                "sub": admitted.subject,
                "pass_id": admitted.pass_id,
                "pass_exp": admitted.expires_at_ms // 1000,
                "jti": token_urlsafe(_ID_BYTES),
                "iat": issued_at_s,
                "nbf": issued_at_s,
                "exp": expires_at_ms // 1000,
                **admitted.further_claims,
            },
            HANDOFF_TYPE,
        )

    def read(self, token: str, origin: str | None, now_ms: int) -> Handoff | None:
        """The hand-off in `token`; None when it is not valid, over, or not meant for `origin`.

        Without an `origin` it may be meant for any.
        """
        claims = self._signer.verify(token, origin, HANDOFF_TYPE, now_ms)
        if claims is None:
            return None
        try:
            admitted = Pass(
                sale=claims["sale"],
                uid=claims["uid"],
                epoch=int(claims["epoch"]),
                pass_id=claims["pass_id"],
                subject=claims["sub"],
                expires_at_ms=int(claims["pass_exp"]) * 1000,
                channels=channels_in(claims),
            )
        except (KeyError, TypeError, ValueError):
            return None
        return Handoff(claims["jti"], admitted)


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
