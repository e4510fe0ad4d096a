"""The operator's operations on sales: the order of their writes, and their audit entries.

An audit entry is part of the ledger's own write, so that neither exists without the other.

Creating, replacing and patching is decided by the ledger, which is written first; the store
follows. Opening, pausing, draining and closing is decided by the store, in one script, because it
must happen between two admissions; the ledger notes it. When a worker dies in between, the leader
does the second half (change_reconciler.py).
"""

import asyncio
import hashlib
import logging
import secrets
from collections.abc import Callable, Collection, Mapping
from typing import Final, NamedTuple

import msgspec

from holdfast.sales.builder import SaleBuilder
from holdfast.sales.directory import SaleDirectory
from holdfast.sales.draws import check_start, starts_with
from holdfast.sales.sale import Sale
from holdfast.sales.spec import (
    SaleBody,
    SaleSpec,
    check_prices,
    check_spec,
    copied_spec,
    patched_spec,
    require_same_kind,
    spec_from_json,
    spec_to_json,
    split_body,
)
from holdfast.sales.spec_mapping import brand, inventory_settings, line_settings
from holdfast.sales.store.change_reconciler import note_opening
from holdfast_inventory.plan.plan import Plan, compile_plan
from holdfast_inventory.plan.text import clean_plan
from holdfast_inventory.plan.warnings import PlanWarning, plan_warnings
from holdfast_ledger import Actor, AuditEntry, SaleDraft, SaleRecord, SaleTaken
from holdfast_lua.calls.inventory_install import InstallFenced
from holdfast_lua.clock import host_ms
from holdfast_queue.line.status import SaleState
from holdfast_web.errors import ErrorCode, HoldfastError, invalid
from holdfast_web.timestamps import moment_of, unix_ms

DRAW_SECRET_BYTES: Final = 32
IDENTITY_SECRET_BYTES: Final = 32
UID_CHARS: Final = 12
UID_ALPHABET: Final = "abcdefghijklmnopqrstuvwxyz234567"
PATCH_ATTEMPTS: Final = 5
SEATS_AUDITED: Final = 100
"""of an allotment, by name"""
LIFECYCLE_OPERATIONS: Final = ("open", "pause", "resume", "drain", "close")

logger = logging.getLogger(__name__)


class Put(NamedTuple):
    """The result of a PUT: the sale, whether it is new, and warnings about its plan."""

    sale: Sale
    created: bool
    warnings: list[PlanWarning]


