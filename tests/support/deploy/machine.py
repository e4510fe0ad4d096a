"""A machine that systemd runs: the real one as process 1 of its own namespaces, with our units.

It has an address, a root file system of its own, the units of deploy/systemd as they are, and for
the rest as few as can be. Needs root and a cgroup of version 2; else the test is skipped.
"""

import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import pytest
from support.deploy.container import DIES, PATH, bare_root
from support.deploy.dockerfile import ROOT
from support.network.hosts import Host
from support.service.running import STOP_SECONDS, children, wait_until
from support.services import program

UNITS: Final = ROOT / "deploy" / "systemd"
SYSTEMD: Final = Path("/lib/systemd/systemd")
OF_SYSTEMD: Final = Path("/usr/lib/systemd/system")
START_SECONDS: Final = 60.0
# What units are ordered by and depend on without saying so.
TARGETS: Final = ("sysinit", "basic", "sockets", "shutdown", "network", "network-online")
# Python may lie in a home directory here, which the unit hides: what is shown of it is only that.
DROP_IN: Final = """\
[Service]
ProtectHome=tmpfs
BindReadOnlyPaths={shown}
StandardOutput=append:/var/log/holdfast.log
StandardError=append:/var/log/holdfast.log
"""


@dataclass(frozen=True)
class Machine:
    """A machine that runs."""

    root: Path
    network: Host
    process: subprocess.Popen[bytes]

    @property
    def log(self) -> str:
        with suppress(OSError):
            return (self.root / "var" / "log" / "holdfast.log").read_text()
        return ""

    def run(self, *words: str) -> str:
        """A command on the machine, as root; what it prints."""
        (first,) = children(self.process.pid)
        entered = ["nsenter", "--target", str(first), "--mount", "--root", "--wd", "--pid", "--ipc"]
        command = [*self.network.prefix, *entered]
        done = subprocess.run(
            [*command, "env", "-i", f"PATH=/opt/holdfast/bin:{PATH}", *words],
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
            check=False,
        )
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}{self.log}"
        return done.stdout.strip()

    def property_of(self, unit: str, name: str) -> str:
        return self.run("systemctl", "show", "--value", f"--property={name}", unit)

    def run_script(self, script: str) -> str:
        """Commands of a page, as root in the checkout."""
        return self.run("sh", "-ec", f"cd {shlex.quote(str(ROOT))}\n{script}")

    def await_booted(self) -> None:
        def booted() -> bool:
            with suppress(AssertionError):
                return bool(children(self.process.pid)) and bool(self.run("systemctl", "show"))
            return False

        wait_until(booted, START_SECONDS)

    def is_healthy(self) -> bool:
        """Whether each listener of the node is ready."""
        with suppress(AssertionError):
            self.run("holdfast", "ready", "--config", "/etc/holdfast/holdfast.toml")
            return True
        return False

    def await_healthy(self) -> None:
        def healthy() -> bool:
            state = self.property_of("holdfast.service", "ActiveState")
            assert state != "failed", self.log
            return state == "active" and self.is_healthy()

        wait_until(healthy, START_SECONDS)


