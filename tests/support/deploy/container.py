"""A container without an engine: namespaces of mounts and processes around a root file system.

What runs in it is process 1, sees a root that it cannot write, a /tmp and a /dev of its own, has no
rights and can get none: what `docker run --read-only --tmpfs /tmp --cap-drop ALL --security-opt
no-new-privileges` gives. Needs root; else the test is skipped.
"""

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest
from support.network.hosts import Host
from support.service.running import children, wait_until
from support.services import directory_for, program

DEVICES: Final = ("null", "zero", "full", "random", "urandom")
# Nobody outlives who started it: unshare the test, process 1 (and its namespace with it) unshare.
DIES: Final = ["--pdeathsig", "KILL"]
NO_RIGHTS: Final = ["--no-new-privs", "--bounding-set=-all", "--inh-caps=-all", "--clear-groups"]
LINKS: Final = ("bin", "lib", "lib64", "sbin")
PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Container:
    """A root file system, what is mounted in it, and who runs there."""

    root: Path
    user: str
    """ids, as in 10001:10001"""
    read_only: Mapping[str, Path] = field(default_factory=dict)
    """place in the container -> file or directory of the host"""
    volumes: Mapping[str, Path] = field(default_factory=dict)
    """the same, to be written"""
    tmpfs: Mapping[str, str] = field(default_factory=lambda: {"/tmp": "mode=1777"})  # noqa: S108
    """place -> options"""
    network: Host | None = None
    """None: the host's"""

    def command(self, *words: str, as_root_to_write: bool = False) -> list[str]:
        """A command that runs `words` in it, as its user who cannot write the root;
        `as_root_to_write` as one who may, to install something.
        """
        if os.geteuid() != 0:
            pytest.skip("needs root to mount file systems")
        self._make_mount_points()
        steps = self._mounts(shlex.quote(str(self.root)))
        user: list[str] = []
        if not as_root_to_write:
            steps.append(f"mount -o remount,bind,ro {shlex.quote(str(self.root))}")
            uid, _, gid = self.user.partition(":")
            user = [f"--reuid={uid}", f"--regid={gid}", *NO_RIGHTS]
        setpriv, chroot = program("setpriv", "util-linux"), program("chroot", "coreutils")
        within = shlex.join([chroot, str(self.root), "/usr/bin/setpriv", *DIES, *user, "--"])
        script = "; ".join([*steps, f'exec {within} "$@"'])
        network = self.network.prefix if self.network is not None else []
        unshare = [program("unshare", "util-linux"), "--mount", "--pid", "--fork", "--ipc", "--uts"]
        return [setpriv, *DIES, *network, *unshare, "sh", "-ec", script, "-", *words]

    def _make_mount_points(self) -> None:
        for place in ("/proc", "/dev", *self.tmpfs):
            (self.root / place[1:]).mkdir(parents=True, exist_ok=True)
        for place, path in {**self.read_only, **self.volumes}.items():
            point = self.root / place[1:]
            point.parent.mkdir(parents=True, exist_ok=True)
            if path.is_dir():
                point.mkdir(exist_ok=True)
            else:
                point.touch()

    def _mounts(self, root: str) -> list[str]:
        dev = f"{root}/dev"
        bound = {**self.read_only, **self.volumes}.items()
        return [
            f"mount --bind {root} {root}",
            f"mount -t proc proc {root}/proc",
            f"mount -t tmpfs -o mode=755 dev {dev}",
            f"mkdir {dev}/shm",
            f"ln -s /proc/self/fd {dev}/fd; ln -s fd/1 {dev}/stdout; ln -s fd/2 {dev}/stderr",
            f"mount -t tmpfs -o mode=1777,size=64m shm {dev}/shm",
            *(f"touch {dev}/{one}; mount --bind /dev/{one} {dev}/{one}" for one in DEVICES),
            *(f"mount -t tmpfs -o {how} tmp {root}{place}" for place, how in self.tmpfs.items()),
            *(f"mount --bind {shlex.quote(str(path))} {root}{place}" for place, path in bound),
            *(f"mount -o remount,bind,ro {root}{place}" for place in self.read_only),
        ]


@contextmanager
def bare_root() -> Iterator[tuple[Path, dict[str, Path]]]:
    """A root file system that is empty but for this machine's programs and this interpreter: the
    directory, and what has to be seen in it.
    """
    with directory_for(None) as root:
        root.chmod(0o755)
        seen = {str(path): path for path in (Path("/usr"), Path(sys.base_prefix))}
        for path in (Path("/", name) for name in LINKS):
            if path.is_symlink():
                (root / path.name).symlink_to(path.readlink())
            elif path.exists():
                seen[str(path)] = path
        yield root, seen


def process_one(outside: "subprocess.Popen[bytes]") -> int:
    """The id, as the host knows it, of the container's process 1."""
    return wait_until(lambda: children(outside.pid))[0]
