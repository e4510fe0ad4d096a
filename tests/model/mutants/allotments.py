"""What is set aside for a channel, each time with one promise about it taken out."""

import dataclasses
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Final, cast
from unittest.mock import patch

from model import directed
from model.mutants.mutant import Mutant
from model.reference.terms import CLUB
from msgspec.structs import replace

from holdfast.sales.operations import SaleOperations
from holdfast.sales.sale import Sale
from holdfast.sales.spec import SaleSpec
from holdfast.sales.spec_mapping import inventory_settings
from holdfast_inventory.holds.choice import ChoiceCompiler
from holdfast_inventory.holds.hold_requests import BuyerRef, HoldRequest
from holdfast_inventory.holds.releases import release
from holdfast_inventory.holds.sale_inventory import SaleInventory
from holdfast_inventory.settings import InventorySettings
from holdfast_ledger import Actor
from holdfast_lua.calls.hold_terms import HoldAnswer, SeatChoice


class _WithChannel(ChoiceCompiler):
    """Compiles every choice as for who carries the channel."""

    def _choice(
        self,
        quantity: int,
        categories: frozenset[str],
        zones: frozenset[int],
        accessible: bool,
        prevent_orphans: bool,
        *,
        channels: frozenset[str] = frozenset(),
    ) -> SeatChoice:
        return super()._choice(
            quantity, categories, zones, accessible, prevent_orphans, channels=frozenset({CLUB})
        )


_hold = SaleInventory.hold


async def _as_a_member(
    inventory: SaleInventory, hold_request: HoldRequest, buyer: BuyerRef, *, key: str, digest: str
) -> HoldAnswer:
    member = replace(hold_request, channels=frozenset({CLUB}))
    return await _hold(inventory, member, buyer, key=key, digest=digest)


_withheld = InventorySettings.withheld


def _withheld_from_line(settings: InventorySettings, channel: str) -> bool:
    """What is counted as set aside is another question, and stays as it is."""
    return _withheld(settings, channel, settings.line_channels)


def _forgotten(spec: SaleSpec) -> InventorySettings:
    return dataclasses.replace(inventory_settings(spec), released=frozenset())


_patch = SaleOperations.patch


async def _let_out_at_once(
    operations: SaleOperations, name: str, changes: Mapping[str, object], actor: Actor
) -> Sale:
    sale = await operations._directory.get(name)
    await release(sale.inventory, (CLUB,))
    return await _patch(operations, name, changes, actor)


WITHOUT_CHANNEL: Final = {
    "hold without its channel": Mutant(
        "who does not carry the channel names what is set aside, and gets it",
        ("answer", "channel"),
        directed.STRANGER_AT_THE_CLUB,
        patched=lambda: cast(
            AbstractContextManager[object],
            patch.multiple(
                InventorySettings,
                withheld=lambda *_: False,
                withheld_from_line=_withheld_from_line,
            ),
        ),
    ),
    "pick without its channel": Mutant(
        "best available gives seats that are set aside to anybody",
        ("channel",),
        patched=lambda: patch.object(SaleInventory, "hold", _as_a_member),
    ),
    "late payment without its channel": Mutant(
        "a late payment for other seats gets those that are set aside",
        ("channel",),
        directed.PAID_LATE_BESIDE_THE_CLUB,
        patched=lambda: patch("holdfast_inventory.orders.confirm.ChoiceCompiler", _WithChannel),
    ),
}
RELEASES: Final = {
    "release that forgets the counters": Mutant(
        "the line goes on without what is on sale for it",
        ("lost",),
        directed.RELEASED_WHILE_HELD,
        edits={
            "release_allotment.lua": (
                r"sale.apart_free, sale.apart_held = .*",
                "",
            )
        },
    ),
    "release that forgets what is held": Mutant(
        "what a member gives back is counted as the line's and as set aside",
        ("lost",),
        directed.RELEASED_WHILE_HELD,
        edits={"release_allotment.lua": (r"held = held \+ select\(.*", "")},
    ),
    "release in the store first": Mutant(
        "seats are let out that the ledger still sets aside",
        ("protocol",),
        directed.RELEASED_WHILE_HELD,
        patched=lambda: patch.object(SaleOperations, "patch", _let_out_at_once),
    ),
    "rebuild that forgets the release": Mutant(
        "what is on sale for everybody is set aside again after a loss",
        ("rebuild",),
        directed.RELEASED_AND_LOST,
        patched=lambda: patch("holdfast.sales.store.install.inventory_settings", _forgotten),
    ),
}
COUNTERS: Final = {
    "hold of set aside seats not counted": Mutant(
        "the line is stopped for seats that nobody holds for it",
        ("lost",),
        directed.HELD_PAID_AND_REFUNDED,
        edits={
            "include/seats/row_cache.lua": (r"if sale.apart ~= '' and find\(", "if false and find(")
        },
    ),
    "refund of set aside seats not counted": Mutant(
        "seats of the club that come back wake the line",
        ("lost",),
        directed.HELD_PAID_AND_REFUNDED,
        edits={
            "include/seats/move_seats.lua": (r"move_allotted\(sale, row.base, state, to, 1\)", "")
        },
    ),
    "set aside area units not counted": Mutant(
        "the lodge is taken for something that the line can have",
        ("lost",),
        directed.HELD_PAID_AND_REFUNDED,
        edits={"include/seats/areas.lua": (r"move_allotted\(sale, 'a' .*, quantity\)", "")},
    ),
    "open for what is set aside": Mutant(
        "nobody in line is told that for them everything is gone",
        ("events",),
        directed.ALL_BUT_THE_CLUB,
        edits={
            "include/seats/inventory.lua": (r"<= \(units.apart_free or 0\) .*", "<= 0"),
        },
    ),
}
ALLOTMENTS: Final = WITHOUT_CHANNEL | RELEASES | COUNTERS
