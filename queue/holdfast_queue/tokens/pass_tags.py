"""Tags: how the service recognises its own passes without verifying a signature.

A tag is the last claim of a pass: keyed BLAKE2b over the header as it is written in the token and
the bytes of all claims before the tag. Its key is derived from the deployment's secret and leaves
the service in no form. A tag takes some 3 us to check, an Ed25519 signature some 200; the signature
stays, for shops.

What is hashed are the very bytes that are parsed later, so there is nothing to leave out and no
second way to read them. The header comes first and ends with a dot, which base64url does not have;
it names the key, since each secret of the deployment has a pass key and a tag key. A header that
none of the keys would write is not looked into.

Invariant: the claims of a token with a right tag are byte for byte those of a pass that this
deployment has issued. The signature behind them may be anything: it could say nothing else, so a
token that a shop refuses and the service takes gives nobody more than the pass did.

Rejected: a tag over a list of claims, each with its length. Writing, parsing and listing would have
to agree on every claim for ever.
"""

from collections.abc import Sequence
from hashlib import blake2b
from hmac import compare_digest
from typing import Final

from holdfast_connector.tokens.base64url import decode_base64url, encode_base64url

MIN_KEY_BYTES: Final = 32
_TAG_BYTES: Final = 16
_BEFORE: Final = b',"tag":"'
_AFTER: Final = b'"}'
_CLAIM_BYTES: Final = len(_BEFORE) + len(encode_base64url(bytes(_TAG_BYTES))) + len(_AFTER)


class PassTags:
    """Tags passes with the first of its keys and recognises the tags of all."""

    def __init__(self, headers: Sequence[str], keys: Sequence[bytes]) -> None:
        """`headers`: the first part of the passes that are issued with each of the keys."""
        if not keys or any(len(key) < MIN_KEY_BYTES for key in keys):
            raise ValueError(f"pass tags need keys of at least {MIN_KEY_BYTES} bytes")
        begun = [_hash(header, key) for header, key in zip(headers, keys, strict=True)]
        self._current = begun[0]
        self._by_header = dict(reversed(list(zip(headers, begun, strict=True))))

    def add(self, claims: bytes) -> bytes:
        """`claims`, a JSON object with at least one member, with their tag as the last one."""
        before = claims.removesuffix(b"}")
        return before + _tag_claim(self._current, before)

    def read(self, token: str) -> bytes | None:
        """The claims of `token`; None when it has no tag of this service."""
        header, _, rest = token.partition(".")
        begun = self._by_header.get(header)
        if begun is None:
            return None
        try:
            claims = decode_base64url(rest.partition(".")[0])
        except ValueError:
            return None
        shown, right = claims[-_CLAIM_BYTES:], _tag_claim(begun, claims[:-_CLAIM_BYTES])
        return claims if compare_digest(shown, right) else None


def _hash(header: str, key: bytes) -> blake2b:
    """A hash that was begun with key and header: to copy it is twice as fast as to begin one."""
    begun = blake2b(digest_size=_TAG_BYTES, key=key, person=b"hf-pass-tag")
    begun.update(f"{header}.".encode())
    return begun


def _tag_claim(begun: blake2b, before: bytes) -> bytes:
    """The claim that ends the object which begins with `before`."""
    hashing = begun.copy()
    hashing.update(before)
    return _BEFORE + encode_base64url(hashing.digest()).encode() + _AFTER
