"""Times as the API writes them: RFC 3339 in UTC, to the millisecond.

Inside the service a time is a number of Unix milliseconds, and 0 is no time.
"""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

SECONDS_KEPT: Final = 1024
_LAST_MS: Final = 253_402_300_799_999
"""the last millisecond of the year 9999, the last year of RFC 3339"""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


def timestamp(ms: int) -> str:
    """`ms` as text, such as `2026-03-01T09:00:00.000Z`; a later time than any is the last one."""
    seconds, milliseconds = divmod(min(ms, _LAST_MS), 1000)
    return f"{_whole_seconds(seconds)}.{milliseconds:03}Z"


def optional_timestamp(ms: int) -> str | None:
    """`ms` as text, None for 0."""
    return timestamp(ms) if ms else None


def moment_of(ms: int) -> datetime:
    """`ms` as a `datetime` in UTC."""
    return _EPOCH + ms * _MILLISECOND


def unix_ms(moment: datetime | None) -> int:
    """A `datetime` with a time zone in Unix milliseconds, rounded; 0 for None."""
    return 0 if moment is None else round((moment - _EPOCH) / _MILLISECOND)


@lru_cache(SECONDS_KEPT)
def _whole_seconds(seconds: int) -> str:
    """Kept, because the holds of a crowd all end in the same few seconds."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
