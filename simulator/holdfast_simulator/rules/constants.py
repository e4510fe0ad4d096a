"""The numbers that the scripts go by.

This package imports nothing of the service, so they stand here again; a test holds each against
`holdfast_lua.calls.constants` or the script that has it.
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
"""include/line/calls.lua"""
SWEEP_MAX: Final = 50
"""scripts/line/advance_line.lua"""
OUTSTANDING_FLOOR: Final = 100
"""scripts/line/advance_line.lua"""
OUTSTANDING_FACTOR: Final = 20
"""scripts/line/advance_line.lua"""
RETRY_SWEEP_MAX: Final = 200
"""include/line/retries.lua"""
STAYS_EVERY_MS: Final = 1_000
"""include/line/measure_stays.lua"""
STAYS_MEMORY_MIN: Final = 50
"""include/line/measure_stays.lua"""
SWEEP_BEFORE_MAX: Final = 16
"""scripts/holds/hold_seats.lua"""
EXPIRE_MAX: Final = 500
"""of holds that one call of expire_holds ends, `SWEEP_MAX` of holdfast_lua.calls.inventory"""
