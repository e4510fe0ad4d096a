"""Hosts of a network of their own: namespaces on a bridge, whose links can be cut one way.

Needs root and the program `ip`. A route that leads nowhere, set at the sender, drops what it sends
to one other host; what that one sends still arrives.
"""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import pytest
from support.services import program

NETWORK = "10.219.77"


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True, timeout=20)


@dataclass(frozen=True)
class Host:
    """A namespace; `prefix` in front of a command runs it there."""

    name: str
    address: str

    @property
    def prefix(self) -> list[str]:
        return ["ip", "netns", "exec", self.name]

    def mute_towards(self, *others: "Host") -> None:
        """What it sends to the others is lost from now on."""
        for other in others:
            _ip("-n", self.name, "route", "add", "blackhole", f"{other.address}/32")

    def unmute_towards(self, *others: "Host") -> None:
        for other in others:
            _ip("-n", self.name, "route", "del", "blackhole", f"{other.address}/32")


@contextmanager
def hosts(count: int) -> Iterator[list[Host]]:
    """So many hosts, which this one reaches too; skips the test where that cannot be."""
    if os.getuid() != 0:
        pytest.skip("needs root to make network namespaces")
    program("ip", "iproute2")
    bridge = f"hfb{os.getpid()}"
    made: list[Host] = []
    try:
        _ip("link", "add", bridge, "type", "bridge")
    except subprocess.CalledProcessError as refused:
        pytest.skip(f"no network can be made here: {refused.stderr.strip()}")
    try:
        _ip("addr", "add", f"{NETWORK}.254/24", "dev", bridge)
        _ip("link", "set", bridge, "up")
        for number in range(1, count + 1):
            made.append(Host(f"hf{os.getpid()}-{number}", f"{NETWORK}.{number}"))
            _join(made[-1], bridge, number)
        yield made
    finally:
        for words in [*(("netns", "del", host.name) for host in made), ("link", "del", bridge)]:
            with suppress(subprocess.CalledProcessError):  # it was not made
                _ip(*words)


def _join(host: Host, bridge: str, number: int) -> None:
    outer = f"hfv{os.getpid()}{number}"[-15:]
    _ip("netns", "add", host.name)
    _ip("link", "add", outer, "type", "veth", "peer", "name", "eth0", "netns", host.name)
    _ip("link", "set", outer, "master", bridge, "up")
    _ip("-n", host.name, "addr", "add", f"{host.address}/24", "dev", "eth0")
    _ip("-n", host.name, "link", "set", "eth0", "up")
    _ip("-n", host.name, "link", "set", "lo", "up")
