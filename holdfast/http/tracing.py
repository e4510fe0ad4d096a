"""Traces by OpenTelemetry, sent over OTLP/HTTP: the extra `tracing`, off without an endpoint.

A span covers a request; within it one covers each script call and each commit of an order, from its
submission until its answer, with the wait for a batch or transaction that it shares with others.
Background work, polls and streams have no spans.

A request with an API key goes on with the trace that its `traceparent` names (W3C Trace Context);
others cannot choose a trace or have themselves traced. No span has a credential, a buyer or the
words of an error: of these it has the type.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from aiohttp import web
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import Span, SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from holdfast.http.app_keys import TRACING
from holdfast_ledger import Ledger, Outcome
from holdfast_ledger.transactions.group_commit import Observer as LedgerObserver
from holdfast_ledger.transactions.intents import Intent
from holdfast_lua.client.executor import Executor
from holdfast_lua.client.executor import Observer as StoreObserver
from holdfast_lua.client.wire import Argument
from holdfast_web.credentials import bearer_token, is_jwt
from holdfast_web.endpoint import route_pattern
from holdfast_web.errors import HoldfastError
from holdfast_web.request.request_id import request_id
from holdfast_web.request.tracing import TRACED_HANDLING

EXPORT_SECONDS: Final = 5.0
_PATH: Final = "/v1/traces"
_CONTEXT: Final = ("traceparent", "tracestate")
_FAULT: Final = 500


class Tracing:
    """The traces of one process."""

    def __init__(self, endpoint: str, ratio: float) -> None:
        """`endpoint` is that of an OTLP/HTTP collector, without a path; `ratio` of the traces that
        begin here are recorded.
        """
        self._provider = TracerProvider(
            sampler=ParentBased(TraceIdRatioBased(ratio)),
            resource=Resource.create({"service.name": "holdfast"}),
        )
        exporter = OTLPSpanExporter(endpoint.rstrip("/") + _PATH, timeout=EXPORT_SECONDS)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("holdfast")

    async def handle(
        self,
        request: web.Request,
        handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
    ) -> web.StreamResponse:
        """Handles a request within a span."""
        route = route_pattern(request)
        attributes = {
            "http.request.method": request.method,
            "http.route": route,
            "holdfast.request_id": request_id(request),
        }
        name, context = f"{request.method} {route}", _callers_context(request)
        with self._span(name, SpanKind.SERVER, attributes, context) as span:
            response = await handler(request)
            span.set_attribute("http.response.status_code", response.status)
            return response

    @contextmanager
    def within(self, name: str, **attributes: str) -> Iterator[Span | None]:
        """A span within that of the request, None where no request is recorded."""
        if not trace.get_current_span().is_recording():
            yield None
            return
        with self._span(name, SpanKind.CLIENT, attributes) as span:
            yield span

    def executor(self, url: str, observer: StoreObserver) -> Executor:
        """An executor whose script calls have spans."""
        executor = TracedExecutor(url, observer=observer)
        executor.tracing = self
        return executor

    async def open_ledger(self, url: str, observer: LedgerObserver) -> Ledger:
        """A ledger whose commits of orders have spans."""
        ledger = await TracedLedger.open(url, observer, existing=True)
        ledger.tracing = self
        return ledger

    async def close(self) -> None:
        """Sends what is left; the exporter blocks, so a thread does it."""
        await asyncio.to_thread(self._provider.shutdown)

    @contextmanager
    def _span(
        self, name: str, kind: SpanKind, attributes: dict[str, str], context: Context | None = None
    ) -> Iterator[Span]:
        with self._tracer.start_as_current_span(
            name,
            context,
            kind,
            attributes,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                yield span
            except HoldfastError as refusal:
                span.set_attribute("error.type", refusal.code.value)
                span.set_attribute("http.response.status_code", refusal.code.status)
                if refusal.code.status >= _FAULT:
                    span.set_status(StatusCode.ERROR)
                raise
            except BaseException as fault:
                span.set_attribute("error.type", type(fault).__qualname__)
                span.set_status(StatusCode.ERROR)
                raise


class TracedExecutor(Executor):
    """An executor whose script calls have spans."""

    tracing: Tracing

    async def run(self, name: str, keys: Sequence[str], args: Sequence[Argument] = ()) -> list[Any]:
        with self.tracing.within(f"script {name}", **{"db.system.name": "redis"}):
            return await super().run(name, keys, args)


class TracedLedger(Ledger):
    """A ledger whose commits of orders have spans."""

    tracing: Tracing

    async def commit(self, intent: Intent) -> Outcome:
        with self.tracing.within(f"commit {type(intent).__name__}") as span:
            outcome = await super().commit(intent)
            if span is not None:
                span.set_attribute("holdfast.verdict", outcome.verdict.name.lower())
            return outcome


def trace_requests(app: web.Application, tracing: Tracing) -> None:
    """Has the requests of an application traced, until it ends."""
    app[TRACING], app[TRACED_HANDLING] = tracing, tracing.handle

    async def closing(_: web.Application) -> AsyncIterator[None]:
        yield
        await tracing.close()

    app.cleanup_ctx.append(closing)


def _callers_context(request: web.Request) -> Context:
    """The trace that a caller with an API key goes on with; an empty context for others."""
    token = bearer_token(request)
    if token is None or is_jwt(token):
        return Context()
    carrier = {name: request.headers[name] for name in _CONTEXT if name in request.headers}
    return TraceContextTextMapPropagator().extract(carrier, Context())
