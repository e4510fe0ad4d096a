"""The shop's own session: a signed cookie, made of a hand-off, read without asking anybody.

The value is `base64url(JSON).base64url(HMAC-SHA256)`. It says which pass the visitor has, until
when, and carries the pass itself when the shop exchanged the hand-off for it: the cookie is
HttpOnly and goes to nobody but the shop, which needs the pass to act for the visitor and to give
their place back.

Invariants: the signature is compared in constant time and covers the sale, so a cookie of one sale
opens no other; a session never outlives the pass; over https the name begins with `__Host-`, which
binds the cookie to this very host. The first secret signs, all of them verify.
"""

import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from holdfast_connector.tokens.base64url import decode_base64url, encode_base64url

MIN_SECRET_CHARS: Final = 32
MAX_COOKIE_CHARS: Final = 4_000
_PURPOSE: Final = b"holdfast-session/1/"


@dataclass(frozen=True, slots=True)
class Session:
    """A visitor who came through the waiting room."""

    sale: str
    pass_id: str
    subject: str
    expires_at: int
    visitor_pass: str | None = field(default=None, repr=False)
    """The pass, for calls in the visitor's name; None when hand-offs are only verified."""


class SessionCookies:
    """Writes and reads the session cookie of one sale."""

    def __init__(self, sale: str, secrets: Sequence[str], *, secure: bool) -> None:
        if not secrets or any(len(secret) < MIN_SECRET_CHARS for secret in secrets):
            raise ValueError(f"a cookie secret has at least {MIN_SECRET_CHARS} characters")
        self.name = f"{'__Host-' if secure else ''}holdfast_session_{sale}"
        self._sale = sale
        self._secrets = tuple(secret.encode() for secret in secrets)
        self._attributes = "; Path=/; HttpOnly; SameSite=Lax" + ("; Secure" if secure else "")

    def made(self, session: Session, now: float) -> str:
        """The `Set-Cookie` value that leaves `session` with the browser."""
        seconds = max(0, int(session.expires_at - now))
        return f"{self.name}={self._sealed(session)}; Max-Age={seconds}{self._attributes}"

    def cleared(self) -> str:
        """The `Set-Cookie` value that takes it away."""
        return f"{self.name}=; Max-Age=0{self._attributes}"

    def read(self, cookie_header: str, now: float) -> Session | None:
        """The session that the browser shows, while it lasts."""
        for value in _values(cookie_header, self.name):
            session = self._opened(value)
            if session is not None and now < session.expires_at:
                return session
        return None

    def _sealed(self, session: Session) -> str:
        members = {
            "p": session.pass_id,
            "s": session.subject,
            "e": session.expires_at,
            "t": session.visitor_pass,
        }
        body = encode_base64url(json.dumps(members, separators=(",", ":")).encode())
        return f"{body}.{self._mac(self._secrets[0], body)}"

    def _opened(self, value: str) -> Session | None:
        body, dot, mac = value.rpartition(".")
        if not dot or len(value) > MAX_COOKIE_CHARS or not value.isascii():
            return None
        if not any(hmac.compare_digest(mac, self._mac(key, body)) for key in self._secrets):
            return None
        try:
            members = json.loads(decode_base64url(body))
            return Session(
                self._sale, members["p"], members["s"], int(members["e"]), members.get("t")
            )
        except (ValueError, KeyError, TypeError):
            return None

    def _mac(self, secret: bytes, body: str) -> str:
        message = _PURPOSE + self._sale.encode() + b"/" + body.encode()
        return encode_base64url(hmac.new(secret, message, hashlib.sha256).digest())


def _values(cookie_header: str, name: str) -> list[str]:
    """The values that `name` has; a browser may send several, of other paths or domains."""
    pairs = (part.strip().partition("=") for part in cookie_header.split(";"))
    return [value for key, _, value in pairs if key == name][:4]
