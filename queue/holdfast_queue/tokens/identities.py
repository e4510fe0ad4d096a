"""Identities: a storefront signs who its visitor is, and each identity has one place in a sale.

The storefront signs a JWT of at most ten minutes (HS256), `aud` the sale, `sub` an opaque id of its
own, with the sale's identity key, which a platform reads from the service. Keys are derived per
sale from the deployment's secret, so none is stored, one shop's key is not valid for another
sale, and rotation works as for every other key.

The store keeps seven bytes of a digest and the ordinal of the place (keys.identities). The ticket's
id follows from identity and generation, so a ticket that is issued again is the same ticket: one
pass id, hence one admission, whichever copy claims. A place that has expired or is used up is
replaced by one of the next generation, with another pass id. The buyer id is that of the identity
in every generation: the limit per buyer counts over all of its passes.

What is derived from an identity is keyed, so that nobody who sees a buyer in an order can find out
by trying whose it is. The key is made with the sale and kept in the ledger: one derived from the
deployment's secret would change with it, and every buyer id with it, in the middle of a sale.

The storefront may also sign which `channels` the visitor carries: the ticket has them and the pass
shows them to the inventory, so they are not stored either. Only the place of an identity has
channels: one signature could otherwise be shown for any number of places.

When one identity joins twice at the same moment, one place is bound; the number of the other is
given to nobody and expires. After a store loss an identity that the store had not kept may get a
second place; a visitor who still shows the ticket keeps the first.

Rejected: an unsigned identity from the client (anybody could take another's place), and the
identity itself in store or ticket (it may be a person's name or address).
"""

from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import blake2b
from hmac import digest as hmac_digest
from typing import Any, Final

from holdfast_connector.contract import HS256, MAX_IDENTITY_CHARS, MAX_IDENTITY_SECONDS
from holdfast_connector.tokens.jwts import IDENTITY_CLAIMS, header_of, verified_claims
from holdfast_lua.calls.guard import SaleRef
from holdfast_lua.calls.line import LineCalls
from holdfast_web.channels import read_channels
from holdfast_web.keyring import DerivedKey

MAX_SUBJECT_CHARS: Final = 200
LEEWAY_SECONDS: Final = 30
BUCKETS: Final = 16_384
BUYER_BYTES: Final = 15
_DIGEST_BYTES: Final = 7


class IdentityMode(StrEnum):
    """Whether a sale takes signed identities."""

    OFF = "off"
    OPTIONAL = "optional"
    REQUIRED = "required"


@dataclass(frozen=True, slots=True)
class Identity:
    """The id that a storefront has for a visitor, and the channels that they carry."""

    subject: str = field(repr=False)
    channels: tuple[str, ...] = ()


class IdentityVerifier:
    """Verifies identities that storefronts have signed.

    A key is used as its text, the base64 that a storefront is given, not as the bytes behind it.
    """

    def __init__(self, keys: Sequence[DerivedKey]) -> None:
        self._keys = {key.kid: key.key for key in reversed(keys)}
        self._current = keys[0].kid

    def key_of(self, uid: str) -> tuple[str, str]:
        """The kid and the key with which the storefront of a sale signs."""
        return self._current, self._key(self._current, uid)

    def read(self, token: str, sale: str, uid: str, now_ms: int) -> Identity | None:
        """The identity in `token`; None when it is not valid for this sale at this time."""
        header = header_of(token, MAX_IDENTITY_CHARS)
        kid = None if header is None else str(header.get("kid"))
        if kid is None or kid not in self._keys:
            return None
        claims = verified_claims(
            token, self._key(kid, uid), HS256, audience=sale, required=IDENTITY_CLAIMS
        )
        if claims is None:
            return None
        channels = read_channels(claims.get("channels", []))
        if channels is None or not _is_valid(claims, now_ms // 1000):
            return None
        return Identity(claims["sub"], channels)

    def _key(self, kid: str, uid: str) -> str:
        return urlsafe_b64encode(hmac_digest(self._keys[kid], uid.encode(), "sha256")).decode()


def _is_valid(claims: dict[str, Any], now_s: int) -> bool:
    issued, ends, subject = claims["iat"], claims["exp"], claims["sub"]
    if not isinstance(issued, int) or not isinstance(ends, int):
        return False
    timely = issued - LEEWAY_SECONDS <= now_s < ends + LEEWAY_SECONDS
    short = 0 < ends - issued <= MAX_IDENTITY_SECONDS
    return timely and short and 0 < len(subject) <= MAX_SUBJECT_CHARS and _is_text(subject)


def _is_text(subject: str) -> bool:
    """Whether it has no lone surrogate, which JSON can spell and no digest can be made of."""
    return not any("\ud800" <= character <= "\udfff" for character in subject)


@dataclass(frozen=True, slots=True)
class BoundPlace:
    """The place that an identity has: its ordinal, and its generation, the number of earlier
    ones.
    """

    ordinal: int
    generation: int = 0

    def text(self) -> str:
        """As the store keeps it: a plain integer in generation 0, which Redis packs best."""
        return f"{self.ordinal}.{self.generation}" if self.generation else str(self.ordinal)


def parse_bound_place(text: str) -> BoundPlace | None:
    """The reverse of `BoundPlace.text`; None for an identity without a place."""
    if not text:
        return None
    ordinal, _, generation = text.partition(".")
    return BoundPlace(int(ordinal), int(generation or 0))


@dataclass(frozen=True, slots=True)
class IdentityDigests:
    """Derives ids from identities of one sale, with the sale's own key (empty: without a key)."""

    uid: str
    key: bytes = field(default=b"", repr=False)

    def ticket_id(self, identity: str, generation: int) -> int:
        """The id of every ticket of the identity's place of this generation."""
        return int.from_bytes(self._digest(f"{generation}:{identity}", b"hf-ticket-id")[:8])

    def buyer(self, identity: str) -> str:
        """The buyer id of an identity, the same with each of its passes."""
        raw = self._digest(identity, b"hf-id-buyer")[:BUYER_BYTES]
        return urlsafe_b64encode(raw).decode()

    def slot(self, identity: str) -> tuple[int, bytes]:
        """The bucket and the digest under which the store keeps an identity's place."""
        raw = self._digest(identity, b"hf-identity")
        return int.from_bytes(raw[:2]) % BUCKETS, raw[2 : 2 + _DIGEST_BYTES]

    def _digest(self, text: str, person: bytes) -> bytes:
        named = f"{self.uid}\0{text}".encode()
        return blake2b(named, digest_size=16, key=self.key, person=person).digest()


class IdentityPlaces:
    """Finds and binds the places of identities in one sale."""

    def __init__(self, calls: LineCalls, ref: SaleRef, digests: IdentityDigests) -> None:
        self._calls = calls
        self._ref = ref
        self._digests = digests

    async def find(self, identity: str) -> BoundPlace | None:
        """The place of an identity; None when it has none."""
        return parse_bound_place(
            await self._calls.bind_identity(self._ref, *self._digests.slot(identity))
        )

    async def bind(self, identity: str, seen: BoundPlace | None, place: BoundPlace) -> BoundPlace:
        """Binds `place` when the identity still has `seen`; returns the place that it has then."""
        before = "" if seen is None else seen.text()
        held = await self._calls.bind_identity(
            self._ref, *self._digests.slot(identity), before, place.text()
        )
        return parse_bound_place(held) or place
