"""The calls of the API by which a rehearsal makes, watches and removes its test sale."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote, urlencode

TIMEOUT_SECONDS: Final = 30
PLAN_SECONDS: Final = 120


class ApiFault(Exception):
    """A call was refused or not answered; `status` is 0 without an answer."""

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
        """when the last answer was given, by the clock of the service"""

    def find(self, sale: str) -> dict[str, Any] | None:
        """The sale's document; None when there is none of that name."""
        try:
            return self._sale("GET", sale)
        except ApiFault as fault:
            if fault.code == "unknown_sale":
                return None
            raise

    def document(self, sale: str) -> dict[str, Any]:
        """The sale's document; ApiFault when there is none of that name."""
        return self._sale("GET", sale)

    def plan(self, sale: str) -> dict[str, Any] | None:
        """The seating plan; None for a sale of areas alone."""
        try:
            return self._sale("GET", sale, "/plan")
        except ApiFault as fault:
            if fault.code == "not_found":
                return None
            raise

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

    def _sale(
        self,
        method: str,
        sale: str,
        rest: str = "",
        body: object | None = None,
        query: Mapping[str, object] | None = None,
    ) -> dict[str, Any]:
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
                answer: dict[str, Any] = json.loads(response.read() or b"{}")
                if date := response.headers.get("Date"):
                    self.answered_at = parsedate_to_datetime(date)
                return answer
        except urllib.error.HTTPError as refusal:
            raise _fault(refusal) from None
        except (OSError, ValueError) as error:
            raise ApiFault(0, "unreachable", f"{self.url}: {error}") from error


def _fault(refusal: urllib.error.HTTPError) -> ApiFault:
    try:
        problem = json.loads(refusal.read())
        code, detail = str(problem["code"]), str(problem.get("detail", ""))
    except (OSError, ValueError, LookupError, TypeError):
        code, detail = "unknown", ""
    return ApiFault(refusal.code, code, f"{code}: {detail}" if detail else code)
