"""What is wrong with a sale right now, by the names of the Prometheus alerts in snake case.

For who looks at the sale, and without Prometheus: computed from the live document and the points of
the history. docs/operations.md says what to do about each.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from holdfast.figures.waits import quantile, waits_ended
from holdfast_lua.calls.line_status import LineStatus
from holdfast_lua.calls.records import Point
from holdfast_lua.clock import SKEW_WARNING_MS
from holdfast_lua.history import STEP_MS
from holdfast_queue.line.status import SaleState

CRITICAL: Final = "critical"
WARNING: Final = "warning"
OK: Final = "ok"

STALLED_MS: Final = 60_000
RATE_OFF: Final = 0.8
RATE_OFF_MS: Final = 120_000
ESTIMATE_MS: Final = 600_000
ESTIMATE_OFF_SECONDS: Final = 60.0
ESTIMATE_OFF_SHARE: Final = 0.3
ESTIMATE_WAITS_MIN: Final = 5
SWEEP_LAG_SECONDS: Final = 10
PENDING_SECONDS: Final = 900


@dataclass(frozen=True, slots=True)
class SaleAlert:
    code: str
    severity: str
    text: str


@dataclass(frozen=True, slots=True)
class Situation:
    """What alerts are found in. `checks` are store and ledger by name: `ok`, or what is wrong."""

    state: SaleState
    line: LineStatus
    points: Sequence[Point]
    checks: Mapping[str, str]
    skew_ms: int


def find_alerts(situation: Situation) -> list[SaleAlert]:
    """All that is wrong, the worst first."""
    found = [
        *_storage(situation.checks),
        *_line(situation),
        *_orders(situation.points),
        *_clock(situation.skew_ms),
    ]
    return sorted(found, key=lambda alert: alert.severity != CRITICAL)


def worst(alerts: Sequence[SaleAlert]) -> str:
    """The severity of the worst alert, OK without any."""
    severities = {alert.severity for alert in alerts}
    return CRITICAL if CRITICAL in severities else WARNING if severities else OK


def _storage(checks: Mapping[str, str]) -> list[SaleAlert]:
    found = []
    store, ledger = checks.get("store", OK), checks.get("ledger", OK)
    if store != OK:
        text = f"The store takes no writes ({store}): nobody joins, holds or pays."
        found.append(SaleAlert("store_unavailable", CRITICAL, text))
    if ledger != OK:
        text = f"The ledger takes no writes ({ledger}): nothing can be confirmed."
        found.append(SaleAlert("ledger_read_only", CRITICAL, text))
    return found


def _line(situation: Situation) -> list[SaleAlert]:
    line, points = situation.line, situation.points
    found = []
    if situation.state is SaleState.OPEN and _has_room(line):
        if _stands_still(line, points):
            text = "People wait and there is room, but nobody has been called for a minute."
            found.append(SaleAlert("line_stalled", CRITICAL, text))
        elif _rate_is_off(points):
            text = "For two minutes fewer visitors have come in than the rate that is set."
            found.append(SaleAlert("rate_off", WARNING, text))
    error = _estimate_error(points)
    if error is not None:
        text = f"Waits are off by {error:.0f} s or more for one visitor in ten."
        found.append(SaleAlert("wait_estimate_off", WARNING, text))
    return found


def _has_room(line: LineStatus) -> bool:
    return (
        line.waiting > 0
        and line.rate_per_minute > 0
        and line.free > 0
        and line.active + line.deferred < line.cap
    )


def _stands_still(line: LineStatus, points: Sequence[Point]) -> bool:
    """Whether nobody has been called since a point that is STALLED_MS old, and nobody who was
    called may still come.
    """
    if line.outstanding > 0:
        return False
    old = [point for point in points if point.at_ms <= points[-1].at_ms - STALLED_MS]
    return bool(old) and old[-1].called == line.called and old[-1].waiting > 0


def _rate_is_off(points: Sequence[Point]) -> bool:
    recent = [point for point in points if point.at_ms > points[-1].at_ms - RATE_OFF_MS]
    if len(recent) < RATE_OFF_MS // STEP_MS or any(point.waiting == 0 for point in recent):
        return False
    wanted = sum(point.rate_set for point in recent)
    return sum(point.rate_realised for point in recent) < RATE_OFF * wanted


def _estimate_error(points: Sequence[Point]) -> float | None:
    """The error that one visitor in ten sees, where it is too large."""
    if not points:
        return None
    waits = waits_ended(points, points[-1].at_ms - ESTIMATE_MS)
    errors = [wait.error_seconds for wait in waits if wait.error_seconds is not None]
    error, real = quantile(errors, 0.9), quantile([wait.seconds for wait in waits], 0.5)
    if error is None or real is None or len(errors) < ESTIMATE_WAITS_MIN:
        return None
    return error if error > max(ESTIMATE_OFF_SECONDS, ESTIMATE_OFF_SHARE * real) else None


def _orders(points: Sequence[Point]) -> list[SaleAlert]:
    if not points:
        return []
    latest, found = points[-1], []
    if latest.refund_required:
        text = f"{latest.refund_required} payments came for what could not be had: refund them."
        found.append(SaleAlert("payment_without_seat", CRITICAL, text))
    if latest.overdue_s > SWEEP_LAG_SECONDS:
        text = f"Holds that ended {latest.overdue_s} s ago have not been freed."
        found.append(SaleAlert("sweep_lag", WARNING, text))
    return found


def _clock(skew_ms: int) -> list[SaleAlert]:
    if abs(skew_ms) < SKEW_WARNING_MS:
        return []
    text = f"The clocks of store and service differ by {abs(skew_ms) / 1000:.1f} s."
    return [SaleAlert("clock_skew", WARNING, text)]
