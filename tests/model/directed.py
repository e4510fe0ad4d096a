"""Schedules that chance finds too seldom, written down. The real code outlives every one."""

from __future__ import annotations

from typing import Final

from model.schedule import DEEDS, Schedule, Step
from model.steps import OPERATIONS


def do(kind: str, deed: str, worker: int = 0, c: int = 0) -> Step:
    """A request at this worker, of this worker's buyer, about the newest hold."""
    return Step(kind, list(DEEDS).index(deed), worker, c)


def deliver(count: int, at: int = 0) -> tuple[Step, ...]:
    """So many calls happen, each the one that waits at this place."""
    return (Step("deliver", at),) * count


def schedule(*steps: Step | tuple[Step, ...]) -> Schedule:
    """On a sale where a late payment gets the same seats again, or none."""
    flat: list[Step] = []
    for step in steps:
        flat += [step] if isinstance(step, Step) else step
    return Schedule("reacquire_same", tuple(flat))


TWO_MINUTES, FIVE_MINUTES, PAST_THE_HOLD = Step("time", 2), Step("time", 3), Step("time", 4)
CLOSE = do("rush", "operate", c=OPERATIONS.index("close"))
BEGUN = (do("rush", "hold"), do("ask", "confirm"), *deliver(2))
"""the confirm of the first worker waits for its turn in the ledger"""

# Who is late

SALE_COMES_LATE = schedule(
    BEGUN, do("rush", "recover", 1), TWO_MINUTES, do("rush", "recover", 1), deliver(1)
)
VOID_TOLD_LATE = schedule(
    BEGUN,
    Step("crash_before"),
    do("rush", "sweep", 2),
    do("rush", "recover", 1),
    TWO_MINUTES,
    do("ask", "recover", 1),
    deliver(8),  # the order is void, the store has yet to be told
    do("ask", "confirm", 2),
    deliver(6, at=1),  # that is noticed, the hold freed and reacquired
    deliver(1),
)
ONE_SEAT_FOR_TWO = schedule(
    Step("snapshot"),
    BEGUN,
    Step("roll_back"),
    do("rush", "hold", 1),
    do("ask", "confirm", 1),
    deliver(2, at=1),
    Step("batch"),
)

# A loss, and what comes back

INSTALLER_SLEEPS = schedule(
    do("rush", "sweep", 1),
    do("rush", "sweep", 2),
    Step("wipe"),
    do("ask", "sweep", 1),
    deliver(8),  # it has read what it is about to install
    do("rush", "sweep", 2),  # installs the same epoch, loses it, and installs the next
    Step("wipe"),
    do("rush", "sweep", 2),
    Step("run", 1),
)
LOST_WHILE_PAYING = schedule(
    do("rush", "hold"), do("rush", "pay"), Step("wipe"), do("rush", "sweep")
)
GIVEN_BACK_WHILE_PAYING = schedule(
    do("rush", "hold"),
    do("rush", "pay"),
    do("rush", "release", c=2),  # by the platform
    Step("wipe"),
    *(do("rush", "sweep"),) * 2,
)
REBUILT_MEANWHILE = schedule(BEGUN, Step("wipe"), *(do("rush", "sweep", 1),) * 2, deliver(1))
ROLLED_BACK_BY_A_SLOW_CLOCK = schedule(
    do("rush", "hold"),
    Step("snapshot"),
    do("rush", "release"),
    Step("time", 6),  # back
    Step("roll_back"),
    *(do("rush", "sweep"),) * 2,
    do("rush", "hold", 21),
)
"""the epoch that is rebuilt begins with the time of the store that is there now"""
PAID_LOST_AND_CANCELLED = schedule(
    do("rush", "hold"),
    Step("wipe"),
    *(do("rush", "sweep"),) * 2,
    do("rush", "cancel"),
    do("rush", "confirm"),
)
"""was answered `amount_mismatch`, and the payment had no record"""
PAID_BACK_AND_ASKED_AGAIN = Schedule(
    "reacquire_equivalent",
    (
        Step("rush", 0, 607, 578),
        Step("rush", 0, 390, 357),
        Step("time", 3),
        Step("time", 3),
        Step("rush", 0, 268, 549),
        Step("rush", list(DEEDS).index("confirm"), 744, 169),  # the buyer has too many: lost
        Step("rush", list(DEEDS).index("refund"), 564, 837),
    ),
)
"""the confirm that is repeated at the end took seats again, and booked them for nobody"""
WRONGLY_PAID_LOST_AND_PAID_BACK = schedule(
    do("rush", "hold"),
    Step("wipe"),
    *(do("rush", "sweep"),) * 2,
    do("rush", "wrong"),  # what the hold cost is not known any more
    do("rush", "refund"),
    do("rush", "wrong"),
)
"""the repeat is answered with the order as it is, refunded: that is no sale"""
KEY_USED_AGAIN_AFTER_A_LOSS = Schedule(
    "reacquire_same",
    (
        Step("rush", 0, 482, 796),
        Step("wipe"),
        Step("rush", list(DEEDS).index("release"), 470, 339),
        Step("ask", list(DEEDS).index("confirm"), 163, 585),
        Step("ask", 0, 290, 616),
    ),
)
"""the key of a hold that the store has forgotten gets another one, which the payment is not for"""

