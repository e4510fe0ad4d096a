"""The model beside the real code: told of every call that happened, in the order in which they did.

What a script answers must be what the model answers; what is then in the store must be what the
model has; what the ledger decides must be what the rules allow. And what has been promised to the
platform is remembered here and held against the ledger after every step, to the end.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from model.environment.real_store import RealStore
from model.reference import installing, scripts
from model.reference.calls import answer_of, request_of
from model.reference.ledger_model import LedgerModel
from model.reference.store_model import StoreModel
from model.reference.terms import CLUB, Violation, require
from model.scheduler import Call

from holdfast.sales.spec import spec_from_json
from holdfast_ledger import OrderStatus
from holdfast_lua.calls.codes import Code

START_MS = 1_800_000_000_000
SETTLED: Final = (OrderStatus.SOLD, OrderStatus.PARTLY_REFUNDED, OrderStatus.REFUNDED)


@dataclass
class Checker:
    """One run's models, and what must stay true of it."""

    real: RealStore
    now_ms: int = START_MS
    store: StoreModel = field(default_factory=StoreModel)
    ledger: LedgerModel = field(default_factory=LedgerModel)
    promised: dict[str, str] = field(default_factory=dict)
    """confirmed orders that the platform was told of, with their reference"""
    digests: dict[str, set[str]] = field(default_factory=dict)
    """the requests that each hold was made for: several where a loss let a key be used again"""
    trace: list[object] = field(default_factory=list)

    async def happened(self, done: Sequence[tuple[Call, Any]]) -> None:
        """Every call that has happened, in order; then both sides are compared."""
        unchanged = True
        for call, answer in done:
            self.trace.append(CallMade(call, answer))
            if isinstance(answer, BaseException):
                if call.name == "ledger.commit" or not call.is_ledger:
                    raise answer
            elif call.is_ledger:
                self._of_the_ledger(call, answer)
            elif not call.name.startswith("command."):
                unchanged = await self._script(call, answer) and unchanged
        self.keep_promises()
        if not unchanged:
            await self.compare()

    def _of_the_ledger(self, call: Call, answer: Any) -> None:
        if call.name == "ledger.commit":
            self.ledger.decide(call.what, answer)  # type: ignore[arg-type]  # an Intent
        elif call.name == "ledger.sales.bump_epoch":
            self.ledger.epoch = max(self.ledger.epoch, answer)
        elif call.name == "ledger.sales.patch":
            released = spec_from_json(answer.spec).released_channels if answer is not None else ()
            if CLUB in released:
                self.ledger.released(answer.epoch)

    async def _script(self, call: Call, reply: list[Any]) -> bool:
        """Whether the script has certainly changed nothing."""
        name, args = call.name, call.what
        assert isinstance(args, tuple)
        if name.startswith("install_"):
            return await self._install(name, args, reply)
        refusal = self._guard(args)
        code = Code(reply[0])
        if refusal is not Code.OK or code in (Code.STORE_BEHIND, Code.EPOCH_CHANGED):
            if code is not refusal:
                raise Violation("guard", f"{name}: {code!r}, should be {refusal!r}")
            return True
        return self._answered(call, args, reply)

    def _guard(self, args: tuple[Any, ...]) -> Code:
        epoch = self.store.epoch if self.store.present else -1
        if epoch < args[0] or (epoch == args[0] and self.store.revision < args[1]):
            return Code.STORE_BEHIND
        return Code.EPOCH_CHANGED if epoch > args[0] else Code.OK

    def _answered(self, call: Call, args: tuple[Any, ...], reply: list[Any]) -> bool:
        name, store = call.name, self.store
        request = request_of(name, args, call.request)
        if request is None:
            return name in scripts.READS
        if name == "reacquire_hold":
            request = replace(request, barred=self.ledger.released_in is None)
        before = store.holds.get(request.hold_id)
        before = None if before is None else replace(before)
        code, answered = answer_of(name, request, reply)
        wanted = scripts.run(store, name, request, answered, self.now_ms)
        if code is not wanted:
            raise Violation("answer", f"{name}: {code!r}, should be {wanted!r}")
        if reply[1] != store.revision:
            raise Violation("state", f"{name}: revision {reply[1]}, should be {store.revision}")
        if code >= 0 and store.changed:
            self.ledger.check(name, request, before, store)
        if name == "hold_seats" and code is Code.OK:
            self.digests.setdefault(request.hold_id, set()).add(request.text)
        return not store.changed

    async def _install(self, name: str, args: tuple[Any, ...], reply: list[Any]) -> bool:
        code, epoch = Code(reply[0]), int(args[0])
        if name == "install_inventory":
            wanted = installing.install_inventory(self.store, epoch, args[4])
            require(code is wanted, "fence", f"{code!r}, should be {wanted!r}")
        if name == "install_sale":
            wanted = installing.install_sale(self.store, epoch, args[11])
            require(code is wanted, "fence", f"{code!r}, should be {wanted!r}")
            if code is Code.OK:
                await self._begin_epoch(epoch, args, reply)
                return False
        return True

    async def _begin_epoch(self, epoch: int, args: tuple[Any, ...], reply: list[Any]) -> None:
        """What an installation has written is the sale; the ledger says whether it is right."""
        allotted = await self.real.allotted()
        self.ledger.check_allotted(epoch, allotted)
        installing.begin_epoch(
            self.store,
            epoch,
            reply[1],
            await self.real.holds(),
            rebuilt=str(args[9]) == "1",
            lifecycle=str(args[4]),
            blocked=await self.real.blocked(),
            allotted=allotted,
        )
        self.store.clock_ms = max(self.store.clock_ms, reply[2])
        self.ledger.check_rebuilt(self.store.holds.values())

    async def compare(self) -> None:
        """The real store against the model."""
        await self.real.compare(self.store)

    def keep_promises(self) -> None:
        """Whatever was confirmed to the platform is in the ledger."""
        for order_id, reference in self.promised.items():
            row = self.ledger.rows.get(order_id)
            if row is None or row.status not in SETTLED or row.body[0] != reference:
                raise Violation("promise", f"{order_id} was confirmed, the ledger has {row}")


@dataclass(frozen=True, slots=True)
class CallMade:
    """A line of the trace. Most are never read, and so written only when they are."""

    call: Call
    answer: object

    def __str__(self) -> str:
        return f"    {self.call.worker.number}: {self.call.name} {_short(self.call, self.answer)}"


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
