"""One sale twice: in the store, by the service's scripts, and in the simulator, by its rules.

Every call goes to both at the same moment, and the answers are compared; after a step of the line
all counters are.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from conftest import STILL_KEY, fresh_uid

from holdfast_inventory.holds.inventory_image import make_image
from holdfast_inventory.plan.plan import compile_plan
from holdfast_inventory.settings import Area, InventorySettings
from holdfast_lua import Executor, SaleRef
from holdfast_lua.calls.codes import Code
from holdfast_lua.calls.hold_terms import HoldTerms
from holdfast_lua.calls.inventory import InventoryCalls
from holdfast_lua.calls.inventory_install import install_inventory
from holdfast_lua.calls.line import LineCalls, LineCheckpoint, LineTerms
from holdfast_lua.calls.line_status import LineMode, LineStatus
from holdfast_lua.calls.records import AreaUnits
from holdfast_lua.calls.sale import SaleCalls, SaleTimes
from holdfast_simulator.rules import pass_holds
from holdfast_simulator.rules.line import PaceTerms, SimulatedLine
from holdfast_simulator.rules.line_step import advance
from holdfast_simulator.rules.stock import SimulatedStock

BEGIN_MS = 1_800_000_000_000
CEILING = 1_000_000
PLACES = ("lifecycle", "issued", "serving", "called", "claimed", "lapsed", "admitted", "unused")


class Differs(AssertionError):
    """Scripts and rules answered differently."""


@dataclass(frozen=True)
class SaleSetup:
    """What a sale begins with."""

    terms: PaceTerms
    units: dict[str, int]
    hold_ms: int
    hold_max_ms: int
    prequeue_ms: int = 0
    opens_ms: int = 0


@dataclass
class BothSales:
    """A sale in the store and its simulation."""

    setup: SaleSetup
    executor: Executor
    ref: SaleRef
    line: SimulatedLine
    now_ms: int = BEGIN_MS
    version: int = 1
    log: list[str] = field(default_factory=list)
    """what was asked, and how it was answered"""

    @classmethod
    async def install(cls, executor: Executor, setup: SaleSetup) -> BothSales:
        """By the calls that the service installs a sale with."""
        await executor.command("SET", STILL_KEY, BEGIN_MS)
        areas = tuple(Area(name, name, units, name) for name, units in setup.units.items())
        settings = InventorySettings(prices=dict.fromkeys(setup.units, 0), areas=areas)
        image = make_image(compile_plan(None, settings), settings, (), ())
        ref = SaleRef(fresh_uid(), 1)
        await install_inventory(executor, ref.uid, ref.epoch, image)
        await LineCalls(executor).install_line(ref, line_terms(setup.terms), LineCheckpoint(0))
        await SaleCalls(executor).install(
            ref,
            name="both",
            lifecycle="live",
            settings_version=1,
            times=SaleTimes(setup.prequeue_ms, setup.opens_ms),
            inventory=image.sale_fields(),
        )
        stock = SimulatedStock(setup.units, setup.hold_ms, setup.hold_max_ms)
        times = {"opens_ms": setup.opens_ms, "prequeue_ms": setup.prequeue_ms}
        return cls(setup, executor, ref, SimulatedLine(setup.terms, stock, BEGIN_MS, **times))

    @property
    def calls(self) -> LineCalls:
        return LineCalls(self.executor)

    @property
    def inventory(self) -> InventoryCalls:
        return InventoryCalls(self.executor)

    def same(self, what: str, real: Any, simulated: Any) -> None:
        """Notes the answers, and that they are one."""
        self.log.append(f"{self.now_ms - BEGIN_MS} {what}: {real}")
        if real != simulated:
            story = "\n".join(self.log[-40:])
            raise Differs(f"{what}: scripts {real}, rules {simulated}\n{self.setup}\n{story}")

    async def after(self, ms: int) -> None:
        """Time passes."""
        self.now_ms += ms
        await self.executor.command("SET", STILL_KEY, self.now_ms)

    # the line

    async def join(self, count: int, passes: int) -> int:
        """Answers how many numbers there are then."""
        first = self.line.issued + 1
        ids = [pass_of(number) for number in range(first, first + min(passes, count))]
        real = await self.calls.join_line(self.ref, count, CEILING, ids)
        joined = real.code in {Code.JOINED_LINE, Code.JOINED_LOBBY}
        said = (real.code.name, real.first, real.admitted) if joined else (real.code.name, 0, 0)
        self.same(f"join {count} ({passes})", said, self.line.join(self.now_ms, count, passes))
        return self.line.issued

    async def claim(self, number: int) -> str:
        real = await self.calls.claim_pass(self.ref, number, pass_of(number))
        code, ms = self.line.claim(self.now_ms, number)
        waits = real.ms if real.code is Code.DEFERRED else 0
        self.same(f"claim {number}", (real.code.name, waits), (code, ms))
        return code

    async def end(self, number: int) -> None:
        real = await self.calls.end_pass(self.ref, pass_of(number), "released")
        self.same(f"end {number}", real.code.name, self.line.end(self.now_ms, number))

    async def step(self) -> LineStatus:
        real = await self.calls.advance_line(self.ref)
        changed = advance(self.line, self.now_ms)
        self.same("step", real.code.name, "OK" if changed else "UNCHANGED")
        self.same("status", told(real.status), self._simulated())
        return real.status

    def _simulated(self) -> dict[str, Any]:
        line, stock = self.line, self.line.stock
        return {
            **{name: getattr(line, name) for name in PLACES},
            **{name: getattr(stock, name) for name in ("free", "held", "booked", "expired")},
            "active": line.active.count(self.now_ms),
            "deferred": len(line.deferred),
            "stock": max(0, line.stock_for(self.now_ms)),
            "share": line.share,
            "stays": (line.stays.ended, line.stays.total_ms),
        }

    # the operator

    async def change_terms(self, **changes: Any) -> None:
        self.line.change_terms(self.now_ms, **changes)
        self.version += 1
        times = (self.setup.prequeue_ms, self.line.opens_ms, 0)
        terms = line_terms(self.line.terms)
        real = await self.calls.update_line(self.ref, self.version, times, terms)
        self.same(f"change {changes}", real.code.name, "OK")

    async def change_lifecycle(self, operation: str) -> None:
        self.line.change_lifecycle(self.now_ms, operation)
        real = await self.calls.change_lifecycle(self.ref, operation)
        self.same(operation, real.lifecycle, self.line.lifecycle)

    # holds

    async def hold(self, number: int, category: str, units: int) -> str:
        terms = HoldTerms(
            *(hold_of(number), "digest", pass_of(number), pass_of(number)),
            *(self.setup.hold_ms, self.setup.hold_max_ms, 0),
        )
        area = list(self.setup.units).index(category)
        wanted = [AreaUnits(area, units, 0)]
        real = await self.inventory.hold_seats(self.ref, terms, areas=wanted)
        code = pass_holds.hold(self.line, self.now_ms, number, category, units)
        self.same(f"hold {number} {units} of {category}", real.code.name, code)
        return code

    async def release(self, number: int) -> None:
        real = await self.inventory.release_hold(self.ref, hold_of(number), owner=pass_of(number))
        code = self.line.stock.release(self.now_ms, number)
        self.same(f"release {number}", real.code.name, code)

    async def begin_paying(self, number: int) -> None:
        real = await self.inventory.begin_paying(self.ref, hold_of(number))
        code = pass_holds.begin_paying(self.line, self.now_ms, number)
        self.same(f"paying {number}", real.code.name, code)

    async def book(self, number: int) -> None:
        """Both halves of a confirm."""
        hold = hold_of(number)
        real = await self.inventory.begin_confirm(self.ref, hold, reacquire=False, limit=0)
        if real.code is Code.OK:
            real = await self.inventory.finish_confirm(self.ref, hold, order_ref=hold)
        code = self.line.stock.book(self.now_ms, number)
        self.same(f"book {number}", real.code.name, code)

    async def expire(self) -> None:
        real = await self.inventory.expire_holds(self.ref)
        ended = self.line.stock.expire(self.now_ms)
        self.same("expire holds", (real.ended, real.more), ended)


def pass_of(number: int) -> str:
    """The pass of a number; in the order of numbers also as text."""
    return f"pass-{number:09d}"


def hold_of(number: int) -> str:
    """The hold of a number's pass."""
    return f"hold-{number:09d}"


def line_terms(terms: PaceTerms) -> LineTerms:
    """The simulator's terms as the scripts take them."""
    return LineTerms(
        rate_per_minute=terms.rate,
        burst=terms.burst,
        cap=terms.cap,
        session_ms=terms.session_ms,
        claim_ms=terms.claim_ms,
        first_hold_ms=terms.first_hold_ms,
        stock_permille=terms.stock_permille,
        mode=LineMode.THROUGH if terms.through else LineMode.LINE,
        queue_all=terms.queue_all,
    )


def told(status: LineStatus) -> dict[str, Any]:
    """What the simulator knows as well."""
    names = (*PLACES, "free", "held", "booked", "expired", "active", "deferred", "stock")
    return {
        **{name: getattr(status, name) for name in names},
        "share": status.show_share,
        "stays": (status.stays, status.stays_ms),
    }
