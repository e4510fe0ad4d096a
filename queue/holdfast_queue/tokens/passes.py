"""Passes: what an admitted visitor shows, and the keys with which anybody verifies it offline.

A pass is a JWT (EdDSA; HS256 for platforms that cannot verify Ed25519). Claims: `iss` the service,
`aud` the sale's name, `uid` and `epoch` of the sale, `sub` the buyer (opaque), `jti` the pass id,
`iat nbf exp`, `renewable_until` (after it the pass is not renewed and begins no hold), and
`channels` where the visitor carries any; header: `typ`, `alg`, `kid`.

Invariants: the algorithm is the key's, never the token's; each purpose has its own key, and `typ`
besides, so a hand-off never passes for a pass; claiming again makes another token of the same pass,
with the same `jti`. The signature says that a visitor was admitted until `exp`; only the store
knows whether the session is still live.

Time is the caller's, because sessions end by the sale's clock.

Rejected: `exp` without `epoch`. After a store loss the inventory must tell a pass of an earlier
epoch from one of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from holdfast_connector.contract import EDDSA, HS256, LEEWAY_SECONDS, MAX_TOKEN_CHARS, PASS_TYPE
from holdfast_connector.tokens.base64url import encode_base64url
from holdfast_connector.tokens.jwts import header_of, verified_claims
from holdfast_web.channels import read_channels
from holdfast_web.keyring import DerivedKey

_HEADERS_KEPT_MAX: Final = 64


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


@dataclass(frozen=True, slots=True)
class Pass:
    """The admission that a token states. Times are Unix milliseconds by the store's clock."""

    sale: str
    uid: str
    epoch: int
    pass_id: str
    subject: str
    expires_at_ms: int
    channels: tuple[str, ...] = ()
    """The channels whose allotments the holder may hold."""
    renewable_until_ms: int = 0
    """0: without end"""

    @property
    def further_claims(self) -> dict[str, object]:
        """The claims for channels and the end of renewing, where there are any."""
        claims: dict[str, object] = {"channels": list(self.channels)} if self.channels else {}
        if self.renewable_until_ms:
            claims["renewable_until"] = self.renewable_until_ms // 1000
        return claims


class Signer:
    """Signs tokens with the first of its keys and verifies them with any."""

    def __init__(self, issuer: str, keys: Sequence[SigningKey]) -> None:
        if not keys:
            raise ValueError("a signer needs a key")
        self.issuer = issuer
        self.keys = tuple(keys)
        self._by_kid = {key.kid: key for key in reversed(self.keys)}
        self._headers: dict[str, tuple[str, str]] = {}

    def sign(self, claims: dict[str, object], token_type: str) -> str:
        """A token of `claims`, signed with the first key."""
        key = self.keys[0]
        headers = {"kid": key.kid, "typ": token_type}
        return jwt.encode({"iss": self.issuer, **claims}, key.private, key.algorithm, headers)

    def verify(
        self, token: str, audience: str | None, token_type: str, now_ms: int
    ) -> dict[str, Any] | None:
        """The claims of `token`; None unless signature, audience (None: any), type and times are
        right.
        """
        if len(token) > MAX_TOKEN_CHARS:
            return None
        key = self._key_of(token, token_type)
        if key is None:
            return None
        claims = verified_claims(
            token, key.public, key.algorithm, audience=audience, issuers=(self.issuer,)
        )
        if claims is None:
            return None
        self._remember(token, key, token_type)
        return claims if _is_in_time(claims, now_ms) else None

    def _key_of(self, token: str, token_type: str) -> SigningKey | None:
        """The key that the header names; None when there is none, or the type is another."""
        known = self._headers.get(token.partition(".")[0])
        if known is None:
            header = header_of(token)
            if header is None:
                return None
            known = str(header.get("kid")), str(header.get("typ"))
        kid, typ = known
        return self._by_kid.get(kid) if typ == token_type else None

    def _remember(self, token: str, key: SigningKey, token_type: str) -> None:
        """Remembers the header of a verified token: all tokens of a key and a type have the same,
        and parsing it takes a quarter of the time of a verification.

        Only headers that this service has signed are kept, so strangers cannot fill the memory.
        """
        if len(self._headers) < _HEADERS_KEPT_MAX:
            self._headers.setdefault(token.partition(".")[0], (key.kid, token_type))


class PassIssuer:
    """Issues and verifies the passes of all sales."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer

    def issue(self, admitted: Pass, issued_ms: int) -> str:
        """The token of an admission; its `exp` is rounded down, so it never outlives the
        session.
        """
        issued_at_s = issued_ms // 1000
        return self._signer.sign(
            {
                "aud": admitted.sale,
                "uid": admitted.uid,
                "epoch": admitted.epoch,
                "sub": admitted.subject,
                "jti": admitted.pass_id,
                "iat": issued_at_s,
                "nbf": issued_at_s,
                "exp": admitted.expires_at_ms // 1000,
                **admitted.further_claims,
            },
            PASS_TYPE,
        )

    def read(self, token: str, sale: str, now_ms: int) -> Pass | None:
        """The admission in `token`; None when it is no pass to `sale`, or has expired."""
        claims = self._signer.verify(token, sale, PASS_TYPE, now_ms)
        if claims is None or not isinstance(claims.get("uid"), str):
            return None
        return Pass(
            sale=sale,
            uid=claims["uid"],
            epoch=int(claims.get("epoch", 0)),
            pass_id=claims["jti"],
            subject=claims["sub"],
            expires_at_ms=int(claims["exp"]) * 1000,
            channels=channels_in(claims),
            renewable_until_ms=int(claims.get("renewable_until", 0)) * 1000,
        )


def channels_in(claims: dict[str, Any]) -> tuple[str, ...]:
    """The channels of a pass or hand-off; none when the claim is not as this service writes it."""
    return read_channels(claims.get("channels", [])) or ()


def _is_in_time(claims: dict[str, Any], now_ms: int) -> bool:
    begins, ends = claims["nbf"], claims["exp"]
    if not isinstance(begins, int) or not isinstance(ends, int):
        return False
    return begins * 1000 <= now_ms + LEEWAY_SECONDS * 1000 and now_ms < ends * 1000


def _raw(public: Ed25519PublicKey) -> bytes:
    return public.public_bytes(Encoding.Raw, PublicFormat.Raw)
