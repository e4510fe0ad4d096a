"""What a bot takes for a breach: accepted forgeries and replays, and refusals with a wrong code."""

import io
from collections.abc import Callable
from typing import Any

import jwt
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from holdfast_loadtest.audit.journal import Journal
from holdfast_loadtest.bots import bot_visit, forgeries
from holdfast_loadtest.bots.bot_visit import BotVisit
from holdfast_loadtest.client import KEYS, NOBODY, Answer, Client, Credentials, Traffic
from holdfast_loadtest.crowd.context import CrowdContext
from holdfast_loadtest.crowd.offer import Offer
from holdfast_loadtest.crowd.profiles import Pace, draw
from holdfast_loadtest.crowd.tally import Tally
from holdfast_loadtest.wire import Hold, Pass, SeatMap, Status, Ticket

PRIVATE = Ed25519PrivateKey.generate()
HEADERS = {"kid": "k1", "typ": "JWT"}
CLAIMS = {"iss": "https://wait.example", "aud": "gala", "sub": "buyer", "jti": "p1"}
GOOD = jwt.encode(CLAIMS, PRIVATE, "EdDSA", headers=HEADERS)


TICKET = Ticket("good-ticket-of-the-line", number=7)
PUBLIC = forgeries.encoded(PRIVATE.public_key().public_bytes_raw())
DOCUMENTS: dict[str, object] = {
    "POST /tickets": TICKET,
    "GET /status": Status("open", 1, serving=3),
    "GET /seats": SeatMap(),
    f"GET {KEYS}": {"keys": [{"kid": "k1", "x": PUBLIC}]},
}


def refusal(status: int, code: str) -> Answer:
    return Answer(status, msgspec.json.encode({"code": code}))


def answer(status: int, body: object) -> Answer:
    return Answer(status, msgspec.json.encode(body))


class Service(Client):
    """A service that keeps the contract, but for what `broken` answers instead."""

    def __init__(self, broken: Callable[[str, Credentials, bool], Answer | None]) -> None:
        self.sale, self.traffic = "gala", Traffic()
        self._broken = broken
        self._holds: dict[str, object] = {}
        self._is_over = False

    async def call(
        self,
        method: str,
        route: str,
        *,
        credentials: Credentials = NOBODY,
        body: object | None = None,
        **_: Any,
    ) -> Answer:
        named = f"{method} {route}"
        used = credentials.idempotency_key in self._holds
        fault = self._broken(named, credentials, used or self._is_over)
        return fault or self._answer(named, credentials, body)

    def _answer(self, named: str, credentials: Credentials, body: object | None) -> Answer:
        if named == "POST /holds":
            return self._hold(credentials, body)
        if named in {"GET /ticket", "POST /pass"}:
            good = credentials.ticket == TICKET.ticket
            return answer(202, {}) if good else refusal(401, "unauthorized")
        self._is_over = self._is_over or named == "DELETE /pass"
        return answer(200, DOCUMENTS.get(named, {}))

    def _hold(self, credentials: Credentials, body: object | None) -> Answer:
        key = credentials.idempotency_key or ""
        if credentials.bearer != GOOD:
            return refusal(401, "unauthorized")
        if self._is_over:
            return refusal(409, "pass_ended")
        if self._holds.setdefault(key, body) != body:
            return refusal(422, "idempotency_mismatch")
        return answer(201, Hold("h1", "active"))


async def attack(
    broken: Callable[[str, Credentials, bool], Answer | None] = lambda *_: None,
) -> set[str]:
    """The promises that a bot found broken in a line and a shop."""
    journal = Journal(io.StringIO())
    context = CrowdContext(Service(broken), "key", Offer(), Tally(1), journal)
    bot = BotVisit(draw(1, 3, Pace()), context)
    await bot._attack_line()
    await bot._attack_shop(Pass(GOOD, "p1"))
    return {complaint.promise for complaint in journal.complaints}


async def test_service_that_keeps_the_contract_is_not_blamed() -> None:
    assert await attack() == set()


@pytest.mark.parametrize(
    "forge",
    [
        lambda token: forgeries.other_claims(token, sub="somebody-else"),
        lambda token: forgeries.unsigned(token, sub="somebody-else"),
    ],
)
async def test_accepted_forgery_is_a_breach(forge: Callable[[str], str]) -> None:
    def broken(named: str, credentials: Credentials, _: bool) -> Answer | None:
        forged = named == "POST /holds" and credentials.bearer == forge(GOOD)
        return answer(201, Hold("stolen")) if forged else None

    assert await attack(broken) == {bot_visit.NEVER_FORGED}


async def test_pass_without_a_call_is_a_breach() -> None:
    def broken(named: str, credentials: Credentials, _: bool) -> Answer | None:
        jumps = named == "POST /pass" and credentials.ticket == TICKET.ticket
        return answer(201, Pass(GOOD, "p1")) if jumps else None

    assert await attack(broken) == {bot_visit.NEVER_AHEAD}


async def test_used_key_and_ended_pass_that_hold_again_are_breaches() -> None:
    def broken(named: str, credentials: Credentials, is_replay: bool) -> Answer | None:
        replays = named == "POST /holds" and is_replay and credentials.bearer == GOOD
        return answer(201, Hold("another")) if replays else None

    assert await attack(broken) == {bot_visit.NEVER_AGAIN}


async def test_wrong_code_is_a_breach_and_a_busy_service_is_none() -> None:
    def other_code(named: str, credentials: Credentials, _: bool) -> Answer | None:
        wrong = named == "GET /ticket"
        return refusal(404, "unknown_visitor") if wrong else None

    def busy(named: str, credentials: Credentials, _: bool) -> Answer | None:
        return refusal(503, "overloaded")

    assert await attack(other_code) == {bot_visit.RIGHT_CODE}
    assert await attack(busy) == set()


def test_forgeries_are_what_they_say() -> None:
    public = PRIVATE.public_key()
    jwt.decode(GOOD, public, ["EdDSA"], audience="gala")
    forged = [
        forgeries.broken_signature(GOOD),
        forgeries.other_claims(GOOD, sub="somebody-else"),
        forgeries.unsigned(GOOD, sub="somebody-else"),
        forgeries.signed_by_stranger(GOOD, sub="somebody-else"),
        forgeries.signed_with_public_key(GOOD, public.public_bytes_raw(), sub="somebody-else"),
    ]
    for token in forged:
        with pytest.raises(jwt.InvalidTokenError):
            jwt.decode(token, public, ["EdDSA"], audience="gala")
        assert jwt.get_unverified_header(token)["kid"] == "k1"
    # Each would pass a verifier that lets the token name its algorithm, or checks no signature.
    for token in forged[1:]:
        claims = jwt.decode(token, options={"verify_signature": False})
        assert claims == CLAIMS | {"sub": "somebody-else"}
    jwt.decode(forged[4], public.public_bytes_raw(), ["HS256"], audience="gala")
