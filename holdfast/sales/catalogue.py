"""The catalogue of a worker: a small entry for every sale, loaded or not.

By its entry, some hundred bytes, the leader visits a sale that nobody requests with one script
call: when it has changed, when one of its times comes, and in turn. A visit ticks the sale once and
finds out whether it must be loaded.
"""

import heapq
from collections import OrderedDict
from dataclasses import dataclass
from itertools import islice
from typing import Final

from holdfast.sales.spec import spec_from_json
from holdfast.sales.spec_mapping import sale_times
from holdfast.sales.tasks.activity import next_change_ms
from holdfast_ledger import SaleRecord
from holdfast_lua.calls.guard import SaleRef
from holdfast_lua.calls.line_status import LineStatus

CHANGED_PER_PICK: Final = 50
IN_TURN_PER_PICK: Final = 5


@dataclass(slots=True)
class CatalogueEntry:
    """What the ledger said of a sale at its last change; `ref` belongs to the entry alone."""

    name: str
    ref: SaleRef
    lifecycle: str
    settings_version: int
    opens_ms: int
    releases: bool
    """whether a channel may still have to be released in the store"""
    uninstalled: bool
    """whether the ledger does not say yet that the store carries this epoch"""
    test: bool = False
    """whether it is a test sale"""
    due_ms: int = 0


class Catalogue:
    """All sales by uid, and which of them to visit next."""

    def __init__(self) -> None:
        self._sales: OrderedDict[str, CatalogueEntry] = OrderedDict()  # the longest unvisited first
        self._changed: dict[str, None] = {}
        self._due: list[tuple[int, str]] = []

    def __len__(self) -> int:
        return len(self._sales)

    def get(self, uid: str) -> CatalogueEntry | None:
        """The sale with this uid."""
        return self._sales.get(uid)

    def note(self, record: SaleRecord, now_ms: int) -> None:
        """Adds a new or changed sale, to be visited soon; ValueError if its spec cannot be read."""
        spec = spec_from_json(record.spec)
        times = sale_times(spec)
        sale = CatalogueEntry(
            record.name,
            SaleRef(record.uid, record.epoch),
            record.lifecycle,
            record.settings_version,
            times.opens_ms,
            bool(spec.released_channels),
            record.installed_epoch != record.epoch,
            spec.test,
        )
        self._sales[record.uid] = sale
        self._changed[record.uid] = None
        self._schedule(sale, (times.prequeue_ms, times.opens_ms, times.ends_ms), now_ms)

    def forget(self, uid: str) -> None:
        """Removes a sale that was deleted."""
        self._sales.pop(uid, None)
        self._changed.pop(uid, None)

    def visited(self, sale: CatalogueEntry, line: LineStatus, now_ms: int) -> None:
        """Notes what a visit showed: when the sale's state changes next."""
        self._schedule(sale, (line.prequeue_ms, line.opens_ms, line.ends_ms), now_ms)

    def pick(self, now_ms: int) -> list[CatalogueEntry]:
        """The sales to visit at this moment of the store's time, each of them once."""
        uids: dict[str, None] = {}
        while self._due and self._due[0][0] <= now_ms:
            uids[heapq.heappop(self._due)[1]] = None
        for uid in list(islice(self._changed, CHANGED_PER_PICK)):
            del self._changed[uid]
            uids[uid] = None
        for uid in list(islice(self._sales, IN_TURN_PER_PICK)):
            uids[uid] = None
        known = [uid for uid in uids if uid in self._sales]
        for uid in known:
            self._sales.move_to_end(uid)  # the last of those that are visited in turn
        return [self._sales[uid] for uid in known]

    def _schedule(self, sale: CatalogueEntry, times_ms: tuple[int, ...], now_ms: int) -> None:
        due_ms = next_change_ms(times_ms, now_ms)
        if due_ms and due_ms != sale.due_ms:
            heapq.heappush(self._due, (due_ms, sale.ref.uid))
        sale.due_ms = due_ms
