"""The gate: who may pass, who is sent to the waiting room, and what becomes of a hand-off.

One gate stands in front of one sale of a shop; the middlewares only translate. A visitor with a
session passes without a call to anybody. One with a hand-off waits while it is verified and, as a
rule, exchanged; that is the only step that may block, see `may_wait`.

Invariants: a protected path is reached with a session or, if the shop wants it so, while the
service cannot be had; every answer made here is `no-store`; a hand-off never stays in the address
bar of whoever enters; a refused hand-off leads back to the room only where another round can help;
a look ahead (HEAD, prefetch) spends none.

What holds for replays: with `Mode.EXCHANGE` the service grants a hand-off once, over all servers.
With `Mode.VERIFY` each process remembers the hand-offs it took until they are over, within a
minute: a stolen one could still be used once in each other process.
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
from holdfast_connector.couriers import Busy, Courier
from holdfast_connector.fetching import Fetch, fetch
from holdfast_connector.paths import Paths
from holdfast_connector.service import Service, ServiceUnavailable
from holdfast_connector.settings import Mode, Settings, WhenUnavailable
from holdfast_connector.tokens.keys import Keys, KeysUnavailable, PublishedKeys
from holdfast_connector.tokens.memory import Memory
from holdfast_connector.tokens.sessions import Session, SessionCookies
from holdfast_connector.tokens.verifier import Fault, Handoff, Refused, Verifier
from holdfast_connector.visits import Visit

RETRY_SECONDS: Final = 5
RELEASE_THREADS: Final = 2
_log = logging.getLogger("holdfast_connector")


@dataclass(frozen=True, slots=True)
class Admit:
    """The request goes on to the shop."""

    session: Session | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """The request is answered here."""

    status: int
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    body: bytes = b""


Decision = Admit | Answer


class Gate:
    """Stands in front of one shop's sale."""

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
        self.verifier = Verifier(settings.service_url, self._keys, clock=clock)
        self._cookies = SessionCookies(
            settings.sale, settings.cookie_secrets, secure=settings.secure
        )
        self._paths = Paths(settings.protected, settings.public)
        self._service = Service(settings.api_url, settings.sale, fetch)
        self._taken, self._ended = Memory(clock), Memory(clock)
        self._entrances, self._exits = Courier(), Courier(RELEASE_THREADS)

    def decide(self, visit: Visit) -> Decision:
        """What happens to `visit`; blocks for a hand-off."""
        token = visit.handoff
        if token is None:
            return self._without_handoff(visit)
        if visit.is_speculative:
            return self._unspent(visit)
        return self._with_handoff(visit, token)

    def may_wait(self, visit: Visit) -> bool:
        """Whether `decide` may ask the service something."""
        return visit.handoff is not None and not visit.is_speculative

    async def decide_async(self, visit: Visit) -> Decision:
        """The same, without ever blocking the event loop."""
        if not self.may_wait(visit):
            return self.decide(visit)
        try:
            return await self._entrances.run(lambda: self.decide(visit))
        except Busy:
            return self._unavailable(visit)

    def session_of(self, visit: Visit) -> Session | None:
        """The visitor's live session."""
        session = self._cookies.read(visit.headers.get("cookie", ""), self._clock())
        return None if session is None or session.pass_id in self._ended else session

    def lets_in(self, visit: Visit) -> bool:
        """Whether `visit`, without its hand-off, may go on."""
        if self.session_of(visit) is not None or not self._paths.guard(visit.path):
            return True
        return self._is_open and self._keys.out_of_reach

    def revoke(self, session: Session | None) -> str:
        """Ends a session: the `Set-Cookie` value that takes it from the browser. The service is
        told in the background.
        """
        if session is not None and self._ended.add(session.pass_id, session.expires_at):
            self._give_place_back(session)
        return self._cookies.cleared()

    def room_url(self, visit: Visit) -> str:
        """The waiting room, with the way back, and with who comes if the shop says so."""
        settings = self.settings
        query = {"t": visit.return_url(settings.shop_url, settings.landing)}
        identity = settings.identify(visit) if settings.identify is not None else None
        if identity is not None:
            query[IDENTITY_PARAMETER] = identity
        written = urlencode(query, quote_via=quote, safe="")
        return f"{settings.service_url}/wait/{settings.sale}?{written}"

    @property
    def _is_open(self) -> bool:
        return self.settings.when_unavailable is WhenUnavailable.OPEN

    def _without_handoff(self, visit: Visit) -> Decision:
        return Admit(self.session_of(visit)) if self.lets_in(visit) else self._to_the_room(visit)

    def _with_handoff(self, visit: Visit, token: str) -> Decision:
        session = self.session_of(visit)
        try:
            handoff = self.verifier.handoff(token, self.settings.shop_url)
            if handoff.sale != self.settings.sale:  # another gate's, behind this one
                return self._without_handoff(visit)
            if not _is_known(handoff, session):
                return self._stripped(visit, self._session_for(token, handoff))
        except Refused as refusal:
            if session is None:
                return self._refused(visit, refusal.fault)
        except (KeysUnavailable, ServiceUnavailable) as error:
            _log.warning("a hand-off could not be taken: %s", error)
            if session is None:
                return self._unavailable(visit)
        return self._stripped(visit, None)

    def _unspent(self, visit: Visit) -> Answer:
        """A hand-off is good once, for who really comes. Browsers keep no prefetched answer that is
        an error, so the visitor's own request is made anew.
        """
        return _answer(503, []) if visit.is_prefetch else self._stripped(visit, None)

    def _session_for(self, token: str, handoff: Handoff) -> Session:
        offline = Session(
            handoff.sale, handoff.pass_id, handoff.subject, handoff.pass_expires_at, None
        )
        if handoff.pass_id in self._ended:
            raise Refused(Fault.OVER)
        if self.settings.mode is Mode.EXCHANGE:
            try:
                return self._service.exchange(token, handoff, self.settings.shop_url)
            except ServiceUnavailable:
                if not self._is_open:
                    raise
        if not self._taken.add(handoff.id, handoff.expires_at + LEEWAY_SECONDS):
            raise Refused(Fault.OVER)
        return offline

    def _stripped(self, visit: Visit, fresh: Session | None) -> Answer:
        """The visitor goes on to the page they wanted, with their session in a cookie."""
        headers = [("Location", visit.clean_url(self.settings.shop_url))]
        if fresh is not None:
            headers.append(("Set-Cookie", self._cookies.made(fresh, self._clock())))
        return _answer(302, headers)

    def _to_the_room(self, visit: Visit) -> Answer:
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
        if fault is not Fault.FORGED:
            return self._to_the_room(visit)
        _log.warning("refused a hand-off that is not for %s", self.settings.shop_url)
        room = escape(self.room_url(visit))
        text = f'<p>This link is not for this shop. <a href="{room}">To the waiting room</a></p>'
        return _page(403, text, [])

    def _unavailable(self, visit: Visit) -> Decision:
        if self._is_open:
            return Admit()
        retry = str(RETRY_SECONDS)
        headers = [("Retry-After", retry)]
        if visit.is_navigation:
            headers.append(("Refresh", retry))
        return _page(503, "<p>One moment, please. This page tries again by itself.</p>", headers)

    def _give_place_back(self, session: Session) -> None:
        if session.visitor_pass is None:
            return
        try:
            self._exits.send(lambda: self._release(session))
        except Busy:
            _log.warning("the service answers too slowly: a place is not given back early")

    def _release(self, session: Session) -> None:
        try:
            over = self._service.release(session)
        except ServiceUnavailable as error:
            over = False
            _log.warning("a place could not be given back: %s", error)
        if not over:
            _log.warning("a session goes on until it runs out")


def _is_known(handoff: Handoff, session: Session | None) -> bool:
    """Whether the visitor came again with what they entered with; a longer one is worth having."""
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
