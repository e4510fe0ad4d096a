import pytest
from support.points import START_MS, point

from holdfast_lua import Executor, SaleRef, history
from holdfast_lua.calls import keys
from holdfast_lua.errors import StoreBehind
from holdfast_lua.history import STEP_MS, HistoryCalls


@pytest.fixture
def ref(sale_ref: SaleRef) -> SaleRef:
    return sale_ref


@pytest.fixture
def calls(executor: Executor) -> HistoryCalls:
    return HistoryCalls(executor)


async def record(calls: HistoryCalls, ref: SaleRef, *steps: int) -> list[bool]:
    return [await calls.record(ref, point(step, waiting=step)) for step in steps]


async def test_point_comes_back_as_it_was(calls: HistoryCalls, ref: SaleRef) -> None:
    written = point(3, waiting=7, rate_realised=2.5, wait_s=None, free_by_category={"Ä": 3})
    assert await calls.record(ref, written)
    assert (await calls.hour(ref.uid)).points == (written,)
    assert (await calls.whole(ref.uid)).points == (written,)
    assert await calls.newest(ref.uid) == written


async def test_two_leaders_record_a_step_once(calls: HistoryCalls, ref: SaleRef) -> None:
    assert await record(calls, ref, 1, 1, 2, 2, 1) == [True, False, True, False, False]
    assert [one.waiting for one in (await calls.hour(ref.uid)).points] == [1, 2]


async def test_hour_keeps_an_hour(
    calls: HistoryCalls, ref: SaleRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "HOUR_MAX", 5)
    await record(calls, ref, *range(9))
    assert [one.waiting for one in (await calls.hour(ref.uid)).points] == [4, 5, 6, 7, 8]
    await record(calls, ref, 11)  # two steps are missing, and older points are out of the hour
    assert [one.waiting for one in (await calls.hour(ref.uid)).points] == [7, 8, 11]


async def test_whole_sale_stays_within_its_bound_however_long_it_goes_on(
    calls: HistoryCalls, ref: SaleRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "WHOLE_MAX", 8)
    for step in range(100):
        await record(calls, ref, step)
        whole = await calls.whole(ref.uid)
        places = [one.at_ms // whole.step_ms for one in whole.points]
        assert places == list(range(places[0], places[-1] + 1)), "a point in each step"
        assert len(places) <= 8
        assert whole.points[-1].at_ms > START_MS + step * STEP_MS - whole.step_ms
        assert whole.points[0].waiting == 0, "the beginning stays"
    assert whole.step_ms == 16 * STEP_MS


async def test_gap_of_days_does_not_widen_the_whole_sale(
    calls: HistoryCalls, ref: SaleRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "WHOLE_MAX", 8)
    await record(calls, ref, 0, 1, 2, 3, 1024, 1025)
    whole = await calls.whole(ref.uid)
    assert [one.waiting for one in whole.points] == [0, 1024]
    first, last = (one.at_ms // whole.step_ms for one in whole.points)
    assert last - first < 8


async def test_sale_that_the_store_has_lost_is_not_recorded(
    calls: HistoryCalls, executor: Executor, ref: SaleRef
) -> None:
    await record(calls, ref, 1)
    await executor.command("UNLINK", keys.sale(ref.uid))
    with pytest.raises(StoreBehind):
        await record(calls, ref, 2)
    assert len((await calls.hour(ref.uid)).points) == 1


async def test_no_hold_has_no_age(calls: HistoryCalls, ref: SaleRef) -> None:
    ages = await calls.hold_ages(ref)
    assert (ages.oldest_ms, ages.overdue_ms) == (0, 0)
