"""Schedules that chance finds too seldom, written down. The real code outlives every one."""

from typing import Final

from model.operations.choice import LIFECYCLE_CHANGES
from model.schedule import OPERATIONS, Schedule, Step


def do(kind: str, operation: str, worker: int = 0, c: int = 0) -> Step:
    """A request at this worker, of this worker's buyer, about the newest hold."""
    return Step(kind, list(OPERATIONS).index(operation), worker, c)


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
CLOSE = do("perform", "change_lifecycle", c=LIFECYCLE_CHANGES.index("close"))
BEGUN = (do("perform", "hold"), do("start", "confirm"), *deliver(2))
"""the confirm of the first worker waits for its turn in the ledger"""

# Who is late

SALE_COMES_LATE = schedule(
    BEGUN, do("perform", "recover", 1), TWO_MINUTES, do("perform", "recover", 1), deliver(1)
)
VOID_SYNCED_LATE = schedule(
    BEGUN,
    Step("crash_before"),
    do("perform", "sweep", 2),
    do("perform", "recover", 1),
    TWO_MINUTES,
    do("start", "recover", 1),
    deliver(8),  # the order is void, the store has yet to be synced
    do("start", "confirm", 2),
    deliver(6, at=1),  # that is noticed, the hold freed and reacquired
    deliver(1),
)
ONE_SEAT_FOR_TWO = schedule(
    Step("snapshot"),
    BEGUN,
    Step("roll_back"),
    do("perform", "hold", 1),
    do("start", "confirm", 1),
    deliver(2, at=1),
    Step("batch"),
)

# A loss, and what comes back

INSTALLER_SLEEPS = schedule(
    do("perform", "sweep", 1),
    do("perform", "sweep", 2),
    Step("wipe"),
    do("start", "sweep", 1),
    deliver(8),  # it has read what it is about to install
    do("perform", "sweep", 2),  # installs the same epoch, loses it, and installs the next
    Step("wipe"),
    do("perform", "sweep", 2),
    Step("run", 1),
)
LOST_WHILE_PAYING = schedule(
    do("perform", "hold"), do("perform", "begin_paying"), Step("wipe"), do("perform", "sweep")
)
GIVEN_BACK_WHILE_PAYING = schedule(
    do("perform", "hold"),
    do("perform", "begin_paying"),
    do("perform", "release", c=2),  # by the platform
    Step("wipe"),
    *(do("perform", "sweep"),) * 2,
)
REBUILT_MEANWHILE = schedule(BEGUN, Step("wipe"), *(do("perform", "sweep", 1),) * 2, deliver(1))
ROLLED_BACK_BY_A_SLOW_CLOCK = schedule(
    do("perform", "hold"),
    Step("snapshot"),
    do("perform", "release"),
    Step("time", 6),  # back
    Step("roll_back"),
    *(do("perform", "sweep"),) * 2,
    do("perform", "hold", 21),
)
"""the epoch that is rebuilt begins with the time of the store that is there now"""
PAID_LOST_AND_CANCELLED = schedule(
    do("perform", "hold"),
    Step("wipe"),
    *(do("perform", "sweep"),) * 2,
    do("perform", "cancel"),
    do("perform", "confirm"),
)
"""was answered `amount_mismatch`, and the payment had no record"""
PAID_BACK_AND_ASKED_AGAIN = Schedule(
    "reacquire_equivalent",
    (
        Step("perform", 0, 607, 578),
        Step("perform", 0, 390, 357),
        Step("time", 3),
        Step("time", 3),
        Step("perform", 0, 268, 549),
        Step("perform", list(OPERATIONS).index("confirm"), 744, 169),  # too many: lost
        Step("perform", list(OPERATIONS).index("refund"), 564, 837),
    ),
)
"""the confirm that is repeated at the end took seats again, and booked them for nobody"""
WRONGLY_PAID_LOST_AND_PAID_BACK = schedule(
    do("perform", "hold"),
    Step("wipe"),
    *(do("perform", "sweep"),) * 2,
    do("perform", "confirm_wrong_amount"),  # what the hold cost is not known any more
    do("perform", "refund"),
    do("perform", "confirm_wrong_amount"),
)
"""the repeat is answered with the order as it is, refunded: that is no sale"""
KEY_USED_AGAIN_AFTER_A_LOSS = Schedule(
    "reacquire_same",
    (
        Step("perform", 0, 482, 796),
        Step("wipe"),
        Step("perform", list(OPERATIONS).index("release"), 470, 339),
        Step("start", list(OPERATIONS).index("confirm"), 163, 585),
        Step("start", 0, 290, 616),
    ),
)
"""the key of a hold that the store has forgotten gets another one, which the payment is not for"""

# Bounds

EXTENDED_THRICE = schedule(do("perform", "hold"), *(FIVE_MINUTES, do("perform", "extend")) * 3)
CLOSED = schedule(CLOSE, do("perform", "hold"))
PAID_LATE_AND_CLOSED = schedule(
    do("perform", "hold"), CLOSE, PAST_THE_HOLD, do("perform", "confirm")
)
PAID_LATE_WITH_TOO_MANY = schedule(
    do("perform", "hold", c=4),  # three seats
    PAST_THE_HOLD,
    do("perform", "hold", 21, c=2),  # the same buyer, another key, two seats
    do("perform", "confirm", 3),  # the first one
)
BLOCKED_AND_UNBLOCKED = schedule(
    do("perform", "hold"),
    do("perform", "block"),
    do("perform", "unblock"),
    do("perform", "release"),
)

# What is set aside for the club: two seats and the lodge

MEMBER = 126
"""the first worker again, and a buyer who carries the channel and wants a unit of the lodge too"""
SEAT_OF_THE_CLUB = 144
"""and one that is not"""
STRANGER_AT_THE_CLUB = schedule(do("perform", "hold", c=SEAT_OF_THE_CLUB))
RELEASED_WHILE_HELD = schedule(
    do("perform", "hold", MEMBER, SEAT_OF_THE_CLUB),
    do("perform", "release_allotment"),
    do("perform", "release"),
    do("perform", "hold", c=SEAT_OF_THE_CLUB),
)
HELD_PAID_AND_REFUNDED = schedule(
    do("perform", "hold", MEMBER, SEAT_OF_THE_CLUB),
    do("perform", "confirm"),
    do("perform", "refund"),
)
RELEASED_AND_LOST = schedule(
    do("perform", "release_allotment"), Step("wipe"), *(do("perform", "sweep"),) * 2
)
ALL_BUT_THE_CLUB = schedule(
    do("perform", "hold", c=18),  # two seats and two units of the floor
    do("perform", "hold", 1, c=36),  # two more, and the last unit
    do("perform", "confirm"),
    do("perform", "confirm", 3),  # the first one
    do("perform", "block", 7, c=4),  # the last two that are for everybody
    do("perform", "release_allotment"),
)
PAID_LATE_BESIDE_THE_CLUB = Schedule(
    "reacquire_equivalent",
    (
        do("perform", "hold"),
        PAST_THE_HOLD,
        do("perform", "sweep"),
        do("perform", "block", 14, c=0),
        do("perform", "block", 14, c=3),  # what is free now is the club's
        do("perform", "confirm"),
    ),
)

DIRECTED: Final[dict[str, Schedule]] = {
    name: found for name, found in list(globals().items()) if isinstance(found, Schedule)
}
"""all of them, by name"""
