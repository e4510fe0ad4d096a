"""The host's clock, for columns that say when a row was written: never for deadlines, which are the
store's.
"""

import time


def now_ms() -> int:
    """This host's time in Unix milliseconds."""
    return time.time_ns() // 1_000_000
