"""Measures how long it takes after a fault until people can buy again, with a probe buyer.

The probe joins the line, holds a place with the shop's key (as a shop does for a buyer at its own
counter; a new visitor would have to wait behind the crowd) and confirms it. What it is told goes
into the crowd's journal, so the audit checks its orders like everybody's.
"""

import asyncio
import itertools
import time
from dataclasses import dataclass
from typing import Any, Final

from holdfast_loadtest.audit.journal import Confirmed, Journal, Paid, RefundRequired
from holdfast_loadtest.calls import LineCalls, ShopCalls
from holdfast_loadtest.client import Answer, Client, Credentials, Unreachable
from holdfast_loadtest.wire import Hold

ANSWER_SECONDS: Final = 5.0
PAUSE_SECONDS: Final = 0.1
AREA: Final = "floor"


class NotYet(Exception):
    """A step of the probe was refused or had no answer; the message says which, and how."""


@dataclass(frozen=True, slots=True)
class Recovery:
    """After how many seconds the probe could buy again; None where it could not in its time."""

    seconds: float | None
    refusals: int = 0
    last: str = ""

    @property
    def told(self) -> str:
        """What the probe met until then."""
        if not self.refusals:
            return "the probe was not refused"
        return f"the probe was refused {self.refusals} times, last: {self.last}"


class Probe:
    """A buyer who asks again until it has bought one place."""

    def __init__(self, client: Client, key: str, journal: Journal) -> None:
        self._client = client
        self._key = key
        self._line = LineCalls(client)
        self._shop = ShopCalls(client, key)
        self._journal = journal
        self._numbers = itertools.count(1)

    async def until_bought(self, since: float, give_up_after: float) -> Recovery:
        """Measures from `since`, a moment of `time.monotonic`."""
        steps = _Steps(self, f"probe-{next(self._numbers)}")
        refusals, last = 0, ""
        while time.monotonic() - since < give_up_after:
            try:
                await steps.go_on()
                return Recovery(time.monotonic() - since, refusals, last)
            except NotYet as refusal:
                refusals += 1
                last = str(refusal)
            await asyncio.sleep(PAUSE_SECONDS)
        return Recovery(None, refusals, last)

    async def join(self) -> None:
        await _done("join", self._line.join())

    async def hold(self, buyer: str) -> Hold:
        request = {"areas": [{"id": AREA, "quantity": 1}], "buyer": buyer}
        credentials = Credentials(bearer=self._key, idempotency_key=buyer)
        asked = self._client.call("POST", "/holds", credentials=credentials, body=request)
        return (await _done("hold", asked)).read(Hold)

    async def pay(self, hold: Hold) -> bool:
        """Pays for a hold; False when the store has lost it, or it has expired."""
        answer = await _ask("paying", self._shop.paying(hold.id))
        if answer.status in {404, 410}:
            return False
        _expect("paying", answer)
        self._journal.record(Paid(hold.id))
        return True

    async def confirm(self, hold: Hold) -> bool:
        payment = {"order_ref": hold.id, "payment_ref": f"probe-{hold.id}", "amount": hold.total}
        answer = await _ask("confirm", self._shop.confirm(hold.id, payment))
        if answer.status == 410 and answer.problem().refund_required:
            self._journal.record(RefundRequired(hold.id))
            return False
        _expect("confirm", answer)
        self._journal.record(Confirmed(hold.id, hold.items, hold.total))
        return True


class _Steps:
    """One purchase, which goes on where it stood after a refusal: a charge is never forgotten."""

    def __init__(self, probe: Probe, buyer: str) -> None:
        self._probe = probe
        self._buyer = buyer
        self._tries = 1
        self._joined = False
        self._hold: Hold | None = None
        self._charged = False

    async def go_on(self) -> None:
        if not self._joined:
            await self._probe.join()
            self._joined = True
        if self._hold is None:
            self._hold = await self._probe.hold(f"{self._buyer}-{self._tries}")
        if not self._charged:
            if not await self._probe.pay(self._hold):
                self._begin_again("paying")
            self._charged = True
        if not await self._probe.confirm(self._hold):
            self._begin_again("confirm")

    def _begin_again(self, step: str) -> None:
        self._hold, self._charged = None, False
        self._tries += 1
        raise NotYet(f"{step}: the hold is gone")


async def _done(step: str, asked: Any) -> Answer:
    answer = await _ask(step, asked)
    _expect(step, answer)
    return answer


async def _ask(step: str, asked: Any) -> Answer:
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            answer: Answer = await asked
            return answer
    except (Unreachable, TimeoutError) as silence:
        raise NotYet(f"{step}: no answer") from silence


def _expect(step: str, answer: Answer) -> None:
    if not answer.ok:
        raise NotYet(f"{step}: {answer.status} {answer.problem().code}")
