"""What a service logs while it is asked everything: no credential, no buyer, and which request it
was.

Every route gets its good request, then the same one while the store call or ledger write behind it
fails with an error that repeats what was sent, as those of drivers do. The log is taken at its most
talkative, in both forms.
"""

from __future__ import annotations

import io
import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from support.fuzz.targets import OPERATOR_KEY, TARGETS, Example, FuzzedService
from support.fuzz.wire import Reply, Wire
from support.ledger.migrated import write_migrated

from holdfast.config import Config
from holdfast.http.app import create_app
from holdfast.log_formatters import LOG_FORMATS, make_formatter
from holdfast.processes.serving import OUR_LOGGERS
from holdfast_inventory.http.request import INVENTORIES
from holdfast_queue.http.poll import ROOMS

SECRET_MEMBERS: Final = frozenset(
    {"ticket", "pass", "token", "identity", "key", "buyer", "redirect_to", "nonce", "pass_id"}
)
SECRET_HEADERS: Final = frozenset(
    {b"authorization", b"holdfast-ticket", b"idempotency-key", b"cookie", b"set-cookie"}
)
SHORTEST: Final = 6
"""Shorter values occur in other words."""


def members_of(value: Any) -> Iterator[str]:
    """The texts under secret names, however deep in a JSON value."""
    if isinstance(value, dict):
        for name, item in value.items():
            if name in SECRET_MEMBERS and isinstance(item, str):
                yield item
            yield from members_of(item)
    elif isinstance(value, list):
        for item in value:
            yield from members_of(item)


class WatchedWire(Wire):
    """Notes every secret that goes over it."""

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.secrets: set[str] = set()

    async def _send(
        self, method: str, target: bytes, headers: list[tuple[bytes, bytes]], body: bytes | None
    ) -> Reply:
        reply = await super()._send(method, target, headers, body)
        for name, value in (*headers, *reply.headers.items()):
            if name.lower() in SECRET_HEADERS:
                self.secrets.add(value.decode("latin-1").removeprefix("Bearer ").partition(";")[0])
        for content in (body, reply.body):
            if content and content[:1] in b"{[":
                self.secrets.update(members_of(msgspec.json.decode(content)))
        return reply


@pytest.fixture
def logs() -> Iterator[dict[str, io.StringIO]]:
    """What has been logged at debug level, in each form."""
    outputs, handlers = {form: io.StringIO() for form in LOG_FORMATS}, []
    for form, output in outputs.items():
        handlers.append(logging.StreamHandler(output))
        handlers[-1].setFormatter(make_formatter(form))
        logging.getLogger().addHandler(handlers[-1])
    levels = {name: logging.getLogger(name).level for name in OUR_LOGGERS}
    for name in OUR_LOGGERS:
        logging.getLogger(name).setLevel(logging.DEBUG)
    yield outputs
    for handler in handlers:
        logging.getLogger().removeHandler(handler)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


@pytest.fixture
async def app(store_url: str, tmp_path: Path) -> web.Application:
    write_migrated(tmp_path / "ledger.db")
    return create_app(
        Config(
            data_dir=tmp_path,
            public_url="http://127.0.0.1:8080",
            store_url=store_url,
            ledger_url=f"sqlite:///{tmp_path / 'ledger.db'}",
            secret="secret-" * 8,
            operator_key=OPERATOR_KEY,
        )
    )


@pytest.fixture
async def service(app: web.Application) -> AsyncIterator[FuzzedService]:
    async with TestServer(app, host="127.0.0.1") as server:
        assert server.port is not None
        service = FuzzedService(WatchedWire(server.port))
        await service.set_up()
        yield service
        service.wire.close()


async def _send(
    service: FuzzedService, route: tuple[str, str], example: Example, request_id: str
) -> Reply:
    address = route[1].encode()
    for name, value in example.path.items():
        address = address.replace(b"{%b}" % name.encode(), value.encode())
    if example.queries:
        pairs = (b"%b=%b" % (name.encode(), value) for name, value in example.queries.items())
        address += b"?" + b"&".join(pairs)
    headers = {**example.headers, "X-Request-Id": request_id}
    body = example.body
    if body is not None and not isinstance(body, bytes):
        body = msgspec.json.encode(body)
    sent = [(name.encode(), value.encode()) for name, value in headers.items()]
    return await service.wire._send(route[0], address, sent, body)


async def test_log_of_every_request_names_requests_and_nobody(
    app: web.Application,
    service: FuzzedService,
    logs: dict[str, io.StringIO],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wire = service.wire
    assert isinstance(wire, WatchedWire)
    secrets = wire.secrets
    for route, target in TARGETS.items():
        await _send(service, route, await target.make(service), "good")

    def failing(*arguments: object) -> Any:
        raise RuntimeError(f"{arguments!r} {secrets!r}")

    examples = {route: await target.make(service) for route, target in TARGETS.items()}
    failed = {}
    with monkeypatch.context() as patched:
        patched.setitem(app._state, INVENTORIES, failing)
        patched.setattr(app[ROOMS], "get", failing)
        patched.setattr(app[ROOMS], "known", failing)
        for number, (route, example) in enumerate(examples.items()):
            reply = await _send(service, route, example, f"failing-{number}")
            if reply.status == 500:
                failed[f"failing-{number}"] = route
    assert len(failed) >= 25
    secrets = {secret for secret in secrets if len(secret) >= SHORTEST}
    assert len(secrets) >= 80
    text, objects = logs["text"].getvalue(), logs["json"].getvalue()
    assert [secret for secret in secrets if secret in text or secret in objects] == []
    lines = [msgspec.json.decode(line) for line in objects.splitlines()]
    faults = [line for line in lines if "RuntimeError" in line["message"]]
    assert {line["request_id"] for line in faults} == set(failed)
    assert all(f"request={request_id}:" in text for request_id in failed)
