"""The gate's decisions: who passes, who goes to the room, and what an outage changes."""

import json
from urllib.parse import quote

import pytest
from support.connector.storefronts import (
    COOKIE_SECRET,
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
from support.service.running import wait_until

from holdfast_connector import (
    Admit,
    Answer,
    Gate,
    Mode,
    PublishedKeys,
    Settings,
    Visit,
    WhenUnavailable,
)
from holdfast_connector.fetching import Request, Response
from holdfast_connector.tokens.keys import MAX_AGE_SECONDS, MIN_INTERVAL_SECONDS

BROWSER = {"sec-fetch-mode": "navigate"}
ENDS_AT = "2027-01-15T08:20:00Z"  # NOW + 20 minutes


def exchanged(request: Request) -> Response:
    """The service's answer to an exchange: the pass lasts longer than the hand-off says."""
    members = {"pass": "the.visitors.pass", "pass_id": "pass-one", "expires_at": ENDS_AT}
    return Response(200, json.dumps(members).encode())


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def wire() -> Wire:
    return Wire(TokenIssuer(), answer=exchanged)


def make_gate(
    wire: Wire,
    clock: Clock,
    mode: Mode = Mode.VERIFY,
    when_unavailable: WhenUnavailable = WhenUnavailable.CLOSED,
) -> Gate:
    settings = Settings(
        service_url=SERVICE,
        shop_url=SHOP,
        sale=SALE,
        cookie_secrets=(COOKIE_SECRET,),
        public=("/static",),
        mode=mode,
        when_unavailable=when_unavailable,
    )
    keys = PublishedKeys(SERVICE, fetch=wire, clock=clock)
    return Gate(settings, keys=keys, fetch=wire, clock=clock)


@pytest.fixture
def gate(wire: Wire, clock: Clock) -> Gate:
    return make_gate(wire, clock)


def visit(target: str = "/seats", method: str = "GET", **headers: str) -> Visit:
    sent = {**BROWSER, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return Visit(method, target.partition("?")[0], target, sent)


def answered(gate: Gate, asked: Visit) -> tuple[int, dict[str, str]]:
    decision = gate.decide(asked)
    assert isinstance(decision, Answer), decision
    headers = dict(decision.headers)
    assert headers["Cache-Control"] == "no-store"
    assert len(headers) == len(decision.headers)
    return decision.status, headers


def entered(gate: Gate, token: str, **headers: str) -> str:
    """The cookie that a hand-off became."""
    status, answer = answered(gate, visit(f"/seats?a=1&holdfast_token={token}", **headers))
    assert (status, answer["Location"]) == (302, f"{SHOP}/seats?a=1")
    return answer["Set-Cookie"].partition(";")[0]


ROOM = f"{SERVICE}/wait/{SALE}?t={quote(SHOP + '/seats', safe='')}"


def test_nobody_without_a_session_passes(gate: Gate) -> None:
    assert answered(gate, visit())[1]["Location"] == ROOM
    assert answered(gate, visit(cookie="holdfast_session_gala=x.y"))[0] == 302
    assert gate.decide(visit("/static/app.js")) == Admit(None)


def test_unsafe_request_is_turned_into_a_visit_of_the_landing_page(gate: Gate) -> None:
    status, headers = answered(gate, visit("/pay", "POST"))
    assert (status, headers["Location"]) == (
        303,
        f"{SERVICE}/wait/{SALE}?t={quote(SHOP + '/', safe='')}",
    )


def test_script_gets_a_header_instead_of_a_redirect(gate: Gate) -> None:
    asked = visit("/api/cart", sec_fetch_mode="cors", referer=f"{SHOP}/seats")
    decision = gate.decide(asked)
    assert isinstance(decision, Answer)
    headers = dict(decision.headers)
    assert (decision.status, headers["Holdfast-Redirect"]) == (401, ROOM)
    assert "Location" not in headers
    problem = json.loads(decision.body)
    assert (problem["code"], problem["redirect_to"]) == ("waiting_room", ROOM)


def test_handoff_becomes_a_cookie_and_the_cookie_a_session(gate: Gate, wire: Wire) -> None:
    cookie = entered(gate, wire.issuer.handoff())
    decision = gate.decide(visit(cookie=cookie))
    assert isinstance(decision, Admit)
    assert decision.session is not None
    assert (decision.session.subject, decision.session.visitor_pass) == ("buyer-one", None)
    assert decision.session.expires_at == NOW + SESSION_SECONDS


def test_session_ends_with_the_pass(gate: Gate, wire: Wire, clock: Clock) -> None:
    cookie = entered(gate, wire.issuer.handoff())
    clock.now += SESSION_SECONDS
    assert answered(gate, visit(cookie=cookie))[1]["Location"] == ROOM


def test_verified_handoff_lets_in_once(gate: Gate, wire: Wire) -> None:
    token = wire.issuer.handoff()
    entered(gate, token)
    assert answered(gate, visit(f"/seats?holdfast_token={token}"))[1].get("Set-Cookie") is None
    assert answered(gate, visit(f"/seats?holdfast_token={token}"))[1]["Location"] == ROOM


def test_visitor_who_is_inside_and_comes_again_is_only_cleaned(gate: Gate, wire: Wire) -> None:
    """The back button: the same hand-off, with the session it made."""
    token = wire.issuer.handoff()
    cookie = entered(gate, token)
    status, headers = answered(gate, visit(f"/seats?holdfast_token={token}", cookie=cookie))
    assert (status, headers["Location"]) == (302, f"{SHOP}/seats")
    assert "Set-Cookie" not in headers


def test_handoff_that_is_over_leads_to_the_room_again(gate: Gate, wire: Wire, clock: Clock) -> None:
    token = wire.issuer.handoff()
    clock.now += 120
    assert answered(gate, visit(f"/seats?holdfast_token={token}"))[1]["Location"] == ROOM


def test_forged_handoff_is_told_and_not_sent_round(gate: Gate, wire: Wire) -> None:
    for token in ("nonsense", wire.issuer.handoff("https://other.example")):
        assert answered(gate, visit(f"/seats?holdfast_token={token}"))[0] == 403


def test_handoff_of_another_sale_is_left_to_its_own_gate(gate: Gate) -> None:
    other = TokenIssuer(sale="other").handoff()
    assert answered(gate, visit(f"/seats?holdfast_token={other}"))[1]["Location"] == ROOM
    assert gate.decide(visit(f"/static/x?holdfast_token={other}")) == Admit(None)


def test_exchange_gives_the_shop_the_pass_and_its_end(wire: Wire, clock: Clock) -> None:
    gate = make_gate(wire, clock, Mode.EXCHANGE)
    token = wire.issuer.handoff()
    session = gate.session_of(visit(cookie=entered(gate, token)))
    assert session is not None
    assert (session.visitor_pass, session.expires_at) == ("the.visitors.pass", NOW + 1200)
    sent = wire.seen[-1]
    assert sent.url == f"{SERVICE}/v1/sales/{SALE}/pass/exchange"
    assert json.loads(sent.body) == {"token": token, "origin": SHOP}


def test_handoff_that_does_not_verify_never_reaches_the_service(wire: Wire, clock: Clock) -> None:
    gate = make_gate(wire, clock, Mode.EXCHANGE)
    for token in (
        "nonsense",
        TokenIssuer(OTHER_SECRET).handoff(),
        wire.issuer.handoff("https://o.example"),
    ):
        answered(gate, visit(f"/seats?holdfast_token={token}"))
    assert [request.method for request in wire.seen] == ["GET"]


@pytest.mark.parametrize(
    ("status", "expected"), [(410, 302), (409, 302), (404, 403), (400, 403), (503, 503), (429, 503)]
)
def test_refused_exchange(wire: Wire, clock: Clock, status: int, expected: int) -> None:
    wire.answer = lambda _: Response(status)
    gate = make_gate(wire, clock, Mode.EXCHANGE)
    told, headers = answered(gate, visit(f"/seats?holdfast_token={wire.issuer.handoff()}"))
    assert told == expected
    assert "Set-Cookie" not in headers


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"pass": 1, "pass_id": 2}'])
def test_answer_that_is_no_pass_makes_no_session(wire: Wire, clock: Clock, body: bytes) -> None:
    wire.answer = lambda _: Response(200, body)
    gate = make_gate(wire, clock, Mode.EXCHANGE)
    assert answered(gate, visit(f"/seats?holdfast_token={wire.issuer.handoff()}"))[0] == 503


def test_without_keys_a_closed_gate_says_try_again(wire: Wire, clock: Clock) -> None:
    wire.down = True
    gate = make_gate(wire, clock)
    status, headers = answered(gate, visit(f"/seats?holdfast_token={wire.issuer.handoff()}"))
    assert (status, headers["Retry-After"], headers["Refresh"]) == (503, "5", "5")
    assert answered(gate, visit())[1]["Location"] == ROOM


def test_without_keys_an_open_gate_lets_everybody_in(wire: Wire, clock: Clock) -> None:
    wire.down = True
    gate = make_gate(wire, clock, when_unavailable=WhenUnavailable.OPEN)
    assert gate.decide(visit(f"/seats?holdfast_token={wire.issuer.handoff()}")) == Admit(None)
    wait_until(lambda: gate.decide(visit()) == Admit(None))


def test_open_gate_is_shut_while_its_keys_are_fresh_and_again_when_they_are_back(
    wire: Wire, clock: Clock
) -> None:
    gate = make_gate(wire, clock, when_unavailable=WhenUnavailable.OPEN)
    cookie = entered(gate, wire.issuer.handoff())
    wire.down = True
    assert answered(gate, visit())[0] == 302
    clock.now += MAX_AGE_SECONDS
    wait_until(lambda: gate.decide(visit()) == Admit(None))
    assert isinstance(gate.decide(visit(cookie=cookie)), Admit)
    wire.down = False
    clock.now += MIN_INTERVAL_SECONDS
    wait_until(lambda: isinstance(gate.decide(visit()), Answer))


def test_exchange_in_an_outage_is_verified_offline_at_an_open_gate_only(
    wire: Wire, clock: Clock
) -> None:
    closed = make_gate(wire, clock, Mode.EXCHANGE)
    opened = make_gate(wire, clock, Mode.EXCHANGE, WhenUnavailable.OPEN)
    for gate in (closed, opened):
        entered(gate, wire.issuer.handoff(name="one"))
    wire.down = True
    token = wire.issuer.handoff(name="two")
    assert answered(closed, visit(f"/seats?holdfast_token={token}"))[0] == 503
    session = opened.session_of(visit(cookie=_cookie_of(opened, token)))
    assert session is not None
    assert (session.pass_id, session.visitor_pass) == ("pass-two", None)
    assert answered(opened, visit(f"/seats?holdfast_token={token}"))[1]["Location"] == ROOM


def _cookie_of(gate: Gate, token: str) -> str:
    return answered(gate, visit(f"/seats?holdfast_token={token}"))[1]["Set-Cookie"].partition(";")[
        0
    ]


def test_revoked_session_is_over_at_once_and_the_service_is_told_once(
    wire: Wire, clock: Clock
) -> None:
    gate = make_gate(wire, clock, Mode.EXCHANGE)
    shown = visit(cookie=entered(gate, wire.issuer.handoff()))
    session = gate.session_of(shown)
    wire.answer = lambda _: Response(204)
    for _ in range(3):
        assert "Max-Age=0" in gate.revoke(session)
    assert gate.session_of(shown) is None
    assert answered(gate, shown)[1]["Location"] == ROOM
    wait_until(lambda: wire.seen[-1].url.endswith("/pass/release"))
    assert wire.seen[-1].headers["Authorization"] == "Bearer the.visitors.pass"
    assert sum(request.url.endswith("/release") for request in wire.seen) == 1


def test_another_handoff_of_a_revoked_pass_opens_nothing(wire: Wire, clock: Clock) -> None:
    gate = make_gate(wire, clock)
    gate.revoke(gate.session_of(visit(cookie=entered(gate, wire.issuer.handoff()))))
    again = wire.issuer.handoff()
    assert answered(gate, visit(f"/seats?holdfast_token={again}"))[1]["Location"] == ROOM


def test_stale_keys_do_not_make_an_inside_visitor_wait(wire: Wire, clock: Clock) -> None:
    gate = make_gate(wire, clock)
    cookie = entered(gate, wire.issuer.handoff())
    wire.down = True
    clock.now += MAX_AGE_SECONDS
    assert not gate.may_block(visit(cookie=cookie))
    assert isinstance(gate.decide(visit(cookie=cookie)), Admit)