class SaleOperations:
    """Creates, replaces, changes, opens, closes and deletes sales."""

    def __init__(self, builder: SaleBuilder, directory: SaleDirectory) -> None:
        self._builder = builder
        self._directory = directory
        self._ledger = builder.ledger

    async def put(self, name: str, body: SaleBody, actor: Actor, *, strict: bool = False) -> Put:
        """Creates the sale, or replaces it while nobody has a ticket; `strict`: no warnings."""
        spec, plan = split_body(body)
        plan, warnings = await _checked_inventory(spec, plan, strict=strict)
        before = await self._ledger.sales.read(name)
        if before is not None:
            if before.lifecycle == "closed":
                raise HoldfastError(ErrorCode.SALE_STARTED, "The sale is closed; DELETE it first.")
            require_same_kind(spec_from_json(before.spec), spec)
        uid = new_uid() if before is None else before.uid
        draft = await self._draft(uid, name, spec, plan)
        entry = actor.entry(
            "sale.put",
            detail={"created": before is None, "uid": uid},
            before=None if before is None else audited_spec(before.spec),
            after=audited_spec(draft.spec),
        )
        if before is None:
            record = await self._ledger.sales.create(draft, entry)
        else:
            record = await self._replaced(draft, entry)
        return Put(await self._installed(record), before is None, warnings)

    async def copy(self, name: str, to: str, changes: Mapping[str, object], actor: Actor) -> Put:
        """Creates a sale with the settings and the plan of another one, and some changes."""
        sale = await self._directory.get(name)
        spec = copied_spec(sale.spec, changes, moment_of(host_ms()))
        plan, warnings = await _checked_inventory(
            spec, await self._ledger.sales.read_plan(sale.uid), strict=False
        )
        draft = await self._draft(new_uid(), to, spec, plan)
        entry = actor.entry("sale.copy", detail={"of": name, "uid": draft.uid}, after=changes)
        try:
            record = await self._ledger.sales.create(draft, entry)
        except SaleTaken as taken:
            raise HoldfastError(ErrorCode.NAME_TAKEN, str(taken)) from None
        return Put(await self._installed(record), True, warnings)

    async def put_plan(self, name: str, body: bytes, actor: Actor, *, strict: bool = False) -> Put:
        """Replaces the seating plan while nobody has a ticket."""
        sale = await self._directory.get(name)
        plan, warnings = await _checked_inventory(sale.spec, body, strict=strict)
        entry = actor.entry(
            "sale.put_plan",
            detail={"bytes": len(body)},
            before={"plan_version": sale.inventory.plan.version},
        )
        stored = (await self._ledger.sales.read_uid(sale.uid)).spec
        draft = await self._draft(sale.uid, name, sale.spec, plan, over=stored)
        return Put(await self._installed(await self._replaced(draft, entry)), False, warnings)

    async def patch(self, name: str, changes: Mapping[str, object], actor: Actor) -> Sale:
        """Changes live settings, all of them or none; every worker follows within two ticks."""
        sale = await self._directory.get(name)
        await check_start(sale, patched_spec(sale.spec, changes))
        before, record = await self._patched(
            sale, lambda now, _: patched_spec(now, changes), changes, actor, "sale.patch"
        )
        try:
            pushed = await self._builder.push(sale, record)
        except HoldfastError:
            # The store refuses times that have passed; then the ledger's change is undone.
            await self._take_back(sale, before, record, changes, actor)
            raise
        if not pushed:
            await self._require_built_upon(sale, record, changes)
        return sale

    async def _take_back(
        self,
        sale: Sale,
        before: SaleSpec,
        record: SaleRecord,
        changes: Mapping[str, object],
        actor: Actor,
    ) -> None:
        """Undoes a PATCH that the store refused, except for fields that were changed again since.

        Its released channels are taken back too, unless a later PATCH was built on them: then they
        may have been released already.
        """
        wanted = spec_from_json(record.spec)

        def undone(now: SaleSpec, version: int) -> SaleSpec:
            fields = {field for field in changes if getattr(now, field) == getattr(wanted, field)}
            if version != record.settings_version:
                fields.discard("released_channels")
            return check_spec(
                msgspec.structs.replace(now, **{field: getattr(before, field) for field in fields})
            )

        await self._patched(sale, undone, changes, actor, "sale.patch_refused")

    async def _require_built_upon(
        self, sale: Sale, record: SaleRecord, changes: Mapping[str, object]
    ) -> None:
        """Raises `conflict` (409) unless the later settings in force contain these changes."""
        await self._directory.refresh(sale)
        wanted = spec_from_json(record.spec)
        now = spec_from_json((await self._ledger.sales.read_uid(sale.uid)).spec)
        if any(getattr(now, field) != getattr(wanted, field) for field in changes):
            raise HoldfastError(ErrorCode.CONFLICT)

    async def change_lifecycle(self, name: str, operation: str, actor: Actor) -> Sale:
        """Opens, pauses, resumes, drains or closes the sale."""
        sale = await self._directory.get(name)
        done = await sale.room.change_lifecycle(operation)
        entry = actor.entry(
            f"sale.{operation}",
            before={"lifecycle": sale.record.lifecycle},
            after={"lifecycle": done.lifecycle},
        )
        record = await self._ledger.sales.set_lifecycle(sale.uid, done.lifecycle, entry)
        if operation == "open":
            record = await note_opening(self._ledger, record, done.opens_ms)
        await self._builder.push(sale, record)
        return sale

    async def give_beacon(self, name: str, value: str, actor: Actor) -> Sale:
        """Gives the draw the value of the beacon that the sale announced."""
        sale = await self._directory.get(name)
        await sale.room.give_beacon(value)
        entry = actor.entry("sale.draw_beacon", after={"value": value})
        await self._ledger.audit.append(entry, sale=name)
        return sale

    async def delete(self, name: str, actor: Actor, *, orders_kept: int | None = None) -> None:
        """Deletes a closed sale; its orders stay in the ledger. OrdersKept, with the count, unless
        `orders_kept` is how many it has.
        """
        sale = await self._directory.get(name)
        await sale.room.tick()
        if sale.room.document.state is not SaleState.CLOSED:
            raise HoldfastError(ErrorCode.SALE_NOT_CLOSED)
        entry = actor.entry(
            "sale.delete",
            detail={"uid": sale.uid, "orders": orders_kept or 0},
            before={"lifecycle": sale.record.lifecycle},
        )
        await self._ledger.sales.delete(sale.uid, entry, orders_kept=orders_kept)
        self._directory.forget(name)
        await self._builder.sale_calls.remove(sale.uid)

    async def _replaced(self, draft: SaleDraft, entry: AuditEntry) -> SaleRecord:
        record = await self._ledger.sales.replace(draft, entry)
        if record is None:
            raise HoldfastError(ErrorCode.SALE_STARTED)
        return record

    async def _installed(self, record: SaleRecord) -> Sale:
        try:
            await self._builder.installer.install(record)
        except InstallFenced as fence:
            logger.info("sale %s: replaced once more meanwhile: %s", record.name, fence)
        return await self._directory.reload(record)

    async def _patched(
        self,
        sale: Sale,
        change: Callable[[SaleSpec, int], SaleSpec],
        fields: Collection[str],
        actor: Actor,
        action: str,
    ) -> tuple[SaleSpec, SaleRecord]:
        """Writes the changed spec over the newest one; another PATCH in between is read first.

        `change` gets the newest spec and its version; the audit entry has what `fields` were and
        are. Answers what it was changed from, and to.
        """
        for _ in range(PATCH_ATTEMPTS):
            record = await self._ledger.sales.read_uid(sale.uid)
            before = spec_from_json(record.spec)
            spec = change(before, record.settings_version)
            line_settings(spec)
            brand(spec)
            written = await self._ledger.sales.patch(
                sale.uid,
                spec_to_json(spec, over=record.spec),
                seen_version=record.settings_version,
                entry=actor.entry(
                    action, before=_fields(before, fields), after=_fields(spec, fields)
                ),
                draw_starts=starts_with(record, spec, sale.room.document.now_ms),
            )
            if written is not None:
                return before, written
        raise HoldfastError(ErrorCode.CONFLICT)

    async def _draft(
        self, uid: str, name: str, spec: SaleSpec, plan: bytes | None, *, over: bytes | None = None
    ) -> SaleDraft:
        """The sale as the ledger stores it; a draw is committed to here, at the store's time."""
        starts: tuple[tuple[int, int], ...] = ()
        if spec.queueing_method == "random":
            starts = (
                (unix_ms(spec.event_start_time), await self._builder.sale_calls.store_ms(uid)),
            )
        return SaleDraft(
            uid=uid,
            name=name,
            spec=spec_to_json(spec, over=over),
            plan=plan,
            areas={area.id: area.capacity for area in spec.areas},
            draw_secret=secrets.token_bytes(DRAW_SECRET_BYTES),
            draw_starts=starts,
            identity_secret=secrets.token_bytes(IDENTITY_SECRET_BYTES),
        )


