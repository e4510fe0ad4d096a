"""Runs a crowd: each visitor arrives when the profile says, visits the sale once, and is counted.

Bounded: the visitors by their number, the connections by the session, the whole by a time limit
after which whoever is left goes home. One process on one core carries a few thousand visitors,
because a visitor is a coroutine that mostly sleeps.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Final

from holdfast_loadtest.crowd.context import CrowdContext
from holdfast_loadtest.crowd.profiles import Pace, VisitorProfile, draw
from holdfast_loadtest.crowd.tally import VisitorState
from holdfast_loadtest.crowd.visits import Visit

MAX_VISITORS: Final = 50_000


@dataclass(frozen=True, slots=True)
class CrowdPlan:
    """How many people, which people, and for how long."""

    visitors: int
    seed: int = 1
    pace: Pace = field(default_factory=Pace)
    time_limit_s: float = 600.0

    def __post_init__(self) -> None:
        if not 1 <= self.visitors <= MAX_VISITORS:
            raise ValueError(f"visitors must be between 1 and {MAX_VISITORS}")


async def run_crowd(plan: CrowdPlan, context: CrowdContext) -> None:
    """Returns when every visit has ended or the time is up."""
    limit = context.offer.units_per_buyer
    people = [draw(plan.seed, index, plan.pace, limit) for index in range(plan.visitors)]
    people.sort(key=lambda profile: profile.arrives_s)
    opened = asyncio.get_running_loop().time()
    async with asyncio.TaskGroup() as visits:
        for profile in people:
            await asyncio.sleep(opened + profile.arrives_s - asyncio.get_running_loop().time())
            visits.create_task(visit(profile, context, opened + plan.time_limit_s))


async def visit(profile: VisitorProfile, context: CrowdContext, until: float) -> VisitorState:
    """Runs a visit to its end, or to the time when everybody goes home."""
    current = Visit(profile, context)
    try:
        async with asyncio.timeout_at(until):
            return await current.run()
    except TimeoutError:
        return await current.break_off()
