"""The numbers that the scripts go by.

This package imports nothing of the service, so they stand here again; a test holds each against
the service's own, in `holdfast_lua.calls.constants` unless it says otherwise.
"""

from typing import Final

TOKEN: Final = 60_000
TICK_MS: Final = 250
MIN_STEP_MS: Final = 100
POLL_MS: Final = 2_000
POLLS_PER_WINDOW: Final = 3
POLL_LEAST_MS: Final = 500
RANGE_MS: Final = 1_000
LOOK_BACK: Final = 64
SHARE_PRIOR: Final = 10
SHARE_MIN: Final = 0.02
OUTAGE_MS: Final = 5_000
OUTAGE_STEPS: Final = 3
OUTAGE_MAX_MS: Final = 180_000
RETRY_MS: Final = 3_000
SHARE_MEMORY: Final = 50
SWEEP_MAX: Final = 50
OUTSTANDING_FLOOR: Final = 100
OUTSTANDING_FACTOR: Final = 20
RETRY_SWEEP_MAX: Final = 200
STAYS_EVERY_MS: Final = 1_000
STAYS_MEMORY_MIN: Final = 50
SWEEP_BEFORE_MAX: Final = 16
EXPIRE_MAX: Final = 500
"""holdfast_lua.calls.inventory: of holds that one call of expire_holds ends"""
