"""The inventory of a test: small plans, an installed sale, and a recount of all units.

The sale is installed by the same calls as in service, so a test starts from what a sale starts
from. `recount` compares counters, row bytes, deadlines and buyers' entries with what the seats and
the holds say; every test that changes something may call it, and the state machine does after each
step.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Awaitable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import msgspec

from holdfast_inventory.holds.allotments import opened_names
from holdfast_inventory.holds.choice import ChoiceCompiler, group_by_row
from holdfast_inventory.holds.inventory_image import make_image, row_bytes
from holdfast_inventory.holds.sale_inventory import SaleInventory
from holdfast_inventory.plan.plan import Plan, compile_plan
from holdfast_inventory.settings import Area, InventorySettings
from holdfast_lua import Executor, SaleRef
from holdfast_lua.calls import keys
from holdfast_lua.calls.hold_terms import HoldAnswer, HoldTerms, SeatChoice, SeatList
from holdfast_lua.calls.inventory import InventoryCalls
from holdfast_lua.calls.inventory_install import install_inventory
from holdfast_lua.calls.records import AreaUnits, HoldRecord, HoldStatus
from holdfast_lua.calls.sale import SaleCalls, SaleTimes

SPORTS_HALL = Path(__file__).parents[3] / "examples" / "plans" / "sports-hall.json"
HOLD_MS = 30 * 60 * 1000
HOLD_MAX_MS = 60 * 60 * 1000
PITCH = 25
FLOOR = Area("floor", "Floor", 10, "GA")
PRICES = {"A": 9000, "B": 6000, "C": 3000, "GA": 1500, "I": 5000, "II": 3000, "VIP": 9000}
SETTINGS = InventorySettings(prices=PRICES, max_units_per_buyer=6)

_uids = itertools.count(1)


class Clock(Protocol):
    """The `clock` fixture."""

    async def now_ms(self) -> int: ...
    async def advance_ms(self, ms: int) -> None: ...
    async def stand_still(self) -> None: ...


class Make(Protocol):
    """The `make_harness` fixture."""

    def __call__(
        self, *zones: list[str], install: dict[str, object] | None = None, **terms: object
    ) -> Awaitable[InventoryHarness]: ...


def plan_json(
    *zones: Sequence[str], categories: Iterable[str] = "ABC", zone_gap: float = 2000
) -> bytes:
    """A plan drawn in text: a zone is a list of rows, a row one character a seat, its category; a
    space is a place without a seat, lower case an accessible seat.
    """
    drawn = []
    for number, rows in enumerate(zones):
        drawn.append(
            {
                "name": f"Z{number + 1}",
                "zone_id": f"z{number + 1}",
                "position": {"x": zone_gap * number, "y": 0},
                "rows": [_row(number, at, text) for at, text in enumerate(rows)],
            }
        )
    names = [{"name": name} for name in categories]
    return msgspec.json.encode({"name": "Drawn", "categories": names, "zones": drawn})


def _row(zone: int, number: int, text: str) -> dict[str, object]:
    seats = [
        {
            "seat_guid": f"z{zone + 1}-{number + 1}-{at + 1}",
            "seat_number": str(at + 1),
            "position": {"x": PITCH * at, "y": 0},
            "category": letter.upper(),
            **({"accessible": True} if letter.islower() else {}),
        }
        for at, letter in enumerate(text)
        if letter != " "
    ]
    return {"row_number": str(number + 1), "position": {"x": 0, "y": 40 * number}, "seats": seats}


@dataclass
class InventoryHarness:
    """An installed sale and short ways to act on it."""

    executor: Executor
    inventory: SaleInventory
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @classmethod
    async def install(
        cls,
        executor: Executor,
        text: bytes | None,
        settings: InventorySettings = SETTINGS,
        *,
        holds: Sequence[HoldRecord] = (),
        blocked: Iterable[int] = (),
        times: SaleTimes | None = None,
        lifecycle: str = "live",
    ) -> InventoryHarness:
        """A sale on the plan in `text`, with these holds in it."""
        plan = compile_plan(text, settings)
        ref = SaleRef(f"stock{next(_uids)}", 1)
        image = make_image(plan, settings, holds, blocked)
        await executor.command("DEL", *(key(ref.uid) for key in (keys.sale, keys.install_fence)))
        await install_inventory(executor, ref.uid, ref.epoch, image)
        await SaleCalls(executor).install(
            ref,
            name="sale",
            lifecycle=lifecycle,
            settings_version=1,
            times=times or SaleTimes(),
            inventory=image.sale_fields(),
        )
        return cls(executor, SaleInventory("sale", ref, plan, settings, InventoryCalls(executor)))

    async def rebuild(self) -> None:
        """The sale anew in the next epoch, with every seat free."""
        old = self.inventory
        ref = SaleRef(old.uid, old.ref.epoch + 1)
        image = make_image(old.plan, old.settings)
        await install_inventory(self.executor, ref.uid, ref.epoch, image)
        await SaleCalls(self.executor).install(
            ref,
            name="sale",
            lifecycle="live",
            settings_version=1,
            times=SaleTimes(),
            inventory=image.sale_fields(),
            rebuilt=True,
        )
        self.inventory = SaleInventory("sale", ref, old.plan, old.settings, old.calls)

    @property
    def calls(self) -> InventoryCalls:
        return self.inventory.calls

    @property
    def ref(self) -> SaleRef:
        return self.inventory.ref

    @property
    def plan(self) -> Plan:
        return self.inventory.plan

    @property
    def uid(self) -> str:
        return self.inventory.uid

    def choice(
        self,
        quantity: int,
        *,
        categories: str = "",
        zones: Iterable[int] = (),
        accessible: bool = False,
        prevent_orphans: bool = True,
    ) -> SeatChoice:
        """Best available; categories by letter."""
        compiler = ChoiceCompiler(self.plan, self.inventory.settings)
        wanted, places = frozenset(categories), frozenset(zones)
        return compiler.choice(quantity, wanted, places, accessible, prevent_orphans)

    def seats(self, *guids: str, channel: str = "") -> SeatList:
        """Explicit seats by guid, for who carries this channel."""
        compiler = ChoiceCompiler(self.plan, self.inventory.settings)
        return compiler.seat_list(self.indices(*guids), frozenset({channel} - {""}))

    def indices(self, *guids: str) -> list[int]:
        """Dense indices of seats."""
        found = [self.plan.index(guid) for guid in guids]
        return [at for at in found if at is not None]

    async def hold(
        self,
        seats: SeatList | SeatChoice | None = None,
        *,
        floor: int = 0,
        pit: int = 0,
        hold_id: str = "",
        buyer: str = "",
        digest: str = "digest",
        pass_id: str = "",
        limit: int = 6,
        seed: int = 0,
        hold_ms: int = HOLD_MS,
        channel: str = "",
    ) -> HoldAnswer:
        """One call of the script; every call its own id and buyer unless given."""
        number = next(self.numbers)
        terms = HoldTerms(
            hold_id or f"hold{number}",
            digest,
            buyer or f"buyer{number}",
            pass_id,
            hold_ms,
            HOLD_MAX_MS,
            limit,
            seed,
            opened_names(self.plan, self.inventory.settings, frozenset({channel} - {""})),
        )
        wanted = enumerate((floor, pit))
        areas = [AreaUnits(area, units, PRICES["GA"]) for area, units in wanted if units]
        return await self.calls.hold_seats(self.ref, terms, seats=seats, areas=areas)

    async def held(self, seats: SeatList | SeatChoice | None = None, **how: object) -> HoldRecord:
        """A hold that must succeed."""
        answer = await self.hold(seats, **how)  # type: ignore[arg-type]  # passed on as they came
        assert answer.hold is not None, answer.code
        return answer.hold

    async def confirmed(self, hold_id: str) -> HoldRecord:
        """The hold, taken through the store's half of a confirm."""
        await self.calls.begin_confirm(self.ref, hold_id, reacquire=False, limit=0)
        answer = await self.calls.finish_confirm(self.ref, hold_id, order_ref="order")
        assert answer.hold is not None, answer.code
        return answer.hold

    async def states(self) -> str:
        """The bytes of the seats."""
        return (await self.executor.command("GET", keys.seats(self.uid)) or b"").decode()

    async def counters(self) -> dict[str, int]:
        """The inventory's fields of the sale hash."""
        names = ["free", "held", "booked", "blocked", "next_due_ms", "a0f", "a0h", "revision"]
        raw = await self.executor.command("HMGET", keys.sale(self.uid), *names)
        return {name: int(value or 0) for name, value in zip(names, raw, strict=True)}

    async def holds(self) -> dict[str, HoldRecord]:
        """Every hold that the store keeps."""
        found: dict[str, HoldRecord] = {}
        cursor = 0
        while True:
            cursor, some = await self.calls.scan_holds(self.ref, cursor)
            found.update({hold.id: hold for hold in some})
            if cursor == 0:
                return found

    async def kinds(self) -> list[str]:
        """The types of all events, in order."""
        return [event.kind for event in (await self.calls.read_events(self.ref, None, 500)).events]

    async def recount(self) -> None:
        """Whether counters, rows, deadlines and buyers agree with seats and holds."""
        holds = await self.holds()
        states, counters = await self.states(), await self.counters()
        living = [hold for hold in holds.values() if not hold.status.ended]
        self._check_seats(states, living)
        capacity = sum(area.capacity for area in self.inventory.settings.areas)
        units = Counter[HoldStatus]()
        for hold in living:
            booked = hold.status is HoldStatus.CONFIRMED
            units[HoldStatus.CONFIRMED if booked else HoldStatus.ACTIVE] += sum(
                area.quantity for area in hold.areas
            )
        area_held, area_booked = units[HoldStatus.ACTIVE], units[HoldStatus.CONFIRMED]
        assert counters["free"] == states.count("f") + capacity - area_held - area_booked
        assert counters["held"] == states.count("h") + area_held
        assert counters["booked"] == states.count("b") + area_booked
        assert counters["blocked"] == states.count("x")
        await self._check_apart(states)
        if len(self.inventory.settings.areas) == 1:
            assert counters["a0f"] == capacity - area_held - area_booked
            assert counters["a0h"] == area_held
        stored_rows = await self.executor.command("GET", keys.rows(self.uid)) or b""
        assert stored_rows == row_bytes(self.plan, states.encode())
        await self._check_due(holds.values(), counters["next_due_ms"])
        await self._check_buyers(living)

    async def _check_apart(self, states: str) -> None:
        """What is set aside is counted by asking of each seat and area alone."""
        settings, plan = self.inventory.settings, self.plan
        seats = [
            s for at, s in enumerate(states) if settings.withheld_from_line(plan.kind(at).channel)
        ]
        names = [
            f"a{at}"
            for at, area in enumerate(settings.areas)
            if settings.withheld_from_line(area.channel)
        ]
        wanted = Counter(seats)
        for name in names:
            for state in "fh":
                units = await self.executor.command("HGET", keys.sale(self.uid), f"{name}{state}")
                wanted[state] += int(units or 0)
        raw = await self.executor.command(
            "HMGET", keys.sale(self.uid), "apart", "apart_free", "apart_held"
        )
        assert [int(value or 0) for value in raw[1:]] == [wanted["f"], wanted["h"]]
        assert [name for name in raw[0].decode().split() if name.startswith("a")] == names

    def _check_seats(self, states: str, living: Iterable[HoldRecord]) -> None:
        owned: dict[int, str] = {}
        for hold in living:
            state = "b" if hold.status is HoldStatus.CONFIRMED else "h"
            for seat in hold.seats:
                assert seat not in owned, f"seat {seat} is in two holds"
                owned[seat] = state
            assert list(hold.seats) == sorted(hold.seats)
            touched = {row for row, _ in group_by_row(self.plan, hold.seats)}
            assert touched <= set(hold.rows)
        for seat, state in enumerate(states):
            assert owned.get(seat, state if state in "fx" else "?") == state, seat

    async def _check_due(self, holds: Iterable[HoldRecord], next_due_ms: int) -> None:
        raw = await self.executor.command("ZRANGE", keys.due(self.uid), 0, -1, "WITHSCORES")
        due = {raw[at].decode(): int(float(raw[at + 1])) for at in range(0, len(raw), 2)}
        for hold in holds:
            if hold.status.timed:
                assert due.pop(hold.id) == hold.expires_ms
            elif hold.status.ended and not hold.ledger:
                assert next_due_ms <= due.pop(hold.id)
        assert due == {}
        first = [hold.expires_ms for hold in holds if hold.status.timed]
        assert not first or 0 < next_due_ms <= min(first)

    async def _check_buyers(self, living: Iterable[HoldRecord]) -> None:
        raw = await self.executor.command("HGETALL", keys.buyers(self.uid))
        parts = {raw[at].decode(): raw[at + 1].decode().split("~") for at in range(0, len(raw), 2)}
        kept = {buyer: part[0].split() for buyer, part in parts.items() if part[0] != "0"}
        # Who has nothing is kept only as long as something tells when they can be forgotten.
        assert parts.keys() - kept.keys() <= {hold.buyer for hold in (await self.holds()).values()}
        units: Counter[str] = Counter()
        ids: dict[str, set[str]] = {}
        for hold in living:
            units[hold.buyer] += hold.units
            ids.setdefault(hold.buyer, set()).add(hold.id)
        assert {buyer: (int(e[0]), set(e[1:])) for buyer, e in kept.items()} == {
            buyer: (units[buyer], ids[buyer]) for buyer in ids
        }
