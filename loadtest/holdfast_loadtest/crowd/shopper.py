"""A buyer inside the shop: looks, holds, waits, pays or does not, and leaves or just goes.

The shop's server is part of it: it says that a payment begins, charges nobody, and confirms. A
refusal that the contract foresees is part of a visit, any other is a complaint. Checked on the way:
the same idempotency key is the same hold, nobody gets past the limit, a repeated confirm is the
same order.
"""

from __future__ import annotations

from functools import partial
from random import Random
from typing import Any, Final

from holdfast_loadtest.audit.journal import Confirmed, Paid, RefundRequired
from holdfast_loadtest.calls import BuyerCalls
from holdfast_loadtest.client import Answer
from holdfast_loadtest.crowd.choosing import HoldRequest, choose_request, fallback
from holdfast_loadtest.crowd.context import CrowdContext
from holdfast_loadtest.crowd.profiles import Ending, Taste, VisitorProfile, Wish
from holdfast_loadtest.crowd.tally import VisitorState
from holdfast_loadtest.crowd.visitor import Gone
from holdfast_loadtest.wire import Confirmation, Hold, Pass, SeatMap

SAME_KEY_SAME_HOLD: Final = "the same idempotency key is the same hold"
WITHIN_LIMIT: Final = "no buyer holds more than the limit"
SAME_CONFIRM: Final = "a repeated confirm is the same order"
ENDED: Final = frozenset({"released", "expired"})
MAX_TRIES: Final = 6
AFTER_EXPIRY_SECONDS: Final = 1.5
WANTING: Final = frozenset({"seat_unavailable", "not_enough_together", "sold_out", "orphan_left"})
"""codes of a refusal for want of seats"""
SESSION_OVER: Final = frozenset({"pass_ended", "unauthorized"})


