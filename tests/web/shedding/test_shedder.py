"""What is refused, by age, work and priority; the clocks are the test's."""

import asyncio
import math
from collections import Counter

import pytest
from support.http.connections import told

from holdfast_web.shedding.priority import Priority
from holdfast_web.shedding.request_age import ProxyClock, ProxyClocks
from holdfast_web.shedding.shedder import (
    ACCEPTED,
    NOT_WHOLE,
    OFF,
    READS_IN_TURN,
    SLOW_SECONDS,
    Refusal,
    Shedder,
)
from holdfast_web.trusted_proxies import TrustedProxies

AFTER_MS = 200
WALL = 1_700_000_000.0
PAYMENT, HOLD, VIEW, NEW = Priority.PAYMENT, Priority.HOLD, Priority.VIEW, Priority.NEW
CONFIRM = b"POST /v1/sales/night/holds/h/confirm HTTP/1.1\r\nHost: a\r\n\r\n"
HOLDS = b"POST /v1/sales/night/holds HTTP/1.1\r\nHost: a\r\n\r\n"
STATUS = b"GET /v1/sales/night/status HTTP/1.1\r\nHost: a\r\n\r\n"


class Unasked(asyncio.Transport):
    """A connection of which the kernel says nothing."""


class Worker:
    """A shedder and what it has counted."""

    def __init__(self, after_ms: int = AFTER_MS) -> None:
        self.now = 1000.0
        self.counted: Counter[tuple[str, str]] = Counter()
        self.shedder = Shedder(
            after_ms,
            ProxyClocks(TrustedProxies()),
            lambda reason, priority: self.counted.update([(reason, priority)]),
            lambda: self.now,
            lambda: WALL,
        )

    def look(self, data: bytes, age: float = 0.0) -> tuple[int, bool]:
        """The status of the answer, 0 where there is none; and whether it was decided."""
        clock = ProxyClock()
        clock.age(b"\r\nX-Request-Start: t=%f\r\n\r\n" % WALL, WALL)
        head, end, body = data.partition(b"\r\n\r\n")
        aged = head + b"\r\nX-Request-Start: t=%f" % (WALL - age) + end + body
        look = self.shedder.look(Unasked(), aged, clock)
        return told(look.answer)[0] if look.answer else 0, look.is_decided


def test_calm_worker_accepts_everything() -> None:
    worker = Worker()
    worker.shedder.begin_turn(1.0)
    worker.shedder.begin_turn(1.01)
    assert [worker.look(data) for data in (CONFIRM, HOLDS, STATUS, b"G")] == [(0, True)] * 4
    assert not worker.counted


def test_requests_are_refused_by_age_in_the_order_of_priorities() -> None:
    shedder = Worker().shedder
    refusal = shedder.refusal
    assert refusal(NEW, 3600.0) is None  # nobody else is there
    shedder.reads = 2
    order = [NEW, HOLD, PAYMENT]
    for age, refused in ((0.1, 0), (0.11, 1), (0.2, 1), (0.21, 2), (3600.0, 2)):
        reasons = [refusal(priority, age) for priority in order]
        assert reasons == [Refusal.AGE] * refused + [None] * (len(order) - refused)
    assert refusal(VIEW, 0.11) is Refusal.AGE


def test_requests_are_refused_by_work_in_the_order_of_priorities() -> None:
    shedder = Worker().shedder
    shedder.limit.value = 100.0
    order = [NEW, HOLD, PAYMENT]
    for work, refused in ((99, 0), (100, 1), (149, 1), (150, 2), (1599, 2), (1600, 3)):
        shedder.work = work
        reasons = [shedder.refusal(priority, 0.0) for priority in order]
        assert reasons == [Refusal.WORK] * refused + [None] * (len(order) - refused)
        # What is answered from memory waits for nothing of that.
        assert shedder.refusal(VIEW, 0.0) is None


