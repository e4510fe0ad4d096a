"""The one place that maps exceptions to HTTP: RFC 9457 problem documents.

Errors of the store (`holdfast_lua.errors`), errors of the ledger (`holdfast_ledger.errors`) and
refusals (`HoldfastError`) leave as `application/problem+json` with a stable `code`. Whatever else
is raised is a fault of ours: the log tells where (see faults), the client learns nothing but
`internal_error`.
"""

import math
from http import HTTPStatus
from typing import Final

import msgspec
from aiohttp import web

from holdfast_ledger import errors as ledger
from holdfast_lua import errors as store
from holdfast_web.errors import ErrorCode, HoldfastError
from holdfast_web.faults import log_fault
from holdfast_web.request.request_id import HEADER
from holdfast_web.server.ready import Ready

PROBLEM_TYPE: Final = "application/problem+json"
TYPE_PREFIX: Final = "urn:holdfast:problem:"
DEFAULT_RETRY_SECONDS: Final = 1

_encode = msgspec.json.Encoder().encode

# Most specific first: the first match wins. An epoch that changed under a worker heals as soon as
# the worker has read the sale anew, so to a client it is the same short wait as a store that is
# being rebuilt.
_CODES: Final = (
    (store.StoreBehind, ErrorCode.STORE_BEHIND),
    (store.EpochChanged, ErrorCode.STORE_BEHIND),
    (store.StoreBusy, ErrorCode.STORE_BUSY),
    (store.StoreOutcomeUnknown, ErrorCode.OUTCOME_UNKNOWN),
    (store.StoreUnavailable, ErrorCode.STORE_UNAVAILABLE),
    (ledger.LedgerUnavailable, ErrorCode.LEDGER_UNAVAILABLE),
    (ledger.LedgerBusy, ErrorCode.OVERLOADED),
    (ledger.SaleMissing, ErrorCode.UNKNOWN_SALE),
    (ledger.SaleTaken, ErrorCode.CONFLICT),
    (ledger.OrdersKept, ErrorCode.ORDERS_KEPT),
    (ledger.EpochPassed, ErrorCode.STORE_BEHIND),
    (ledger.EpochElsewhere, ErrorCode.STORE_BEHIND),
)

_HTTP_CODES: Final = {
    HTTPStatus.UNAUTHORIZED: ErrorCode.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN: ErrorCode.FORBIDDEN,
    HTTPStatus.NOT_FOUND: ErrorCode.NOT_FOUND,
    HTTPStatus.METHOD_NOT_ALLOWED: ErrorCode.METHOD_NOT_ALLOWED,
    HTTPStatus.REQUEST_TIMEOUT: ErrorCode.REQUEST_TIMEOUT,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: ErrorCode.BODY_TOO_LARGE,
    HTTPStatus.TOO_MANY_REQUESTS: ErrorCode.TOO_MANY_REQUESTS,
}


def to_error(exc: Exception) -> HoldfastError:
    """The error for the client; logs `exc` when it is a fault."""
    if isinstance(exc, HoldfastError):
        return exc
    for fault, code in _CODES:
        if isinstance(exc, fault):
            detail = str(exc) if isinstance(exc, ledger.LedgerError) else ""
            wait: float | None = getattr(exc, "retry_after_seconds", None)
            members = {"orders": exc.orders} if isinstance(exc, ledger.OrdersKept) else {}
            return HoldfastError(code, detail, retry_after=wait, **members)
    if isinstance(exc, web.HTTPException) and exc.status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return HoldfastError(_HTTP_CODES.get(HTTPStatus(exc.status), ErrorCode.INVALID_REQUEST))
    log_fault("request failed", exc)
    return HoldfastError(ErrorCode.INTERNAL_ERROR)


def problem_response(error: HoldfastError, request_id: str | None = None) -> web.Response:
    """`error` as a problem document, with the headers that its status calls for.

    `request_id` is that of the request, None where a response is made for many.
    """
    code = error.code
    document: dict[str, object] = {
        "type": TYPE_PREFIX + code.value,
        "title": code.title,
        "status": code.status,
        "detail": error.detail,
        "code": code.value,
        **error.members,
    }
    if request_id is not None:
        document["request_id"] = request_id
    response = Ready(body=_encode(document), status=code.status, content_type=PROBLEM_TYPE)
    response.headers["Cache-Control"] = "no-store"
    if request_id is not None:
        response.headers[HEADER] = request_id
    retry_after = error.retry_after
    if retry_after is None and code.status == HTTPStatus.SERVICE_UNAVAILABLE:
        retry_after = DEFAULT_RETRY_SECONDS
    if retry_after is not None:
        response.headers["Retry-After"] = str(max(1, math.ceil(retry_after)))
    if code is ErrorCode.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = 'Bearer realm="holdfast"'
    if code is ErrorCode.REQUEST_TIMEOUT:
        response.force_close()
    return response
