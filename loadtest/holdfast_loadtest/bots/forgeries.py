"""Tokens that a service must refuse, made from nothing or from good ones."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def broken_signature(token: str) -> str:
    """The token with another signature: a character near its end is changed.

    Not the last one, whose lowest bits may mean nothing in base64.
    """
    at = len(token) - 8
    other = ALPHABET[(ALPHABET.find(token[at]) + 1) % len(ALPHABET)]
    return token[:at] + other + token[at + 1 :]


def other_claims(token: str, **claims: object) -> str:
    """A JWT with other claims under the old signature."""
    header, _, signature = token.split(".")
    return f"{header}.{_payload(token, claims)}.{signature}"


def unsigned(token: str, **claims: object) -> str:
    """A JWT with other claims that says that it needs no signature."""
    header = {**jwt.get_unverified_header(token), "alg": "none"}
    return f"{encoded(json.dumps(header).encode())}.{_payload(token, claims)}."


def signed_by_stranger(token: str, **claims: object) -> str:
    """A JWT with other claims, signed with a key of somebody else."""
    key = Ed25519PrivateKey.generate()
    return jwt.encode(_claims(token) | claims, key, "EdDSA", headers=_header(token))


def signed_with_public_key(token: str, public: bytes, **claims: object) -> str:
    """A JWT with other claims, signed by HMAC with the public key, which everybody can read."""
    return jwt.encode(_claims(token) | claims, public, "HS256", headers=_header(token))


def public_key(key_set: bytes, token: str) -> bytes | None:
    """The raw public key that a token names, of a JSON Web Key Set; None when it is not there."""
    kid = jwt.get_unverified_header(token).get("kid")
    try:
        keys = json.loads(key_set)["keys"]
        return next(_decoded(key["x"]) for key in keys if key.get("kid") == kid)
    except (ValueError, KeyError, StopIteration):
        return None


def _claims(token: str) -> dict[str, Any]:
    return dict(jwt.decode(token, options={"verify_signature": False}))


def _payload(token: str, changed: Mapping[str, object]) -> str:
    return encoded(json.dumps({**_claims(token), **changed}).encode())


def _header(token: str) -> dict[str, Any]:
    header = jwt.get_unverified_header(token)
    return {name: value for name, value in header.items() if name in {"kid", "typ"}}


def encoded(data: bytes) -> str:
    """base64url without padding, as in a JWT."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
