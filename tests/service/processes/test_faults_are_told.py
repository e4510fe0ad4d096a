"""What breaks behind the service is told as 503 with `Retry-After`, never as 500, on any route."""

import asyncio
import os
import signal
import socket
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest
from support.api_client import NIGHT, Api, make_key
from support.service.running import Service, StartService

SALE = "night"
SLOW = {"HOLDFAST_TICK_MS": "60000"}
"""a tick would rebuild the sale before anybody could ask; requests must do without one"""


async def prepared(
    service: Service, http: aiohttp.ClientSession
) -> tuple[Api, dict[str, Any], str]:
    """A platform, one hold of it, and a ticket."""
    operator = Api(http, service.url, service.operator_key)
    assert (await operator.put(f"/v1/sales/{SALE}", NIGHT)).status == 201
    platform = operator.as_(make_key(service, "platform"))
    ticket = await operator.as_(None).join(SALE)
    held = await platform.hold(SALE, {"areas": [{"id": "floor", "quantity": 1}], "buyer": "ann"})
    assert held.status == 201, held
    return platform, held.body, ticket


async def ask_everything(
    platform: Api, operator: Api, hold: dict[str, Any], ticket: str
) -> dict[str, tuple[int, str | None]]:
    """Every call that needs the store or the ledger, all at once."""
    sale, one = f"/v1/sales/{SALE}", f"/v1/sales/{SALE}/holds/{hold['id']}"
    payment = {"order_ref": "o", "payment_ref": "p", "amount": hold["total"]}
    ticketed = {"Holdfast-Ticket": ticket}
    calls = {
        "join": platform.as_(None).post(f"{sale}/tickets"),
        "claim": platform.as_(None).post(f"{sale}/pass", **ticketed),
        "hold": platform.hold(SALE, {"areas": [{"id": "floor", "quantity": 1}], "buyer": "bob"}),
        "read": platform.get(one),
        "extend": platform.post(f"{one}/extend"),
        "paying": platform.post(f"{one}/paying"),
        "confirm": platform.post(f"{one}/confirm", payment),
        "release": platform.post(f"{one}/release"),
        "refund": platform.post(f"{sale}/orders/{hold['id']}/refund"),
        "seats": platform.get(f"{sale}/seats"),
        "events": platform.get(f"{sale}/events"),
        "orders": platform.get(f"{sale}/orders"),
        "sales": operator.get("/v1/sales"),
        "patch": operator.call("PATCH", sale, {"burst": 3}),
        "pause": operator.post(f"{sale}/pause"),
        "put": operator.put(sale, NIGHT),
    }
    answers = await asyncio.gather(*calls.values())
    for name, answer in zip(calls, answers, strict=True):
        assert answer.status != 500, (name, answer)
        if answer.status == 503:
            assert int(answer.headers["Retry-After"]) >= 1, name
    return {n: (a.status, a.code) for n, a in zip(calls, answers, strict=True)}


def forget(service: Service) -> None:
    """FLUSHALL by somebody who got at the socket."""
    with socket.socket(socket.AF_UNIX) as link:
        link.connect(str(service.data_dir / "store" / "run.sock"))
        link.sendall(b"FLUSHALL\r\n")
        assert link.recv(10) == b"+OK\r\n"


def stop_store(service: Service) -> None:
    """It is there and does not answer."""
    os.kill(service.store_pid(), signal.SIGSTOP)


@pytest.mark.parametrize("fault", [forget, stop_store])
async def test_fault_is_never_a_500(
    start_service: StartService, http: aiohttp.ClientSession, fault: Callable[[Service], None]
) -> None:
    service = start_service(**SLOW)
    platform, hold, ticket = await prepared(service, http)
    operator = platform.as_(service.operator_key)
    store = service.store_pid()
    fault(service)
    try:
        answers = await ask_everything(platform, operator, hold, ticket)
    finally:
        os.kill(store, signal.SIGCONT)
    wanted = {"store_behind"} if fault is forget else {"outcome_unknown", "store_unavailable"}
    assert answers["hold"][0] == 503
    assert answers["hold"][1] in wanted
    assert "Traceback" not in service.text
