"""Divides the roles of a node among groups of worker processes, each with a listener of its own.

A group has a listening socket and workers that no other group has, so what is asked of one group
never waits behind the requests of another. Roles with the same listener are one group; roles
without one share the main listener, which exists only while there are such roles. Everything raises
ValueError with a text that begins with the setting to change.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_address
from itertools import combinations
from typing import Final

from holdfast_web.roles.service_roles import ALL_ROLES, ServiceRole

MAX_WORKERS: Final = 128
"""of all groups of a node"""
MAIN: Final = "main"
UNIX: Final = "unix:"
MAX_PATH_BYTES: Final = 107
MAX_PORT: Final = 65535
_BY_DISTANCE: Final = tuple(reversed(ALL_ROLES))


@dataclass(frozen=True)
class ListenAddress:
    """Where a listener is: host and port, or the path of a unix socket."""

    host: str = ""
    port: int = 0
    """0: any free port, so never the same as another"""
    path: str = ""

    def __str__(self) -> str:
        if self.path:
            return UNIX + self.path
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def clashes(self, other: "ListenAddress") -> bool:
        """Whether the two addresses cannot be listened on at once."""
        if self.path or other.path:
            return self.path == other.path
        same_host = self.host == other.host or _is_any(self.host) or _is_any(other.host)
        return self.port == other.port != 0 and same_host


@dataclass(frozen=True)
class WorkerGroup:
    """The worker processes that serve `roles` at `address`."""

    name: str
    """`main`, or its roles joined by `+`; does not change while the service runs"""
    roles: tuple[ServiceRole, ...]
    address: ListenAddress
    workers: int
    leads: bool = False
    """whether its workers do the node's housekeeping: those that are farthest from the crowd"""


@dataclass(frozen=True)
class OwnListener:
    """The settings `listen_<role>` and `workers_<role>`."""

    listen: str | None = None
    workers: int | None = None


def _is_any(host: str) -> bool:
    """Whether it stands for every address of the machine."""
    try:
        return ip_address(host).is_unspecified
    except ValueError:
        return False


def parse_roles(names: Sequence[str]) -> tuple[ServiceRole, ...]:
    """The named roles in their fixed order; `sales-floor` is taken as `sales_floor`."""
    known = ", ".join(ALL_ROLES)
    wanted = {name.replace("-", "_") for name in names}
    if not wanted:
        raise ValueError(f"roles: name at least one of {known}")
    if unknown := sorted(wanted - set(ALL_ROLES)):
        raise ValueError(f"roles: {unknown[0]!r} is no role; there are {known}")
    return tuple(role for role in ALL_ROLES if role in wanted)


def parse_address(text: str) -> ListenAddress:
    """Reads `HOST:PORT`, `[IPV6]:PORT` or `unix:/path`."""
    if text.startswith(UNIX):
        path = text.removeprefix(UNIX)
        if not path.startswith("/") or len(path.encode()) > MAX_PATH_BYTES:
            raise ValueError(f"a unix socket has an absolute path of <= {MAX_PATH_BYTES} bytes")
        return ListenAddress(path=path)
    host, _, port = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise ValueError("an IPv6 address is written in brackets, as in [::1]:8081")
    if not host or not port.isdecimal() or not port.isascii() or int(port) > MAX_PORT:
        raise ValueError("write HOST:PORT, as in 127.0.0.1:8081, or unix:/path")
    return ListenAddress(host, int(port))


def divide(
    roles: Sequence[ServiceRole],
    main: ListenAddress,
    main_workers: int,
    own: Mapping[ServiceRole, OwnListener],
) -> tuple[WorkerGroup, ...]:
    """The groups of a node with these roles, the main one first."""
    _check_own(roles, own)
    sharing = tuple(role for role in roles if own[role].listen is None)
    groups = [WorkerGroup(MAIN, sharing, main, main_workers)] if sharing else []
    listeners: dict[object, list[ServiceRole]] = {}
    for role in roles:
        if own[role].listen is not None:
            address = _own_address(role, own)
            is_any_port = not address.path and not address.port
            listeners.setdefault(role if is_any_port else address, []).append(role)
    for members in listeners.values():
        address, workers = _own_address(members[0], own), _own_workers(members, own)
        groups.append(WorkerGroup("+".join(members), tuple(members), address, workers))
    _check_groups(groups)
    leader = min(groups, key=lambda group: max(map(_BY_DISTANCE.index, group.roles)))
    return tuple(replace(group, leads=group is leader) for group in groups)


def _own_address(role: ServiceRole, own: Mapping[ServiceRole, OwnListener]) -> ListenAddress:
    try:
        return parse_address(own[role].listen or "")
    except ValueError as error:
        raise ValueError(f"listen_{role}: {error}") from error


def _own_workers(members: Sequence[ServiceRole], own: Mapping[ServiceRole, OwnListener]) -> int:
    counts = {own[role].workers: role for role in members if own[role].workers is not None}
    if len(counts) > 1:
        names = " and ".join(f"workers_{role}" for role in counts.values())
        raise ValueError(f"{names}: these roles have one listener, so they share their workers")
    return next(iter(counts), None) or 1


def _check_own(roles: Sequence[ServiceRole], own: Mapping[ServiceRole, OwnListener]) -> None:
    for role, settings in own.items():
        if settings.listen is not None and role not in roles:
            raise ValueError(
                f"listen_{role}: this node does not serve {role}; see the setting roles"
            )
        if settings.workers is not None and settings.listen is None:
            raise ValueError(f"workers_{role}: only with listen_{role}, which is not set")


def _check_groups(groups: Sequence[WorkerGroup]) -> None:
    for one, other in combinations(groups, 2):
        if one.address.clashes(other.address):
            raise ValueError(
                f"listen_{other.roles[0]}: {other.address} is taken by the listener of {one.name}"
            )
    if sum(group.workers for group in groups) > MAX_WORKERS:
        raise ValueError(f"workers: a node has at most {MAX_WORKERS} worker processes")
