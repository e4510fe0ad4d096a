"""Charges and confirms a cart, gives holds back, ends the visit.

The order of steps is the one that docs/correctness asks of every shop: the hold is read with the
buyer's own pass (so nobody pays for, or learns of, a stranger's hold), `paying` puts the order into
the ledger before anybody is charged, the sandbox bank answers, `confirm` books, and only a
confirmed order is told to the buyer. Each step may be repeated: the references are derived from
the hold, so a browser whose answer was lost asks again.

Once `paying` was said only the shop may give a hold back, which it does for its buyer, unless the
bank is being asked at that moment: then the buyer might pay for units that are on sale again.

Rejected: letting the browser confirm. A payment is what the shop says, never what a buyer says.
"""

from typing import Final, Literal

import msgspec

from holdfast_demo.shop.messages import WORDS
from holdfast_demo.shop.service_client import BuyerSession, Hold, SaleService, ServiceRefused

_CONFIRMED: Final = "confirmed"
_GONE_ANYWAY: Final = frozenset({"hold_expired", "hold_released", "hold_lost", "unknown_hold"})


class Payment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the browser sends: which hold, and what the sandbox bank is to answer."""

    hold: str
    outcome: Literal["approved", "declined"]


class GivenBack(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the browser sends: which hold it does not want any more."""

    hold: str


class PaymentResult(msgspec.Struct, frozen=True):
    """The result of a payment: the order, and whether holds are left in the cart."""

    order_id: str
    left: bool


class Checkout:
    """The steps of paying for and giving back holds."""

    def __init__(self, service: SaleService) -> None:
        self._service = service
        self._being_charged: set[str] = set()

    async def charge(self, credential: str, payment: Payment) -> PaymentResult:
        """Takes the money for a hold and books it; the last one ends the buyer's session."""
        hold = await self._service.own_hold(credential, payment.hold)
        self._require_quiet(hold)
        self._being_charged.add(hold.id)
        try:
            await self._book(hold, payment)
        finally:
            self._being_charged.discard(hold.id)
        left = await self._has_more(credential)
        if not left:
            await self._end_session(credential)
        return PaymentResult(hold.id, left)

    async def give_back(self, credential: str, hold_id: str) -> None:
        """Releases a hold of the buyer; one that has ended already is no error."""
        hold = await self._service.own_hold(credential, hold_id)
        self._require_quiet(hold)
        if not hold.in_the_cart:
            return
        try:
            await self._service.release(hold.id)
        except ServiceRefused as refusal:
            if refusal.code not in _GONE_ANYWAY:
                raise

    async def leave(self, session: BuyerSession) -> int:
        """Gives back the whole cart, then the place in the shop; how many units that were."""
        units = 0
        try:
            for hold in await self._service.cart(session.credential):
                await self.give_back(session.credential, hold.id)
                units += hold.units
            await self._service.end_session(session.credential)
        except ServiceRefused as refusal:
            if not refusal.session_is_over:
                raise
        return units

    def _require_quiet(self, hold: Hold) -> None:
        """Raises ServiceRefused while a payment for the hold is under way at the bank."""
        if hold.id in self._being_charged:
            raise _refusal(409, "payment_on_its_way")

    async def _book(self, hold: Hold, payment: Payment) -> None:
        if hold.status == _CONFIRMED:
            return
        await self._service.begin_payment(hold.id)
        if payment.outcome == "declined":
            raise _refusal(402, "payment_declined")
        booking = {
            "order_ref": f"demo-{hold.id}",
            "payment_ref": f"sandbox-{hold.id}",
            "amount": hold.total,
        }
        await self._service.confirm(hold.id, booking)

    async def _has_more(self, credential: str) -> bool:
        """Whether something is still in the cart; then the session goes on."""
        try:
            return bool(await self._service.cart(credential))
        except ServiceRefused:
            return False

    async def _end_session(self, credential: str) -> None:
        """Ends the session, so that the next in line is admitted; a failure does not matter."""
        try:
            await self._service.end_session(credential)
        except ServiceRefused:
            return


def _refusal(status: int, code: str) -> ServiceRefused:
    """A refusal of the shop itself, in the form of the service's."""
    return ServiceRefused(status, {"code": code, "detail": WORDS[code]})
