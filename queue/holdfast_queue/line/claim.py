"""Claiming a pass after a call, and renewing, exchanging and ending it.

These are the room's only store calls on behalf of a single visitor. Invariants: whoever is told to
wait can still be called; the same ticket gets the same admission as long as its session lives; a
claim that cannot succeed by the newest document does not reach the store. Other workers may be a
step ahead of this one's document, so `_AHEAD` numbers above `serving` are asked for all the same.
"""

from dataclasses import replace
from typing import Final

from holdfast_lua.calls.codes import Code
from holdfast_lua.calls.line_status import LineAnswer
from holdfast_lua.clock import host_ms
from holdfast_queue.line.refusals import refusal
from holdfast_queue.line.results import Admission, RetryLater
from holdfast_queue.line.state import LineState
from holdfast_queue.line.status import SaleState
from holdfast_queue.tokens.handoffs import HANDOFF_MS
from holdfast_queue.tokens.passes import Pass
from holdfast_queue.tokens.tickets import Ticket
from holdfast_web.channels import sorted_channels
from holdfast_web.credentials import PassClaims
from holdfast_web.errors import ErrorCode, HoldfastError

_AHEAD: Final = 200
_ADMITTED: Final = frozenset({Code.ADMITTED, Code.ADMITTED_BEFORE, Code.ADMITTED_AT_JOIN})
_NOT_CALLED_RETRY_SECONDS: Final = 2.0
_STOPPED_RETRY_SECONDS: Final = 5.0


class ClaimService:
    """Gives and changes the passes of one sale, in one process."""

    def __init__(self, line_state: LineState) -> None:
        self._line_state = line_state
        self._ref = line_state.ref
        self._services = line_state.services

    async def claim(self, ticket: Ticket) -> Admission | RetryLater:
        """Admits a visitor who was called, or tells when to ask again.

        Raises HoldfastError when waiting is over: the call expired, the sale is sold out or closed.
        """
        number = self._line_state.number_of(ticket)
        if number is None or number > self._line_state.document.line.serving + _AHEAD:
            return self._not_called()
        answer = await self._services.calls.claim_pass(self._ref, number, ticket.pass_id)
        if answer.code in _ADMITTED:
            again = answer.code is not Code.ADMITTED
            admission = self.admit(ticket, answer, again=again)
            return replace(admission, claimed=answer.code is Code.ADMITTED_BEFORE)
        if answer.code is Code.DEFERRED:
            return RetryLater(answer.ms / 1000, called=True)
        if answer.code is Code.LINE_STOPPED:
            return RetryLater(_STOPPED_RETRY_SECONDS, called=True)
        if answer.code is Code.NOT_CALLED:
            return self._not_called()
        raise refusal(answer.code)

    def admit(self, ticket: Ticket, answer: LineAnswer, *, again: bool) -> Admission:
        """The admission of a ticket that the store has admitted, as `answer` says."""
        return self._admission(ticket.pass_id, ticket.subject, answer, again, ticket.channels)

    async def renew(self, claims: PassClaims) -> Admission:
        """The admission with a later end; raises when the session is over."""
        answer = await self._services.calls.renew_pass(self._ref, claims.pass_id)
        if answer.code is Code.SESSION_OVER and await self._restore_session(claims):
            answer = await self._services.calls.renew_pass(self._ref, claims.pass_id)
        if answer.code < 0:
            raise refusal(answer.code)
        channels = sorted_channels(claims.channels)
        return self._admission(claims.pass_id, claims.subject, answer, True, channels)

    async def exchange(self, token: str, origin: str | None) -> Admission:
        """Exchanges a hand-off for its admission; each hand-off can be exchanged once.

        With an `origin` the hand-off must be meant for it. Raises HoldfastError HANDOFF_USED for
        one that is not valid, over, or was exchanged before.
        """
        handoff = self._services.handoffs.read(token, origin, self._ref.clock.now_ms())
        if handoff is None or handoff.admitted.uid != self._ref.uid:
            raise HoldfastError(ErrorCode.HANDOFF_USED)
        granted = handoff.admitted
        answer = await self._services.calls.exchange_handoff(
            self._ref, handoff.handoff_id, granted.pass_id
        )
        if answer.code is Code.HANDOFF_LIMITED:
            raise HoldfastError(ErrorCode.TOO_MANY_REQUESTS, retry_after=answer.ms / 1000)
        if answer.code < 0:
            raise refusal(answer.code)
        return self._admission(granted.pass_id, granted.subject, answer, True, granted.channels)

    async def end(self, pass_id: str, reason: str) -> bool:
        """Ends a session, which frees its slot; False when it was over before."""
        answer = await self._services.calls.end_pass(self._ref, pass_id, reason)
        return answer.code is Code.OK

    def handoff(self, admission: Admission, origin: str) -> str:
        """A token that carries the admission to the shop at `origin`."""
        now_ms, issued_ms = _for_shops(admission.now_ms)
        return self._services.handoffs.issue(admission.granted, origin, now_ms, issued_ms)

    async def _restore_session(self, claims: PassClaims) -> bool:
        """Restores the session of a pass of an earlier epoch, which the store has lost; whether it
        did.

        Such a pass is good until it expires.
        """
        if not 0 < claims.epoch < self._ref.epoch:
            return False
        expires_ms = claims.expires_at * 1000
        limit_ms = claims.renewable_until * 1000
        returned = await self._services.calls.return_pass(
            self._ref, claims.pass_id, expires_ms, limit_ms
        )
        return returned is Code.OK

    def _not_called(self) -> RetryLater:
        """Tells a visitor who is not called to ask again; raises when there is nothing to wait
        for.
        """
        state = self._line_state.document.state
        if state is SaleState.SOLD_OUT:
            raise HoldfastError(ErrorCode.SOLD_OUT)
        if state is SaleState.CLOSED:
            raise HoldfastError(ErrorCode.SALE_CLOSED)
        return RetryLater(_NOT_CALLED_RETRY_SECONDS, called=False)

    def _admission(
        self, pass_id: str, subject: str, answer: LineAnswer, again: bool, channels: tuple[str, ...]
    ) -> Admission:
        name, ref = self._line_state.name, self._ref
        granted = Pass(
            name,
            ref.uid,
            ref.epoch,
            pass_id,
            subject,
            answer.ms,
            channels,
            answer.limit_ms,
            self._line_state.settings.test,
        )
        token = self._services.passes.issue(granted, _for_shops(answer.now_ms)[1])
        return Admission(granted, token, answer.now_ms, again)


def _for_shops(sale_ms: int) -> tuple[int, int]:
    """The start of a hand-off's life and of a token's validity, in Unix milliseconds.

    Both are chosen between the clocks of sale and host. A shop has a clock like this host's, and
    another worker may not have heard yet that the store's clock has jumped. By a sale's clock that
    is ahead a token would not be valid yet for either, and by one that is behind a hand-off would
    be over on arrival. The start of a hand-off is at most HANDOFF_MS after the sale's time, since
    the store remembers a used hand-off only so long.
    """
    host = host_ms()
    return min(max(sale_ms, host), sale_ms + HANDOFF_MS), min(sale_ms, host)
