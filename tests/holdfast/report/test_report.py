from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import pytest
from sqlalchemy import delete, insert, update
from support.sales.worker import Worker, confirm, lose, sell

from holdfast.report.report import Reporter
from holdfast.report.sale_history import SaleHistory
from holdfast.sales.sale import Sale
from holdfast_inventory.orders.background import BackgroundTasks
from holdfast_inventory.orders.refund import RefundRequest, RefundService
from holdfast_ledger.database.schema import area_sold, orders, sold
from holdfast_lua.calls import keys
from holdfast_metrics.metrics import Metrics

NAME = "finale"
PRICE = 4500


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is on its way between two readings, here."""
    monkeypatch.setattr("holdfast.report.report.PAUSE_SECONDS", 0.01)


async def no_history(_: Sale) -> SaleHistory | None:
    return None


async def report_of(worker: Worker, metrics: Metrics | None = None) -> dict[str, Any]:
    """The report as a client reads it."""
    reporter = Reporter(worker.ledger, metrics or Metrics(), no_history)
    made = await reporter.report(await worker.directory.get(NAME))
    read: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(made))
    return read


async def refund(worker: Worker, order_id: str) -> None:
    background = BackgroundTasks()
    await RefundService(background).refund(
        await worker.context(NAME), order_id, RefundRequest(), None
    )
    await background.drain()


async def sold_out_sale(worker: Worker) -> Sequence[str]:
    """Twenty seats sold in pairs, one pair refunded and one released; visitors who came and went.

    Answers the ids of the orders that own seats.
    """
    await worker.create(NAME, areas=())
    for _ in range(3):
        await worker.claim(NAME, await worker.join(NAME))
    given_up = await worker.hold(NAME, "given-up")
    await (await worker.context(NAME)).inventory.release(given_up.id, owner="", version=0)
    ids = []
    for number in range(10):
        hold = await worker.hold(NAME, f"n{number}", buyer=f"buyer-{number}")
        await confirm(worker, NAME, hold)
        ids.append(hold.id)
    await refund(worker, ids[3])
    return ids[:3] + ids[4:]


def broken(report: Mapping[str, Any]) -> set[str]:
    return {check["promise"] for check in report["audit"]["checks"] if check["state"] == "broken"}


async def test_sale_that_sold_out_is_told_whole(worker: Worker) -> None:
    await sold_out_sale(worker)
    report = await report_of(worker)
    assert report["funnel"] == {
        "joined": 3, "called": 3, "admitted": 3, "held": 11, "paying": 10, "confirmed": 10
    }  # fmt: skip
    assert report["stock"]["categories"] == [
        {"category": "A", "total": 20, "sold": 18, "refunded": 2}
    ]
    money = {key: report["revenue"][key] for key in ("confirmed", "refunded", "kept", "owed")}
    assert money == {
        "confirmed": 20 * PRICE, "refunded": 2 * PRICE, "kept": 18 * PRICE, "owed": 0
    }  # fmt: skip
    assert report["refunds"] == {"orders": 1, "units": 2, "amount": 2 * PRICE}
    assert report["orders"] == {"confirmed": 9, "refunded": 1}
    assert (report["holds"]["made"], report["holds"]["released"]) == (11, 1)
    assert report["period"]["sold_out_at"] is not None


async def test_money_orders_and_tickets_agree(worker: Worker) -> None:
    await sold_out_sale(worker)
    report = await report_of(worker)
    comparison = report["comparison"]
    assert comparison["agree"]
    assert comparison["payments"] == {"orders": 10, "amount": 18 * PRICE}
    assert comparison["orders"] == comparison["sold"] == {"tickets": 18, "amount": 18 * PRICE}
    assert comparison["store"] == {"tickets": 18}
    assert report["audit"]["verdict"] == "held"
    assert {check["state"] for check in report["audit"]["checks"]} == {"held"}
    assert all(
        check["examined"] for check in report["audit"]["checks"] if "area" not in check["promise"]
    )


async def test_sales_over_time_end_at_what_is_sold(worker: Worker) -> None:
    await sold_out_sale(worker)
    report = await report_of(worker)
    assert report["stock"]["sold_over_time"]["series"]["A"][-1] == 18
    assert report["revenue"]["over_time"]["series"][""][-1] == 18 * PRICE


async def test_areas_are_compared_by_their_units(worker: Worker) -> None:
    await worker.create(NAME)
    report = await report_of(worker)
    assert report["comparison"]["agree"]
    async with worker.ledger.database.writing() as connection:
        await connection.execute(update(area_sold).values(sold=3))
    planted = await report_of(worker)
    assert "areas sold what their orders own" in broken(planted)
    assert planted["comparison"]["sold"] == {"tickets": 3, "amount": 3000}


PAYMENT = "each payment is the price of its tickets"
OWNED = "each ticket of an order is sold to it"
MONEY = "payments = orders = sold tickets, in money"
TICKETS = "orders = sold tickets, in tickets"
EVENTS = "orders in the events = orders in the ledger"
STORE = "sold in the ledger = booked in the store"


async def test_payment_that_was_changed_shows(worker: Worker) -> None:
    ids = await sold_out_sale(worker)
    async with worker.ledger.database.writing() as connection:
        await connection.execute(update(orders).where(orders.c.id == ids[0]).values(amount=1))
    report = await report_of(worker)
    assert broken(report) == {PAYMENT, MONEY}
    assert not report["comparison"]["agree"]
    [found] = [c for c in report["audit"]["checks"] if c["promise"] == PAYMENT]
    assert found["findings"] == [
        f"order {ids[0]}: 1 paid less 0 given back, its tickets cost {2 * PRICE}"
    ]


async def test_ticket_that_is_not_sold_shows(worker: Worker) -> None:
    ids = await sold_out_sale(worker)
    async with worker.ledger.database.writing() as connection:
        await connection.execute(delete(sold).where(sold.c.order_id == ids[0]))
    assert broken(await report_of(worker)) == {OWNED, MONEY, TICKETS, STORE}


async def test_ticket_that_belongs_to_nobody_shows(worker: Worker) -> None:
    await worker.create(NAME)
    await sell(worker, NAME, "one")
    uid = (await worker.directory.get(NAME)).uid
    async with worker.ledger.database.writing() as connection:
        row = {"sale_uid": uid, "seat": 19, "order_id": "nobody"}
        await connection.execute(insert(sold).values(row))
    report = await report_of(worker)
    assert broken(report) == {OWNED, MONEY, TICKETS, STORE}
    assert report["comparison"]["sold"]["tickets"] == 3


async def test_seat_that_went_to_another_order_shows(worker: Worker) -> None:
    ids = await sold_out_sale(worker)
    async with worker.ledger.database.writing() as connection:
        await connection.execute(
            update(sold).where(sold.c.order_id == ids[0]).values(order_id=ids[1])
        )
    [found] = [c for c in (await report_of(worker))["audit"]["checks"] if c["promise"] == OWNED]
    assert found["broken"] == 4
    assert f"sold to {ids[1]}, order {ids[0]} owns it too" in found["findings"][0]


async def test_order_that_no_event_tells_of_shows(worker: Worker) -> None:
    await sold_out_sale(worker)
    uid = (await worker.directory.get(NAME)).uid
    async with worker.ledger.database.writing() as connection:
        row = (await connection.execute(orders.select().limit(1))).one()._mapping
        copied = {**row, "id": "by-hand", "items": "[]", "amount": 0, "sale_uid": uid}
        await connection.execute(insert(orders).values(copied))
    assert broken(await report_of(worker)) == {EVENTS}


async def test_store_that_shows_another_count_is_told(worker: Worker) -> None:
    await sold_out_sale(worker)
    uid = (await worker.directory.get(NAME)).uid
    await worker.executor.command("HINCRBY", keys.sale(uid), "booked", 1)
    assert broken(await report_of(worker)) == {STORE}


async def test_lost_events_leave_checks_open_and_are_told(worker: Worker) -> None:
    await sold_out_sale(worker)
    uid = (await worker.directory.get(NAME)).uid
    await worker.executor.command("XTRIM", keys.events(uid), "MAXLEN", 5)
    report = await report_of(worker)
    assert report["audit"]["verdict"] == "held"
    states = {check["promise"]: check["state"] for check in report["audit"]["checks"]}
    assert states[EVENTS] == states["no event is missing"] == "not_checked"
    assert states[MONEY] == "held"
    assert "events" in [one["code"] for one in report["missing"]]


async def test_event_that_is_missing_in_between_is_found(worker: Worker) -> None:
    await sold_out_sale(worker)
    uid = (await worker.directory.get(NAME)).uid
    assert await worker.executor.command("XDEL", keys.events(uid), "1-7") == 1
    assert "no event is missing" in broken(await report_of(worker))


async def test_rebuilt_sale_is_compared_without_its_events(worker: Worker) -> None:
    await sold_out_sale(worker)
    await lose(worker, NAME)
    report = await report_of(worker.newcomer())
    assert report["comparison"]["agree"]
    assert report["audit"]["verdict"] == "held"


async def test_collisions_are_those_that_were_counted(worker: Worker) -> None:
    await sold_out_sale(worker)
    metrics = Metrics()
    metrics.holds.add(NAME, "created", n=11)
    metrics.holds.add(NAME, "seat_unavailable", n=3)
    metrics.holds.add(NAME, "hold_limit", n=2)
    metrics.holds.add("another", "seat_unavailable", n=9)
    metrics.flush()
    holds = (await report_of(worker, metrics))["holds"]
    assert holds["collisions"] == 3
    assert holds["refused"] == {"hold_limit": 2, "seat_unavailable": 3}
