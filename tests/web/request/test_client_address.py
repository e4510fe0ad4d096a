from collections.abc import Sequence
from ipaddress import ip_address

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict

from holdfast_web.request.client_address import (
    MAX_HOPS,
    TRUSTED_PROXIES,
    UNKNOWN,
    address_network,
    client_address,
    peer_is_local,
)
from holdfast_web.trusted_proxies import TrustedProxies, parse_address


def _request(peer: str, forwarded: Sequence[str], *trusted: str) -> web.Request:
    app = web.Application()
    app[TRUSTED_PROXIES] = TrustedProxies(trusted)
    headers = CIMultiDict(("X-Forwarded-For", value) for value in forwarded)
    request = make_mocked_request("GET", "/", headers=headers, app=app)
    request._transport_peername = (
        peer,
        4711,
    )  # what `clone(remote=...)` sets, without losing the app
    return request


@pytest.mark.parametrize(
    ("peer", "forwarded", "trusted", "expected"),
    [
        ("203.0.113.9", None, (), "203.0.113.9"),
        # Nobody is trusted, so the header is hearsay.
        ("203.0.113.9", "198.51.100.1", (), "203.0.113.9"),
        # The peer is no proxy of ours.
        ("203.0.113.9", "198.51.100.1", ("10.0.0.0/8",), "203.0.113.9"),
        ("10.0.0.1", "198.51.100.1", ("10.0.0.0/8",), "198.51.100.1"),
        # What the client wrote itself stands to the left of what our proxy saw.
        ("10.0.0.1", "1.1.1.1, 198.51.100.1", ("10.0.0.0/8",), "198.51.100.1"),
        ("10.0.0.1", "1.1.1.1, 198.51.100.1, 10.0.0.2", ("10.0.0.0/8",), "198.51.100.1"),
        # All are trusted: the outermost one it is.
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", ("10.0.0.0/8",), "10.0.0.3"),
        # Rubbish ends the chain; nothing to its left is believed.
        ("10.0.0.1", "198.51.100.1, rubbish", ("10.0.0.0/8",), "10.0.0.1"),
        ("10.0.0.1", "", ("10.0.0.0/8",), "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1:4711", ("10.0.0.0/8",), "198.51.100.1"),
        ("10.0.0.1", "[2001:db8::1]:4711", ("10.0.0.0/8",), "2001:db8::1"),
        ("10.0.0.1", "2001:db8::1", ("10.0.0.0/8",), "2001:db8::1"),
        ("::ffff:10.0.0.1", "198.51.100.1", ("10.0.0.0/8",), "198.51.100.1"),
        ("", "198.51.100.1", ("unix",), "198.51.100.1"),
        ("", "198.51.100.1", (), str(UNKNOWN)),
    ],
)
def test_client_address(
    peer: str, forwarded: str | None, trusted: tuple[str, ...], expected: str
) -> None:
    headers = [] if forwarded is None else [forwarded]
    assert client_address(_request(peer, headers, *trusted)) == ip_address(expected)


@pytest.mark.parametrize("text", ["1.1.1.\udcff", "\udcff", "[\udcff]:1", "1.1.1.1\0", ""])
def test_bytes_that_are_no_text_are_no_address(text: str) -> None:
    assert parse_address(text) is None


def test_number_of_hops_looked_at_is_bounded() -> None:
    hops = ", ".join(["198.51.100.1"] + ["10.0.0.2"] * MAX_HOPS)
    assert client_address(_request("10.0.0.1", [hops], "10.0.0.0/8")) == ip_address("10.0.0.2")


def test_several_headers_are_read_in_order() -> None:
    request = _request("10.0.0.1", ["1.1.1.1", "198.51.100.1"], "10.0.0.0/8")
    assert client_address(request) == ip_address("198.51.100.1")


def test_trusted_entry_that_is_no_network_is_refused() -> None:
    with pytest.raises(ValueError, match="proxy"):
        TrustedProxies(["proxy.example"])


@pytest.mark.parametrize(
    ("peer", "local"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("10.0.0.1", False),
        ("::ffff:10.0.0.1", False),
        ("2001:db8::1", False),
        ("", False),  # a unix socket: somebody passes on what comes from elsewhere
    ],
)
def test_a_peer_is_local_on_loopback(peer: str, local: bool) -> None:
    assert peer_is_local(_request(peer, [])) is local
    assert not peer_is_local(_request(peer, ["127.0.0.1"], "127.0.0.0/8"))


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
    ],
)
def test_a_client_is_counted_by_its_network(address: str, network: str) -> None:
    assert address_network(ip_address(address)) == network
