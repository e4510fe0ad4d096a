"""The decorators of handlers: errors become problem documents, responses get their CORS headers,
requests are counted.

They are decorators of each handler instead of application middlewares, so that each knows at import
what its handler needs: polls and visitors' views, which are nearly all of the traffic, pay for that
alone. `CancelledError` passes through: a client that went away is no error of ours.

    @endpoint            no page of another origin may read the response
    @public_endpoint     every page may
    @buyer_endpoint      pages of the sale's return origins may
    @poll_endpoint       every page may; counted and not timed, since all bytes are ready
    @stream_endpoint     every page may; counted and not timed, since it stays open for long
"""

import time
from collections.abc import Awaitable, Callable
from functools import wraps

from aiohttp import web

from holdfast_web.cors import FIXED_HEADERS, Cors, origin_headers
from holdfast_web.errors import ErrorCode, HoldfastError
from holdfast_web.metrics import METRICS
from holdfast_web.problems import problem_response, to_error

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
    fixed = FIXED_HEADERS[policy]

    @wraps(handler)
    async def wrapped(request: web.Request) -> web.StreamResponse:
        started = time.perf_counter() if timed else None
        try:
            response = await handler(request)
        except Exception as exc:  # to_error logs faults, not refusals
            response = problem_response(to_error(exc))
        if policy is not Cors.NONE and not response.prepared:
            response.headers.update(fixed)
            # The sale is looked up only where it matters: most requests come from our own pages.
            if policy is Cors.BUYER and "Origin" in request.headers:
                response = await _with_origin(response, request)
        _count(request, response.status, started)
        return response

    return wrapped


async def _with_origin(response: web.StreamResponse, request: web.Request) -> web.StreamResponse:
    try:
        response.headers.update(await origin_headers(request))
    except Exception as exc:  # the sale's origins could not be read
        return problem_response(to_error(exc))
    return response


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
async def _unmatched(request: web.Request) -> web.StreamResponse:
    allowed = await _allowed_methods(request)
    if not allowed:
        raise HoldfastError(ErrorCode.NOT_FOUND)
    response = problem_response(HoldfastError(ErrorCode.METHOD_NOT_ALLOWED))
    response.headers["Allow"] = ", ".join(sorted(allowed))
    return response
