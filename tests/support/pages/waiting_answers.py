"""Answers to the waiting page in the service's stead, for what is hard to bring about on purpose:
an older document, a lost connection.
"""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from playwright.async_api import Route

Answer = tuple[int, object] | tuple[int, object, Mapping[str, str]]
"""Status, body (a document when it is a string, else JSON) and further headers."""

STAND_STILL: Final = "const stopped = performance.now(); performance.now = () => stopped"
"""From now on the page polls only when it is told to: its clock reaches no time at which a poll is
due."""
ASKED: Final = "fetch('/v1/sales/x/status').catch(() => null)"
"""is answered after whatever the page has asked before"""


def in_seconds(seconds: float) -> str:
    """An instant as the service writes it, from now on."""
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


async def answer_with(route: Route, answer: Answer) -> None:
    """Answers a request of the page."""
    status, body, *more = answer
    text = isinstance(body, str)
    await route.fulfill(
        status=status,
        content_type="text/html" if text else "application/json",
        headers=dict(*more),
        body=str(body) if text else json.dumps(body),
    )


@dataclass
class WaitingAnswers:
    """What the page of one visitor is answered; it may change while the page is open."""

    number: int | None = 100
    claim: Answer = (202, {})
    join: Answer | None = None
    view: Answer | None = None
    failing: Answer | None = None
    """What everything is answered with instead."""
    online: bool = True
    """Whether there is any answer."""
    keeps_cookies: bool = True
    wait: dict[str, int] | None = field(default_factory=lambda: {"p50": 600, "p90": 840})
    status: dict[str, Any] = field(default_factory=dict)
    opens_in: float = -60
    joins: int = 0
    views: int = 0
    requests: int = 0
    poll: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.status = {
            "sale": "x", "state": "open", "revision": 10,
            "event_start_time": in_seconds(self.opens_in),
            "serving": 40, "issued": 200, "lobby": 0, "gaps": [], "admitted_per_minute": 60,
            "refresh_interval_seconds": 1, "claim_window_seconds": 120,
            "sellable": 300, "held": 100, "sold": 100, "message": None, "draw": None,
        } | self.status  # fmt: skip

    async def give(self, route: Route) -> None:
        """Answers a request of the page, or lets it fail."""
        self.requests += 1
        if not self.online:
            await route.abort("connectionreset")
        else:
            await answer_with(route, self.failing or self._answer(route))

    def newer(self, **changes: object) -> None:
        """Changes the status document, as a newer one."""
        self.status |= {"revision": self.status["revision"] + 1, **changes}

    async def polled(self) -> None:
        """Waits until the page has asked for the status once more."""
        self.poll.clear()
        async with asyncio.timeout(20):
            await self.poll.wait()

    def _answer(self, route: Route) -> Answer:
        path = urlsplit(route.request.url).path.rsplit("/", 1)[-1]
        shows_ticket = self.keeps_cookies or "holdfast-ticket" in route.request.headers
        if path in {"ticket", "pass"} and not shows_ticket:
            return 401, {"code": "unauthorized"}
        return self._answers()[path]()

    def _answers(self) -> dict[str, Callable[[], Answer]]:
        return {
            "status": self._status,
            "tickets": self._join,
            "ticket": self._view,
            "pass": lambda: self.claim,
            "nowhere": lambda: (204, ""),
        }

    def _status(self) -> Answer:
        self.poll.set()
        return 200, {"now": in_seconds(0), **self.status}

    def _join(self) -> Answer:
        self.joins += 1
        return self.join or (201, {"ticket": "t", "number": self.number, "state": "waiting"})

    def _view(self) -> Answer:
        self.views += 1
        place = {"state": "waiting", "number": self.number, "users_ahead": 59}
        return self.view or (200, {**place, "estimated_wait_seconds": self.wait})
