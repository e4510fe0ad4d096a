"""Clients that ask for a large plan and do not read it: they hold up nobody, and no stop."""

import asyncio
import io
import json
import signal
import socket
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
from support.api_client import Api
from support.service.running import Service, StartService

READERS = 30
ROWS, SEATS_PER_ROW = 250, 200
UNUSED_BOUNDS = {"HOLDFAST_SHUTDOWN_SECONDS": "60", "HOLDFAST_WRITE_SECONDS": "3600"}


def large_plan() -> dict[str, Any]:
    """50,000 seats, some 5 MB."""
    rows = [
        {
            "row_number": str(row),
            "position": {"x": 0, "y": row * 20},
            "seats": [
                {
                    "seat_number": str(seat),
                    "seat_guid": f"row-{row}-seat-{seat}",
                    "category": "GA",
                    "position": {"x": seat * 20, "y": 0},
                }
                for seat in range(SEATS_PER_ROW)
            ],
        }
        for row in range(ROWS)
    ]
    zone = {"name": "Hall", "position": {"x": 0, "y": 0}, "rows": rows}
    return {"name": "Hall", "categories": [{"name": "GA", "color": "#808080"}], "zones": [zone]}


async def with_large_plan(service: Service, http: aiohttp.ClientSession) -> None:
    operator = Api(http, service.url, service.operator_key)
    sale = {"name": "Night", "prices": {"GA": 4500}}
    area = {"id": "floor", "name": "Floor", "capacity": 1, "category": "GA"}
    assert (await operator.put("/v1/sales/night", {**sale, "areas": [area]})).status == 201
    async with http.put(
        f"{service.url}/v1/sales/night/plan",
        data=io.BytesIO(json.dumps(large_plan()).encode()),
        headers={"Authorization": f"Bearer {service.operator_key}"},
    ) as answer:
        assert answer.status == 200, await answer.text()


def asking(service: Service) -> list[socket.socket]:
    """Connections that have asked for the plan and take nothing of it."""
    parts = urlsplit(service.url)
    assert parts.hostname is not None
    assert parts.port is not None
    opened = []
    for _ in range(READERS):
        one = socket.socket()
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        one.connect((parts.hostname, parts.port))
        one.sendall(b"GET /v1/sales/night/plan HTTP/1.1\r\nHost: a\r\n\r\n")
        opened.append(one)
    return opened


async def metric(http: aiohttp.ClientSession, service: Service, line: str) -> bool:
    async with http.get(f"{service.url}/metrics") as response:
        return line in await response.text()


async def test_readers_that_do_not_read_do_not_hold_up_a_stop(
    start_service: StartService, http: aiohttp.ClientSession
) -> None:
    service = start_service(**UNUSED_BOUNDS)
    await with_large_plan(service, http)
    readers = asking(service)
    await asyncio.sleep(0.5)  # until the service has begun to answer them
    service.process.send_signal(signal.SIGTERM)
    assert await asyncio.to_thread(service.process.wait, 30) == 0, service.text
    for reader in readers:
        reader.close()


async def test_readers_that_do_not_read_are_cut_off_and_counted(
    start_service: StartService, http: aiohttp.ClientSession
) -> None:
    service = start_service(HOLDFAST_WRITE_SECONDS="0.5")
    await with_large_plan(service, http)
    readers = asking(service)
    counted = f'holdfast_rejected_total{{kind="not_reading"}} {READERS}.0'
    for _ in range(200):
        if await metric(http, service, counted):
            break
        await asyncio.sleep(0.1)
    else:
        pytest.fail("they were not cut off")
    for reader in readers:
        reader.close()
