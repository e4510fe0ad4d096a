"""The inventory of one sale in this process: plan, settings, operations on seats and holds.

Invariants: of seats and holds only the last reading of the map is kept here, and shown only while
this process knows of no newer revision; every decision is made in the store.
`settings` may be replaced while the sale runs (`apply`), the plan never.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Final

from holdfast_inventory.holds.choice import ChoiceCompiler, group_by_row
from holdfast_inventory.holds.hold_requests import BuyerRef, HoldRequest, hold_id_for
from holdfast_inventory.holds.refusals import refusal_of
from holdfast_inventory.holds.seat_map import MapReader, SeatMap
from holdfast_inventory.plan.plan import Plan
from holdfast_inventory.settings import InventorySettings
from holdfast_lua.calls.codes import Code
from holdfast_lua.calls.guard import SaleRef
from holdfast_lua.calls.hold_terms import EventsReading, HoldAnswer, HoldTerms, SeatChoice, SeatList
from holdfast_lua.calls.inventory import InventoryCalls
from holdfast_lua.calls.records import HoldRecord

SWEEPS_MAX: Final = 200
SEED_BITS: Final = 31
RELEASED: Final = "released"
"""reason of a hold that its buyer or the platform has given back"""
FORCED: Final = "operator"
"""reason of a hold that an operator has ended"""


class SaleInventory:
    """Holds and seats of one sale. `name` is in the URLs, `ref` is shared with the waiting room."""

    def __init__(
        self,
        name: str,
        ref: SaleRef,
        plan: Plan,
        settings: InventorySettings,
        calls: InventoryCalls,
    ) -> None:
        self.name: Final = name
        self.ref: Final = ref
        self.plan: Final = plan
        self.calls: Final = calls
        self.settings = settings
        self._choices = ChoiceCompiler(plan, settings)
        self._map = MapReader(ref, plan, settings, calls)
        self._random = random.Random()  # noqa: S311 - spreads a crowd, guards nothing

    @property
    def uid(self) -> str:
        """The sale's uid."""
        return self.ref.uid

    @property
    def test(self) -> bool:
        """Whether it is a test sale."""
        return self.settings.test

    def apply(self, settings: InventorySettings) -> None:
        """Replaces the settings; currency, prices, areas and focal point cannot change."""
        self.settings = settings
        self._choices = ChoiceCompiler(self.plan, settings)
        self._map.apply(settings)

    async def hold(
        self, request: HoldRequest, buyer: BuyerRef, *, key: str, digest: str
    ) -> HoldAnswer:
        """Picks seats and holds them; HoldfastError for a refusal. `key` is the idempotency key."""
        terms = HoldTerms(
            hold_id=hold_id_for(self.uid, buyer.credential, key),
            digest=digest,
            buyer=buyer.id,
            pass_id=buyer.pass_id,
            hold_ms=self.settings.hold_ms,
            hold_max_ms=self.settings.hold_max_ms,
            limit=self.settings.max_units_per_buyer,
            seed=self._random.getrandbits(SEED_BITS),
            opened=self._choices.opened(request.channels),
        )
        seats = self._seats(request)
        answer = await self.calls.hold_seats(self.ref, terms, seats=seats, areas=request.areas)
        if answer.code is Code.PASS_ENDED and await self._returns(buyer):
            answer = await self.calls.hold_seats(self.ref, terms, seats=seats, areas=request.areas)
        for _ in range(SWEEPS_MAX):
            if answer.code is not Code.SWEEP_AGAIN:
                break
            await self.calls.expire_holds(self.ref)
            answer = await self.calls.hold_seats(self.ref, terms, seats=seats, areas=request.areas)
        return self._accepted(answer)

    async def has_made(self, buyer: BuyerRef, *, key: str) -> bool:
        """Whether there is, or was, a hold under an idempotency key."""
        hold_id = hold_id_for(self.uid, buyer.credential, key)
        return (await self.calls.read_hold(self.ref, hold_id)).hold is not None

    async def _returns(self, buyer: BuyerRef) -> bool:
        """Restores a pass of an epoch that the store has lost; returns whether it is valid."""
        if not 0 < buyer.pass_epoch < self.ref.epoch:
            return False
        return await self.calls.return_pass(
            self.ref, buyer.pass_id, buyer.pass_expires_ms, buyer.pass_limit_ms
        )

    async def extend(self, hold_id: str, *, owner: str, version: int) -> HoldAnswer:
        """Moves the deadline to a full hold time from now, within the maximum."""
        return self._accepted(
            await self.calls.extend_hold(
                self.ref, hold_id, owner=owner, version=version, extend_ms=self.settings.hold_ms
            )
        )

    async def release(
        self, hold_id: str, *, owner: str, version: int, reason: str = RELEASED
    ) -> HoldAnswer:
        """Ends a hold and frees its units; `reason` is shown in the hold and in its event."""
        return self._accepted(
            await self.calls.release_hold(
                self.ref, hold_id, owner=owner, version=version, reason=reason
            )
        )

    async def cancel(self, buyer: BuyerRef, *, key: str) -> HoldAnswer:
        """Cancels the hold of an idempotency key, even if its request has not arrived yet."""
        hold_id = hold_id_for(self.uid, buyer.credential, key)
        who = {"buyer": buyer.id, "pass_id": buyer.pass_id}
        answer = await self.calls.cancel_hold(self.ref, hold_id, **who)
        if answer.code is Code.PASS_ENDED and await self._returns(buyer):
            answer = await self.calls.cancel_hold(self.ref, hold_id, **who)
        return self._accepted(answer)

    async def read(self, hold_id: str, *, owner: str) -> HoldAnswer:
        """One hold, which must be `owner`'s; with an empty owner anybody's."""
        answer = self._accepted(await self.calls.read_hold(self.ref, hold_id))
        if owner and answer.hold is not None and answer.hold.buyer != owner:
            raise self._refusal(HoldAnswer(Code.NOT_OWNER, answer.revision, answer.now_ms))
        return answer

    async def holds_of(self, buyer: str) -> tuple[int, list[HoldRecord]]:
        """Store time, and the buyer's holds and orders that have units, oldest first."""
        now_ms, holds = await self.calls.read_buyer_holds(self.ref, buyer)
        return now_ms, sorted(holds, key=lambda hold: (hold.created_ms, hold.id))

    async def block(self, seats: Sequence[int]) -> int:
        """Blocks free seats in the store, for `seat_blocks.block`; returns how many."""
        return await self.calls.block_seats(self.ref, group_by_row(self.plan, seats))

    async def unblock(self, seats: Sequence[int]) -> int:
        """Unblocks seats in the store, for `seat_blocks.unblock`; returns how many."""
        return await self.calls.unblock_seats(self.ref, group_by_row(self.plan, seats))

    async def seat_map(self) -> SeatMap:
        """The present seat map, without overdue holds."""
        return await self._map.read()

    def maps_after(self, known: SeatMap | None) -> list[SeatMap]:
        """The last maps that were read, in order, after a known one."""
        return self._map.later_than(known)

    async def events(self, after: tuple[int, int] | None, limit: int) -> EventsReading:
        """A page of the sale's events."""
        return await self.calls.read_events(self.ref, after, limit)

    async def sweep(self) -> int:
        """Ends a bounded number of overdue holds; returns how many."""
        return (await self.calls.expire_holds(self.ref)).ended

    def _seats(self, request: HoldRequest) -> SeatList | SeatChoice | None:
        if request.seats:
            return self._choices.seat_list(request.seats, request.channels)
        best = request.best
        if best is None:
            return None
        return self._choices.choice(
            best.quantity,
            frozenset(best.categories),
            request.zones,
            best.accessible,
            best.prevent_orphans,
            channels=request.channels,
        )

    def _accepted(self, answer: HoldAnswer) -> HoldAnswer:
        if answer.code < 0:
            raise self._refusal(answer)
        return answer

    def _refusal(self, answer: HoldAnswer) -> Exception:
        return refusal_of(answer, self.plan, self.settings, self.ref.epoch)