class Shopper:
    """One admitted visitor."""

    def __init__(self, profile: VisitorProfile, context: CrowdContext, passed: Pass) -> None:
        self._profile = profile
        self._context = context
        self._calls = BuyerCalls(context.client, passed.token)
        self._pass = passed
        self._rng = Random(f"{profile.index}:{passed.pass_id}")  # noqa: S311 - choices of seats
        self.state = VisitorState.INSIDE
        self._unanswered: tuple[Hold, dict[str, Any]] | None = None
        """what was paid for, and how, until the shop has its answer"""

    async def shop(self) -> VisitorState:
        """The whole visit; answers how it ended."""
        hold = await self._find_something()
        if hold is None:
            await self._leave()
            return VisitorState.LEFT if self._profile.only_browses else VisitorState.EMPTY_HANDED
        self.state = self._context.tally.move(self.state, VisitorState.HOLDING)
        if self._profile.greedy:
            await self._ask_for_more(hold)
        return await self._end(hold)

    async def _find_something(self) -> Hold | None:
        """Looks at the map and tries until something is held or nothing is left that pleases."""
        wish = self._profile.wish
        for _ in range(MAX_TRIES):
            seat_map = await self._look()
            if self._profile.only_browses:
                return None
            asked = choose_request(wish, self._context.offer, seat_map, self._rng)
            hold = None if asked is None else await self._hold(asked)
            if hold is not None:
                return hold
            if asked is None or "seats" not in asked:
                other = fallback(wish, self._context.offer, was_shown=asked is not None)
                if other is None:
                    return None
                wish = other
        return None

    async def _look(self) -> SeatMap:
        answer = await self._context.persist(self._calls.seat_map)
        if not answer.ok:
            self._context.unexpected("seat map", answer)
            raise Gone(VisitorState.FAILED)
        await self._context.scheduler.sleep(self._profile.look_s)
        return answer.read(SeatMap)

    async def _hold(self, asked: HoldRequest) -> Hold | None:
        """Clicks once, or twice at once with one key; None when refused for want of seats."""
        key = f"{self._rng.getrandbits(128):032x}"
        clicks = 2 if self._profile.double_clicks else 1
        click = partial(self._click, asked, key)
        answers = await self._context.scheduler.together([click] * clicks)
        holds = [answer.read(Hold) for answer in answers if answer.ok]
        self._same_hold(holds, answers)
        if holds:
            self._context.tally.count("holds")
            self._context.observer.held(self._profile.index)
            return holds[0]
        self._refused(answers[0])
        return None

    async def _click(self, asked: HoldRequest, key: str) -> Answer:
        return await self._context.persist(lambda: self._calls.hold(asked, key))

    def _same_hold(self, holds: list[Hold], answers: list[Answer]) -> None:
        if len({hold.id for hold in holds}) > 1:
            ids = ", ".join(hold.id for hold in holds)
            self._context.journal.complain(SAME_KEY_SAME_HOLD, f"one key, holds {ids}")
        for answer in answers:
            # Of two clicks one may have been refused for want of seats before the other got some.
            if holds and not answer.ok and answer.problem().code not in WANTING:
                self._context.unexpected("second click of one hold", answer)

    def _refused(self, answer: Answer) -> None:
        code = answer.problem().code
        match code:
            case _ if code in WANTING:
                self._context.tally.count(f"refused: {code}")
            case "sale_closed":
                raise Gone(VisitorState.TURNED_AWAY)
            case _ if code in SESSION_OVER:
                self._context.tally.count("session over")
                raise Gone(VisitorState.LEFT)
            case _:
                self._context.unexpected("hold", answer)
                raise Gone(VisitorState.FAILED)

    async def _ask_for_more(self, hold: Hold) -> None:
        """Asks for more than the limit; complains when that is granted, and gives it back."""
        limit = self._context.offer.units_per_buyer
        held = sum(item.quantity for item in hold.items)
        seat_map = await self._look()
        wish = Wish(Taste.FLOOR, limit - held + 1)
        asked = choose_request(wish, self._context.offer, seat_map, self._rng)
        if asked is None:
            return
        answer = await self._click(asked, f"{self._rng.getrandbits(128):032x}")
        if answer.ok:
            if await self._still_holds(hold):
                self._context.journal.complain(
                    WITHIN_LIMIT, f"hold {hold.id} of {held}, then {asked} was granted too"
                )
            await self._context.persist(lambda: self._calls.release(answer.read(Hold).id))
        else:
            self._context.tally.count(f"refused: {answer.problem().code}")

    async def _still_holds(self, hold: Hold) -> bool:
        """Whether the hold was neither lost with a store nor had run out."""
        answer = await self._context.persist(lambda: self._calls.read_hold(hold.id))
        if answer.problem().code == "hold_lost":
            self._context.tally.count("hold lost")
            return False
        return not answer.ok or answer.read(Hold).status not in ENDED

    async def _end(self, hold: Hold) -> VisitorState:
        """Ends the visit as the profile says; who lets the hold run out tells nobody."""
        match self._profile.ending:
            case Ending.PAYS:
                await self._context.scheduler.sleep(self._profile.pay_s)
                state = await self._pay(hold, announce=True)
            case Ending.LAPSES:
                await self._context.scheduler.sleep(self._until_expiry(hold))
                return VisitorState.LAPSED
            case Ending.PAYS_LATE:
                await self._context.scheduler.sleep(self._until_expiry(hold))
                state = await self._pay(hold, announce=False)
            case Ending.RELEASES:
                await self._context.scheduler.sleep(self._profile.pay_s)
                state = await self._release(hold)
        await self._leave()
        return state

    def _until_expiry(self, hold: Hold) -> float:
        left = hold.expires_in_seconds
        return (self._context.offer.hold_seconds if left is None else left) + AFTER_EXPIRY_SECONDS

    async def _pay(self, hold: Hold, *, announce: bool) -> VisitorState:
        """The shop's server: paying, charge, confirm."""
        if announce:
            self._context.observer.paying(self._profile.index)
            answer = await self._context.persist(lambda: self._context.shop.paying(hold.id))
            if answer.status == 410:
                self._count_lost(answer)
                return VisitorState.LAPSED
            if not answer.ok:
                self._context.unexpected("paying", answer)
                return VisitorState.FAILED
        payment = {
            "order_ref": f"order-{self._profile.index}-{hold.id}",
            "payment_ref": f"sandbox-{hold.id}",
            "amount": hold.total,
        }
        self._context.journal.record(Paid(hold.id))
        self._unanswered = hold, payment
        return await self._confirm(hold, payment)

    async def settle(self) -> VisitorState | None:
        """After a visit that was broken off: the shop's server asks on for what was paid; how that
        ended, None where nothing is open.
        """
        return None if self._unanswered is None else await self._confirm(*self._unanswered)

    async def _confirm(self, hold: Hold, payment: dict[str, Any]) -> VisitorState:
        answer = await self._context.persist(lambda: self._context.shop.confirm(hold.id, payment))
        self._unanswered = None
        if answer.status == 410:
            return self._refund(hold, answer)
        if not answer.ok:
            self._context.unexpected("confirm", answer)
            return VisitorState.FAILED
        self._booked(hold, answer)
        if self._profile.double_clicks:
            await self._confirm_again(hold, payment, answer)
        return VisitorState.BOOKED

    def _booked(self, hold: Hold, answer: Answer) -> None:
        order = answer.read(Confirmation).order
        items = order.items if order is not None and order.items else hold.items
        self._context.journal.record(Confirmed(hold.id, items, hold.total))
        self._context.observer.confirmed(self._profile.index)
        self._context.tally.count("orders")

    def _refund(self, hold: Hold, answer: Answer) -> VisitorState:
        if not answer.problem().refund_required:
            self._context.unexpected("confirm of an ended hold", answer)
        self._count_lost(answer)
        self._context.journal.record(RefundRequired(hold.id))
        return VisitorState.REFUNDED

    def _count_lost(self, answer: Answer) -> None:
        if answer.problem().code == "hold_lost":
            self._context.tally.count("hold lost")

    async def _confirm_again(self, hold: Hold, payment: dict[str, Any], first: Answer) -> None:
        again = await self._context.persist(lambda: self._context.shop.confirm(hold.id, payment))
        if again.status != 200 or again.read(Confirmation) != first.read(Confirmation):
            told = f"{again.status} {again.problem().code}"
            self._context.journal.complain(SAME_CONFIRM, f"hold {hold.id}: 200, then {told}")

    async def _release(self, hold: Hold) -> VisitorState:
        """Changed their mind; a release that comes too late is as good."""
        answer = await self._context.persist(lambda: self._calls.release(hold.id))
        if not answer.ok and answer.status not in {409, 410}:
            self._context.unexpected("release", answer)
            return VisitorState.FAILED
        self._context.tally.count("released")
        return VisitorState.LEFT

    async def _leave(self) -> None:
        """The tidy give their slot back; the others close the tab."""
        if not self._profile.tidy:
            return
        answer = await self._context.persist(lambda: self._context.line.leave(self._pass.token))
        if answer.ok:
            self._context.tally.count("left the shop")
        elif answer.problem().code not in SESSION_OVER:
            self._context.unexpected("leave", answer)
