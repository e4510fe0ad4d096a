"""Sockets that a service manager has bound, handed over as systemd does it."""

import asyncio
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final, Protocol

import aiohttp
import pytest
from support.service.running import Service, await_ready, launch
from support.services import program

ANY: Final = "127.0.0.1:0"
SECONDS: Final = 5.0


class HasFileno(Protocol):
    """A socket or a file."""

    def fileno(self) -> int: ...


class Manager:
    """Starts services with inherited sockets, and ends them."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._services: list[Service] = []

    def launch(
        self, names: str, sockets: Sequence[HasFileno], settings: Mapping[str, str]
    ) -> Service:
        handles = [str(sock.fileno()) for sock in sockets]
        variables = {"LISTEN_FDS": str(len(handles)), "LISTEN_FDNAMES": names}
        if not names:
            del variables["LISTEN_FDNAMES"]
        service = launch(self._directory, handles=handles, **variables, **settings)
        self._services.append(service)
        return service

    def close(self) -> None:
        for service in self._services:
            if service.process.poll() is None:
                service.kill()


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    made = Manager(tmp_path / "data")
    yield made
    made.close()


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        yield sock


def address_of(sock: socket.socket) -> str:
    host, port = sock.getsockname()
    return f"{host}:{port}"


async def answers(url: str) -> bool:
    async with aiohttp.ClientSession() as http, http.get(f"{url}/livez") as response:
        return response.status == 200


async def test_sockets_are_used_by_their_names_and_the_rest_is_bound(
    manager: Manager, tmp_path: Path
) -> None:
    """Given sockets for main, shop (unix) and admin, then a connection that came before the start
    is answered after it."""
    path = tmp_path / "shop.sock"
    with ExitStack() as stack:
        main, admin = (
            stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(2)
        )
        shop = stack.enter_context(socket.socket(socket.AF_UNIX))
        shop.bind(str(path))
        shop.listen()
        early = stack.enter_context(socket.create_connection(main.getsockname()))
        early.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
        settings = {
            "HOLDFAST_LISTEN_SHOP": f"unix:{path}",
            "HOLDFAST_LISTEN_OPERATOR": ANY,
            "HOLDFAST_ADMIN_PORT": str(admin.getsockname()[1]),
        }
        service = manager.launch("admin:main:shop", [admin, main, shop], settings)
        await_ready(service)
        early.settimeout(10)
        assert early.recv(12) == b"HTTP/1.1 200"
        assert service.listeners["room"] == address_of(main)
        assert service.url == f"http://{address_of(main)}"
        for role in ("room", "operator"):
            assert await answers(f"http://{service.listeners[role]}")
        async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(path))) as http:
            assert (await http.get("http://shop/livez")).status == 200
        async with aiohttp.ClientSession() as http:
            metrics = await http.get(f"http://{address_of(admin)}/metrics")
            assert metrics.status == 200
        assert service.stop() == 0
        assert path.exists()  # it is the manager's


async def test_systemds_own_program_starts_the_service_with_the_first_request(
    tmp_path: Path, unused_tcp_port: int
) -> None:
    path = tmp_path / "shop.sock"
    activate = (
        program("systemd-socket-activate", "systemd"),
        *("--listen", f"127.0.0.1:{unused_tcp_port}", "--listen", str(path)),
        *("--fdname", "main:shop", "--setenv", f"HOLDFAST_LISTEN_SHOP=unix:{path}"),
    )
    service = launch(tmp_path / "data", wrapper=activate)
    try:
        connector = aiohttp.UnixConnector(str(path))
        async with aiohttp.ClientSession(connector=connector) as http, asyncio.timeout(30):
            while True:
                with suppress(aiohttp.ClientConnectorError):
                    assert (await http.get("http://shop/livez")).status == 200
                    break
                await asyncio.sleep(0.05)
        await_ready(service)
        assert service.listeners["room"] == f"127.0.0.1:{unused_tcp_port}"
        assert await answers(service.url)
        assert service.stop() == 0
    finally:
        if service.process.poll() is None:
            service.kill()


async def test_single_socket_without_a_name_is_the_main_one(
    manager: Manager, listening: socket.socket
) -> None:
    service = manager.launch("", [listening], {})
    await_ready(service)
    assert service.listeners["shop"] == address_of(listening)
    assert await answers(service.url)


async def test_who_connects_between_two_services_is_answered_by_the_second(
    manager: Manager, listening: socket.socket
) -> None:
    """Given a service that has stopped, whose socket the service manager keeps."""
    for _ in range(2):
        async with asyncio.timeout(SECONDS):
            reader, writer = await asyncio.open_connection(*listening.getsockname())
        writer.write(b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        service = manager.launch("", [listening], {})
        assert b"200 OK" in await reader.read()
        writer.close()
        assert await asyncio.to_thread(service.stop) == 0, service.text


def test_sockets_for_another_process_are_left_alone(
    manager: Manager, listening: socket.socket
) -> None:
    service = manager.launch("nonsense", [listening], {"LISTEN_PID": "1"})
    await_ready(service)
    assert service.listeners["shop"] != address_of(listening)


@pytest.mark.parametrize(
    ("names", "settings", "words"),
    [
        ("holdfast.socket", {}, "are named 'holdfast.socket': each needs one of the names main, "),
        ("main:shop", {}, "inherited sockets (1) are named 'main:shop'"),
        ("shop", {}, "on the inherited socket 'shop': listen_shop is not set"),
        ("shop", {"HOLDFAST_ROLES": "room"}, "socket 'shop': listen_shop is not set"),
        ("admin", {}, "on the inherited socket 'admin': admin_port is not set"),
        (
            "main",
            {
                "HOLDFAST_LISTEN_ROOM": ANY,
                "HOLDFAST_LISTEN_SALES_FLOOR": ANY,
                "HOLDFAST_ROLES": "room,sales_floor",
            },
            "'main': every role that this node serves has a listener of its own",
        ),
        (
            "shop",
            {"HOLDFAST_LISTEN_SHOP": "127.0.0.1:1"},
            "the settings say 127.0.0.1:1",
        ),
        (
            "shop",
            {"HOLDFAST_LISTEN_SHOP": "unix:/run/shop.sock"},
            "the settings say unix:/run/shop.sock",
        ),
    ],
)
def test_socket_that_does_not_fit_the_settings_ends_the_start(
    manager: Manager,
    listening: socket.socket,
    names: str,
    settings: dict[str, str],
    words: str,
) -> None:
    service = manager.launch(names, [listening], settings)
    assert service.process.wait(20) == 1
    assert words in service.text
    assert "Traceback" not in service.text


def test_two_sockets_for_one_listener_are_refused(
    manager: Manager, listening: socket.socket
) -> None:
    variables = ("HOLDFAST_LISTEN_SHOP", "HOLDFAST_LISTEN_OPERATOR")
    settings = dict.fromkeys(variables, address_of(listening))
    service = manager.launch("shop:operator", [listening, listening], settings)
    assert service.process.wait(20) == 1
    assert "the inherited socket 'operator': its listener has another one already" in service.text


@pytest.mark.parametrize("kind", ["bound", "datagram", "file"])
def test_what_does_not_listen_is_refused(manager: Manager, tmp_path: Path, kind: str) -> None:
    with ExitStack() as stack:
        if kind == "file":
            made: HasFileno = stack.enter_context((tmp_path / "file").open("w"))
        else:
            type_of = socket.SOCK_DGRAM if kind == "datagram" else socket.SOCK_STREAM
            made = bound = stack.enter_context(socket.socket(socket.AF_INET, type_of))
            bound.bind(("127.0.0.1", 0))
        service = manager.launch("main", [made], {})
        assert service.process.wait(20) == 1
    told = "is no socket" if kind == "file" else "does not listen for connections"
    assert f"the inherited socket 'main' {told}" in service.text
