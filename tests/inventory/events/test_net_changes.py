"""Net changes: whatever happened, and whatever a client has missed, what it makes of them is the
map.
"""

import json
from dataclasses import replace
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.inventory.harness import SETTINGS, plan_json
from support.inventory.net_reader import NetReader

from holdfast_inventory.events.map_history import (
    CHANGES_KEPT,
    SEATS_MIN,
    TAGS_KEPT,
    MapHistory,
    changed_seats,
)
from holdfast_inventory.holds.seat_map import SeatMap
from holdfast_inventory.plan.plan import compile_plan
from holdfast_inventory.settings import Allotment, Area, InventorySettings
from holdfast_lua.calls.hold_terms import SeatsReading

PLAN: Final = compile_plan(plan_json(["AAAAAAAAAA", "BBBBBBBBBB"]), SETTINGS)
AREAS: Final = (Area("floor", "Floor", 9, "GA"), Area("pit", "Pit", 9, "GA", channel="fans"))
ASIDE: Final = InventorySettings(
    prices=SETTINGS.prices, areas=AREAS, allotments=(Allotment("fans", seats=("z1-1-1",)),)
)
RELEASED: Final = replace(ASIDE, released=frozenset({"fans"}))
ASIDE_PLAN: Final = compile_plan(plan_json(["AAAAAAAAAA", "BBBBBBBBBB"]), ASIDE)


def tell(history: MapHistory, reader: NetReader, position: int | None) -> None:
    """What the stream does for a client at this position."""
    if position is None or not history.remembers(position):
        reader.take_map(json.loads(history.whole_map()))
    else:
        reader.take_changes(json.loads(history.net_changes(position)))


def seat_map_of(
    states: str, revision: int, *, epoch: int = 1, free: int = 9, setting: InventorySettings = ASIDE
) -> SeatMap:
    """As a reading of the store would give it."""
    reading = SeatsReading(
        revision=revision,
        now_ms=revision,
        epoch=epoch,
        cursor=(epoch, revision // 2),  # several revisions have one cursor
        states=states.encode(),
        free=states.count("f") + free,
        held=states.count("h") + 9 - free,
        booked=states.count("b") + 9,
        blocked=states.count("x"),
        areas=((free, 9 - free), (9, 0)),
        overdue=False,
    )
    return SeatMap(reading, ASIDE_PLAN, setting, "uid")


@st.composite
def histories(draw: st.DrawFn) -> list[SeatMap]:
    """Readings one after the other: holds, sales, blocks, returns, nothing at all, many at once,
    a release, a rebuild. No epoch has a revision twice (tests/lua/calls/test_guard.py).
    """
    states, revision, epoch, free, setting = list("f" * 20), 1, 1, 9, ASIDE
    made = [seat_map_of("".join(states), revision)]
    for _ in range(draw(st.integers(1, 14))):
        what = draw(st.sampled_from(["seats"] * 6 + ["none", "area", "release", "rebuild"]))
        revision += draw(st.integers(1, 3))
        if what == "seats":
            for seat in draw(st.sets(st.integers(0, 19), max_size=8)):
                states[seat] = draw(st.sampled_from("fhbx"))
        elif what == "area":
            free = draw(st.integers(0, 9))
        elif what == "release":
            setting = RELEASED
        elif what == "rebuild":
            states, epoch, revision = list(draw(st.permutations("f" * 15 + "b" * 5))), epoch + 1, 1
        made.append(seat_map_of("".join(states), revision, epoch=epoch, free=free, setting=setting))
    return made


@given(histories(), st.sampled_from(["", "fans"]))
@settings(max_examples=300, deadline=None)
def test_net_changes_since_any_map_make_the_present_one(maps: list[SeatMap], view: str) -> None:
    """Given, after every reading, clients of every map so far that have been told of nothing since;
    and one that is told of each change, and of all of them again.
    """
    history = MapHistory(maps[0].seen_by(view))
    always, late = NetReader(), list[NetReader]()
    tell(history, always, None)
    known = history.position
    for number, seat_map in enumerate(maps):
        if number:
            history.advance(seat_map.seen_by(view))
        shown = seat_map.seen_by(view).members
        if known != history.position:
            tell(history, always, known)
            known = history.position
        assert "".join(always.states) == shown["states"]
        assert (always.areas, always.counts) == (shown["areas"], shown["counts"])
        for etag in [reader.etag for reader in late]:
            position = history.position_of(etag)
            for reader in (next(r for r in late if r.etag == etag).copy(), always.copy()):
                if position != history.position:
                    tell(history, reader, position)
                reader.require(shown)
        fresh = NetReader()
        tell(history, fresh, None)
        late.append(fresh)


def test_a_rebuilt_sale_is_told_whole() -> None:
    """Given seats of which only one differs: what an earlier epoch knew counts for nothing."""
    history = MapHistory(seat_map_of("f" * 20, 5))
    history.advance(seat_map_of("h" + "f" * 19, 5, epoch=2))
    assert history.position_of(seat_map_of("f" * 20, 5).etag) is None
    assert not history.remembers(0)


def test_readings_without_changes_keep_the_position_of_who_was_told_nothing() -> None:
    first = seat_map_of("f" * 20, 1)
    history = MapHistory(first)
    for revision in range(2, TAGS_KEPT):
        history.advance(seat_map_of("f" * 20, revision))
    assert history.position == history.position_of(first.etag) == 0
    history.advance(seat_map_of("h" + "f" * 19, TAGS_KEPT))
    assert json.loads(history.net_changes(0))["seats"] == {"h": [0, 1]}


def test_what_is_kept_is_bounded() -> None:
    history = MapHistory(seat_map_of("f" * 20, 1))
    for revision in range(2, 1000):
        history.advance(seat_map_of(("h" if revision % 2 else "f") + "f" * 19, revision))
    assert not history.remembers(history.position - CHANGES_KEPT - 1)
    assert history.remembers(history.position - CHANGES_KEPT)
    assert len(history._positions) == TAGS_KEPT
    for revision in range(1000, 1010):  # twenty seats each: more than a map is worth
        history.advance(seat_map_of(("hf" if revision % 2 else "fh") * 10, revision))
    assert not history.remembers(history.position - SEATS_MIN // 20 - 1)
    assert history.remembers(history.position - SEATS_MIN // 20)


def test_seats_of_one_state_are_told_as_runs() -> None:
    history = MapHistory(seat_map_of("f" * 20, 1))
    history.advance(seat_map_of("fhhhffbbfhffffffffff", 2))
    assert json.loads(history.net_changes(0))["seats"] == {"h": [1, 3, 5, 1], "b": [6, 2]}


@pytest.mark.parametrize("seats", [0, 1, 255, 4096])
def test_changed_seats_are_those_that_differ(seats: int) -> None:
    before = bytes(b"fhbx"[at * 7 % 4] for at in range(seats))
    after = bytes(b"fhbx"[at * 5 % 4] for at in range(seats))
    wanted = [at for at in range(seats) if before[at] != after[at]]
    assert changed_seats(before, after) == wanted
