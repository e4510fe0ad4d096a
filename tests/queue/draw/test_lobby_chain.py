import json
from dataclasses import replace
from hashlib import sha1
from pathlib import Path
from typing import Any, Final

import pytest
from support.line.harness import (
    DRAW,
    HOUR_MS,
    PLENTY,
    LineFactory,
    drawn_line,
    drawn_start,
    join_batch,
)

from holdfast_lua import SaleRef
from holdfast_lua.calls.codes import Code
from holdfast_lua.calls.line import LineCheckpoint
from holdfast_lua.calls.line_status import DrawState, LineStatus
from holdfast_queue.draw.commitment import fold_nonces
from holdfast_queue.line.lobby import Lobby
from holdfast_queue.line.room_services import RoomServices
from holdfast_queue.tokens.tickets import Ticket

CHAIN: Final[dict[str, Any]] = json.loads(
    Path(__file__).with_name("draw_vectors.json").read_text(encoding="utf-8")
)["chain"]


def chained(accumulator: str, what: str) -> str:
    return sha1(f"{accumulator}:{what}".encode(), usedforsecurity=False).hexdigest()


async def test_chain_is_the_documented_one(make_line: LineFactory) -> None:
    """Blocks of any worker, in the order in which the store took them."""
    line = await drawn_line(make_line)
    await line.force(accumulator=CHAIN["start"])
    for step in CHAIN["steps"]:
        assert await join_batch(line, step["nonces"]) is Code.JOINED_LOBBY
        assert (await line.step()).accumulator == step["after"]


async def test_chain_covers_nonce_order_and_partition(make_line: LineFactory) -> None:
    """Catches a fold that commutes, or that forgets where batches begin."""
    line = await drawn_line(make_line)
    seen = set()
    for batches in ([["a"], ["b"]], [["b"], ["a"]], [["a", "b"]], [["a"], ["c"]], [["a"]]):
        await line.install(drawn_start(DRAW, PLENTY))
        for batch in batches:
            await join_batch(line, batch)
        seen.add((await line.step()).accumulator)
    assert len(seen) == 5


async def test_chain_ends_with_the_freeze(make_line: LineFactory) -> None:
    line = await drawn_line(make_line)
    await join_batch(line, ["a", "b"])
    before = (await line.step()).accumulator
    await line.advance_ms(HOUR_MS)
    assert await join_batch(line, ["late"]) is Code.JOINED_LINE
    status = await line.step()
    assert (status.frozen, status.lobby, status.accumulator) == (True, 2, before)


async def test_drawn_block_is_taken_whole_or_not_at_all(make_line: LineFactory) -> None:
    """Catches a digest of five that is chained for three."""
    line = await drawn_line(make_line, ceiling=3)
    before = (await line.step()).accumulator
    assert await join_batch(line, list("abcde")) is Code.CEILING_REACHED
    status = await line.step()
    assert (status.issued, status.accumulator) == (0, before)
    line.ceiling = 5
    assert await join_batch(line, list("abcde")) is Code.JOINED_LOBBY
    wanted = chained(before, f"0:5:{fold_nonces('abcde')}")
    assert (await line.step()).accumulator == wanted


async def test_rollback_in_the_lobby_folds_the_epoch_in(make_line: LineFactory) -> None:
    line = await drawn_line(make_line)
    await join_batch(line, ["a"])
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
    status: LineStatus, services: RoomServices
) -> None:
    """Given a lobby of four and two numbers behind it, whose freeze was lost, all six are drawn."""
    lobby = Lobby(SaleRef("u", 2), services, DRAW)
    line = replace(status, lobby=6, draw=DrawState.SEALED, accumulator="00" * 20)
    indices = [Ticket("u", 1, 1, None, index, 0) for index in range(4)]
    numbered = [Ticket("u", 1, 1, number, None, 0) for number in (5, 6)]
    drawn = [lobby.number_of(ticket, line) for ticket in (*indices, *numbered)]
    assert sorted(drawn, key=str) == [1, 2, 3, 4, 5, 6]
    assert lobby.number_of(Ticket("u", 2, 1, 7, None, 0), line) == 7
    # And nobody has a number while the lobby is open again
    again = replace(line, frozen=False, lobby=0, draw=DrawState.TO_COME)
    assert {lobby.number_of(ticket, again) for ticket in (*indices, *numbered)} == {None}
