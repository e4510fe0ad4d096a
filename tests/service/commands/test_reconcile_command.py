"""`holdfast reconcile` against a running service: exit codes, the table, JSON, a real repair."""

import asyncio
import json
import socket
import subprocess
from typing import Any

import aiohttp
from support.api_client import MAX_TRIES, NIGHT, Api, make_key
from support.service.reconciled import command
from support.service.running import Service, StartService

SALE = "finale"


async def run(service: Service, *arguments: str) -> subprocess.CompletedProcess[str]:
    return await asyncio.to_thread(command, service, *arguments)


def spoil(service: Service, uid: str) -> None:
    """Three floor units vanish from the store, by somebody who got at the socket."""
    with socket.socket(socket.AF_UNIX) as link:
        link.connect(str(service.data_dir / "store" / "run.sock"))
        link.sendall(f"HINCRBY hf:{{{uid}}}:sale a0f -3\r\n".encode())
        assert link.recv(20).startswith(b":")


async def read_after_rebuild(platform: Api) -> dict[str, Any]:
    """The map, once the worker has the sale as another process has written it anew."""
    for _ in range(MAX_TRIES):
        seats = await platform.get(f"/v1/sales/{SALE}/seats")
        if seats.status == 200:
            return dict(seats.body)
        assert (seats.status, seats.code) == (503, "store_behind")
        await asyncio.sleep(0.05)
    raise AssertionError("the worker never took it over")


async def test_command_tells_same_from_different_and_mends(
    start_service: StartService, http: aiohttp.ClientSession
) -> None:
    service = start_service()
    operator = Api(http, service.url, service.operator_key)
    made = await operator.put(f"/v1/sales/{SALE}", NIGHT)
    platform = operator.as_(make_key(service, "platform"))
    held = await platform.hold(SALE, {"areas": [{"id": "floor", "quantity": 2}], "buyer": "ann"})
    assert (await platform.confirm(SALE, held.body)).status == 200

    same = await run(service, SALE)
    assert (same.returncode, same.stderr) == (0, "")
    assert "0 differences" in same.stdout

    spoil(service, made.body["uid"])
    told = await run(service, SALE, "--json")
    document = json.loads(told.stdout)
    assert (document["sale"], document["repaired"]) == (SALE, [])
    (difference,) = (one for one in document["differences"] if one["where"] == "area floor")
    assert (told.returncode, difference["kind"]) == (1, "counted")
    assert "+3 booked" in difference["store"]
    table = await run(service, SALE, "--repair")
    assert (table.returncode, "area floor" in table.stdout) == (1, True)

    rebuilt = await run(service, SALE, "--rebuild")
    assert rebuilt.returncode == 0, rebuilt.stdout
    seats = await read_after_rebuild(platform)
    assert (seats["areas"]["floor"]["booked"], seats["counts"]["free"]) == (2, 98)

    unknown = await run(service, "no-such-sale")
    assert (unknown.returncode, unknown.stdout) == (2, "")
    assert "no-such-sale" in unknown.stderr
