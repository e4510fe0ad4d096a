"""The guard: what a script may believe about a sale, and what it must refuse."""

import asyncio
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from conftest import Clock, fresh_uid, make_sale_hash

from holdfast_lua import Code, EpochChanged, Executor, SaleRef, StoreBehind, guarded
from holdfast_lua.calls import keys


async def touch(executor: Executor, ref: SaleRef, amount: int = 1) -> tuple[Code, int, int]:
    reply = await guarded(executor, ref, "touch_sale", (amount,))
    return reply.code, reply.revision, reply.values[0]


async def fields(executor: Executor, uid: str, *names: str) -> list[int]:
    return [int(value) for value in await executor.command("HMGET", keys.sale(uid), *names)]


async def read_clock(executor: Executor, ref: SaleRef) -> int:
    return (await guarded(executor, ref, "read_clock")).now_ms


# Revision


async def test_commit_moves_the_revision_by_exactly_one(
    executor: Executor, sale_ref: SaleRef
) -> None:
    assert await touch(executor, sale_ref) == (Code.OK, 2, 1)
    assert await touch(executor, sale_ref) == (Code.OK, 3, 2)
    assert sale_ref.revision == 3
    assert await fields(executor, sale_ref.uid, "revision", "free") == [3, 2]


async def test_no_op_leaves_the_revision(executor: Executor, sale_ref: SaleRef) -> None:
    assert await touch(executor, sale_ref, 0) == (Code.UNCHANGED, 1, 0)
    assert await fields(executor, sale_ref.uid, "revision", "clock_ms") == [1, 0]


async def test_revision_counts_every_change_of_concurrent_callers(
    executor: Executor, sale_ref: SaleRef
) -> None:
    replies = await asyncio.gather(*[touch(executor, sale_ref) for _ in range(200)])
    assert sorted(revision for _, revision, _ in replies) == list(range(2, 202))
    assert sale_ref.revision == 201


async def test_read_brings_a_late_ref_up(executor: Executor, sale_ref: SaleRef) -> None:
    late = SaleRef(sale_ref.uid, sale_ref.epoch, sale_ref.revision)
    for _ in range(3):
        await touch(executor, sale_ref)
    await read_clock(executor, late)
    assert late.revision == sale_ref.revision == 4


async def test_late_reply_does_not_pull_the_ref_back(executor: Executor, sale_ref: SaleRef) -> None:
    await read_clock(executor, sale_ref)
    reading = asyncio.create_task(read_clock(executor, sale_ref))
    await asyncio.sleep(0)  # the call is made, with revision 1
    sale_ref.revision = 7  # meanwhile another connection learned of more
    await reading
    assert sale_ref.revision == 7


# Refusals


async def test_missing_sale_is_store_behind_and_stays_missing(executor: Executor) -> None:
    ref = SaleRef(fresh_uid(), 1, 0)
    with pytest.raises(StoreBehind) as caught:
        await touch(executor, ref)
    assert (caught.value.uid, caught.value.store_revision) == (ref.uid, 0)
    assert await executor.command("EXISTS", keys.sale(ref.uid), keys.events(ref.uid)) == 0


async def test_lower_revision_in_the_store_is_store_behind_and_writes_nothing(
    executor: Executor, sale_ref: SaleRef
) -> None:
    ahead = SaleRef(sale_ref.uid, sale_ref.epoch, sale_ref.revision + 1)
    with pytest.raises(StoreBehind) as caught:
        await touch(executor, ahead)
    assert (caught.value.seen_revision, caught.value.store_revision) == (2, 1)
    assert await fields(executor, sale_ref.uid, "revision", "free") == [1, 0]


async def test_older_epoch_in_the_store_is_store_behind(
    executor: Executor, sale_ref: SaleRef
) -> None:
    with pytest.raises(StoreBehind):
        await touch(executor, SaleRef(sale_ref.uid, sale_ref.epoch + 1, 0))
    assert await fields(executor, sale_ref.uid, "revision", "free") == [1, 0]


async def test_newer_epoch_is_reported_with_its_number_and_writes_nothing(
    executor: Executor, sale_ref: SaleRef
) -> None:
    await executor.command("HSET", keys.sale(sale_ref.uid), "epoch", 5)
    with pytest.raises(EpochChanged) as caught:
        await touch(executor, sale_ref)
    assert (caught.value.known_epoch, caught.value.store_epoch) == (1, 5)
    assert await fields(executor, sale_ref.uid, "revision", "free") == [1, 0]