def new_uid() -> str:
    """A random id that distinguishes this sale from all others that ever had its name."""
    return "".join(secrets.choice(UID_ALPHABET) for _ in range(UID_CHARS))


def _fields(spec: SaleSpec, names: Collection[str]) -> dict[str, object]:
    """The values of some of the fields, for the audit."""
    return {name: getattr(spec, name) for name in sorted(names)}


def audited_spec(spec: bytes) -> dict[str, object]:
    """The settings as the ledger has them, for the audit. Of an allotment of more than
    SEATS_AUDITED seats it has how many they are, and a digest by which a change can be seen.
    """
    members: dict[str, object] = msgspec.json.decode(spec)
    allotments = msgspec.convert(members.get("allotments") or [], list[dict[str, object]])
    for allotment in allotments:
        seats = allotment.get("seats")
        if isinstance(seats, list) and len(seats) > SEATS_AUDITED:
            digest = hashlib.sha256(msgspec.json.encode(seats)).hexdigest()
            allotment["seats"] = {"count": len(seats), "sha256": digest}
    return {**members, "allotments": allotments} if "allotments" in members else members


async def _checked_inventory(
    spec: SaleSpec, body: bytes | None, *, strict: bool
) -> tuple[bytes | None, list[PlanWarning]]:
    """The plan with clean text, and what looks like a mistake in it. There is something to sell,
    the plan can be read, and all of it has a price.
    """
    line_settings(spec)
    brand(spec)
    if body is None and not spec.areas:
        raise invalid("plan", "A sale needs a seating `plan`, `areas`, or both.")
    # Compiling a hundred thousand seats takes a second, so a thread does it.
    plan, compiled, warnings = await asyncio.to_thread(_read_inventory, spec, body)
    used = {category for category, seats in compiled.category_seats().items() if seats}
    check_prices(spec, frozenset(used | {area.category for area in spec.areas}))
    if strict and warnings:
        raise HoldfastError(
            ErrorCode.INVALID_PLAN, warnings[0].detail, field="plan", warnings=warnings
        )
    return plan, warnings


def _read_inventory(
    spec: SaleSpec, body: bytes | None
) -> tuple[bytes | None, Plan, list[PlanWarning]]:
    plan = None if body is None else clean_plan(body)
    settings = inventory_settings(spec)
    compiled = compile_plan(plan, settings)
    return plan, compiled, plan_warnings(compiled, settings)
