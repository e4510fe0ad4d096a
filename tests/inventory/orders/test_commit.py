"""Committing orders to real databases: one owner a seat, whoever races, whatever shares a batch."""

import asyncio
from collections import Counter

import pytest
from msgspec.structs import replace
from sqlalchemy import insert, text, update
from sqlalchemy.exc import IntegrityError
from support.ledger.orders import OpenLedger, build_order, sell

from holdfast_ledger import (
    EpochPassed,
    GiveBack,
    Ledger,
    LedgerUnavailable,
    MarkPending,
    MarkVoid,
    Order,
    OrderQuery,
    OrderStatus,
    RefundItem,
    SaleDraft,
    SaleRecord,
    Sell,
    StoreSynced,
    Verdict,
)
from holdfast_ledger.database.database import TRANSACTION_SECONDS
from holdfast_ledger.database.schema import orders, sales, sold
from holdfast_ledger.errors import UnitsTaken
from holdfast_ledger.transactions.apply import apply_batch

RACERS = 50


async def read(ledger: Ledger, sale: SaleRecord, order_id: str) -> Order:
    """The order as it stands now."""
    order = await ledger.orders.read(sale.uid, order_id)
    assert order is not None
    return order


async def test_seat_can_be_inserted_once_even_by_hand(ledger: Ledger, sale: SaleRecord) -> None:
    """Catches a ledger without the primary key."""
    row = {"sale_uid": sale.uid, "seat": 7}
    async with ledger.database.transaction() as connection:
        await connection.execute(insert(sold).values(row | {"order_id": "a"}))
    with pytest.raises(IntegrityError):
        async with ledger.database.transaction() as connection:
            await connection.execute(insert(sold).values(row | {"order_id": "b"}))
    assert await ledger.orders.owners(sale.uid) == {7: "a"}


async def test_area_beyond_its_capacity_is_refused_in_the_batch(
    ledger: Ledger, sale: SaleRecord
) -> None:
    """Catches an UPDATE without its guard."""
    intents = [Sell(1, build_order(sale.uid, name, floor=6)) for name in ("a", "b")]
    with pytest.raises(UnitsTaken):
        async with ledger.database.transaction() as connection:
            await apply_batch(connection, sale.uid, intents)
    assert await ledger.orders.area_units(sale.uid) == {"floor": 0}


async def test_sold_order_reads_back_as_it_was_handed_in(ledger: Ledger, sale: SaleRecord) -> None:
    order = build_order(sale.uid, "o1", seats=(3, 4), floor=2, buyer="Zoë 🎟")
    outcome = await ledger.commit(Sell(1, order))
    assert outcome.order == await read(ledger, sale, "o1")
    assert outcome.order is not None
    assert outcome.order.items == order.items
    assert outcome.order.buyer == "Zoë 🎟"
    assert await ledger.orders.owners(sale.uid) == {3: "o1", 4: "o1"}
    assert await ledger.orders.area_units(sale.uid) == {"floor": 2}


async def test_awkward_values_come_back_as_they_were(ledger: Ledger, sale: SaleRecord) -> None:
    """Whatever form rows are sent in, inserted and updated: quotes, large numbers, NULL."""
    awkward = build_order(
        sale.uid,
        "o1",
        seats=(3,),
        buyer='O"Brien \\ \n\t {"a": [1]} \\u0041 \u2028 \U0001f39f',
        order_ref="null",
        payment_ref=None,
        total=2**62 + 1,
        amount=2**53 + 1,
        next_to_each_other=False,
    )
    for intent in (
        MarkPending(1, awkward),
        Sell(1, replace(awkward, hold_version=3, payment_ref="[]")),
    ):
        outcome = await ledger.commit(intent)
        assert outcome.verdict is Verdict.DONE
        assert await read(ledger, sale, "o1") == outcome.order
    assert (await read(ledger, sale, "o1")).amount == 2**53 + 1


