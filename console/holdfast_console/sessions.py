"""Sessions of the console: sealed into a cookie, so that no worker keeps any.

The cookie is encrypted and authenticated (AES-GCM) under a key of the service's secret. It has the
API key that its user signed in with, which every request looks up again, or the person whom an
identity provider vouched for, with name and role as they were then. A session ends when nothing was
done for `IDLE_SECONDS`, and `ABSOLUTE_SECONDS` after signing in.
"""

import hmac
import secrets
import time
from typing import Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from holdfast_connector.tokens.base64url import decode_base64url, encode_base64url
from holdfast_web.keyring import Keyring, Purpose

IDLE_SECONDS: Final = 30 * 60
ABSOLUTE_SECONDS: Final = 12 * 3600
RENEW_SECONDS: Final = 60
"""A cookie older than this is written anew."""
LEEWAY_SECONDS: Final = 30
"""by which the clock of the node that wrote a cookie may be ahead"""
MAX_COOKIE_CHARS: Final = 4096
_NONCE_BYTES: Final = 12
_CSRF_BYTES: Final = 16
_SESSION: Final = b"session"


class Person(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whom an identity provider vouched for. `role` is a `Role`."""

    subject: str
    name: str
    role: int


class ConsoleSession(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A user of the console; times in Unix seconds."""

    csrf: str
    """what every form of this session carries"""
    began_at: int
    seen_at: int
    secret: str | None = None
    """the API key"""
    person: Person | None = None
    language: str | None = None

    def accepts(self, token: str) -> bool:
        """Whether a form with this token is one of this session."""
        return hmac.compare_digest(self.csrf.encode(), token.encode(errors="replace"))

    def __repr__(self) -> str:
        return f"ConsoleSession(began_at={self.began_at}, seen_at={self.seen_at})"


_decode: Final = msgspec.json.Decoder(ConsoleSession).decode


class SessionCodec:
    """Seals sessions and opens them again."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    def seal(self, session: ConsoleSession) -> str:
        """The text of the cookie."""
        return self.seal_bytes(msgspec.json.encode(session), _SESSION)

    def seal_bytes(self, content: bytes, context: bytes) -> str:
        """`content` encrypted, to be opened in the same context only."""
        key = self._keyring.signing(Purpose.CONSOLE)
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = AESGCM(key.key).encrypt(nonce, content, context)
        return f"{key.kid}.{encode_base64url(nonce + sealed)}"

    def open(self, text: str, now: int) -> ConsoleSession | None:
        """The session in a cookie; None when it is none of ours, was changed, or has ended."""
        content = self.open_bytes(text, _SESSION)
        if content is None:
            return None
        session = _decode(content)
        if not session.began_at <= session.seen_at <= now + LEEWAY_SECONDS:
            return None
        idle, whole = now - session.seen_at, now - session.began_at
        return session if idle < IDLE_SECONDS and whole < ABSOLUTE_SECONDS else None

    def open_bytes(self, text: str, context: bytes) -> bytes | None:
        """What was sealed in this context; None for anything else."""
        kid, _, sealed = text.partition(".")
        key = self._keyring.find(Purpose.CONSOLE, kid)
        if key is None or len(text) > MAX_COOKIE_CHARS:
            return None
        try:
            raw = decode_base64url(sealed)
            return AESGCM(key.key).decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], context)
        except (InvalidTag, ValueError):
            return None


def unix_seconds() -> int:
    """This host's clock, the one that the console uses."""
    return int(time.time())


def new_session(
    now: int,
    *,
    secret: str | None = None,
    person: Person | None = None,
    language: str | None = None,
) -> ConsoleSession:
    """The session of somebody who has just signed in."""
    token = secrets.token_urlsafe(_CSRF_BYTES)
    return ConsoleSession(token, now, now, secret, person, language)
