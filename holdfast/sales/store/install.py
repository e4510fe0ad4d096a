"""Installs a sale in the store, at its creation and after a loss alike.

The stock is written first (its fence keeps an overtaken installer out), then the line, and last the
sale hash, which is the commit point: until it is there every guarded script refuses, and from then
on every installing script does. Several processes may install one epoch at once; what they write is
the same, and the first commits.

A rebuild first bumps the epoch in the ledger, which waits for confirms under way and refuses those
that come after, so that what is read next is final.

An epoch belongs to one store. While a master is cut off and another one was promoted, nodes that
still use the former must neither end the epoch nor install it a second time. So most Sentinels are
asked first whether ours is the store to use, and the nonce of the stock's fence is bound to the
epoch in the ledger before the commit point: of two stores the second is refused.
"""

import logging
import zlib
from dataclasses import dataclass, replace
from typing import Final

import msgspec

from holdfast.sales.plans import PlanCache
from holdfast.sales.spec import SaleSpec, spec_from_json
from holdfast.sales.spec_mapping import draw_of, inventory_settings, line_settings, sale_times
from holdfast.sales.store.ledger_inventory import ledger_holds
from holdfast_inventory.holds.inventory_image import make_image
from holdfast_ledger import Checkpoint, DrawRecord, Ledger, SaleRecord
from holdfast_lua.calls.codes import Code
from holdfast_lua.calls.guard import SaleRef
from holdfast_lua.calls.inventory_install import (
    InstallFenced,
    InventoryImage,
    install_inventory,
    read_fence,
)
from holdfast_lua.calls.line import LineCalls, LineCheckpoint
from holdfast_lua.calls.line_status import DrawState, LineStatus, OpenCalls
from holdfast_lua.calls.records import HoldRecord
from holdfast_lua.calls.sale import SaleCalls
from holdfast_lua.calls.store import probe_store
from holdfast_lua.client.executor import Executor
from holdfast_queue.draw.commitment import Draw

_COMPRESSED: Final = b"\x78"
"""the first byte of a zlib stream; earlier versions wrote checkpoints uncompressed"""
_OF_STATUS: Final = (
    *("ceiling", "issued", "lobby", "frozen", "serving", "called_from", "gaps", "called"),
    *("claimed", "lapsed", "admitted", "active", "draw", "accumulator", "beacon"),
    *("stays", "stays_ms", "closed_ms", "sealed_ms"),
)
"""the fields of a checkpoint that are as in the status of the line"""
_OF_CALLS: Final = (
    *("issued", "serving", "called", "claimed", "lapsed", "admitted", "ranges", "shown_from"),
    *("shown", "deferred", "clock_ms", "show_called", "show_shown"),
)
"""those that are as they were read with the open calls"""
_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(LineCheckpoint).decode

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Installer:
    """Writes sales into the store from what the ledger says."""

    executor: Executor
    ledger: Ledger
    plans: PlanCache

    async def restore(self, record: SaleRecord, *, rolled_back: bool = False) -> SaleRecord:
        """Installs or rebuilds a sale that the store does not carry as it must.

        An epoch that no store has begun to carry is installed, by whichever process is first. Of
        one that some store carries, the fence tells whether it is this one: then an installation is
        under way. A store that was `rolled_back` knows of the epoch too, and less than has
        happened.
        """
        fence = await read_fence(self.executor, record.uid)
        carried = record.store_nonce or record.installed_epoch == record.epoch
        if rolled_back or (carried and fence != (record.epoch, record.store_nonce)):
            return await self.rebuild(record)
        await self.install(record)
        return record

    async def rebuild(self, record: SaleRecord) -> SaleRecord:
        """Ends the epoch after a loss, then installs the next one from the ledger.

        Whoever else notices the same loss finds the epoch ended and installs the same next one. A
        store that is not the one to use has lost nothing: StoreUnavailable, the epoch goes on.
        """
        await self.executor.require_master()
        await probe_store(self.executor)
        epoch = await self.ledger.sales.bump_epoch(record.uid, seen_epoch=record.epoch)
        logger.warning("rebuilding sale %s in epoch %d", record.name, epoch)
        record = await self.ledger.sales.read_uid(record.uid)
        await self.install(record)
        return record

    async def install(self, record: SaleRecord) -> None:
        """Makes the store carry the sale in the record's epoch; harmless when it does already.

        EpochElsewhere when another store does, or has begun to.
        """
        await self.executor.require_master()
        spec = spec_from_json(record.spec)
        checkpoint = await self.ledger.checkpoints.read(record.uid) if record.provisioned else None
        sealed = await self.ledger.draws.read(record.uid)
        draw = draw_of(record, spec)
        ref = SaleRef(record.uid, record.epoch)
        image = await self._image(record, spec)
        nonce = await install_inventory(self.executor, ref.uid, ref.epoch, image)
        if nonce is None:
            return
        start = _with_draw(_line_start(record, checkpoint), draw, sealed)
        code = await LineCalls(self.executor).install_line(ref, line_settings(spec).terms, start)
        if code is not Code.OK:
            return
        await self.ledger.sales.bind_store(record.uid, epoch=record.epoch, nonce=nonce)
        code = await SaleCalls(self.executor).install(
            ref,
            name=record.name,
            lifecycle=record.lifecycle,
            settings_version=record.settings_version,
            times=sale_times(spec),
            inventory=image.sale_fields(),
            clock_ms=checkpoint.taken_ms if checkpoint else 0,
            rebuilt=record.provisioned,
            commitment="" if draw is None else draw.commitment,
            nonce=nonce,
        )
        if code is Code.INSTALL_FENCED:
            raise InstallFenced("the stock was written to another store, or is gone again")
        await self.ledger.sales.set_provisioned(record.uid, epoch=record.epoch)

    async def _image(self, record: SaleRecord, spec: SaleSpec) -> InventoryImage:
        """The inventory by the ledger, as the store takes it."""
        settings = inventory_settings(spec)
        plan = await self.plans.get(record, spec)
        holds: list[HoldRecord] = []
        blocked: list[int] = []
        if record.provisioned:
            holds = await ledger_holds(self.ledger, record.uid, plan, settings)
            blocked = await self.ledger.seat_blocks.blocked(record.uid)
        return make_image(plan, settings, holds, blocked)