async def test_newer_epoch_wins_over_a_lower_revision(
    executor: Executor, sale_ref: SaleRef
) -> None:
    """A rebuild may start its revisions low: the caller must re-read, not rebuild once more."""
    await executor.command("HSET", keys.sale(sale_ref.uid), "epoch", 2)
    with pytest.raises(EpochChanged):
        await touch(executor, SaleRef(sale_ref.uid, 1, 1000))


async def test_refusal_does_not_move_the_ref(executor: Executor, sale_ref: SaleRef) -> None:
    await executor.command("HSET", keys.sale(sale_ref.uid), "epoch", 2, "revision", 50)
    with pytest.raises(EpochChanged):
        await touch(executor, sale_ref)
    assert sale_ref.revision == 1


# Time


async def test_clock_follows_the_store(executor: Executor, clock: Clock, sale_ref: SaleRef) -> None:
    before = await read_clock(executor, sale_ref)
    await clock.advance_ms(60_000)
    passed = await read_clock(executor, sale_ref) - before
    assert 60_000 <= passed < 70_000


async def test_clock_never_falls_below_the_largest_time_stored(
    executor: Executor, clock: Clock, sale_ref: SaleRef
) -> None:
    # Given a change made at a time that the next master's clock has not reached
    await clock.advance_ms(500_000)
    await touch(executor, sale_ref)
    (stored,) = await fields(executor, sale_ref.uid, "clock_ms")
    await clock.advance_ms(-500_000)
    # When scripts run on that master
    seen = await read_clock(executor, sale_ref)
    await touch(executor, sale_ref)
    # Then time stands still until the clock has caught up, and the stored time does not fall
    assert seen == stored
    assert await fields(executor, sale_ref.uid, "clock_ms") == [stored]


async def test_reading_the_clock_stores_nothing(
    executor: Executor, clock: Clock, sale_ref: SaleRef
) -> None:
    await clock.advance_ms(500_000)
    await read_clock(executor, sale_ref)
    assert await fields(executor, sale_ref.uid, "clock_ms", "revision") == [0, 1]


# Events


async def test_event_carries_cursor_time_and_data(
    executor: Executor, clock: Clock, sale_ref: SaleRef
) -> None:
    await clock.advance_ms(86_400_123)
    await touch(executor, sale_ref)
    ((entry_id, raw),) = await executor.command("XRANGE", keys.events(sale_ref.uid), "-", "+")
    entry = dict(zip(raw[::2], raw[1::2], strict=True))
    body = msgspec.msgpack.decode(entry[b"body"])
    (stored,) = await fields(executor, sale_ref.uid, "clock_ms")
    assert entry_id == b"1-1"
    assert (entry[b"seq"], entry[b"type"]) == (b"1", b"inventory.reopened")
    assert body == {
        "id": f"{sale_ref.uid}.1-1",
        "type": "inventory.reopened",
        "time": rfc3339(stored),
        "sale": f"sale-{sale_ref.uid}",
        "subject": "touch",
        "data": {"free": 1},
    }


def rfc3339(ms: int) -> str:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@pytest.mark.parametrize(
    "ms",
    [
        951_782_399_999,  # last millisecond of 28 February 2000
        951_782_400_000,  # a leap day in a leap century
        1_709_164_800_001,  # 29 February 2024
        1_735_689_599_999,  # last millisecond of 2024
        4_107_542_400_000,  # 1 March 2100, a century without leap day
    ],
)
async def test_event_time_is_right_around_calendar_edges(executor: Executor, ms: int) -> None:
    ref = await make_sale_hash(executor, fresh_uid())
    reply = await executor.run("tell_time", (keys.sale(ref.uid),), (1, 1, ms))
    assert reply == [Code.OK, rfc3339(ms).encode()]


async def test_events_are_gap_free_over_concurrent_changes_and_no_ops(
    executor: Executor, sale_ref: SaleRef
) -> None:
    await asyncio.gather(*[touch(executor, sale_ref, n % 2) for n in range(100)])
    entries = await executor.command("XRANGE", keys.events(sale_ref.uid), "-", "+")
    assert [entry[0] for entry in entries] == [b"1-%d" % seq for seq in range(1, 51)]


async def test_new_event_epoch_starts_a_new_count_after_the_old_one(executor: Executor) -> None:
    ref = await make_sale_hash(executor, fresh_uid(), event_epoch=1, seq=7)
    await touch(executor, ref)
    await executor.command("HSET", keys.sale(ref.uid), "event_epoch", 2, "seq", 0)
    await touch(executor, ref)
    entries = await executor.command("XRANGE", keys.events(ref.uid), "-", "+")
    assert [entry[0] for entry in entries] == [b"1-8", b"2-1"]
