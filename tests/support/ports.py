"""Free TCP ports of 127.0.0.1 for servers that tests start.

A port is chosen before the server that shall have it runs, so another program may take it in
between. Asking the kernel for any free port makes that likely when test processes run side by side:
it gives them, and every outgoing connection, ports of one and the same range (on Linux from 32768
on). These come from below that range and that of `holdfast_loadtest.ports`, each process counts
upwards from a start of its own, and none is given twice.
"""

import itertools
import os
import socket
from collections.abc import Callable, Iterator
from typing import Final

PORTS: Final = range(12_000, 20_000)
CLUSTER_BUS_OFFSET: Final = 10_000
CLUSTER_PORTS: Final = range(10_100, 12_000)
"""of members of a cluster, whose bus has a port behind PORTS; browsers refuse 10080"""
SPAN: Final = 200  # what one process needs in a run, roughly


def _candidates(ports: range) -> Iterator[int]:
    start = ports.start + os.getpid() * SPAN % len(ports)
    return itertools.chain(range(start, ports.stop), range(ports.start, start))


_ports = _candidates(PORTS)
_cluster_ports = _candidates(CLUSTER_PORTS)


def free_port() -> int:
    """A port that nobody listens on."""
    return _first(_ports, _is_free)


def free_cluster_port() -> int:
    """The same for a member of a cluster: the port of its bus is free as well."""
    return _first(_cluster_ports, lambda at: _is_free(at) and _is_free(at + CLUSTER_BUS_OFFSET))


def _first(ports: Iterator[int], suits: Callable[[int], bool]) -> int:
    for port in ports:
        if suits(port):
            return port
    raise RuntimeError("this process has used up its ports")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
