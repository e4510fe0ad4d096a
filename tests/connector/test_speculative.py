"""Looking ahead spends no hand-off: HEAD requests, prefetches and previews."""

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

from holdfast_connector import Answer, Gate, Mode, PublishedKeys, Settings, Visit

NAVIGATES = {"sec-fetch-mode": "navigate"}
LOOKS_AHEAD = [
    ("HEAD", {}, 302),
    ("GET", {"sec-purpose": "prefetch"}, 503),
    ("GET", {"sec-purpose": "Prefetch;prerender"}, 503),
    ("GET", {"purpose": "prefetch"}, 503),
    ("GET", {"x-purpose": "preview"}, 503),
    ("GET", {"x-moz": "prefetch"}, 503),
    ("HEAD", {"sec-purpose": "prefetch"}, 503),
]


@pytest.mark.parametrize("mode", [Mode.VERIFY, Mode.EXCHANGE])
@pytest.mark.parametrize(("method", "headers", "status"), LOOKS_AHEAD)
def test_a_look_ahead_spends_no_handoff(
    mode: Mode, method: str, headers: dict[str, str], status: int
) -> None:
    """Given a hand-off that somebody looked ahead with, the visitor still enters with it."""
    clock, wire = Clock(), Wire(TokenIssuer())
    gate = Gate(
        Settings(
            service_url=SERVICE,
            shop_url=SHOP,
            sale=SALE,
            cookie_secrets=(COOKIE_SECRET,),
            mode=mode,
        ),
        keys=PublishedKeys(SERVICE, fetch=wire, clock=clock),
        fetch=wire,
        clock=clock,
    )
    target = f"/seats?holdfast_token={wire.issuer.handoff()}"
    ahead = gate.decide(Visit(method, "/seats", target, {**NAVIGATES, **headers}))
    assert isinstance(ahead, Answer)
    assert ahead.status == status
    assert "Set-Cookie" not in dict(ahead.headers)
    assert wire.seen == []
    assert not gate.may_block(Visit(method, "/seats", target, {**NAVIGATES, **headers}))
    if mode is Mode.VERIFY:
        came = gate.decide(Visit("GET", "/seats", target, NAVIGATES))
        assert isinstance(came, Answer)
        assert came.status == 302
        assert "Set-Cookie" in dict(came.headers)


@pytest.mark.parametrize(
    ("accept", "navigates"),
    [
        ("text/html, application/json;q=0.5", True),
        ("text/html;q=0, application/json", False),
        ("text/html; q=0.000, application/json", False),
        ("text/html;q=0.1, application/json", True),
        ("Text/HTML, application/json", True),
        ("*/*", True),
    ],
)
def test_a_page_is_for_who_takes_html(accept: str, navigates: bool) -> None:
    assert Visit("GET", "/seats", "/seats", {"accept": accept}).is_navigation is navigates
