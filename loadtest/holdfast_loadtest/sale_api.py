"""The calls of the API by which a sale for a load test is made, watched and removed.

They are plain blocking calls: some run under Locust, where gevent and asyncio do not mix.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, Final, TypeVar
from urllib.parse import quote, urlencode

import msgspec

TIMEOUT_SECONDS: Final = 30
PLAN_SECONDS: Final = 120

T = TypeVar("T")


class ApiFault(Exception):
    """A call was refused or not answered; `status` is 0 without a readable answer."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code


class SaleApi:
    """The sales of one service, with one key."""

    def __init__(self, url: str, key: str) -> None:
        self.url = url.rstrip("/")
        self._key = key
        self.answered_at = datetime.now(UTC)
        """when the last answer was given by the clock of the service, to half a second"""

    def find(self, sale: str) -> dict[str, Any] | None:
        """The sale's document; None when there is none of that name."""
        return self._find(sale, "", dict[str, Any], absent="unknown_sale")

    def document(self, sale: str) -> dict[str, Any]:
        """The sale's document; ApiFault when there is none of that name."""
        return self._sale("GET", sale)

    def read(self, sale: str, route: str, kind: type[T]) -> T:
        """One of the sale's documents."""
        return self._decoded(self._answer("GET", sale, route), kind)

    def plan(self, sale: str, kind: type[T]) -> T | None:
        """The seating plan; None for a sale of areas alone."""
        return self._find(sale, "/plan", kind, absent="not_found")

    def put(self, sale: str, body: Mapping[str, object]) -> None:
        """Creates the sale, or changes it."""
        self._sale("PUT", sale, body=body)

    def live(self, sale: str) -> dict[str, Any]:
        """The live figures."""
        return self._sale("GET", sale, "/live")

    def copy(self, sale: str, to: str, fields: Mapping[str, object]) -> dict[str, Any]:
        """Creates a test sale like another sale, with these fields."""
        return self._sale("POST", sale, "/copy", {"to": to, **fields, "test": True})

    def require_limited(self, key: str, sale: str, other: str) -> None:
        """ValueError unless the key opens the one sale and is refused at the other."""
        limited = SaleApi(self.url, key)
        if limited.find(sale) is None:
            raise ValueError(f"there is no sale {sale}")
        try:
            limited.find(other)
        except ApiFault as fault:
            if fault.status == HTTPStatus.FORBIDDEN:
                return
            raise
        raise ValueError(f"the key for the run opens {other}, too: limit it to the test sale")

    def delete_with_orders(self, sale: str) -> None:
        """Closes the sale and deletes it; its orders stay in the ledger, marked as a test's."""
        self._sale("POST", sale, "/close")
        orders = self._sale("GET", sale, "/orders/totals")["orders"]
        self._sale("DELETE", sale, query={"orders": orders})

    def _find(self, sale: str, route: str, kind: type[T], *, absent: str) -> T | None:
        """A document; None where the API answers with this code."""
        try:
            return self.read(sale, route, kind)
        except ApiFault as fault:
            if fault.code == absent:
                return None
            raise

    def _sale(
        self,
        method: str,
        sale: str,
        rest: str = "",
        body: object | None = None,
        query: Mapping[str, object] | None = None,
    ) -> dict[str, Any]:
        answer = self._answer(method, sale, rest, body, query)
        return self._decoded(answer or b"{}", dict[str, Any])

    def _answer(
        self,
        method: str,
        sale: str,
        rest: str,
        body: object | None = None,
        query: Mapping[str, object] | None = None,
    ) -> bytes:
        address = f"{self.url}/v1/sales/{quote(sale, safe='')}{rest}"
        if query:
            address += f"?{urlencode(query)}"
        request = urllib.request.Request(  # noqa: S310 - the URL is the operator's own
            address,
            None if body is None else json.dumps(body).encode(),
            {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"},
            method=method,
        )
        seconds = PLAN_SECONDS if rest in {"/plan", "/copy"} else TIMEOUT_SECONDS
        try:
            with urllib.request.urlopen(request, timeout=seconds) as response:  # noqa: S310
                self._note_time(response.headers.get("Date"))
                return bytes(response.read())
        except urllib.error.HTTPError as refusal:
            self._note_time(refusal.headers.get("Date"))
            raise _fault(refusal) from None
        except OSError as error:
            raise ApiFault(0, "unreachable", f"{self.url}: {error}") from error

    def _decoded(self, answer: bytes, kind: type[T]) -> T:
        try:
            return msgspec.json.decode(answer, type=kind)
        except msgspec.MsgspecError as error:
            raise ApiFault(0, "unreadable", f"{self.url}: {error}") from error

    def _note_time(self, told: str | None) -> None:
        """The header has whole seconds, so half of one has passed on average."""
        if told is not None:
            self.answered_at = parsedate_to_datetime(told) + timedelta(seconds=0.5)


def _fault(refusal: urllib.error.HTTPError) -> ApiFault:
    try:
        problem = json.loads(refusal.read())
        code, detail = str(problem["code"]), str(problem.get("detail", ""))
    except (OSError, ValueError, LookupError, TypeError):
        code, detail = "unknown", ""
    return ApiFault(refusal.code, code, f"{code}: {detail}" if detail else code)
