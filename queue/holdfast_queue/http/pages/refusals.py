"""Errors as pages: what happened, in the visitor's words, and what to do next.

Status and headers are those of the problem document. A page that could not be shown reloads itself,
no sooner than `Retry-After` says; a form is never sent again: its page goes on to the visitor's
place instead.
"""

from typing import Final

from aiohttp import hdrs, web

from holdfast_queue.http.pages.documents import (
    IDENTIFIED_HEADERS,
    PAGE_HEADERS,
    PageVisit,
    place_url,
    problem_document,
    security_policy,
)
from holdfast_queue.http.pages.languages import catalogue
from holdfast_queue.http.pages.visits import ONLY_SHOP, VISIT, language_of, names_identity
from holdfast_web.errors import ErrorCode, HoldfastError
from holdfast_web.problems import problem_response

_RETRY_SECONDS: Final = 5
_KINDS: Final = {
    ErrorCode.INVALID_RETURN_URL: "return_url",
    ErrorCode.UNKNOWN_SALE: "unknown_sale",
    ErrorCode.JOIN_LIMITED: "limited",
    ErrorCode.TOO_MANY_REQUESTS: "limited",
}


def problem_page(request: web.Request, error: HoldfastError) -> web.Response:
    """The response of the problem document with a page as its body."""
    response = problem_response(error)
    visit = request.get(VISIT)
    language = visit.language if visit else language_of(request)
    kind = "unavailable" if response.status >= 500 else _KINDS.get(error.code, "other")
    response.text = problem_document(
        language=language,
        texts=catalogue(language),
        kind=kind,
        code=error.code.value,
        seconds=_retry_seconds(response),
        again=_again(request, visit),
        shop_url=visit.return_url if visit else request.get(ONLY_SHOP),
    )
    response.content_type = "text/html"
    headers = IDENTIFIED_HEADERS if names_identity(request) else PAGE_HEADERS
    response.headers.update(headers)
    response.headers[hdrs.CONTENT_SECURITY_POLICY] = security_policy()
    return response


def _retry_seconds(response: web.Response) -> int | None:
    """After how many seconds the request may be repeated; None where that changes nothing."""
    if response.status < 500 and response.status != 429:
        return None
    return max(_RETRY_SECONDS, int(response.headers.get(hdrs.RETRY_AFTER, "0")))


def _again(request: web.Request, visit: PageVisit | None) -> str | None:
    """The address that the page loads then: its own (""), after a form the place, None is none."""
    if request.method in {hdrs.METH_GET, hdrs.METH_HEAD}:
        return ""
    return None if visit is None else place_url(visit)
