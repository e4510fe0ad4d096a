"""What does one request of each kind cost service, store and ledger, and what does a client keep?

    python loadtest/bench/costs.py [--rounds 3] [--requests 200] [--json FILE]

`holdfast serve --workers 1` with its embedded store and a PostgreSQL of its own. Requests of one
kind come in bursts over 32 connections, all kinds in turns; the processor time of the worker, of
the store and of all processes of the database is read before and after. Each figure is the median
over the rounds, the idle service's own share taken off. Memory is what as many idle connections,
sessions, holds and orders have added. From simulator/holdfast_simulator/costs.json simulations and
docs/scaling.md compute what a sale needs.
"""

from __future__ import annotations

import argparse
import itertools
import json
import resource
import socket
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bench.kit.clocks import Clock, Meter, Sample, tree_clock
from bench.kit.command import Bench, Recorder
from bench.kit.contest import MAX_ANSWER_BYTES, SHED, burst, connections
from bench.kit.databases import with_postgresql
from bench.kit.plans import plan_json
from bench.kit.results import SideFigures
from bench.kit.service import (
    AREA,
    HOST,
    UNHINDERED,
    Service,
    bearer,
    json_request,
    running_service,
)
from bench.kit.turns import Comparison, Side, Turn
from holdfast_loadtest.processes import cost_of
from holdfast_simulator.costs import Cost, Costs

CONNECTIONS: Final = 32
IDLE_SECONDS: Final = 3.0
IDLE_CONNECTIONS: Final = 500
STREAMS: Final = 1_000
OPEN_FILES: Final = 20_000
KIB: Final = 1024
MIB: Final = 1024**2
SEATS: Final = 60_000
LINE, GATE, FLOOR = "/v1/sales/line", "/v1/sales/gate", "/v1/sales/floor"
KEPT_KINDS: Final = ("join", "claim", "confirm")
"""of which the store keeps something"""
SETTINGS: Final = UNHINDERED | {
    "total_active_users": 1_000_000,
    "prices": {"A": 9000, "B": 6000, "C": 3000, "GA": 1000},
    "areas": [AREA],
}

_numbers = itertools.count()


@dataclass(frozen=True, slots=True)
class RequestKind:
    """How requests of a kind are made, so many at a time, and the status that answers them."""

    status: int
    make: Callable[[int], Sequence[bytes]]


