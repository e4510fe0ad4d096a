"""`holdfast ready`: what it says of a node by its /readyz, and of what is none."""

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from support.service.running import Service, StartService
from support.store.servers import servers_in

from holdfast.cli import main


def ready(*arguments: str, **environ: str) -> Result:
    # What asks the tests for every service is no setting, of which the command would warn.
    return CliRunner().invoke(
        main, ["ready", *arguments], env={"HOLDFAST_REQUIRE_SERVICES": None, **environ}
    )


@contextmanager
def answering(answer: bytes) -> Iterator[str]:
    """A server that gives each request the same bytes; its origin."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with server.accept()[0] as connection:
                connection.recv(4096)
                connection.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        thread.join(10)


def test_node_that_takes_traffic_is_ready(shared_service: Service) -> None:
    told = ready("--url", f"{shared_service.url}/")
    assert (told.exit_code, told.output) == (0, "ready\n")


def test_node_of_these_settings_is_asked(shared_service: Service) -> None:
    """An address that means all of them, and a proxy of the environment, do not lead astray."""
    port = shared_service.url.rpartition(":")[2]
    proxy = "http://127.0.0.1:1"
    told = ready(HOLDFAST_HOST="0.0.0.0", HOLDFAST_PORT=port, http_proxy=proxy)  # noqa: S104
    assert (told.exit_code, told.output) == (0, "ready\n")


def test_every_listener_of_the_node_is_asked(
    start_service: StartService, unused_tcp_port: int, tmp_path: Path
) -> None:
    """Given a shop's listener apart, then a node without it is not ready; unix sockets are left
    to their proxy."""
    service = start_service(HOLDFAST_LISTEN_SHOP="127.0.0.1:0")
    port = service.url.rpartition(":")[2]
    there = ready(HOLDFAST_PORT=port, HOLDFAST_LISTEN_SHOP=service.listeners["shop"])
    assert (there.exit_code, there.output) == (0, "ready\n")
    elsewhere = f"127.0.0.1:{unused_tcp_port}"
    gone = ready(HOLDFAST_PORT=port, HOLDFAST_LISTEN_SHOP=elsewhere)
    assert gone.exit_code == 1
    assert f"http://{elsewhere} does not answer" in gone.output
    unix = f"unix:{tmp_path}/shop.sock"
    assert ready(HOLDFAST_PORT=port, HOLDFAST_LISTEN_SHOP=unix).exit_code == 0
    only_unix = ready(HOLDFAST_ROLES="shop", HOLDFAST_LISTEN_SHOP=unix)
    assert only_unix.exit_code == 2
    assert "unix sockets only" in only_unix.output


def test_node_whose_store_is_gone_is_not_ready(start_service: StartService, tmp_path: Path) -> None:
    with servers_in(tmp_path) as make:
        store = make("--appendonly", "yes")
        service = start_service(HOLDFAST_STORE_URL=store.url)
        store.kill()
        told = ready("--url", service.url)
    assert told.exit_code == 1
    assert told.output == f"Error: {service.url} is not ready: store unavailable\n"


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 503 Unavailable\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n[]",
        b'HTTP/1.1 503 Unavailable\r\nContent-Length: 14\r\n\r\n{"checks": [1]}'[:-1],
    ],
)
def test_other_answers_are_not_ready(answer: bytes) -> None:
    with answering(answer) as origin:
        told = ready("--url", origin)
    assert told.exit_code == 1
    assert told.output == f"Error: {origin} is not ready: its answer is none of /readyz\n"


@pytest.mark.parametrize("answer", [b"", b"SSH-2.0\r\n\r\n"])
def test_what_does_not_speak_http_does_not_answer(answer: bytes) -> None:
    with answering(answer) as origin:
        told = ready("--url", origin)
    assert told.exit_code == 1
    assert told.output.startswith(f"Error: {origin} does not answer: ")


def test_silent_node_does_not_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        origin = f"http://127.0.0.1:{server.getsockname()[1]}"
        told = ready("--url", origin, "--timeout", "0.2")
    assert (told.exit_code, told.output) == (1, f"Error: {origin} does not answer: timed out\n")


@pytest.mark.parametrize("url", ["file:///etc/hostname", "127.0.0.1:8080"])
def test_only_http_is_asked(url: str) -> None:
    told = ready("--url", url)
    assert told.exit_code == 2
    assert "an http(s) origin" in told.output


def test_any_free_port_needs_an_url() -> None:
    told = ready(HOLDFAST_PORT="0")
    assert told.exit_code == 2
    assert "--url" in told.output


def test_health_check_imports_neither_database_nor_http_framework() -> None:
    """An engine runs it every few seconds: they would be most of its processor time."""
    heavy = "{'sqlalchemy', 'aiohttp', 'redis'}"
    code = f"import sys, holdfast.cli.ready; print({heavy} & sys.modules.keys())"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "set()\n"
