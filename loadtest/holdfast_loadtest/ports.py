"""A free TCP port for a server that is still to be started.

Not one that the kernel chooses: it takes that from the range of which it gives outgoing connections
theirs, and until the server binds it, any connection of the machine may have got it.
"""

import random
import socket
from typing import Final

PORTS: Final = range(22_000, 32_000)
"""Linux gives outgoing connections ports from 32768 on."""
TRIES: Final = 100


def unused_port(host: str) -> int:
    """A port of `host` that nobody has bound; OSError when none was found."""
    for port in random.sample(PORTS, TRIES):
        if is_free(host, port):
            return port
    raise OSError(f"none of {TRIES} ports of {host} is free")


def is_free(host: str, port: int) -> bool:
    """Whether a server can have the port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
