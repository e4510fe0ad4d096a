"""The store of a deployment of several machines: what both kinds have in common.

A `ReplicatedStore` has one primary for the sale's keys, found out anew at each question by the word
of the servers, and replicas of it on other hosts.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final, Protocol

from redis import Redis
from redis.exceptions import RedisError
from support.distributed.programs import Program
from support.network.hosts import Host

PORT: Final = 6379
SERVER: Final = (
    *("--port", str(PORT), "--bind", "0.0.0.0", "--protected-mode", "no"),  # noqa: S104
    *("--save", "", "--appendonly", "yes", "--maxmemory-policy", "noeviction"),
    *("--repl-diskless-sync-delay", "0"),
)
ASK_SECONDS: Final = 1.0


class ReplicatedStore(Protocol):
    """What faults do to a store, whatever its kind."""

    @property
    def programs(self) -> Sequence[Program]:
        """All of it, also who watches the servers."""

    @property
    def url(self) -> str:
        """As the service is given it."""

    def start(self) -> None:
        """Returns when it takes writes and could fail over."""

    def is_settled(self) -> bool:
        """Whether every primary has its replicas, and all agree."""

    def primary(self) -> Program:
        """The server of the sale's keys; LookupError while there is none."""

    def replicas(self) -> list[Host]:
        """Of the primary."""

    def peers(self) -> list[Host]:
        """Who decides about the primary, its replicas among them."""

    def move(self) -> None:
        """Has a replica take over from a primary that lives."""

    def restart(self, server: Program) -> None:
        """A server that was killed comes back."""


def asked(host: Host, port: int, question: Callable[[Any], Any]) -> Any:
    """What the server on a host says; None when it does not answer."""
    client = Redis(
        host.address,
        port,
        socket_timeout=ASK_SECONDS,
        socket_connect_timeout=ASK_SECONDS,
        decode_responses=True,
    )
    with suppress(RedisError, OSError), client:
        return question(client)
    return None


def online_replicas(host: Host) -> int:
    """How many replicas the primary on this host has in step."""
    info = asked(host, PORT, lambda client: client.info("replication")) or {}
    found = [value for name, value in info.items() if name.startswith("slave")]
    states = [value for value in found if isinstance(value, dict)]
    return sum(value["state"] == "online" and value["lag"] <= 1 for value in states)
