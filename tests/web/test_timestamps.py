from datetime import UTC, datetime, timedelta, timezone

import pytest

from holdfast_web.timestamps import moment_of, optional_timestamp, timestamp, unix_ms

LAST_MS = 253_402_300_799_999


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (1, "1970-01-01T00:00:00.001Z"),
        (1_772_355_600_000, "2026-03-01T09:00:00.000Z"),
        (1_772_355_600_050, "2026-03-01T09:00:00.050Z"),
        (LAST_MS, "9999-12-31T23:59:59.999Z"),
        (LAST_MS + 1, "9999-12-31T23:59:59.999Z"),
    ],
)
def test_timestamp_is_rfc_3339_in_utc_to_the_millisecond(ms: int, text: str) -> None:
    assert timestamp(ms) == text
    assert datetime.fromisoformat(text).tzinfo is not None


def test_optional_timestamp_of_no_time_is_none() -> None:
    assert optional_timestamp(0) is None
    assert optional_timestamp(1) == timestamp(1)


@pytest.mark.parametrize("ms", [1, 999, 1_772_355_600_001, LAST_MS])
def test_unix_ms_reverses_moment_and_timestamp(ms: int) -> None:
    assert unix_ms(moment_of(ms)) == ms
    assert unix_ms(datetime.fromisoformat(timestamp(ms))) == ms


def test_unix_ms_counts_from_utc_and_rounds_to_the_millisecond() -> None:
    eastern = timezone(timedelta(hours=-5))
    assert unix_ms(datetime(1970, 1, 1, tzinfo=eastern)) == 5 * 3_600_000
    assert unix_ms(datetime(1970, 1, 1, 0, 0, 0, 1_700, tzinfo=UTC)) == 2
    assert unix_ms(None) == 0
