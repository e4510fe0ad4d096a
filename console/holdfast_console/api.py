"""The published API as screens call it, and the problems that it answers."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote, urlencode

import msgspec

from holdfast_web.paths import sale_path

PAGE_ITEMS: Final = 500
PAGES_MAX: Final = 4
FILE_PAGES_MAX: Final = 20_000
"""of a list that is written into a file: ten million items"""


@dataclass(frozen=True, slots=True)
class ApiAnswer:
    """The response of a call: its bytes are JSON for most endpoints."""

    status: int
    body: bytes
    headers: Mapping[str, str]


class ApiProblem(Exception):
    """What the API refused, and the members of its problem document."""

    def __init__(self, status: int, document: Mapping[str, Any]) -> None:
        super().__init__(document.get("code"))
        self.status = status
        self.document = document
        self.code: str = str(document.get("code", "internal_error"))
        self.detail: str = str(document.get("detail", ""))
        self.field: str = str(document.get("field", ""))


Send = Callable[[str, str, bytes, Mapping[str, str]], Awaitable[ApiAnswer]]
"""From (method, path with query, body, headers) to the answer."""


@dataclass(frozen=True, slots=True)
class PublishedApi:
    """The API with the rights of whoever is signed in."""

    send: Send = field(repr=False)

    async def get(self, path: str, **query: str | int | None) -> Any:
        """The document at `path`; parameters that are None or empty are left out."""
        return await self.call("GET", path, query=query)

    async def post(self, path: str, body: object = None, **query: str | int | None) -> Any:
        return await self.call("POST", path, body, query=query)

    async def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        query: Mapping[str, str | int | None] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """The JSON of the answer, None for one without a body; raises ApiProblem."""
        sent = b"" if body is None else msgspec.json.encode(body)
        answer = await self.ask(method, path, sent, query=query, headers=headers)
        return msgspec.json.decode(answer.body) if answer.body else None

    async def ask(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        query: Mapping[str, str | int | None] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> ApiAnswer:
        """The answer as it is; raises ApiProblem."""
        given = {name: value for name, value in (query or {}).items() if value not in (None, "")}
        target = f"{path}?{urlencode(given)}" if given else path
        answer = await self.send(method, target, body, headers or {})
        if answer.status >= HTTPStatus.BAD_REQUEST:
            raise ApiProblem(answer.status, _document(answer.body))
        return answer

    async def items(self, path: str, **query: str | int | None) -> list[dict[str, Any]]:
        """The items of a list, `PAGES_MAX` pages at most."""
        pages = self.pages(path, PAGES_MAX, **query)
        return [item async for items in pages for item in items]

    async def pages(
        self, path: str, pages_max: int, **query: str | int | None
    ) -> AsyncIterator[Sequence[dict[str, Any]]]:
        """The items of a list, a page at a time, so that none is kept: for files."""
        cursor: str | None = None
        for _ in range(pages_max):
            page = await self.get(path, limit=PAGE_ITEMS, cursor=cursor, **query)
            yield page["items"]
            cursor = page["next"]
            if cursor is None:
                return


def sale_url(sale: str, rest: str = "") -> str:
    """The address of a sale's resource in the API, whatever the name consists of."""
    return sale_path(quote(sale, safe="")) + rest


def _document(body: bytes) -> Mapping[str, Any]:
    try:
        document = msgspec.json.decode(body)
    except msgspec.MsgspecError:
        return {}
    return document if isinstance(document, dict) else {}
