"""The gate: decides who is admitted, who is sent to the waiting room, and handles hand-offs.

One gate stands in front of one sale of a shop; the middlewares only translate. A visitor with a
session is admitted without a call to anybody. One with a hand-off waits while it is verified and,
by default, exchanged; that is the only step that may block, see `may_block`.

Invariants: a protected path is reached with a session or, if the shop sets it so, while the service
is unavailable; every response made here is `no-store`; a hand-off never stays in the address bar of
an admitted visitor; a refused hand-off leads back to the room only where a new one can help; a
request that looks ahead (HEAD, prefetch) uses up none.

Replays: with `Mode.EXCHANGE` the service exchanges a hand-off once, over all servers. With
`Mode.VERIFY` each process remembers the hand-offs it took until they expire, within a minute: a
stolen one could still be used once in each other process.
"""

import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from html import escape
from typing import Final
from urllib.parse import quote, urlencode

from holdfast_connector.contract import IDENTITY_PARAMETER, LEEWAY_SECONDS, REDIRECT_HEADER
from holdfast_connector.fetching import Fetch, fetch
from holdfast_connector.paths import Paths
from holdfast_connector.service import Service, ServiceUnavailable
from holdfast_connector.settings import Mode, Settings, WhenUnavailable
from holdfast_connector.tokens.expiring_set import ExpiringSet
from holdfast_connector.tokens.keys import Keys, KeysUnavailable, PublishedKeys
from holdfast_connector.tokens.sessions import Session, SessionCookies
from holdfast_connector.tokens.verifier import Fault, Handoff, Refused, Verifier
from holdfast_connector.visits import Visit
from holdfast_connector.worker_threads import Busy, WorkerThreads

RETRY_SECONDS: Final = 5
RELEASE_THREADS: Final = 2
_log = logging.getLogger("holdfast_connector")


@dataclass(frozen=True, slots=True)
class Admit:
    """The request goes on to the shop."""

    session: Session | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """The gate answers the request itself."""

    status: int
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    body: bytes = b""


Decision = Admit | Answer


