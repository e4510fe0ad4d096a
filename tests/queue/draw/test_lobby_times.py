"""When a drawn lobby was closed and sealed: by the store's clock, once, and told as events."""

import pytest
from support.line.harness import (
    DRAW,
    HOUR_MS,
    Line,
    LineFactory,
    drawn_line,
    drawn_start,
    join_batch,
)

from holdfast_lua.calls.codes import Code
from holdfast_lua.calls.line import LineCheckpoint
from holdfast_lua.calls.line_status import DrawState


async def test_lobby_is_closed_at_the_step_that_freezes_it(make_line: LineFactory) -> None:
    line = await drawn_line(make_line)
    await join_batch(line, ["a"])
    assert (await line.step()).closed_ms == 0
    await line.advance_ms(HOUR_MS)
    advanced = await line.advanced()
    assert advanced.status.closed_ms == advanced.now_ms
    assert (await line.step(5_000)).closed_ms == advanced.now_ms


async def test_operator_who_opens_early_closes_the_lobby_then(make_line: LineFactory) -> None:
    """Not at the start that was announced: whoever compares the two sees it."""
    line = await drawn_line(make_line)
    await join_batch(line, ["a"])
    opened = await line.calls.change_lifecycle(line.ref, "open")
    assert (await line.step()).closed_ms == opened.now_ms == opened.opens_ms


async def test_late_join_closes_the_lobby_before_any_step(make_line: LineFactory) -> None:
    line = await drawn_line(make_line)
    await line.advance_ms(2 * HOUR_MS)
    joined = await line.join()
    assert joined.code is Code.JOINED_LINE
    assert (await line.step()).closed_ms == joined.now_ms


async def test_each_thing_that_fixes_a_draw_is_an_event(make_line: LineFactory) -> None:
    line = await drawn_line(make_line)
    await join_batch(line, ["a", "b"])
    later = await line.now_ms() + 2 * HOUR_MS
    assert await line.update(2, (1, later, 0)) is Code.OK
    assert await line.update(3, (1, later, 0)) is Code.OK
    await line.advance_ms(3 * HOUR_MS)
    status = await line.step()
    await line.calls.seal_draw(
        line.ref, 2, status.accumulator, "00ff", closed_ms=status.closed_ms, sealed_ms=7
    )
    kinds = [event["type"] for event in await line.events() if event["type"].startswith("draw.")]
    assert kinds == ["draw.start_moved", "draw.closed", "draw.sealed"]
    (closed,), (sealed,) = await line.events("draw.closed"), await line.events("draw.sealed")
    assert closed["data"] == {"entrants": 2}
    told = {"entrants": 2, "accumulator": status.accumulator, "beacon": "00ff"}
    assert sealed["data"] == told
    assert (await line.step()).sealed_ms == 7


async def test_line_that_draws_nothing_tells_of_no_draw(line: Line) -> None:
    await line.fill(3)
    await line.step()
    await line.update(2, (0, 0, 0))
    assert [one for one in await line.events() if one["type"].startswith("draw.")] == []


async def test_ledger_says_when_a_lobby_was_closed_that_a_loss_opened_again(
    make_line: LineFactory,
) -> None:
    """The store has frozen the same lobby twice; the ledger has sealed the first time."""
    line = await drawn_line(make_line)
    accumulator = (await line.step()).accumulator
    await line.advance_ms(HOUR_MS)
    await line.step()
    await line.calls.seal_draw(line.ref, 0, accumulator, None, closed_ms=5, sealed_ms=6)
    status = await line.step()
    assert (status.closed_ms, status.sealed_ms) == (5, 6)


@pytest.mark.parametrize("draw", [DrawState.TO_COME, DrawState.SEALED])
async def test_times_come_back_from_a_checkpoint(make_line: LineFactory, draw: DrawState) -> None:
    line = await drawn_line(make_line)
    line.ref.epoch = 2
    await line.install(
        LineCheckpoint(ceiling=9, fresh=False, frozen=True, draw=draw, closed_ms=11, sealed_ms=12)
    )
    status = await line.step()
    assert (status.closed_ms, status.sealed_ms) == (11, 12)
    assert await line.events("draw.closed") == []


@pytest.mark.parametrize("lifecycle", ["live", "paused"])
@pytest.mark.parametrize("moved_ms", [-HOUR_MS, 1, HOUR_MS])
async def test_start_of_an_open_sale_stays_as_it_was(
    make_line: LineFactory, moved_ms: int, lifecycle: str
) -> None:
    """Catches a start that is dated back until it suits when the lobby was closed."""
    line = await make_line(start=drawn_start(DRAW))
    opens = await line.now_ms() - 2 * HOUR_MS
    await line.sale(opens_ms=opens, lifecycle=lifecycle)
    assert await line.update(2, (0, opens + moved_ms, 0)) is Code.ALREADY_OPEN
    assert await line.update(2, (0, opens, 0)) is Code.OK
