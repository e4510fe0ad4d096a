"""Random operations in random order with time passing between: the books always balance.

The model is as plain as can be: which buyer has how many units, which holds should be alive. What
the store says is recounted from the seats and the holds after every step.
"""

from dataclasses import replace

import hypothesis.strategies as st
import pytest
import uvloop
from hypothesis import HealthCheck, settings
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from support.inventory.harness import FLOOR, HOLD_MS, PRICES, InventoryHarness, plan_json

from holdfast_inventory.holds.releases import release
from holdfast_inventory.settings import Allotment, InventorySettings
from holdfast_lua import Bundle as Scripts
from holdfast_lua import Code, Executor
from holdfast_lua.calls.hold_terms import HoldAnswer
from holdfast_lua.calls.records import AreaUnits, HoldRecord, HoldStatus

OFFSET_KEY = "hf:test:offset_ms"
HOUSE = plan_json(["AAAAA AAAAA", "AAAAAABBB"], ["BBBBBBBB", "aaAAAA"])
TERMS = InventorySettings(prices=PRICES, areas=(FLOOR,))
SET_ASIDE = replace(
    TERMS,
    areas=(replace(FLOOR, channel="fans"),),
    allotments=(Allotment("fans", seats=("z1-1-2", "z1-1-3")), Allotment("press", zones=("Z2",))),
)
LIMIT = 6
BUYERS = st.sampled_from(["ann", "bea", "cy"])


