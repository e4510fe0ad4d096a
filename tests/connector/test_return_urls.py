"""Return URLs and redirects: whatever a request says, they lead to the shop's own origin.

The corpus is of addresses that parsers and browsers read differently.
"""

from urllib.parse import urlsplit

import pytest

from holdfast_connector import Visit, is_on, origin_of, parse_origin
from holdfast_connector.origins import MAX_URL_CHARS
from holdfast_queue.http.return_urls import check_return_url
from holdfast_web.errors import ErrorCode, HoldfastError

SHOP = "https://shop.example"
OWN = "https://wait.example"
BROWSER = {"sec-fetch-mode": "navigate"}
SCRIPT = {"sec-fetch-mode": "cors"}

HOSTILE = [
    "/\\evil.example",
    "//evil.example",
    "///evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "https:evil.example",
    "https:/evil.example",
    "https:///evil.example",
    "https:\\\\evil.example",
    "https://shop.example\\@evil.example",
    "https://shop.example@evil.example",
    "https://shop.example:pw@evil.example",
    "https://evil.example\\.shop.example",
    "https://evil.example#@shop.example",
    "https://evil.example?@shop.example",
    "https://shop.example.evil.example",
    "https://evil.example/shop.example",
    "https://shop.example:443@evil.example/",
    "https://shop.example%00.evil.example",
    "https://shop.example%2eevil.example",
    "https://shop.example%5c.evil.example",
    "https://shop.example\x00.evil.example",
    "https://shop.example\t.evil.example",
    "https://shop.example\x7f",
    "https://evil.example\n//shop.example",
    "https://evil.example\r\nSet-Cookie: a=b",
    " https://shop.example",
    "https://shop.example ",
    "ht\ntps://shop.example",
    "\x01https://shop.example",
    "https://shop.example:8443",
    "http://shop.example",
    "https://shop.example:99999",
    "https://shop.example:x",
    "https://shop.example.",
    "https://-shop.example",
    "https://shop\u3002example",
    "https://\u0455hop.example",
    "https://shop.example\u2028",
    "https://[::1",
    "https://[::ffff:127.0.0.1]",
    "//shop.example",
    "javascript:alert(1)//https://shop.example",
    "javascript://shop.example/%0aalert(1)",
    "data:text/html,https://shop.example",
    "blob:https://shop.example/x",
    "file://shop.example/x",
    "",
    "/",
    "?",
    "null",
    "shop.example",
    f"{SHOP}/{'x' * MAX_URL_CHARS}",
]
HEADER_BREAKERS = set("\r\n\t\\ \x00\x7f")


@pytest.mark.parametrize("url", HOSTILE)
def test_hostile_url_is_on_no_origin(url: str) -> None:
    assert not is_on(url, (SHOP,))
    with pytest.raises(HoldfastError) as caught:
        check_return_url(url, {SHOP}, OWN)
    assert caught.value.code is ErrorCode.INVALID_RETURN_URL


@pytest.mark.parametrize(
    "url", [SHOP, f"{SHOP}/", f"{SHOP}/a?b=c#d", f"{SHOP}:443/x", "HTTPS://SHOP.example/x",
            f"{SHOP}/?next=https://evil.example"]
)  # fmt: skip
def test_url_of_the_shop_is_on_its_origin(url: str) -> None:
    assert is_on(url, (SHOP,))
    assert origin_of(url) == SHOP
    assert check_return_url(url, {SHOP}, OWN) == url
    assert check_return_url(url, (), SHOP) == url


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("https://shop.example/", "https://shop.example"),
        ("HTTPS://Shop.Example:443", "https://shop.example"),
        ("http://shop.example:80", "http://shop.example"),
        ("http://localhost:8081", "http://localhost:8081"),
        ("https://[::1]:8443", "https://[::1]:8443"),
    ],
)
def test_origin_is_normalised(text: str, origin: str) -> None:
    assert parse_origin(text) == origin


