"""A disk that can be filled without harm to other processes.

`SmallDisk` is a tmpfs of a few MiB in a mount namespace of this process and its children: root may
make one, and others where the kernel grants user namespaces. No other process sees it, and it is
gone with the last of ours, even when that is killed. Where neither is allowed, and where the data
directory was given by who runs the demo, `no_more_writes` puts a quota on the service's processes
instead: the kernel refuses every byte that they write to a file (RLIMIT_FSIZE), as a full disk
refuses it.
"""

import ctypes
import errno
import os
import resource
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Self

CLONE_NEWNS: Final = 0x0002_0000
CLONE_NEWUSER: Final = 0x1000_0000
MS_NOSUID: Final = 2
MS_NODEV: Final = 4
MS_REC: Final = 0x4000
MS_PRIVATE: Final = 1 << 18
MNT_DETACH: Final = 2
MIB: Final = 1024 * 1024
BALLAST: Final = "ballast"


class SmallDisk:
    """A tmpfs mounted at `path`, an empty directory."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._ballast = path / BALLAST

    @classmethod
    def mount(cls, path: Path, mib: int) -> Self | None:
        """Mounts a disk, before this process has threads; None where it is not allowed."""
        libc = ctypes.CDLL(None, use_errno=True)
        if not hasattr(libc, "unshare") or not _unshare(libc):
            return None
        if libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None) != 0:
            return None
        options = f"size={mib}m,mode=700".encode()
        flags = MS_NOSUID | MS_NODEV
        if libc.mount(b"tmpfs", os.fsencode(path), b"tmpfs", flags, options) != 0:
            return None
        return cls(path)

    def unmount(self) -> None:
        ctypes.CDLL(None, use_errno=True).umount2(os.fsencode(self.path), MNT_DETACH)

    def fill(self) -> int:
        """Writes until nothing more goes in; answers the bytes that it took."""
        written = 0
        block = bytes(MIB)
        with self._ballast.open("ab", buffering=0) as file:
            while block:
                try:
                    written += file.write(block)
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
                    block = block[: len(block) // 2]
        return written

    def relieve(self) -> None:
        """Deletes the file that fills the disk."""
        self._ballast.unlink(missing_ok=True)


@contextmanager
def no_more_writes(pids: Iterable[int], lifted: Iterator[int]) -> Iterator[None]:
    """Refuses the processes every write to a file; afterwards allows it to all in `lifted`.

    `lifted` is asked at the end, since a process that was started meanwhile has inherited it.
    """
    try:
        for pid in pids:
            _limit_files(pid, 0)
        yield
    finally:
        for pid in lifted:
            _limit_files(pid, None)


def _limit_files(pid: int, size: int | None) -> None:
    with suppress(ProcessLookupError):
        _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard if size is None else size, hard))


def _unshare(libc: ctypes.CDLL) -> bool:
    """A mount namespace of our own; who is not root needs a user namespace for it."""
    uid, gid = os.getuid(), os.getgid()
    if libc.unshare(CLONE_NEWNS) == 0:
        return True
    if libc.unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0:
        return False
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{uid} {uid} 1"),
        ("gid_map", f"{gid} {gid} 1"),
    ):
        Path(f"/proc/self/{name}").write_text(text)
    return True
