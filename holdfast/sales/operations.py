"""What an operator does with sales, each with its order of writes and its line in the audit.

Who decides differs by operation. Creating, replacing and patching is decided by the ledger, which
is written first; the store follows, and a worker that dies in between leaves a ledger that is
ahead, which the leader's next look carries on. Opening, pausing, draining and closing is decided
by the store, in one script, because it must happen between two admissions; the ledger notes it, and
when a worker dies in between, the leader's next look notes it (agreement.py).
"""

import asyncio
import logging
import secrets
from collections.abc import Mapping
from typing import Final

import msgspec

from holdfast.sales.agreement import note_opening
from holdfast.sales.builder import SaleBuilder
from holdfast.sales.directory import SaleDirectory
from holdfast.sales.sale import Sale
from holdfast.sales.spec import (
    SaleBody,
    SaleSpec,
    check_prices,
    patched_spec,
    spec_from_json,
    spec_to_json,
    split_body,
)
from holdfast.sales.translate import brand, line_settings, stock_settings
from holdfast_inventory.ledger import SaleDraft, SaleRecord
from holdfast_inventory.plan import compile_plan
from holdfast_lua.stock_install import InstallFenced
from holdfast_queue.status import SaleState
from holdfast_web.errors import ErrorCode, HoldfastError, invalid

DRAW_SECRET_BYTES: Final = 32
UID_CHARS: Final = 12
UID_ALPHABET: Final = "abcdefghijklmnopqrstuvwxyz234567"
PATCH_ATTEMPTS: Final = 5
LIFECYCLE_OPERATIONS: Final = ("open", "pause", "resume", "drain", "close")

logger = logging.getLogger(__name__)


class SaleOperations:
    """The operator's side of the sales of one process."""

    def __init__(self, builder: SaleBuilder, directory: SaleDirectory) -> None:
        self._builder = builder
        self._directory = directory
        self._ledger = builder.ledger

    async def put(self, name: str, body: SaleBody, actor: str) -> tuple[Sale, bool]:
        """Create the sale (True), or replace it while nobody has a ticket (False)."""
        spec, plan = split_body(body)
        await _check_stock(spec, plan)
        record = await self._ledger.sales.read(name)
        if record is None:
            record = await self._ledger.sales.create(_draft(new_uid(), name, spec, plan))
            created = True
        else:
            if record.lifecycle == "closed":
                raise HoldfastError(ErrorCode.SALE_STARTED, "The sale is closed; DELETE it first.")
            record = await self._replaced(_draft(record.uid, name, spec, plan))
            created = False
        sale = await self._installed(record)
        await self._audit(actor, "sale.put", name, {"created": created, "uid": sale.uid})
        return sale, created

    async def put_plan(self, name: str, plan: bytes, actor: str) -> Sale:
        """Give the sale another seating plan while nobody has a ticket."""
        sale = await self._directory.get(name)
        await _check_stock(sale.spec, plan)
        record = await self._replaced(_draft(sale.uid, name, sale.spec, plan))
        sale = await self._installed(record)
        await self._audit(actor, "sale.put_plan", name, {"bytes": len(plan)})
        return sale

    async def patch(self, name: str, changes: Mapping[str, object], actor: str) -> Sale:
        """Change live settings; every worker follows within two ticks."""
        sale = await self._directory.get(name)
        before = sale.spec
        record = await self._patched(sale, changes)
        try:
            await self._builder.push(sale, record)
        except HoldfastError:
            # The store has the last word on times that have passed: the ledger takes it back.
            undo = {field: getattr(before, field) for field in changes}
            await self._patched(sale, msgspec.to_builtins(undo))
            raise
        await self._audit(actor, "sale.patch", name, changes)
        return sale

    async def change_lifecycle(self, name: str, operation: str, actor: str) -> Sale:
        """open, pause, resume, drain or close."""
        sale = await self._directory.get(name)
        done = await sale.room.change_lifecycle(operation)
        record = await self._ledger.sales.set_lifecycle(sale.uid, done.lifecycle)
        if operation == "open":
            record = await note_opening(self._ledger, record, done.opens_ms)
        await self._builder.push(sale, record)
        await self._audit(actor, f"sale.{operation}", name, {"lifecycle": done.lifecycle})
        return sale

    async def give_beacon(self, name: str, value: str, actor: str) -> Sale:
        """The value of the beacon that the sale announced for its draw."""
        sale = await self._directory.get(name)
        await sale.room.give_beacon(value)
        await self._audit(actor, "sale.draw_beacon", name, {"value": value})
        return sale

    async def delete(self, name: str, actor: str) -> None:
        """Take a closed sale off the list; its orders stay in the ledger."""
        sale = await self._directory.get(name)
        await sale.room.tick()
        if sale.room.document.state is not SaleState.CLOSED:
            raise HoldfastError(ErrorCode.SALE_NOT_CLOSED)
        await self._ledger.sales.delete(sale.uid)
        self._directory.forget(name)
        await self._builder.sale_calls.remove(sale.uid)
        await self._audit(actor, "sale.delete", name, {"uid": sale.uid})

    async def _replaced(self, draft: SaleDraft) -> SaleRecord:
        record = await self._ledger.sales.replace(draft)
        if record is None:
            raise HoldfastError(ErrorCode.SALE_STARTED)
        return record

    async def _installed(self, record: SaleRecord) -> Sale:
        try:
            await self._builder.installer.install(record)
        except InstallFenced as fence:
            logger.info("sale %s: replaced once more meanwhile: %s", record.name, fence)
        return await self._directory.reload(record)

    async def _patched(self, sale: Sale, changes: Mapping[str, object]) -> SaleRecord:
        """Write the changed spec over the newest one; another PATCH in between is read first."""
        for _ in range(PATCH_ATTEMPTS):
            record = await self._ledger.sales.read_uid(sale.uid)
            spec = patched_spec(spec_from_json(record.spec), changes)
            line_settings(spec)
            brand(spec)
            written = await self._ledger.sales.patch(
                sale.uid, spec_to_json(spec), seen_version=record.settings_version
            )
            if written is not None:
                return written
        raise HoldfastError(ErrorCode.CONFLICT)

    async def _audit(self, actor: str, action: str, sale: str, detail: object) -> None:
        text = msgspec.json.encode(detail)
        await self._ledger.audit.append(actor, action, sale=sale, detail=text)


def new_uid() -> str:
    """What tells this sale from every other that ever had its name."""
    return "".join(secrets.choice(UID_ALPHABET) for _ in range(UID_CHARS))


async def _check_stock(spec: SaleSpec, plan: bytes | None) -> None:
    """There is something to sell, the plan can be read, and all of it has a price."""
    line_settings(spec)
    brand(spec)
    if plan is None and not spec.areas:
        raise invalid("plan", "A sale needs a seating `plan`, `areas`, or both.")
    # A hundred thousand seats take a second to read, in which others want to be served.
    compiled = await asyncio.to_thread(compile_plan, plan, stock_settings(spec))
    used = {category for category, seats in compiled.category_seats().items() if seats}
    check_prices(spec, frozenset(used | {area.category for area in spec.areas}))


def _draft(uid: str, name: str, spec: SaleSpec, plan: bytes | None) -> SaleDraft:
    return SaleDraft(
        uid=uid,
        name=name,
        spec=spec_to_json(spec),
        plan=plan,
        areas={area.id: area.capacity for area in spec.areas},
        draw_secret=secrets.token_bytes(DRAW_SECRET_BYTES),
    )
