"""A client of the service for the shop's server: a typed method per call, one exception.

Who asks is said with each call: the buyer, by their pass, or the shop itself, by its platform key.
"""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

import aiohttp
import msgspec

UNREACHABLE: Final = 503
NOT_MODIFIED: Final = 304
BAD_REQUEST: Final = 400
_NO_PROBLEM: Final[Mapping[str, object]] = {
    "code": "unreachable",
    "detail": "The service cannot be reached.",
}
_IN_THE_CART: Final = frozenset({"active", "paying"})
_PASS_IS_OVER: Final = frozenset({"unauthorized", "pass_ended", "sale_closed"})


class SaleFacts(msgspec.Struct, frozen=True):
    """What a shop shows of its sale."""

    name: str
    currency: str = "EUR"


class SaleStatus(msgspec.Struct, frozen=True):
    """The status of a sale: units by state, and numbers issued and called."""

    state: str
    sellable: int = 0
    held: int = 0
    issued: int = 0
    serving: int = 0

    @property
    def waiting(self) -> int:
        return max(0, self.issued - self.serving)


class Item(msgspec.Struct, frozen=True):
    """One line of a hold or an order; the price is of one unit."""

    label: str = ""
    price: int = 0
    quantity: int = 1


class Hold(msgspec.Struct, frozen=True):
    """Units that a buyer has in the cart."""

    id: str
    status: str
    total: int
    items: list[Item] = []
    expires_in_seconds: int = 0

    @property
    def in_the_cart(self) -> bool:
        return self.status in _IN_THE_CART

    @property
    def units(self) -> int:
        return sum(item.quantity for item in self.items)


class Order(msgspec.Struct, frozen=True):
    """An order as the ledger has it."""

    id: str
    status: str
    total: int = 0
    currency: str = "EUR"
    items: list[Item] = []


class BuyerSession(msgspec.Struct, frozen=True):
    """A buyer's session: the pass, and when it ends (RFC 3339)."""

    token: str = msgspec.field(name="pass")
    expires_at: str = ""

    @property
    def credential(self) -> str:
        return f"Bearer {self.token}"


class Area(msgspec.Struct, frozen=True):
    """A standing area: units that have no names."""

    id: str
    name: str
    category: str


class Category(msgspec.Struct, frozen=True):
    """A category of seats, by which best available may choose."""

    name: str


class Offer(msgspec.Struct, frozen=True):
    """What can be bought: the plan without its geometry. Prices by category, in minor units."""

    categories: list[Category] = []
    areas: list[Area] = []
    prices: dict[str, int] = {}
    plan_bytes: int = 0
    """How much the plan is that a browser loads, so that it can say how far it is."""


_NO_OFFER: Final = Offer()
_SHORT_PLAN: Final = "/plan?form=columns&guids=none"


class ServiceRefused(Exception):
    """The service refused a call or did not answer; `problem` is the problem document."""

    def __init__(self, status: int, problem: Mapping[str, object]) -> None:
        super().__init__(str(problem.get("code")))
        self.status = status
        self.problem = problem

    @property
    def code(self) -> str:
        return str(self.problem.get("code"))

    @property
    def session_is_over(self) -> bool:
        """Whether the pass is not valid any more."""
        return self.code in _PASS_IS_OVER


