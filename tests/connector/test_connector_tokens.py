"""Tokens, checked by a shop: taken when the service signed them for it, else refused."""

import time

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from support.connector.storefronts import (
    NOW,
    OTHER_SECRET,
    SALE,
    SERVICE,
    SESSION_SECONDS,
    SHOP,
    Clock,
    TokenIssuer,
    Wire,
)

from holdfast_connector import Fault, PublishedKeys, Refused, SharedKeys, Verifier
from holdfast_connector.contract import HANDOFF_TYPE, HS256
from holdfast_queue.tokens.handoffs import HANDOFF_MS
from holdfast_web.keyring import Keyring, Purpose

HANDOFF_SECONDS = HANDOFF_MS // 1000


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def issuer() -> TokenIssuer:
    return TokenIssuer()


@pytest.fixture
def verifier(issuer: TokenIssuer, clock: Clock) -> Verifier:
    return Verifier(SERVICE, PublishedKeys(SERVICE, fetch=Wire(issuer)), clock=clock)


def fault_of(verifier: Verifier, token: str, origin: str = SHOP) -> Fault:
    with pytest.raises(Refused) as caught:
        verifier.handoff(token, origin)
    return caught.value.fault


def resigned(issuer: TokenIssuer, **changes: object) -> str:
    """A hand-off with other claims, signed with the service's real key."""
    claims = jwt.decode(issuer.handoff(), options={"verify_signature": False})
    claims |= changes
    key = issuer.handoffs.keys[0]
    assert isinstance(key.private, Ed25519PrivateKey)
    kept = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(kept, key.private, "EdDSA", {"kid": key.kid, "typ": HANDOFF_TYPE})


def test_handoff_of_the_service_is_taken(verifier: Verifier, issuer: TokenIssuer) -> None:
    handoff = verifier.handoff(issuer.handoff(), SHOP)
    assert (handoff.sale, handoff.pass_id, handoff.subject) == (SALE, "pass-one", "buyer-one")
    assert handoff.expires_at == NOW + HANDOFF_SECONDS
    assert handoff.pass_expires_at == NOW + SESSION_SECONDS


def test_pass_of_the_service_is_taken(verifier: Verifier, issuer: TokenIssuer) -> None:
    verified = verifier.visitor_pass(issuer.visitor_pass(), SALE)
    assert (verified.pass_id, verified.subject) == ("pass-one", "buyer-one")
    with pytest.raises(Refused):
        verifier.visitor_pass(issuer.visitor_pass(), "other-sale")


async def test_coroutine_gets_the_pass_before_and_after_the_keys_are_known(
    verifier: Verifier, issuer: TokenIssuer
) -> None:
    for _ in range(2):
        verified = await verifier.visitor_pass_async(issuer.visitor_pass(), SALE)
        assert verified.pass_id == "pass-one"


def test_handoff_for_another_origin_is_forged(verifier: Verifier, issuer: TokenIssuer) -> None:
    assert fault_of(verifier, issuer.handoff("https://other.example")) is Fault.FORGED
    assert fault_of(verifier, issuer.handoff(), f"{SHOP}/") is Fault.FORGED


def test_issuer_counts_and_may_end_with_a_slash(verifier: Verifier) -> None:
    assert fault_of(verifier, TokenIssuer(issuer="https://evil.example").handoff()) is Fault.FORGED
    assert verifier.handoff(TokenIssuer(issuer=f"{SERVICE}/").handoff(), SHOP)


def test_key_that_nobody_publishes_is_unknown(verifier: Verifier) -> None:
    assert fault_of(verifier, TokenIssuer(OTHER_SECRET).handoff()) is Fault.UNKNOWN_KEY


def test_handoff_and_pass_do_not_stand_in_for_each_other(
    verifier: Verifier, issuer: TokenIssuer
) -> None:
    assert fault_of(verifier, issuer.visitor_pass(), SALE) is Fault.FORGED
    with pytest.raises(Refused):
        verifier.visitor_pass(issuer.handoff(SALE), SALE)