async def test_repeat_of_a_confirm_sells_nothing_more(ledger: Ledger, sale: SaleRecord) -> None:
    """Catches a confirm that is not idempotent."""
    order = build_order(sale.uid, "o1", floor=3)
    verdicts = [
        outcome.verdict
        for outcome in await asyncio.gather(*[ledger.commit(Sell(1, order)) for _ in range(5)])
    ]
    assert Counter(verdicts) == {Verdict.DONE: 1, Verdict.REPEATED: 4}
    assert await ledger.orders.area_units(sale.uid) == {"floor": 3}


async def test_conflict_in_a_batch_costs_only_the_loser(ledger: Ledger, sale: SaleRecord) -> None:
    """Catches a batch that fails as a whole, or that drops its other orders."""
    await sell(ledger, sale, "first", 5)
    names = [f"o{n}" for n in range(10)]
    verdicts = await asyncio.gather(*[sell(ledger, sale, f"o{n}", n) for n in range(10)])
    assert verdicts == [Verdict.TAKEN if n == 5 else Verdict.DONE for n in range(10)]
    owners = await ledger.orders.owners(sale.uid)
    assert owners == {n: "first" if n == 5 else names[n] for n in range(10)}
    lost = await read(ledger, sale, "o5")
    assert (lost.status, lost.reason) == (OrderStatus.LOST, "ledger_conflict")


async def test_last_units_of_an_area_go_to_whom_they_suffice(
    ledger: Ledger, sale: SaleRecord
) -> None:
    sellers = [ledger.commit(Sell(1, build_order(sale.uid, f"o{n}", floor=4))) for n in range(5)]
    outcomes = await asyncio.gather(*sellers)
    assert Counter(o.verdict for o in outcomes) == {Verdict.DONE: 2, Verdict.TAKEN: 3}
    assert {o.taken_areas for o in outcomes if o.verdict is Verdict.TAKEN} == {("floor",)}
    assert await ledger.orders.area_units(sale.uid) == {"floor": 8}


async def test_racing_confirms_of_overlapping_seats_leave_one_owner_each(
    ledger: Ledger, sale: SaleRecord, open_ledger: OpenLedger
) -> None:
    """Two processes, fifty orders, each wanting its neighbour's seat."""
    ledgers = [ledger, await open_ledger()]
    verdicts = await asyncio.gather(
        *[sell(ledgers[n % 2], sale, f"o{n}", n, n + 1) for n in range(RACERS)]
    )
    winners = [n for n in range(RACERS) if verdicts[n] is Verdict.DONE]
    assert set(verdicts) <= {Verdict.DONE, Verdict.TAKEN}
    assert len(winners) >= RACERS // 3
    owners = await ledger.orders.owners(sale.uid)
    assert owners == {seat: f"o{n}" for n in winners for seat in (n, n + 1)}
    bought = await ledger.orders.page(
        sale.uid, limit=RACERS, of=OrderQuery(status=OrderStatus.SOLD)
    )
    assert {order.id for order in bought} == {f"o{n}" for n in winners}


async def test_intents_one_after_another_never_wait_for_a_lane_that_ended(
    ledger: Ledger, sale: SaleRecord
) -> None:
    """Catches a lane that counts as running after it has looked at the queue for the last time."""
    async with asyncio.timeout(30):
        for n in range(10):
            assert await ledger.commit(Sell(1, build_order(sale.uid, f"o{n}", seats=(n,))))


async def test_value_the_database_refuses_harms_nobody_else(
    ledger: Ledger, sale: SaleRecord
) -> None:
    bad = build_order(sale.uid, "bad", seats=(1,), amount=2**70)
    results = await asyncio.gather(
        ledger.commit(Sell(1, bad)), sell(ledger, sale, "good", 2), return_exceptions=True
    )
    assert isinstance(results[0], Exception)
    assert results[1] is Verdict.DONE
    assert await ledger.orders.owners(sale.uid) == {2: "good"}


