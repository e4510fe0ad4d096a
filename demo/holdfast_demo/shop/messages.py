"""The shop's texts, for its pages and its scripts."""

from collections.abc import Mapping
from typing import Final

WORDS: Final[Mapping[str, str]] = {
    "seat_unavailable": "Somebody was quicker. Those places are taken; pick others.",
    "held_by_you": "These are yours already, in your cart or bought:",
    "not_enough_together": "There are not that many places free any more like this. "
    "Try fewer, or another category.",
    "hold_limit_exceeded": "That is more than one buyer may have.",
    "sold_out": "Sold out: nothing of what you asked for is free.",
    "sold_out_now": "Sold out. Places come back when somebody gives them back.",
    "orphan_left": "That would leave a single seat alone. Move one seat along.",
    "not_open": "The sale has not opened yet.",
    "sale_closed": "The sale is closed.",
    "hold_expired": "The time to pay has run out; the places are on sale again.",
    "hold_released": "Those places were given back before.",
    "unreachable": "The service cannot be reached. Your cart is kept; try again.",
    "payment_declined": "The bank declined. Nothing was paid; your cart is kept.",
    "payment_on_its_way": "The bank is being asked about this just now. Wait for its answer.",
}
STATES: Final[Mapping[str, str]] = {
    "scheduled": "Not on sale yet",
    "lobby": "The doors of the waiting room are open",
    "open": "On sale now",
    "paused": "The line is paused",
    "draining": "No new places in the line are given out",
    "sold_out": "Sold out",
    "closed": "The sale is closed",
}
OVER: Final[Mapping[str, str]] = {"sold_out": "sold_out_now", "closed": "sale_closed"}
"""States in which nothing can be bought, and the word for each."""

FAIR_LINE: Final = (
    "Everybody goes through one fair line. Nobody passes anybody, and the page tells you how long "
    "it takes."
)
LANDING_WORDS: Final[Mapping[str, str]] = {
    "scheduled": "The line has not opened yet; the page of the waiting room says when it does.",
    "draining": "Whoever has a place in the line is still let in.",
    "sold_out": "Places come back when somebody gives them back, so look in again.",
    "closed": "Nothing is sold here any more.",
}
HELD: Final = "Held for you."
RELEASED: Final = "Given back."
LEFT: Final = "You have left the shop. What you held is on sale again."
LEAVE_ASKED: Final = "Leave the shop?"
LEAVE_EMPTY: Final = "Your place in the shop goes to the next person in line."
NO_TURN: Final = (
    "You need your turn first",
    "The shop takes in people from the line only.",
)
TURN_USED: Final = (
    "This way in has been used",
    "A way in from the line works once and for a minute. Take your turn again; a kept place is "
    "found.",
)
TURN_OVER: Final = (
    "Your time in the shop is over",
    "Your place went to the next person in line. You can join the line again.",
)


def words_for(problem: Mapping[str, object]) -> str:
    """The text for a problem document."""
    detail = problem.get("detail") or problem.get("title") or "That did not work."
    return WORDS.get(str(problem.get("code")), str(detail))


def counted(count: int, one: str, many: str) -> str:
    """`1 place`, `1,200 places`."""
    return f"{count:,} {one if count == 1 else many}"


def leaving(units: int) -> str:
    """The text for leaving with `units` in the cart."""
    if units == 0:
        return LEAVE_EMPTY
    return f"{counted(units, 'place', 'places')} in your cart will be on sale again. {LEAVE_EMPTY}"


def minutes_left(seconds: int) -> str:
    """A span of time as text, rounded down, since it is not updated."""
    if seconds < 60:
        return "less than a minute"
    return counted(seconds // 60, "minute", "minutes")
