"""PostgreSQL with a streaming replica that every commit waits for, behind an address that moves.

The service knows the floating address alone, as docs/operations.md asks of it. A failover is what a
cluster manager does: the former primary is fenced, the replica promoted, the address moved and
announced, and the former made anew as the replica of the new one.
"""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from support.distributed.programs import Program, wait_for
from support.network.hosts import Host
from support.services import directory_for, program, run, server_user

PORT: Final = 5432
DATABASE: Final = "holdfast"
SETTINGS: Final = (
    "listen_addresses=*",
    "unix_socket_directories=",
    "fsync=off",  # no plug is pulled here
    "wal_sender_timeout=3s",
    "wal_receiver_timeout=3s",
    "wal_retrieve_retry_interval=500ms",
)
ANNOUNCE: Final = """
import socket, sys
address, mac = socket.inet_aton(sys.argv[1]), bytes.fromhex(
    open("/sys/class/net/eth0/address").read().strip().replace(":", ""))
everyone = b"\\xff" * 6
arp = b"\\0\\1\\x08\\0\\6\\4\\0\\2" + mac + address + everyone + address
with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as link:
    link.bind(("eth0", 0))
    link.send(everyone + mac + b"\\x08\\6" + arp)
"""
"""A gratuitous ARP reply: neighbours send to this host's card from now on."""


@dataclass
class DatabaseServer:
    """One of the two: its host and the directory of its data."""

    host: Host
    program: Program

    @property
    def data(self) -> Path:
        return self.program.home / "data"


class ReplicatedDatabase:
    """Primary and replica."""

    def __init__(self, hosts: list[Host], homes: Path, address: str) -> None:
        self.address = address
        self._user = server_user("postgres")
        self.primary, self.replica = [
            DatabaseServer(host, self._program(host, homes / f"postgres-{number}"))
            for number, host in enumerate(hosts)
        ]

    @property
    def url(self) -> str:
        return f"postgresql://holdfast@{self.address}:{PORT}/{DATABASE}"

    @property
    def programs(self) -> list[Program]:
        return [self.primary.program, self.replica.program]

    def _program(self, host: Host, home: Path) -> Program:
        home.mkdir()
        if self._user is not None:
            shutil.chown(home, self._user)
        command = [program("postgres", "postgresql"), "-D", str(home / "data"), "-p", str(PORT)]
        command += [part for setting in SETTINGS for part in ("-c", setting)]
        return Program(home.name, host, home, command, user=self._user)

    def start(self) -> None:
        data = self.primary.data
        options = ["--username=holdfast", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8"]
        self._run(self.primary, "initdb", "-D", str(data), "--no-sync", *options)
        subnet = self.address.rpartition(".")[0] + ".0/24"
        with (data / "pg_hba.conf").open("a") as access:
            access.write(f"host all,replication holdfast {subnet} trust\n")
        self.primary.program.start()
        self._until_answers(self.primary)
        self._ask(self.primary, f"CREATE DATABASE {DATABASE}")
        self._give_address(self.primary)
        self.join_replica()

    def take_writes(self, wanted: bool) -> None:
        """Read-only, or no longer."""
        change = "RESET default_transaction_read_only"
        if not wanted:
            change = "SET default_transaction_read_only = on"
        self._ask(self.primary, f"ALTER SYSTEM {change}", "SELECT pg_reload_conf()")

    def fail_over(self) -> None:
        """The replica becomes the primary under the same address; the former is fenced."""
        former, promoted = self.primary, self.replica
        self._ask(promoted, "SELECT pg_promote()")
        # Nothing would be committed until there is a replica again.
        reset = "ALTER SYSTEM RESET synchronous_standby_names"
        self._ask(promoted, reset, "SELECT pg_reload_conf()")
        former.host.remove_address(self.address)
        self._give_address(promoted)
        former.program.kill()
        self.primary, self.replica = promoted, former

    def join_replica(self) -> None:
        """Makes the replica anew from the primary; from then on commits wait for it."""
        shutil.rmtree(self.replica.data, ignore_errors=True)
        source = f"host={self.primary.host.address} port={PORT} user=holdfast"
        copy = ["-D", str(self.replica.data), "-d", source, "-R", "-X", "stream", "-c", "fast"]
        self._run(self.replica, "pg_basebackup", *copy, "--no-sync")
        self.replica.program.start()
        wait_for(lambda: self.replicates("streaming"), "the database has a replica")
        names = "ALTER SYSTEM SET synchronous_standby_names = '*'"
        self._ask(self.primary, names, "SELECT pg_reload_conf()")
        wait_for(lambda: self.replicates("sync"), "commits wait for the replica")

    def replicates(self, state: str) -> bool:
        """Whether the primary says so of its replica: `streaming`, or that commits wait: `sync`."""
        asked = "SELECT state || ' ' || sync_state FROM pg_stat_replication"
        return state in self._ask(self.primary, asked).split()

    def _give_address(self, server: DatabaseServer) -> None:
        server.host.add_address(self.address)
        announce = [sys.executable, "-c", ANNOUNCE, self.address]
        run([*server.host.prefix, *announce])

    def _run(self, server: DatabaseServer, name: str, *arguments: str) -> None:
        """A program of PostgreSQL's own, on that host, as the user of its server."""
        path = program(name, "postgresql")
        prefix = list(server.host.prefix)
        if self._user is not None:
            prefix += [program("setpriv", "util-linux"), "--reuid", self._user]
            prefix += ["--regid", self._user, "--init-groups"]
        run([*prefix, path, *arguments])

    def _until_answers(self, server: DatabaseServer) -> None:
        def answers() -> bool:
            try:
                return bool(self._ask(server, "SELECT 1"))
            except subprocess.SubprocessError:
                return False

        wait_for(answers, "the database answers")

    def _ask(self, server: DatabaseServer, *statements: str) -> str:
        """Statements on that host, each in a transaction of its own."""
        psql = [program("psql", "postgresql-client"), "-X", "-q", "-A", "-t"]
        psql += ["-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", str(PORT), "-U", "holdfast"]
        psql += [part for statement in statements for part in ("-c", statement)]
        done = subprocess.run(
            [*server.host.prefix, *psql, "postgres"],
            check=True,
            capture_output=True,
            text=True,
            timeout=20,
            cwd="/",
        )
        return done.stdout.strip()


@contextmanager
def replicated_database(hosts: list[Host], address: str) -> Iterator[ReplicatedDatabase]:
    """Both servers, started; their programs end with their network."""
    with directory_for(server_user("postgres")) as homes:
        database = ReplicatedDatabase(hosts, homes, address)
        database.start()
        try:
            yield database
        finally:
            for server in database.programs:
                server.kill()