class SaleService:
    """The API of one sale. What the shop does with its key it does at `key_url`, past the crowd."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        service_url: str,
        sale: str,
        platform_key: str,
        key_url: str,
    ) -> None:
        self._session = session
        self._base = f"{service_url}/v1/sales/{sale}"
        self._key_base = f"{key_url}/v1/sales/{sale}"
        self._shop = f"Bearer {platform_key}"
        self._offer = _NO_OFFER
        self._offer_tag = ""

    async def facts(self) -> SaleFacts:
        return msgspec.convert(await self._call("GET", "", self._shop), SaleFacts)

    async def status(self) -> SaleStatus:
        return msgspec.convert(await self._call("GET", "/status", self._shop), SaleStatus)

    async def offer(self) -> Offer:
        """What can be bought; a plan is large, so it is read again only when it has changed."""
        known = {"If-None-Match": self._offer_tag} if self._offer_tag else {}
        try:
            answer = await self._ask("GET", _SHORT_PLAN, self._shop, headers=known)
        except ServiceRefused as refused:
            if refused.status != BAD_REQUEST:
                raise
            # A node of an earlier release has the whole plan alone.
            answer = await self._ask("GET", "/plan", self._shop, headers=known)
        if answer.status != NOT_MODIFIED:
            offer = msgspec.json.decode(answer.body, type=Offer)
            self._offer = msgspec.structs.replace(offer, plan_bytes=len(answer.body))
            self._offer_tag = answer.etag
        return self._offer

    async def exchange(self, token: str, origin: str) -> BuyerSession:
        """Exchanges a hand-off for its pass, which works once."""
        body = {"token": token, "origin": origin}
        return msgspec.convert(await self._call("POST", "/pass/exchange", "", body), BuyerSession)

    async def renew(self, session: BuyerSession) -> BuyerSession:
        answer = await self._call("POST", "/pass/renew", session.credential)
        return msgspec.convert({"pass": session.token, **answer}, BuyerSession)

    async def end_session(self, credential: str) -> None:
        """Ends the session, so that the next in line is admitted."""
        await self._call("POST", "/pass/release", credential)

    async def hold(self, credential: str, wish: Mapping[str, object], key: str) -> Hold:
        """Makes a hold; the same key again returns the same hold."""
        answer = await self._call("POST", "/holds", credential, wish, {"Idempotency-Key": key})
        return msgspec.convert(answer, Hold)

    async def cart(self, credential: str) -> list[Hold]:
        """The buyer's holds that are not settled, oldest first."""
        answer = await self._call("GET", "/holds", credential)
        holds = msgspec.convert(answer["items"], list[Hold])
        return [hold for hold in holds if hold.in_the_cart]

    async def own_hold(self, credential: str, hold_id: str) -> Hold:
        """One hold, by its buyer's own pass: a stranger's is refused."""
        return msgspec.convert(await self._call("GET", _hold(hold_id), credential), Hold)

    async def release(self, hold_id: str) -> None:
        """Gives a hold's units back, in the shop's name; the caller knows whose it is."""
        await self._call("POST", f"{_hold(hold_id)}/release", self._shop, {})

    async def begin_payment(self, hold_id: str) -> None:
        await self._call("POST", f"{_hold(hold_id)}/paying", self._shop, {})

    async def confirm(self, hold_id: str, booking: Mapping[str, object]) -> None:
        await self._call("POST", f"{_hold(hold_id)}/confirm", self._shop, booking)

    async def order(self, order_id: str) -> Order:
        answer = await self._call("GET", f"/orders/{quote(order_id, safe='')}", self._shop)
        return msgspec.convert(answer, Order)

    async def _call(
        self,
        method: str,
        path: str,
        credential: str,
        body: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:  # JSON of the service: each caller converts it to its own type
        answer = await self._ask(method, path, credential, body, headers)
        return msgspec.json.decode(answer.body) if answer.body else None

    async def _ask(
        self,
        method: str,
        path: str,
        credential: str,
        body: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> "_Answer":
        headers = {**(headers or {}), **({"Authorization": credential} if credential else {})}
        by_key = credential == self._shop and path.startswith(("/holds", "/orders"))
        url = (self._key_base if by_key else self._base) + path
        try:
            async with self._session.request(method, url, json=body, headers=headers) as response:
                etag = response.headers.get("ETag", "")
                answer = _Answer(response.status, etag, await response.read())
        except (aiohttp.ClientError, TimeoutError):
            raise ServiceRefused(UNREACHABLE, _NO_PROBLEM) from None
        if answer.status >= 400:
            raise ServiceRefused(answer.status, _problem(answer.body))
        return answer


class _Answer(msgspec.Struct, frozen=True):
    status: int
    etag: str
    body: bytes


def _hold(hold_id: str) -> str:
    return f"/holds/{quote(hold_id, safe='')}"


def _problem(body: bytes) -> Mapping[str, object]:
    try:
        return msgspec.json.decode(body, type=dict[str, object])
    except msgspec.DecodeError:
        return _NO_PROBLEM