class Gate:
    """Decides about the requests to one sale of a shop."""

    def __init__(
        self,
        settings: Settings,
        *,
        keys: Keys | None = None,
        fetch: Fetch = fetch,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.settings = settings
        self._clock = clock
        self._keys = keys or settings.shared_keys or PublishedKeys(settings.api_url, fetch=fetch)
        self.verifier = Verifier(
            settings.service_url, self._keys, clock=clock, admit_test=settings.admit_test
        )
        self._cookies = SessionCookies(
            settings.sale, settings.cookie_secrets, secure=settings.secure
        )
        self._paths = Paths(settings.protected, settings.public)
        self._service = Service(settings.api_url, settings.sale, fetch)
        self._taken, self._ended = ExpiringSet(clock), ExpiringSet(clock)
        self._exchange_threads, self._release_threads = (
            WorkerThreads(),
            WorkerThreads(RELEASE_THREADS),
        )

    def decide(self, visit: Visit) -> Decision:
        """The decision about `visit`; blocks while a hand-off is exchanged."""
        token = visit.handoff
        if token is None:
            return self._without_handoff(visit)
        if visit.is_speculative:
            return self._without_exchange(visit)
        return self._with_handoff(visit, token)

    def may_block(self, visit: Visit) -> bool:
        """Whether `decide` may block."""
        return visit.handoff is not None and not visit.is_speculative

    async def decide_async(self, visit: Visit) -> Decision:
        """The decision about `visit`, made without blocking the event loop."""
        if not self.may_block(visit):
            return self.decide(visit)
        try:
            return await self._exchange_threads.run(lambda: self.decide(visit))
        except Busy:
            return self._unavailable(visit)

    def session_of(self, visit: Visit) -> Session | None:
        """The visitor's live session, None without one."""
        session = self._cookies.read(visit.headers.get("cookie", ""), self._clock())
        if session is None or session.pass_id in self._ended:
            return None
        return None if session.test and not self.settings.admit_test else session

    def admits(self, visit: Visit) -> bool:
        """Whether `visit` is admitted, whatever its hand-off says."""
        if self.session_of(visit) is not None or not self._paths.protects(visit.path):
            return True
        return self._admits_when_unavailable and self._keys.unavailable

    def revoke(self, session: Session | None) -> str:
        """Ends a session and returns the `Set-Cookie` value that removes its cookie.

        The session is released at the service in the background.
        """
        if session is not None and self._ended.add(session.pass_id, session.expires_at):
            self._release_in_background(session)
        return self._cookies.clear_cookie()

    def room_url(self, visit: Visit) -> str:
        """The address of the waiting room, with the return URL and, if the shop signs one, the
        identity.
        """
        settings = self.settings
        query = {"t": visit.return_url(settings.shop_url, settings.landing)}
        identity = settings.identify(visit) if settings.identify is not None else None
        if identity is not None:
            query[IDENTITY_PARAMETER] = identity
        written = urlencode(query, quote_via=quote, safe="")
        return f"{settings.service_url}/wait/{settings.sale}?{written}"

    @property
    def _admits_when_unavailable(self) -> bool:
        return self.settings.when_unavailable is WhenUnavailable.OPEN

    def _without_handoff(self, visit: Visit) -> Decision:
        return Admit(self.session_of(visit)) if self.admits(visit) else self._to_waiting_room(visit)

    def _with_handoff(self, visit: Visit, token: str) -> Decision:
        session = self.session_of(visit)
        try:
            handoff = self.verifier.handoff(token, self.settings.shop_url)
            if handoff.sale != self.settings.sale:  # for another gate behind this one
                return self._without_handoff(visit)
            if not _is_known(handoff, session):
                return self._to_shop(visit, self._session_for(token, handoff))
        except Refused as refusal:
            if session is None:
                return self._refused(visit, refusal.fault)
        except (KeysUnavailable, ServiceUnavailable) as error:
            _log.warning("cannot exchange a hand-off: %s", error)
            if session is None:
                return self._unavailable(visit)
        return self._to_shop(visit, None)

    def _without_exchange(self, visit: Visit) -> Answer:
        """The response to a request that looks ahead, for which no hand-off is used up.

        Browsers keep no prefetched response that is an error, so the visitor's own request is made
        anew.
        """
        return _answer(503, []) if visit.is_prefetch else self._to_shop(visit, None)

    def _session_for(self, token: str, handoff: Handoff) -> Session:
        offline = Session(
            handoff.sale,
            handoff.pass_id,
            handoff.subject,
            handoff.pass_expires_at,
            test=handoff.test,
        )
        if handoff.pass_id in self._ended:
            raise Refused(Fault.OVER)
        if self.settings.mode is Mode.EXCHANGE:
            try:
                return self._service.exchange(token, handoff, self.settings.shop_url)
            except ServiceUnavailable:
                if not self._admits_when_unavailable:
                    raise
        if not self._taken.add(handoff.id, handoff.expires_at + LEEWAY_SECONDS):
            raise Refused(Fault.OVER)
        return offline

    def _to_shop(self, visit: Visit, session: Session | None) -> Answer:
        """Redirects to the page without the hand-off, with the session, if any, in a cookie."""
        headers = [("Location", visit.clean_url(self.settings.shop_url))]
        if session is not None:
            headers.append(("Set-Cookie", self._cookies.set_cookie(session, self._clock())))
        return _answer(302, headers)

    def _to_waiting_room(self, visit: Visit) -> Answer:
        url = self.room_url(visit)
        if visit.is_navigation:
            # 303 makes a GET of whatever it was.
            status = 302 if visit.method in ("GET", "HEAD") else 303
            return _answer(status, [("Location", url)])
        problem = {
            "type": "about:blank",
            "title": "The visitor has to go through the waiting room",
            "status": 401,
            "code": "waiting_room",
            "redirect_to": url,
        }
        headers = [(REDIRECT_HEADER, url), ("Content-Type", "application/problem+json")]
        return _answer(401, headers, json.dumps(problem).encode())

    def _refused(self, visit: Visit, fault: Fault) -> Decision:
        if fault is Fault.TEST:
            return _page(403, "<p>This shop takes no visitors of a test sale.</p>", [])
        if fault is not Fault.FORGED:
            return self._to_waiting_room(visit)
        _log.warning("refused a hand-off that is not for %s", self.settings.shop_url)
        room = escape(self.room_url(visit))
        text = f'<p>This link is not for this shop. <a href="{room}">To the waiting room</a></p>'
        return _page(403, text, [])

    def _unavailable(self, visit: Visit) -> Decision:
        if self._admits_when_unavailable:
            return Admit()
        retry = str(RETRY_SECONDS)
        headers = [("Retry-After", retry)]
        if visit.is_navigation:
            headers.append(("Refresh", retry))
        return _page(503, "<p>One moment, please. This page tries again by itself.</p>", headers)

    def _release_in_background(self, session: Session) -> None:
        if session.visitor_pass is None:
            return
        try:
            self._release_threads.send(lambda: self._release(session))
        except Busy:
            _log.warning("too many releases wait for the service: a session is not released early")

    def _release(self, session: Session) -> None:
        try:
            over = self._service.release(session)
        except ServiceUnavailable as error:
            over = False
            _log.warning("cannot release a session: %s", error)
        if not over:
            _log.warning("a session that was not released goes on until it expires")


def _is_known(handoff: Handoff, session: Session | None) -> bool:
    """Whether the hand-off is of the visitor's session, and ends no later."""
    return (
        session is not None
        and session.pass_id == handoff.pass_id
        and session.expires_at >= handoff.pass_expires_at
    )


def _page(status: int, text: str, headers: list[tuple[str, str]]) -> Answer:
    body = f'<!doctype html><html lang="en"><title>Waiting room</title>{text}</html>'.encode()
    return _answer(status, [*headers, ("Content-Type", "text/html; charset=utf-8")], body)


def _answer(status: int, headers: list[tuple[str, str]], body: bytes = b"") -> Answer:
    shared = [
        ("Cache-Control", "no-store"),
        ("Referrer-Policy", "no-referrer"),
        ("Content-Length", str(len(body))),
    ]
    return Answer(status, (*headers, *shared), body)
