"""Numbers that the service and the scripts both go by, written once.

The loader puts them into the scripts in place of `CONST.NAME`. Where a setting meets one,
tests/house/code/test_ranges.py checks the range that the setting allows against it.
"""

from __future__ import annotations

from typing import Final

TOKEN: Final = 60_000
"""A pass costs so much of the token bucket: a millisecond at `rate` a minute adds exactly `rate`,
so no fraction is ever lost or made up."""

TICK_MS: Final = 250
"""How often a line is stepped unless it is set otherwise: the bucket holds two such ticks of rate,
since a line that moves in ticks could not use its rate otherwise."""

MIN_STEP_MS: Final = 100
"""Within it of the last step a step of the line only reads."""

POLL_MS: Final = 2_000
"""How often a visitor near the front asks for their place,"""

POLLS_PER_WINDOW: Final = 3
"""where that many polls fit into the claim window; more often where they do not,"""

POLL_LEAST_MS: Final = 500
"""and never more often than this."""

RANGE_MS: Final = 1_000
"""Calls within it share a range, however many workers step the line."""

LOOK_BACK: Final = 64
"""The share of called visitors who come is measured over so many of the newest ranges."""

SHARE_PRIOR: Final = 10
"""So many visitors who all came are made up for a line that has called nobody yet."""

SHARE_MIN: Final = 0.02
"""The share is never taken to be lower."""

SHARE_MEMORY: Final = 50
"""Ranges older than LOOK_BACK weigh in the share like so many called visitors, at most."""

OUTSTANDING_FLOOR: Final = 100
"""So many calls may be outstanding whatever the rate,"""

OUTSTANDING_FACTOR: Final = 20
"""and so many times what the rate and the burst admit in a claim window."""

SWEEP_MAX: Final = 50
"""A step of the line ends so many overdue sessions, calls and deferrals at most, of each kind."""

PACE_MS: Final = 30_000
"""Time constant of the measured rate of admissions, an exponential average."""

OUTAGE_MS: Final = 5_000
"""A line that nobody has stepped for longer had an outage, unless it is stepped that seldom."""

OUTAGE_STEPS: Final = 3
"""It has none within so many of its usual intervals between steps,"""

OUTAGE_MAX_MS: Final = 180_000
"""and always after so long. The longest interval that can be set must fit in OUTAGE_STEPS times."""

RETRY_MS: Final = 3_000
"""A deferred visitor who has not claimed again for so long is not waited for."""

RETRY_SWEEP_MAX: Final = 200
"""A look at the deferred forgets so many of them at most."""

STAYS_EVERY_MS: Final = 1_000
"""How long visitors stay is measured so often at most,"""

STAYS_MEMORY_MIN: Final = 50
"""over the newest two stays for each slot, and over so many at least."""

PRESENCE_KEPT_MS: Final = 300_000
"""A window of presence is kept for so long, longer than it lasts and is reported."""

SWEEP_BEFORE_MAX: Final = 16
"""A request for a hold ends so many overdue holds at most before it looks for units."""

EXTEND_LEAST_MS: Final = 1_000
"""The least by which the deadline of a hold moves."""

ENDS_AT_ONCE: Final = 60
"""A buyer with a pass may end so many holds at once,"""

END_EVERY_MS: Final = 60_000
"""and one in so long from then on."""
