"""Nobody makes a pass but the service: neither one with a tag nor one that is only signed.

Each mutant takes one check out of the code; the forgeries that it lets through are named.
"""

import re
from base64 import urlsafe_b64decode
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.token_forgeries import FORGERIES, OWN, Make, Token, tagged_pass, untagged_pass
from support.token_issuers import NOW_MS, SECRET, pass_issuer

from holdfast_connector.tokens.jwts import header_of
from holdfast_queue.tokens import pass_tags
from holdfast_queue.tokens.claims import TokenClaims
from holdfast_queue.tokens.pass_tags import PassTags
from holdfast_queue.tokens.passes import PassIssuer
from holdfast_web.keyring import Keyring, Purpose

KINDS: dict[str, Make] = {"tagged": tagged_pass, "signed only": untagged_pass}
PASS_TAGS, SIGNER = "holdfast_queue.tokens.pass_tags.", "holdfast_queue.tokens.signer."
_tag_claim, _hash, _read_tag = pass_tags._tag_claim, pass_tags._hash, PassTags.read

Patch = Callable[[], AbstractContextManager[object]]


def taken(make: Make, passes: PassIssuer) -> set[str]:
    """The forgeries that are taken for passes."""
    return {
        name
        for name, forge in FORGERIES.items()
        for token in forge(make)
        if passes.read(str(token), "gala", NOW_MS) is not None
    }


@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)
def test_pass_is_read_and_no_forgery_of_it(make: Make) -> None:
    passes = pass_issuer()
    read = passes.read(str(make(OWN)), "gala", NOW_MS)
    assert read is not None
    assert (read.subject, read.channels, read.renewable_until_ms) == (
        OWN.subject,
        OWN.channels,
        OWN.renewable_until_ms // 1000 * 1000,
    )
    assert taken(make, passes) == set()


def _found_anywhere(tags: PassTags, token: str) -> bytes | None:
    """Takes what ends with the tag for all of the claims."""
    parts = _parts(token)
    found = re.search(rb',"tag":"[^"]*"', parts.claims) if parts else None
    if parts is None or found is None:
        return None
    tagged = Token(parts.header, parts.claims[: found.end()] + b"}", "")
    return parts.claims if _read_tag(tags, str(tagged)) else None


def _parts(token: str) -> Token | None:
    try:
        return Token.of(token)
    except ValueError:
        return None


class _AnyHeader(dict[str, Any]):
    """The key of the first header, whatever header is shown."""

    def get(self, header: str, default: Any = None) -> Any:
        return next(iter(self.values()))


def _any_header() -> PassIssuer:
    passes = pass_issuer()
    passes._tags._by_header = _AnyHeader(passes._tags._by_header)
    return passes


def _shops_key() -> PassIssuer:
    """Tags by the key with which HS256 passes are signed, which shops are given."""
    return PassIssuer(pass_issuer().signer, [Keyring(SECRET).signing(Purpose.PASS).key])


def _hold_for(**ignored: Any) -> Patch:
    hold_for = TokenClaims.hold_for

    def partly(claims: TokenClaims, issuer: str, audience: str | None, now_ms: int) -> bool:
        given = {"issuer": issuer, "audience": audience, "now_ms": now_ms}
        return hold_for(claims, **(given | {name: of(claims) for name, of in ignored.items()}))

    return lambda: patch.object(TokenClaims, "hold_for", partly)


def _unverified(token: str, *_: object) -> bytes | None:
    parts = _parts(token)
    return None if parts is None else parts.claims


def _typ_ignored(token: str) -> dict[str, Any] | None:
    header = header_of(token)
    return None if header is None else header | {"typ": "JWT"}


def _lenient(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


TAG_MUTANTS: dict[str, tuple[str, Patch]] = {
    "any tag is right": (
        "claims changed",
        lambda: patch(PASS_TAGS + "compare_digest", lambda *_: True),
    ),
    "the tag covers the header only": (
        "parts of another pass",
        lambda: patch(PASS_TAGS + "_tag_claim", lambda begun, _: _tag_claim(begun, b"")),
    ),
    "the tag leaves the last claims out": (
        "claims changed",
        lambda: patch(
            PASS_TAGS + "_tag_claim", lambda begun, before: _tag_claim(begun, before[:-20])
        ),
    ),
    "the tag leaves the header out": (
        "algorithm changed",
        lambda: patch(PASS_TAGS + "_hash", lambda _, key: _hash("", key)),
    ),
    "claims may follow the tag": (
        "claim given twice",
        lambda: patch.object(PassTags, "read", _found_anywhere),
    ),
    "base64 is decoded as the standard library does": (
        "respelled",
        lambda: patch(PASS_TAGS + "decode_base64url", _lenient),
    ),
    "the length is not bounded": (
        "too long",
        lambda: patch("holdfast_queue.tokens.passes.MAX_TOKEN_CHARS", 10_000),
    ),
}
SIGNATURE_MUTANTS: dict[str, tuple[str, Patch]] = {
    "no signature is verified": (
        "claims changed",
        lambda: patch(SIGNER + "verified_payload", _unverified),
    ),
    "the type is not looked at": (
        "another purpose",
        lambda: patch(SIGNER + "header_of", _typ_ignored),
    ),
}
CLAIM_MUTANTS: dict[str, tuple[str, Patch]] = {
    "the issuer is not looked at": ("not for here", _hold_for(issuer=lambda claims: claims.iss)),
    "the audience is not looked at": (
        "not for here",
        _hold_for(audience=lambda claims: claims.aud),
    ),
    "times are not looked at": (
        "not for now",
        _hold_for(now_ms=lambda claims: (claims.exp - 1) * 1000),
    ),
}
CASES = [
    *((f"{name} (tagged)", tagged_pass, *rest) for name, rest in TAG_MUTANTS.items()),
    *((f"{name} (signed only)", untagged_pass, *rest) for name, rest in SIGNATURE_MUTANTS.items()),
    *(
        (f"{name} ({kind})", make, *rest)
        for name, rest in CLAIM_MUTANTS.items()
        for kind, make in KINDS.items()
    ),
]


@pytest.mark.parametrize(
    ("make", "forgery", "mutant"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_without_a_check_a_forgery_is_taken(make: Make, forgery: str, mutant: Patch) -> None:
    with mutant():
        assert forgery in taken(make, pass_issuer())


def test_wrong_keys_of_tags_are_found_out() -> None:
    assert "tag by another key" in taken(tagged_pass, _shops_key())
    assert "header changed" in taken(tagged_pass, _any_header())


@given(st.integers(0, 10_000), st.integers(0, 127))
def test_pass_with_a_changed_character_is_none_or_the_same_pass(place: int, code: int) -> None:
    """Behind the tag anything may stand: the claims are those that were issued."""
    passes, token = pass_issuer(), str(tagged_pass(OWN))
    place %= len(token)
    changed = token[:place] + chr(code) + token[place + 1 :]
    behind = place > token.rindex(".") or changed == token
    expected = passes.read(token, "gala", NOW_MS) if behind else None
    assert passes.read(changed, "gala", NOW_MS) == expected
