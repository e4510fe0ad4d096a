"""Redis with Sentinel: a primary and two replicas, and three Sentinels on hosts of their own."""

from collections import Counter
from pathlib import Path
from typing import Final

from support.distributed.programs import Program, wait_for
from support.distributed.stores import PORT, SERVER, asked, online_replicas
from support.network.hosts import Host
from support.services import program

SENTINEL_PORT: Final = 26379
NAME: Final = "shop"
# A replica that is silent for two seconds no longer counts, so that a primary that was cut off
# takes no writes when the Sentinels, a second later, make another one.
SAFE: Final = ("--min-replicas-to-write", "1", "--min-replicas-max-lag", "2")
SENTINEL: Final = """port 26379
bind 0.0.0.0
protected-mode no
sentinel monitor shop {primary} 6379 2
sentinel down-after-milliseconds shop 3000
sentinel failover-timeout shop 3000
sentinel parallel-syncs shop 2
"""
"""another failover may follow after twice the timeout"""


class SentinelStore:
    """Three servers, the first of which begins as the primary, and who watches them."""

    def __init__(self, servers: list[Host], sentinels: list[Host], home: Path) -> None:
        self._binary = program("redis-server", "redis-server")
        self._sentinels = sentinels
        self._servers = [
            Program(f"store-{number}", host, home / f"store-{number}", ())
            for number, host in enumerate(servers)
        ]
        self._watchers = []
        for number, host in enumerate(sentinels):
            config = home / f"sentinel-{number}.conf"
            config.write_text(SENTINEL.format(primary=servers[0].address))
            command = [self._binary, str(config), "--sentinel"]
            self._watchers.append(
                Program(f"sentinel-{number}", host, home / f"sentinel-{number}", command)
            )
        self.programs = [*self._servers, *self._watchers]

    @property
    def url(self) -> str:
        hosts = ",".join(host.address for host in self._sentinels)
        return f"redis+sentinel://{hosts}/{NAME}"

    def start(self) -> None:
        first, *others = self._servers
        self._start(first, None)
        for server in others:
            self._start(server, first.host)
        # A Sentinel reads of the replicas every ten seconds, and fails over to those it knows.
        wait_for(lambda: online_replicas(first.host) == 2, "the store has its replicas")
        for watcher in self._watchers:
            watcher.start()
        wait_for(self.is_settled, "the Sentinels know the store")

    def _start(self, server: Program, primary: Host | None) -> None:
        replica = ("--replicaof", primary.address, str(PORT)) if primary else ()
        server.command = [self._binary, *SERVER, *SAFE, *replica]
        server.start()

    def restart(self, server: Program) -> None:
        self._start(server, self.primary().host)

    def is_settled(self) -> bool:
        try:
            primary = self.primary().host
        except LookupError:
            return False
        known = [self._knows_all(sentinel, primary) for sentinel in self._sentinels]
        return all(known) and online_replicas(primary) == 2

    def _knows_all(self, sentinel: Host, primary: Host) -> bool:
        """Whether this Sentinel could begin a failover."""
        state = asked(sentinel, SENTINEL_PORT, lambda client: client.sentinel_master(NAME))
        replicas = asked(sentinel, SENTINEL_PORT, lambda client: client.sentinel_slaves(NAME))
        if not state or not replicas:
            return False
        linked = sum(
            replica["master-host"] == primary.address
            and replica["master-link-status"] == "ok"
            and not replica["is_disconnected"]
            and not replica["is_sdown"]
            for replica in replicas
        )
        flags = state["flags"]
        watched = (state["ip"], flags, state["num-other-sentinels"])
        return bool(linked == 2 and watched == (primary.address, "master", 2))

    def primary(self) -> Program:
        named = Counter(
            answer[0]
            for sentinel in self._sentinels
            if (
                answer := asked(
                    sentinel,
                    SENTINEL_PORT,
                    lambda client: client.sentinel_get_master_addr_by_name(NAME),
                )
            )
        )
        for server in self._servers:
            if named[server.host.address] > len(self._sentinels) / 2:
                return server
        raise LookupError(f"most Sentinels name no common primary: {named}")

    def replicas(self) -> list[Host]:
        primary = self.primary()
        return [server.host for server in self._servers if server is not primary]

    def peers(self) -> list[Host]:
        return [*self.replicas(), *self._sentinels]

    def move(self) -> None:
        for sentinel in self._sentinels:
            if asked(sentinel, SENTINEL_PORT, lambda client: client.sentinel_failover(NAME)):
                return
        raise LookupError("no Sentinel begins a failover")
