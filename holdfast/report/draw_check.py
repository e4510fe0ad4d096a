"""Recomputes the order of a lobby from what is published of its draw.

The service checks here that its own record agrees with itself; `holdfast verify-draw` also compares
with what somebody outside has noted.
"""

from typing import Final

from holdfast.report.checks import Check
from holdfast_queue.draw.commitment import (
    FIRST_ALGORITHM,
    DrawFacts,
    Sealed,
    commit,
    commit_terms,
    draw_key,
)
from holdfast_queue.draw.permutation import DrawnOrder

WHOLE_ORDER_MAX: Final = 2_000_000


def check_draw(facts: DrawFacts | None) -> Check:
    """Whether the commitment is to the values published, and the order gives each number once.
    Takes two seconds for each million of the lobby, so it belongs into a thread.
    """
    check = Check("draw", "the order of the lobby follows from its commitment")
    if facts is None:
        check.skip("nothing is drawn in this sale")
    elif facts.secret is None or facts.accumulator is None or facts.entrants is None:
        check.skip("the order is not drawn yet")
    else:
        _recompute(check, facts, bytes.fromhex(facts.secret), facts.accumulator, facts.entrants)
    return check


def _recompute(
    check: Check, facts: DrawFacts, secret: bytes, accumulator: str, entrants: int
) -> None:
    check.examined = entrants
    first = facts.algorithm == FIRST_ALGORITHM
    start_ms = facts.starts[0].start_ms if facts.starts else 0
    commitment = commit(secret) if first else commit_terms(secret, start_ms, facts.beacon_source)
    if commitment != facts.commitment:
        check.find(f"the published values make {commitment}, committed to was {facts.commitment}")
        return
    if facts.beacon_source is not None and facts.beacon is None and entrants:
        check.find("a beacon was announced, and the order was drawn without it")
    key = draw_key(
        secret, Sealed(entrants, accumulator, facts.beacon), None if first else commitment
    )
    if entrants <= WHOLE_ORDER_MAX:
        _check_numbers(check, DrawnOrder(key, entrants), entrants)


def _check_numbers(check: Check, order: DrawnOrder, entrants: int) -> None:
    drawn = bytearray(entrants)
    for number in order.numbers():
        drawn[number - 1] = 1
    missing = drawn.count(0)
    if missing:
        check.find(f"{missing} numbers are nobody's")
