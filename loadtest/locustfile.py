"""Buyers for Locust: each joins, waits, claims, holds and pays; afterwards the sale is audited.

Against a running service (`holdfast serve`), one command:

    HOLDFAST_PLATFORM_KEY=$(cat .holdfast/operator.key) \\
        locust -f loadtest/locustfile.py --headless --host http://127.0.0.1:8080 \\
        -u 300 -r 50 -t 90s

The sale is `HOLDFAST_SALE` (default `loadtest`). When there is none and the key is an operator's,
one is made from the sports hall. Credentials come from the environment: a command line can be read
by everybody on the machine. A refusal that the contract foresees (sold out, seat taken a moment
before) counts as an answer, not as a failure. The exit status is 1 when the audit fails.

Locust patches the standard library for gevent, which asyncio does not survive: so the people of the
crowd and their choices are shared with `holdfast_loadtest`, its asyncio client is not, and the
audit runs in a process of its own.
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Final, TypeVar

import msgspec
from locust import FastHttpUser, events, task
from locust.env import Environment
from locust.exception import StopUser

from holdfast_loadtest.audit.journal import Admitted, Confirmed, Journal, digest
from holdfast_loadtest.crowd.choosing import HoldRequest, choose_request
from holdfast_loadtest.crowd.offer import Offer
from holdfast_loadtest.crowd.page import MIN_POLL_SECONDS, OVER, poll_seconds, users_ahead
from holdfast_loadtest.crowd.profiles import Pace, VisitorProfile, draw
from holdfast_loadtest.rehearsal import Rehearsal
from holdfast_loadtest.wire import Confirmation, Hold, Pass, SeatMap, Status, Ticket

SALE: Final = os.environ.get("HOLDFAST_SALE", "loadtest")
KEY: Final = os.environ.get("HOLDFAST_PLATFORM_KEY", "")
SEED: Final = int(os.environ.get("LOADTEST_SEED", "1"))
PLAN: Final = Path(__file__).resolve().parents[1] / "examples" / "plans" / "sports-hall.json"
PACE: Final = Pace(look_s=1.0, pay_s=1.0)
MAX_POLLS: Final = 5_000
MAX_HOLD_TRIES: Final = 4
REFUSED: Final = frozenset({409, 410})

T = TypeVar("T")


@dataclass
class Run:
    """What the buyers of this run share."""

    offer: Offer = field(default_factory=Offer)
    journal: Journal = field(default_factory=Journal)
    journal_path: Path | None = None
    indices: itertools.count[int] = field(default_factory=itertools.count)


run = Run()


@events.test_start.add_listener  # type: ignore[untyped-decorator] # Locust's hooks are
def prepare(environment: Environment, **_: Any) -> None:
    """Finds the sale or makes it, and opens the journal."""
    if not KEY:
        raise SystemExit("set HOLDFAST_PLATFORM_KEY to a key of role platform or operator")
    run.offer = Rehearsal(environment.host or "", SALE, KEY).prepare(PLAN)
    handle, name = tempfile.mkstemp(prefix="holdfast-locust-", suffix=".jsonl")
    run.journal_path = Path(name)
    run.journal = Journal(os.fdopen(handle, "w", encoding="utf-8"))


@events.quitting.add_listener  # type: ignore[untyped-decorator] # Locust's hooks are
def audit(environment: Environment, **_: Any) -> None:
    """The same audit as everywhere, in a process that gevent has not touched."""
    if run.journal_path is None:
        return
    command = [
        sys.executable,
        "-m",
        "holdfast_loadtest.audit",
        "--url",
        environment.host or "",
    ]
    command += ["--sale", SALE, "--journal", str(run.journal_path)]
    status = subprocess.run(command, check=False).returncode
    run.journal_path.unlink()
    if status:
        environment.process_exit_code = status


class Over(Exception):
    """This buyer's visit has ended."""


