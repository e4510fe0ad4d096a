"""The hand-off: how an admission travels back to the shop through the visitor's address bar.

A URL is logged, shared and kept in histories, so no long-lived credential goes into one. The
hand-off is a JWT of at most a minute whose audience is the return origin; the shop's connector
verifies it offline and makes its own cookie, a browser application exchanges it, once, for the
pass. Single use is the store's to enforce (exchange_handoff.lua), by its `jti`.

Invariant: the `exp` of a hand-off never lies after the session's end, and it names an origin that
the sale allows.
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
    """A hand-off that verified."""

    handoff_id: str
    admitted: Pass


class HandoffIssuer:
    """Makes hand-offs for an origin and reads them back."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer

    def issue(self, admitted: Pass, origin: str, now_ms: int, issued_ms: int | None = None) -> str:
        """A hand-off of `admitted` to the shop at `origin`, issued now or, by the shop's clock, at
        `issued_ms`.
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
        """The hand-off behind `token`, when it is meant for `origin` (None: any) and not over."""
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
    """`return_url` carrying the hand-off; whatever the parameter held before is dropped."""
    parts = urlsplit(return_url)
    query = [
        (name, value)
        for name, value in parse_qsl(parts.query, keep_blank_values=True)
        if name != HANDOFF_PARAMETER
    ]
    query.append((HANDOFF_PARAMETER, handoff))
    return urlunsplit(parts._replace(query=urlencode(query)))
