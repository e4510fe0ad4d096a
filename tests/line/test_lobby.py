"""The lobby of a drawn sale: its chain, its freeze, its seal, and what is told of it when."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from hashlib import sha1
from pathlib import Path
from typing import Any, Final, Protocol

import pytest
from line_harness import PLENTY, Ceilings, Line, Seals, drawn_start

from holdfast_lua import Bundle, Executor, SaleRef, StoreBehind, keys
from holdfast_lua.codes import Code
from holdfast_lua.line_calls import LineCheckpoint
from holdfast_lua.line_status import DrawState, LineStatus
from holdfast_queue.desk import FrontDesk, open_desk
from holdfast_queue.draw import Draw, Sealed, commit, fold_nonces
from holdfast_queue.lobby import Lobby
from holdfast_queue.room import Room
from holdfast_queue.settings import QueueingMethod
from holdfast_queue.tickets import Ticket
from holdfast_queue.views import Entry, VisitorState
from holdfast_web.errors import HoldfastError
from holdfast_web.keyring import Keyring

LineFactory = Callable[..., Awaitable[Line]]
RoomFactory = Callable[..., Awaitable[Room]]
HOUR_MS = 3_600_000
CHAIN: Final[dict[str, Any]] = json.loads(
    Path(__file__).with_name("draw_vectors.json").read_text(encoding="utf-8")
)["chain"]
DRAW = Draw("abcdefgh2345", bytes(range(32)))


class DrivenClock(Protocol):
    async def now_ms(self) -> int: ...
    async def advance_ms(self, ms: int) -> None: ...


MakeLobby = Callable[..., Awaitable[Room]]


@pytest.fixture
def make_lobby(make_room: RoomFactory, clock: DrivenClock) -> MakeLobby:
    """A room in its pre-queue, an hour before the start."""

    async def make(opens_in_ms: int = HOUR_MS, **more: object) -> Room:
        opens_ms = await clock.now_ms() + opens_in_ms
        method = QueueingMethod.RANDOM
        return await make_room(
            queueing_method=method, prequeue_start_ms=1, event_start_ms=opens_ms, **more
        )

    return make


async def drawn_line(make_line: LineFactory, draw: Draw = DRAW, ceiling: int = PLENTY) -> Line:
    """A line in its pre-queue, by scripts alone."""
    line = await make_line(ceiling=ceiling, start=drawn_start(draw, ceiling))
    begin = await line.now_ms()
    await line.sale(prequeue_ms=1, opens_ms=begin + HOUR_MS)
    return line


async def join_block(line: Line, nonces: list[str]) -> Code:
    digest = fold_nonces(nonces)
    joined = await line.calls.join_line(line.ref, len(nonces), line.ceiling, (), digest)
    return joined.code


async def settle(room: Room) -> None:
    """Lets the sealing under way end, and the room see it."""
    await room.lobby.settled()
    await asyncio.sleep(0.11)
    await room.tick()


def place(ticket: Ticket) -> int:
    return -1 if ticket.lobby_index is None else ticket.lobby_index


def chained(accumulator: str, what: str) -> str:
    return sha1(f"{accumulator}:{what}".encode(), usedforsecurity=False).hexdigest()


# The chain


async def test_chain_is_the_documented_one(make_line: LineFactory) -> None:
    """Blocks of any worker, in the order in which the store took them."""
    line = await drawn_line(make_line)
    await line.force(accumulator=CHAIN["start"])
    for step in CHAIN["steps"]:
        assert await join_block(line, step["nonces"]) is Code.JOINED_LOBBY
        assert (await line.step()).accumulator == step["after"]


async def test_chain_covers_nonce_order_and_partition(make_line: LineFactory) -> None:
    """Catches a fold that commutes, or that forgets where blocks begin."""
    line = await drawn_line(make_line)
    seen = set()
    for blocks in ([["a"], ["b"]], [["b"], ["a"]], [["a", "b"]], [["a"], ["c"]], [["a"]]):
        await line.install(drawn_start(DRAW, PLENTY))
        for block in blocks:
            await join_block(line, block)
        seen.add((await line.step()).accumulator)
    assert len(seen) == 5


async def test_chain_ends_with_the_freeze(make_line: LineFactory) -> None:
    line = await drawn_line(make_line)
    await join_block(line, ["a", "b"])
    before = (await line.step()).accumulator
    await line.advance_ms(HOUR_MS)
    assert await join_block(line, ["late"]) is Code.JOINED_LINE
    status = await line.step()
    assert (status.frozen, status.lobby, status.accumulator) == (True, 2, before)


async def test_drawn_block_is_taken_whole_or_not_at_all(make_line: LineFactory) -> None:
    """Catches a digest of five that is chained for three."""
    line = await drawn_line(make_line, ceiling=3)
    before = (await line.step()).accumulator
    assert await join_block(line, list("abcde")) is Code.CEILING_REACHED
    status = await line.step()
    assert (status.issued, status.accumulator) == (0, before)
    line.ceiling = 5
    assert await join_block(line, list("abcde")) is Code.JOINED_LOBBY
    wanted = chained(before, f"0:5:{fold_nonces('abcde')}")
    assert (await line.step()).accumulator == wanted


# A store that loses what it had


async def test_rollback_in_the_lobby_folds_the_epoch_in(make_line: LineFactory) -> None:
    line = await drawn_line(make_line)
    await join_block(line, ["a"])
    at_checkpoint = (await line.step()).accumulator
    start = LineCheckpoint(
        ceiling=100, fresh=False, issued=1, draw=DrawState.TO_COME, accumulator=at_checkpoint
    )
    line.ref.epoch = 2
    await line.install(start)
    status = await line.step()
    assert status.accumulator == chained(at_checkpoint, "epoch:2")
    # Places that may have been handed out take part; a gap of numbers would be other people's.
    assert (status.issued, status.gaps, status.frozen) == (100, (), False)


@pytest.mark.parametrize("draw", [DrawState.TO_COME, DrawState.SEALED])
async def test_rollback_after_the_freeze_changes_no_order(
    make_line: LineFactory, draw: DrawState
) -> None:
    line = await drawn_line(make_line)
    start = LineCheckpoint(
        ceiling=100, fresh=False, issued=12, lobby=10, frozen=True, draw=draw, accumulator="ab" * 20
    )
    line.ref.epoch = 2
    await line.install(start)
    status = await line.step()
    assert (status.accumulator, status.lobby, status.draw) == ("ab" * 20, 10, draw)
    assert status.gaps == ((13, 100),)


def test_place_behind_a_lost_freeze_is_drawn_with_the_others(
    status: LineStatus, desk: FrontDesk
) -> None:
    """Given a lobby of four and two numbers behind it, whose freeze was lost, all six are drawn."""
    lobby = Lobby(SaleRef("u", 2), desk, DRAW)
    line = replace(status, lobby=6, draw=DrawState.SEALED, accumulator="00" * 20)
    indices = [Ticket("u", 1, 1, None, index, 0) for index in range(4)]
    numbered = [Ticket("u", 1, 1, number, None, 0) for number in (5, 6)]
    drawn = [lobby.number_of(ticket, line) for ticket in (*indices, *numbered)]
    assert sorted(drawn, key=str) == [1, 2, 3, 4, 5, 6]
    assert lobby.number_of(Ticket("u", 2, 1, 7, None, 0), line) == 7
    # And nobody has a number while the lobby is open again
    again = replace(line, frozen=False, lobby=0, draw=DrawState.TO_COME)
    assert {lobby.number_of(ticket, again) for ticket in (*indices, *numbered)} == {None}


# The seal


async def test_nobody_moves_and_nothing_is_revealed_before_the_seal(
    make_lobby: MakeLobby, seals: Seals, clock: DrivenClock
) -> None:
    # Given a lobby of five that opens while the ledger is down
    room = await make_lobby()
    entries = [await room.join(nonce=str(n)) for n in range(5)]
    seals.down = True
    await clock.advance_ms(HOUR_MS)
    late = await room.join()
    await settle(room)
    await settle(room)
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
    await settle(room)
    await settle(room)
    # Then all have numbers, and the line moves
    numbers = [room.number_of(entry.ticket) for entry in entries]
    assert sorted(numbers, key=str) == [1, 2, 3, 4, 5]
    facts = room.lobby.facts(room.document.line)
    assert facts is not None
    assert facts.secret is not None
    assert commit(bytes.fromhex(facts.secret)) == facts.commitment
    assert room.document.line.serving > 0


async def test_store_that_went_back_behind_the_seal_is_rebuilt(
    make_lobby: MakeLobby, seals: Seals, clock: DrivenClock
) -> None:
    """Catches two orders for one draw: the ledger's, that people have seen, and the store's."""
    room = await make_lobby()
    await room.join()
    seals.sealed[room.uid] = Sealed(7, "ab" * 20)
    await clock.advance_ms(HOUR_MS)
    await room.tick()
    await room.lobby.settled()
    with pytest.raises(StoreBehind):
        await room.tick()
    assert room.document.line.draw is DrawState.TO_COME


async def test_seal_is_idempotent_and_exact(make_line: LineFactory) -> None:
    line = await drawn_line(make_line)
    await join_block(line, ["a", "b"])
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


async def test_empty_lobby_waits_for_no_beacon(make_lobby: MakeLobby, clock: DrivenClock) -> None:
    room = await make_lobby(beacon_source="the lottery")
    await clock.advance_ms(HOUR_MS)
    await room.tick()
    await settle(room)
    entry = await room.join()
    assert (entry.ticket.number, entry.state) == (1, VisitorState.ADMITTED)


async def test_beacon_is_taken_once_and_only_after_the_freeze(
    make_lobby: MakeLobby, clock: DrivenClock
) -> None:
    room = await make_lobby(beacon_source="the lottery")
    entry = await room.join()
    with pytest.raises(HoldfastError, match="lobby is closed"):
        await room.give_beacon("42")
    await clock.advance_ms(HOUR_MS)
    await room.tick()
    await settle(room)
    assert room.number_of(entry.ticket) is None
    await room.give_beacon("42")
    await room.give_beacon("42")
    with pytest.raises(HoldfastError):
        await room.give_beacon("43")
    facts = room.lobby.facts(room.document.line)
    assert facts is not None
    assert (facts.beacon, facts.entrants) == ("42", 1)


# Workers


@pytest.fixture
async def second_worker(
    store_url: str, test_bundle: Bundle, keyring: Keyring, ceilings: Ceilings, seals: Seals
) -> AsyncIterator[Callable[[Room], Room]]:
    """Another process's room of the same sale: an executor and a desk of its own."""
    rooms: list[Room] = []
    async with Executor(store_url, test_bundle) as executor:
        desk = open_desk(executor, keyring, "http://wait.example", ceilings, seals)

        def make(room: Room) -> Room:
            ref = SaleRef(room.uid, room.ref.epoch)
            rooms.append(Room(room.name, ref, room.settings, desk, draw=room.lobby.draw))
            return rooms[-1]

        yield make
        for room in rooms:
            await room.aclose()