class InventoryMachine(RuleBasedStateMachine):
    """Buyers, a shop and an operator, all at once."""

    store_url: str
    scripts: Scripts
    terms: InventorySettings
    holds = Bundle("holds")

    @initialize()
    def start(self) -> None:
        self.loop = uvloop.new_event_loop()
        self.run = self.loop.run_until_complete
        self.run(self._open())

    async def _open(self) -> None:
        self.executor = Executor(self.store_url, self.scripts)
        await self.executor.command("DEL", OFFSET_KEY)
        self.harness = await InventoryHarness.install(self.executor, HOUSE, self.terms)
        self.events = 0

    def teardown(self) -> None:
        if hasattr(self, "loop"):
            self.run(self.executor.command("DEL", OFFSET_KEY))
            self.run(self.executor.aclose())
            self.loop.close()

    # buyers

    @rule(
        target=holds,
        buyer=BUYERS,
        quantity=st.integers(0, 6),
        floor=st.integers(0, 3),
        category=st.sampled_from(["", "A", "B"]),
        seed=st.integers(0, 100),
    )
    def pick(self, buyer: str, quantity: int, floor: int, category: str, seed: int) -> str:
        choice = self.harness.choice(quantity, categories=category) if quantity else None
        return self._held(
            self.run(self.harness.hold(choice, floor=floor, buyer=buyer, seed=seed)), buyer
        )

    @rule(target=holds, buyer=BUYERS, seats=st.sets(st.integers(0, 32), min_size=1, max_size=4))
    def choose(self, buyer: str, seats: set[int]) -> str:
        guids = [self.harness.plan.guids[seat] for seat in seats]
        before = self.run(self.harness.states())
        answer = self.run(self.harness.hold(self.harness.seats(*guids), buyer=buyer))
        if answer.code is Code.SEAT_UNAVAILABLE:
            assert any(before[seat] != "f" for seat in answer.seats)
        return self._held(answer, buyer)

    def _held(self, answer: HoldAnswer, buyer: str) -> str:
        if answer.hold is None:
            return "none"
        units = [h.units for h in self._living() if h.buyer == buyer]
        assert sum(units) <= LIMIT
        return answer.hold.id

    def _living(self) -> list[HoldRecord]:
        found = self.run(self.harness.holds())
        return [hold for hold in found.values() if not hold.status.ended]

    @rule(hold=holds)
    def extend(self, hold: str) -> None:
        self.run(
            self.harness.calls.extend_hold(
                self.harness.ref, hold, owner="", version=0, extend_ms=HOLD_MS
            )
        )

    @rule(hold=holds)
    def pay(self, hold: str) -> None:
        self.run(self.harness.calls.begin_paying(self.harness.ref, hold))

    @rule(hold=holds)
    def release(self, hold: str) -> None:
        answer = self.run(self.harness.calls.release_hold(self.harness.ref, hold, owner=""))
        if answer.code is Code.OK:
            assert answer.hold is not None
            assert answer.hold.status is HoldStatus.RELEASED

    # orders

    @rule(hold=holds, reacquire=st.booleans())
    def begin(self, hold: str, reacquire: bool) -> None:
        answer = self.run(
            self.harness.calls.begin_confirm(
                self.harness.ref, hold, reacquire=reacquire, limit=LIMIT
            )
        )
        if answer.code in (Code.OK, Code.HOLD_REACQUIRED):
            assert answer.hold is not None
            assert answer.hold.status is HoldStatus.CONFIRMING

    @rule(hold=holds)
    def finish(self, hold: str) -> None:
        self.run(self.harness.calls.finish_confirm(self.harness.ref, hold, order_ref="r"))

    @rule(hold=holds)
    def abort(self, hold: str) -> None:
        self.run(self.harness.calls.abort_confirm(self.harness.ref, hold, reason="lost"))

    @rule(hold=consumes(holds))
    def drop(self, hold: str) -> None:
        self.run(self.harness.calls.drop_hold(self.harness.ref, hold, reason="conflict"))

    @rule(hold=holds, seats=st.sets(st.integers(0, 32), max_size=6), floor=st.integers(0, 2))
    def refund(self, hold: str, seats: set[int], floor: int) -> None:
        areas = [AreaUnits(0, floor, PRICES["GA"])] if floor else []
        self.run(
            self.harness.calls.free_seats(self.harness.ref, hold, seats=sorted(seats), areas=areas)
        )

    # the operator

    @rule(seats=st.sets(st.integers(0, 32), min_size=1, max_size=5), block=st.booleans())
    def block(self, seats: set[int], block: bool) -> None:
        change = self.harness.inventory.block if block else self.harness.inventory.unblock
        self.run(change(sorted(seats)))

    @precondition(lambda self: self.harness.inventory.settings.sets_aside)
    @rule(channel=st.sampled_from(["fans", "press"]))
    def release_channel(self, channel: str) -> None:
        inventory = self.harness.inventory
        self.run(release(inventory, [channel]))
        released = inventory.settings.released | {channel}
        inventory.apply(replace(inventory.settings, released=released))

    # time

    @rule(ms=st.sampled_from([1000, HOLD_MS // 2, HOLD_MS, 3 * HOLD_MS, 25 * 3_600_000]))
    def wait(self, ms: int) -> None:
        self.run(self.executor.command("INCRBY", OFFSET_KEY, ms))

    @rule()
    def sweep(self) -> None:
        self.run(self.harness.calls.expire_holds(self.harness.ref))

    # what must hold

    @invariant()
    def the_books_balance(self) -> None:
        if not hasattr(self, "harness"):
            return
        self.run(self.harness.recount())
        page = self.run(self.harness.calls.read_events(self.harness.ref, None, 500))
        assert [event.cursor[1] for event in page.events] == list(range(1, len(page.events) + 1))
        assert len(page.events) >= self.events
        self.events = len(page.events)


@pytest.mark.parametrize("terms", [TERMS, SET_ASIDE], ids=["for all", "set aside"])
def test_the_books_balance_after_any_operations(
    store_url: str, test_bundle: Scripts, terms: InventorySettings
) -> None:
    InventoryMachine.store_url, InventoryMachine.scripts, InventoryMachine.terms = (
        store_url,
        test_bundle,
        terms,
    )
    run_state_machine_as_test(
        InventoryMachine,
        settings=settings(
            max_examples=40,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
