import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from hashlib import sha1

import pytest
from conftest import Clock
from support.line.harness import HOUR_MS, Ceilings, Line, LineFactory, Seals, drawn_line, join_batch
from support.line.http_visitor import RoomFactory, tick

from holdfast_ledger import DrawRecord
from holdfast_lua import Bundle, Executor, SaleRef, StoreBehind
from holdfast_lua.calls import keys
from holdfast_lua.calls.codes import Code
from holdfast_lua.calls.line_status import DrawState
from holdfast_queue.draw.commitment import Sealed, commit, fold_nonces
from holdfast_queue.line.results import JoinResult, VisitorState
from holdfast_queue.line.room import Room
from holdfast_queue.line.room_services import make_room_services
from holdfast_queue.line.settings import QueueingMethod
from holdfast_queue.tokens.tickets import Ticket
from holdfast_web.errors import HoldfastError
from holdfast_web.keyring import Keyring

MakeLobby = Callable[..., Awaitable[Room]]


@pytest.fixture
def make_lobby(make_room: RoomFactory, clock: Clock) -> MakeLobby:
    """A room in its pre-queue, an hour before the start."""

    async def make(opens_in_ms: int = HOUR_MS, **more: object) -> Room:
        opens_ms = await clock.now_ms() + opens_in_ms
        method = QueueingMethod.RANDOM
        return await make_room(
            queueing_method=method, prequeue_start_ms=1, event_start_ms=opens_ms, **more
        )

    return make


async def settle(room: Room, clock: Clock) -> None:
    """Lets the sealing under way end, and the room see it."""
    await room.lobby.settled()
    await tick(room, clock)


def place(ticket: Ticket) -> int:
    return -1 if ticket.lobby_index is None else ticket.lobby_index


async def test_nobody_moves_and_nothing_is_revealed_before_the_seal(
    make_lobby: MakeLobby, seals: Seals, clock: Clock
) -> None:
    # Given a lobby of five that opens while the ledger is down
    room = await make_lobby()
    entries = [await room.join(nonce=str(n)) for n in range(5)]
    seals.down = True
    await clock.advance_ms(HOUR_MS)
    late = await room.join()
    await settle(room, clock)
    await settle(room, clock)
    # Then the line stands, and the secret is kept
    line = room.document.line
    facts = room.lobby.facts(line)
    assert facts is not None
    assert (facts.secret, facts.accumulator, facts.entrants) == (None, None, 5)
    assert (line.serving, line.draw, late.ticket.number) == (0, DrawState.TO_COME, 6)
    assert {room.number_of(entry.ticket) for entry in entries} == {None}
    assert room.view(entries[0].ticket).state is VisitorState.LOBBY
    # When the ledger is back
    seals.down = False
    await settle(room, clock)
    await settle(room, clock)
    # Then all have numbers, and the line moves
    numbers = [room.number_of(entry.ticket) for entry in entries]
    assert sorted(numbers, key=str) == [1, 2, 3, 4, 5]
    facts = room.lobby.facts(room.document.line)
    assert facts is not None
    assert facts.secret is not None
    assert commit(bytes.fromhex(facts.secret)) == facts.commitment
    assert room.document.line.serving > 0


@pytest.mark.parametrize("nonce", ["", None])
async def test_empty_nonce_counts_as_none(
    make_lobby: MakeLobby, clock: Clock, nonce: str | None
) -> None:
    """Catches an empty batch digest, which everybody could compute beforehand."""
    room = await make_lobby()
    assert room.lobby.draw is not None
    await room.join(nonce=nonce)
    await tick(room, clock)
    text = f"{room.lobby.draw.start}:0:1:{fold_nonces([''])}"
    empty = sha1(text.encode(), usedforsecurity=False).hexdigest()
    assert room.document.line.accumulator not in {room.lobby.draw.start, empty}


async def test_store_that_went_back_behind_the_seal_is_rebuilt(
    make_lobby: MakeLobby, seals: Seals, clock: Clock
) -> None:
    """Catches two orders for one draw: the ledger's, that people have seen, and the store's."""
    room = await make_lobby()
    await room.join()
    seals.sealed[room.uid] = DrawRecord(room.uid, 7, "ab" * 20, None, sealed_ms=0)
    await clock.advance_ms(HOUR_MS)
    await room.tick()
    await room.lobby.settled()
    with pytest.raises(StoreBehind):
        await room.tick()
    assert room.document.line.draw is DrawState.TO_COME


async def test_seal_is_idempotent_and_exact(make_line: LineFactory) -> None:
    line = await drawn_line(make_line)
    await join_batch(line, ["a", "b"])
    accumulator = (await line.step()).accumulator
    seal = line.calls.seal_draw
    assert await seal(line.ref, 2, accumulator, None) is Code.DRAW_MISMATCH, "the lobby is open"
    await line.advance_ms(HOUR_MS)
    assert (await line.step()).frozen
    for entrants, chain in ((1, accumulator), (2, "00" * 20)):
        assert await seal(line.ref, entrants, chain, None) is Code.DRAW_MISMATCH
    revision = await line.revision()
    assert (await line.step()).serving == 0
    assert await seal(line.ref, 2, accumulator, "beacon") is Code.OK
    assert await seal(line.ref, 2, accumulator, "another") is Code.UNCHANGED
    status = await line.step()
    assert (status.draw, status.beacon) == (DrawState.SEALED, "beacon")
    assert await line.revision() > revision


