import time
from unittest.mock import patch

import jwt
import pytest
from msgspec.structs import replace
from support.token_issuers import (
    ADMITTED,
    ISSUER,
    NOW_MS,
    OTHER,
    SECRET,
    SHOP,
    pass_issuer,
    signer,
)

from holdfast_connector.contract import HS256
from holdfast_queue.http.credentials import pass_verifier
from holdfast_queue.tokens.handoffs import HANDOFF_MS, HandoffIssuer, redirect_url
from holdfast_queue.tokens.passes import Pass, PassIssuer
from holdfast_queue.tokens.signer import jwks
from holdfast_web.keyring import Purpose

EARLIER = {
    "EdDSA": (
        "eyJhbGciOiJFZERTQSIsImtpZCI6ImQxMzUxZTcyMmU5YSIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJodHRwczo"
        "vL3dhaXQuZXhhbXBsZSIsImF1ZCI6ImdhbGEiLCJ1aWQiOiJ1aWQxIiwiZXBvY2giOjIsInN1YiI6ImJ1eWV"
        "yLTEiLCJqdGkiOiJwYXNzLTEiLCJpYXQiOjE4MDAwMDAwMDAsIm5iZiI6MTgwMDAwMDAwMCwiZXhwIjoxODA"
        "wMDAwOTAwLCJjaGFubmVscyI6WyJmcmllbmRzIiwicHJlc3MiXSwicmVuZXdhYmxlX3VudGlsIjoxODAwMDA"
        "wNjAwfQ.DUPxubr0mQB8h_gomWEbBtC10vSxeR4XzsPl0-5uyoG656OWb0wO4xFicgnFVIe5Oo9KpZ2wtKdt"
        "vHrGUDS4Dg"
    ),
    HS256: (
        "eyJhbGciOiJIUzI1NiIsImtpZCI6ImQxMzUxZTcyMmU5YSIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJodHRwczo"
        "vL3dhaXQuZXhhbXBsZSIsImF1ZCI6ImdhbGEiLCJ1aWQiOiJ1aWQxIiwiZXBvY2giOjIsInN1YiI6ImJ1eWV"
        "yLTEiLCJqdGkiOiJwYXNzLTEiLCJpYXQiOjE4MDAwMDAwMDAsIm5iZiI6MTgwMDAwMDAwMCwiZXhwIjoxODA"
        "wMDAwOTAwLCJjaGFubmVscyI6WyJmcmllbmRzIiwicHJlc3MiXSwicmVuZXdhYmxlX3VudGlsIjoxODAwMDA"
        "wNjAwfQ.Fp1v0ciIQIKP8lCbQhZDO6zKD3iyqgmKoz_THpsXguI"
    ),
}
"""Passes of the release before tags."""


@pytest.mark.parametrize("algorithm", ["EdDSA", HS256])
def test_pass_reads_back(algorithm: str) -> None:
    passes = pass_issuer(algorithm=algorithm)
    token = passes.issue(ADMITTED, NOW_MS)
    read = passes.read(token, "gala", NOW_MS)
    assert read is not None
    # exp is in whole seconds, and never later than the session
    assert read.expires_at_ms == ADMITTED.expires_at_ms // 1000 * 1000
    assert (read.pass_id, read.subject, read.uid, read.epoch) == ("pass-1", "buyer-1", "uid1", 2)


