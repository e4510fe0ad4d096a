"""What surrounds a handler: errors become problem documents, answers get their CORS headers,
requests are counted.

A decorator at each handler instead of application middlewares: it knows when it is made what the
handler needs, so polls and visitors' views, which are nearly all of the traffic, pay for that and
nothing else. `CancelledError` passes through untouched; a client that went away is not an error of
ours.

    @endpoint            no cross-origin page may read the answer
    @public_endpoint     every page may
    @buyer_endpoint      pages of the sale's return origins may
    @poll_endpoint       every page may; all bytes are ready, so it is counted and not timed
    @stream_endpoint     every page may; open for long, so it is counted and not timed
"""

import time
from collections.abc import Awaitable, Callable
from functools import wraps

from aiohttp import web

from holdfast_web.cors import ALWAYS, Cors, origin_headers
from holdfast_web.errors import ErrorCode, HoldfastError
from holdfast_web.metrics import METRICS
from holdfast_web.problems import problem_response, to_error

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def endpoint(handler: Handler) -> Handler:
    return _surround(handler, Cors.NONE)


def public_endpoint(handler: Handler) -> Handler:
    return _surround(handler, Cors.PUBLIC)


def buyer_endpoint(handler: Handler) -> Handler:
    return _surround(handler, Cors.BUYER)


def poll_endpoint(handler: Handler) -> Handler:
    return _surround(handler, Cors.PUBLIC, timed=False)


def stream_endpoint(handler: Handler) -> Handler:
    return _surround(handler, Cors.PUBLIC, timed=False)


def route_pattern(request: web.Request) -> str:
    """The pattern that matched, such as `/v1/sales/{sale}/holds`: bounded, unlike the path."""
    resource = request.match_info.route.resource
    return "unmatched" if resource is None else resource.canonical


def add_fallback(app: web.Application) -> None:
    """Answer what no route matches with a problem document too; to be called after all routes are
    added.
    """
    app.router.add_route("*", "/{unmatched:.*}", _unmatched)


def _surround(handler: Handler, policy: Cors, *, timed: bool = True) -> Handler:
    always = ALWAYS[policy]

    @wraps(handler)
    async def surrounded(request: web.Request) -> web.StreamResponse:
        started = time.perf_counter() if timed else None
        try:
            response = await handler(request)
        except Exception as exc:  # the boundary: to_error tells refusals from faults, logs those
            response = problem_response(to_error(exc))
        if policy is not Cors.NONE and not response.prepared:
            response.headers.update(always)
            # Asked of the sale only where it matters: most requests come from our own pages.
            if policy is Cors.BUYER and "Origin" in request.headers:
                response = await _with_origin(response, request)
        _count(request, response.status, started)
        return response

    return surrounded


async def _with_origin(response: web.StreamResponse, request: web.Request) -> web.StreamResponse:
    try:
        response.headers.update(await origin_headers(request))
    except Exception as exc:  # the sale's origins could not be read: the same boundary
        return problem_response(to_error(exc))
    return response


def _count(request: web.Request, status: int, started: float | None) -> None:
    matched = request.match_info
    metrics = matched.current_app.get(METRICS)
    if metrics is None:
        return
    seconds = None if started is None else time.perf_counter() - started
    metrics.answers.add(
        matched.route,
        request.method,
        status,
        seconds,
        lambda: route_pattern(request),
    )


async def _allowed_methods(request: web.Request) -> set[str]:
    """The methods that this path has, were it asked with another one. Only misses pay for this."""
    allowed: set[str] = set()
    fallback = request.match_info.route.resource
    for resource in request.app.router.resources():
        if resource is not fallback:
            allowed |= (await resource.resolve(request))[1]
    return allowed


@endpoint
async def _unmatched(request: web.Request) -> web.StreamResponse:
    allowed = await _allowed_methods(request)
    if not allowed:
        raise HoldfastError(ErrorCode.NOT_FOUND)
    response = problem_response(HoldfastError(ErrorCode.METHOD_NOT_ALLOWED))
    response.headers["Allow"] = ", ".join(sorted(allowed))
    return response
