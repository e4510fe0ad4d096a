"""The clock of a sale as a process hears it: from every reply, and on by itself in between."""

import asyncio
import time

import pytest
from conftest import Clock

from holdfast_lua import Executor, SaleRef
from holdfast_lua import clock as clock_module
from holdfast_lua.calls.guard import guarded
from holdfast_lua.clock import SaleClock, WorstSkew, host_ms


class HostClocks:
    """Both clocks of this host, driven."""

    def __init__(self) -> None:
        self.wall_ms, self.monotonic_s = 1_800_000_000_000, 50.0

    def time_ns(self) -> int:
        return self.wall_ms * 1_000_000

    def monotonic(self) -> float:
        return self.monotonic_s


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> HostClocks:
    clocks = HostClocks()
    monkeypatch.setattr(clock_module, "time", clocks)
    return clocks


async def ask(executor: Executor, ref: SaleRef) -> int:
    return (await guarded(executor, ref, "read_clock")).now_ms


def test_clock_goes_on_between_replies_whatever_is_done_to_the_wall_clock(host: HostClocks) -> None:
    clock = SaleClock()
    clock.hear(host.wall_ms + 60_000, host.monotonic_s)
    host.monotonic_s += 1.5
    host.wall_ms -= 3_600_000
    assert clock.now_ms() == 1_800_000_061_500


def test_newest_reply_counts_even_if_it_is_earlier(host: HostClocks) -> None:
    """The store stands still after it was ahead: whoever went on would be ahead instead."""
    clock = SaleClock()
    clock.hear(host.wall_ms + 60_000, host.monotonic_s)
    host.monotonic_s += 1
    clock.hear(host.wall_ms + 60_000, host.monotonic_s)
    assert clock.now_ms() == host.wall_ms + 60_000


def test_clock_that_heard_nothing_is_this_hosts(host: HostClocks) -> None:
    assert SaleClock().now_ms() == host.wall_ms == host_ms()
    assert SaleClock().skew_ms() == 0


@pytest.mark.parametrize(("behind_ms", "skew_ms"), [(1_400, 0), (1_500, 0), (9_500, -8_000)])
def test_reply_that_was_long_under_way_makes_no_clock_late(
    host: HostClocks, behind_ms: int, skew_ms: int
) -> None:
    clock = SaleClock()
    clock.hear(host.wall_ms - behind_ms, host.monotonic_s - 1.5)
    assert clock.skew_ms() == skew_ms


def test_worst_skew_is_the_largest_of_either_sign() -> None:
    worst = WorstSkew()
    assert worst.ms() == 0
    for skew_ms in (500, -9_000, 4_000):
        worst.note(skew_ms)
    assert worst.ms() == -9_000


def test_worst_skew_that_no_sale_has_any_more_is_forgotten(host: HostClocks) -> None:
    worst = WorstSkew()
    worst.note(9_000)
    host.monotonic_s += 5.0
    worst.note(3)
    assert worst.ms() == 9_000
    host.monotonic_s += 0.1
    worst.note(3)
    assert worst.ms() == 3


async def test_every_guarded_reply_tells_the_time(
    executor: Executor, clock: Clock, sale_ref: SaleRef
) -> None:
    await clock.advance_ms(90_000)
    said = await ask(executor, sale_ref)
    assert 0 <= sale_ref.clock.now_ms() - said < 5_000
    assert 80_000 < sale_ref.clock.skew_ms() < 100_000


async def test_reply_that_was_overtaken_does_not_turn_the_clock_back(
    executor: Executor, sale_ref: SaleRef
) -> None:
    reading = asyncio.create_task(ask(executor, sale_ref))
    await asyncio.sleep(0)  # the call is made, with revision 1
    sale_ref.revision = 7  # meanwhile another connection learned of more, and of the time
    sale_ref.clock.hear(host_ms() + 90_000, time.monotonic())
    await reading
    assert sale_ref.clock.skew_ms() > 80_000


async def test_process_that_stood_still_finds_no_clock_behind(
    executor: Executor, sale_ref: SaleRef
) -> None:
    """At whichever moment of a call."""
    for turns in range(10):
        asking = asyncio.create_task(ask(executor, sale_ref))
        for _ in range(turns):
            await asyncio.sleep(0)
        time.sleep(0.1)  # noqa: ASYNC251 - so that the event loop stands still
        await asking
        assert -2 <= sale_ref.clock.skew_ms() <= 2