# Bounds

EXTENDED_THRICE = schedule(do("rush", "hold"), *(FIVE_MINUTES, do("rush", "extend")) * 3)
CLOSED = schedule(CLOSE, do("rush", "hold"))
PAID_LATE_AND_CLOSED = schedule(do("rush", "hold"), CLOSE, PAST_THE_HOLD, do("rush", "confirm"))
PAID_LATE_WITH_TOO_MANY = schedule(
    do("rush", "hold", c=4),  # three seats
    PAST_THE_HOLD,
    do("rush", "hold", 21, c=2),  # the same buyer, another key, two seats
    do("rush", "confirm", 3),  # the first one
)
BLOCKED_AND_UNBLOCKED = schedule(
    do("rush", "hold"), do("rush", "block"), do("rush", "unblock"), do("rush", "release")
)

# What is set aside for the club: two seats and the lodge

MEMBER = 126
"""the first worker again, and a buyer who carries the channel and wants a unit of the lodge too"""
SEAT_OF_THE_CLUB = 144
"""and one that is not"""
STRANGER_AT_THE_CLUB = schedule(do("rush", "hold", c=SEAT_OF_THE_CLUB))
RELEASED_WHILE_HELD = schedule(
    do("rush", "hold", MEMBER, SEAT_OF_THE_CLUB),
    do("rush", "let_out"),
    do("rush", "release"),
    do("rush", "hold", c=SEAT_OF_THE_CLUB),
)
HELD_PAID_AND_REFUNDED = schedule(
    do("rush", "hold", MEMBER, SEAT_OF_THE_CLUB), do("rush", "confirm"), do("rush", "refund")
)
RELEASED_AND_LOST = schedule(do("rush", "let_out"), Step("wipe"), *(do("rush", "sweep"),) * 2)
ALL_BUT_THE_CLUB = schedule(
    do("rush", "hold", c=18),  # two seats and two units of the floor
    do("rush", "hold", 1, c=36),  # two more, and the last unit
    do("rush", "confirm"),
    do("rush", "confirm", 3),  # the first one
    do("rush", "block", 7, c=4),  # the last two that are for everybody
    do("rush", "let_out"),
)
PAID_LATE_BESIDE_THE_CLUB = Schedule(
    "reacquire_equivalent",
    (
        do("rush", "hold"),
        PAST_THE_HOLD,
        do("rush", "sweep"),
        do("rush", "block", 14, c=0),
        do("rush", "block", 14, c=3),  # what is free now is the club's
        do("rush", "confirm"),
    ),
)

DIRECTED: Final[dict[str, Schedule]] = {
    name: found for name, found in list(globals().items()) if isinstance(found, Schedule)
}
"""all of them, by name"""
