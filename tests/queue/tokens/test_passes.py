"""Passes and hand-offs: signed by us, for one audience, for as long as they say."""

from __future__ import annotations

import time
from dataclasses import replace

import jwt
import pytest

from holdfast_connector.contract import HS256
from holdfast_queue.http.credentials import pass_verifier
from holdfast_queue.tokens.handoffs import HANDOFF_MS, HandoffIssuer, redirect_url
from holdfast_queue.tokens.passes import Pass, PassIssuer, Signer, jwks, signing_key
from holdfast_web.keyring import Keyring, Purpose

ISSUER = "https://wait.example"
SHOP = "https://shop.example"
NOW_MS = 1_800_000_000_500
ADMITTED = Pass("gala", "uid1", 2, "pass-1", "buyer-1", NOW_MS + 900_000)
SECRET, OTHER = "s" * 40, "t" * 40


def signer(
    secret: str = SECRET, *previous: str, purpose: Purpose = Purpose.PASS, algorithm: str = "EdDSA"
) -> Signer:
    keys = Keyring(secret, previous).keys(purpose)
    return Signer(ISSUER, [signing_key(key, algorithm) for key in keys])


@pytest.mark.parametrize("algorithm", ["EdDSA", HS256])
def test_pass_reads_back(algorithm: str) -> None:
    passes = PassIssuer(signer(algorithm=algorithm))
    token = passes.issue(ADMITTED, NOW_MS)
    read = passes.read(token, "gala", NOW_MS)
    assert read is not None
    # exp is in whole seconds, and never later than the session
    assert read.expires_at_ms == ADMITTED.expires_at_ms // 1000 * 1000
    assert (read.pass_id, read.subject, read.uid, read.epoch) == ("pass-1", "buyer-1", "uid1", 2)


def test_pass_verifies_offline_with_the_published_keys() -> None:
    signing = signer()
    token = PassIssuer(signing).issue(ADMITTED, time.time_ns() // 1_000_000)
    (published,) = jwks(signing.keys)["keys"]
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
    passes = PassIssuer(signer())
    assert passes.read(passes.issue(ADMITTED, NOW_MS), sale, at_ms) is None


def test_pass_of_another_secret_issuer_or_purpose_is_refused() -> None:
    passes = PassIssuer(signer())
    strangers = [
        signer(OTHER),
        signer(purpose=Purpose.HANDOFF),
        Signer("https://evil.example", signer().keys),
    ]
    for stranger in strangers:
        assert passes.read(PassIssuer(stranger).issue(ADMITTED, NOW_MS), "gala", NOW_MS) is None


def test_algorithm_is_the_keys_not_the_tokens() -> None:
    """The classic confusion: the public key, used as an HMAC secret, under the published kid."""
    signing = signer()
    (published,) = jwks(signing.keys)["keys"]
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
    passes = PassIssuer(signing)
    forged = jwt.encode(claims, published["x"], "HS256", {"kid": published["kid"]})
    unsigned = jwt.encode(claims, "", "none", {"kid": published["kid"]})
    assert passes.read(forged, "gala", NOW_MS) is None
    assert passes.read(unsigned, "gala", NOW_MS) is None


def test_rotation_keeps_old_passes_until_the_key_is_taken_off() -> None:
    token = PassIssuer(signer(OTHER)).issue(ADMITTED, NOW_MS)
    assert PassIssuer(signer(SECRET, OTHER)).read(token, "gala", NOW_MS) is not None
    assert PassIssuer(signer(SECRET)).read(token, "gala", NOW_MS) is None


def test_verifier_remembers_but_not_past_the_end() -> None:
    passes, now = PassIssuer(signer()), [NOW_MS]
    verify = pass_verifier(passes, lambda _sale: now[0])
    token = passes.issue(ADMITTED, NOW_MS)
    first = verify(token, "gala", ADMITTED.uid)
    assert first is not None
    assert verify(token, "gala", ADMITTED.uid) is first
    assert verify(token, "other", ADMITTED.uid) is None
    now[0] += 900_000
    assert verify(token, "gala", ADMITTED.uid) is None


def test_pass_is_final_from_the_end_of_renewing() -> None:
    passes, now = PassIssuer(signer()), [NOW_MS]
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
    passes = PassIssuer(signer())
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
    signing = signer()
    handoff = HandoffIssuer(signing).issue(ADMITTED, "gala", NOW_MS)
    assert PassIssuer(signing).read(handoff, "gala", NOW_MS) is None
    passed = PassIssuer(signing).issue(ADMITTED, NOW_MS)
    assert HandoffIssuer(signing).read(passed, "gala", NOW_MS) is None


def test_known_header_vouches_for_nothing_else() -> None:
    """Given headers seen before, then type and signature count as on the first day."""
    signing = signer()
    passes, issuer = PassIssuer(signing), HandoffIssuer(signing)
    handoff, passed = issuer.issue(ADMITTED, "gala", NOW_MS), passes.issue(ADMITTED, NOW_MS)
    for _ in range(2):
        assert issuer.read(handoff, "gala", NOW_MS) is not None
        assert passes.read(passed, "gala", NOW_MS) is not None
        assert passes.read(handoff, "gala", NOW_MS) is None
        assert issuer.read(passed, "gala", NOW_MS) is None
    header, _, signature = passed.split(".")
    _, claims, _ = (
        PassIssuer(signer(OTHER)).issue(replace(ADMITTED, pass_id="p"), NOW_MS).split(".")
    )
    assert passes.read(f"{header}.{claims}.{signature}", "gala", NOW_MS) is None


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
