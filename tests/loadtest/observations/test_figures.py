"""Figures of workers add up to those of the run, and names from outside are bounded."""

from holdfast_loadtest.observations.figures import MAX_NAMES, OTHER, Figures, Stage


def observed(*waits: float) -> Figures:
    figures = Figures()
    for wait in waits:
        figures.waited(wait, wait + 10, wait)
        figures.admission_waits.add(wait)
        figures.answered("join", wait / 100, failed=wait > 20)
        figures.refused("hold", "seats_taken" if wait > 20 else "limit")
    return figures


def test_figures_of_two_workers_are_those_of_both() -> None:
    merged = observed(10, 30)
    merged.merge(observed(20, 40))
    whole = observed(10, 30, 20, 40)
    assert merged == whole
    assert merged.latencies().count == 4


def test_first_arrival_is_that_of_all_workers() -> None:
    early, late = Figures(), Figures()
    early.count(Stage.ARRIVED, 1000.75)
    early.count(Stage.JOINED, 1000.25)
    late.count(Stage.ARRIVED, 1003.5)
    for order in ((late, early, Figures()), (early, Figures(), late)):
        merged = Figures()
        for figures in order:
            merged.merge(figures)
        assert merged.first_arrival == 1000.75


def test_time_that_forgeries_take_is_not_the_latency_of_visitors() -> None:
    figures = observed(10)
    figures.answered("forgery", 0.25, failed=False)
    assert figures.latencies() == observed(10).latencies()
    assert figures.steps["forgery"].seconds.count == 1


def test_nonsense_from_a_service_takes_no_memory() -> None:
    figures, all_figures = Figures(), Figures()
    for n in range(3 * MAX_NAMES):
        figures.refused(f"step{n}", "code")
        figures.refused("step0", f"code{n}")
        figures.answered(f"step{n}", 0.1, failed=False)
    for _ in range(2):
        all_figures.merge(figures)
    assert max(len(figures.refusals), len(figures.steps)) <= MAX_NAMES + 1
    assert len(figures.refusals["step0"]) <= MAX_NAMES + 1
    assert figures.refusals["step0"][OTHER] > MAX_NAMES
    assert all_figures.latencies().count == 6 * MAX_NAMES


def test_estimates_are_grouped_by_powers_of_two() -> None:
    figures = Figures()
    for estimate in (0.0, 0.5, 1.0, 1.9, 2.0, 63.9, 64.0):
        figures.waited(1, estimate, 1)
    counts = {power: waits.count for power, waits in figures.waits_by_estimate.items()}
    assert counts == {0: 4, 1: 1, 5: 1, 6: 1}
