"""Visitors of a test sale: told apart from others, and refused where the shop says so."""

import json
from dataclasses import replace

import pytest
from support.connector.storefronts import (
    COOKIE_SECRET,
    SALE,
    SERVICE,
    SHOP,
    Clock,
    TokenIssuer,
    Wire,
)

from holdfast_connector import (
    Admit,
    Answer,
    Fault,
    Gate,
    Mode,
    PublishedKeys,
    Refused,
    Settings,
    Verifier,
    Visit,
)
from holdfast_connector.fetching import Request, Response

BROWSER = {"sec-fetch-mode": "navigate"}
SETTINGS = Settings(
    service_url=SERVICE, shop_url=SHOP, sale=SALE, cookie_secrets=(COOKIE_SECRET,), public=("/s",)
)


def exchanged(_: Request) -> Response:
    members = {"pass": "the.pass", "pass_id": "pass-one", "expires_at": "2027-01-15T08:20:00Z"}
    return Response(200, json.dumps(members).encode())


def gate_of(issuer: TokenIssuer, settings: Settings) -> Gate:
    wire, clock = Wire(issuer, answer=exchanged), Clock()
    keys = PublishedKeys(SERVICE, fetch=wire, clock=clock)
    return Gate(settings, keys=keys, fetch=wire, clock=clock)


def arrive(gate: Gate, issuer: TokenIssuer) -> Answer:
    """The answer to a visitor who comes with a hand-off."""
    visit = Visit("GET", "/seats", f"/seats?holdfast_token={issuer.handoff()}", BROWSER)
    answer = gate.decide(visit)
    assert isinstance(answer, Answer)
    return answer


def visit_with(answer: Answer) -> Visit:
    cookie = dict(answer.headers)["Set-Cookie"].partition(";")[0]
    return Visit("GET", "/seats", "/seats", {**BROWSER, "cookie": cookie})


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("test", [False, True])
def test_session_says_whether_the_sale_is_a_test(mode: Mode, test: bool) -> None:
    issuer = TokenIssuer(test=test)
    gate = gate_of(issuer, replace(SETTINGS, mode=mode))
    decision = gate.decide(visit_with(arrive(gate, issuer)))
    assert isinstance(decision, Admit)
    assert decision.session is not None
    assert decision.session.test is test


def test_shop_that_admits_no_test_refuses_visitor_and_session() -> None:
    issuer = TokenIssuer(test=True)
    admitted = visit_with(arrive(gate_of(issuer, SETTINGS), issuer))
    strict = gate_of(issuer, replace(SETTINGS, admit_test=False))
    refused = arrive(strict, issuer)
    assert (refused.status, b"test sale" in refused.body) == (403, True)
    assert "Set-Cookie" not in dict(refused.headers)
    assert not strict.admits(admitted)
    real = TokenIssuer()
    assert arrive(gate_of(real, replace(SETTINGS, admit_test=False)), real).status == 302


def test_pass_of_a_test_sale_is_told_or_refused() -> None:
    for test in (False, True):
        issuer = TokenIssuer(test=test)
        keys = PublishedKeys(SERVICE, fetch=Wire(issuer))
        token = issuer.visitor_pass()
        assert Verifier(SERVICE, keys, clock=Clock()).visitor_pass(token, SALE).test is test
        strict = Verifier(SERVICE, keys, clock=Clock(), admit_test=False)
        if not test:
            assert not strict.visitor_pass(token, SALE).test
            continue
        with pytest.raises(Refused) as refused:
            strict.visitor_pass(token, SALE)
        assert refused.value.fault is Fault.TEST
