"""The contract's operations by name, each one request.

Three parts a program can play: a visitor (ticket), a buyer (pass), a shop or operator (API key).
Each method answers the plain `Answer`; which statuses are expected depends on what the caller was
up to, see `visitor` and `shopper`.
"""

from __future__ import annotations

from typing import Any

from holdfast_loadtest.client import PAGE, Answer, Caller, Credentials


class LineCalls:
    """What a visitor in the waiting room does."""

    def __init__(self, client: Caller) -> None:
        self._client = client

    async def join(self, ticket: str | None = None, return_url: str | None = None) -> Answer:
        return await self._client.call(
            "POST", "/tickets", credentials=Credentials(ticket=ticket), body=_returning(return_url)
        )

    async def page(self) -> Answer:
        """The waiting page itself, as a browser that reloads asks for it."""
        return await self._client.call("GET", PAGE)

    async def status(self, etag: str | None = None) -> Answer:
        return await self._client.call("GET", "/status", etag=etag)

    async def view(self, ticket: str) -> Answer:
        return await self._client.call("GET", "/ticket", credentials=Credentials(ticket=ticket))

    async def claim(self, ticket: str, return_url: str | None = None) -> Answer:
        return await self._client.call(
            "POST", "/pass", credentials=Credentials(ticket=ticket), body=_returning(return_url)
        )

    async def leave(self, bearer: str) -> Answer:
        return await self._client.call("DELETE", "/pass", credentials=Credentials(bearer=bearer))


class HoldCalls:
    """What can be done with a hold that is there, by one bearer."""

    def __init__(self, client: Caller, bearer: str) -> None:
        self._client = client
        self._credentials = Credentials(bearer=bearer)

    async def _of_hold(
        self, method: str, hold: str, action: str, body: object | None = None
    ) -> Answer:
        return await self._client.call(
            method,
            f"/holds/{hold}{action}",
            credentials=self._credentials,
            body=body,
            label=f"/holds/{{id}}{action}",
        )


class BuyerCalls(HoldCalls):
    """What the holder of a pass does."""

    async def seat_map(self) -> Answer:
        return await self._client.call("GET", "/seats")

    async def hold(self, request: dict[str, Any], idempotency_key: str) -> Answer:
        credentials = Credentials(self._credentials.bearer, idempotency_key=idempotency_key)
        return await self._client.call("POST", "/holds", credentials=credentials, body=request)

    async def read_hold(self, hold: str) -> Answer:
        return await self._of_hold("GET", hold, "")

    async def release(self, hold: str) -> Answer:
        return await self._of_hold("POST", hold, "/release")


class ShopCalls(HoldCalls):
    """What the shop's own server does, with its platform key: charge the buyer, then confirm."""

    async def paying(self, hold: str) -> Answer:
        return await self._of_hold("POST", hold, "/paying", {})

    async def confirm(self, hold: str, payment: dict[str, Any]) -> Answer:
        return await self._of_hold("POST", hold, "/confirm", payment)

    async def read(self, route: str, label: str | None = None) -> Answer:
        """Any of the sale's documents: the sale itself (""), orders, events, plan, seats."""
        return await self._client.call("GET", route, credentials=self._credentials, label=label)

    async def write(self, method: str, route: str, body: object | None = None) -> Answer:
        """An operator's change: create, open, close."""
        return await self._client.call(method, route, credentials=self._credentials, body=body)


def _returning(url: str | None) -> dict[str, str]:
    """The body of a join or a claim by who goes back to a shop."""
    return {} if url is None else {"return_url": url}
