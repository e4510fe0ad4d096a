"""Roles with listeners and workers of their own, as processes and sockets of a real service."""

import asyncio
import os
import re
import signal
import socket
import stat
from pathlib import Path
from typing import Final

import aiohttp
import pytest
from support.api_client import Api, create, make_key
from support.service.running import (
    StartService,
    is_alive,
    launch,
    listening_ports,
    wait_until,
)
from support.service.rush import api_of

ANY: Final = "127.0.0.1:0"
SHOP: Final = {"HOLDFAST_LISTEN_SHOP": ANY}
APART: Final = {**SHOP, "HOLDFAST_LISTEN_OPERATOR": ANY}
ELSEWHERE: Final = (404, "role_elsewhere")
KILLS: Final = 6


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A file of settings that SIGHUP reads again."""
    path = tmp_path / "holdfast.toml"
    path.write_text(f'listen_shop = "{ANY}"\nlisten_operator = "{ANY}"\n')
    return path


def port_of(address: str) -> int:
    return int(address.rpartition(":")[2])


def test_each_group_has_workers_and_a_socket_that_no_other_has(
    start_service: StartService,
) -> None:
    service = start_service("--workers", "2", **APART, HOLDFAST_WORKERS_SHOP="3")
    main, shop, operator = (
        port_of(service.listeners[role]) for role in ("room", "shop", "operator")
    )
    assert port_of(service.listeners["sales_floor"]) == main
    sockets = [listening_ports(pid) for pid in service.workers()]
    assert sorted(sockets, key=sorted) == sorted(
        [{main}] * 2 + [{shop}] * 3 + [{operator}], key=sorted
    )
    pids = [*service.workers(), service.store_pid()]
    assert service.stop() == 0
    assert not any(is_alive(pid) for pid in pids)


async def test_listener_serves_its_roles_and_says_of_others_that_they_are_elsewhere(
    start_service: StartService, http: aiohttp.ClientSession
) -> None:
    service = start_service(**APART)
    operator = api_of(service, "operator", http, service.operator_key)
    await create(operator, "night", new_users_per_minute=6000, burst=100)
    key = make_key(service, "platform")
    room, shop = api_of(service, "room", http), api_of(service, "shop", http, key)
    for each in (room, shop, operator):
        assert [(await each.get(path)).status for path in ("/livez", "/readyz")] == [200, 200]
    assert (await operator.post("/v1/sales/night/open")).status == 200
    buyer = await room.admitted("night")
    wanted = {"areas": [{"id": "floor", "quantity": 1}]}
    held = await buyer.hold("night", wanted)
    assert held.status == 201
    assert (await shop.hold("night", {**wanted, "buyer": "b"})).status == 201
    for asked in (
        await room.get("/v1/sales/night"),
        await room.as_(service.operator_key).get("/metrics"),
        await room.as_(key).confirm("night", held.body),
        await room.as_(key).hold("night", {**wanted, "buyer": "b"}),
        await shop.get("/wait/night"),
        await shop.get("/v1/sales/night/seats"),
        await shop.as_(buyer.token).hold("night", wanted),
        await shop.as_(service.operator_key).post("/v1/sales/night/close"),
        await operator.get("/v1/sales/night/status"),
    ):
        assert (asked.status, asked.code) == ELSEWHERE
    assert (await shop.confirm("night", held.body)).status == 200
    assert (await buyer.get("/v1/sales/night/orders")).body["items"][0]["status"] == "confirmed"


async def test_node_serves_only_the_roles_that_it_is_given(
    start_service: StartService, http: aiohttp.ClientSession
) -> None:
    service = start_service("--roles", "room,sales-floor")
    assert set(service.listeners) == {"room", "sales_floor"}
    node = Api(http, service.url, service.operator_key)
    assert (await node.get("/v1/sales/none/status")).code == "unknown_sale"
    for path in ("/v1/sales", "/metrics", "/v1/sales/none/events"):
        asked = await node.get(path)
        assert (asked.status, asked.code) == ELSEWHERE


def test_main_port_is_free_when_every_role_has_its_own(
    start_service: StartService, unused_tcp_port: int
) -> None:
    own = {f"HOLDFAST_LISTEN_{role}": ANY for role in ("ROOM", "SALES_FLOOR", "SHOP", "OPERATOR")}
    service = start_service("--port", str(unused_tcp_port), **own)
    assert len(set(service.listeners.values())) == 4
    assert service.url == f"http://{service.listeners['room']}"
    with socket.socket() as other:
        other.bind(("127.0.0.1", unused_tcp_port))


async def test_unix_listener_is_for_user_and_group_and_outlives_its_workers(
    start_service: StartService, tmp_path: Path
) -> None:
    """Given a file that a killed service has left, then it is taken over, and gone in the end."""
    path = tmp_path / "shop.sock"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    service = start_service(HOLDFAST_LISTEN_SHOP=f"unix:{path}")
    assert service.listeners["shop"] == f"unix:{path}"
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    main = service.workers_of("room")
    (before,) = set(service.workers()) - set(main)
    connector = aiohttp.UnixConnector(str(path))
    async with aiohttp.ClientSession("http://shop", connector=connector) as http:
        shop = Api(http, "", service.operator_key)
        assert (await shop.get("/v1/sales/none/events")).code == "unknown_sale"
        os.kill(before, signal.SIGKILL)
        wait_until(lambda: not is_alive(before))
        # Waits in the socket's queue until the next worker accepts.
        assert (await shop.get("/v1/sales/none/events")).code == "unknown_sale"
    assert service.stop() == 0
    assert not path.exists()


def test_unix_listener_takes_no_file_and_no_socket_from_others(tmp_path: Path) -> None:
    taken, file = tmp_path / "taken.sock", tmp_path / "file"
    file.write_text("mine")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(taken))
        listening.listen()
        for path in (taken, file):
            service = launch(tmp_path / "data", HOLDFAST_LISTEN_SHOP=f"unix:{path}")
            assert service.process.wait(20) == 1
            assert f"cannot listen on unix:{path}" in service.text
            assert "Traceback" not in service.text
    assert taken.is_socket()
    assert file.read_text() == "mine"


def test_sighup_changes_the_workers_of_a_group_and_no_listener(
    start_service: StartService, config: Path
) -> None:
    service = start_service("--config", str(config))
    config.write_text(config.read_text() + "workers_shop = 3\nworkers_operator = 2\n")
    service.process.send_signal(signal.SIGHUP)
    wait_until(lambda: len(service.workers_of("shop")) == 3)
    wait_until(lambda: len(service.workers_of("operator")) == 2)
    assert "need a restart" not in service.text
    config.write_text('listen_room = "127.0.0.1:0"\nroles = ["room"]\n')
    service.process.send_signal(signal.SIGHUP)
    wait_until(
        lambda: (
            "changed settings that need a restart: roles, listen_room, listen_shop, listen_operator"
            in service.text
        )
    )
    wait_until(lambda: len(service.workers()) == 3)
    assert service.stop() == 0


def test_sighup_with_contradicting_workers_changes_nothing(
    start_service: StartService, config: Path
) -> None:
    """Given workers for a listener that is new, then it is refused: the listener does not come."""
    service = start_service("--config", str(config))
    before = service.workers()
    config.write_text(f'{config.read_text()}listen_room = "{ANY}"\nworkers_room = 2\n')
    service.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "the settings were not reloaded: setting workers_room" in service.text)
    assert service.workers() == before


async def test_workers_that_do_not_come_to_serve_change_no_group(
    start_service: StartService, http: aiohttp.ClientSession, config: Path
) -> None:
    service = start_service("--config", str(config))
    before = service.workers()
    (service.data_dir / "ledger.sqlite3").rename(service.data_dir / "away")
    service.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "before it served: the settings stay" in service.text)
    wait_until(lambda: sorted(service.workers()) == sorted(before))
    for role in ("room", "shop", "operator"):
        assert (await api_of(service, role, http).get("/livez")).status == 200


def test_group_whose_workers_keep_ending_delays_no_other_group(
    start_service: StartService,
) -> None:
    """Given a crowd's worker that ended again and again, so that the next one comes after seconds,
    when a shop's ends, then it is replaced first."""
    service = start_service(**SHOP)
    for _ in range(KILLS):
        (victim,) = wait_until(lambda: service.workers_of("room"))
        os.kill(victim, signal.SIGKILL)
        wait_until(lambda gone=victim: not is_alive(gone))  # type: ignore[misc]
    (shop,) = service.workers_of("shop")
    os.kill(shop, signal.SIGKILL)
    wait_until(lambda: [pid for pid in service.workers_of("shop") if pid != shop])
    assert len(service.workers()) == 1
    wait_until(lambda: len(service.workers()) == 2)