def test_views_are_bounded_in_each_turn() -> None:
    worker = Worker()
    worker.shedder.begin_turn(1.0)
    worker.shedder.begin_turn(1.01)
    for _ in range(READS_IN_TURN):
        worker.shedder.reads += 1
        assert worker.look(STATUS) == (0, True)
    worker.shedder.reads += 1
    assert worker.look(STATUS) == (503, True)
    assert worker.look(HOLDS) == (0, True)
    worker.shedder.begin_turn(1.02)
    worker.shedder.reads += 1
    assert worker.look(STATUS) == (0, True)
    assert worker.counted == {("work", "view"): 1}


def test_pressed_worker_refuses_what_begins_something_and_takes_payments() -> None:
    worker = Worker()
    worker.shedder.begin_turn(1.0)
    worker.shedder.limit.value = 10.0
    worker.shedder.add(10)
    worker.shedder.reads += 1
    assert worker.look(HOLDS) == (503, True)
    assert worker.look(CONFIRM) == (0, True)
    assert worker.look(STATUS) == (0, True)
    assert worker.look(HOLDS[:-1]) == (0, False)
    assert worker.counted == {("work", "new"): 1}


def test_old_request_of_a_proxy_is_refused_by_a_calm_worker() -> None:
    worker = Worker()
    worker.shedder.begin_turn(1.0)
    worker.shedder.begin_turn(1.01)
    worker.shedder.reads = 2
    assert worker.look(HOLDS, age=0.3) == (503, True)
    assert worker.look(CONFIRM, age=0.3) == (0, True)
    assert worker.look(HOLDS, age=0.05) == (0, True)
    assert worker.counted == {("age", "new"): 1}


def test_kernel_is_asked_after_a_long_turn_and_for_the_first_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        "holdfast_web.shedding.shedder.seconds_since_received", lambda _transport: 1.0
    )
    shedder = Worker().shedder
    shedder.begin_turn(1.0)
    shedder.begin_turn(1.01)
    assert shedder.look(Unasked(), HOLDS, None) is ACCEPTED
    shedder.add(2)
    assert shedder.look(Unasked(), HOLDS, None, may_be_old=True).answer
    shedder.begin_turn(1.01 + 2 * SLOW_SECONDS)
    assert shedder.look(Unasked(), HOLDS, None).answer
    assert shedder.look(Unasked(), HOLDS[:-1], None) is NOT_WHOLE


def test_work_is_let_in_again_when_some_is_done() -> None:
    """And only limited requests count until they are done."""
    worker = Worker()
    shedder = worker.shedder
    shedder.limit.value = 2.0
    assert not shedder.begin(VIEW)
    assert shedder.begin(NEW)
    assert shedder.refusal(NEW, 0.0) is None
    shedder.add(1)
    assert shedder.refusal(NEW, 0.0) is Refusal.WORK
    shedder.done(NEW, worker.now)
    shedder.begin_turn(2.0)
    assert shedder.refusal(NEW, 0.0) is None
    assert shedder.work == 1


def test_beside_payments_less_work_is_let_in() -> None:
    worker = Worker()
    shedder = worker.shedder
    shedder.limit.value, shedder.work = 100.0, 25
    assert shedder.begin(PAYMENT)
    assert shedder.work == 25
    assert shedder.refusal(NEW, 0.0) is Refusal.WORK
    assert shedder.refusal(HOLD, 0.0) is None
    assert shedder.refusal(PAYMENT, 0.0) is None
    shedder.done(PAYMENT, worker.now)
    assert shedder.refusal(NEW, 0.0) is None


def test_shedder_that_is_off_refuses_nothing() -> None:
    worker = Worker(OFF)
    worker.shedder.add(10**6)
    worker.shedder.begin_turn(3600.0)
    worker.shedder.reads = 10**6
    assert worker.shedder.calm_reads == math.inf
    assert worker.look(HOLDS, age=30.0) == (0, True)
    assert worker.shedder.refusal(NEW, math.inf) is None