async def test_joins_racing_the_freeze_on_two_workers_are_in_lobby_or_line(
    make_lobby: MakeLobby, second_worker: Callable[[Room], Room], executor: Executor
) -> None:
    # Given two workers, and a start that comes while people join through both
    one = await make_lobby(opens_in_ms=600)
    other = second_worker(one)
    await other.tick()
    lost: list[BaseException] = []

    async def joining(room: Room, salt: str) -> list[Entry]:
        entries: list[Entry] = []
        while not entries or entries[-1].ticket.number is None or len(entries) < 60:
            batch = (room.join(nonce=f"{salt}{len(entries)}{n}") for n in range(3))
            for entry in await asyncio.gather(*batch, return_exceptions=True):
                if isinstance(entry, BaseException):
                    lost.append(entry)
                else:
                    entries.append(entry)
        return entries

    async with asyncio.timeout(30):
        both = await asyncio.gather(joining(one, "a"), joining(other, "b"))
    tickets = [entry.ticket for entries in both for entry in entries]
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
        await asyncio.gather(settle(one), settle(other))
    numbers = [one.number_of(ticket) for ticket in tickets]
    drawn = [one.number_of(t) for t in sorted(tickets, key=place) if t.lobby_index is not None]
    assert one.lobby.draw is not None
    frozen = one.document.line
    order = one.lobby.draw.order(Sealed(frozen.lobby, frozen.accumulator))
    assert drawn == list(order.numbers())
    assert numbers == [other.number_of(ticket) for ticket in tickets]
    assert sorted(numbers, key=lambda n: n or 0) == list(range(1, len(tickets) + 1))
    assert int(await executor.command("HGET", keys.line(one.uid), "lobby")) == len(lobby)
