"""The listening sockets of the groups, which the parent binds and their workers inherit.

The parent only binds; the event loops of the workers make a socket listen. A unix socket belongs to
the service's user and group (mode 0660). Its file is removed at the end, and at the start when
nobody listens on it any more.

Where the service manager has bound a socket already (inherited_sockets), that one is used.
"""

import os
import socket
import stat
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from holdfast.config import Config
from holdfast.processes.inherited_sockets import ADMIN, take_inherited
from holdfast.processes.intake import end_intake
from holdfast.processes.launch_error import LaunchError
from holdfast.worker_groups import MAIN, ListenAddress, WorkerGroup

UNIX_MODE: Final = 0o660


@dataclass(frozen=True)
class Sockets:
    """The listening socket of each group by its name, and that of the admin port."""

    groups: Mapping[str, socket.socket]
    admin: socket.socket | None = None
    own: tuple[socket.socket, ...] = ()
    """those that the service manager has not bound, and that end with the service"""

    def end_intake(self) -> None:
        """In the parent: lets no new connection wait for workers that are about to stop."""
        for sock in self.own:
            end_intake(sock)

    def keep_those_of(self, group: WorkerGroup) -> "Sockets":
        """In a worker: closes what its group does not listen on; the admin port is the leader's."""
        for name, sock in self.groups.items():
            if name != group.name:
                sock.close()
        if self.admin is not None and not group.leads:
            self.admin.close()
        return Sockets({group.name: self.groups[group.name]}, self.admin if group.leads else None)

    def bound(self, config: Config) -> Config:
        """The settings with the ports that were bound in place of 0."""
        found: dict[str, Any] = {}
        for group in config.groups():
            if group.address.path:
                continue
            port = self.groups[group.name].getsockname()[1]
            if group.name == MAIN:
                found["port"] = port
            else:
                address = str(replace(group.address, port=port))
                found.update({f"listen_{role}": address for role in group.roles})
        return replace(config, **found)


@contextmanager
def open_sockets(config: Config) -> Iterator[Sockets]:
    """The sockets of the block; LaunchError when one cannot be had."""
    with ExitStack() as stack:
        wanted = {group.name: group.address for group in config.groups()}
        if config.admin_port:
            wanted[ADMIN] = ListenAddress(config.host, config.admin_port)
        inherited = take_inherited(config)
        sockets = {
            name: stack.enter_context(inherited[name] if name in inherited else _listener(address))
            for name, address in wanted.items()
        }
        own = tuple(sock for name, sock in sockets.items() if name not in inherited)
        admin = sockets.pop(ADMIN, None)
        yield Sockets(sockets, admin, own)


@contextmanager
def _listener(address: ListenAddress) -> Iterator[socket.socket]:
    try:
        sock = _bind(address)
    except OSError as error:
        raise LaunchError(f"cannot listen on {address}: {error.strerror or error}") from error
    with sock:
        try:
            yield sock
        finally:
            if address.path:
                with suppress(OSError):
                    os.unlink(address.path)


def _bind(address: ListenAddress) -> socket.socket:
    family = socket.AF_UNIX
    where: Any = address.path
    if address.path:
        _remove_stale(Path(address.path))
    else:
        found = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        family, where = found[0][0], found[0][4]
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        if not address.path:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(where)
        if address.path:
            os.chmod(address.path, UNIX_MODE)
        sock.setblocking(False)
    except OSError:
        sock.close()
        raise
    return sock


def _remove_stale(path: Path) -> None:
    """Removes the file of a socket that nobody listens on; a process that was killed leaves one."""
    if not path.exists() or not stat.S_ISSOCK(path.stat().st_mode):
        return  # binding says what is wrong
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
