"""The addresses that requests come from, and which of them are trusted proxies."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from socket import AF_INET, inet_pton
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aiohttp import web

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class TrustedProxies:
    """The networks of trusted proxies; the entry `unix` trusts peers on a unix socket."""

    def __init__(self, entries: Iterable[str] = ()) -> None:
        wanted = [entry.strip() for entry in entries if entry.strip()]
        self._unix = "unix" in wanted
        self._networks: tuple[Network, ...] = tuple(
            ipaddress.ip_network(entry) for entry in wanted if entry != "unix"
        )

    @property
    def is_empty(self) -> bool:
        """Whether no proxy is trusted."""
        return not (self._unix or self._networks)

    def trusts(self, address: Address | None) -> bool:
        if address is None:
            return self._unix
        return any(address in network for network in self._networks)

    def trusts_peer(self, request: web.Request) -> bool:
        """Whether the peer of the connection is a trusted proxy."""
        return self.trusts(parse_address(request.remote or ""))


def parse_address(text: str) -> Address | None:
    """The address in `text`, None when there is none.

    Proxies write it plainly or as `1.2.3.4:567`, `[::1]`, `[::1]:567`; IPv4 in IPv6 is taken as
    IPv4.
    """
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return ipaddress.IPv4Address(inet_pton(AF_INET, text))  # in a quarter of the time of a text
    except (OSError, ValueError):  # no address; bytes that are no text, or none of an address
        pass
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