async def test_confirm_of_an_ended_epoch_sells_nothing(ledger: Ledger, sale: SaleRecord) -> None:
    """Catches a rebuild without a fence."""
    assert await ledger.sales.bump_epoch(sale.uid, seen_epoch=1) == 2
    assert await sell(ledger, sale, "late", 1) is Verdict.EPOCH_PASSED
    pending = await ledger.commit(MarkPending(1, build_order(sale.uid, "late", seats=(1,))))
    assert pending.verdict is Verdict.EPOCH_PASSED
    assert await ledger.orders.owners(sale.uid) == {}
    assert await ledger.orders.read(sale.uid, "late") is None


async def test_epoch_ends_only_after_the_confirms_that_hold_it(
    ledger: Ledger, sale: SaleRecord, open_ledger: OpenLedger
) -> None:
    """Catches an epoch that is read without a lock: the rebuild would miss this sale."""
    other = await open_ledger()
    async with ledger.database.transaction() as connection:
        await apply_batch(connection, sale.uid, [Sell(1, build_order(sale.uid, "a", seats=(1,)))])
        bump = asyncio.create_task(other.sales.bump_epoch(sale.uid, seen_epoch=1))
        done, _ = await asyncio.wait({bump}, timeout=0.3)
        assert not done
    assert await bump == 2
    assert (await other.orders.rebuild_state(sale.uid)).sold_seats == {1: "a"}


@pytest.mark.parametrize("ledger_url", ["postgres"], indirect=True)
async def test_numbers_are_promised_beside_confirms_that_overlap_without_a_gap(
    ledger: Ledger, sale: SaleRecord, open_ledger: OpenLedger
) -> None:
    """Catches a shared lock that the ceiling has to wait for. On PostgreSQL, where whoever asks for
    a shared lock passes who waits for an exclusive one, it would never be its turn.
    """
    other = await open_ledger()
    order = build_order(sale.uid, "a", seats=(1,))
    async with ledger.database.transaction() as connection:
        await apply_batch(connection, sale.uid, [Sell(1, order)])
        promise = asyncio.create_task(other.sales.raise_ceiling(sale.uid, epoch=1, ceiling=500))
        done, _ = await asyncio.wait({promise}, timeout=TRANSACTION_SECONDS / 2)
    assert done
    assert await promise == 500


async def test_promise_for_an_epoch_that_ends_meanwhile_is_refused(
    ledger: Ledger, sale: SaleRecord, open_ledger: OpenLedger
) -> None:
    """Given a promise that waits for the row while its epoch ends, nothing is promised."""
    other = await open_ledger()
    promise = None
    async with ledger.database.transaction() as connection:
        await connection.execute(update(sales).where(sales.c.uid == sale.uid).values(epoch=2))
        promise = asyncio.create_task(other.sales.raise_ceiling(sale.uid, epoch=1, ceiling=500))
        done, _ = await asyncio.wait({promise}, timeout=0.3)
        assert not done
    with pytest.raises(EpochPassed):
        await promise
    assert (await ledger.sales.read_uid(sale.uid)).issued_ceiling == 0


async def test_rebuild_state_is_final_once_the_epoch_is_bumped(
    ledger: Ledger, sale: SaleRecord, open_ledger: OpenLedger
) -> None:
    """Confirms of the old epoch race the bump; what is read after it never changes again."""
    other = await open_ledger()
    confirms = [asyncio.create_task(sell(ledger, sale, f"o{n}", n)) for n in range(RACERS)]
    await other.sales.bump_epoch(sale.uid, seen_epoch=1)
    state = await other.orders.rebuild_state(sale.uid)
    verdicts = await asyncio.gather(*confirms)
    assert await ledger.orders.owners(sale.uid) == state.sold_seats
    sold_now = {n for n in range(RACERS) if verdicts[n] is Verdict.DONE}
    assert set(state.sold_seats) == sold_now


