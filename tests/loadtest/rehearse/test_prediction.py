"""A prediction is the median over seeds, figure by figure."""

from pathlib import Path
from random import Random

from holdfast_loadtest.rehearse.prediction import predict, typical
from holdfast_simulator.arrivals import Arrivals, arrival_times
from holdfast_simulator.result import Funnel, Result, SeriesPoint, Waits
from holdfast_simulator.summary import simulate
from holdfast_simulator.world import SaleWorld, World


def result(sold_out: float | None, p90: float, admitted: int) -> Result:
    return Result(
        kind="simulation",
        scenario="one",
        sale="",
        sold_out_after_s=sold_out,
        waits=Waits(p50=1.0, p90=p90),
        funnel=Funnel(admitted=admitted),
        series=[SeriesPoint(at_s=p90)],
    )


def test_each_figure_is_the_median_of_all() -> None:
    found = typical([result(10.0, 5.0, 4), result(30.0, 9.0, 1), result(20.0, 6.0, 3)])
    assert (found.sold_out_after_s, found.waits.p90, found.funnel.admitted) == (20.0, 6.0, 3)
    assert found.series == [SeriesPoint(at_s=6.0)]
    assert found.scenario == "one"


def test_figure_that_most_do_not_have_is_none() -> None:
    sold, not_sold = result(10.0, 5.0, 1), result(None, 5.0, 1)
    assert typical([not_sold, not_sold, sold]).sold_out_after_s is None
    assert typical([not_sold, sold, sold]).sold_out_after_s == 10.0
    assert typical([not_sold, sold]).sold_out_after_s is None


def test_prediction_has_the_arrivals_of_the_first_seed_and_the_people_of_all(
    tmp_path: Path,
) -> None:
    world = World(
        arrivals=Arrivals(shape="flash", visitors=200, seconds=5),
        sale=SaleWorld(areas={"floor": 100}, new_users_per_minute=300),
        seed=5,
    )
    times = arrival_times(world.arrivals, Random(5))
    (tmp_path / "times").write_text("\n".join(map(repr, times)))
    recorded = Arrivals(shape="recorded", times_file=str(tmp_path / "times"))
    worlds = [World(arrivals=recorded, sale=world.sale, seed=seed) for seed in (5, 6, 7)]
    waits = sorted(simulate(one).waits.p90 or 0 for one in worlds)
    assert len(set(waits)) == 3
    found = predict(world, scenario="x", sale="gala", seeds=3)
    assert found.waits.p90 == waits[1]
    assert (found.scenario, found.sale) == ("x", "gala")
