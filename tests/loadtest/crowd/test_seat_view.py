"""A map kept by the stream of changes: what a good stream comes to, and what a bad one is told."""

import pytest

from holdfast_loadtest.crowd.seat_view import (
    FORWARD,
    NOTHING_LOST,
    MapChange,
    MapChanges,
    MapView,
    NetChanges,
    NetView,
    PackedMap,
    SeatView,
)
from holdfast_loadtest.wire import SeatMap


def change(version: str, state: str, *seats: int) -> MapChange:
    return MapChange(version, state, list(seats))


def message(*changes: MapChange, version: str | None = None) -> MapChanges:
    return MapChanges(version or changes[-1].version, list(changes))


@pytest.fixture
def view() -> SeatView:
    return SeatView(SeatMap(version="1-10", states="fffff"))


def promises(view: MapView) -> list[str]:
    return [promise for promise, _ in view.findings]


def test_good_stream_agrees_with_the_map(view: SeatView) -> None:
    view.apply(message(change("1-11", "h", 0, 1)))
    assert view.expect(SeatMap(version="1-13", states="bbhff"))
    assert view.checks == 0, "the stream has not come so far"
    view.apply(message(change("1-12", "h", 2), change("1-13", "b", 0, 1), change("1-14", "h", 4)))
    assert view.checks == 1, "compared before what is newer than the map"
    assert promises(view) == []


def test_lost_change_is_found_with_the_seats(view: SeatView) -> None:
    assert view.expect(SeatMap(version="1-12", states="hhfff"))
    view.apply(message(change("1-12", "h", 1)))
    assert view.findings == [(NOTHING_LOST, "at 1-12: seat 0 is f, not h")]


def test_lost_last_change_is_found_once_the_stream_is_past_it(view: SeatView) -> None:
    assert view.expect(SeatMap(version="1-12", states="hffff"))
    view.apply(MapChanges("1-20"))
    assert promises(view) == [NOTHING_LOST]


def test_map_that_the_stream_has_reached_is_compared_at_once(view: SeatView) -> None:
    assert view.expect(SeatMap(version="1-10", states="ffffb"))
    assert promises(view) == [NOTHING_LOST]


def test_older_map_is_not_compared(view: SeatView) -> None:
    view.apply(message(change("1-11", "h", 0)))
    assert not view.expect(SeatMap(version="1-10", states="fffff"))
    assert view.checks == 0


def test_change_that_comes_twice_or_late_is_a_breach(view: SeatView) -> None:
    view.apply(message(change("1-12", "h", 0)))
    view.apply(message(change("1-11", "f", 0), version="1-12"))
    assert promises(view) == [FORWARD]


def test_versions_are_compared_as_numbers(view: SeatView) -> None:
    view.apply(message(change("1-100", "h", 0)))
    view.apply(message(change("2-3", "f", 0)))
    assert promises(view) == []
    assert view.version == (2, 3)


@pytest.fixture
def net() -> NetView:
    return NetView(SeatMap(version="1-10", states="fffff", etag="a"))


def test_net_changes_lead_to_the_map(net: NetView) -> None:
    net.apply(NetChanges("1-14", {"h": [0, 2, 1, 1], "b": [2, 1]}))
    assert net.is_of(SeatMap(version="1-16", etag="b", states="hhbhf"))
    net.compare(SeatMap(version="1-14", states="hhbhf"))
    assert (net.checks, promises(net)) == (1, [])


def test_older_map_is_brought_forward_to_net_changes(net: NetView) -> None:
    """Given a seat that was held and let go in between, and a change that is still to come."""
    net.apply(NetChanges("1-14", {"h": [1, 1]}))
    read = SeatMap(version="1-11", etag="b", states="hffff")
    since = [change("1-12", "f", 0), change("1-14", "h", 1), change("1-15", "h", 4)]
    assert not net.is_of(read)
    net.compare(read, since)
    assert promises(net) == []


def test_net_change_that_was_lost_is_found(net: NetView) -> None:
    net.apply(NetChanges("1-14", {"h": [1, 1]}))
    net.compare(SeatMap(version="1-11", etag="b", states="fffff"), [change("1-13", "b", 0, 1)])
    assert net.findings == [
        (NOTHING_LOST, "at 1-14: seat 0 is f, not b, seat 1 is h, not b"),
    ]


def test_whole_map_takes_the_place_of_the_view(net: NetView) -> None:
    net.apply(NetChanges("1-14", {"h": [4, 1]}))
    net.replace(PackedMap("2-3", "5AE=", 5))
    assert net.version == (2, 3)
    net.compare(SeatMap(version="2-3", states="fhbxh"))
    assert promises(net) == []


def test_net_changes_that_go_back_are_a_breach(net: NetView) -> None:
    net.apply(NetChanges("1-9", {"h": [0, 1]}))
    assert promises(net) == [FORWARD]
    assert net.version == (1, 10)
