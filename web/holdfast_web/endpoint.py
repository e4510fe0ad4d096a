"""The decorators of handlers: errors become problem documents, responses get their CORS headers,
requests are counted; query parameters that the handler does not take are refused (taken_query.py).

They are decorators of each handler instead of application middlewares, so that each knows at import
what its handler needs: polls and visitors' views, which are nearly all of the traffic, pay for that
alone. `CancelledError` passes through: a client that went away is no error of ours.

    @endpoint            no page of another origin may read the response
    @public_endpoint     every page may
    @buyer_endpoint      pages of the sale's return origins may
    @poll_endpoint       every page may; counted and not timed, since all bytes are ready
    @stream_endpoint     every page may; counted and not timed, since it stays open for long

The id of a request (see request_id) is noted for all but the last two, which answer from what is
kept for everybody; what they are refused with has it.
"""

import time
from collections.abc import Awaitable, Callable
from functools import wraps

from aiohttp import web

from holdfast_web.cors import FIXED_HEADERS, Cors, origin_headers
from holdfast_web.errors import ErrorCode, HoldfastError
from holdfast_web.metrics import METRICS
from holdfast_web.problems import problem_response, to_error
from holdfast_web.request.current_request import current_request_id
from holdfast_web.request.request_id import answer_request_id, request_id
from holdfast_web.request.taken_query import (
    refuse_unknown_query,
    taken_query,
    takes_any_query,
)
from holdfast_web.request.tracing import TRACED_HANDLING

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def endpoint(handler: Handler) -> Handler:
    return _wrap(handler, Cors.NONE)


def public_endpoint(handler: Handler) -> Handler:
    return _wrap(handler, Cors.PUBLIC)


def buyer_endpoint(handler: Handler) -> Handler:
    return _wrap(handler, Cors.BUYER)


def poll_endpoint(handler: Handler) -> Handler:
    return _wrap(handler, Cors.PUBLIC, timed=False)


def stream_endpoint(handler: Handler) -> Handler:
    return _wrap(handler, Cors.PUBLIC, timed=False)


def route_pattern(request: web.Request) -> str:
    """The pattern of the matched route, such as `/v1/sales/{sale}/holds`: bounded, unlike the
    path.
    """
    resource = request.match_info.route.resource
    return "unmatched" if resource is None else resource.canonical


def add_fallback(app: web.Application) -> None:
    """Adds the route of what no other matches, which responds with a problem document.

    To be called after all routes are added.
    """
    app.router.add_route("*", "/{unmatched:.*}", _unmatched)


def _wrap(handler: Handler, policy: Cors, *, timed: bool = True) -> Handler:
    fixed, taken = FIXED_HEADERS[policy], taken_query(handler)
    identified = _identified(handler) if timed else handler

    @wraps(handler)
    async def wrapped(request: web.Request) -> web.StreamResponse:
        started = time.perf_counter() if timed else None
        try:
            if request.rel_url.raw_query_string:
                refuse_unknown_query(request, taken)
            response = await identified(request)
        except Exception as exc:  # to_error logs faults, not refusals
            response = _problem(request, exc)
        if policy is not Cors.NONE and not response.prepared:
            response.headers.update(fixed)
            # The sale is looked up only where it matters: most requests come from our own pages.
            if policy is Cors.BUYER and "Origin" in request.headers:
                response = await _with_origin(response, request)
        _count(request, response.status, started)
        return response

    return wrapped


def _identified(handler: Handler) -> Handler:
    """The handler, with its request's id on what it logs and in what it answers."""

    async def identified(request: web.Request) -> web.StreamResponse:
        traced = request.app.get(TRACED_HANDLING)
        known = request_id(request)
        before = current_request_id.set(known)
        try:
            response = await (handler(request) if traced is None else traced(request, handler))
        except Exception as exc:
            return _problem(request, exc)
        finally:
            current_request_id.reset(before)
        if not response.prepared:
            answer_request_id(known, response.headers)
        return response

    return identified


def _problem(request: web.Request, exc: Exception) -> web.Response:
    """The problem document of what a handler raised; the log of a fault has the request's id."""
    before = current_request_id.set(request_id(request))
    try:
        error = to_error(exc)
        _count_problem(request, error)
        _end_begun_response(request)
        return problem_response(error, request_id(request))
    finally:
        current_request_id.reset(before)


def _end_begun_response(request: web.Request) -> None:
    """Closes the connection of a response that has begun: its client would take another one for a
    part of it.
    """
    if request.writer.output_size > 0 and request.transport is not None:
        request.transport.close()


async def _with_origin(response: web.StreamResponse, request: web.Request) -> web.StreamResponse:
    try:
        response.headers.update(await origin_headers(request))
    except Exception as exc:  # the sale's origins could not be read
        return _problem(request, exc)
    return response


def _count_problem(request: web.Request, error: HoldfastError) -> None:
    metrics = request.match_info.current_app.get(METRICS)
    if metrics is not None:
        metrics.problems.add(error.code.value)


def _count(request: web.Request, status: int, started: float | None) -> None:
    matched = request.match_info
    metrics = matched.current_app.get(METRICS)
    if metrics is None:
        return
    seconds = None if started is None else time.perf_counter() - started
    metrics.responses.add(
        matched.route,
        request.method,
        status,
        seconds,
        lambda: route_pattern(request),
    )


async def _allowed_methods(request: web.Request) -> set[str]:
    """The methods that the request's path has. Only requests without a route pay for this."""
    allowed: set[str] = set()
    fallback = request.match_info.route.resource
    for resource in request.app.router.resources():
        if resource is not fallback:
            allowed |= (await resource.resolve(request))[1]
    return allowed


@endpoint
@takes_any_query
async def _unmatched(request: web.Request) -> web.StreamResponse:
    allowed = await _allowed_methods(request)
    if not allowed:
        raise HoldfastError(ErrorCode.NOT_FOUND)
    error = HoldfastError(ErrorCode.METHOD_NOT_ALLOWED)
    response = problem_response(error, request_id(request))
    response.headers["Allow"] = ", ".join(sorted(allowed))
    return response
