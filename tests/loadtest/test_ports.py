"""Ports for servers that are started later: free, and none that a connection is given meanwhile."""

import socket

from holdfast_demo.service import free_port
from holdfast_loadtest.ports import PORTS, is_free, unused_port

HOST = "127.0.0.1"
FIRST_OF_CONNECTIONS = 32_768
"""as Linux has it unless it is told otherwise"""


def test_any_port_is_none_that_connections_are_given() -> None:
    assert PORTS.stop <= FIRST_OF_CONNECTIONS
    for _ in range(20):
        assert unused_port(HOST) in PORTS
        assert free_port(HOST, 0, 0) in PORTS


def test_port_of_a_connection_is_not_free() -> None:
    with (
        socket.create_server((HOST, 0)) as listener,
        socket.create_connection(listener.getsockname()) as connection,
    ):
        assert not is_free(HOST, connection.getsockname()[1])
        assert not is_free(HOST, listener.getsockname()[1])
