"""The formulas of the draw, with which anybody can check that nobody chose the order.

    commitment   = H(secret, announced start, beacon's source), fixed before the first lobby ticket
    accumulator  = a chain over the joins of the lobby, kept by the join script up to the freeze
    beacon       = a public value that nobody knew while the lobby was open, if one was announced
    key          = H(secret, commitment, entrants, accumulator, beacon)
    number       = DrawnOrder(key, entrants).number_of(lobby index)

docs/draw.md says what each part protects against, and defines every byte. This module knows no
store, no ledger and no clock.

A draw that was committed to before announced starts were bound (`holdfast-draw-1`) has none in
`Draw.starts`; its commitment covers the secret alone, and it goes on being drawn and verified so.

Invariants: two different sets of inputs never make the same message to a hash (all parts but the
last have a fixed length); the secret is in no `repr`.

Rejected: deriving the secret from the service's keyring. Revealing it would then reveal something
about the keys, and a secret that is rotated away could not be revealed any more. Rejected: the
time of closing, or later moves of the start, in the key. Each is a value that an operator who knows
the secret could try out until the order suits; they are published instead (docs/draw.md).
"""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Final
from unicodedata import is_normalized

from holdfast_queue.draw.permutation import KEY_BYTES, DrawnOrder

ALGORITHM: Final = "holdfast-draw-2"
FIRST_ALGORITHM: Final = "holdfast-draw-1"
SECRET_BYTES: Final = 32
ACCUMULATOR_BYTES: Final = 20
MAX_BEACON_CHARS: Final = 256
MAX_BEACON_SOURCE_CHARS: Final = 500
_NONCE_BYTES: Final = 16
_COUNT_BYTES: Final = 8


@dataclass(frozen=True, slots=True)
class AnnouncedStart:
    """A start that was announced, and since when; Unix milliseconds of the store's clock."""

    start_ms: int
    at_ms: int


@dataclass(frozen=True, slots=True)
class Sealed:
    """The values that fix a draw together with its secret, and when they did; they never change.

    The times (Unix milliseconds of the store's clock, 0 for unknown) have no part in the order.
    """

    entrants: int
    accumulator: str
    beacon: str | None = None
    closed_ms: int = 0
    sealed_ms: int = 0


@dataclass(frozen=True, slots=True)
class DrawFacts:
    """What is public of a draw at this moment."""

    algorithm: str
    commitment: str
    beacon_source: str | None
    starts: tuple[AnnouncedStart, ...]
    entrants: int | None = None
    closed_ms: int = 0
    sealed_ms: int = 0
    secret: str | None = None
    accumulator: str | None = None
    beacon: str | None = None


@dataclass(frozen=True)
class Draw:
    """One sale's draw: the secret, the beacon that was announced, if any, and each start that was.

    The first of `starts` is the one that the commitment covers.
    """

    uid: str
    secret: bytes = field(repr=False)
    beacon_source: str | None = None
    starts: tuple[AnnouncedStart, ...] = ()

    @property
    def algorithm(self) -> str:
        """The published name of the algorithm."""
        return ALGORITHM if self.starts else FIRST_ALGORITHM

    @property
    def commitment(self) -> str:
        """The commitment, which is published before anybody joins."""
        if not self.starts:
            return commit(self.secret)
        return commit_terms(self.secret, self.starts[0].start_ms, self.beacon_source)

    @property
    def start(self) -> str:
        """The accumulator of an empty lobby."""
        return first_accumulator(self.uid, self.commitment)

    def order(self, sealed: Sealed) -> DrawnOrder:
        """The order that follows from the sealed values."""
        bound = self.commitment if self.starts else None
        return DrawnOrder(draw_key(self.secret, sealed, bound), sealed.entrants)


def commit(secret: bytes) -> str:
    """H(secret), the commitment of `holdfast-draw-1`."""
    return blake2b(secret, digest_size=32, person=b"hf-draw-commit").hexdigest()


def commit_terms(secret: bytes, start_ms: int, beacon_source: str | None) -> str:
    """The commitment: to the secret, the announced start (0: none) and the beacon's source."""
    message = (
        secret + start_ms.to_bytes(_COUNT_BYTES, "big", signed=True) + _optional(beacon_source)
    )
    return blake2b(message, digest_size=32, person=b"hf-draw-commit-2").hexdigest()


def first_accumulator(uid: str, commitment: str) -> str:
    """The first value of the chain, which depends on sale and commitment."""
    message = uid.encode() + bytes.fromhex(commitment)
    return blake2b(message, digest_size=ACCUMULATOR_BYTES, person=b"hf-draw-start").hexdigest()


def fold_nonces(nonces: Iterable[str]) -> str:
    """The digest of one batch of joins, in their order, for the join script to chain."""
    state = blake2b(digest_size=ACCUMULATOR_BYTES, person=b"hf-draw-block")
    for nonce in nonces:
        encoded = nonce.encode()
        state.update(len(encoded).to_bytes(2, "big") + encoded)
    return state.hexdigest()


def random_nonce() -> str:
    """A nonce for a visitor who sent none."""
    return secrets.token_hex(_NONCE_BYTES)


def is_beacon(value: str) -> bool:
    """Whether `value` can be a beacon: text that two people who read it write alike."""
    sound = value.isprintable() and value == value.strip() and is_normalized("NFC", value)
    return sound and 0 < len(value) <= MAX_BEACON_CHARS


def draw_key(secret: bytes, sealed: Sealed, commitment: str | None = None) -> bytes:
    """The key of the order; without a commitment that of `holdfast-draw-1`."""
    bound = b"" if commitment is None else bytes.fromhex(commitment)
    message = (
        secret
        + bound
        + sealed.entrants.to_bytes(_COUNT_BYTES, "big")
        + bytes.fromhex(sealed.accumulator)
        + _optional(sealed.beacon)
    )
    person = b"hf-draw-key" if commitment is None else b"hf-draw-key-2"
    return blake2b(message, digest_size=KEY_BYTES, person=person).digest()


def _optional(text: str | None) -> bytes:
    return b"\x00" if text is None else b"\x01" + text.encode()
