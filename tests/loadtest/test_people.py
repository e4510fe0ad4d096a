"""The crowd's people: the same seed sends the same ones, and every kind of visit is among them."""

from collections import Counter
from random import Random

import pytest

from holdfast_loadtest.crowd.arrivals import MAX_VISITORS, CrowdPlan
from holdfast_loadtest.crowd.choosing import choose_request, fallback, floor, neighbours
from holdfast_loadtest.crowd.offer import Offer
from holdfast_loadtest.crowd.profiles import Ending, Pace, Taste, Wish, draw
from holdfast_loadtest.wire import AreaCounts, SeatMap

OFFER = Offer(rows=[["A-1", "A-2", "A-3"], ["B-1", "B-2"]], areas=("floor",))
PACE = Pace()


def shown(states: str, floor_free: int = 5) -> SeatMap:
    return SeatMap(states=states, areas={"floor": AreaCounts(floor_free, 0, 0, 5)})


def rng() -> Random:
    return Random(7)


def test_the_same_seed_sends_the_same_people() -> None:
    assert [draw(4, n, PACE) for n in range(50)] == [draw(4, n, PACE) for n in range(50)]
    assert draw(4, 1, PACE) != draw(5, 1, PACE)


def test_every_kind_of_story_is_in_a_crowd() -> None:
    people = [draw(1, n, PACE) for n in range(3000)]
    assert {profile.ending for profile in people} == set(Ending)
    assert {profile.wish.taste for profile in people} == set(Taste)
    for trait in ("shows_up", "only_browses", "double_clicks", "reloads", "greedy", "tidy"):
        shares = Counter(getattr(profile, trait) for profile in people)
        assert shares[True] > 30, trait
        assert shares[False] > 30, trait
    assert any(profile.quits_line_after_s is not None for profile in people)


def test_most_arrive_in_a_spike_and_nobody_after_the_windows() -> None:
    arrivals = [draw(1, n, PACE).arrives_s for n in range(3000)]
    assert sum(at < PACE.arrival_window_s / 3 for at in arrivals) > 1500
    assert max(arrivals) <= PACE.late_window_s


def test_nobody_wants_more_than_the_limit() -> None:
    assert max(draw(1, n, PACE, 2).wish.quantity for n in range(500)) == 2


def test_neighbours_are_free_and_in_one_row() -> None:
    for seed in range(50):
        found = neighbours(Wish(Taste.MAP, 2), OFFER, "hffff", Random(seed))
        assert found in (["A-2", "A-3"], ["B-1", "B-2"])


def test_neighbours_do_not_run_over_the_end_of_a_row() -> None:
    assert neighbours(Wish(Taste.MAP, 2), OFFER, "hhffh", rng()) == []


def test_request_for_the_map_turns_to_best_available_when_nobody_can_sit_together() -> None:
    asked = choose_request(Wish(Taste.MAP, 2), OFFER, shown("fhfhf"), rng())
    assert asked == {"best_available": {"quantity": 2, "prevent_orphans": True}}


@pytest.mark.parametrize("taste", [Taste.MAP, Taste.BEST])
def test_no_request_when_too_few_seats_are_free(taste: Taste) -> None:
    assert choose_request(Wish(taste, 2), OFFER, shown("hhhhf"), rng()) is None


def test_the_floor_is_asked_for_what_it_has() -> None:
    found = floor(Wish(Taste.FLOOR, 5), OFFER, shown(""), rng())
    assert found == {"areas": [{"id": "floor", "quantity": 5}]}
    assert floor(Wish(Taste.FLOOR, 6), OFFER, shown(""), rng()) is None


def test_who_takes_any_area_takes_what_there_is_most_of() -> None:
    offer, random = Offer(areas=("front", "back", "side")), rng()
    free = {"front": 30, "back": 10, "side": 1}
    seat_map = SeatMap(areas={name: AreaCounts(n, 0, 0, 50) for name, n in free.items()})
    wish = Wish(Taste.FLOOR, 2, splits_up=False)
    asked = [choose_request(wish, offer, seat_map, random) for _ in range(400)]
    taken = Counter(one["areas"][0]["id"] for one in asked if one is not None)
    assert set(taken) == {"front", "back"}
    assert taken["front"] == pytest.approx(300, abs=30)


def test_who_finds_no_seat_turns_to_the_floor_and_back() -> None:
    assert fallback(Wish(Taste.MAP, 1), OFFER) == Wish(Taste.FLOOR, 1)
    assert fallback(Wish(Taste.FLOOR, 1), OFFER) == Wish(Taste.BEST, 1)
    assert fallback(Wish(Taste.BEST, 1), Offer(rows=OFFER.rows)) is None
    assert fallback(Wish(Taste.FLOOR, 1), Offer(areas=("floor",))) is None


def test_who_wishes_for_a_category_is_shown_no_other_seats() -> None:
    offer = Offer(
        rows=[["A-1", "A-2", "A-3", "A-4"]],
        areas=("floor",),
        categories={"A-1": "I", "A-2": "I", "A-3": "II", "A-4": "II"},
    )
    for seed in range(20):
        wish = Wish(Taste.MAP, 2, "II")
        assert neighbours(wish, offer, "ffff", Random(seed)) == ["A-3", "A-4"]
        assert neighbours(wish, offer, "fffh", Random(seed)) == []
    best = {"quantity": 2, "prevent_orphans": True, "categories": ["I"]}
    asked = choose_request(Wish(Taste.BEST, 2, "I"), offer, shown("ffhh"), rng())
    assert asked == {"best_available": best}
    assert choose_request(Wish(Taste.BEST, 2, "II"), offer, shown("ffhh"), rng()) is None
    asked = choose_request(Wish(Taste.BEST, 2, "floor"), offer, shown("ffff"), rng())
    assert asked == {"areas": [{"id": "floor", "quantity": 2}]}


def test_whose_category_is_gone_takes_another_or_goes() -> None:
    wish = Wish(Taste.BEST, 3, "I", splits_up=False)
    assert fallback(wish, OFFER) == Wish(Taste.BEST, 3, splits_up=False)
    assert fallback(Wish(Taste.BEST, 3, "I", takes_other=False), OFFER) is None
    anything = Wish(Taste.FLOOR, 3, splits_up=False)
    assert fallback(anything, OFFER) is None
    assert fallback(anything, OFFER, was_shown=True) == anything


@pytest.mark.parametrize("visitors", [0, MAX_VISITORS + 1])
def test_a_crowd_is_bounded(visitors: int) -> None:
    with pytest.raises(ValueError, match="visitors"):
        CrowdPlan(visitors=visitors)
