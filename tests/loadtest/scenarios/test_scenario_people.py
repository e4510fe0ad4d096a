"""The people of a scenario: the same for any number of processes, and as its world says."""

from collections import Counter
from pathlib import Path

import msgspec

from holdfast_loadtest.crowd.profiles import Ending
from holdfast_loadtest.locust.assignment import portable
from holdfast_loadtest.scenarios.people import People
from holdfast_loadtest.scenarios.scenario import PersonKind, Scenario
from holdfast_simulator.arrivals import Arrivals
from holdfast_simulator.world import Buyers, Duration, SaleWorld

ROOT = Path(__file__).resolve().parents[3]
VISITORS = 2_000


def scenario(users: dict[PersonKind, float] | None = None, **buyers: object) -> Scenario:
    return Scenario(
        users={"buyer": 1.0} if users is None else users,
        duration_seconds=60,
        arrivals=Arrivals(shape="flash", visitors=VISITORS, seconds=30),
        sale=SaleWorld(seats={"Stalls": 300}, areas={"floor": 100}, max_units_per_buyer=4),
        buyers=msgspec.convert(buyers, Buyers),
    )


def test_each_person_belongs_to_exactly_one_process() -> None:
    people = People(scenario())
    for processes in (1, 2, 3, 7):
        shares = [list(people.share(process, processes)) for process in range(processes)]
        everybody = sorted(person for share in shares for person, _ in share)
        assert everybody == list(range(VISITORS))
        assert all(share == sorted(share, key=lambda one: one[1]) for share in shares)
    times = dict(people.share(0, 1))
    assert all(times[person] == due for person, due in people.share(1, 2))


def test_people_do_not_depend_on_who_draws_them() -> None:
    one, other = People(scenario()), People(scenario())
    assert [one.profile(index) for index in range(50)] == [
        other.profile(index) for index in reversed(range(50))
    ][::-1]


def test_kinds_come_by_their_weights() -> None:
    people = People(scenario({"buyer": 3, "bot": 1}))
    kinds = Counter(people.kind(person) for person in range(VISITORS))
    assert set(kinds) == {"buyer", "bot"}
    assert 0.2 < kinds["bot"] / VISITORS < 0.3


def test_buyers_are_as_the_world_says() -> None:
    people = People(
        scenario(
            group_sizes={2: 1.0, 6: 1.0},
            taste={"floor": 1.0},
            no_show=0.5,
            leaves=0.0,
            looks_only=0.0,
            lapses=1.0,
            look_seconds=Duration(3.0, 0.0),
        )
    )
    drawn = [people.profile(person) for person in range(VISITORS)]
    assert {profile.wish.quantity for profile in drawn} == {2, 4}, "at most the limit"
    assert {profile.wish.category for profile in drawn} == {"floor"}
    assert {profile.ending for profile in drawn} == {Ending.LAPSES}
    assert {profile.look_s for profile in drawn} == {3.0}
    assert not any(profile.only_browses for profile in drawn)
    assert 0.45 < sum(profile.shows_up for profile in drawn) / VISITORS < 0.55


def test_without_a_taste_people_want_what_there_is_of_each() -> None:
    people = People(scenario())
    wanted = Counter(people.profile(person).wish.category for person in range(VISITORS))
    assert set(wanted) == {"Stalls", "floor"}
    assert 0.2 < wanted["floor"] / VISITORS < 0.3


def test_what_makes_each_kind() -> None:
    def drawn(kind: PersonKind) -> People:
        return People(scenario({kind: 1.0}))

    for person in range(100):
        visitor = drawn("visitor").profile(person)
        assert visitor.only_browses
        assert visitor.shows_up
        refresher = drawn("refresher").profile(person)
        assert refresher.impatient
        abandoner = drawn("abandoner").profile(person)
        gives_up = abandoner.quits_line_after_s is not None or not abandoner.shows_up
        assert gives_up or abandoner.ending is Ending.LAPSES


def test_scenario_with_files_is_carried_to_machines_that_have_none(tmp_path: Path) -> None:
    times, plan = tmp_path / "times.txt", ROOT / "examples" / "plans" / "sports-hall.json"
    times.write_text("-3.5\n0.25\n7\n", encoding="utf-8")
    with_files = Scenario(
        users={"buyer": 1.0},
        duration_seconds=60,
        arrivals=Arrivals(shape="recorded", times_file=str(times)),
        sale=SaleWorld(plan=str(plan), areas={"floor": 9}),
    )
    people = People(with_files)
    carried, arrivals = portable(with_files, people)
    times.unlink()
    there = People(carried, arrivals)
    assert carried.sale.plan is None
    assert carried.sale.stock() == with_files.sale.stock()
    assert list(there.arrivals) == [-3.5, 0.25, 7.0]
    assert there.lobby_seconds == 3.5
    assert [there.profile(person) for person in range(3)] == [
        people.profile(person) for person in range(3)
    ]
