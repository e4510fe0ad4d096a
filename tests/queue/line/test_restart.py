from pathlib import Path

import pytest
from support.line.harness import Line, with_terms

from holdfast_lua import Bundle, EmbeddedStore, Executor, SaleRef, StoreBehind
from holdfast_lua.calls import keys
from holdfast_lua.calls.codes import Code
from holdfast_lua.calls.line import LineCalls
from holdfast_queue.line.room import Room


async def no_clock(_ms: int) -> None:
    raise AssertionError("this test lives in real time")


async def test_plain_restart_loses_nothing(tmp_path: Path, test_bundle: Bundle) -> None:
    # Given a line with an admitted, a called and a waiting visitor
    ref = SaleRef("restarted", 1)
    with EmbeddedStore(tmp_path) as store:
        async with Executor(store.url, test_bundle) as executor:
            line = Line(executor, LineCalls(executor), ref, no_clock)
            with_terms(line, burst=2, rate_per_minute=1)
            await line.sale(name="gala", revision=1, event_epoch=1, lifecycle="live", free=100)
            await line.install()
            await line.fill(5)
            await line.step(0)
            admitted = await line.claim(1)
            assert admitted.code is Code.ADMITTED
            before = await executor.command("HGETALL", keys.line(ref.uid))
    # When the store is stopped and started again, and asked by a process that remembers
    with EmbeddedStore(tmp_path) as store:
        async with Executor(store.url, test_bundle) as executor:
            line = Line(executor, LineCalls(executor), ref, no_clock)
            # Then everybody is where they were
            assert await executor.command("HGETALL", keys.line(ref.uid)) == before
            again = await line.claim(1)
            assert (again.code, again.ms) == (Code.ADMITTED_BEFORE, admitted.ms)
            assert (await line.claim(2)).code is Code.ADMITTED
            assert (await line.join()).first == 6


async def test_line_does_not_move_on_a_store_that_is_behind(room: Room, executor: Executor) -> None:
    await room.join()
    await room.tick()
    document = room.document
    # When the store is back at an older revision
    await executor.command("HSET", keys.sale(room.uid), "revision", 0)
    for work in (room.tick, room.join):
        with pytest.raises(StoreBehind):
            await work()
    # Then nothing is told that goes back
    assert room.document is document


async def test_document_never_goes_back_in_revision(room: Room, executor: Executor) -> None:
    # Given a reply that another one, of a later revision, has overtaken on its way
    await room.join()
    await room.tick()
    document = room.document
    await executor.command("HSET", keys.sale(room.uid), "revision", document.revision - 1)
    room.ref.revision = 0
    await room.tick()
    assert room.document is document
