"""Traces, as a collector receives them over OTLP/HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import BaseTestServer, TestServer
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from support.api_client import NIGHT
from support.ledger.migrated import write_migrated

from holdfast.config import Config, ConfigError, load_config
from holdfast.http.app import create_app

KEY = "key-" * 8
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
CONTEXT = {"traceparent": f"00-{TRACE}-{PARENT}-01"}


class Collector:
    """An OTLP/HTTP receiver."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.raw = b""

    async def receive(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.raw += body
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            for scope in resource.scope_spans:
                self.spans += scope.spans
        return web.Response(content_type="application/x-protobuf")

    def named(self, name: str) -> list[Span]:
        return [span for span in self.spans if span.name == name]


@pytest.fixture
async def collector() -> AsyncIterator[tuple[Collector, str]]:
    collector, app = Collector(), web.Application()
    app.router.add_post("/v1/traces", collector.receive)
    async with TestServer(app, host="127.0.0.1") as server:
        yield collector, f"http://127.0.0.1:{server.port}"


def application(store_url: str, tmp_path: Path, **settings: Any) -> web.Application:
    write_migrated(tmp_path / "ledger.db")
    return create_app(
        Config(
            data_dir=tmp_path,
            public_url="http://127.0.0.1:8080",
            store_url=store_url,
            ledger_url=f"sqlite:///{tmp_path / 'ledger.db'}",
            secret="secret-" * 8,
            operator_key=KEY,
            **settings,
        )
    )


async def sell_one(server: BaseTestServer, **headers: str) -> list[int]:
    """The statuses of a sale, a hold, a confirm, a poll, and a confirm of nothing."""
    sent = {"Authorization": f"Bearer {KEY}", "X-Request-Id": "r-7", **headers}
    sale = server.make_url("/v1/sales/night")
    async with ClientSession(headers=sent) as http:
        made = await http.put(sale, json=NIGHT)
        order = {"areas": [{"id": "floor", "quantity": 1}], "buyer": "ann-the-buyer"}
        held = await http.post(f"{sale}/holds", json=order, headers={"Idempotency-Key": "k"})
        hold = await held.json()
        paid = {"order_ref": "o-1", "amount": hold["total"]}
        confirmed = await http.post(f"{sale}/holds/{hold['id']}/confirm", json=paid)
        polled = await http.get(f"{sale}/status")
        unknown = await http.post(f"{sale}/holds/none/confirm", json=paid)
    return [answer.status for answer in (made, held, confirmed, polled, unknown)]


async def test_request_its_scripts_and_its_commit_are_one_trace(
    store_url: str, tmp_path: Path, collector: tuple[Collector, str]
) -> None:
    received, url = collector
    async with TestServer(application(store_url, tmp_path, tracing_endpoint=url)) as server:
        assert await sell_one(server, **CONTEXT) == [201, 201, 200, 200, 404]
    route = "POST /v1/sales/{sale}/holds/{id}/confirm"
    confirm, refused = received.named(route)
    assert (confirm.trace_id.hex(), confirm.parent_span_id.hex()) == (TRACE, PARENT)
    attributes = {a.key: a.value for a in confirm.attributes}
    assert attributes["http.response.status_code"].int_value == 200
    assert attributes["holdfast.request_id"].string_value == "r-7"
    below = {s.name: s for s in received.spans if s.parent_span_id == confirm.span_id}
    assert {"script read_hold", "script begin_confirm", "commit Sell"} <= set(below)
    for span in below.values():
        assert span.trace_id == confirm.trace_id
        assert confirm.start_time_unix_nano <= span.start_time_unix_nano
        assert span.end_time_unix_nano <= confirm.end_time_unix_nano
    errors = {a.key: a.value.string_value for a in refused.attributes}
    assert errors["error.type"] == "unknown_hold"
    assert not any("/status" in span.name for span in received.spans)
    assert all(span.trace_id.hex() == TRACE for span in received.spans)
    for secret in (KEY, "ann-the-buyer", "Bearer"):
        assert secret.encode() not in received.raw


async def test_trace_of_who_shows_no_key_is_not_gone_on_with(
    store_url: str, tmp_path: Path, collector: tuple[Collector, str]
) -> None:
    received, url = collector
    async with (
        TestServer(application(store_url, tmp_path, tracing_endpoint=url)) as server,
        ClientSession(headers=CONTEXT) as http,
    ):
        await http.get(server.make_url("/v1/sales"))
    [span] = received.named("GET /v1/sales")
    assert span.trace_id.hex() != TRACE
    assert not span.parent_span_id


async def test_nothing_is_recorded_at_the_ratio_0_nor_without_an_endpoint(
    store_url: str, tmp_path: Path, collector: tuple[Collector, str]
) -> None:
    received, url = collector
    settings: list[dict[str, Any]] = [{"tracing_endpoint": url, "tracing_ratio": 0.0}, {}]
    for number, more in enumerate(settings):
        folder = tmp_path / str(number)
        folder.mkdir()
        async with TestServer(application(store_url, folder, **more)) as server:
            assert (await sell_one(server))[:3] == [201, 201, 200]
    assert received.spans == []


async def test_collector_that_is_away_changes_no_answer(store_url: str, tmp_path: Path) -> None:
    away = "http://127.0.0.1:9"
    async with TestServer(application(store_url, tmp_path, tracing_endpoint=away)) as server:
        assert await sell_one(server) == [201, 201, 200, 200, 404]


@pytest.mark.parametrize("endpoint", ["collector:4318", "http://collector/path", "ftp://x"])
def test_endpoint_must_be_an_origin(endpoint: str) -> None:
    with pytest.raises(ConfigError, match="tracing_endpoint"):
        load_config(None, {}, {"tracing_endpoint": endpoint})
