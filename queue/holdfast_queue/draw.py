"""The draw: what is fixed when, so that anybody can check afterwards that nobody chose the order.

    commitment   = H(secret), fixed before the first lobby ticket is handed out
    accumulator  = a chain over the joins of the lobby, kept by the join script up to the freeze
    beacon       = a public value that nobody knew while the lobby was open, if one was announced
    key          = H(secret, entrants, accumulator, beacon)
    number       = DrawnOrder(key, entrants).number_of(lobby index)

What each part is worth, and against whom, is in docs/draw.md, which also defines every byte. This
module is the formulas alone: no store, no ledger, no time.

Invariants: two different sets of inputs never make the same message to a hash (all parts but the
last have a fixed length); the secret is in no `repr`.

Rejected: deriving the secret from the service's keyring. Revealing it would then reveal something
about the keys, and a secret that is rotated away could not be revealed any more.
"""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Final

from holdfast_queue.order import KEY_BYTES, DrawnOrder

ALGORITHM: Final = "holdfast-draw-1"
SECRET_BYTES: Final = 32
ACCUMULATOR_BYTES: Final = 20
MAX_BEACON_CHARS: Final = 256
MAX_BEACON_SOURCE_CHARS: Final = 500
_NONCE_BYTES: Final = 16
_COUNT_BYTES: Final = 8


@dataclass(frozen=True, slots=True)
class Sealed:
    """What fixes a draw together with its secret. Once it is sealed it never changes."""

    entrants: int
    accumulator: str
    beacon: str | None = None


@dataclass(frozen=True, slots=True)
class DrawFacts:
    """What anybody may know of a draw at this moment."""

    commitment: str
    beacon_source: str | None
    entrants: int | None
    secret: str | None = None
    accumulator: str | None = None
    beacon: str | None = None


@dataclass(frozen=True)
class Draw:
    """One sale's draw: the secret, and the beacon that was announced, if any."""

    uid: str
    secret: bytes = field(repr=False)
    beacon_source: str | None = None

    @property
    def commitment(self) -> str:
        """What is published before anybody joins."""
        return commit(self.secret)

    @property
    def start(self) -> str:
        """The accumulator of an empty lobby."""
        return first_accumulator(self.uid, self.commitment)

    def order(self, sealed: Sealed) -> DrawnOrder:
        """The order that these values make."""
        return DrawnOrder(draw_key(self.secret, sealed), sealed.entrants)


def commit(secret: bytes) -> str:
    """H(secret), as it is published."""
    return blake2b(secret, digest_size=32, person=b"hf-draw-commit").hexdigest()


def first_accumulator(uid: str, commitment: str) -> str:
    """Where the chain begins: at this sale and this commitment."""
    message = uid.encode() + bytes.fromhex(commitment)
    return blake2b(message, digest_size=ACCUMULATOR_BYTES, person=b"hf-draw-start").hexdigest()


def fold_nonces(nonces: Iterable[str]) -> str:
    """The digest of one block of joins, in their order, for the join script to chain."""
    state = blake2b(digest_size=ACCUMULATOR_BYTES, person=b"hf-draw-block")
    for nonce in nonces:
        encoded = nonce.encode()
        state.update(len(encoded).to_bytes(2, "big") + encoded)
    return state.hexdigest()


def own_nonce() -> str:
    """For a visitor who brought none."""
    return secrets.token_hex(_NONCE_BYTES)


def draw_key(secret: bytes, sealed: Sealed) -> bytes:
    """The key of the order."""
    beacon = b"\x00" if sealed.beacon is None else b"\x01" + sealed.beacon.encode()
    message = (
        secret
        + sealed.entrants.to_bytes(_COUNT_BYTES, "big")
        + bytes.fromhex(sealed.accumulator)
        + beacon
    )
    return blake2b(message, digest_size=KEY_BYTES, person=b"hf-draw-key").digest()
