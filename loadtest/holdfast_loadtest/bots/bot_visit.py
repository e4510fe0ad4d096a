"""The visit of a bot: takes many tickets, forges tokens, replays what was used. Each is refused.

What is accepted is a violation, and so is a refusal with another code than the contract's: clients
act on codes. A service that is busy (429, 503) has answered neither.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from random import Random
from typing import Final

from holdfast_loadtest.bots import forgeries
from holdfast_loadtest.client import KEYS, NOBODY, Answer, Credentials
from holdfast_loadtest.crowd.choosing import HoldRequest, choose_request
from holdfast_loadtest.crowd.context import CrowdContext
from holdfast_loadtest.crowd.profiles import VisitorProfile
from holdfast_loadtest.crowd.tally import VisitorState
from holdfast_loadtest.crowd.visitor import Gone
from holdfast_loadtest.crowd.visits import Visit
from holdfast_loadtest.wire import Hold, Pass, SeatMap, Status, Ticket

NEVER_FORGED: Final = "a forged token is refused"
NEVER_AHEAD: Final = "nobody is admitted before the call"
NEVER_AGAIN: Final = "what was used or ended is refused"
RIGHT_CODE: Final = "what is refused is refused with the code of the contract"
BUSY: Final = frozenset({429, 503})
MAX_TICKETS: Final = 12
FORGERY: Final = "forgery"
REPLAY: Final = "replay"


class BotVisit(Visit):
    """Attacks the line with tickets, waits with one of them, and attacks the shop with its pass."""

    def __init__(self, profile: VisitorProfile, context: CrowdContext) -> None:
        super().__init__(profile, context)
        self._random = Random(profile.index)  # noqa: S311 - choices of a test

    async def wait_in_line(self) -> Pass:
        await self._attack_line()
        return await super().wait_in_line()

    async def enter_shop(self, passed: Pass) -> Pass:
        await self._attack_shop(passed)
        raise Gone(VisitorState.LEFT)

    async def _attack_line(self) -> None:
        tickets = [ticket async for ticket in self._take_tickets()]
        if not tickets:
            return
        forged = Credentials(ticket=forgeries.broken_signature(tickets[0].ticket))
        view = await self._ask("GET", "/ticket", forged, FORGERY)
        self._expect_refusal(NEVER_FORGED, "a forged ticket", view, {"unauthorized"})
        claim = await self._ask("POST", "/pass", forged, FORGERY, {})
        self._expect_refusal(NEVER_FORGED, "a claim by it", claim, {"unauthorized"})
        await self._claim_ahead(tickets[-1])

    async def _take_tickets(self) -> AsyncIterator[Ticket]:
        """Takes as many tickets as it gets without waiting."""
        for _ in range(self._random.randint(2, MAX_TICKETS)):
            answer = await self._ask("POST", "/tickets", NOBODY, None, {})
            if not answer.ok:
                return
            yield answer.read(Ticket)

    async def _claim_ahead(self, ticket: Ticket) -> None:
        """Claims at once; the line, as it stands afterwards, must have called the number."""
        if ticket.number is None or ticket.token is not None:
            return
        claim = await self._ask("POST", "/pass", Credentials(ticket=ticket.ticket), REPLAY, {})
        status = await self._ask("GET", "/status", NOBODY, None)
        if claim.status not in {200, 201} or status.status != 200:
            return
        serving = status.read(Status).serving
        if ticket.number > serving:
            evidence = f"number {ticket.number} has a pass, {serving} are called"
            self._context.journal.complain(NEVER_AHEAD, evidence)

    async def _attack_shop(self, passed: Pass) -> None:
        request = await self._wanted()
        async for what, token in self._forged_passes(passed.token):
            answer = await self._hold(token, request, self._key(), FORGERY)
            self._expect_refusal(NEVER_FORGED, what, answer, {"unauthorized"})
        await self._replay_hold(passed.token, request)
        await self._replay_pass(passed.token, request)

    async def _forged_passes(self, token: str) -> AsyncIterator[tuple[str, str]]:
        """Each says something else than the pass that the bot has: a service may know its own
        passes by more than their signature, which is for shops.
        """
        stolen = {"sub": "somebody-else"}
        yield "a pass with another buyer", forgeries.other_claims(token, **stolen)
        yield "a pass without a signature", forgeries.unsigned(token, **stolen)
        yield "a pass signed by a stranger", forgeries.signed_by_stranger(token, **stolen)
        keys = await self._ask("GET", KEYS, NOBODY, "keys")
        if public := forgeries.public_key(keys.body, token):
            signed = forgeries.signed_with_public_key(token, public, **stolen)
            yield "a pass signed with the published key as a secret", signed

    async def _replay_hold(self, token: str, request: HoldRequest) -> None:
        key = self._key()
        first = await self._hold(token, request, key, None)
        if not first.ok:
            return
        hold = first.read(Hold).id
        again = await self._hold(token, request, key, REPLAY)
        if again.ok and again.read(Hold).id != hold:
            evidence = f"holds {hold} and {again.read(Hold).id} by one Idempotency-Key"
            self._context.journal.complain(NEVER_AGAIN, evidence)
        other = await self._hold(token, {"best_available": {"quantity": 100}}, key, REPLAY)
        what = "another request under a used Idempotency-Key"
        self._expect_refusal(NEVER_AGAIN, what, other, {"idempotency_mismatch"})
        route = f"/holds/{hold}/release"
        await self._ask("POST", route, Credentials(bearer=token), "/holds/{id}/release", {})

    async def _replay_pass(self, token: str, request: HoldRequest) -> None:
        """The pass is given back; it begins no hold any more."""
        gone = await self._ask("DELETE", "/pass", Credentials(bearer=token), None)
        if not gone.ok:
            return
        answer = await self._hold(token, request, self._key(), REPLAY)
        codes = {"pass_ended", "sold_out", "sale_closed"}
        self._expect_refusal(NEVER_AGAIN, "a hold by a pass that was given back", answer, codes)

    async def _wanted(self) -> HoldRequest:
        """A hold request that a good pass would be granted."""
        answer = await self._ask("GET", "/seats", NOBODY, None)
        wanted = None
        if answer.ok:
            seats, offer = answer.read(SeatMap), self._context.offer
            wanted = choose_request(self._profile.wish, offer, seats, self._random)
        return wanted or {"best_available": {"quantity": 1}}

    def _key(self) -> str:
        return f"{self._random.getrandbits(128):032x}"

    async def _hold(self, token: str, request: HoldRequest, key: str, label: str | None) -> Answer:
        credentials = Credentials(bearer=token, idempotency_key=key)
        return await self._ask("POST", "/holds", credentials, label, request)

    async def _ask(
        self,
        method: str,
        route: str,
        credentials: Credentials,
        label: str | None,
        body: object | None = None,
    ) -> Answer:
        client = self._context.client
        return await client.call(method, route, credentials=credentials, body=body, label=label)

    def _expect_refusal(
        self, promise: str, what: str, answer: Answer, codes: Collection[str]
    ) -> None:
        """Complains unless the answer is the refusal that the contract foresees."""
        if answer.status in BUSY:
            return
        code = answer.problem().code
        if answer.ok:
            self._context.journal.complain(promise, f"{what}: {answer.status}")
        elif code not in codes:
            self._context.journal.complain(RIGHT_CODE, f"{what}: {answer.status} {code}")