async def test_workers_that_notice_a_loss_together_bump_once(
    ledger: Ledger, sale: SaleRecord, open_ledger: OpenLedger
) -> None:
    other = await open_ledger()
    bumps = [one.sales.bump_epoch(sale.uid, seen_epoch=1) for one in (ledger, other) * 3]
    assert set(await asyncio.gather(*bumps)) == {2}
    with pytest.raises(EpochPassed):
        await ledger.sales.raise_ceiling(sale.uid, epoch=1, ceiling=10)


async def test_rebuild_state_shows_sold_pending_and_the_units_of_each_buyer(
    ledger: Ledger, sale: SaleRecord
) -> None:
    await ledger.commit(Sell(1, build_order(sale.uid, "a", seats=(1, 2), buyer="x")))
    await ledger.commit(Sell(1, build_order(sale.uid, "b", floor=3, buyer="x")))
    await ledger.commit(GiveBack(1, sale.uid, "b", 5_000, (RefundItem(area="floor"),)))
    await ledger.commit(MarkPending(1, build_order(sale.uid, "c", seats=(9,), buyer="y")))
    state = await ledger.orders.rebuild_state(sale.uid)
    assert state.sold_seats == {1: "a", 2: "a"}
    assert state.sold_areas == {"floor": 2}
    assert state.buyer_units == {"x": 4}
    assert [order.id for order in state.pending] == ["c"]
    assert sorted(order.id for order in state.sold) == ["a", "b"]


async def test_refunded_seat_can_be_sold_again(ledger: Ledger, sale: SaleRecord) -> None:
    await ledger.commit(Sell(1, build_order(sale.uid, "a", seats=(1, 2), floor=2)))
    await ledger.commit(GiveBack(1, sale.uid, "a", 5_000, (RefundItem(seat="guid-1"),)))
    assert await sell(ledger, sale, "b", 1) is Verdict.DONE
    assert await sell(ledger, sale, "c", 2) is Verdict.TAKEN
    assert await ledger.orders.owners(sale.uid) == {1: "b", 2: "a"}
    # A refund repeated late must not free what is somebody else's by now.
    await ledger.commit(GiveBack(1, sale.uid, "a", 6_000))
    assert await ledger.orders.owners(sale.uid) == {1: "b"}
    assert await ledger.orders.area_units(sale.uid) == {"floor": 0}


async def test_due_orders_are_those_that_recovery_must_visit(
    ledger: Ledger, sale: SaleRecord
) -> None:
    pending = build_order(sale.uid, "p", seats=(1,), due_ms=5_000)
    await ledger.commit(MarkPending(1, pending))
    await sell(ledger, sale, "s", 2)
    assert await ledger.orders.due(sale.uid, now_ms=4_999) == []
    assert [o.id for o in await ledger.orders.due(sale.uid, now_ms=5_000)] == ["p"]
    await ledger.commit(MarkVoid(1, pending))
    await ledger.commit(GiveBack(1, sale.uid, "s", 6_000))
    due = await ledger.orders.due(sale.uid, now_ms=60_000)
    assert [o.id for o in due] == ["s"]
    await ledger.commit(StoreSynced(1, sale.uid, "s", due[0].updated_ms))
    assert await ledger.orders.due(sale.uid, now_ms=60_000) == []


async def test_pages_of_orders_go_by_time_and_filter_by_buyer(
    ledger: Ledger, sale: SaleRecord
) -> None:
    for n in range(7):
        order = build_order(
            sale.uid, f"o{n}", seats=(n,), created_ms=100 - n // 2, buyer=f"b{n % 2}"
        )
        await ledger.commit(Sell(1, order))
    seen: list[str] = []
    after = None
    while page := await ledger.orders.page(sale.uid, limit=3, after=after):
        seen += [order.id for order in page]
        after = (page[-1].created_ms, page[-1].id)
    assert seen == ["o6", "o4", "o5", "o2", "o3", "o0", "o1"]
    mine = await ledger.orders.page(sale.uid, limit=50, of=OrderQuery(buyer="b1"))
    assert [order.id for order in mine] == ["o5", "o3", "o1"]


