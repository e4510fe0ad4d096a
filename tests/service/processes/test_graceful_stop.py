"""A service that stops, as those see it who are connected, or try to be."""

import asyncio
import os
import signal
import socket

import aiohttp
from support.api_client import Api
from support.service.running import Service, StartService, open_files, wait_until

LIVE = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
CLOSING = b"\r\nConnection: close\r\n"


def address_of(service: Service) -> tuple[str, int]:
    host, port = service.url.removeprefix("http://").split(":")
    return host, int(port)


def refuses(service: Service) -> bool:
    try:
        socket.create_connection(address_of(service), timeout=5).close()
    except ConnectionRefusedError:
        return True
    except OSError:
        pass  # its first packet was dropped
    return False


async def kept_alive(service: Service) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection on which a request has been answered."""
    reader, writer = await asyncio.open_connection(*address_of(service))
    writer.write(LIVE)
    answered = await reader.readuntil(b"}")
    assert b"200 OK" in answered
    assert CLOSING not in answered
    return reader, writer


async def ask_until_closed(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes
) -> None:
    """Repeats the request until an answer ends the connection; every answer is a good one."""
    answered = b""
    while CLOSING not in answered:
        await asyncio.sleep(0.01)
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        [length] = [line for line in head.split(b"\r\n") if line.startswith(b"Content-Length: ")]
        answered = head + await reader.readexactly(int(length.partition(b": ")[2]))
        assert answered.startswith(b"HTTP/1.1 200 OK\r\n")
    assert await reader.read() == b""
    writer.close()


async def test_request_in_flight_is_finished_while_connections_are_refused(
    start_service: StartService,
) -> None:
    """Given a request whose body is still coming: nobody is left in a queue that none empties."""
    service = start_service("--workers", "2")
    reader, writer = await asyncio.open_connection(*address_of(service))
    body = b'{"name": "x"}'
    writer.write(
        b"PUT /v1/sales/late HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Authorization: Bearer %b\r\nContent-Length: %d\r\n\r\n%b"
        % (service.operator_key.encode(), len(body), body[:5])
    )
    await writer.drain()
    await asyncio.sleep(0.2)  # until a worker has read the first part
    service.process.send_signal(signal.SIGTERM)
    await asyncio.to_thread(wait_until, lambda: refuses(service))
    writer.write(body[5:])
    answered = await reader.read()
    assert answered.startswith(b"HTTP/1.1 4")
    assert CLOSING in answered
    writer.close()
    assert await asyncio.to_thread(service.process.wait, 20) == 0


async def test_a_request_on_an_idle_connection_is_answered_after_sigterm(
    start_service: StartService,
) -> None:
    service = start_service()
    links = [await kept_alive(service) for _ in range(20)]
    service.process.send_signal(signal.SIGTERM)
    for reader, writer in links:
        await ask_until_closed(reader, writer, LIVE)
    assert await asyncio.to_thread(service.process.wait, 20) == 0


async def test_who_connected_before_the_stop_is_answered(start_service: StartService) -> None:
    """Given requests in the accept queue of a worker that has had no turn to accept them."""
    service = start_service()
    [worker] = service.workers()
    os.kill(worker, signal.SIGSTOP)
    links = [await asyncio.open_connection(*address_of(service)) for _ in range(100)]
    for _, writer in links:
        writer.write(LIVE)
    service.process.send_signal(signal.SIGTERM)
    await asyncio.to_thread(wait_until, lambda: not listens_in_parent(service))
    os.kill(worker, signal.SIGCONT)
    for reader, writer in links:
        assert b"200 OK" in await reader.read()
        writer.close()
    assert await asyncio.to_thread(service.process.wait, 20) == 0


def listens_in_parent(service: Service) -> bool:
    return any(link.startswith("socket:") for link in open_files(service.process.pid))


async def test_balancers_are_told_for_a_while_before_connections_are_refused(
    start_service: StartService, http: aiohttp.ClientSession
) -> None:
    """And all else is answered meanwhile; a second SIGTERM ends the delay."""
    service = start_service("--workers", "2", HOLDFAST_STOP_DELAY_SECONDS="600")
    api = Api(http, service.url, service.operator_key)
    assert (await api.get("/readyz")).body["status"] == "ok"
    service.process.send_signal(signal.SIGTERM)
    for _ in range(1000):
        if (ready := await api.get("/readyz")).status != 200:
            break
        await asyncio.sleep(0.01)
    assert (ready.status, ready.body["status"]) == (503, "stopping")
    assert ready.headers["Connection"] == "close"
    for _ in range(20):
        assert (await api.get("/v1/sales")).status == 200
    await asyncio.sleep(1.1)  # a second signal within a second counts as the same one
    service.process.send_signal(signal.SIGTERM)
    assert await asyncio.to_thread(service.process.wait, 20) == 0


async def test_a_worker_that_is_replaced_does_not_call_the_service_unready(
    start_service: StartService,
) -> None:
    service = start_service()
    links = [await kept_alive(service) for _ in range(5)]
    service.process.send_signal(signal.SIGHUP)
    for reader, writer in links:
        await ask_until_closed(reader, writer, LIVE.replace(b"livez", b"readyz"))
