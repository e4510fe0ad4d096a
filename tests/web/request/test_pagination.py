import base64

import pytest
from aiohttp.test_utils import make_mocked_request
from hypothesis import given
from hypothesis import strategies as st

from holdfast_web.errors import HoldfastError
from holdfast_web.request.pagination import (
    MAX_LIMIT,
    decode_cursor,
    encode_cursor,
    page,
    page_query,
)

TEXT = st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=40)


@given(TEXT, st.integers(min_value=0, max_value=2**63 - 1))
def test_cursor_survives_the_round_trip(name: str, number: int) -> None:
    assert decode_cursor(encode_cursor(name, number), str, int) == (name, number)


@given(st.text(max_size=60))
def test_foreign_cursor_is_refused_not_a_fault(text: str) -> None:
    with pytest.raises(HoldfastError) as caught:
        decode_cursor(text, str, int)
    assert caught.value.members == {"field": "cursor"}


@pytest.mark.parametrize(
    "cursor",
    [encode_cursor("a"), encode_cursor(1, "a"), encode_cursor("a", 1, 2), "!!!", "é", "x" * 600,
     encode_cursor("a\0", 1), encode_cursor("a", 2**63), encode_cursor("a", -1),
     base64.urlsafe_b64encode(b'["a",' + b"9" * 300 + b"]").decode(),
     base64.urlsafe_b64encode(b'["a",true]').decode(), base64.urlsafe_b64encode(b"{}").decode()],
)  # fmt: skip
def test_cursor_of_another_list_is_refused(cursor: str) -> None:
    with pytest.raises(HoldfastError):
        decode_cursor(cursor, str, int)


def test_query_defaults_to_the_first_page() -> None:
    query = page_query(make_mocked_request("GET", "/"), str)
    assert (query.limit, query.after) == (50, ())


def test_query_takes_limit_and_cursor() -> None:
    request = make_mocked_request("GET", f"/?limit=7&cursor={encode_cursor('b')}")
    query = page_query(request, str)
    assert (query.limit, query.after) == (7, ("b",))


@pytest.mark.parametrize("limit", ["0", "-1", "1.5", "x", "", str(MAX_LIMIT + 1), "9" * 5000, "٣"])
def test_limit_out_of_range_is_refused(limit: str) -> None:
    with pytest.raises(HoldfastError) as caught:
        page_query(make_mocked_request("GET", f"/?limit={limit}"), str)
    assert caught.value.members == {"field": "limit"}


@pytest.mark.parametrize("query", ["limit=1&limit=2", "cursor=a&cursor=a"])
def test_parameter_given_twice_is_refused(query: str) -> None:
    with pytest.raises(HoldfastError) as caught:
        page_query(make_mocked_request("GET", f"/?{query}"), str)
    assert caught.value.members == {"field": query.partition("=")[0]}


def test_page_says_where_to_go_on() -> None:
    assert page([1], None) == {"items": [1], "next": None}
    following = page([1], ("b",))["next"]
    assert isinstance(following, str)
    assert decode_cursor(following, str) == ("b",)