async def test_deleted_sale_keeps_its_orders_and_frees_its_name(
    ledger: Ledger, sale: SaleRecord
) -> None:
    await sell(ledger, sale, "a", 1)
    await ledger.sales.delete(sale.uid, orders_kept=1)
    assert await ledger.sales.read(sale.name) is None
    assert (await read(ledger, sale, "a")).status is OrderStatus.SOLD


async def test_ids_differ_by_case(ledger: Ledger, sale: SaleRecord) -> None:
    """Catches a collation that folds case, MySQL's default."""
    assert await sell(ledger, sale, "abc", 1) is Verdict.DONE
    assert await sell(ledger, sale, "ABC", 2) is Verdict.DONE


async def test_row_changed_by_hand_is_what_counts(ledger: Ledger, sale: SaleRecord) -> None:
    """The decision is made over the locked row, not over what this process remembers."""
    await ledger.commit(MarkPending(1, build_order(sale.uid, "a", seats=(1,))))
    async with ledger.database.transaction() as connection:
        await connection.execute(
            update(orders).where(orders.c.id == "a").values(status="void", hold_version=9)
        )
    assert await sell(ledger, sale, "a", 1) is Verdict.VOIDED


async def test_orders_are_looked_up_by_their_key_before_there_are_statistics(
    ledger: Ledger, sale: SaleRecord
) -> None:
    """With statistics of other sales alone, every index that begins with the sale looks as good.

    Catches a look-up that reads all orders of the sale, a hundred times slower by its end.
    """
    if ledger.database.family != "postgresql":
        pytest.skip("about PostgreSQL's planner")
    await asyncio.gather(*[sell(ledger, sale, f"o{n}", n) for n in range(1_000)])
    async with ledger.database.transaction() as connection:
        await connection.execute(text("ANALYZE orders"))
        lookup = "SELECT * FROM orders WHERE id = ANY(ARRAY['o1','o2']::varchar[]) FOR UPDATE"
        change = (
            "UPDATE orders SET status = given.status "
            "FROM unnest(ARRAY['o1','o2'], ARRAY['x','x']) AS given (id, status) "
            "WHERE orders.id = given.id"
        )
        for statement in (lookup, change):
            lines = (await connection.execute(text(f"EXPLAIN {statement}"))).scalars()
            plan = "\n".join(lines)
            assert "pk_orders" in plan
            assert "ix_orders" not in plan
            assert "Seq Scan" not in plan


async def test_order_of_another_sale_is_not_found_and_not_overwritten(
    ledger: Ledger, sale: SaleRecord
) -> None:
    other = await ledger.sales.create(SaleDraft("other-sale", "other", b"{}"))
    await sell(ledger, sale, "same", 1)
    assert await ledger.orders.read(other.uid, "same") is None
    with pytest.raises(LedgerUnavailable):
        await sell(ledger, other, "same", 1)
    assert (await read(ledger, sale, "same")).status is OrderStatus.SOLD
    assert await ledger.orders.owners(other.uid) == {}


async def test_observer_is_told_how_each_transaction_ended(
    ledger_url: str, ledger: Ledger, sale: SaleRecord
) -> None:
    """A batch with a conflict is one transaction that failed, and one more for each of its orders.

    `ledger` is here for the schema.
    """
    seen: list[tuple[str, int]] = []

    def observe(outcome: str, size: int, seconds: float) -> None:
        assert seconds > 0
        seen.append((outcome, size))

    watched = await Ledger.open(ledger_url, observe)
    await sell(watched, sale, "first", 1)
    assert seen == [("committed", 1)]
    await asyncio.gather(*[sell(watched, sale, f"o{n}", n) for n in (1, 2, 3)])
    await watched.close()
    assert seen[1:] == [("conflict", 3), *[("committed", 1)] * 3]
