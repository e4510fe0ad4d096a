"""Passes: what an admitted visitor shows.

A pass is a JWT (EdDSA; HS256 for platforms that cannot verify Ed25519). Claims: `iss` the service,
`aud` the sale's name, `uid` and `epoch` of the sale, `sub` the buyer (opaque), `jti` the pass id,
`iat nbf exp`, `renewable_until` (after it the pass is not renewed and begins no hold), `channels`
where the visitor carries any, `test` (true) in a test sale, and `tag`, by which the service
recognises the pass (see pass_tags); header: `typ`, `alg`, `kid`.

Invariants: what is not tagged by this service is signed by it; who vouches, the claims are checked
the same way; claiming again makes another token of the same pass, with the same `jti`. A pass says
that a visitor was admitted until `exp`; only the store knows whether the session is still live.

Passes without a tag, of an earlier release, or with one that a later release makes in another way
are verified by their signature. The claims of verified passes are remembered, and checked each
time. The memory is bounded and cleared when full: who has a pass can spell it in any number of ways
behind the tag, and costs others a second look at a tag by that, or at a signature.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from holdfast_connector.contract import MAX_TOKEN_CHARS, PASS_TYPE
from holdfast_queue.tokens.claims import TokenClaims, encode_claims
from holdfast_queue.tokens.pass_tags import PassTags
from holdfast_queue.tokens.signer import Signer, signing_key
from holdfast_web.keyring import Keyring, Purpose

KNOWN_MAX: Final = 20_000


class Pass(msgspec.Struct, frozen=True, gc=False):
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
    test: bool = False
    """Whether it is of a test sale."""


class _PassClaims(TokenClaims, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    renewable_until: int = 0


_decode_claims = msgspec.json.Decoder(_PassClaims).decode


class PassIssuer:
    """Issues and verifies the passes of all sales."""

    def __init__(self, signer: Signer, tag_keys: Sequence[bytes]) -> None:
        """`tag_keys`: one for each key of the signer, of the same secret."""
        self.signer = signer
        self._tags = PassTags(signer.headers(PASS_TYPE), tag_keys)
        self._known: dict[str, _PassClaims] = {}

    def issue(self, admitted: Pass, issued_ms: int) -> str:
        """The token of an admission; its `exp` is rounded down, so it never outlives the
        session.
        """
        issued_at_s = issued_ms // 1000
        claims = _PassClaims(
            iss=self.signer.issuer,
            aud=admitted.sale,
            uid=admitted.uid,
            epoch=admitted.epoch,
            sub=admitted.subject,
            jti=admitted.pass_id,
            iat=issued_at_s,
            nbf=issued_at_s,
            exp=admitted.expires_at_ms // 1000,
            channels=admitted.channels,
            renewable_until=admitted.renewable_until_ms // 1000,
            test=admitted.test,
        )
        return self.signer.sign(self._tags.add(encode_claims(claims)), PASS_TYPE)

    def read(self, token: str, sale: str, now_ms: int) -> Pass | None:
        """The admission in `token`; None when it is no pass to `sale`, or has expired."""
        if len(token) > MAX_TOKEN_CHARS:
            return None
        claims = self._known.get(token) or self._verify(token)
        if claims is None or not claims.hold_for(self.signer.issuer, sale, now_ms):
            return None
        return Pass(
            sale,
            claims.uid,
            claims.epoch,
            claims.jti,
            claims.sub,
            claims.exp * 1000,
            claims.channel_names(),
            claims.renewable_until * 1000,
            claims.test,
        )

    def _verify(self, token: str) -> _PassClaims | None:
        """The claims of a pass that is tagged or signed, which are remembered."""
        text = self._tags.read(token) or self.signer.read(token, PASS_TYPE)
        if text is None:
            return None
        try:
            claims = _decode_claims(text)
        except msgspec.DecodeError:
            return None
        if len(self._known) >= KNOWN_MAX:
            self._known.clear()
        self._known[token] = claims
        return claims


def make_pass_issuer(issuer: str, keyring: Keyring, algorithm: str) -> PassIssuer:
    """Makes the issuer whose passes name `issuer`; the keys of its tags are for nothing else."""
    signer = Signer(issuer, [signing_key(key, algorithm) for key in keyring.keys(Purpose.PASS)])
    return PassIssuer(signer, [key.key for key in keyring.keys(Purpose.PASS_TAG)])
