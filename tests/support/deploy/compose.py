"""The services of compose.yaml without an engine: each in a container with an address of its own,
with the commands, users, variables, secrets, files and health checks that stand there.

What an image brings beyond its program is little, and written down below as IMAGES.
"""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

from support.deploy.container import PATH, Container, bare_root, process_one
from support.deploy.dockerfile import (
    ROOT,
    image_command,
    image_entrypoint,
    image_environment,
    of_dockerfile,
)
from support.network.hosts import Host, hosts
from support.service.running import STOP_SECONDS, wait_until
from support.services import directory_for, program

from holdfast_lua.embedded.files import find_binary

FILE: Final = ROOT / "compose.yaml"
MAKE_SECRETS: Final = ROOT / "deploy" / "compose" / "make-secrets.sh"
NETWORK: Final = "10.219.78"
HEALTHY_SECONDS: Final = 120.0
PROGRAMS: Final = "/programs"
POSTGRES: Final = """\
set -eu
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    initdb -D "$PGDATA" --username="$POSTGRES_USER" --pwfile="$POSTGRES_PASSWORD_FILE" --no-sync \
        --auth-host=scram-sha-256 --auth-local=trust --encoding=UTF8 --locale=C.UTF-8 >/dev/null
    echo "host all all all scram-sha-256" >> "$PGDATA/pg_hba.conf"
    echo "CREATE DATABASE $POSTGRES_DB" | postgres --single -D "$PGDATA" postgres >/dev/null
fi
exec "$@" -c listen_addresses='*' -c unix_socket_directories=/var/run/postgresql
"""

Service = dict[str, Any]


@dataclass(frozen=True)
class Image:
    """What an image has that its lines in compose.yaml do not say."""

    entrypoint: Sequence[str] = ()
    command: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    user: str = ""


IMAGES: Final = {
    "holdfast": Image(
        image_entrypoint(),
        image_command()[len(image_entrypoint()) :],
        image_environment(),
        of_dockerfile(r"^USER (\d+:\d+)$"),
    ),
    "nginxinc/nginx-unprivileged": Image(),
    "postgres": Image(["sh", "-c", POSTGRES, "postgres"], ["postgres"]),
    "prom/prometheus": Image(["prometheus"]),
    "valkey/valkey": Image(),
}
NOT_STARTED: Final = frozenset({"grafana/grafana"})
"""No package registry has it."""


def read_compose() -> dict[str, Any]:
    """The file as an engine reads it; ValueError where it is not by the specification."""
    # Its models take a second to import, which every process that collects tests would spend.
    from compose_spec import PyOptions

    made = PyOptions(apply_merge=True).from_yaml(FILE.read_text())
    made.validate()
    return made.to_dict()


def services_of(profile: str) -> dict[str, Service]:
    """By name, each after those that it depends on."""
    wanted = {
        name: service
        for name, service in read_compose()["services"].items()
        if profile in service["profiles"]
    }
    ordered: dict[str, Service] = {}
    while waiting := [name for name in wanted if name not in ordered]:
        free = [name for name in waiting if set(wanted[name].get("depends_on", ())) <= set(ordered)]
        assert free, f"{waiting} wait for each other or for what is not in the profile {profile}"
        ordered.update({name: wanted[name] for name in free})
    return ordered


@dataclass
class Started:
    """A service that runs."""

    service: Service
    container: Container
    environment: dict[str, str]
    process: subprocess.Popen[bytes]
    log: Path

    def is_healthy(self) -> bool:
        """Runs its health check beside it, as an engine does."""
        test = self.service["healthcheck"]["test"]
        words = ["sh", "-c", test.replace("$$", "$")] if isinstance(test, str) else test[1:]
        done = subprocess.run(
            self.container.command(*words), env=self.environment, capture_output=True, check=False
        )
        return done.returncode == 0

    def await_healthy(self) -> None:
        def healthy() -> bool:
            assert self.process.poll() is None, self.log.read_text()
            return self.is_healthy()

        wait_until(healthy, HEALTHY_SECONDS)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(STOP_SECONDS)

    def stop(self) -> int:
        """The exit status after the signal that an engine would send."""
        number = signal.Signals[self.service.get("stop_signal", "SIGTERM")]
        os.kill(process_one(self.process), number)
        return self.process.wait(STOP_SECONDS)


class Node(Protocol):
    """What stands in for a service."""

    def await_healthy(self) -> None:
        """Returns once it serves."""


StandIn = Callable[[Host, Mapping[str, Host]], AbstractContextManager[Node]]


