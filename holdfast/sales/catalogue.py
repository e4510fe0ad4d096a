"""What a worker knows of every sale that there is: little enough for ten thousand of them.

A sale that nobody asks for is not loaded. It has an entry here, some hundred bytes, from which the
leader visits it with one script call: when it has changed, when one of its times comes, and now and
then in turn. A visit moves it on as any step would, and finds out whether it must be loaded.
"""

import heapq
from collections import OrderedDict
from dataclasses import dataclass
from itertools import islice
from typing import Final

from holdfast.sales.spec import spec_from_json
from holdfast.sales.spec_mapping import sale_times
from holdfast.sales.tasks.liveness import next_change_ms
from holdfast_ledger import SaleRecord
from holdfast_lua.calls.guard import SaleRef
from holdfast_lua.calls.line_status import LineStatus

WANTED_PER_PICK: Final = 50
IN_TURN_PER_PICK: Final = 5


@dataclass(slots=True)
class KnownSale:
    """A sale as the ledger had it when it changed last; `ref` is this entry's own."""

    name: str
    ref: SaleRef
    lifecycle: str
    settings_version: int
    opens_ms: int
    releases: bool
    """whether a channel may have to be released yet"""
    uninstalled: bool
    """whether nobody had noted yet that the store carries it"""
    due_ms: int = 0


class Catalogue:
    """All sales by uid."""

    def __init__(self) -> None:
        self._sales: OrderedDict[str, KnownSale] = OrderedDict()  # the longest unvisited first
        self._wanted: dict[str, None] = {}
        self._due: list[tuple[int, str]] = []

    def __len__(self) -> int:
        return len(self._sales)

    def get(self, uid: str) -> KnownSale | None:
        """The sale with this uid."""
        return self._sales.get(uid)

    def note(self, record: SaleRecord, now_ms: int) -> None:
        """Take over a new or changed sale; it is to be visited. ValueError if it is unreadable."""
        spec = spec_from_json(record.spec)
        times = sale_times(spec)
        sale = KnownSale(
            record.name,
            SaleRef(record.uid, record.epoch),
            record.lifecycle,
            record.settings_version,
            times.opens_ms,
            bool(spec.released_channels),
            record.installed_epoch != record.epoch,
        )
        self._sales[record.uid] = sale
        self._wanted[record.uid] = None
        self._schedule(sale, (times.prequeue_ms, times.opens_ms, times.ends_ms), now_ms)

    def forget(self, uid: str) -> None:
        """The sale is gone."""
        self._sales.pop(uid, None)
        self._wanted.pop(uid, None)

    def visited(self, sale: KnownSale, line: LineStatus, now_ms: int) -> None:
        """By what it showed, see when its state changes next."""
        self._schedule(sale, (line.prequeue_ms, line.opens_ms, line.ends_ms), now_ms)

    def pick(self, now_ms: int) -> list[KnownSale]:
        """The sales to visit at this moment of the store's time, each of them once."""
        uids: dict[str, None] = {}
        while self._due and self._due[0][0] <= now_ms:
            uids[heapq.heappop(self._due)[1]] = None
        for uid in list(islice(self._wanted, WANTED_PER_PICK)):
            del self._wanted[uid]
            uids[uid] = None
        for uid in list(islice(self._sales, IN_TURN_PER_PICK)):
            uids[uid] = None
        return [self._turned(uid) for uid in uids if uid in self._sales]

    def _turned(self, uid: str) -> KnownSale:
        """It comes last now of those that are visited in turn."""
        self._sales.move_to_end(uid)
        return self._sales[uid]

    def _schedule(self, sale: KnownSale, times_ms: tuple[int, ...], now_ms: int) -> None:
        due_ms = next_change_ms(times_ms, now_ms)
        if due_ms and due_ms != sale.due_ms:
            heapq.heappush(self._due, (due_ms, sale.ref.uid))
        sale.due_ms = due_ms
