"""A client of the HTTP API for programs that do one thing after the other, such as commands.

One connection is kept for all calls. What the service answers with 503 or 429 was not done, or may
be repeated: it is tried again after the time that the answer names. When an answer is lost, only
readings are repeated. Redirects are not followed, since the key is for one service. Waits, tries
and the size of an answer are bounded. Proxies of the environment (HTTPS_PROXY, NO_PROXY) are used
for what is not on this machine.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from http import HTTPStatus
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3
from urllib3.exceptions import HTTPError, MaxRetryError

from holdfast.api_client.errors import RETRY_LATER, ApiRefused, ApiUnreachable
from holdfast_web.paths import SALES

CONNECT_SECONDS: Final = 5.0
ANSWER_SECONDS: Final = 30.0
TRIES: Final = 4
WAIT_SECONDS_MAX: Final = 10
"""that a `Retry-After` is waited for"""
ANSWER_BYTES_MAX: Final = 64 * 1024 * 1024
CHUNK_BYTES: Final = 64 * 1024
PAGE_ITEMS_MAX: Final = 500

Query = Mapping[str, str | int | None]
Document = dict[str, Any]


class ApiClient:
    """The API of the service at `origin`, with one API key."""

    def __init__(
        self, origin: str, key: str, *, tries: int = TRIES, seconds: float = ANSWER_SECONDS
    ) -> None:
        """Raises ValueError when `origin` is none; nothing is sent before the first call."""
        self.origin = checked_origin(origin)
        self._pool = _pool(self.origin)
        self._headers = {"Authorization": f"Bearer {key}", "User-Agent": "holdfast-cli"}
        self._tries = tries
        self._timeout = urllib3.Timeout(connect=min(CONNECT_SECONDS, seconds), read=seconds)

    def get(self, path: str, query: Query | None = None) -> Document:
        """Reads a JSON document."""
        return self.call("GET", path, query=query)

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        query: Query | None = None,
        idempotency_key: str | None = None,
    ) -> Document:
        """Makes a call with a JSON body; the answer's document, empty when it has none.

        Raises ApiRefused for a problem document, ApiUnreachable when there is no usable answer.
        """
        headers = {} if idempotency_key is None else {"Idempotency-Key": idempotency_key}
        sent = None if body is None else json.dumps(body).encode()
        text = b"".join(self.stream(method, path, sent, query=query, headers=headers))
        return self._document(text) if text else {}

    def items(
        self, path: str, query: Query | None = None, *, limit: int | None = None
    ) -> Iterator[Document]:
        """The items of a list, page after page; only one page is kept at a time."""
        left = limit
        cursor: str | None = None
        while left is None or left > 0:
            size = PAGE_ITEMS_MAX if left is None else min(left, PAGE_ITEMS_MAX)
            page = self.get(path, {**(query or {}), "limit": size, "cursor": cursor})
            yield from page["items"]
            cursor = page["next"]
            left = None if left is None else left - len(page["items"])
            if cursor is None:
                return

    def stream(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        query: Query | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Iterator[bytes]:
        """The body of an answer in chunks, of at most ANSWER_BYTES_MAX in all."""
        given = {name: value for name, value in (query or {}).items() if value is not None}
        url = f"{self.origin}{path}{'?' + urlencode(given) if given else ''}"
        try:
            response = self._pool.request(
                method,
                url,
                body=body,
                headers={**self._headers, **(headers or {})},
                timeout=self._timeout,
                retries=self._retries(method),
                redirect=False,
                preload_content=False,
            )
            try:
                if response.status >= HTTPStatus.MULTIPLE_CHOICES:
                    raise self._refusal(response.status, response.read(CHUNK_BYTES))
                yield from self._bounded(response)
            finally:
                response.release_conn()
        except HTTPError as error:
            raise ApiUnreachable(f"{self.origin} does not answer: {_reason(error)}") from error

    def _bounded(self, response: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
        read = 0
        for chunk in response.stream(CHUNK_BYTES):
            read += len(chunk)
            if read > ANSWER_BYTES_MAX:
                response.close()
                raise ApiUnreachable(f"{self.origin} answers more than {ANSWER_BYTES_MAX} bytes")
            yield chunk

    def _retries(self, method: str) -> urllib3.Retry:
        return urllib3.Retry(
            total=self._tries - 1,
            connect=1,
            read=None if method == "GET" else 0,
            allowed_methods=None,
            status_forcelist=RETRY_LATER,
            backoff_factor=0.2,
            raise_on_status=False,
            retry_after_max=WAIT_SECONDS_MAX,
        )

    def _document(self, text: bytes) -> Document:
        with suppress(ValueError):
            document = json.loads(text)
            if isinstance(document, dict):
                return document
        raise ApiUnreachable(f"{self.origin} answers, but not as Holdfast does")

    def _refusal(self, status: int, text: bytes) -> ApiRefused | ApiUnreachable:
        with suppress(ApiUnreachable):
            document = self._document(text)
            if "code" in document:
                return ApiRefused(status, document)
        return ApiUnreachable(f"{self.origin} answers {status}, but not as Holdfast does")


def sale_path(sale: str, *parts: str) -> str:
    """The address of a sale, or of something of it."""
    return "/".join([SALES, *(quote(part, safe="") for part in (sale, *parts))])


def checked_origin(text: str) -> str:
    """`text` as an origin without a slash at its end; ValueError when it is none."""
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(f"{text!r} is no http(s) origin such as https://tickets.example")
    if parts.username is not None or parts.query or parts.fragment or parts.path.strip("/"):
        raise ValueError("an origin has a scheme, a host and a port only")
    return f"{parts.scheme}://{parts.netloc}"


def is_local(origin: str) -> bool:
    """Whether an origin is on this machine by its very name."""
    return is_loopback(urlsplit(origin).hostname or "")


def is_loopback(host: str) -> bool:
    """Whether a host is this machine by its very name."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _pool(origin: str) -> urllib3.PoolManager:
    parts = urlsplit(origin)
    proxy = getproxies().get(parts.scheme)
    if proxy is None or is_local(origin) or proxy_bypass(parts.hostname or ""):
        return urllib3.PoolManager()
    return urllib3.ProxyManager(proxy)


def _reason(error: HTTPError) -> str:
    """The innermost cause in words, without the repeated address."""
    cause: BaseException = (error.reason if isinstance(error, MaxRetryError) else None) or error
    inner = cause.__cause__ or cause.__context__
    if isinstance(inner, OSError) and inner.strerror:
        return inner.strerror
    text = str(cause)
    return text.rpartition(": ")[2] if "object at 0x" in text else text
