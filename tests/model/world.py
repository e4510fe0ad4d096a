"""The model and the real code side by side, and whoever uses them: buyers and a platform.

After every call the model is told of it and compared with what is really there. What has been
promised to the platform is remembered here and held against the ledger to the end.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

import msgspec
from model.ledger_model import LedgerModel
from model.reading import answer_of, asked_of
from model.stage import REQUEST, Call, Stage, Worker
from model.store_model import CAPACITY, FLOOR, SEATS, SEATS_A_ROW, Asked, StoreModel, Violation

from holdfast.sales.spec import AreaSpec, SaleSpec, spec_to_json
from holdfast.sales.translate import stock_settings
from holdfast_inventory import blocking
from holdfast_inventory.confirm import Confirming, ConfirmRequest
from holdfast_inventory.hall import Hall
from holdfast_inventory.holds import (
    AreaWish,
    BestAvailable,
    BuyerRef,
    HoldBody,
    hold_id_for,
    resolve,
)
from holdfast_inventory.ledger import Ledger, OrderStatus, RefundItem, SaleDraft
from holdfast_inventory.orders import BoxOffice
from holdfast_inventory.paying import begin_paying
from holdfast_inventory.plan import Plan, compile_plan
from holdfast_inventory.recovery import PATIENCE_MS
from holdfast_inventory.refund import Refunding, RefundRequest
from holdfast_lua import Executor, keys
from holdfast_lua.codes import Code
from holdfast_lua.errors import EpochChanged, StoreBehind, StoreError
from holdfast_lua.line_calls import LineCalls
from holdfast_lua.stock_records import HoldRecord, unpack_hold
from holdfast_lua.stock_terms import HoldAnswer
from holdfast_web.errors import ErrorCode, HoldfastError

CLOCK_KEY = "hf:model:now_ms"
START_MS = 1_800_000_000_000
HOLD_SECONDS = 600
HOLD_MAX_SECONDS = 1200
LIMIT = 4
WORKERS = 3
BUYERS = ("ann", "bob", "cy")
Policy = Literal["reacquire_same", "reacquire_equivalent", "refund"]
POLICIES: Final[tuple[Policy, ...]] = ("reacquire_same", "reacquire_equivalent", "refund")
READS = ("scan_holds", "read_seats", "read_sale", "read_buyer_holds", "read_events")
PLAN = msgspec.json.encode(
    {
        "name": "Hall",
        "categories": [{"name": "A"}],
        "zones": [
            {
                "name": "Stalls",
                "rows": [
                    {
                        "row_number": str(row),
                        "position": {"x": 0, "y": 30 * row},
                        "seats": [
                            {
                                "seat_guid": f"s{row * SEATS_A_ROW + seat}",
                                "seat_number": str(seat),
                                "category": "A",
                                "position": {"x": 20 * seat, "y": 0},
                            }
                            for seat in range(SEATS_A_ROW)
                        ],
                    }
                    for row in range(SEATS // SEATS_A_ROW)
                ],
            }
        ],
    }
)
_settled = (OrderStatus.SOLD, OrderStatus.PARTLY_REFUNDED, OrderStatus.REFUNDED)


def spec_of(policy: Policy) -> SaleSpec:
    """The sale of every run, but for what it does about late payments."""
    return SaleSpec(
        name="Night",
        areas=(AreaSpec(id="floor", name="Floor", capacity=FLOOR, category="GA"),),
        prices={"A": 4500, "GA": 1000},
        hold_seconds=HOLD_SECONDS,
        hold_max_seconds=HOLD_MAX_SECONDS,
        max_units_per_buyer=LIMIT,
        late_payment=policy,
    )


_PLANS: dict[Policy, Plan] = {}


@dataclass
class World:
    """One run: the real sale, the model of it, the platform's memory."""

    executor: Executor
    ledger: Ledger
    uid: str
    policy: Policy
    now_ms: int = START_MS
    store: StoreModel = field(default_factory=StoreModel)
    books: LedgerModel = field(default_factory=LedgerModel)
    requests: list[tuple[str, int, HoldBody]] = field(default_factory=list)
    seen: dict[str, HoldRecord] = field(default_factory=dict)
    paid: dict[str, ConfirmRequest] = field(default_factory=dict)
    promised: dict[str, str] = field(default_factory=dict)
    """confirmed orders that the platform was told of, with their reference"""
    digests: dict[str, set[str]] = field(default_factory=dict)
    """the requests that each hold was made for: several where a loss let a key be used again"""
    recovering: list[str] = field(default_factory=list)
    """what told workers that the store was lost or rebuilt"""
    snapshot: tuple[StoreModel, list[tuple[bytes, bytes]]] | None = None
    rolled_back: bool = False
    steps: list[str] = field(default_factory=list)

    async def open(self) -> None:
        spec = spec_of(self.policy)
        if self.policy not in _PLANS:
            _PLANS[self.policy] = compile_plan(PLAN, stock_settings(spec))
        self.plan = _PLANS[self.policy]
        draft = SaleDraft(
            self.uid, f"sale-{self.uid}", spec_to_json(spec), plan=PLAN, areas={"floor": FLOOR}
        )
        await self.ledger.sales.create(draft)
        self.stage = Stage(self.executor, self.ledger, self)
        self.workers = [Worker(self.stage, n, self.plan) for n in range(WORKERS)]
        await self.set_clock(START_MS)
        self.start(0, lambda hall, worker: _nothing())
        await self.run(self.workers[0])

    # Watching

    async def happened(self, done: Sequence[tuple[Call, Any]]) -> None:
        """Every call that has happened, in order; then both sides are compared."""
        looked = True
        for call, answer in done:
            self.steps.append(f"    {call.worker.number}: {call.name} {_short(call, answer)}")
            if isinstance(answer, BaseException):
                if call.name == "ledger.commit" or not call.is_ledger:
                    raise answer
            elif call.name == "ledger.commit":
                assert not isinstance(answer, BaseException)
                self.books.decide(call.what, answer)  # type: ignore[arg-type]  # an Intent
            elif call.name == "ledger.sales.bump_epoch":
                self.books.epoch = max(self.books.epoch, answer)
            elif not call.is_ledger and not call.name.startswith("command."):
                looked = await self._script(call, answer) and looked
        self._keep_promises()
        if not looked:
            await self.compare()

    async def _script(self, call: Call, reply: list[Any]) -> bool:
        """Whether the script has certainly changed nothing."""
        name, args = call.name, call.what
        assert isinstance(args, tuple)
        if name.startswith("install_"):
            return await self._install(name, args, reply)
        refusal = self._guard(args)
        code = Code(reply[0])
        if refusal is not Code.OK or code in (Code.STORE_BEHIND, Code.EPOCH_CHANGED):
            self._require(code is refusal, "guard", f"{name}: {code!r}, should be {refusal!r}")
            return True
        asked = asked_of(name, args, call.request)
        if asked is None:
            return name in READS
        before = self.store.holds.get(asked.hold_id)
        before = None if before is None else replace(before)
        code, given = answer_of(name, asked, reply)
        wanted = self.store.run(name, asked, given, self.now_ms)
        self._require(code is wanted, "answer", f"{name}: {code!r}, should be {wanted!r}")
        self._require(
            reply[1] == self.store.revision,
            "state",
            f"{name}: revision {reply[1]}, should be {self.store.revision}",
        )
        if code >= 0:
            self.books.check(name, asked, before, self.store) if self.store.changed else None
        if name == "hold_seats" and code is Code.OK:
            self.digests.setdefault(asked.hold_id, set()).add(asked.text)
        return not self.store.changed

    def _guard(self, args: tuple[Any, ...]) -> Code:
        epoch = self.store.epoch if self.store.present else -1
        if epoch < args[0] or (epoch == args[0] and self.store.revision < args[1]):
            return Code.STORE_BEHIND
        return Code.EPOCH_CHANGED if epoch > args[0] else Code.OK

    async def _install(self, name: str, args: tuple[Any, ...], reply: list[Any]) -> bool:
        code = Code(reply[0])
        if name == "install_stock":
            wanted = self.store.install_stock(int(args[0]))
            self._require(code is wanted, "fence", f"{code!r}, should be {wanted!r}")
        if name == "install_sale":
            wanted = self.store.install_sale(int(args[0]))
            self._require(code is wanted, "fence", f"{code!r}, should be {wanted!r}")
            if code is Code.OK:
                rebuilt = str(args[9]) == "1"
                self.store.begin_epoch(
                    int(args[0]),
                    reply[1],
                    await self._holds(),
                    rebuilt=rebuilt,
                    lifecycle=str(args[4]),
                    blocked=await self._blocked(),
                )
                self.store.clock_ms = max(self.store.clock_ms, reply[2])
                self.books.check_rebuilt(self.store.holds.values())
                return False
        return True

    async def _holds(self) -> list[HoldRecord]:
        raw = await self.executor.command("HGETALL", keys.holds(self.uid))
        return [unpack_hold(raw[at].decode(), raw[at + 1]) for at in range(0, len(raw), 2)]

    async def _blocked(self) -> frozenset[int]:
        states = (await self.executor.command("GET", keys.seats(self.uid))).decode()
        return frozenset(seat for seat, state in enumerate(states) if state == "x")

    async def compare(self) -> None:
        """The real store against the model: holds, seats, counters, events."""
        if not self.store.present:
            return
        command, uid = self.executor.command, self.uid
        holds, states, sale, lifecycle, events = await asyncio.gather(
            self._holds(),
            command("GET", keys.seats(uid)),
            command(
                "HMGET", keys.sale(uid), "revision", "seq", "free", "held", "booked", "blocked"
            ),
            command("HGET", keys.sale(uid), "lifecycle"),
            command("XRANGE", keys.events(uid), f"{self.store.epoch}-0", "+"),
        )
        self.store.compare(holds, states.decode())
        revision, seq, free, held, booked, blocked = (int(value or 0) for value in sale)
        self._require(
            (free, held, booked) == self.store.counts()
            and free + held + booked + blocked == CAPACITY,
            "lost",
            f"{free, held, booked, blocked} units, should be {self.store.counts()}",
        )
        self._require(revision == self.store.revision, "state", f"revision {revision}")
        self._require(lifecycle.decode() == self.store.lifecycle, "state", f"it is {lifecycle}")
        self._compare_events(events, seq)

    def _compare_events(self, entries: list[Any], seq: int) -> None:
        found = []
        for at, (entry_id, fields) in enumerate(entries, start=1):
            number = entry_id.decode()
            self._require(
                number == f"{self.store.epoch}-{at}", "events", f"{number} is number {at}"
            )
            body = msgspec.msgpack.decode(fields[5])
            of_sale = body["type"].startswith(("inventory.", "seats."))
            subject = "" if of_sale else body["subject"]
            found.append((body["type"], subject))
        self._require(seq == len(entries), "events", f"seq {seq} after {len(entries)} events")
        wanted = self.store.events
        self._require(
            found == wanted, "events", f"{found[-3:]}, should be {wanted[-3:]} ({len(wanted)})"
        )

    def _keep_promises(self) -> None:
        for order_id, reference in self.promised.items():
            row = self.books.rows.get(order_id)
            kept = row is not None and row.status in _settled and row.body[0] == reference
            self._require(kept, "promise", f"{order_id} was confirmed, the ledger has {row}")

    def _require(self, true: bool, kind: str, text: str) -> None:
        if not true:
            raise Violation(kind, text)

    # What schedules do

    async def set_clock(self, now_ms: int) -> None:
        self.now_ms = now_ms
        await self.executor.command("SET", CLOCK_KEY, now_ms)

    def start(self, number: int, deed: Deed) -> Worker:
        """A request arrives at a worker; a dead one has been replaced."""
        worker = self.workers[number % WORKERS]
        if not worker.alive:
            worker = self.workers[number % WORKERS] = Worker(self.stage, worker.number, self.plan)
        worker.start(self._request(worker, deed))
        return worker

    async def _request(self, worker: Worker, deed: Deed) -> None:
        try:
            sale = await worker.directory.get(f"sale-{self.uid}")
            sale.hall._random = random.Random(1)
            try:
                await deed(sale.hall, worker)
            except (StoreBehind, EpochChanged) as fault:
                self.recovering.append(repr(fault))
                await worker.directory.recover(sale, fault)
        except (HoldfastError, StoreError) as error:
            self.steps.append(f"    {worker.number}: refused: {error!r}")
        else:
            self.steps.append(f"    {worker.number}: done")

    async def run(self, worker: Worker | None = None) -> None:
        """Let everything happen that this worker (or anybody) still has before it."""
        await self.stage.settle()
        while calls := [c for c in self.stage.waiting if worker in (None, c.worker)]:
            await self.stage.cue(calls[:1])

    async def wipe(self) -> None:
        """The store forgets the sale."""
        names = await self.executor.command("KEYS", keys.pattern(self.uid))
        if names:
            await self.executor.command("DEL", *names)
        self.store.lose()
        self.books.shaken = True

    async def take_snapshot(self) -> None:
        names = await self.executor.command("KEYS", keys.pattern(self.uid))
        dumps = [(name, await self.executor.command("DUMP", name)) for name in sorted(names)]
        self.snapshot = self.store.copy(), dumps

    async def roll_back(self) -> None:
        """The store is as it was at the snapshot, as after a failover to a replica that lagged."""
        if self.snapshot is None:
            return
        await self.wipe()
        model, dumps = self.snapshot
        for name, dump in dumps:
            await self.executor.command("RESTORE", name, 0, dump)
        self.store = model.copy()
        self.rolled_back = True

    # Deeds

    def hold(self, buyer: str, key: int, body: HoldBody) -> Deed:
        self.requests.append((buyer, key, body))

        async def deed(hall: Hall, worker: Worker) -> None:
            wish = resolve(body, hall.plan, hall.settings)
            who = BuyerRef(buyer, f"key:{buyer}")
            REQUEST.set(
                Asked(
                    hold_id_for(self.uid, who.credential, f"k{key}"),
                    buyer,
                    text=repr(body),
                    number=LIMIT,
                    seats=frozenset(wish.seats),
                    quantity=wish.best.quantity if wish.best else 0,
                    floor=sum(units.quantity for units in wish.areas),
                    hold_ms=HOLD_SECONDS * 1000,
                    hold_max_ms=HOLD_MAX_SECONDS * 1000,
                )
            )
            self._saw(await hall.hold(wish, who, key=f"k{key}", digest=repr(body)))

        return deed

    def hold_again(self, number: int) -> Deed | None:
        """The same request once more, as after an answer that never came."""
        return self.hold(*self.requests[number % len(self.requests)]) if self.requests else None

    def cancel(self, buyer: str, key: int) -> Deed:
        async def deed(hall: Hall, worker: Worker) -> None:
            await hall.cancel(BuyerRef(buyer, f"key:{buyer}"), key=f"k{key}")

        return deed

    def extend(self, hold: HoldRecord, owner: str, version: int) -> Deed:
        async def deed(hall: Hall, worker: Worker) -> None:
            self._saw(await hall.extend(hold.id, owner=owner, version=version))

        return deed

    def release(self, hold: HoldRecord, owner: str, version: int) -> Deed:
        async def deed(hall: Hall, worker: Worker) -> None:
            answer = await hall.release(hold.id, owner=owner, version=version)
            fair = owner in ("", hold.buyer)
            self._require(fair or answer.code is not Code.OK, "owner", f"{owner} freed {hold.id}")

        return deed

    def pay(self, hold: HoldRecord) -> Deed:
        async def deed(hall: Hall, worker: Worker) -> None:
            await begin_paying(BoxOffice(hall, worker.ledger), hold.id)

        return deed

    def confirm(self, hold: HoldRecord, *, amount: int | None = None, other: bool = False) -> Deed:
        """The platform has the money: it will repeat exactly this until it is answered."""
        reference = f"{'other' if other else 'ref'}-{hold.id}"
        total = hold.total if amount is None else amount
        request = ConfirmRequest(reference, f"pay-{hold.id}", total)
        if amount is None and not other:
            self.paid[hold.id] = request

        async def deed(hall: Hall, worker: Worker) -> None:
            office = BoxOffice(hall, worker.ledger)
            confirmed = await Confirming(worker.afterwards).confirm(office, hold.id, request)
            self._require(amount is None, "promise", f"{hold.id} was confirmed for {amount}")
            self.promised[confirmed.order.id] = reference
            self._keep_promises()

        return deed

    def refund(self, hold: HoldRecord, items: tuple[RefundItem, ...] | None, key: str) -> Deed:
        async def deed(hall: Hall, worker: Worker) -> None:
            office = BoxOffice(hall, worker.ledger)
            refunding = Refunding(worker.afterwards)
            await refunding.refund(office, hold.id, RefundRequest(items), key or None)

        return deed

    def sweep(self) -> Deed:
        async def deed(hall: Hall, worker: Worker) -> None:
            await hall.sweep()

        return deed

    def recover(self) -> Deed:
        async def deed(hall: Hall, worker: Worker) -> None:
            await worker.recovery.visit(hall)

        return deed

    def block(self, seats: Sequence[int], *, blocked: bool) -> Deed:
        async def deed(hall: Hall, worker: Worker) -> None:
            office = BoxOffice(hall, worker.ledger)
            await (blocking.block if blocked else blocking.unblock)(office, seats)

        return deed

    def operate(self, operation: str) -> Deed:
        """As the operator's request does it: the store first, then the ledger."""

        async def deed(hall: Hall, worker: Worker) -> None:
            changed = await LineCalls(worker.executor).change_lifecycle(hall.ref, operation)
            if changed.code is Code.OK:
                await worker.ledger.sales.set_lifecycle(self.uid, changed.lifecycle)

        return deed

    def _saw(self, answer: HoldAnswer) -> None:
        if answer.hold is not None:
            self.seen[answer.hold.id] = answer.hold

    # The end

    async def finish(self) -> None:
        """Nobody does anything new; recovery comes by; then everything must agree."""
        await self.run()
        self.steps.append("at the end:")
        await self._recovered()
        self.steps.append("the platform asks again:")
        for hold_id in list(self.paid):
            await self._insist(hold_id)
        if self.paid:
            await self._recovered()
        await self._audit()

    async def _recovered(self) -> None:
        await self._ask(self.recover())
        for wait_ms in (PATIENCE_MS + 1000, HOLD_MAX_SECONDS * 1000 + 61_000):
            await self.set_clock(self.now_ms + wait_ms)
            await self._ask(self.recover())
        await self._ask(self.sweep())

    async def _ask(self, deed: Deed) -> None:
        """At one worker, twice where the first only finds out that the store was lost."""
        for _ in range(2):
            self.start(0, deed)
            refused = len(self.recovering)
            await self.run()
            if len(self.recovering) == refused:
                break

    async def _insist(self, hold_id: str) -> None:
        """The platform repeats its confirm; it must learn what became of the money."""
        answers: list[object] = []

        async def deed(hall: Hall, worker: Worker) -> None:
            office = BoxOffice(hall, worker.ledger)
            try:
                request = self.paid[hold_id]
                done = await Confirming(worker.afterwards).confirm(office, hold_id, request)
                self.promised[hold_id] = request.order_ref
                answers.append(done.order.status)
            except HoldfastError as error:
                answers.append(error)

        while not answers and len(self.recovering) < 1000:
            await self._ask(deed)
        final = answers[-1] if answers else None
        self._require(
            self._is_final(hold_id, final), "paid", f"{hold_id} is paid, and the answer: {final!r}"
        )

    def _is_final(self, hold_id: str, answer: object) -> bool:
        if isinstance(answer, HoldfastError):
            # A key was used for another request after a loss: what is held is not what was paid.
            if len(self.digests.get(hold_id, ())) > 1 and answer.code is ErrorCode.AMOUNT_MISMATCH:
                return True
            unknown = answer.code is ErrorCode.UNKNOWN_HOLD and self.rolled_back
            mismatch = answer.code is ErrorCode.ORDER_MISMATCH
            return bool(answer.members.get("refund_required")) or mismatch or unknown
        return answer in _settled

    async def _audit(self) -> None:
        """Store, ledger and model agree; nothing is left halfway."""
        await self.compare()
        owners = await self.ledger.orders.owners(self.uid)
        self._require(owners == self.books.owners(), "double", f"{owners} are sold")
        sold = (await self.ledger.orders.area_units(self.uid))["floor"]
        self._require(sold == self.books.floor_sold(), "double", f"{sold} of the floor are sold")
        for order in await self.ledger.orders.page(self.uid, limit=500):
            self.books.compare(order.id, order)
            self._require(order.status is not OrderStatus.PENDING, "halfway", f"{order}")
        if self.rolled_back:
            return  # what a rolled-back store has forgotten unnoticed, `reconcile` finds
        booked = {s for s, state in enumerate(self.store.states()) if state == "b"}
        self._require(booked == set(owners), "halfway", f"booked {booked}, sold {set(owners)}")
        wanted = await self.ledger.blocks.blocked(self.uid)
        self._require(self.store.blocked == set(wanted), "halfway", f"to be blocked: {wanted}")
        halfway = [h for h in self.store.living() if h.status.name == "CONFIRMING"]
        self._require(not halfway, "halfway", f"{halfway}")


Deed = Callable[[Hall, Worker], Awaitable[None]]


async def _nothing() -> None:
    """Only loads the sale."""


def wanted(best: int, floor: int, seats: Sequence[int]) -> HoldBody:
    """A request: seats by name, or so many, and so much of the floor."""
    areas = (AreaWish("floor", floor),) if floor else ()
    if best:
        return HoldBody(best_available=BestAvailable(best), areas=areas)
    return HoldBody(seats=tuple(f"s{seat}" for seat in sorted(set(seats))), areas=areas)


def _short(call: Call, answer: object) -> str:
    if isinstance(answer, BaseException):
        return repr(answer)
    if call.name == "ledger.commit":
        outcome: Any = answer
        what: Any = call.what
        order = getattr(what, "order", None)
        order_id = order.id if order is not None else what.order_id
        return f"{type(what).__name__} {order_id} -> {outcome.verdict.name}"
    if call.is_ledger or call.name.startswith("command.") or not isinstance(answer, list):
        return ""
    args: Any = call.what
    subject = args[2] if len(args) > 2 and isinstance(args[2], str) else ""
    return f"{subject} -> {Code(answer[0]).name} r{answer[1]}"
