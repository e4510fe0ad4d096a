"""What a shared copy must not hide: a new key from those who look for it, and one reader's form of
the map behind another's.
"""

from __future__ import annotations

from http import HTTPStatus

import pytest
from support.api_client import Api, create

AREAS = [
    {"id": "floor", "name": "Floor", "capacity": 10, "category": "GA"},
    {"id": "fans", "name": "Fans", "capacity": 5, "category": "GA", "channel": "fanclub"},
]


@pytest.mark.parametrize(
    ("asked", "free"),
    [
        (["?channel=fanclub", "", "?channel=fanclub"], [5, 0, 5]),
        (["", "?channel=fanclub", ""], [0, 5, 0]),
    ],
)
async def test_map_that_one_channel_sees_is_not_shown_to_others(
    operator: Api, visitor: Api, name: str, asked: list[str], free: list[int]
) -> None:
    await create(operator, name, areas=AREAS, prices={"GA": 100})
    answers = [await visitor.get(f"/v1/sales/{name}/seats{query}") for query in asked]
    assert [answer.body["areas"]["fans"]["free"] for answer in answers] == free


async def test_map_with_names_is_not_shown_to_who_asks_without(
    operator: Api, visitor: Api, name: str
) -> None:
    await create(operator, name)
    path = f"/v1/sales/{name}/seats"
    answers = [await visitor.get(path + one) for one in ["", "?seats=guids", ""]]
    plain, named, again = [set(answer.body) for answer in answers]
    assert plain == again < named


@pytest.mark.parametrize(("asked", "misspelt"), [("channel", "CHANNEL"), ("seats", "SEATS")])
async def test_misspelt_query_is_refused_before_and_after_the_map_is_kept(
    operator: Api, visitor: Api, name: str, asked: str, misspelt: str
) -> None:
    """nginx takes arguments of either case for the same, and the service does not."""
    await create(operator, name, areas=AREAS, prices={"GA": 100})
    value = {"channel": "fanclub", "seats": "guids"}[asked]
    path = f"/v1/sales/{name}/seats"
    queries = [f"?{one}={value}" for one in (misspelt, asked, misspelt, asked)]
    answers = [await visitor.get(path + query) for query in queries]
    assert [answer.status for answer in answers] == [400, 200, 400, 200]
    assert [answer.body["field"] for answer in answers[::2]] == [misspelt] * 2
    plain = await visitor.get(path)
    assert answers[1].body == answers[3].body != plain.body


async def test_keys_are_asked_of_the_service_each_time(visitor: Api) -> None:
    answers = [await visitor.get("/.well-known/jwks.json") for _ in range(2)]
    assert [answer.status for answer in answers] == [HTTPStatus.OK] * 2
    assert all("X-Cache" not in answer.headers for answer in answers)
    # and nobody else's cache before the service keeps them either
    assert {answer.headers["Cache-Control"] for answer in answers} == {"no-cache"}