def test_pass_verifies_offline_with_the_published_keys() -> None:
    passes = pass_issuer()
    token = passes.issue(ADMITTED, time.time_ns() // 1_000_000)
    (published,) = jwks(passes.signer.keys)["keys"]
    assert jwt.get_unverified_header(token) == {
        "alg": "EdDSA",
        "typ": "JWT",
        "kid": published["kid"],
    }
    claims = jwt.decode(
        token, jwt.PyJWK(published), algorithms=["EdDSA"], audience="gala", issuer=ISSUER
    )
    assert (claims["jti"], claims["sub"]) == ("pass-1", "buyer-1")
    assert claims["nbf"] == claims["iat"] < claims["exp"]


def test_shared_secrets_are_not_published() -> None:
    assert jwks(signer(algorithm=HS256).keys) == {"keys": []}


@pytest.mark.parametrize(
    ("sale", "at_ms"),
    [("other", NOW_MS), ("gala", NOW_MS + 900_001), ("gala", NOW_MS - 10_000)],
)
def test_pass_is_refused_elsewhere_too_late_and_too_early(sale: str, at_ms: int) -> None:
    passes = pass_issuer()
    assert passes.read(passes.issue(ADMITTED, NOW_MS), sale, at_ms) is None


def test_pass_of_another_secret_issuer_or_purpose_is_refused() -> None:
    passes = pass_issuer()
    strangers = [
        pass_issuer(OTHER),
        PassIssuer(signer(purpose=Purpose.HANDOFF), [b"k" * 32]),
        pass_issuer(issuer="https://evil.example"),
    ]
    for stranger in strangers:
        assert passes.read(stranger.issue(ADMITTED, NOW_MS), "gala", NOW_MS) is None


def test_algorithm_is_the_keys_not_the_tokens() -> None:
    """The classic confusion: the public key, used as an HMAC secret, under the published kid."""
    passes = pass_issuer()
    (published,) = jwks(passes.signer.keys)["keys"]
    claims = {
        "iss": ISSUER,
        "aud": "gala",
        "uid": "uid1",
        "sub": "x",
        "jti": "x",
        "iat": 1,
        "nbf": 1,
        "exp": 2_000_000_000,
    }
    forged = jwt.encode(claims, published["x"], "HS256", {"kid": published["kid"]})
    unsigned = jwt.encode(claims, "", "none", {"kid": published["kid"]})
    assert passes.read(forged, "gala", NOW_MS) is None
    assert passes.read(unsigned, "gala", NOW_MS) is None


def test_rotation_keeps_old_passes_until_the_key_is_taken_off() -> None:
    token = pass_issuer(OTHER).issue(ADMITTED, NOW_MS)
    assert pass_issuer(SECRET, OTHER).read(token, "gala", NOW_MS) is not None
    assert pass_issuer(SECRET).read(token, "gala", NOW_MS) is None


@pytest.mark.parametrize("algorithm", EARLIER)
def test_pass_of_an_earlier_release_is_verified_by_its_signature(algorithm: str) -> None:
    """And is remembered: it may come with every request until it ends."""
    passes = pass_issuer(OTHER, SECRET, algorithm=algorithm)
    token = EARLIER[algorithm]
    expected = replace(
        ADMITTED,
        channels=("friends", "press"),
        expires_at_ms=1_800_000_900_000,
        renewable_until_ms=1_800_000_600_000,
    )
    assert passes.read(token, "gala", NOW_MS) == expected
    with patch("holdfast_queue.tokens.signer.verified_payload", return_value=None):
        assert passes.read(token, "gala", NOW_MS) == expected
        assert passes.read(token, "other", NOW_MS) is None
        assert passes.read(token, "gala", 1_800_000_900_000) is None
    assert pass_issuer(OTHER, algorithm=algorithm).read(token, "gala", NOW_MS) is None


def test_own_pass_is_taken_without_verifying_its_signature() -> None:
    passes = pass_issuer(SECRET, OTHER)
    with patch("holdfast_queue.tokens.signer.verified_payload", side_effect=AssertionError):
        for issuer in (passes, pass_issuer(OTHER)):
            token = issuer.issue(ADMITTED, NOW_MS)
            assert passes.read(token, "gala", NOW_MS) is not None
            assert passes.read(token[:-9], "gala", NOW_MS) is not None


def test_memory_of_passes_is_bounded() -> None:
    """One pass can be spelled in any number of ways behind its tag."""
    passes = pass_issuer()
    token = passes.issue(ADMITTED, NOW_MS)
    with patch("holdfast_queue.tokens.passes.KNOWN_MAX", 3):
        for number in range(10):
            assert passes.read(f"{token}{number}", "gala", NOW_MS) is not None
            assert len(passes._known) <= 3
    assert passes.read(token, "other", NOW_MS) is None


def test_tag_is_frozen() -> None:
    """Passes in visitors' hands must outlive a release."""
    claims = jwt.decode(pass_issuer().issue(ADMITTED, NOW_MS), options={"verify_signature": False})
    assert list(claims) == ["iss", "aud", "sub", "jti", "iat", "nbf", "exp", "uid", "epoch", "tag"]
    assert claims["tag"] == "fLhUv_qXKZgIZfF_0uT-Og"


def test_verifier_takes_a_pass_again_but_not_past_its_end() -> None:
    passes, now = pass_issuer(), [NOW_MS]
    verify = pass_verifier(passes, lambda _sale: now[0])
    token = passes.issue(ADMITTED, NOW_MS)
    first = verify(token, "gala", ADMITTED.uid)
    assert first is not None
    assert verify(token, "gala", ADMITTED.uid) == first
    assert verify(token, "other", ADMITTED.uid) is None
    now[0] += 900_000
    assert verify(token, "gala", ADMITTED.uid) is None


def test_pass_is_final_from_the_end_of_renewing() -> None:
    passes, now = pass_issuer(), [NOW_MS]
    verify = pass_verifier(passes, lambda _sale: now[0])
    limited = replace(ADMITTED, renewable_until_ms=NOW_MS + 600_000)
    token = passes.issue(limited, NOW_MS)
    first = verify(token, "gala", ADMITTED.uid)
    assert first is not None
    assert (first.final, first.renewable_until) == (False, (NOW_MS + 600_000) // 1000)
    now[0] += 600_000
    for known in (verify(token, "gala", ADMITTED.uid), pass_verifier(passes, lambda _sale: now[0])):
        later = known if not callable(known) else known(token, "gala", ADMITTED.uid)
        assert later is not None
        assert later.final
    # and a pass that says nothing of it is never final
    endless = verify(passes.issue(ADMITTED, NOW_MS), "gala", ADMITTED.uid)
    assert endless is not None
    assert not endless.final


def test_verifier_takes_no_pass_of_an_earlier_sale_of_the_name() -> None:
    """Neither before it has seen the pass in its own sale nor after."""
    passes = pass_issuer()
    verify = pass_verifier(passes, lambda _sale: NOW_MS)
    token = passes.issue(ADMITTED, NOW_MS)
    assert verify(token, "gala", "a later sale") is None
    assert verify(token, "gala", ADMITTED.uid) is not None
    assert verify(token, "gala", "a later sale") is None


def test_handoff_is_for_one_origin_and_one_minute() -> None:
    issuer = HandoffIssuer(signer(purpose=Purpose.HANDOFF))
    token = issuer.issue(ADMITTED, SHOP, NOW_MS)
    read = issuer.read(token, SHOP, NOW_MS)
    assert read is not None
    assert (read.admitted.pass_id, read.admitted.subject) == ("pass-1", "buyer-1")
    assert issuer.read(token, "https://evil.example", NOW_MS) is None
    assert issuer.read(token, SHOP, NOW_MS + HANDOFF_MS) is None
    other = issuer.read(issuer.issue(ADMITTED, SHOP, NOW_MS), SHOP, NOW_MS)
    assert other is not None
    assert other.handoff_id != read.handoff_id


def test_handoff_is_no_pass_even_under_the_same_key() -> None:
    passes = pass_issuer()
    issuer = HandoffIssuer(passes.signer)
    for _ in range(2):
        handoff, passed = issuer.issue(ADMITTED, "gala", NOW_MS), passes.issue(ADMITTED, NOW_MS)
        assert issuer.read(handoff, "gala", NOW_MS) is not None
        assert passes.read(passed, "gala", NOW_MS) is not None
        assert passes.read(handoff, "gala", NOW_MS) is None
        assert issuer.read(passed, "gala", NOW_MS) is None


def test_handoff_never_outlives_the_session() -> None:
    issuer = HandoffIssuer(signer(purpose=Purpose.HANDOFF))
    short = Pass("gala", "uid1", 2, "pass-1", "buyer-1", NOW_MS + 10_000)
    token = issuer.issue(short, SHOP, NOW_MS)
    assert issuer.read(token, SHOP, NOW_MS + 9_000) is not None
    assert issuer.read(token, SHOP, NOW_MS + 10_000) is None


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (f"{SHOP}/seats", f"{SHOP}/seats?holdfast_token=TOKEN"),
        (f"{SHOP}/seats?a=1&b=#top", f"{SHOP}/seats?a=1&b=&holdfast_token=TOKEN#top"),
        (f"{SHOP}/?holdfast_token=old&a=1", f"{SHOP}/?a=1&holdfast_token=TOKEN"),
    ],
)
def test_handoff_travels_in_the_query_once(url: str, expected: str) -> None:
    assert redirect_url(url, "TOKEN") == expected
