"""What the shop's server does at the desk: charge, confirm, give the place back, keep receipts.

The order of steps is the one that docs/correctness asks of every shop: the hold is read with the
buyer's own pass (so nobody pays for, or learns of, a stranger's hold), `paying` puts the order into
the ledger before anybody is charged, the sandbox bank answers, `confirm` books, and only a
confirmed order is told to the buyer. Each step may be repeated: the references are derived from
the hold.

Rejected: letting the browser confirm. A payment is what the shop says, never what a buyer says.
"""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from typing import Any, Final, Literal
from urllib.parse import quote

import aiohttp
import msgspec

_RECEIPT_PREFIX: Final = "receipt_"
_NO_PROBLEM: Final[Mapping[str, object]] = {"code": "unreachable"}
_PAYABLE: Final = frozenset({"active", "paying"})


class SaleFacts(msgspec.Struct, frozen=True):
    """What a shop shows of its sale."""

    name: str
    currency: str = "EUR"


class Item(msgspec.Struct, frozen=True):
    """One line of a hold or an order."""

    label: str = ""
    price: int = 0
    quantity: int = 1


class Order(msgspec.Struct, frozen=True):
    """An order as the ledger has it."""

    id: str
    status: str
    total: int = 0
    currency: str = "EUR"
    items: list[Item] = []


class Payment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the browser sends: which hold, and what the sandbox bank is to answer."""

    hold: str
    outcome: Literal["approved", "declined"]


class Sold(msgspec.Struct, frozen=True):
    """What a payment came to: the order, and whether more is still to be paid."""

    order_id: str
    left: bool


class _Hold(msgspec.Struct, frozen=True):
    id: str
    status: str
    total: int


class ServiceRefused(Exception):
    """The service said no; the buyer is told its words."""

    def __init__(self, status: int, problem: Mapping[str, object]) -> None:
        super().__init__(str(problem.get("code")))
        self.status = status
        self.problem = problem


class PaymentDeclined(Exception):
    """The sandbox bank said no."""


class Desk:
    """The calls of a shop's server, with its platform key."""

    def __init__(
        self, session: aiohttp.ClientSession, service_url: str, sale: str, platform_key: str
    ) -> None:
        self._session = session
        self._base = f"{service_url}/v1/sales/{sale}"
        self._key = f"Bearer {platform_key}"

    async def facts(self) -> SaleFacts:
        return msgspec.convert(await self._call("GET", "", self._key), SaleFacts)

    async def order(self, order_id: str) -> Order:
        return msgspec.convert(await self._call("GET", f"/orders/{order_id}", self._key), Order)

    async def charge(self, buyer_pass: str, payment: Payment) -> Sold:
        """Takes the money for a hold and books it; the last one ends the buyer's session."""
        found = await self._call("GET", f"/holds/{quote(payment.hold, safe='')}", buyer_pass)
        hold = msgspec.convert(found, _Hold)
        await self._call("POST", f"/holds/{hold.id}/paying", self._key, {})
        if payment.outcome == "declined":
            raise PaymentDeclined
        booking = {
            "order_ref": f"demo-{hold.id}",
            "payment_ref": f"sandbox-{hold.id}",
            "amount": hold.total,
        }
        await self._call("POST", f"/holds/{hold.id}/confirm", self._key, booking)
        left = await self._has_more(buyer_pass)
        if not left:
            await self._give_place_back(buyer_pass)
        return Sold(hold.id, left)

    async def _has_more(self, buyer_pass: str) -> bool:
        """Whether something is still in the cart: nobody is sent away from what they hold."""
        try:
            found = await self._call("GET", "/holds", buyer_pass)
        except ServiceRefused:
            return False
        holds = msgspec.convert(found["items"], list[_Hold])
        return any(hold.status in _PAYABLE for hold in holds)

    async def _give_place_back(self, buyer_pass: str) -> None:
        """The next in line need not wait for a session to run out; the order stands either way."""
        try:
            await self._call("POST", "/pass/release", buyer_pass)
        except ServiceRefused:
            return

    async def _call(
        self, method: str, path: str, credential: str, body: Mapping[str, object] | None = None
    ) -> Any:  # JSON of the service: each caller converts it to its own type
        headers = {"Authorization": credential}
        try:
            async with self._session.request(
                method, self._base + path, json=body, headers=headers
            ) as response:
                answer = await response.read()
        except (aiohttp.ClientError, TimeoutError):
            raise ServiceRefused(503, _NO_PROBLEM) from None
        if response.status >= 400:
            raise ServiceRefused(response.status, _problem(answer))
        return msgspec.json.decode(answer) if answer else None


class ReceiptBook:
    """Signed cookies that let a browser see the orders it paid for."""

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(32)

    def receipt(self, order_id: str) -> tuple[str, str]:
        """Name and value of the cookie."""
        return _RECEIPT_PREFIX + order_id, self._sign(order_id)

    def shows(self, order_id: str, cookies: Mapping[str, str]) -> bool:
        given = cookies.get(_RECEIPT_PREFIX + order_id, "")
        return hmac.compare_digest(given.encode(), self._sign(order_id).encode())

    def _sign(self, order_id: str) -> str:
        return hmac.new(self._secret, order_id.encode(), hashlib.sha256).hexdigest()


def _problem(body: bytes) -> Mapping[str, object]:
    try:
        return msgspec.json.decode(body, type=dict[str, object])
    except msgspec.DecodeError:
        return _NO_PROBLEM