@contextmanager
def machine(network: Host, names: Mapping[str, Host]) -> Iterator[Machine]:
    """A machine at `network` that has booted; it has our command and this checkout, and knows the
    others by their names.
    """
    if os.geteuid() != 0:
        pytest.skip("needs root to run systemd")
    program(str(SYSTEMD), "systemd")
    with bare_root() as (root, seen), _cgroup(network.name) as cgroup:
        _write_etc(root, names)
        _write_units(root)
        _write_command(root)
        seen[str(ROOT)] = ROOT
        process = subprocess.Popen(
            _command(root, seen, cgroup, network),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            made = Machine(root, network, process)
            made.await_booted()
            yield made
        finally:
            for pid in children(process.pid):
                os.kill(pid, signal.SIGKILL)
            process.kill()
            process.wait(STOP_SECONDS)


def _command(root: Path, seen: Mapping[str, Path], cgroup: Path, network: Host) -> list[str]:
    at = shlex.quote(str(root))
    for place in ("proc", "sys", "dev", "run", "tmp", *(one[1:] for one in seen)):
        (root / place).mkdir(parents=True, exist_ok=True)
    steps = [
        f"mount --bind {at} {at}",
        f"mount -t proc proc {at}/proc",
        f"mount -t sysfs -o ro sysfs {at}/sys",
        f"mount -t cgroup2 cgroup2 {at}/sys/fs/cgroup",
        f"mount -t tmpfs -o mode=755 run {at}/run",
        f"mount -t tmpfs -o mode=755 dev {at}/dev",
        *(
            f"touch {at}/dev/{one}; mount --bind /dev/{one} {at}/dev/{one}"
            for one in ("null", "zero", "full", "random", "urandom", "tty")
        ),
        f"mkdir {at}/dev/pts; mount -t devpts -o newinstance,ptmxmode=0666 devpts {at}/dev/pts",
        f"ln -s pts/ptmx {at}/dev/ptmx; mkdir {at}/dev/mqueue",
        f"mkdir {at}/dev/shm; mount -t tmpfs -o mode=1777 shm {at}/dev/shm",  # noqa: S108 - its own
        f"ln -s /proc/self/fd {at}/dev/fd",
        *(f"mount --rbind {shlex.quote(str(path))} {at}{place}" for place, path in seen.items()),
        *(f"mount -o remount,bind,ro {at}{place}" for place in seen),
        f"mount --bind {at}/units {at}{OF_SYSTEMD}",
        # Not chroot: from there nobody can make a user namespace, as PrivateUsers= does.
        f"cd {at}; mkdir old; pivot_root . old; umount -l old; rmdir old",
        "mount --make-rshared /",  # as on a machine that has booted; credentials are mounted so
        f"exec env -i container=test PATH={PATH} {SYSTEMD} --system --unit=boot.target",
    ]
    setpriv, unshare = program("setpriv", "util-linux"), program("unshare", "util-linux")
    namespaces = ["--mount", "--pid", "--fork", "--cgroup", "--ipc", "--uts"]
    into_cgroup = f'echo $$ > {shlex.quote(str(cgroup))}/cgroup.procs; exec "$@"'
    inner = [unshare, *namespaces, setpriv, *DIES, "sh", "-ec", "; ".join(steps)]
    return [setpriv, *DIES, "sh", "-ec", into_cgroup, "-", *network.prefix, *inner]


@contextmanager
def _cgroup(name: str) -> Iterator[Path]:
    """A cgroup of its own; systemd manages what is below it."""
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    found = [Path(words[1]) for words in mounts if words[2] == "cgroup2"]
    if not found:
        pytest.skip("no cgroup of version 2 is mounted")
    cgroup = found[0] / name
    try:
        cgroup.mkdir()
    except OSError as error:
        pytest.skip(f"no cgroup can be made here: {error.strerror}")
    try:
        yield cgroup
    finally:
        for path in sorted([cgroup, *cgroup.rglob("*")], reverse=True):
            if path.is_dir():
                wait_until(partial(_removed, path))


def _removed(path: Path) -> bool:
    """Processes that have just been killed may still be in it."""
    with suppress(OSError):
        path.rmdir()
    return not path.exists()


def _write_etc(root: Path, names: Mapping[str, Host]) -> None:
    etc = root / "etc"
    etc.mkdir()
    (root / "var" / "lib").mkdir(parents=True)
    for place in ("var/log", "var/tmp", "home", "root", "run"):
        (root / place).mkdir(exist_ok=True)
    (etc / "machine-id").write_text(f"{os.getpid():032x}\n")
    (etc / "nsswitch.conf").write_text("passwd: files\ngroup: files\nhosts: files\n")
    (etc / "passwd").write_text("root:x:0:0::/root:/bin/sh\n")
    (etc / "group").write_text("root:x:0:\n")
    known = {"localhost": "127.0.0.1", **{name: host.address for name, host in names.items()}}
    (etc / "hosts").write_text("".join(f"{at} {name}\n" for name, at in known.items()))


def _write_units(root: Path) -> None:
    (root / "units").mkdir()
    for name in TARGETS:
        shutil.copy(OF_SYSTEMD / f"{name}.target", root / "units")
    own = root / "etc" / "systemd" / "system"
    (own / "holdfast.service.d").mkdir(parents=True)
    shown = f"{sys.base_prefix} {ROOT}"
    (own / "holdfast.service.d" / "test.conf").write_text(DROP_IN.format(shown=shown))
    (own / "boot.target").write_text("[Unit]\n")


def _write_command(root: Path) -> None:
    command = root / "opt" / "holdfast" / "bin" / "holdfast"
    command.parent.mkdir(parents=True)
    command.write_text(f'#!/bin/sh\nexec {ROOT}/.venv/bin/holdfast "$@"\n')
    command.chmod(0o755)