class Buyer(FastHttpUser):
    """One visit after another, each by a new person with a new place in the line."""

    def on_start(self) -> None:
        if run.journal_path is None:
            raise StopUser

    @task
    def buy(self) -> None:
        profile = draw(SEED, next(run.indices), PACE, run.offer.units_per_buyer)
        self.client.cookiejar.clear()
        try:
            passed = self._wait(profile)
            hold = self._hold(profile, passed)
            time.sleep(profile.pay_s)
            self._pay(hold)
            self._ask("DELETE", "/pass", bearer=passed.token, refusals={401, 403, 409})
        except Over:
            time.sleep(1.0)

    def _wait(self, profile: VisitorProfile) -> Pass:
        """Joins, polls the status document, claims when called."""
        ticket = msgspec.json.decode(self._ask("POST", "/tickets", {}), type=Ticket)
        if ticket.token is not None:
            return self._admitted(ticket, Pass(ticket.token, ticket.pass_id or ""))
        for _ in range(MAX_POLLS):
            status = self._read("/status", Status)
            if status.state in OVER:
                raise Over
            if ticket.number is not None and ticket.number <= status.serving:
                return self._claim(ticket)
            ahead = None if ticket.number is None else users_ahead(ticket.number, status)
            time.sleep(poll_seconds(status, ahead, profile))
        raise Over

    def _claim(self, ticket: Ticket) -> Pass:
        for _ in range(MAX_POLLS):
            body = self._ask("POST", "/pass", {}, ticket=ticket.ticket)
            if b'"pass"' in body:
                return self._admitted(ticket, msgspec.json.decode(body, type=Pass))
            time.sleep(1.0 + MIN_POLL_SECONDS)
        raise Over

    def _admitted(self, ticket: Ticket, passed: Pass) -> Pass:
        run.journal.record(Admitted(digest(ticket.ticket), passed.pass_id, ticket.number))
        return passed

    def _hold(self, profile: VisitorProfile, passed: Pass) -> Hold:
        """Looks at the map and tries a few times; what was just taken is looked for elsewhere."""
        rng = Random(f"{SEED}:{profile.index}")  # noqa: S311 - choices of seats
        for _ in range(MAX_HOLD_TRIES):
            seats = self._read("/seats", SeatMap)
            time.sleep(profile.look_s)
            asked = choose_request(profile.taste, profile.quantity, run.offer, seats, rng)
            if asked is None:
                raise Over
            hold = self._try(asked, passed, f"{rng.getrandbits(128):032x}")
            if hold is not None:
                return hold
        raise Over

    def _try(self, asked: HoldRequest, passed: Pass, key: str) -> Hold | None:
        headers = {"Idempotency-Key": key}
        try:
            body = self._ask("POST", "/holds", asked, bearer=passed.token, headers=headers)
        except Over:
            return None
        return msgspec.json.decode(body, type=Hold)

    def _pay(self, hold: Hold) -> None:
        """The shop's server: paying, charge, confirm."""
        self._ask("POST", f"/holds/{hold.id}/paying", {}, bearer=KEY, name="/holds/{id}/paying")
        payment = {"order_ref": hold.id, "payment_ref": hold.id, "amount": hold.total}
        route = f"/holds/{hold.id}/confirm"
        body = self._ask("POST", route, payment, bearer=KEY, name="/holds/{id}/confirm")
        order = msgspec.json.decode(body, type=Confirmation).order
        items = order.items if order is not None and order.items else hold.items
        run.journal.record(Confirmed(hold.id, items, hold.total))

    def _read(self, route: str, kind: type[T]) -> T:
        return msgspec.json.decode(self._ask("GET", route), type=kind)

    def _ask(
        self,
        method: str,
        route: str,
        body: object | None = None,
        *,
        ticket: str | None = None,
        bearer: str | None = None,
        headers: dict[str, str] | None = None,
        name: str | None = None,
        refusals: Collection[int] = REFUSED,
    ) -> bytes:
        """One request; a foreseen refusal ends the visit, anything else is a failure to Locust."""
        sent = dict(headers or {})
        if ticket is not None:
            sent["Holdfast-Ticket"] = ticket
        if bearer is not None:
            sent["Authorization"] = f"Bearer {bearer}"
        if body is not None:
            sent["Content-Type"] = "application/json"
        with self.client.request(
            method,
            f"/v1/sales/{SALE}{route}",
            name=name or route,
            data=None if body is None else json.dumps(body),
            headers=sent,
            catch_response=True,
        ) as response:
            if response.status_code in refusals:
                response.success()
            if not 200 <= response.status_code < 300:
                raise Over
            return bytes(response.content or b"")
