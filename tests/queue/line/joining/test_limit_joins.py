"""Joins per client address: GCRA against vectors and a reference, and what a room makes of it."""

from itertools import pairwise

import pytest
from aiohttp import web
from conftest import Clock
from support.http.refusals import refusal_of
from support.line.harness import Line
from support.line.http_visitor import Client, ClientFactory, RoomFactory

from holdfast_lua import Executor
from holdfast_lua.calls import keys
from holdfast_lua.calls.codes import Code
from holdfast_lua.calls.line_status import AddressJoins
from holdfast_queue.line.room import Room
from holdfast_web.errors import ErrorCode
from holdfast_web.metrics import METRICS
from holdfast_web.request.client_address import TRUSTED_PROXIES

# One request every 100 ms, 3 at once. TAT before, now -> limited, remaining, retry, reset, TAT.
VECTORS = [
    ((0, 1000), (0, 2, -1, 100, 1100)),
    ((1100, 1000), (0, 1, -1, 200, 1200)),
    ((1200, 1000), (0, 0, -1, 300, 1300)),
    ((1300, 1000), (1, 0, 100, 300, 1300)),
    ((1300, 1099), (1, 0, 1, 201, 1300)),
    ((1300, 1100), (0, 0, -1, 300, 1400)),
    ((1300, 1299), (0, 1, -1, 101, 1400)),
    ((1300, 5000), (0, 2, -1, 100, 5100)),
]


async def gcra(executor: Executor, tat: float, now: float, every: float, burst: int) -> list[float]:
    raw = await executor.run("run_gcra", (), (tat, now, every, burst))
    return [float(value) for value in raw]


@pytest.mark.parametrize(("asked", "wanted"), VECTORS)
async def test_gcra_answers_as_it_is_defined(
    executor: Executor, asked: tuple[int, int], wanted: tuple[int, ...]
) -> None:
    assert await gcra(executor, *asked, 100, 3) == list(wanted)


async def test_gcra_lets_through_what_a_bucket_of_tokens_would(executor: Executor) -> None:
    """The same limit, written as tokens that come back one every 70 ms, five at most."""
    tokens, tat, before, passed = 5.0, 0.0, 1_000_000, 0
    for step in range(300):
        now = before + (step * 37) % 90
        tokens = min(5.0, tokens + (now - before) / 70)
        limited, *_, tat = await gcra(executor, tat, now, 70, 5)
        assert bool(limited) == (tokens < 1 - 1e-9), (step, tokens)
        if not limited:
            tokens, passed = tokens - 1, passed + 1
        before = now
    assert 100 < passed < 300


async def test_address_is_limited_and_told_when_to_come(line: Line) -> None:
    answers = [await line.calls.limit_joins(line.ref, "one", 60, 3, "one") for _ in range(4)]
    assert [answer.code for answer in answers] == [Code.OK] * 3 + [Code.JOIN_LIMITED]
    assert answers[3].ms == 1000
    assert (await line.calls.limit_joins(line.ref, "two", 60, 3, "two")).code is Code.OK
    await line.advance_ms(answers[3].ms)
    assert (await line.calls.limit_joins(line.ref, "one", 60, 3, "one")).code is Code.OK


async def test_address_is_forgotten_when_it_is_as_good_as_unknown(line: Line) -> None:
    await line.calls.limit_joins(line.ref, "one", 1, 3, "one")
    left_ms = await line.executor.command("PTTL", keys.address(line.ref.uid, "one"))
    assert 0 < left_ms <= 60_000


async def test_limit_changes_nothing_in_the_sale(line: Line) -> None:
    before = await line.revision()
    await line.calls.limit_joins(line.ref, "one", 60, 1, "one")
    await line.calls.limit_joins(line.ref, "one", 60, 1, "one")
    assert await line.revision() == before


