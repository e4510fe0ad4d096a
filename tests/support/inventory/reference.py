"""The fallbacks of best available, written again as plainly as possible: by trying everything.

It knows the order of the row segments and the documented rules and nothing of bytes, searches or
scripts. For a request it gives every answer that the rules allow, or why there is none.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from holdfast_inventory.plan.plan import Plan
from holdfast_inventory.plan.segments import Segment
from holdfast_lua import Code


@dataclass(frozen=True)
class BestAvailableRequest:
    """A request for best available, in the plan's terms."""

    quantity: int
    categories: frozenset[str] = frozenset()
    zones: frozenset[int] = frozenset()
    accessible: bool = False
    prevent_orphans: bool = True


@dataclass(frozen=True)
class Allowed:
    """Runs of seats that may be the answer; `split`: parts are due; `refusal`: nothing is."""

    runs: frozenset[tuple[int, ...]] = frozenset()
    split: bool = False
    refusal: Code = Code.OK


def allowed(plan: Plan, states: str, request: BestAvailableRequest) -> Allowed:
    """What the fallbacks allow."""
    segments = [
        (at, segment)
        for at, segment in enumerate(plan.segments)
        if _matches(plan, segment, request)
    ]
    rungs = [True, False] if request.prevent_orphans else [False]
    for tidy in rungs:
        runs = _together(plan, states, request, segments, tidy)
        if runs:
            return Allowed(frozenset(runs))
    lengths = [length for _, segment in segments for _, length in free_runs(states, segment)]
    if request.quantity > 3 and can_split(lengths, request.quantity):
        return Allowed(split=True)
    return Allowed(refusal=Code.NOT_ENOUGH_TOGETHER if lengths else Code.SOLD_OUT)


def free_runs(states: str, segment: Segment) -> Iterator[tuple[int, int]]:
    """First seat and length of every free run of a segment."""
    seats = range(segment.first, segment.first + segment.length)
    for free, group in groupby(seats, lambda seat: states[seat] == "f"):
        run = list(group)
        if free:
            yield run[0], len(run)


def can_split(lengths: Iterable[int], quantity: int) -> bool:
    """Whether parts of two and more, at most one from each run, add up to the quantity."""
    reachable = {0}
    for length in lengths:
        reachable |= {have + part for have in reachable for part in range(2, length + 1)}
    return quantity in reachable


def _matches(plan: Plan, segment: Segment, request: BestAvailableRequest) -> bool:
    kind = plan.kinds[segment.kind]
    return (
        kind.accessible == request.accessible
        and (not request.categories or kind.category in request.categories)
        and (not request.zones or segment.zone in request.zones)
    )


def _together(
    plan: Plan,
    states: str,
    request: BestAvailableRequest,
    segments: list[tuple[int, Segment]],
    tidy: bool,
) -> set[tuple[int, ...]]:
    """The best runs of the first segment that serves, and of those nearly as near that do."""
    answers: set[tuple[int, ...]] = set()
    reach = -1
    for at, segment in segments:
        if answers and at > reach:
            break
        best = _best_runs(states, segment, request.quantity, tidy, plan.levels - 1)
        if best:
            if not answers:
                # A filter that leaves every zone is none, and only without one is a choice spread.
                filtered = 0 < len(request.zones) < len(plan.zones)
                reach = at + (0 if filtered else segment.near)
            answers.update(best)
    return answers


def _best_runs(
    states: str, segment: Segment, quantity: int, tidy: bool, top: int
) -> set[tuple[int, ...]]:
    """The runs of a segment nearest to its middle, when it serves in this rung."""
    runs = list(free_runs(states, segment))
    longest = max((length for _, length in runs), default=0)
    if longest < quantity or (tidy and longest == quantity + 1 and longest < top):
        return set()
    found: dict[int, set[tuple[int, ...]]] = {}
    for first, length in runs:
        for start in range(first, first + length - quantity + 1):
            left, right = start - first, first + length - quantity - start
            if tidy and 1 in (left, right):
                continue
            offset = start - segment.first + 1
            cost = abs(2 * offset + quantity - 1 - segment.focus2)
            found.setdefault(cost, set()).add(tuple(range(start, start + quantity)))
    return found[min(found)] if found else set()
