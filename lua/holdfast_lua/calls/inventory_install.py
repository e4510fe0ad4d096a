"""Writes the inventory of a sale from nothing: at its creation and after a loss, one code path.

The caller first settles what it is (an empty plan, or what the ledger has sold and holds pending);
these calls write it, in chunks, while no sale hash exists. Installing the sale hash is the commit
point: until then every guarded script refuses, so nothing acts on half an inventory.

Two processes may install at once. A fence keeps epochs apart: the first call of a newer epoch takes
the sale down and wipes the inventory, and from then on an older epoch is refused. Within one epoch
both write the same bytes, since no confirmation can commit between the epoch's start in the ledger
and the commit point; so the later one changes nothing, and once the sale is there it is told so.

The fence also has a nonce, drawn once for each epoch and store. All installers of an epoch in one
store are answered the same, those in two stores never: the ledger takes one of them for an epoch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from secrets import token_hex
from typing import Any, Final, TypeVar

from holdfast_lua.calls import keys
from holdfast_lua.calls.codes import Code
from holdfast_lua.calls.guard import run_for_sale
from holdfast_lua.calls.hold_terms import area_fields
from holdfast_lua.calls.keys import SaleKeys
from holdfast_lua.calls.records import HoldRecord, pack_hold
from holdfast_lua.calls.replies import FENCE
from holdfast_lua.client.executor import Executor
from holdfast_lua.client.wire import Argument

INSTALL_CHUNK: Final = 500
NONCE_BYTES: Final = 16

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class InventoryImage:
    """A whole inventory to be written; made by `holdfast_inventory.holds.inventory_image`."""

    seats: bytes
    rows: bytes
    layout: bytes
    levels: int
    free: int
    held: int
    booked: int
    blocked: int
    areas: tuple[tuple[int, int], ...] = ()
    allotted: str = ""
    """What is set aside for others than those in line, as include/seats/inventory.lua spells it."""

    allotted_free: int = 0
    allotted_held: int = 0
    holds: tuple[HoldRecord, ...] = ()

    def sale_fields(self) -> dict[str, int | str]:
        """What the sale hash must carry of it; whoever installs the sale writes these too."""
        counts = [part for pair in self.areas for part in pair]
        deadlines = [hold.expires_ms for hold in self.holds if hold.status.timed]
        return {
            "free": self.free,
            "held": self.held,
            "booked": self.booked,
            "blocked": self.blocked,
            "levels": self.levels,
            "next_due_ms": min(deadlines, default=0),
            "apart": self.allotted,
            "apart_free": self.allotted_free,
            "apart_held": self.allotted_held,
            **dict(zip(area_fields(range(len(self.areas))), counts, strict=True)),
        }


class InstallFenced(Exception):
    """Raised when a newer epoch of the sale is installed or being installed: read it anew."""


class _Installed(Exception):
    """Another process has finished installing this very epoch."""


async def install_inventory(
    executor: Executor, uid: str, epoch: int, image: InventoryImage
) -> str | None:
    """Writes the inventory; the caller writes the sale hash after it.

    Answers the nonce of the epoch in this store; None when somebody else has installed it.
    """
    try:
        return await _install(executor, uid, epoch, image)
    except _Installed:
        return None


async def read_fence(executor: Executor, uid: str) -> tuple[int, str]:
    """The epoch that has begun to install in this store, and its nonce; 0 when none has.

    A store from before there were nonces has an empty one.
    """
    text = await executor.command("GET", keys.install_fence(uid))
    epoch, _, nonce = (text or b"0").decode().partition(" ")
    return int(epoch), nonce


async def _install(executor: Executor, uid: str, epoch: int, image: InventoryImage) -> str:
    sale = SaleKeys(uid)
    args: list[Argument] = [epoch, image.seats, image.rows, image.layout, token_hex(NONCE_BYTES)]
    fence = await _run(executor, sale, "install_inventory", args)
    nonce: str = fence["nonce"].decode()
    for buyers in _chunks(_units_by_buyer(image.holds)):
        args = [epoch, *(part for entry in buyers for part in entry)]
        await _run(executor, sale, "install_buyers", args)
    for holds in _chunks(image.holds):
        args = [epoch]
        for hold in holds:
            args += (hold.id, hold.expires_ms if hold.status.timed else 0, pack_hold(hold))
        await _run(executor, sale, "install_holds", args)
    return nonce


def _units_by_buyer(holds: Sequence[HoldRecord]) -> list[tuple[str, str]]:
    """The entries of `buyers` for everybody who has units."""
    units: dict[str, int] = {}
    ids: dict[str, list[str]] = {}
    for hold in holds:
        if not hold.status.ended:
            units[hold.buyer] = units.get(hold.buyer, 0) + hold.units
            ids.setdefault(hold.buyer, []).append(hold.id)
    return [(buyer, " ".join((str(count), *ids[buyer]))) for buyer, count in units.items()]


def _chunks(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    return (items[at : at + INSTALL_CHUNK] for at in range(0, len(items), INSTALL_CHUNK))


async def _run(
    executor: Executor, sale: SaleKeys, name: str, args: Sequence[Argument]
) -> dict[str, Any]:
    fence = FENCE.named(await run_for_sale(executor, sale, name, args))
    if fence["code"] == Code.INSTALL_FENCED:
        raise InstallFenced(f"epoch {fence['epoch']} of this sale is newer")
    if fence["code"] == Code.UNCHANGED:
        raise _Installed
    return fence
