"""The one place that parses JWTs: of the connector, and of the service that issues them.

Invariants: a token above its bound is not parsed; the algorithm is the key's, never the token's;
claims that must be there are. PyJWT's own look at the wall clock is switched off: sessions end by
the sale's clock, identities and hand-offs by a host's, so times are the caller's to judge.
"""

from collections.abc import Sequence
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from holdfast_connector.contract import MAX_TOKEN_CHARS

TOKEN_CLAIMS: Final = ("iss", "aud", "sub", "jti", "iat", "nbf", "exp")
"""What every pass and hand-off claims."""
IDENTITY_CLAIMS: Final = ("aud", "sub", "iat", "exp")
"""What every identity claims."""
_JWS: Final = jwt.PyJWS()


def header_of(token: str, max_chars: int = MAX_TOKEN_CHARS) -> dict[str, Any] | None:
    """The header of `token`, unchecked; None when it is no JWT or longer than `max_chars`."""
    if len(token) > max_chars or not token.isascii():
        return None
    try:
        return jwt.get_unverified_header(token)
    except jwt.PyJWTError:
        return None


def verified_claims(
    token: str,
    key: Ed25519PublicKey | bytes | str,
    algorithm: str,
    *,
    audience: str | None,
    issuers: Sequence[str] | None = None,
    required: Sequence[str] = TOKEN_CLAIMS,
) -> dict[str, Any] | None:
    """The claims of `token` when its signature, audience and issuer are right (None: any), and all
    that are `required` are there; else None. Times are not looked at, nor is the length.
    """
    options: Any = {
        "require": list(required),
        "verify_aud": audience is not None,
        "verify_exp": False,
        "verify_nbf": False,
        "verify_iat": False,
    }
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[algorithm],
            audience=audience,
            issuer=issuers,
            options=options,
        )
    except jwt.PyJWTError:
        return None
    return claims


def verified_payload(token: str, key: Ed25519PublicKey | bytes, algorithm: str) -> bytes | None:
    """The payload of `token`; None when its signature is not valid."""
    try:
        payload: bytes = _JWS.decode(token, key, algorithms=[algorithm])
    except jwt.PyJWTError:
        return None
    return payload