def _line_start(record: SaleRecord, checkpoint: Checkpoint | None) -> LineCheckpoint:
    """The state in which the line starts: empty, or its checkpoint; never below the ceiling."""
    if not record.provisioned:
        start = LineCheckpoint(ceiling=0)
    elif checkpoint is None:
        start = LineCheckpoint(ceiling=0, fresh=False)
    else:
        start = read_checkpoint(checkpoint.body)
    return replace(start, ceiling=record.issued_ceiling, stopped=record.lifecycle == "paused")


def _with_draw(
    start: LineCheckpoint, draw: Draw | None, sealed: DrawRecord | None
) -> LineCheckpoint:
    """The start with the draw's state: a sealed draw overrides the checkpoint."""
    if draw is None:
        return start
    if sealed is None:
        accumulator = start.accumulator or draw.start
        return replace(start, draw=DrawState.TO_COME, accumulator=accumulator, beacon="")
    return replace(
        start,
        frozen=True,
        lobby=sealed.entrants,
        issued=max(start.issued, sealed.entrants),
        draw=DrawState.SEALED,
        accumulator=sealed.accumulator,
        beacon=sealed.beacon or "",
        closed_ms=sealed.closed_ms,
        sealed_ms=sealed.sealed_ms,
    )


def line_checkpoint(uid: str, epoch: int, line: LineStatus, calls: OpenCalls) -> Checkpoint:
    """The checkpoint of a line: its status, and the open calls read a moment later."""
    start = LineCheckpoint(
        **{name: getattr(line, name) for name in _OF_STATUS},
        fresh=False,
        stopped=line.lifecycle == "paused",
        taken_ms=calls.now_ms,
    )
    if line.frozen:
        start = replace(start, **{name: getattr(calls, name) for name in _OF_CALLS})
    body = zlib.compress(_encode(start), level=1)
    return Checkpoint(uid, epoch, calls.now_ms, body, calls.revision)


def read_checkpoint(body: bytes) -> LineCheckpoint:
    """Decodes a checkpoint of this version or an earlier one."""
    return _decode(zlib.decompress(body) if body.startswith(_COMPRESSED) else body)