@pytest.mark.parametrize(
    ("at", "fault"),
    [(0, None), (HANDOFF_SECONDS + 4, None), (HANDOFF_SECONDS + 5, Fault.OVER),
     (-5, None), (-6, Fault.FORGED)],
)  # fmt: skip
def test_times_are_checked_with_five_seconds_of_leeway(
    verifier: Verifier, issuer: TokenIssuer, clock: Clock, at: int, fault: Fault | None
) -> None:
    token = issuer.handoff()
    clock.now += at
    if fault is None:
        assert verifier.handoff(token, SHOP)
    else:
        assert fault_of(verifier, token) is fault


@pytest.mark.parametrize("claim", ["iss", "aud", "sub", "jti", "iat", "nbf", "exp", "sale"])
def test_every_claim_is_needed(verifier: Verifier, issuer: TokenIssuer, claim: str) -> None:
    assert fault_of(verifier, resigned(issuer, **{claim: None})) is Fault.FORGED


@pytest.mark.parametrize(
    "changes",
    [{"iat": NOW + 60}, {"nbf": NOW + 60}, {"exp": str(NOW + 60)}, {"exp": True}, {"nbf": 1.5},
     {"aud": [f"{SHOP}.evil.example"]}, {"sub": 7}, {"pass_exp": "soon"}],
)  # fmt: skip
def test_claims_of_the_wrong_kind_are_refused(
    verifier: Verifier, issuer: TokenIssuer, changes: dict[str, object]
) -> None:
    assert fault_of(verifier, resigned(issuer, **changes)) is Fault.FORGED


def test_algorithm_is_the_keys_not_the_tokens(verifier: Verifier, issuer: TokenIssuer) -> None:
    """The classic confusion: the published key, used as an HMAC secret, under its own kid."""
    claims = jwt.decode(issuer.handoff(), options={"verify_signature": False})
    published = issuer.handoffs.keys[0].jwk()
    assert published is not None
    header = {"kid": published["kid"], "typ": HANDOFF_TYPE}
    for key, algorithm in ((published["x"], "HS256"), ("", "none")):
        forged = jwt.encode(claims, key, algorithm, header)
        assert fault_of(verifier, forged) is Fault.FORGED


@pytest.mark.parametrize(
    "token",
    [
        "",
        "x",
        "a.b.c",
        "a.b.c.d",
        "e30.e30.",
        "\x00",
        "é.é.é",
        "\udcff.b.c",
        "x" * 5000,
        "W10.e30.e30",
    ],
)
def test_what_is_no_token_is_refused(verifier: Verifier, token: str) -> None:
    assert fault_of(verifier, token) is Fault.FORGED


def test_tampered_claims_are_refused(verifier: Verifier, issuer: TokenIssuer) -> None:
    mine, theirs = issuer.handoff(name="one").split("."), issuer.handoff(name="two").split(".")
    assert fault_of(verifier, ".".join((mine[0], theirs[1], mine[2]))) is Fault.FORGED


def test_shared_secret_verifies_and_takes_no_other_algorithm(
    issuer: TokenIssuer, clock: Clock
) -> None:
    shared = TokenIssuer(algorithm=HS256)
    key = Keyring("s" * 40).signing(Purpose.HANDOFF)
    verifier = Verifier(SERVICE, SharedKeys({key.kid: key.key}), clock=clock)
    assert verifier.handoff(shared.handoff(), SHOP).pass_id == "pass-one"
    assert fault_of(verifier, issuer.handoff()) is Fault.FORGED


def test_short_shared_secret_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        SharedKeys({"kid": b"short"})


def test_clock_is_the_machines_unless_another_is_given(issuer: TokenIssuer) -> None:
    verifier = Verifier(SERVICE, PublishedKeys(SERVICE, fetch=Wire(issuer)))
    now = time.time()
    assert fault_of(verifier, issuer.handoff(now=now - 120)) is Fault.OVER
    assert verifier.handoff(issuer.handoff(now=now), SHOP)
