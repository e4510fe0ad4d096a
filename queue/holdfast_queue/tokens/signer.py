"""The keys that sign passes and hand-offs, and with which anybody verifies them offline.

Invariants: the algorithm is the key's, never the token's; each purpose has its own key, and `typ`
besides, so a hand-off never passes for a pass. The first key signs, all of them verify.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from holdfast_connector.contract import EDDSA, HS256
from holdfast_connector.tokens.base64url import encode_base64url
from holdfast_connector.tokens.jwts import header_of, verified_payload
from holdfast_web.keyring import DerivedKey

_JWS: Final = jwt.PyJWS()


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key of one algorithm, with the id under which it is published."""

    algorithm: str
    kid: str
    private: Ed25519PrivateKey | bytes = field(repr=False)
    public: Ed25519PublicKey | bytes = field(repr=False)

    def jwk(self) -> dict[str, str] | None:
        """The public key as a JSON Web Key; None for a shared secret, which has none."""
        if isinstance(self.public, bytes):
            return None
        return {
            "kty": "OKP",
            "crv": "Ed25519",
            "alg": EDDSA,
            "use": "sig",
            "kid": self.kid,
            "x": encode_base64url(_raw(self.public)),
        }


def signing_key(derived: DerivedKey, algorithm: str = EDDSA) -> SigningKey:
    """Makes a signing key of a derived one: from it as an Ed25519 seed, or as the secret itself."""
    if algorithm == HS256:
        return SigningKey(HS256, derived.kid, derived.key, derived.key)
    if algorithm != EDDSA:
        raise ValueError(f"passes are signed with {EDDSA} or {HS256}")
    private = Ed25519PrivateKey.from_private_bytes(derived.key)
    return SigningKey(EDDSA, derived.kid, private, private.public_key())


def jwks(keys: Sequence[SigningKey]) -> dict[str, list[dict[str, str]]]:
    """The JSON Web Key Set of the public keys."""
    return {"keys": [published for key in keys if (published := key.jwk()) is not None]}


def shared_jwk(key: DerivedKey) -> dict[str, str]:
    """A shared secret (HS256) as a JSON Web Key, to be given to one storefront; never published."""
    return {
        "kty": "oct",
        "alg": HS256,
        "use": "sig",
        "kid": key.kid,
        "k": encode_base64url(key.key),
    }


class Signer:
    """Signs tokens of one issuer, and verifies their signatures."""

    def __init__(self, issuer: str, keys: Sequence[SigningKey]) -> None:
        if not keys:
            raise ValueError("a signer needs a key")
        self.issuer = issuer
        self.keys = tuple(keys)
        self._by_kid = {key.kid: key for key in reversed(self.keys)}

    def sign(self, claims: bytes, token_type: str) -> str:
        """A token of `claims`, a JSON object, signed with the first key."""
        return _sign(claims, self.keys[0], token_type)

    def headers(self, token_type: str) -> tuple[str, ...]:
        """The first part of all tokens of a type, as each of the keys makes it."""
        return tuple(_sign(b"", key, token_type).partition(".")[0] for key in self.keys)

    def read(self, token: str, token_type: str) -> bytes | None:
        """The claims of `token`; None unless signature and type are right."""
        header = header_of(token)
        if header is None or header.get("typ") != token_type:
            return None
        key = self._by_kid.get(str(header.get("kid")))
        return None if key is None else verified_payload(token, key.public, key.algorithm)


def _sign(claims: bytes, key: SigningKey, token_type: str) -> str:
    headers = {"kid": key.kid, "typ": token_type}
    return _JWS.encode(claims, key.private, key.algorithm, headers)


def _raw(public: Ed25519PublicKey) -> bytes:
    return public.public_bytes(Encoding.Raw, PublicFormat.Raw)
