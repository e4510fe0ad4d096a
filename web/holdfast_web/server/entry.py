"""The entry of every handler: the last place where a request is refused unseen."""

from collections.abc import Awaitable, Callable

from aiohttp import hdrs, web

from holdfast_web.errors import ErrorCode, HoldfastError
from holdfast_web.problems import problem_response
from holdfast_web.request.request_id import request_id
from holdfast_web.server.connection import Connection
from holdfast_web.server.rejections import Rejection, Rejections

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


def guard(handler: Handler, rejections: Rejections) -> Handler:
    """Wraps `handler`: a request that has not been looked at is refused with 503 when there is too
    much to do (see shedder), and one whose body has a `Content-Encoding` with 415.
    """

    def guarded(request: web.BaseRequest) -> Awaitable[web.StreamResponse]:
        connection = request.protocol
        assert isinstance(connection, Connection)
        if connection.begin(request):
            return handler(request)
        refused = connection.refusal_of(request)
        if refused is not None:
            return _answered(refused)
        if hdrs.CONTENT_ENCODING in request.headers and not _is_plain(request):
            return _refused(request, rejections)
        return handler(request)

    return guarded


async def _answered(response: web.StreamResponse) -> web.StreamResponse:
    return response


def _is_plain(request: web.BaseRequest) -> bool:
    codings = request.headers.getall(hdrs.CONTENT_ENCODING)
    return all(coding.strip().lower() in ("", "identity") for coding in codings)


async def _refused(request: web.BaseRequest, rejections: Rejections) -> web.StreamResponse:
    rejections.add(Rejection.ENCODED)
    error = HoldfastError(ErrorCode.UNSUPPORTED_ENCODING)
    response = problem_response(error, request_id(request))
    response.force_close()
    return response
