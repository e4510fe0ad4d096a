"""Who is still there: a bit per visitor and window, gathered from all workers."""

from collections.abc import Iterator
from random import Random

import msgspec
import pytest
from support.line.harness import Line, LineFactory
from support.line.http_visitor import RoomFactory

from holdfast_lua import SaleRef
from holdfast_lua.calls import keys
from holdfast_lua.calls.line import LineCheckpoint
from holdfast_queue.line.presence import HIDDEN_SECONDS, OWN_VIEW_SECONDS, WINDOW_MS, Presence
from holdfast_queue.line.room import Room
from holdfast_queue.line.room_services import RoomServices


def present(room: Room) -> int | None:
    shown = msgspec.json.decode(room.document.body)["present"]
    assert shown is None or isinstance(shown, int)
    return shown


async def test_visitors_who_asked_at_any_worker_are_counted_once(
    make_room: RoomFactory, services: RoomServices, line: Line
) -> None:
    # Given ten who wait, and two workers
    room = await make_room(burst=1, new_users_per_minute=1, total_active_users=1)
    other = Room(room.name, SaleRef(room.uid, 1), room.settings, services)
    entries = [await room.join() for _ in range(10)]
    await room.tick()
    await other.tick()
    assert present(room) is None
    # When a window has passed in which three asked, one of them at both
    for worker, numbers in ((room, (3, 5)), (other, (5, 9))):
        for number in numbers:
            worker.visit(entries[number].ticket)
    await line.advance_ms(WINDOW_MS)
    for worker in (room, other, room, other):
        await line.advance_ms(150)
        await worker.tick()
    # Then both show three, and one window later nobody
    assert (present(room), present(other)) == (3, 3)
    await line.advance_ms(WINDOW_MS)
    for _ in range(2):
        await line.advance_ms(150)
        await room.tick()
    assert present(room) == 0
    await other.aclose()


async def test_those_who_were_called_are_not_counted(line: Line) -> None:
    await line.fill(100)
    await line.calls.change_lifecycle(line.ref, "pause")
    await line.force(serving=50)
    presence = Presence(line.calls, line.ref)
    status = await line.step()
    assert presence.end_window(status, 0) is None
    presence.end_window(status, WINDOW_MS)
    for number in range(41, 61):
        presence.note(number)
    noted = presence.end_window(status, 2 * WINDOW_MS)
    assert noted is not None
    await presence.report(noted)
    assert (await line.step()).present == 10


async def test_presence_costs_a_bit_and_goes_away(make_line: LineFactory) -> None:
    """With the bits of those who came: at most a byte for each of a million who wait."""
    start = LineCheckpoint(ceiling=2_000_000, issued=1_000_000, frozen=True)
    line = await make_line(ceiling=2_000_000, start=start, rate_per_minute=0)
    presence = Presence(line.calls, line.ref)
    status = await line.step()
    for window in (1, 2, 3):
        presence.end_window(status, window * WINDOW_MS)
        for number in range(1, 1_000_001):
            presence.note(number)
    noted = presence.end_window(status, 4 * WINDOW_MS)
    assert noted is not None
    await presence.report(noted)
    key = keys.present(line.ref.uid, noted.name)
    await line.executor.command("SETBIT", keys.shown(line.ref.uid), 1_000_000, 1)
    uid = line.ref.uid
    names = (key, keys.shown(uid), keys.line(uid), keys.calls(uid), keys.sale(uid))
    used = [await line.executor.command("MEMORY", "USAGE", name) or 0 for name in names]
    windows_kept = 4
    assert sum(used) + windows_kept * used[0] <= 1_000_000
    assert 0 < await line.executor.command("PTTL", key) <= 300_000
    assert await line.executor.command("EXISTS", keys.present_scratch(uid)) == 0


async def test_bits_of_a_short_stretch_travel_alone(line: Line) -> None:
    presence = Presence(line.calls, line.ref)
    status = await line.step()
    presence.end_window(status, WINDOW_MS)
    presence.note(800_000)
    noted = presence.end_window(status, 2 * WINDOW_MS)
    assert noted is not None
    assert (noted.offset, len(noted.bits)) == (100_000, 1)


def looks_of_a_page(chance: Random, every_ms: int, until_ms: int) -> Iterator[int]:
    """When an open page asks for its place: its beats, its polls and what they wait for an answer.

    As pages/static/main.js has it; the browser runs its beats every quarter of a second, every
    second while the tab is hidden, every minute when it has been for long.
    """
    beat_ms, poll_ms, answered_ms = chance.randrange(every_ms), 0.0, 0.0
    looked_ms = -OWN_VIEW_SECONDS * 1000.0
    while beat_ms < until_ms:
        if beat_ms >= max(poll_ms, answered_ms):
            answered_ms = beat_ms + chance.uniform(5, 3_000)
            if answered_ms - looked_ms >= OWN_VIEW_SECONDS * 1000:
                looked_ms = answered_ms
                yield int(answered_ms)
            poll_ms = answered_ms + HIDDEN_SECONDS * 1000 * chance.uniform(0.8, 1.0)
        beat_ms += every_ms


@pytest.mark.parametrize("every_ms", [250, 1_000, 60_000])
async def test_who_keeps_the_page_open_is_in_every_window(line: Line, every_ms: int) -> None:
    """Half a day with the tab hidden, several times over, however the browser runs its timers."""
    status = await line.step()
    for seed in range(20):
        presence = Presence(line.calls, line.ref)
        presence.end_window(status, WINDOW_MS)
        looks = looks_of_a_page(Random(seed), every_ms, 480 * WINDOW_MS)
        next_ms = next(looks)
        for window in range(1, 480):
            while WINDOW_MS + next_ms < (window + 1) * WINDOW_MS:
                presence.note(7)
                next_ms = next(looks)
            noted = presence.end_window(status, (window + 1) * WINDOW_MS)
            assert noted is not None
            assert noted.bits, f"absent in window {window}, seed {seed}"
