"""Takes over sockets that systemd has bound (socket activation).

systemd tells of them by three variables: how many there are (`LISTEN_FDS`, from handle 3 on), for
which process (`LISTEN_PID`) and their names (`LISTEN_FDNAMES`, from `FileDescriptorName=`). A name
is `main`, `admin` or a role. A socket that does not fit the settings ends the start.

https://www.freedesktop.org/software/systemd/man/latest/sd_listen_fds.html
"""

import os
import socket
from typing import Final

from holdfast.config import Config
from holdfast.processes.launch_error import LaunchError
from holdfast.worker_groups import MAIN, ListenAddress
from holdfast_web.roles.service_roles import ALL_ROLES

ADMIN: Final = "admin"
NAMES: Final = (MAIN, *ALL_ROLES, ADMIN)
FIRST_HANDLE: Final = 3
VARIABLES: Final = ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")


def take_inherited(config: Config) -> dict[str, socket.socket]:
    """The inherited sockets, by the name of the group that they are for or `admin`. The variables
    are removed, so that no other program takes them as its own.
    """
    pid, count, names = (os.environ.pop(variable, "") for variable in VARIABLES)
    if pid != str(os.getpid()) or not count.isdecimal():
        return {}
    named = _names(names, int(count))
    taken: dict[str, socket.socket] = {}
    for handle, name in enumerate(named, FIRST_HANDLE):
        group, address = _listener_named(config, name)
        if group in taken:
            raise LaunchError(
                f"the inherited socket {name!r}: its listener has another one already"
            )
        taken[group] = _socket_at(handle, name, address)
    return taken


def _names(text: str, count: int) -> list[str]:
    names = text.split(":") if text else []
    if not names and count == 1:
        return [MAIN]
    if len(names) != count or not set(names) <= set(NAMES):
        raise LaunchError(
            f"inherited sockets ({count}) are named {text!r}: each needs one of the names "
            f"{', '.join(NAMES)}, in systemd by FileDescriptorName="
        )
    return names


def _listener_named(config: Config, name: str) -> tuple[str, ListenAddress]:
    """The listener that the settings have for this name, as name of its group and address."""
    if name == ADMIN and config.admin_port:
        return ADMIN, ListenAddress(config.host, config.admin_port)
    for group in config.groups():
        if name == group.name or (name in group.roles and group.name != MAIN):
            return group.name, group.address
    missing = {
        MAIN: "every role that this node serves has a listener of its own",
        ADMIN: "admin_port is not set",
    }
    reason = missing.get(name, f"listen_{name} is not set")
    raise LaunchError(f"nothing is served on the inherited socket {name!r}: {reason}")


def _socket_at(handle: int, name: str, address: ListenAddress) -> socket.socket:
    try:
        os.set_inheritable(handle, False)
        sock = socket.socket(fileno=handle)
        listens = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    except OSError as error:
        raise LaunchError(
            f"the inherited socket {name!r} is no socket: {error.strerror}"
        ) from error
    if sock.type != socket.SOCK_STREAM or not listens:
        raise LaunchError(f"the inherited socket {name!r} does not listen for connections")
    bound = _address_of(sock)
    if (bound.path, bound.port) != (address.path, address.port or bound.port):
        raise LaunchError(
            f"the inherited socket {name!r} listens on {bound}, the settings say {address}"
        )
    sock.setblocking(False)
    return sock


def _address_of(sock: socket.socket) -> ListenAddress:
    name = sock.getsockname()
    if sock.family == socket.AF_UNIX:
        return ListenAddress(path=name if isinstance(name, str) else name.decode())
    return ListenAddress(name[0], name[1])
