"""A crowd at a deployment, one fault after another, and the verdict from outside.

Between two faults the deployment becomes whole again. What a run is judged by: the audit of the
sale through the API, and the longest time that each kind of write did not succeed after a fault.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from random import Random
from typing import Final

from support.distributed.cluster_store import ClusterStore
from support.distributed.crowd import WRITES, Crowd, create_sale, crowd
from support.distributed.deployment import Deployment
from support.distributed.faults import FAULTS
from support.distributed.gaps import Cycle, gap_table, longest_gap
from support.distributed.programs import say

from holdfast_loadtest.audit.evidence import gather_evidence
from holdfast_loadtest.audit.facts import FIRST_EPOCH, cursor_of
from holdfast_loadtest.audit.verdict import Verdict, settled_verdict

CALM_SECONDS: Final = 2.0
"""before each fault, in which all goes well"""
RECOVERY_SECONDS: Final = 60.0
WHOLE_SECONDS: Final = 90.0
LINE_PAUSE_SECONDS: Final = 12.0
"""after a rebuild, in which nobody further is called: twice three polls (docs/correctness.md)"""
POLL_SECONDS: Final = 0.1
TAIL_LINES: Final = 15


@dataclass
class Report:
    """What a run has come to."""

    seed: int
    schedule: Sequence[str]
    cycles: list[Cycle] = field(default_factory=list)
    verdict: Verdict | None = None
    answers: Counter[str] = field(default_factory=Counter)
    losses: int = 0
    """how often the store had lost acknowledged writes, and the sale was rebuilt from the ledger"""
    trouble: str = ""

    def failures(self, gap_max: float) -> list[str]:
        """What was promised and not kept; none of a good run."""
        found = [self.trouble] if self.trouble else []
        if self.verdict is None or not self.verdict.held:
            found.append("the audit of the sale")
        for cycle in self.cycles:
            found += [
                f"{cycle.fault}: no {kind} for {gap:.1f} s"
                for kind, gap in cycle.gaps.items()
                if gap > gap_max + (LINE_PAUSE_SECONDS if kind == "claim" else 0)
            ]
        return found

    def text(self) -> str:
        verdict = [] if self.verdict is None else self.verdict.lines()
        head = f"seed {self.seed}, {len(self.cycles)} of {len(self.schedule)} faults: "
        answers = ", ".join(f"{count} {told}" for told, count in self.answers.most_common())
        names = ", ".join(self.schedule)
        losses = f"rebuilt {self.losses} times"
        return "\n".join([head + names, *gap_table(self.cycles), answers, losses, *verdict])


async def torture(deployment: Deployment, schedule: Sequence[str], seed: int) -> Report:
    """The whole run; what breaks it off is in the report."""
    report = Report(seed, schedule)
    visitors = crowd(
        deployment.url,
        deployment.shop_url,
        key=deployment.operator_key,
        addresses=deployment.addresses,
        trusting=deployment.certificate.trusting,
        seed=seed,
    )
    async with visitors as people:
        uid = await create_sale(people.shop)
        if isinstance(deployment.store, ClusterStore):
            deployment.store.uid = uid
        # Programs die with the thread that starts them: this one lives until all is over.
        with ThreadPoolExecutor(1) as thread:
            running = asyncio.create_task(people.run())
            try:
                for name in schedule:
                    await _strike(deployment, people, name, report, thread)
            except (TimeoutError, LookupError) as trouble:
                report.trouble = str(trouble)
            people.stop()
            await running
            report.answers = people.answers
            report.verdict = await settled_verdict(people.shop, people.journal)
            evidence = await gather_evidence(people.shop)
            report.losses = cursor_of(evidence.events[-1]).epoch - FIRST_EPOCH
    return report


async def _strike(
    deployment: Deployment, people: Crowd, name: str, report: Report, thread: ThreadPoolExecutor
) -> None:
    loop = asyncio.get_running_loop()
    number = len(report.cycles)
    rng = Random(f"{report.seed}:{number}")
    await _until_whole(deployment, people, thread)
    await asyncio.sleep(rng.uniform(CALM_SECONDS, 2 * CALM_SECONDS))
    struck = time.monotonic()
    try:
        await loop.run_in_executor(thread, FAULTS[name], deployment, rng)
        mended = time.monotonic()
        await _until_all_write(people, mended)
    finally:
        ended = time.monotonic()
        gaps = {kind: longest_gap(people.successes[kind], struck, ended) for kind in WRITES}
        report.cycles.append(Cycle(name, gaps))
        say(f"{number + 1:3} {report.cycles[-1].line}   {ended - struck:5.1f} s")


async def _until_whole(deployment: Deployment, people: Crowd, thread: ThreadPoolExecutor) -> None:
    loop = asyncio.get_running_loop()

    async def whole() -> bool:
        return await loop.run_in_executor(thread, deployment.is_settled)

    await _until(whole, "everything is whole again", WHOLE_SECONDS)
    await _until_all_write(people, time.monotonic())


async def _until_all_write(people: Crowd, since: float) -> None:
    async def written() -> bool:
        return all(people.successes[kind][-1:] > [since] for kind in WRITES)

    await _until(written, "every kind of write succeeds", RECOVERY_SECONDS)


async def _until(condition: Callable[[], Awaitable[bool]], what: str, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not await condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {seconds:.0f} s")
        await asyncio.sleep(POLL_SECONDS)
