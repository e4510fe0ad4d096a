"""What somebody can make of the tokens that they see, without a key of the service.

`FORGERIES` names each way; every token that one of them makes must be refused. Two kinds of passes
are worked on: with a tag, as they are issued, and with none, as an earlier release issued them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import jwt
import msgspec
from support.token_issuers import ADMITTED, ISSUER, NOW_MS, OTHER, SECRET, pass_issuer, signer

from holdfast_connector.contract import HS256, MAX_TOKEN_CHARS, PASS_TYPE
from holdfast_connector.tokens.base64url import decode_base64url, encode_base64url
from holdfast_queue.tokens.handoffs import HandoffIssuer
from holdfast_queue.tokens.pass_tags import PassTags
from holdfast_queue.tokens.passes import Pass
from holdfast_web.keyring import Keyring, Purpose

MALLORY = b'"sub":"mallory"'
CHANGES: dict[str, Any] = {
    "iss": "https://evil.example",
    "aud": "other",
    "uid": "uid2",
    "epoch": 3,
    "sub": "mallory",
    "jti": "pass-2",
    "iat": 1,
    "nbf": 1,
    "exp": 2_000_000_000,
    "channels": ["press"],
    "test": False,
    "renewable_until": 2_000_000_000,
}


@dataclass(frozen=True)
class Token:
    """A token in its parts."""

    header: str
    claims: bytes
    signature: str

    def __str__(self) -> str:
        return f"{self.header}.{encode_base64url(self.claims)}.{self.signature}"

    @classmethod
    def of(cls, text: str) -> Token:
        header, claims, signature = text.split(".")
        return cls(header, decode_base64url(claims), signature)

    def member(self, name: str) -> bytes:
        """The text of a claim with its comma; empty without it."""
        value = json.loads(self.claims).get(name)
        return b"" if value is None else f',"{name}":"{value}"'.encode()

    @property
    def untagged(self) -> bytes:
        return self.claims.replace(self.member("tag"), b"")


def tagged_pass(admitted: Pass, **issuer: Any) -> Token:
    """A pass as it is issued."""
    return Token.of(pass_issuer(**issuer).issue(admitted, NOW_MS))


def untagged_pass(admitted: Pass, **issuer: Any) -> Token:
    """A pass as an earlier release would have issued it."""
    passes = pass_issuer(**issuer)
    claims = Token.of(passes.issue(admitted, NOW_MS)).untagged
    return Token.of(passes.signer.sign(claims, PASS_TYPE))


Make = Callable[..., Token]
OWN = msgspec.structs.replace(
    ADMITTED, channels=("friends",), renewable_until_ms=NOW_MS + 600_000, test=True
)
THEIRS = msgspec.structs.replace(OWN, pass_id="pass-9", subject="buyer-9")


def _claims_changed(make: Make) -> Iterator[Token]:
    own = make(OWN)
    for name, value in CHANGES.items():
        claims = json.loads(own.claims) | {name: value}
        yield replace(own, claims=json.dumps(claims, separators=(",", ":")).encode())
        del claims[name]
        yield replace(own, claims=json.dumps(claims, separators=(",", ":")).encode())


def _parts_of_another_pass(make: Make) -> Iterator[Token]:
    own, theirs = make(OWN), make(THEIRS)
    if own.member("tag"):
        tagged = own.claims.replace(own.member("tag"), theirs.member("tag"))
        yield replace(own, claims=tagged)
        yield replace(theirs, claims=tagged)
    else:
        yield replace(own, signature=theirs.signature)
        yield replace(own, claims=theirs.claims)


def _tag_taken_off(make: Make) -> Iterator[Token]:
    own = make(OWN)
    if own.member("tag"):
        yield replace(own, claims=own.untagged)
    yield replace(own, claims=own.untagged.replace(b"buyer-1", b"mallory"))
    yield replace(own, claims=own.untagged[:-1] + b',"tag":""}')


def _claim_given_twice(make: Make) -> Iterator[Token]:
    own = make(OWN)
    body = own.claims[1:-1]
    tag = own.member("tag")
    texts = [
        b"{%b,%b}" % (MALLORY, body),
        b"{%b,%b}" % (body, MALLORY),
        b"{%b,%b%b}" % (own.untagged[1:-1], MALLORY, tag),
        b"{%b%b,%b%b}" % (own.untagged[1:-1], tag, MALLORY, tag),
        own.claims + own.claims.replace(b"buyer-1", b"mallory"),
        own.claims.replace(b"buyer-1", b"mallory") + own.claims,
        own.claims + b" ",
        b" " + own.claims,
    ]
    yield from (replace(own, claims=text) for text in texts)


def _header_changed(make: Make) -> Iterator[Token]:
    own = make(OWN)
    header = json.loads(decode_base64url(own.header))
    old_kid = signer(OTHER).keys[0].kid
    changes: list[dict[str, Any]] = [
        {"typ": "handoff+jwt"},
        {"typ": None},
        {"alg": HS256},
        {"alg": "none"},
        {"kid": old_kid},
        {"kid": "unknown"},
        {"jku": "https://evil.example/keys"},
        {"b64": False, "crit": ["b64"]},
    ]
    for change in changes:
        yield replace(own, header=encode_base64url(json.dumps(header | change).encode()))
    yield replace(own, header=encode_base64url(json.dumps(header, indent=1).encode()))
    yield replace(own, header=own.header + "=")
    yield replace(own, header="")


def _algorithm_changed(make: Make) -> Iterator[Token]:
    """A pass of the time when this service signed by the other algorithm."""
    shared = make(OWN, algorithm=HS256)
    yield shared
    yield replace(shared, header=make(OWN).header)


def _respelled(make: Make) -> Iterator[str]:
    header, claims, signature = str(make(OWN)).split(".")
    last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    for spelled in (claims + "=", claims + "==", claims + "\n", f"{claims[:8]}!{claims[8:]}"):
        yield f"{header}.{spelled}.{signature}"
    for bits in (1, 2, 4, 8):
        changed = last[last.index(claims[-1]) ^ bits]
        yield f"{header}.{claims[:-1]}{changed}.{signature}"


def _tag_by_another_key(make: Make) -> Iterator[Token]:
    """By what shops are given, by what is published, by the keys of every other purpose."""
    own = make(msgspec.structs.replace(OWN, subject="mallory"), secret=OTHER)
    ring = Keyring(SECRET)
    header = pass_issuer().signer.headers(PASS_TYPE)
    (published,) = [key.jwk() for key in pass_issuer().signer.keys]
    assert published is not None
    keys = [ring.signing(purpose).key for purpose in Purpose if purpose is not Purpose.PASS_TAG]
    keys += [Keyring(OTHER).signing(Purpose.PASS_TAG).key, decode_base64url(published["x"])]
    for key in keys:
        claims = PassTags(header, [key]).add(own.untagged)
        yield replace(own, header=header[0], claims=claims)


def _another_purpose(make: Make) -> Iterator[Token | str]:
    """Hand-offs, even under the keys of passes, and identities, whole and in parts."""
    own = make(OWN)
    for handoffs in (signer(purpose=Purpose.HANDOFF), pass_issuer().signer):
        text = HandoffIssuer(handoffs).issue(OWN, "gala", NOW_MS)
        handoff = Token.of(text)
        yield text
        yield replace(handoff, header=own.header)
        yield replace(handoff, claims=own.claims)
        yield replace(own, claims=handoff.claims[:-1] + own.member("tag") + b"}")
    key = Keyring(SECRET).signing(Purpose.IDENTITY)
    yield jwt.encode(json.loads(own.claims), key.key, HS256, {"kid": key.kid, "typ": "JWT"})


def _retired_or_foreign_key(make: Make) -> Iterator[Token]:
    foreign = make(OWN, secret=OTHER)
    yield foreign
    yield replace(foreign, header=make(OWN).header)


def _cut_short(make: Make) -> Iterator[Token | str]:
    own = make(OWN)
    yield from ("", ".", "..", "a.b.c", own.header, f"{own.header}.", f"{own.header}..")
    for text in (b"", b"{}", b"{", own.member("tag"), b"{%b}" % own.member("tag")[1:]):
        yield replace(own, claims=text)
    yield from (replace(own, claims=own.claims[:-cut]) for cut in (1, 2, 31, 32, 33))


def _too_long(make: Make) -> Iterator[Token]:
    yield make(msgspec.structs.replace(OWN, subject="x" * MAX_TOKEN_CHARS))


def _not_for_here(make: Make) -> Iterator[Token]:
    yield make(msgspec.structs.replace(OWN, sale="other"))
    yield make(OWN, issuer="https://evil.example")
    yield make(OWN, issuer=ISSUER + "/")


def _not_for_now(make: Make) -> Iterator[Token]:
    yield make(msgspec.structs.replace(OWN, expires_at_ms=NOW_MS // 1000 * 1000))
    early = make(OWN)
    passes = pass_issuer()
    claims = early.untagged.replace(b'"nbf":18000000', b'"nbf":18000001')
    assert claims != early.untagged
    tagged = bool(early.member("tag"))
    text = PassTags(passes.signer.headers(PASS_TYPE), _tag_keys()).add(claims) if tagged else claims
    yield Token.of(passes.signer.sign(text, PASS_TYPE))


def _tag_keys() -> list[bytes]:
    return [Keyring(SECRET).signing(Purpose.PASS_TAG).key]


FORGERIES: dict[str, Callable[[Make], Iterator[Token | str]]] = {
    "claims changed": _claims_changed,
    "parts of another pass": _parts_of_another_pass,
    "tag taken off": _tag_taken_off,
    "claim given twice": _claim_given_twice,
    "header changed": _header_changed,
    "algorithm changed": _algorithm_changed,
    "respelled": _respelled,
    "tag by another key": _tag_by_another_key,
    "another purpose": _another_purpose,
    "retired or foreign key": _retired_or_foreign_key,
    "cut short": _cut_short,
    "too long": _too_long,
    "not for here": _not_for_here,
    "not for now": _not_for_now,
}
