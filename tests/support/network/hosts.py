"""Hosts of a network of their own: namespaces on a bridge, whose links can be cut.

Needs root and the program `ip`. A cut link lets nothing through, either way. A route that leads
nowhere, set at the sender, drops what it sends to one other host; what that one sends still
arrives.

Several test processes may have networks at the same time: each locks the number of its own, in a
file. The kernel unlocks it when the process dies, however it dies, so whoever gets a lock first
removes what a killed one has left under that number.
"""

import fcntl
import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest
from support.services import program

NETWORKS: Final = range(100, 120)
BRIDGE_HOST: Final = 254


def _ip(*words: str) -> str:
    done = subprocess.run(
        ["ip", *words], check=True, capture_output=True, text=True, timeout=20, cwd="/"
    )
    return done.stdout


@dataclass(frozen=True)
class Host:
    """A namespace; `prefix` in front of a command runs it there."""

    name: str
    address: str
    link: str
    """the end of its cable that is not in the namespace"""

    @property
    def prefix(self) -> list[str]:
        return ["ip", "netns", "exec", self.name]

    def mute_towards(self, *addresses: str) -> None:
        """What it sends there is lost from now on."""
        for address in addresses:
            _ip("-n", self.name, "route", "add", "blackhole", f"{address}/32")

    def unmute_towards(self, *addresses: str) -> None:
        for address in addresses:
            _ip("-n", self.name, "route", "del", "blackhole", f"{address}/32")

    def cut(self) -> None:
        """Pulls its cable."""
        _ip("link", "set", self.link, "down")

    def mend(self) -> None:
        """Plugs its cable in; harmless to repeat."""
        _ip("link", "set", self.link, "up")

    def add_address(self, address: str) -> None:
        _ip("-n", self.name, "addr", "replace", f"{address}/24", "dev", "eth0")

    def remove_address(self, address: str) -> None:
        """Harmless to repeat."""
        with suppress(subprocess.CalledProcessError):
            _ip("-n", self.name, "addr", "del", f"{address}/24", "dev", "eth0")

    def pids(self) -> list[int]:
        """The processes that run there."""
        return [int(word) for word in _ip("netns", "pids", self.name).split()]


@dataclass
class Network:
    """A bridge with hosts on it, which this machine's own namespace reaches too."""

    number: int
    prefix: str
    """the first three bytes of every address"""
    hosts: list[Host] = field(default_factory=list)

    @property
    def bridge(self) -> str:
        return f"hfb{self.number}"

    def address(self, host: int) -> str:
        return f"{self.prefix}.{host}"

    def add_host(self) -> Host:
        number = len(self.hosts) + 1
        host = Host(f"hf{self.number}-{number}", self.address(number), f"hfv{self.number}-{number}")
        self.hosts.append(host)
        _ip("netns", "add", host.name)
        _ip("link", "add", host.link, "type", "veth", "peer", "name", "eth0", "netns", host.name)
        _ip("link", "set", host.link, "master", self.bridge, "up")
        host.add_address(host.address)
        _ip("-n", host.name, "link", "set", "eth0", "up")
        _ip("-n", host.name, "link", "set", "lo", "up")
        return host

    def add_local_address(self, host: int) -> str:
        """Another address of this machine's own on the bridge."""
        address = self.address(host)
        _ip("addr", "replace", f"{address}/24", "dev", self.bridge)
        return address

    def make(self) -> None:
        """The bridge alone; skips the test where that cannot be."""
        try:
            _ip("link", "add", self.bridge, "type", "bridge")
        except subprocess.CalledProcessError as refused:
            pytest.skip(f"no network can be made here: {refused.stderr.strip()}")
        self.add_local_address(BRIDGE_HOST)
        _ip("link", "set", self.bridge, "up")

    def remove(self) -> None:
        """Everything of this number, processes included, whoever made it."""
        listed = [line.split()[0] for line in _ip("netns", "list").splitlines() if line]
        for name in (name for name in listed if name.startswith(f"hf{self.number}-")):
            for pid in _ip("netns", "pids", name).split():
                with suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
            _ip("netns", "del", name)
        for link in Path("/sys/class/net").iterdir():
            if link.name == self.bridge or link.name.startswith(f"hfv{self.number}-"):
                with suppress(subprocess.CalledProcessError):  # it goes with its namespace
                    _ip("link", "del", link.name)


@contextmanager
def network(prefix: str | None = None) -> Iterator[Network]:
    """A network without hosts, gone afterwards with all that runs in it.

    Its addresses are in a range that no other test process has, unless a `prefix` is given.
    """
    if os.getuid() != 0:
        pytest.skip("needs root to make network namespaces")
    program("ip", "iproute2")
    with _number() as number:
        made = Network(number, prefix or f"10.219.{number}")
        made.remove()  # what a killed test has left
        made.make()
        try:
            yield made
        finally:
            made.remove()


@contextmanager
def _number() -> Iterator[int]:
    """A number that no other process has, until this one gives it back or dies."""
    for number in NETWORKS:
        with Path(tempfile.gettempdir(), f"holdfast-network-{number}.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            yield number
            return
    pytest.fail("every number of a network is in use")


@contextmanager
def hosts(count: int, *, prefix: str | None = None) -> Iterator[list[Host]]:
    """So many hosts, which this machine reaches too; skips the test where that cannot be."""
    with network(prefix) as made:
        yield [made.add_host() for _ in range(count)]
