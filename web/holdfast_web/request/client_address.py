"""The client's address of a request: the rightmost hop that is not a trusted proxy.

Each proxy adds to the right end of `X-Forwarded-For`, so what is left of the first untrusted hop
may have been written by the client itself. Without trusted proxies (the default) the header is not
looked at.
"""

import ipaddress
from typing import Final

from aiohttp import web

from holdfast_web.trusted_proxies import Address, TrustedProxies, parse_address

MAX_HOPS: Final = 16

_PASSED_ON: Final = ("Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Proto", "X-Real-IP")

UNKNOWN: Final = ipaddress.IPv4Address(0)
"""Stands for a peer without an address, such as one on a unix socket that is not trusted."""

TRUSTED_PROXIES: Final = web.AppKey("trusted_proxies", TrustedProxies)


def client_address(request: web.Request) -> Address:
    """The address of the client, or of the first hop that is not trusted."""
    trusted = request.app[TRUSTED_PROXIES]
    peer = parse_address(request.remote or "")
    if not trusted.trusts(peer):
        return peer or UNKNOWN
    hops = ",".join(request.headers.getall("X-Forwarded-For", [])).split(",")
    nearest = peer
    for hop in hops[: -MAX_HOPS - 1 : -1]:
        address = parse_address(hop.strip())
        if address is None:
            break
        nearest = address
        if not trusted.trusts(address):
            break
    return nearest or UNKNOWN


def peer_is_local(request: web.Request) -> bool:
    """Whether the request comes from a program on this machine, and not from a proxy on it.

    A proxy adds one of several headers to the requests that it passes on.
    """
    peer = parse_address(request.remote or "")
    if peer is None or not peer.is_loopback:
        return False
    return not any(header in request.headers for header in _PASSED_ON)


def address_network(address: Address) -> str:
    """The text by which a client is counted: its address, in IPv6 its network of 64 bits.

    One subscriber has such a network.
    """
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)
