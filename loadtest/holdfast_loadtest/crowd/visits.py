"""A whole visit: the waiting room, then the shop, counted in exactly one state at any moment."""

from __future__ import annotations

import logging

from holdfast_loadtest.client import ContractError, Malformed
from holdfast_loadtest.crowd.context import WITHIN_CONTRACT, CrowdContext, GaveUp
from holdfast_loadtest.crowd.profiles import VisitorProfile
from holdfast_loadtest.crowd.shopper import Shopper
from holdfast_loadtest.crowd.tally import VisitorState
from holdfast_loadtest.crowd.visitor import Gone, Visitor
from holdfast_loadtest.wire import Pass

log = logging.getLogger(__name__)


class Visit:
    """One visitor's visit; `run` once, and `end` it if it has to be broken off."""

    def __init__(
        self, profile: VisitorProfile, context: CrowdContext, return_url: str | None = None
    ) -> None:
        self._profile = profile
        self._return_url = return_url
        self._context = context
        self._shopper: Shopper | None = None
        self._ended: VisitorState | None = None
        self._state = context.tally.move(VisitorState.TO_COME, VisitorState.WAITING)
        context.observer.arrived(profile.index)

    @property
    def state(self) -> VisitorState:
        return self._state if self._shopper is None else self._shopper.state

    async def run(self) -> VisitorState:
        """Runs the visit from arrival to the end; answers how it ended."""
        try:
            ending = await self._visit()
        except Gone as gone:
            ending = gone.state
        except GaveUp as error:
            # Told to come back again and again is an overload, which thresholds are for.
            ending = VisitorState.FAILED if error.was_answered else self._failed(str(error))
        except Malformed as error:
            ending = self._failed(str(error))
        except ContractError:
            log.exception("visitor %d", self._profile.index)
            ending = VisitorState.FAILED
        return self.end(ending)

    async def break_off(self) -> VisitorState:
        """The visitor goes home before the visit has ended; what was paid is settled first."""
        settled = None
        try:
            if self._shopper is not None and self._ended is None:
                settled = await self._shopper.settle()
        except (ContractError, GaveUp):
            log.warning("visitor %d: nobody answers for what was paid", self._profile.index)
        return self.end(settled or VisitorState.TIMED_OUT)

    def end(self, ending: VisitorState) -> VisitorState:
        """The visitor goes home; whoever has gone already stays as they went."""
        if self._ended is None:
            self._context.observer.ended(self._profile.index, ending.value)
            self._ended = self._context.tally.move(self.state, ending)
        return self._ended

    async def wait_in_line(self) -> Pass:
        """Waits in the waiting room until there is a pass."""
        return await Visitor(self._profile, self._context, self._return_url).wait()

    async def enter_shop(self, passed: Pass) -> Pass:
        """Goes from the waiting room to the shop; a shop behind a gate has the pass from there."""
        return passed

    async def _visit(self) -> VisitorState:
        context = self._context
        passed = await self.wait_in_line()
        self._state = context.tally.move(VisitorState.WAITING, VisitorState.INSIDE)
        passed = await self.enter_shop(passed)
        self._shopper = Shopper(self._profile, context, passed)
        return await self._shopper.shop()

    def _failed(self, evidence: str) -> VisitorState:
        told = f"visitor {self._profile.index}: {evidence}"
        self._context.journal.complain(WITHIN_CONTRACT, told)
        return VisitorState.FAILED
