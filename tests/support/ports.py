"""Free TCP ports of 127.0.0.1 for servers that tests start.

A port is chosen before the server that shall have it runs, so another program may take it in
between. Asking the kernel for any free port makes that likely when test processes run side by side:
it gives them, and every outgoing connection, ports of one and the same range. These come from below
that range, each process counts upwards from a start of its own, and none is given twice.
"""

import itertools
import os
import socket
from collections.abc import Iterator
from typing import Final

FIRST: Final = 10_100  # browsers refuse 10080
END: Final = 32_000  # Linux gives outgoing connections ports from 32768 on
SPAN: Final = 200  # what one process needs in a run, roughly
CLUSTER_BUS_OFFSET: Final = 10_000


def _candidates() -> Iterator[int]:
    start = FIRST + os.getpid() * SPAN % (END - FIRST)
    return itertools.chain(range(start, END), range(FIRST, start))


_ports = _candidates()


def free_port(*, with_cluster_bus: bool = False) -> int:
    """A port that nobody listens on; where asked, the store's cluster bus port is free as well."""
    for port in _ports:
        bus = port + CLUSTER_BUS_OFFSET
        if _is_free(port) and not (with_cluster_bus and (bus >= END or not _is_free(bus))):
            return port
    raise RuntimeError("this process has used up its ports")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
