"""The intake of a listening socket ends without losing who has connected already."""

import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from holdfast.processes.intake import end_intake

SECONDS = 10.0
MakeListener = Callable[[Path], socket.socket]


def over_ipv4(_directory: Path) -> socket.socket:
    return socket.create_server(("127.0.0.1", 0))


def over_both(_directory: Path) -> socket.socket:
    return socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)


def over_unix(directory: Path) -> socket.socket:
    return socket.create_server(str(directory / "socket"), family=socket.AF_UNIX)


@pytest.mark.parametrize("listener", [over_ipv4, over_both, over_unix])
def test_who_has_connected_is_served_and_nobody_is_after_them(
    tmp_path: Path, listener: MakeListener
) -> None:
    """Given a worker's handle of a socket whose parent ends the intake."""
    with listener(tmp_path) as bound:
        address = bound.getsockname()
        worker = bound.dup()
        family = bound.family
        early = connected(family, address)
        early.sendall(b"request")
        end_intake(bound)
        with pytest.raises((TimeoutError, FileNotFoundError)):
            connected(family, address, seconds=0.2)
        accepted, _ = worker.accept()
        accepted.settimeout(SECONDS)
        early.sendall(b" and more")
        assert accepted.recv(7) == b"request"
        accepted.sendall(b"answer")
        assert early.recv(100) == b"answer"
        worker.close()
        with pytest.raises((ConnectionRefusedError, FileNotFoundError)):
            connected(family, address)
        for sock in (early, accepted):
            sock.close()


def connected(family: int, address: object, seconds: float = SECONDS) -> socket.socket:
    sock = socket.socket(family)
    sock.settimeout(seconds)
    try:
        sock.connect(address)  # type: ignore[arg-type]  # as the family has it
    except OSError:
        sock.close()
        raise
    return sock
