"""Where programs on this machine reach each role of a service, and the files that say so.

A running service writes the origin of each role into the data directory, so that commands find it
at any port. The files go when the service stops; those that a killed service leaves are replaced by
the next one.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

from holdfast.worker_groups import ListenAddress, WorkerGroup
from holdfast_web.roles.service_roles import ALL_ROLES

ORIGIN_FILE: Final = "{role}.url"
# An address that means all of them is asked on this machine.
LOCAL: Final = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104


def local_origin(address: ListenAddress) -> str:
    """The origin by which a program on this machine reaches a listener that is no unix socket."""
    return f"http://{replace(address, host=LOCAL.get(address.host, address.host))}"


def local_origins(groups: Iterable[WorkerGroup]) -> Mapping[str, str]:
    """The origin of each role that is served, but for those with a unix socket only."""
    return {
        role: local_origin(group.address)
        for group in groups
        for role in group.roles
        if not group.address.path
    }


@contextmanager
def origin_files(data_dir: Path, origins: Mapping[str, str]) -> Iterator[None]:
    """A file for each role in the data directory, as long as the block lasts. A full disk is no
    error: commands are told the address then.
    """
    _remove(data_dir)
    with suppress(OSError):
        for role, origin in origins.items():
            (data_dir / ORIGIN_FILE.format(role=role)).write_text(f"{origin}\n")
    try:
        yield
    finally:
        _remove(data_dir)


def _remove(data_dir: Path) -> None:
    for role in ALL_ROLES:
        with suppress(OSError):
            (data_dir / ORIGIN_FILE.format(role=role)).unlink(missing_ok=True)
