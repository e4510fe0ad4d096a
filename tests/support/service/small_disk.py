"""Disks of a few hundred KiB for a service of the test's own, and their filling up.

A process starts in a mount namespace of its own where they are mounted; the test sees them through
/proc. Needs root, or a kernel that lets everybody have such namespaces; else the test is skipped
and says why.
"""

import errno
import os
import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from support.services import program

CHUNK = 64 * 1024


def wrapper_with_disks(sizes: Mapping[Path, str]) -> list[str]:
    """A command that becomes the command behind it, with a disk of each size at each place."""
    unshare = [program("unshare", "util-linux"), "--mount"]
    if os.geteuid() != 0:
        unshare += ["--user", "--map-root-user"]
    mounts = [
        f"mount -t tmpfs -o size={size},mode=1777 small {shlex.quote(str(place))}"
        for place, size in sizes.items()
    ]
    tried = subprocess.run(
        [*unshare, "sh", "-ec", "; ".join(mounts)], capture_output=True, check=False
    )
    if tried.returncode != 0:
        pytest.skip(f"no disk can be mounted here: {tried.stderr.decode().strip()}")
    return [*unshare, "sh", "-ec", "; ".join([*mounts, 'exec "$@"']), "sh"]


def seen_by(pid: int, path: Path) -> Path:
    """The path as that process sees it."""
    return Path(f"/proc/{pid}/root{path}")


def fill(directory: Path) -> Path:
    """A file that takes all the room that is left."""
    ballast = directory / "ballast"
    with ballast.open("wb", buffering=0) as file:
        size = CHUNK
        while size:
            try:
                file.write(b"\0" * size)
            except OSError as fault:
                if fault.errno != errno.ENOSPC:
                    raise
                size //= 2
    return ballast