def test_housekeeping_is_done_by_workers_that_the_crowd_does_not_reach(
    start_service: StartService,
) -> None:
    service = start_service("--workers", "2", **SHOP)
    inode = (service.data_dir / "leader.lock").stat().st_ino
    holders = wait_until(lambda: lock_holders(inode))
    assert holders == service.workers_of("shop")
    os.kill(holders[0], signal.SIGKILL)
    wait_until(lambda: (now := lock_holders(inode)) and now != holders)
    assert lock_holders(inode) == service.workers_of("shop")


def lock_holders(inode: int) -> list[int]:
    """Process ids that hold a file lock."""
    return [
        int(pid)
        for pid, found in re.findall(
            r"FLOCK +ADVISORY +WRITE (\d+) \S+:(\d+) ", Path("/proc/locks").read_text()
        )
        if int(found) == inode
    ]


async def test_metrics_add_up_the_workers_of_all_groups(
    start_service: StartService, http: aiohttp.ClientSession, unused_tcp_port: int
) -> None:
    service = start_service("--admin-port", str(unused_tcp_port), **APART)
    for role in ("room", "shop", "operator"):
        for _ in range(5):
            assert (await api_of(service, role, http).get("/readyz")).status == 200
    async with http.get(f"http://127.0.0.1:{unused_tcp_port}/livez") as answer:
        assert answer.status == 200
    pattern = r'holdfast_requests_total\{[^}]*route="/readyz"[^}]*\} (\S+)'
    tries, counted = 0, 0.0
    while counted < 15:
        tries += 1
        assert tries < 200
        await asyncio.sleep(0.05)
        async with http.get(f"http://127.0.0.1:{unused_tcp_port}/metrics") as answer:
            counted = sum(float(count) for count in re.findall(pattern, await answer.text()))
    assert counted == 15
