from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec
import pytest

from holdfast.report import event_scan
from holdfast.report.checks import Check, CheckState
from holdfast.report.event_scan import EventScan, scan_events
from holdfast_lua.calls.hold_terms import StreamEvent
from holdfast_web.timestamps import timestamp

EventParts = tuple[str, str, dict[str, Any]]
"""Type, subject and data of an event."""


def events_of(parts: Sequence[EventParts], times: Sequence[int] | None = None) -> list[StreamEvent]:
    """Events 1-1, 1-2, ..., a second apart unless times are given."""
    made = []
    for number, (kind, subject, data) in enumerate(parts, 1):
        at_ms = times[number - 1] if times else number * 1_000
        body = {"time": timestamp(at_ms), "subject": subject, "data": data}
        made.append(StreamEvent((1, number), kind, msgspec.msgpack.encode(body)))
    return made


async def followed(
    events: Sequence[StreamEvent], gaps: Sequence[tuple[int, int]] = ()
) -> EventScan:
    async def pages() -> AsyncIterator[Sequence[StreamEvent]]:
        for event in events:
            yield [event]

    return await scan_events(pages(), gaps)


def called(first: int, last: int) -> EventParts:
    return "line.called", str(first), {"first": first, "last": last, "count": last - first + 1}


def admitted(number: int) -> EventParts:
    return "pass.issued", f"pass-{number}", {"number": number}


def seats(kind: str, hold: str, *indices: int) -> EventParts:
    return kind, hold, {"seats": list(indices), "areas": []}


def broken(found: EventScan) -> list[str]:
    return [check.name for check in found.checks if check.state is CheckState.BROKEN]


GOOD = [
    called(1, 3), called(4, 9), admitted(2), admitted(1),
    seats("hold.created", "a", 1, 2), seats("hold.released", "a", 1, 2),
    seats("hold.created", "b", 2, 3), seats("order.confirmed", "b", 2, 3),
    seats("order.refunded", "b", 3), seats("hold.created", "c", 3, 1),
    seats("hold.expired", "c", 3, 1), seats("hold.reacquired", "c", 1, 3),
]  # fmt: skip


async def test_sound_stream_holds() -> None:
    found = await followed(events_of(GOOD))
    assert [check.state for check in found.checks] == [CheckState.HELD] * 5
    assert all(check.examined for check in found.checks)
    assert found.counts["line.called"] == 9


@pytest.mark.parametrize("call", [called(9, 12), called(11, 12)], ids=["again", "left out"])
async def test_numbers_out_of_order_are_found(call: EventParts) -> None:
    assert broken(await followed(events_of([*GOOD, call]))) == ["order"]


async def test_numbers_that_nobody_has_may_be_left_out() -> None:
    found = await followed(events_of([*GOOD, called(13, 14)]), gaps=[(10, 11), (12, 12)])
    assert broken(found) == []
    assert broken(await followed(events_of([*GOOD, called(13, 14)]), gaps=[(10, 11)])) == ["order"]


async def test_number_that_is_admitted_again_is_found() -> None:
    assert broken(await followed(events_of([*GOOD, admitted(2)]))) == ["once"]


@pytest.mark.parametrize("taken", [2, 3])
async def test_seat_in_two_hands_is_found(taken: int) -> None:
    """2 is sold to b, 3 is held by c."""
    found = await followed(events_of([*GOOD, seats("hold.created", "d", taken)]))
    assert broken(found) == ["hands"]
    assert found.hands.findings[0].startswith(f"seat at {taken} goes to d while ")


async def test_time_that_runs_back_is_found() -> None:
    found = await followed(events_of(GOOD[:2], times=[5_000, 4_000]))
    assert broken(found) == ["time"]


async def test_missing_event_is_found_and_leaves_the_rest_open() -> None:
    made = events_of(GOOD)
    found = await followed(made[:2] + made[3:])
    assert broken(found) == ["stream"]
    assert {found.order.state, found.hands.state} == {CheckState.NOT_CHECKED}


async def test_stream_without_its_beginning_is_no_fault_and_proves_nothing() -> None:
    found = await followed(events_of(GOOD)[3:])
    assert broken(found) == []
    assert states_of(found.checks[:1]) == [CheckState.NOT_CHECKED]
    assert not found.whole


def states_of(checks: Sequence[Check]) -> list[CheckState]:
    return [check.state for check in checks]


async def test_calls_that_are_kept_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_scan, "CALLS_MAX", 10)
    found = await followed(events_of([called(number, number) for number in range(1, 200)]))
    assert len(found.calls) <= 11
    assert found.counts["line.called"] == 199
