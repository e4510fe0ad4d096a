"""The keys of one sale's line, formatted once per sale, since a join needs seven of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from holdfast_lua.calls import keys

_SALES_KEPT: Final = 4_096


@dataclass(frozen=True, slots=True)
class LineKeys:
    """The keys of one sale's line, in the orders that the scripts want."""

    join: tuple[str, ...]
    all: tuple[str, ...]
    claim: tuple[str, ...]
    install: tuple[str, ...]
    place: tuple[str, ...]
    read: tuple[str, ...]
    visitor: tuple[str, ...]
    sale: str
    events: str
    line: str
    active: str
    unheld: str
    started: str
    returned: str


@lru_cache(maxsize=_SALES_KEPT)
def line_keys(uid: str) -> LineKeys:
    """The keys of a sale."""
    sale, events, line = keys.sale(uid), keys.events(uid), keys.line(uid)
    active, unheld = keys.active(uid), keys.unheld(uid)
    ranges = (keys.calls(uid), keys.shown(uid), keys.deferred(uid))
    retries = (keys.retrying(uid), keys.retried(uid))
    started, returned = keys.started(uid), keys.returned(uid)
    return LineKeys(
        join=(sale, events, line, active, unheld, *ranges, started),
        all=(sale, events, line, active, unheld, *ranges, *retries, started),
        claim=(sale, events, line, active, unheld, *ranges, *retries, returned, started),
        install=(line, active, unheld, *ranges, *retries, started, sale),
        place=(sale, line, active, *ranges, returned),
        read=(sale, line, *ranges),
        visitor=(sale, line, active, *ranges, started),
        sale=sale,
        events=events,
        line=line,
        active=active,
        unheld=unheld,
        started=started,
        returned=returned,
    )
