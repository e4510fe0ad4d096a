import asyncio
import threading
from collections.abc import Callable

import pytest
from conftest import fresh_uid
from support.ledger.small_sale import PLAN

from holdfast.sales import plans
from holdfast.sales.plans import PlanCache
from holdfast.sales.spec import SaleSpec, spec_to_json
from holdfast_inventory.plan.plan import Plan, compile_plan
from holdfast_inventory.settings import InventorySettings
from holdfast_ledger import Ledger, SaleDraft, SaleRecord

SPEC = SaleSpec(name="Night", prices={"A": 4500})


@pytest.fixture
async def record(ledger: Ledger) -> SaleRecord:
    uid = fresh_uid()
    return await ledger.sales.create(SaleDraft(uid, "night", spec_to_json(SPEC), plan=PLAN))


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[Callable[[], None]]:
    """What each compilation does first, in turn; grows an entry for each that nobody has set."""
    steps: list[Callable[[], None]] = []
    count = iter(range(100))

    def step_by_step(text: bytes | None, settings: InventorySettings) -> Plan:
        number = next(count)
        if number == len(steps):
            steps.append(lambda: None)
        steps[number]()
        return compile_plan(text, settings)

    monkeypatch.setattr(plans, "compile_plan", step_by_step)
    return steps


async def test_concurrent_loads_compile_a_plan_once(
    ledger: Ledger, record: SaleRecord, compiled: list[Callable[[], None]]
) -> None:
    """One who gives up does not end it for the others."""
    may_go_on = threading.Event()
    compiled.append(lambda: assert_set(may_go_on))
    cache = PlanCache(ledger)
    asking = [asyncio.create_task(cache.get(record, SPEC)) for _ in range(5)]
    await asyncio.sleep(0)
    asking[0].cancel()
    may_go_on.set()
    first, *others = await asyncio.gather(*asking, return_exceptions=True)
    assert isinstance(first, asyncio.CancelledError)
    assert isinstance(others[0], Plan)
    assert {id(plan) for plan in others} == {id(await cache.get(record, SPEC))}
    assert len(compiled) == 1


def assert_set(event: threading.Event) -> None:
    assert event.wait(10)


async def test_failure_is_told_to_all_who_wait_and_not_kept(
    ledger: Ledger, record: SaleRecord, compiled: list[Callable[[], None]]
) -> None:
    def fail() -> None:
        raise MemoryError

    compiled.append(fail)
    cache = PlanCache(ledger)
    asking = [cache.get(record, SPEC) for _ in range(3)]
    outcomes = await asyncio.gather(*asking, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [MemoryError] * 3
    assert isinstance(await cache.get(record, SPEC), Plan)
    assert len(compiled) == 2
