"""Signs who a visitor is, for sales that give one place to each identity.

The shop signs the identity, the gate adds it to the link to the room (`Settings.identify`), and the
room's page sends it along with the join. The key is the sale's own: `GET
/v1/sales/{sale}/identity-key` gives it to a `platform` key, and it changes when the service's
secret does.

    signer = IdentitySigner.from_json(answer)
    Settings(..., identify=lambda visit: signer.sign(customer_of(visit.headers)))

Invariant: an identity is valid for ten minutes at most, since it is part of a URL. It should be an
opaque id of the customer, because the signature hides nothing.
"""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import jwt

from holdfast_connector.contract import HS256, MAX_IDENTITY_CHARS, MAX_IDENTITY_SECONDS
from holdfast_connector.visits import Visit

Identify = Callable[[Visit], str | None]
"""From a visit to the signed identity of its visitor; None for an unknown visitor."""


@dataclass(frozen=True, slots=True)
class IdentitySigner:
    """Signs the identities of one sale."""

    sale: str
    kid: str
    key: str = field(repr=False)
    clock: Callable[[], float] = field(default=time.time, repr=False)

    @classmethod
    def from_json(cls, text: str | bytes) -> "IdentitySigner":
        """Makes the signer from a response to `GET identity-key`; raises ValueError."""
        try:
            members = json.loads(text)
            return cls(str(members["audience"]), str(members["kid"]), str(members["key"]))
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError("that is no identity key") from error

    def sign(
        self, subject: str, channels: Sequence[str] = (), seconds: int = MAX_IDENTITY_SECONDS
    ) -> str:
        """A signed identity of `subject`, who may hold the allotments of `channels`."""
        if not subject:
            raise ValueError("an identity is not empty")
        now = int(self.clock())
        claims: dict[str, object] = {
            "aud": self.sale,
            "sub": subject,
            "iat": now,
            "exp": now + min(seconds, MAX_IDENTITY_SECONDS),
        }
        if channels:
            claims["channels"] = list(channels)
        token = jwt.encode(claims, self.key, HS256, {"kid": self.kid})
        if len(token) > MAX_IDENTITY_CHARS:
            raise ValueError(f"an identity takes at most {MAX_IDENTITY_CHARS} characters")
        return token


def identity_cookie(name: str) -> Identify:
    """Takes the signed identity from a cookie that the shop has set.

    A visitor can write any cookie, but none with a valid signature.
    """

    def identify(visit: Visit) -> str | None:
        for part in visit.headers.get("cookie", "").split(";"):
            key, _, value = part.strip().partition("=")
            if key == name and 0 < len(value) <= MAX_IDENTITY_CHARS and value.isascii():
                return value
        return None

    return identify
