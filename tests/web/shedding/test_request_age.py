import asyncio
import socket

import pytest

from holdfast_web.shedding.request_age import (
    LEAST_SECONDS,
    PROXIES_MAX,
    ProxyClock,
    ProxyClocks,
    seconds_since_received,
)
from holdfast_web.trusted_proxies import TrustedProxies

NOW = 1_700_000_000.0


def head(stamp: str, name: str = "X-Request-Start") -> bytes:
    return f"GET / HTTP/1.1\r\nHost: a\r\n{name}: {stamp}\r\n\r\n".encode()


def knowing() -> ProxyClock:
    """The clock of a proxy that has been seen to go as ours."""
    clock = ProxyClock()
    clock.age(head(f"t={NOW}"), NOW)
    return clock


@pytest.mark.parametrize(
    "stamp",
    [
        "t=1699999999.700",
        "1699999999.7",
        "t=1699999999700",
        "1699999999700",
        "t=1699999999700000",
    ],
)
def test_age_is_read_in_every_form(stamp: str) -> None:
    assert knowing().age(head(stamp), NOW) == pytest.approx(0.3)
    assert knowing().age(head(stamp, "x-request-start"), NOW) == pytest.approx(0.3)


@pytest.mark.parametrize(
    "stamp",
    [
        "t=1700000001.000",  # from the future
        "t=1699999000.000",  # nobody waits for so long
        "t=0",
        "soon",
        "t=-1699999999.7",
        "t=1699999999.7; x",
    ],
)
def test_age_that_cannot_be_is_none(stamp: str) -> None:
    assert knowing().age(head(stamp), NOW) == 0.0


def test_age_is_not_read_from_a_body() -> None:
    data = b"POST / HTTP/1.1\r\nHost: a\r\n\r\na\r\nX-Request-Start: t=1699999999.7\r\n"
    assert knowing().age(data, NOW) == 0.0


def test_clock_that_is_behind_makes_no_request_old() -> None:
    """Its least age counts as none; when the clock is right again, so do ages, after a while."""
    clock = ProxyClock()
    ages = [clock.age(head(f"t={NOW + n - 5.0}"), NOW + n) for n in range(10)]
    assert ages == [0.0] * 10
    assert clock.age(head(f"t={NOW + 10 - 5.5}"), NOW + 10) == pytest.approx(0.5)


def test_least_age_is_forgotten() -> None:
    clock = knowing()
    for n in range(3):
        later = NOW + (n + 1) * (LEAST_SECONDS + 1)
        age = clock.age(head(f"t={later - 4.0}"), later)
    assert age == 0.0


def test_future_does_not_make_others_old() -> None:
    """A visitor may write what a proxy does not overwrite."""
    clock = knowing()
    clock.age(head(f"t={NOW + 30}"), NOW)
    assert clock.age(head(f"t={NOW}"), NOW) == 0.0


async def connected(sock: socket.socket) -> asyncio.Transport:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_accepted_socket(asyncio.Protocol, sock)
    transport.pause_reading()
    return transport


async def test_only_trusted_proxies_are_believed() -> None:
    server = socket.create_server(("127.0.0.1", 0))
    client = socket.create_connection(server.getsockname())
    transport = await connected(server.accept()[0])
    trusted = ProxyClocks(TrustedProxies(["127.0.0.0/8"]))
    assert trusted.of(transport) is trusted.of(transport) is not None
    assert ProxyClocks(TrustedProxies(["10.0.0.0/8"])).of(transport) is None
    assert ProxyClocks(TrustedProxies()).of(transport) is None
    transport.abort()
    client.close()
    server.close()
    await asyncio.sleep(0)


async def test_kernel_knows_when_bytes_came() -> None:
    server = socket.create_server(("127.0.0.1", 0))
    client = socket.create_connection(server.getsockname())
    client.send(b"x")
    await asyncio.sleep(0.2)
    transport = await connected(server.accept()[0])
    assert seconds_since_received(transport) >= 0.15
    transport.abort()
    client.close()
    server.close()
    await asyncio.sleep(0)


async def test_unix_socket_has_no_such_age() -> None:
    ours, theirs = socket.socketpair()
    theirs.send(b"x")
    transport = await connected(ours)
    assert seconds_since_received(transport) == 0.0
    transport.abort()
    theirs.close()
    await asyncio.sleep(0)


def test_proxies_are_bounded() -> None:
    class From(asyncio.Transport):
        def __init__(self, host: str) -> None:
            self.host = host

        def get_extra_info(self, name: str, default: object = None) -> object:
            return (self.host, 1) if name == "peername" else default

    clocks = ProxyClocks(TrustedProxies(["10.0.0.0/8"]))
    for number in range(3 * PROXIES_MAX):
        clocks.of(From(f"10.0.0.{number}"))
        assert clocks.count <= PROXIES_MAX
