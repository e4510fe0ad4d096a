"""How long ago a request was made, by the time that this process sees it.

Neither requests in flight nor the lag of the event loop show an overload that builds up in front of
the process, in the accept queue and in the buffers of connections. The age of a request does.

- A trusted proxy says when it took the request: `X-Request-Start: t=<seconds>`, in nginx
  `t=${msec}`. Its clock may be behind ours: the least age that requests of this proxy had lately
  is taken for the difference, and counts as none. What is from the future, or older than a minute,
  says nothing.
- Without one, the kernel knows when the last bytes of a connection came (`tcp_info`). It is asked
  for the first request of a connection, which may have been in the accept queue for long, and for
  others only when the event loop has not looked for so long that they may be old.
"""

import asyncio
import re
import socket
import struct
from typing import Final

from holdfast_web.trusted_proxies import TrustedProxies, parse_address

PLAUSIBLE_SECONDS: Final = 60.0
LEAST_SECONDS: Final = 30.0
PROXIES_MAX: Final = 64

_HEADER: Final = re.compile(
    rb"\r\nx-request-start:[ \t]*(?:t=)?([0-9]{10,16}(?:\.[0-9]{1,6})?)[ \t]*\r", re.IGNORECASE
)
_MILLISECONDS, _MICROSECONDS = 1e11, 1e14
_TCP_INFO_BYTES: Final = 60
_LAST_DATA_RECEIVED: Final = struct.Struct("=52xI")


class ProxyClock:
    """The ages of one proxy's requests, in seconds."""

    def __init__(self) -> None:
        self._least = self._least_before = float("inf")
        self._until = float("-inf")

    def age(self, head: bytes, now: float) -> float:
        """How old the request with this head is at `now`, by the wall clock; 0.0 if not known."""
        found = _HEADER.search(head, 0, head.find(b"\r\n\r\n") + 1)
        if found is None:
            return 0.0
        raw = now - _seconds(float(found[1]))
        if not 0.0 <= raw <= PLAUSIBLE_SECONDS:
            return 0.0
        if now >= self._until:
            self._least_before, self._least = self._least, raw
            self._until = now + LEAST_SECONDS
        self._least = min(self._least, raw)
        return raw - min(self._least, self._least_before)


class ProxyClocks:
    """The trusted proxies, each with the ages of its requests."""

    def __init__(self, trusted: TrustedProxies) -> None:
        self._trusted = trusted
        self._clocks: dict[str, ProxyClock] = {}

    @property
    def count(self) -> int:
        """How many proxies are known."""
        return len(self._clocks)

    def of(self, transport: asyncio.Transport) -> ProxyClock | None:
        """That of the trusted proxy at the other end of a connection; None if there is none."""
        if self._trusted.is_empty:
            return None
        peer = transport.get_extra_info("peername")
        host = str(peer[0]) if isinstance(peer, tuple) else ""
        if not self._trusted.trusts(parse_address(host)):
            return None
        if host not in self._clocks and len(self._clocks) >= PROXIES_MAX:
            self._clocks.clear()
        return self._clocks.setdefault(host, ProxyClock())


def seconds_since_received(transport: asyncio.Transport) -> float:
    """When the last bytes of this connection came, by the kernel; 0.0 for a unix socket."""
    sock = transport.get_extra_info("socket")
    try:
        info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_BYTES)
        milliseconds: int = _LAST_DATA_RECEIVED.unpack_from(info)[0]
    except (OSError, AttributeError, struct.error):
        return 0.0
    return milliseconds / 1000


def _seconds(stamp: float) -> float:
    """A time of a proxy in seconds, which may be in milliseconds or microseconds."""
    if stamp >= _MICROSECONDS:
        return stamp / 1e6
    return stamp / 1e3 if stamp >= _MILLISECONDS else stamp