@dataclass
class Deployment:
    """The running services of a profile."""

    started: dict[str, Started]
    stand_ins: dict[str, Node]
    addresses: Mapping[str, Host]
    secrets: Path

    def address(self, name: str) -> str:
        return self.addresses[name].address

    def secret(self, name: str) -> str:
        return (self.secrets / name).read_text().strip()


@contextmanager
def deployment(
    profile: str,
    secrets: Path,
    *,
    network: str = NETWORK,
    stand_ins: Mapping[str, StandIn] | None = None,
) -> Iterator[Deployment]:
    """Everything of a profile that can run here, each service once those before it are healthy.

    Instead of a service that `stand_ins` names, what that makes runs under its name and address.
    """
    image_of = {name: one["image"].partition(":")[0] for name, one in services_of(profile).items()}
    services = {
        name: service
        for name, service in services_of(profile).items()
        if image_of[name] not in NOT_STARTED
    }
    with ExitStack() as stack:
        addressed = stack.enter_context(hosts(len(services), prefix=network))
        addresses = dict(zip(services, addressed, strict=True))
        home = stack.enter_context(directory_for(None))
        home.chmod(0o755)
        running = Deployment({}, {}, addresses, secrets)
        for name, service in services.items():
            for other in service.get("depends_on", ()):
                nodes = running.stand_ins if other in running.stand_ins else running.started
                nodes[other].await_healthy()
            if stand_ins and name in stand_ins:
                made = stand_ins[name](addresses[name], addresses)
                running.stand_ins[name] = stack.enter_context(made)
            else:
                runner = _Runner(name, service, IMAGES[image_of[name]], home, secrets)
                running.started[name] = stack.enter_context(runner.run(addresses))
        for one in running.started.values():
            one.await_healthy()
        yield running


@dataclass(frozen=True)
class _Runner:
    name: str
    service: Service
    image: Image
    home: Path
    secrets: Path

    @contextmanager
    def run(self, addresses: Mapping[str, Host]) -> Iterator[Started]:
        environment = {**self.image.environment, **self.service.get("environment", {})}
        path = environment.get("PATH", PATH)
        environment["PATH"] = ":".join([PROGRAMS, path, *_directories_of_postgres()])
        entrypoint = self.service.get("entrypoint", self.image.entrypoint)
        words = [*entrypoint, *self.service.get("command", self.image.command)]
        log = self.home / f"{self.name}.log"
        with bare_root() as (root, seen), log.open("ab") as output:
            log.chmod(0o666)  # its user opens /dev/stdout
            container = self._container(root, seen, addresses)
            process = subprocess.Popen(
                container.command(*words), env=environment, stdout=output, stderr=output
            )
            try:
                yield Started(self.service, container, environment, process, log)
            finally:
                process.kill()
                process.wait(STOP_SECONDS)

    def _container(
        self, root: Path, seen: Mapping[str, Path], addresses: Mapping[str, Host]
    ) -> Container:
        user = self.service.get("user", self.image.user)
        self._write_etc(root / "etc", user, addresses)
        read_only = {**seen, str(ROOT): ROOT, PROGRAMS: self._programs()}
        for name in self.service.get("secrets", ()):
            read_only[f"/run/secrets/{name}"] = self.secrets / name
        volumes = {}
        for line in self.service.get("volumes", ()):
            source, place = line.split(":")[:2]
            if source.startswith("."):
                assert line.endswith(":ro"), line
                read_only[place] = ROOT / source
            else:
                volumes[place] = self._volume(source, user)
        tmpfs = dict(line.split(":") for line in self.service.get("tmpfs", ()))
        return Container(root, user, read_only, volumes, tmpfs, addresses[self.name])

    def _volume(self, name: str, user: str) -> Path:
        directory = self.home / f"volume-{name}"
        directory.mkdir(mode=0o700, exist_ok=True)
        os.chown(directory, *map(int, user.split(":")))
        return directory

    def _programs(self) -> Path:
        """What images call otherwise, or have in another place, than this machine."""
        directory = self.home / "programs"
        if not directory.exists():
            directory.mkdir()
            (directory / "holdfast").symlink_to(ROOT / ".venv" / "bin" / "holdfast")
            (directory / "valkey-server").symlink_to(find_binary())
            (directory / "valkey-cli").symlink_to(program("redis-cli", "redis-tools"))
        return directory

    @staticmethod
    def _write_etc(etc: Path, user: str, addresses: Mapping[str, Host]) -> None:
        etc.mkdir()
        known = {"localhost": "127.0.0.1", **{n: host.address for n, host in addresses.items()}}
        (etc / "hosts").write_text("".join(f"{at} {name}\n" for name, at in known.items()))
        (etc / "passwd").write_text(f"service:x:{user}::/tmp:/bin/sh\n")


def _directories_of_postgres() -> list[str]:
    return sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin")), reverse=True)
