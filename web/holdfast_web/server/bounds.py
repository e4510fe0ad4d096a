"""The bounds of a connection, which settings give."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ConnectionBounds:
    """How long a client may take, in seconds, and how many connections there may be (0: any).

    For the head of a request, between requests, for each piece of a response (see ready), and to
    notice that its body is refused.
    """

    header_seconds: float = 10.0
    keepalive_seconds: float = 15.0
    write_seconds: float = 20.0
    linger_seconds: float = 1.0
    connections: int = 0