async def test_address_that_joins_unusually_often_is_noted_with_all_its_joins(line: Line) -> None:
    async def join(client: str, times: int) -> None:
        for _ in range(times):
            await line.calls.limit_joins(line.ref, client, 60, 10, client)

    await join("once", 1)
    await join("half", 5)
    await join("often", 8)
    await join("refused", 13)
    noted = await line.calls.read_addresses(line.ref, 10)
    assert noted == [AddressJoins("refused", 10, 3), AddressJoins("often", 8, 0)]
    assert await line.calls.read_addresses(line.ref, 1) == noted[:1]
    await line.advance_ms(60_000)
    await join("often", 8)
    assert (await line.calls.read_addresses(line.ref, 1)) == [AddressJoins("often", 11, 0)]


async def test_noted_addresses_are_bounded_and_end(line: Line) -> None:
    often, refused = keys.often_joining(line.ref.uid), keys.refused_joins(line.ref.uid)
    many = [part for n in range(500) for part in (str(n + 2), f"address-{n}")]
    await line.executor.command("ZADD", often, *many)
    for _ in range(5):
        await line.calls.limit_joins(line.ref, "new", 60, 4, "new")
    noted = await line.calls.read_addresses(line.ref, 500)
    assert (len(noted), noted[-1].joins) == (500, 3)
    assert AddressJoins("new", 4, 1) in noted
    for key in (often, refused):
        assert 0 < await line.executor.command("PTTL", key) <= 24 * 3_600_000


async def test_room_limits_places_and_not_visitors_who_have_one(make_room: RoomFactory) -> None:
    room = await make_room(address_joins_per_minute=60, address_joins_burst=2)
    entries = [await room.join(address="192.0.2.1") for _ in range(2)]
    refused = await refusal_of(room.join(address="192.0.2.1"))
    assert (refused.code, refused.retry_after) == (ErrorCode.JOIN_LIMITED, 1)
    again = await room.join(entries[0].token, address="192.0.2.1")
    assert again.again
    assert (await room.join(address="192.0.2.2")).ticket.number == 3


async def test_nobody_is_limited_by_default(room: Room) -> None:
    numbers = [(await room.join(address="192.0.2.1")).ticket.number or 0 for _ in range(40)]
    assert all(late == early + 1 for early, late in pairwise(numbers))


PROXIED = "8.8.4.4"
"""a public address"""


def app_of(client: Client) -> web.Application:
    assert client.app is not None
    return client.app


async def joined(client: Client, room: Room, times: int, **headers: str) -> list[int]:
    """What so many joins of one address are answered."""
    path = f"/v1/sales/{room.name}/tickets"
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    statuses = []
    for _ in range(times):
        client.session.cookie_jar.clear()
        statuses.append((await client.post(path, headers=named)).status)
    return statuses


async def test_public_address_is_limited_unless_the_sale_says_otherwise(
    make_room: RoomFactory, serve: ClientFactory, clock: Clock
) -> None:
    """A school of three hundred joins within a minute; who asks for thousands has as many."""
    await clock.stand_still()
    room = await make_room()
    client = await serve(room)
    assert await joined(client, room, 305, X_Forwarded_For=PROXIED) == [201] * 300 + [429] * 5
    assert app_of(client)[METRICS].joins.labels(room.name, "limited").value == 5
    await clock.advance_ms(1000)
    assert await joined(client, room, 2, X_Forwarded_For=PROXIED) == [201, 429]
    free = await make_room(address_joins_per_minute=0)
    client = await serve(free)
    assert await joined(client, free, 305, X_Forwarded_For=PROXIED) == [201] * 305


async def test_address_that_is_no_visitors_is_limited_by_the_sale_alone(
    make_room: RoomFactory, serve: ClientFactory, caplog: pytest.LogCaptureFixture
) -> None:
    """Given a proxy on this host that nobody has named, it is told of and does not strangle all."""
    room = await make_room()
    client = await serve(room)
    app_of(client)[TRUSTED_PROXIES]._networks = ()
    assert await joined(client, room, 305, X_Forwarded_For=PROXIED) == [201] * 305
    assert [record.message.partition(" and is")[0] for record in caplog.records] == [
        f"sale {room.name}: joins are not limited by address, since 127.0.0.1 sends X-Forwarded-For"
    ]
    strict = await make_room(address_joins_per_minute=60, address_joins_burst=2)
    client = await serve(strict)
    assert await joined(client, strict, 3) == [201, 201, 429]
