"""A rush with roles: what is paid is confirmed, whatever the crowd does to room and sales floor."""

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

import aiohttp
from support.api_client import Api
from support.service.running import Service, StartService
from support.service.rush import SALE, Line, Rush, api_of, audit, create_rush_sale

ROLES: Final = {"HOLDFAST_LISTEN_SHOP": "127.0.0.1:0", "HOLDFAST_LISTEN_OPERATOR": "127.0.0.1:0"}
OPEN: Final = {
    "new_users_per_minute": 60_000,
    "burst": 1000,
    "total_active_users": 10_000,
    "max_units_per_buyer": 1000,
    "hold_seconds": 30,
}
PAYING: Final = 20
PAID: Final = 120
POLLING: Final = 20
JOINING: Final = 10
QUEUED: Final = 300
STUCK_SECONDS: Final = 60.0
"""how long a test waits for what should come; it comes within a second or never"""


class Crowd:
    """Visitors who poll and join until told to stop."""

    def __init__(self, room: Api) -> None:
        self._room = room
        self._line = Line(room)
        self._tasks: list[asyncio.Task[None]] = []
        self.polls = 0

    async def __aenter__(self) -> "Crowd":
        visitors = [self._poll() for _ in range(POLLING)]
        visitors += [self._line.run() for _ in range(JOINING)]
        self._tasks = [asyncio.create_task(visitor) for visitor in visitors]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._line.stopped = True
        await asyncio.gather(*self._tasks)
        await self._line.audit()

    async def _poll(self) -> None:
        while not self._line.stopped:
            answer = await self._room.get(f"/v1/sales/{SALE}/status")
            assert answer.status == 200, answer
            self.polls += 1

    @property
    def joins(self) -> int:
        return len(self._line.tickets)


async def hold(buyer: Api) -> dict[str, object]:
    held = await buyer.hold(SALE, {"areas": [{"id": "floor", "quantity": 1}]})
    assert held.status == 201, held
    found: dict[str, object] = held.body
    return found


async def pay(rush: Rush, held: dict[str, object]) -> None:
    """The shop's server charges the buyer and has the hold confirmed."""
    begun = await rush.api.post(f"/v1/sales/{SALE}/holds/{held['id']}/paying")
    assert begun.status == 200, begun
    done = await rush.api.confirm(SALE, held)
    assert done.status == 200, done
    rush.confirmed[str(held["id"])] = done.body["order"]


async def test_every_paid_order_is_confirmed_while_the_crowd_keeps_room_and_floor_busy(
    start_service: StartService, http: aiohttp.ClientSession
) -> None:
    """Given buyers who hold on the sales floor, in a crowd, when the shop's server pays and
    confirms on its own listener, then none is late, and ledger and seat map have them all."""
    service = start_service(**ROLES)
    rush = await create_rush_sale(service, http, **OPEN)
    room = api_of(service, "room", http)

    async def buy_and_buy() -> None:
        buyer = await room.admitted(SALE)
        while len(rush.confirmed) < PAID:
            await pay(rush, await hold(buyer))

    async with Crowd(room) as crowd:
        await asyncio.gather(*(buy_and_buy() for _ in range(PAYING)))
    assert min(crowd.polls, crowd.joins) > PAID
    assert len(rush.confirmed) >= PAID
    await audit(rush)


@contextmanager
def stopped(workers: list[int]) -> Iterator[None]:
    """Workers that take what comes and answer none of it, as if the crowd kept them busy."""
    for pid in workers:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in workers:
            os.kill(pid, signal.SIGCONT)


async def test_confirms_are_answered_while_no_worker_of_the_crowd_is(
    start_service: StartService, http: aiohttp.ClientSession, unused_tcp_port: int
) -> None:
    """Given the crowd's workers stopped and their accept queue filled, then buyers who held before
    are charged and confirmed, the operator pauses the sale, and metrics are read."""
    metrics = f"http://127.0.0.1:{unused_tcp_port}/metrics"
    service = start_service("--workers", "2", "--admin-port", str(unused_tcp_port), **ROLES)
    rush = await create_rush_sale(service, http, **OPEN)
    room = api_of(service, "room", http)
    buyers = [await room.admitted(SALE) for _ in range(PAYING)]
    holds = [await hold(buyer) for buyer in buyers]
    crowd = service.workers_of("room")
    assert len(crowd) == 2
    with stopped(crowd):
        waiting = [asyncio.create_task(room.get("/livez")) for _ in range(QUEUED)]
        async with asyncio.timeout(STUCK_SECONDS):
            await asyncio.gather(*(pay(rush, held) for held in holds))
            operator = api_of(service, "operator", http, service.operator_key)
            assert (await operator.post(f"/v1/sales/{SALE}/pause")).status == 200
            assert (await http.get(metrics)).status == 200
        assert not any(task.done() for task in waiting)
    assert {answer.status for answer in await asyncio.gather(*waiting)} == {200}
    assert len(rush.confirmed) == PAYING
    await audit(rush)


async def test_shop_is_served_while_the_crowd_kills_its_workers(
    start_service: StartService, http: aiohttp.ClientSession
) -> None:
    """Given a crowd's worker that dies again and again, then no confirm is cut off."""
    service = start_service(**ROLES)
    rush = await create_rush_sale(service, http, **OPEN)
    shop = service.workers_of("shop")

    async def kill_again_and_again() -> None:
        while len(rush.confirmed) < PAID:
            for pid in await asyncio.to_thread(crowds, service):
                with suppress(ProcessLookupError):  # one of the last round has ended only now
                    os.kill(pid, signal.SIGKILL)
            await asyncio.sleep(0.05)

    async def sell() -> None:
        while len(rush.confirmed) < PAID:
            held = await rush.api.hold(
                SALE, {"areas": [{"id": "floor", "quantity": 1}], "buyer": "b"}
            )
            assert held.status == 201, held
            await pay(rush, held.body)

    await asyncio.gather(kill_again_and_again(), *(sell() for _ in range(4)))
    assert set(shop) <= set(service.workers_of("shop"))
    await audit(rush)


def crowds(service: Service) -> list[int]:
    """The crowd's workers, of which a young one still has every socket of its parent."""
    return [pid for pid in service.workers_of("room") if pid not in service.workers_of("shop")]