def bursts(service: Service, kind: RequestKind, clocks: Mapping[str, Clock], count: int) -> Turn:
    """Requests in bursts over CONNECTIONS; they are made before the clocks are read."""

    def turn() -> Sample:
        requests = kind.make(count)
        whole = len(requests) // CONNECTIONS * CONNECTIONS
        with connections(service.port, CONNECTIONS) as links:
            left = iter(requests[:whole])
            statuses: Counter[str] = Counter()
            with Meter(clocks) as meter:
                for _ in range(whole // CONNECTIONS):
                    statuses.update(burst(links, itertools.islice(left, CONNECTIONS)))
        done, shed = statuses[str(kind.status)], statuses[SHED]
        if done + shed < whole:
            raise SystemExit(f"answered {dict(statuses)}, {kind.status} was expected")
        return meter.sample(done, shed)

    return turn


def bytes_of(service: Service, kind: RequestKind) -> int:
    """The bytes of one request and of its answer."""
    (request, *_) = kind.make(50)
    with socket.create_connection((HOST, service.port)) as link:
        link.sendall(request)
        answer = link.recv(MAX_ANSWER_BYTES)
    if not answer.startswith(b"HTTP/1.1 %d" % kind.status):
        raise SystemExit(f"{kind.status} was expected: {answer[:600].decode()}")
    return len(request) + len(answer)


def busy_clocks(service: Service, database_pid: int) -> dict[str, Clock]:
    """Processor time of worker, store and ledger; the first two less what they use at rest.

    A ledger at rest uses less than the hundredths of a second in which its time is counted.
    """
    clocks = {part: service.clocks[part] for part in ("service", "store")}
    with Meter(clocks) as meter:
        time.sleep(IDLE_SECONDS)
    idle = meter.sample(1)

    def less_idle(clock: Clock, share: float) -> Clock:
        return lambda: clock() - share * time.perf_counter()

    busy = {
        part: less_idle(clock, idle.used[part] / idle.seconds) for part, clock in clocks.items()
    }
    return {**busy, "ledger": tree_clock(database_pid)}


def worker_bytes(count: int, request: Callable[[Requests], bytes]) -> float:
    """Memory of a new worker for each of so many open connections that have sent this."""
    streams = {"HOLDFAST_CHANGE_STREAMS_PER_ADDRESS": str(STREAMS)}
    with running_service(None, settings=streams) as service:
        # No plan: what reading one has left free would take the connections in.
        service.expect("PUT", LINE, SETTINGS)
        sent, worker = request(Requests(service)), service.worker
        before = cost_of(worker).mib
        with connections(service.port, count) as links:
            for link in links:
                link.sendall(sent)
                if not link.recv(MAX_ANSWER_BYTES).startswith(b"HTTP/1.1 200"):
                    raise SystemExit("a connection was not answered")
            return max(0.0, (cost_of(worker).mib - before) * MIB / count)


class Requests:
    """Requests of each kind, and what has to be there before they can be made."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._key = bearer(service.key)

    def make_sales(self) -> None:
        self._service.expect("PUT", LINE, SETTINGS | {"new_users_per_minute": 1, "burst": 1})
        self._service.expect("PUT", GATE, SETTINGS)
        self._service.expect("PUT", FLOOR, SETTINGS | {"plan": json.loads(plan_json(SEATS))})

    def polls(self, count: int) -> list[bytes]:
        return [json_request("GET", LINE + "/status")] * count

    def joins(self, count: int) -> list[bytes]:
        return [json_request("POST", LINE + "/tickets", body={})] * count

    def views(self, count: int) -> list[bytes]:
        tickets = itertools.cycle(self._tickets(LINE, min(count, 50)))
        return [
            json_request("GET", LINE + "/ticket", ticket)
            for ticket in itertools.islice(tickets, count)
        ]

    def _tickets(self, base: str, count: int) -> list[dict[str, str]]:
        return [{"Holdfast-Ticket": self._service.join(base)["ticket"]} for _ in range(count)]

    def claims(self, count: int) -> list[bytes]:
        """Claims of visitors who stood in line and were called."""
        self._service.expect("PATCH", GATE, {"queue_all": True})
        tickets = self._tickets(GATE, count)
        self._service.expect("PATCH", GATE, {"queue_all": False})
        self._service.await_calls(GATE)
        return [json_request("POST", GATE + "/pass", ticket, {}) for ticket in tickets]

    def holds_by_pass(self, count: int) -> list[bytes]:
        """Holds by passes that the worker has not seen: each buyer's first."""
        passes = [self._service.join(FLOOR)["pass"] for _ in range(count)]
        return [self._hold(bearer(shown), {}) for shown in passes]

    def holds_by_key(self, count: int) -> list[bytes]:
        return [self._hold(self._key, {"buyer": f"buyer-{next(_numbers)}"}) for _ in range(count)]

    def _hold(self, headers: dict[str, str], more: dict[str, str]) -> bytes:
        body = {"best_available": {"quantity": 2}, **more}
        return json_request("POST", FLOOR + "/holds", headers | _new_key(), body)

    def paying(self, count: int) -> list[bytes]:
        return [self._of_hold(hold, "/paying", {}) for hold in self._held(count)]

    def confirms(self, count: int) -> list[bytes]:
        return [self._of_hold(hold, "/confirm", payment(hold)) for hold in self._held(count)]

    def _held(self, count: int) -> list[dict[str, Any]]:
        held = []
        for _ in range(count):
            body = {
                "areas": [{"id": AREA["id"], "quantity": 1}],
                "buyer": f"buyer-{next(_numbers)}",
            }
            answer = self._service.call("POST", FLOOR + "/holds", body, self._key | _new_key())[2]
            held.append(json.loads(answer))
        return held

    def _of_hold(self, hold: dict[str, Any], action: str, body: object) -> bytes:
        return json_request("POST", f"{FLOOR}/holds/{hold['id']}{action}", self._key, body)

    def stream(self) -> bytes:
        version = self._service.expect("GET", LINE + "/seats")["version"]
        route = f"/changes?after={version}"
        return json_request("GET", LINE + route, {"Accept": "text/event-stream"})


def payment(hold: dict[str, Any]) -> dict[str, Any]:
    """What the shop confirms a hold with."""
    return {"order_ref": hold["id"], "payment_ref": hold["id"], "amount": hold["total"]}


def _new_key() -> dict[str, str]:
    return {"Idempotency-Key": f"key-{next(_numbers)}"}


def kinds_of(requests: Requests) -> dict[str, RequestKind]:
    """Every kind of request that a visit is made of."""
    return {
        "poll": RequestKind(200, requests.polls),
        "view": RequestKind(200, requests.views),
        "join": RequestKind(201, requests.joins),
        "claim": RequestKind(201, requests.claims),
        "hold by pass": RequestKind(201, requests.holds_by_pass),
        "hold by key": RequestKind(201, requests.holds_by_key),
        "paying": RequestKind(200, requests.paying),
        "confirm": RequestKind(200, requests.confirms),
    }


async def measure(recorder: Recorder, options: argparse.Namespace) -> None:
    """Measures everything; writes the file that docs/scaling.md and `capacity` read."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, OPEN_FILES), hard))
    with with_postgresql(None) as (service, ledger_pid):
        requests = Requests(service)
        requests.make_sales()
        kinds = kinds_of(requests)
        memory = {name: store_bytes(service, kinds[name], options.requests) for name in KEPT_KINDS}
        clocks = busy_clocks(service, ledger_pid)
        sides = [
            Side(name, bursts(service, kind, clocks, options.requests))
            for name, kind in kinds.items()
        ]
        compared = await recorder.compare(
            Comparison("a request", "poll", sides, ("service", "store", "ledger"))
        )
        connection = worker_bytes(options.idle, lambda made: made.polls(1)[0])
        stream = worker_bytes(min(STREAMS, options.idle), lambda made: made.stream())
        costs = Costs(
            requests={
                side.name: cost_of_request(side, bytes_of(service, kinds[side.name]))
                for side in compared.sides
            },
            connection_bytes=connection,
            stream_bytes=stream,
            join_bytes=memory["join"],
            session_bytes=memory["claim"],
            order_bytes=memory["confirm"],
            worker_mib=cost_of(service.worker).mib,
        )
    keep(recorder, costs, options.json)


def store_bytes(service: Service, kind: RequestKind, count: int) -> float:
    """What the store keeps for each of so many requests."""
    with service.store as store:
        requests = kind.make(count)
        before = store.info("memory")["used_memory"]
        with connections(service.port, CONNECTIONS) as links:
            for at in range(0, len(requests), CONNECTIONS):
                chunk = requests[at : at + CONNECTIONS]
                list(burst(links[: len(chunk)], chunk))
        after = store.info("memory")["used_memory"]
        return max(0.0, float(after - before) / len(requests))


def cost_of_request(side: SideFigures, size: int) -> Cost:
    """Medians; an idle share that was more than what a part used leaves nothing."""
    service, store, ledger = (
        max(0.0, side.cpu_us[part].median) for part in ("service", "store", "ledger")
    )
    return Cost(service, store, ledger, size)


def keep(recorder: Recorder, costs: Costs, path: Path | None) -> None:
    """The memory as facts; all of it in the file, if one is wanted."""
    recorder.fact("worker, for each open connection", costs.connection_bytes / KIB, "KiB")
    recorder.fact("worker, for each open stream", costs.stream_bytes / KIB, "KiB")
    recorder.fact("store, for each who was let in", costs.session_bytes, "bytes")
    recorder.fact("store, for each hold and its order", costs.order_bytes, "bytes")
    if path is not None:
        path.write_bytes(costs.encode() + b"\n")


def add_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--requests", type=int, default=200, help="of each kind in each round")
    add("--idle", type=int, default=IDLE_CONNECTIONS, help="open connections whose memory counts")
    add("--json", type=Path, help="write the costs, as `capacity` reads them, into this file")


BENCH: Final = Bench(
    "costs", __doc__, measure, 3, add_options, quick={"requests": 100, "idle": 200}
)

if __name__ == "__main__":
    raise SystemExit(BENCH.main())
