"""The session of a visitor at the shop: a signed cookie, verified without a call.

The value is `base64url(JSON).base64url(HMAC-SHA256)`. It contains the visitor's pass id and its
end, and the pass itself when the shop exchanged the hand-off for it: the cookie is HttpOnly and
goes to nobody but the shop, which needs the pass for calls in the visitor's name and to release the
session.

Invariants: the signature is compared in constant time and covers the sale, so a cookie of one sale
is not valid for another; a session never outlives the pass; over https the name begins with
`__Host-`, which binds the cookie to this very host. The first secret signs, all of them verify.
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
    """The session of an admitted visitor."""

    sale: str
    pass_id: str
    subject: str
    expires_at: int
    visitor_pass: str | None = field(default=None, repr=False)
    """The pass, for calls in the visitor's name; None when hand-offs are only verified."""
    test: bool = False
    """Whether the sale is a test sale: what is bought in it is not to be charged."""


class SessionCookies:
    """Writes and reads the session cookie of one sale."""

    def __init__(self, sale: str, secrets: Sequence[str], *, secure: bool) -> None:
        if not secrets or any(len(secret) < MIN_SECRET_CHARS for secret in secrets):
            raise ValueError(f"a cookie secret has at least {MIN_SECRET_CHARS} characters")
        self.name = f"{'__Host-' if secure else ''}holdfast_session_{sale}"
        self._sale = sale
        self._secrets = tuple(secret.encode() for secret in secrets)
        self._attributes = "; Path=/; HttpOnly; SameSite=Lax" + ("; Secure" if secure else "")

    def set_cookie(self, session: Session, now: float) -> str:
        """The `Set-Cookie` value that sets the cookie of `session`."""
        seconds = max(0, int(session.expires_at - now))
        return f"{self.name}={self._encoded(session)}; Max-Age={seconds}{self._attributes}"

    def clear_cookie(self) -> str:
        """The `Set-Cookie` value that removes the cookie."""
        return f"{self.name}=; Max-Age=0{self._attributes}"

    def read(self, cookie_header: str, now: float) -> Session | None:
        """The session in a `Cookie` header; None without one, or when it has expired."""
        for value in _values(cookie_header, self.name):
            session = self._verified(value)
            if session is not None and now < session.expires_at:
                return session
        return None

    def _encoded(self, session: Session) -> str:
        members: dict[str, object] = {
            "p": session.pass_id,
            "s": session.subject,
            "e": session.expires_at,
            "t": session.visitor_pass,
        }
        if session.test:
            members["x"] = 1
        body = encode_base64url(json.dumps(members, separators=(",", ":")).encode())
        return f"{body}.{self._mac(self._secrets[0], body)}"

    def _verified(self, value: str) -> Session | None:
        body, dot, mac = value.rpartition(".")
        if not dot or len(value) > MAX_COOKIE_CHARS or not value.isascii():
            return None
        if not any(hmac.compare_digest(mac, self._mac(key, body)) for key in self._secrets):
            return None
        try:
            members = json.loads(decode_base64url(body))
            return Session(
                self._sale,
                members["p"],
                members["s"],
                int(members["e"]),
                members.get("t"),
                bool(members.get("x")),
            )
        except (ValueError, KeyError, TypeError):
            return None

    def _mac(self, secret: bytes, body: str) -> str:
        message = _PURPOSE + self._sale.encode() + b"/" + body.encode()
        return encode_base64url(hmac.new(secret, message, hashlib.sha256).digest())


def _values(cookie_header: str, name: str) -> list[str]:
    """The values of the cookies called `name`; a browser may send several, of other paths or
    domains.
    """
    pairs = (part.strip().partition("=") for part in cookie_header.split(";"))
    return [value for key, _, value in pairs if key == name][:4]