@pytest.mark.parametrize(
    "text",
    [
        "*",
        "",
        "null",
        "shop.example",
        "ftp://shop.example",
        "https://*.example",
        f"{SHOP}/path",
        f"{SHOP}?",
        f"{SHOP}#",
    ],
)
def test_anything_but_an_origin_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        parse_origin(text)


def leads_home(url: str) -> bool:
    """Whether every parser agrees: nothing to trip over, and the shop's host at the front."""
    return (
        is_on(url, (SHOP,))
        and url.startswith(f"{SHOP}/")
        and not HEADER_BREAKERS & set(url)
        and urlsplit(url).netloc == "shop.example"
    )


@pytest.mark.parametrize("headers", [BROWSER, SCRIPT], ids=["browser", "script"])
@pytest.mark.parametrize("hostile", HOSTILE)
def test_request_never_leads_away_from_the_shop(hostile: str, headers: dict[str, str]) -> None:
    """The hostile text as target, as path, and as the page that a script says it is on."""
    for target in (hostile, f"/{hostile}", f"/a?next={hostile}"):
        visit = Visit("GET", target, target, {**headers, "referer": hostile})
        assert leads_home(visit.return_url(SHOP, "/landing")), target
        if len(target) < MAX_URL_CHARS - len(SHOP):
            assert leads_home(visit.clean_url(SHOP)), target


@pytest.mark.parametrize(
    ("target", "clean"),
    [
        ("/seats?holdfast_token=x", "/seats"),
        ("/seats?a=1&holdfast_token=x&b=%20+", "/seats?a=1&b=%20+"),
        ("/seats?holdfast_token=x&holdfast_token=y&", "/seats"),
        ("/seats?holdfast%5Ftoken=x&a", "/seats?a"),
        ("/caf%C3%A9?q=%26&r=a=b", "/caf%C3%A9?q=%26&r=a=b"),
        ("/?", "/"),
    ],
)
def test_handoff_is_stripped_and_the_rest_stays(target: str, clean: str) -> None:
    assert Visit("GET", "/", target, BROWSER).clean_url(SHOP) == SHOP + clean


def test_handoff_is_read_from_safe_requests_only() -> None:
    for method, token in (("GET", "tok.en"), ("HEAD", "tok.en"), ("POST", None)):
        assert Visit(method, "/", "/?holdfast_token=tok%2Een", {}).handoff == token
    assert Visit("GET", "/", "/?other=1", {}).handoff is None
    long = Visit("GET", "/", f"/?holdfast_token={'x' * 9_000}", {}).handoff
    assert long is not None
    assert len(long) < 3_000


def test_script_comes_back_to_its_page_and_a_form_to_the_landing_page() -> None:
    page = f"{SHOP}/seats?zone=a"
    script = Visit("GET", "/api", "/api", {**SCRIPT, "referer": page})
    assert script.return_url(SHOP, "/landing") == page
    form = Visit("POST", "/pay", "/pay", BROWSER)
    assert form.return_url(SHOP, "/landing") == f"{SHOP}/landing"


def test_return_url_that_is_too_long_loses_its_query_first() -> None:
    visit = Visit("GET", "/seats", f"/seats?q={'x' * 3_000}", BROWSER)
    assert visit.return_url(SHOP, "/landing") == f"{SHOP}/seats"


@pytest.mark.parametrize(
    ("headers", "navigates"),
    [
        ({}, True),
        ({"accept": "text/html,application/json"}, True),
        ({"accept": "application/json"}, False),
        ({"accept": "application/problem+json"}, False),
        ({"x-requested-with": "XMLHttpRequest"}, False),
        ({"sec-fetch-mode": "navigate", "accept": "application/json"}, True),
        ({"sec-fetch-mode": "cors", "accept": "text/html"}, False),
        ({"sec-fetch-mode": "no-cors"}, False),
        ({"sec-fetch-mode": "same-origin"}, False),
    ],
)
def test_scripts_are_told_from_navigations(headers: dict[str, str], navigates: bool) -> None:
    assert Visit("GET", "/", "/", headers).is_navigation is navigates
