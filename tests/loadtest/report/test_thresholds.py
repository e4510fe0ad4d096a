"""Limits of a scenario: read strictly, held only by what was measured."""

import msgspec
import pytest

from holdfast_loadtest.report.thresholds import (
    StepLimits,
    ThresholdResult,
    Thresholds,
    judge_thresholds,
)


@pytest.mark.parametrize(
    ("thresholds", "name", "measured", "held"),
    [
        (Thresholds(wait_p90_s=60), "wait_p90_s", 60.0, True),
        (Thresholds(wait_p90_s=60), "wait_p90_s", 60.1, False),
        (Thresholds(wait_p90_s=60), "wait_p90_s", None, False),
        (Thresholds(refused_share=0), "refused_share", 0.0, True),
        (Thresholds(refused_share=0), "refused_share", 0.01, False),
        (Thresholds(goodput_per_s=5), "goodput_per_s", 5.0, True),
        (Thresholds(goodput_per_s=5), "goodput_per_s", 4.9, False),
        (Thresholds(waited_share=0.8), "waited_share", 0.7, False),
        (Thresholds(waited_share=0.8), "waited_share", None, False),
        (Thresholds(rate_error=0.05), "rate_error", float("nan"), False),
        (Thresholds(steps={"join": StepLimits(p99_ms=500)}), "steps.join.p99_ms", 501.0, False),
        (Thresholds(steps={"join": StepLimits(p99_ms=500)}), "steps.join.p99_ms", None, False),
    ],
)
def test_limit_is_held_by_a_measured_figure(
    thresholds: Thresholds, name: str, measured: float | None, held: bool
) -> None:
    (result,) = judge_thresholds(thresholds, {name: measured})
    assert (result.name, result.held) == (name, held)


def test_a_figure_that_nobody_measured_holds_no_limit() -> None:
    limits = {name: 1.0 for name in Thresholds.__struct_fields__ if name != "steps"}
    steps = {"join": StepLimits(*[1.0] * len(StepLimits.__struct_fields__))}
    results = judge_thresholds(Thresholds(steps, **limits), {})
    assert len(results) == len(limits) + len(StepLimits.__struct_fields__)
    assert not any(result.held for result in results)


def test_no_limit_is_no_result() -> None:
    assert judge_thresholds(Thresholds(), {"wait_p90_s": 1.0}) == []


def test_result_says_limit_and_measure() -> None:
    thresholds = Thresholds(failed_share=0.1)
    assert judge_thresholds(thresholds, {"failed_share": 0.05}) == [
        ThresholdResult("failed_share", 0.1, 0.05, True)
    ]


def test_a_limit_that_does_not_exist_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="wait_p95"):
        msgspec.convert({"wait_p95": 3}, Thresholds)
    with pytest.raises(msgspec.ValidationError, match="p95_ms"):
        msgspec.convert({"steps": {"join": {"p95_ms": 3}}}, Thresholds)