async def test_seal_survives_a_script_flush(line: Line, executor: Executor) -> None:
    await executor.command("SCRIPT", "FLUSH")
    assert await line.calls.seal_draw(line.ref, 0, "", None) is Code.DRAW_MISMATCH


async def test_empty_lobby_waits_for_no_beacon(make_lobby: MakeLobby, clock: Clock) -> None:
    room = await make_lobby(beacon_source="the lottery")
    await clock.advance_ms(HOUR_MS)
    await room.tick()
    await settle(room, clock)
    entry = await room.join()
    assert (entry.ticket.number, entry.state) == (1, VisitorState.ADMITTED)


async def test_beacon_is_taken_once_and_only_after_the_freeze(
    make_lobby: MakeLobby, clock: Clock
) -> None:
    room = await make_lobby(beacon_source="the lottery")
    entry = await room.join()
    with pytest.raises(HoldfastError, match="lobby is closed"):
        await room.give_beacon("42")
    await clock.advance_ms(HOUR_MS)
    await room.tick()
    await settle(room, clock)
    assert room.number_of(entry.ticket) is None
    await room.give_beacon("42")
    await room.give_beacon("42")
    with pytest.raises(HoldfastError):
        await room.give_beacon("43")
    facts = room.lobby.facts(room.document.line)
    assert facts is not None
    assert (facts.beacon, facts.entrants) == ("42", 1)


@pytest.fixture
async def second_worker(
    store_url: str, test_bundle: Bundle, keyring: Keyring, ceilings: Ceilings, seals: Seals
) -> AsyncIterator[Callable[[Room], Room]]:
    """Another process's room of the same sale: an executor and services of its own."""
    rooms: list[Room] = []
    async with Executor(store_url, test_bundle) as executor:
        services = make_room_services(executor, keyring, "http://wait.example", ceilings, seals)

        def make(room: Room) -> Room:
            ref = SaleRef(room.uid, room.ref.epoch)
            rooms.append(Room(room.name, ref, room.settings, services, draw=room.lobby.draw))
            return rooms[-1]

        yield make
        for room in rooms:
            await room.aclose()


async def join_past_the_freeze(
    room: Room, salt: str, many: asyncio.Event, lost: list[BaseException]
) -> list[JoinResult]:
    """Joins until the line has come; `many` is set once some have a place, `lost` has failures."""
    entries: list[JoinResult] = []
    while not entries or entries[-1].ticket.number is None or len(entries) < 60:
        batch = (room.join(nonce=f"{salt}{len(entries)}{n}") for n in range(3))
        for entry in await asyncio.gather(*batch, return_exceptions=True):
            if isinstance(entry, BaseException):
                lost.append(entry)
            else:
                entries.append(entry)
        if len(entries) > 20:
            many.set()
    return entries


async def test_joins_racing_the_freeze_on_two_workers_are_in_lobby_or_line(
    make_lobby: MakeLobby, second_worker: Callable[[Room], Room], executor: Executor, clock: Clock
) -> None:
    # Given two workers, and a start that comes while people join through both
    one = await make_lobby(opens_in_ms=60_000)
    other = second_worker(one)
    await other.tick()
    lost: list[BaseException] = []
    many = asyncio.Event()

    async def opening() -> None:
        await many.wait()
        await clock.advance_ms(60_000)

    async with asyncio.timeout(30):
        first, second, _ = await asyncio.gather(
            join_past_the_freeze(one, "a", many, lost),
            join_past_the_freeze(other, "b", many, lost),
            opening(),
        )
    tickets = [entry.ticket for entry in first + second]
    # Then each has a place, in the lobby or in the line, and no place has two
    assert lost == []
    lobby = sorted(t.lobby_index for t in tickets if t.lobby_index is not None)
    line = sorted(t.number for t in tickets if t.number is not None)
    assert len(lobby) + len(line) == len(tickets)
    assert lobby == list(range(len(lobby)))
    assert len(lobby) > 2
    assert line == list(range(len(lobby) + 1, len(tickets) + 1))
    # And both workers, sealing at once, give everybody the same number, each a different one
    await asyncio.gather(one.tick(), other.tick())
    for _ in range(3):
        await asyncio.gather(settle(one, clock), settle(other, clock))
    numbers = [one.number_of(ticket) for ticket in tickets]
    drawn = [one.number_of(t) for t in sorted(tickets, key=place) if t.lobby_index is not None]
    assert one.lobby.draw is not None
    frozen = one.document.line
    order = one.lobby.draw.order(Sealed(frozen.lobby, frozen.accumulator))
    assert drawn == list(order.numbers())
    assert numbers == [other.number_of(ticket) for ticket in tickets]
    assert sorted(numbers, key=lambda n: n or 0) == list(range(1, len(tickets) + 1))
    assert int(await executor.command("HGET", keys.line(one.uid), "lobby")) == len(lobby)
