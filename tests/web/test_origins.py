import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from holdfast_web.errors import ErrorCode, HoldfastError
from holdfast_web.origins import PUBLIC_ORIGIN, require_same_origin

SHOP = "https://shop.example"
OWN = "https://wait.example"


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
