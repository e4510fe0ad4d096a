"""Injects the faults of one run one after the other, in an order and at moments from a seed.

The next fault waits until the last one is recovered from and the crowd buys, so that each is
measured by itself. Bounded: a fault that is not recovered from is given up after a while, and so is
a crowd that does not buy.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Final

from redis.exceptions import RedisError

from holdfast_demo.chaos.fault import Fault, InjectionFailed
from holdfast_demo.chaos.flood import flood
from holdfast_demo.chaos.host_faults import fill_disk, kill_workers, lock_ledger
from holdfast_demo.chaos.options import ChaosOptions
from holdfast_demo.chaos.recovery import Probe, Recovery
from holdfast_demo.chaos.store_faults import break_files, set_clock_ahead, wipe
from holdfast_demo.chaos.target import Target, happens
from holdfast_loadtest.client import ContractError, Traffic
from holdfast_loadtest.crowd.tally import Tally, VisitorState

FAULTS: Final = (
    Fault("store files", "killing the store and breaking its append-only file", break_files),
    Fault("wipe", "wiping the store", wipe),
    Fault("workers", "killing every worker", kill_workers),
    Fault("ledger", "making the ledger read-only", lock_ledger, lasts=True),
    Fault("disk", "filling the disk", fill_disk, lasts=True),
    Fault("clock", "setting the store's clock ahead", set_clock_ahead),
    Fault("flood", "flooding with compressed bombs and broken requests", flood),
)
ORDERS_BEFORE: Final = 5
BUYING_SECONDS: Final = 30.0
PAUSE_SECONDS: Final = (1.0, 4.0)
GIVE_UP_FACTOR: Final = 6
LINE_SECONDS: Final = 15.0


@dataclass(frozen=True, slots=True)
class Crowd:
    """What a run watches: the crowd's counts and what it was answered."""

    tally: Tally
    traffic: Traffic

    def answers(self) -> Counter[str]:
        """Answers by status, and calls without one."""
        seen: Counter[str] = Counter()
        for (_, status), count in self.traffic.answers.items():
            seen[str(status)] += count
        seen["no answer"] = self.traffic.unreachable
        return seen

    @property
    def admitted(self) -> int:
        return self.tally.happenings["admitted"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """One fault, and what came of it; times in seconds."""

    fault: Fault
    at: float
    effect: str | None
    """the evidence that it took effect; None when it did not"""
    trouble: str
    """why it did not"""
    recovery: Recovery
    let_in: float | None
    """when the next of the crowd was admitted; None: nobody was, within LINE_SECONDS"""
    seen: Counter[str]
    orders: int
    """of the crowd, from the fault to recovery"""
    alone: bool = False
    """whether the crowd had gone home before the injection"""


class ChaosRun:
    """Injects every fault once; `outcomes` grows while it runs."""

    def __init__(
        self,
        target: Target,
        probe: Probe,
        crowd: Crowd,
        *,
        note: Callable[[str], None],
        options: ChaosOptions,
    ) -> None:
        self._target = target
        self._probe = probe
        self.crowd = crowd
        self._note = note
        self._random = Random(f"chaos:{options.seed}")  # noqa: S311 - the order of faults
        faults = [fault for fault in FAULTS if fault.name in options.names]
        self._faults = self._random.sample(faults, len(faults))
        self.recovery_seconds = options.recovery_seconds
        self._began = time.monotonic()
        self.outcomes: list[Outcome] = []

    async def run(self) -> None:
        self._began = time.monotonic()
        for fault in self._faults:
            await self._until_people_buy()
            await asyncio.sleep(self._random.uniform(*PAUSE_SECONDS))
            outcome = await self._inject(fault)
            self.outcomes.append(outcome)
            self._note(_told(outcome))

    async def _until_people_buy(self) -> None:
        orders = self._orders + ORDERS_BEFORE
        await happens(lambda: self._orders >= orders or self._is_over, BUYING_SECONDS)

    @property
    def _orders(self) -> int:
        return self.crowd.tally.happenings["orders"]

    @property
    def _is_over(self) -> bool:
        return self.crowd.tally.done == self.crowd.tally.visitors

    async def _inject(self, fault: Fault) -> Outcome:
        self._note(f"FAULT {fault.words}")
        injected_at, answers, orders = time.monotonic(), self.crowd.answers(), self._orders
        alone = self._is_over
        effect, trouble, recovery, let_in = None, "", Recovery(None), None
        try:
            async with fault.inject(self._target) as effect:
                if not fault.lasts:
                    recovery, let_in = await self._measure(injected_at)
            if fault.lasts:
                recovery, let_in = await self._measure(time.monotonic())
        except (InjectionFailed, ContractError, RedisError, OSError, TimeoutError) as failure:
            effect, trouble = None, f"{type(failure).__name__}: {failure}"
        seen = self.crowd.answers() - answers
        at, sold = injected_at - self._began, self._orders - orders
        return Outcome(fault, at, effect, trouble, recovery, let_in, seen, sold, alone)

    async def _measure(self, since: float) -> tuple[Recovery, float | None]:
        """The probe's recovery, and when the line moves."""
        admitted = self.crowd.admitted
        limit = self.recovery_seconds * GIVE_UP_FACTOR
        recovery, let_in = await asyncio.gather(
            self._probe.until_bought(since, limit), self._until_admitted(admitted, since)
        )
        return recovery, let_in

    async def _until_admitted(self, admitted: int, since: float) -> float | None:
        if await happens(
            lambda: self.crowd.admitted > admitted or not self._somebody_waits, LINE_SECONDS
        ):
            return time.monotonic() - since if self.crowd.admitted > admitted else None
        return None

    @property
    def _somebody_waits(self) -> bool:
        states = self.crowd.tally.states
        return states[VisitorState.WAITING] > 0 or states[VisitorState.TO_COME] > 0


def _told(outcome: Outcome) -> str:
    if outcome.effect is None:
        return f"  the injection failed: {outcome.trouble}"
    recovery = outcome.recovery
    if recovery.seconds is None:
        return f"  {outcome.effect}; NOT recovered: {recovery.told}"
    return f"  {outcome.effect}; people buy again after {recovery.seconds:.1f} s"
