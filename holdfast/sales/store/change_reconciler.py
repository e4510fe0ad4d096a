"""Reconciles store and ledger after a worker died in the middle of an operator's change.

Settings are written to the ledger first: when it is ahead they are pushed into the store. A
lifecycle is changed in the store first, because it must happen between two admissions: it is then
noted in the ledger, as is the start of a sale that was opened early, and a start that the store
refused because the sale had begun.

Whoever pushed settings may have died before releasing the allotments that they let out; that is
finished here. With a start that the store refused nothing is released, for it could not be undone.

The ledger is read before the store, and written only if it is still as it was read. So whatever
another worker is about to note is either seen in the store too, or noted after us and stands.
"""

import logging
from collections.abc import Set
from dataclasses import dataclass

import msgspec

from holdfast.sales.builder import SaleBuilder
from holdfast.sales.catalogue import CatalogueEntry
from holdfast.sales.sale import Sale
from holdfast.sales.spec import SaleSpec, spec_from_json, spec_to_json
from holdfast_inventory.holds.releases import allotted_channels
from holdfast_ledger import AuditEntry, Ledger, SaleRecord
from holdfast_lua.calls.line_status import LineStatus
from holdfast_lua.calls.sale import SaleHead
from holdfast_web.timestamps import moment_of, unix_ms

logger = logging.getLogger(__name__)


_ADOPTED = AuditEntry("holdfast", "sale.lifecycle_adopted")
"""without the operator's name, which died with the worker"""


@dataclass(frozen=True)
class ChangeReconciler:
    """Compares a sale in store and ledger for the leader, and repairs what differs."""

    builder: SaleBuilder

    async def reconcile(self, sale: Sale, record: SaleRecord) -> None:
        """Repairs what differs from `record`, which has just been read from the ledger."""
        if record.uid != sale.uid or record.epoch != sale.ref.epoch:
            return  # the next tick finds that out
        if not differs_from_ledger(sale.room.document.line, record, _opens_ms(record)):
            await self.builder.finish_push(sale)
            return
        head = await self.builder.sale_calls.read(sale.ref)
        noted = await self._noted(sale, record, head)
        if head.settings_version < noted.settings_version:
            await self.builder.push(sale, noted)

    async def _noted(self, sale: Sale, record: SaleRecord, head: SaleHead) -> SaleRecord:
        """Notes in the ledger what the store has decided; the record after that."""
        if head.lifecycle != record.lifecycle:
            logger.warning(
                "sale %s is %s in the store; noting it in the ledger", record.name, head.lifecycle
            )
            adopted = await self.builder.ledger.sales.adopt_lifecycle(
                record, head.lifecycle, _ADOPTED
            )
            if adopted is None:
                return record  # somebody else has just written: the next round reads it
            record = adopted
        opens_ms = head.times.opens_ms
        if opens_ms <= head.now_ms and opens_ms != _opens_ms(record):
            pushed = head.settings_version >= record.settings_version
            kept = frozenset() if pushed else allotted_channels(sale.inventory, head.allotted[0])
            return await note_opening(self.builder.ledger, record, opens_ms, kept=kept)
        return record


async def note_opening(
    ledger: Ledger, record: SaleRecord, opens_ms: int, *, kept: Set[str] = frozenset()
) -> SaleRecord:
    """Notes an early start in the ledger as the sale's start. The channels `kept`, which the store
    has not released, are removed from the record's released channels.
    """
    spec = spec_from_json(record.spec)
    released = tuple(channel for channel in spec.released_channels if channel not in kept)
    opened = msgspec.structs.replace(_opened_at(spec, opens_ms), released_channels=released)
    if opened == spec:
        return record
    written = await ledger.sales.patch(
        record.uid, spec_to_json(opened, over=record.spec), seen_version=record.settings_version
    )
    return written or await ledger.sales.read_uid(record.uid)


def differs_from_ledger(
    line: LineStatus, record: SaleRecord | CatalogueEntry, opens_ms: int
) -> bool:
    """Whether a sale's status, a fraction of a second old, differs from its ledger record."""
    return (
        line.settings_version < record.settings_version
        or line.lifecycle != record.lifecycle
        or (line.phase == "open" and line.opens_ms != opens_ms)
    )


def _opens_ms(record: SaleRecord) -> int:
    return unix_ms(spec_from_json(record.spec).event_start_time)


def _opened_at(spec: SaleSpec, opens_ms: int) -> SaleSpec:
    start = moment_of(opens_ms) if opens_ms else None
    prequeue = spec.prequeue_start_time
    if start is None or (prequeue is not None and prequeue > start):
        prequeue = start
    return msgspec.structs.replace(spec, event_start_time=start, prequeue_start_time=prequeue)
