"""Origins: exact comparison, and a corpus of URLs that parsers and browsers read differently."""

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from holdfast_web.errors import ErrorCode, HoldfastError
from holdfast_web.origins import (
    PUBLIC_ORIGIN,
    check_return_url,
    origin_of,
    parse_origin,
    require_same_origin,
)

SHOP = "https://shop.example"
OWN = "https://wait.example"


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("https://shop.example", "https://shop.example"),
        ("https://shop.example/", "https://shop.example"),
        ("HTTPS://Shop.Example:443", "https://shop.example"),
        ("http://shop.example:80", "http://shop.example"),
        ("http://localhost:8081", "http://localhost:8081"),
        ("http://127.0.0.1:8081", "http://127.0.0.1:8081"),
        ("https://[::1]:8443", "https://[::1]:8443"),
    ],
)
def test_origin_is_normalised(text: str, origin: str) -> None:
    assert parse_origin(text) == origin


@pytest.mark.parametrize(
    "text",
    ["", "*", "shop.example", "https://", "https://shop.example/path", "https://shop.example?",
     "https://shop.example#", "ftp://shop.example", "https://*.example", "null"],
)  # fmt: skip
def test_anything_but_an_origin_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        parse_origin(text)


@pytest.mark.parametrize(
    "url",
    [f"{SHOP}/cart?a=b#c", f"{SHOP}", f"{SHOP}:443/x", "HTTPS://SHOP.example/x", f"{OWN}/done",
     f"{SHOP}/?next=https://evil.example"],
)  # fmt: skip
def test_return_url_on_an_allowed_origin_is_taken(url: str) -> None:
    assert check_return_url(url, {SHOP}, OWN) == url


HOSTILE = [
    "/\\evil.example",
    "//evil.example",
    "///evil.example",
    "\\\\evil.example",
    "https:evil.example",
    "https:/evil.example",
    "https:///evil.example",
    "https:\\\\evil.example",
    "https://shop.example\\@evil.example",
    "https://shop.example@evil.example",
    "https://evil.example\\.shop.example",
    "https://shop.example.evil.example",
    "https://evil.example/shop.example",
    "https://shop.example:443@evil.example/",
    "https://shop.example%00.evil.example",
    "https://shop.example%2eevil.example",
    "https://shop.example\x00.evil.example",
    "https://shop.example\t.evil.example",
    "https://evil.example\n//shop.example",
    " https://shop.example",
    "https://shop.example ",
    "ht\ntps://shop.example",
    "https://shop.example:8443",
    "http://shop.example",
    "https://shop.example:99999",
    "https://shop.example:x",
    "https://shop\u3002example",
    "https://\u0455hop.example",
    "https://[::1",
    "javascript:alert(1)//https://shop.example",
    "data:text/html,https://shop.example",
    "blob:https://shop.example/x",
    "",
    "/",
    "shop.example",
    f"{SHOP}/{'x' * 3000}",
]


@pytest.mark.parametrize("url", HOSTILE)
def test_hostile_return_url_is_refused(url: str) -> None:
    with pytest.raises(HoldfastError) as caught:
        check_return_url(url, {SHOP}, OWN)
    assert caught.value.code is ErrorCode.INVALID_RETURN_URL


def test_origin_of_a_url_drops_everything_after_the_port() -> None:
    assert origin_of("http://localhost:8081/a/b?c#d") == "http://localhost:8081"


def _request(method: str, **headers: str) -> web.Request:
    app = web.Application()
    app[PUBLIC_ORIGIN] = OWN
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return make_mocked_request(method, "/", headers=named, app=app)


@pytest.mark.parametrize(
    "headers",
    [{}, {"Sec_Fetch_Site": "same-origin"}, {"Origin": OWN},
     # The browser knows what it talked to, even where we do not know all our names.
     {"Sec_Fetch_Site": "same-origin", "Origin": "http://127.0.0.1:8080"}],
)  # fmt: skip
def test_same_origin_request_is_taken(headers: dict[str, str]) -> None:
    require_same_origin(_request("POST", **headers))


@pytest.mark.parametrize(
    "headers",
    [{"Sec_Fetch_Site": "cross-site"}, {"Sec_Fetch_Site": "same-site"}, {"Sec_Fetch_Site": "none"},
     {"Origin": SHOP}, {"Origin": "null"}, {"Origin": ""},
     {"Sec_Fetch_Site": "cross-site", "Origin": OWN}],
)  # fmt: skip
def test_cross_origin_request_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(HoldfastError) as caught:
        require_same_origin(_request("POST", **headers))
    assert caught.value.code is ErrorCode.CROSS_ORIGIN


def test_typed_address_may_set_a_cookie_by_get_only() -> None:
    require_same_origin(_request("GET", Sec_Fetch_Site="none"))
