"""The guard: what a script may believe about a sale."""

from __future__ import annotations

import msgspec
import pytest

from holdfast_lua import Code, EpochChanged, Executor, SaleRef, StoreBehind, guarded, keys


async def touch(executor: Executor, ref: SaleRef, amount: int = 1) -> tuple[Code, int, int]:
    names = (keys.sale(ref.uid), keys.events(ref.uid))
    reply = await guarded(executor, ref, "touch_sale", names, (amount,))
    return reply.code, reply.revision, reply.values[0]


async def test_commit_moves_the_revision_by_exactly_one(
    executor: Executor, sale_ref: SaleRef
) -> None:
    assert await touch(executor, sale_ref) == (Code.OK, 2, 1)
    assert await touch(executor, sale_ref) == (Code.OK, 3, 2)
    assert sale_ref.revision == 3


async def test_no_op_leaves_the_revision(executor: Executor, sale_ref: SaleRef) -> None:
    assert await touch(executor, sale_ref, 0) == (Code.UNCHANGED, 1, 0)


async def test_missing_sale_is_store_behind_and_stays_missing(executor: Executor) -> None:
    ref = SaleRef("nosuchsale", 1, 0)
    with pytest.raises(StoreBehind):
        await touch(executor, ref)
    assert await executor.command("EXISTS", keys.sale(ref.uid)) == 0


async def test_newer_epoch_is_reported_with_its_number(
    executor: Executor, sale_ref: SaleRef
) -> None:
    await executor.command("HSET", keys.sale(sale_ref.uid), "epoch", 5)
    with pytest.raises(EpochChanged) as caught:
        await touch(executor, sale_ref)
    assert caught.value.store_epoch == 5


async def test_event_body_carries_the_cursor(executor: Executor, sale_ref: SaleRef) -> None:
    await touch(executor, sale_ref)
    ((entry_id, fields),) = await executor.command("XRANGE", keys.events(sale_ref.uid), "-", "+")
    body = msgspec.msgpack.decode(fields[5])
    assert entry_id == b"1-1"
    assert body["id"] == f"{sale_ref.uid}.1-1"
    assert body["data"] == {"free": 1}
