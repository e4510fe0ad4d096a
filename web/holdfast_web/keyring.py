"""Derives every signing key of the service from one secret.

Nodes that share `HOLDFAST_SECRET` derive the same keys. A key is HKDF-SHA256 (RFC 5869) of the
secret with the purpose as `info`, so keys of different purposes are unrelated; its `kid` is derived
the same way and reveals nothing about it. Rotation: a new secret is put first and the old one
listed as previous; what was signed with the old one verifies until it is removed from the list.
The first secret signs.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES: Final = 32
KID_BYTES: Final = 6
MIN_SECRET_CHARS: Final = 32
_INFO: Final = b"holdfast/1/"


class Purpose(StrEnum):
    """What a key is for; a key of one purpose verifies nothing of another."""

    TICKET = "ticket"
    PASS = "pass"  # noqa: S105 - the name of a purpose, no password
    PASS_TAG = "pass-tag"  # noqa: S105
    HANDOFF = "handoff"
    IDENTITY = "identity"
    CONSOLE = "console"


@dataclass(frozen=True)
class DerivedKey:
    """A key with its public id."""

    kid: str
    key: bytes = field(repr=False)


class Keyring:
    """The keys of the current secret and of those it replaced."""

    def __init__(self, secret: str, previous: Sequence[str] = ()) -> None:
        secrets = (secret, *previous)
        if any(len(one) < MIN_SECRET_CHARS for one in secrets):
            raise ValueError(f"a secret must have at least {MIN_SECRET_CHARS} characters")
        self._secrets = tuple(dict.fromkeys(one.encode() for one in secrets))
        # A method cached on the instance, so that the keys live and die with the keyring.
        self.keys = lru_cache(maxsize=len(Purpose))(self._derive_all)

    def signing(self, purpose: Purpose) -> DerivedKey:
        """The key to sign with."""
        return self.keys(purpose)[0]

    def find(self, purpose: Purpose, kid: str) -> DerivedKey | None:
        """The key that `kid` names, if its secret is still listed. A `kid` is public: no constant
        time is needed.
        """
        return next((key for key in self.keys(purpose) if key.kid == kid), None)

    def _derive_all(self, purpose: Purpose) -> tuple[DerivedKey, ...]:
        """The keys to verify with, the signing key first."""
        return tuple(_derive(secret, purpose) for secret in self._secrets)


def _derive(secret: bytes, purpose: Purpose) -> DerivedKey:
    info = _INFO + purpose.value.encode()
    kid = _hkdf(secret, info + b"/kid", KID_BYTES).hex()
    return DerivedKey(kid, _hkdf(secret, info + b"/key", KEY_BYTES))


def _hkdf(secret: bytes, info: bytes, length: int) -> bytes:
    return HKDF(algorithm=SHA256(), length=length, salt=None, info=info).derive(secret)
