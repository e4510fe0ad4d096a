import msgspec
import pytest
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict

from holdfast_web.errors import HoldfastError
from holdfast_web.request.idempotency import idempotency_key, request_digest


class Request(msgspec.Struct):
    seats: list[str] = []
    quantity: int = 1
    prices: dict[str, int] = {}


def _key(header: str) -> str:
    return idempotency_key(make_mocked_request("POST", "/", headers={"Idempotency-Key": header}))


def test_key_bare_and_quoted_name_the_same() -> None:
    assert _key("8e03978e-40d5") == _key('"8e03978e-40d5"') == "8e03978e-40d5"


@pytest.mark.parametrize("header", ["", " ", '""', "a b", "x" * 129, "caf\u00e9", 'a"b'])
def test_malformed_key_is_refused(header: str) -> None:
    with pytest.raises(HoldfastError) as caught:
        _key(header)
    assert caught.value.members == {"field": "Idempotency-Key"}


def test_missing_key_is_refused() -> None:
    with pytest.raises(HoldfastError) as caught:
        idempotency_key(make_mocked_request("POST", "/"))
    assert caught.value.members == {"field": "Idempotency-Key"}


def test_two_keys_are_refused() -> None:
    """Which of them would the next repeat be under?"""
    headers = CIMultiDict([("Idempotency-Key", "one"), ("Idempotency-Key", "two")])
    with pytest.raises(HoldfastError) as caught:
        idempotency_key(make_mocked_request("POST", "/", headers=headers))
    assert caught.value.members == {"field": "Idempotency-Key"}


def test_digest_ignores_how_the_request_was_written() -> None:
    spelt_out = msgspec.json.decode(
        b'{ "quantity": 1, "prices": {"b": 1, "a": 2}, "seats": ["A-1"] }', type=Request
    )
    brief = msgspec.json.decode(b'{"seats":["A-1"],"prices":{"a":2,"b":1}}', type=Request)
    assert request_digest(spelt_out) == request_digest(brief)


def test_digest_tells_different_requests_apart() -> None:
    requests = [Request(), Request(["A-1"]), Request(["A-1", "A-2"]), Request(quantity=2)]
    assert len({request_digest(request) for request in requests}) == len(requests)
