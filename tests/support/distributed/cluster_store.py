"""Valkey as a Cluster: three primaries with a replica each, every server on a host of its own."""

from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final

from redis.crc import key_slot
from support.distributed.programs import Program, listens, wait_for
from support.distributed.stores import PORT, SERVER, asked, online_replicas
from support.network.hosts import Host

from holdfast_lua.calls import keys
from holdfast_lua.embedded.files import find_binary

SHARDS: Final = 3
BOUNDS: Final = (0, 5461, 10923, 16384)
CLUSTERED: Final = (
    *("--cluster-enabled", "yes", "--cluster-node-timeout", "2000"),
    *("--cluster-allow-replica-migration", "no"),
)


class ClusterStore:
    """Six servers; `uid` of the sale says whose primary is meant."""

    def __init__(self, servers: list[Host], home: Path) -> None:
        self.uid = ""
        command = [str(find_binary()), *SERVER, *CLUSTERED]
        self.programs = [
            Program(f"store-{number}", host, home / f"store-{number}", command)
            for number, host in enumerate(servers)
        ]

    @property
    def url(self) -> str:
        return "redis+cluster://" + ",".join(server.host.address for server in self.programs)

    def start(self) -> None:
        for server in self.programs:
            server.start()
            wait_for(partial(listens, server.host, PORT), f"{server.name} listens")
        first = self.programs[0].host
        for number, server in enumerate(self.programs[:SHARDS]):
            slots = BOUNDS[number], BOUNDS[number + 1] - 1
            self._tell(server.host, "CLUSTER", "ADDSLOTSRANGE", *slots)
            self._tell(server.host, "CLUSTER", "SET-CONFIG-EPOCH", number + 1)
        for server in self.programs[1:]:
            self._tell(server.host, "CLUSTER", "MEET", first.address, PORT)
        for number, server in enumerate(self.programs[SHARDS:]):
            primary = self._tell(self.programs[number].host, "CLUSTER", "MYID")
            follows = partial(self._follows, server.host, primary)
            wait_for(follows, f"{server.name} is a replica")
        wait_for(self.is_settled, "the Cluster is whole")

    def _tell(self, host: Host, *command: str | int) -> Any:
        answer = asked(host, PORT, lambda client: client.execute_command(*command))
        if answer is None:
            raise LookupError(f"{host.address} refuses {command}")
        return answer

    def _follows(self, host: Host, primary: str) -> bool:
        """Refused until gossip has brought the primary's name."""
        command = ("CLUSTER", "REPLICATE", primary)
        return asked(host, PORT, lambda client: client.execute_command(*command)) is not None

    def restart(self, server: Program) -> None:
        server.start()

    def is_settled(self) -> bool:
        for server in self.programs:
            info = asked(server.host, PORT, lambda client: client.cluster("INFO"))
            if not info or info["cluster_state"] != "ok" or info["cluster_known_nodes"] != "6":
                return False
        owners = [set(self._owners(slot)) for slot in BOUNDS[:SHARDS]]
        if any(len(named) != 1 for named in owners):
            return False
        return all(
            online_replicas(server.host) == 1
            for server in self.programs
            if any(server.host.address in named for named in owners)
        )

    def _owners(self, slot: int) -> Iterator[str]:
        """Whom each server that answers names for a slot."""
        for server in self.programs:
            known = asked(server.host, PORT, lambda client: client.execute_command("CLUSTER SLOTS"))
            for first, last, owner, *_ in _slots(known):
                if first <= slot <= last:
                    yield owner

    def primary(self) -> Program:
        named = Counter(self._owners(key_slot(keys.sale(self.uid).encode())))
        for server in self.programs:
            if named[server.host.address] > len(self.programs) / 2:
                return server
        raise LookupError(f"most servers name no common primary: {named}")

    def replicas(self) -> list[Host]:
        primary = self.primary().host.address
        found = asked(self.primary().host, PORT, lambda client: client.info("replication")) or {}
        addresses = {
            value["ip"]
            for name, value in found.items()
            if name.startswith("slave") and isinstance(value, dict)
        }
        hosts = [server.host for server in self.programs if server.host.address in addresses]
        if not hosts:
            raise LookupError(f"{primary} has no replica")
        return hosts

    def peers(self) -> list[Host]:
        primary = self.primary()
        return [server.host for server in self.programs if server is not primary]

    def move(self) -> None:
        self._tell(self.replicas()[0], "CLUSTER", "FAILOVER")


def _slots(known: Any) -> Iterator[tuple[int, int, str]]:
    """First, last and the owner's address, as redis-py or the server words them."""
    if isinstance(known, dict):
        for (first, last), shard in known.items():
            yield int(first), int(last), str(shard["primary"][0])
    elif known:
        for first, last, (owner, *_), *_ in known:
            yield int(first), int(last), str(owner)
