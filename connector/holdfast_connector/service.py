"""The two calls of a shop for a visitor: exchange a hand-off, release a session."""

import json
from datetime import datetime
from typing import Final

from holdfast_connector.fetching import Fetch, FetchFailed, Request
from holdfast_connector.tokens.sessions import Session
from holdfast_connector.tokens.verifier import Fault, Handoff, Refused

_JSON: Final = {"Content-Type": "application/json", "Accept": "application/json"}


class ServiceUnavailable(Exception):
    """The service did not respond, or not in the expected form."""


class Service:
    """The API of one sale."""

    def __init__(self, api_url: str, sale: str, fetch: Fetch) -> None:
        self._base = f"{api_url}/v1/sales/{sale}"
        self._fetch = fetch

    def exchange(self, token: str, handoff: Handoff, origin: str) -> Session:
        """Exchanges a hand-off, once, for a session; raises Refused or ServiceUnavailable."""
        body = json.dumps({"token": token, "origin": origin}).encode()
        status, answer = self._call("/pass/exchange", _JSON, body)
        if status in (409, 410):
            raise Refused(Fault.OVER)
        if status != 200:
            raise Refused(Fault.FORGED)
        try:
            members = json.loads(answer)
            return Session(
                sale=handoff.sale,
                pass_id=str(members["pass_id"]),
                subject=handoff.subject,
                expires_at=int(datetime.fromisoformat(members["expires_at"]).timestamp()),
                visitor_pass=str(members["pass"]),
                test=handoff.test,
            )
        except (ValueError, KeyError, TypeError) as error:
            raise ServiceUnavailable("that is no pass") from error

    def release(self, session: Session) -> bool:
        """Ends the session, so that the next in line is called; whether it is over."""
        headers = {"Authorization": f"Bearer {session.visitor_pass}"}
        status, _ = self._call("/pass/release", headers, b"")
        return status in (204, 401, 409, 410)

    def _call(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        request = Request("POST", self._base + path, headers, body)
        try:
            response = self._fetch(request)
        except FetchFailed as error:
            raise ServiceUnavailable(str(error)) from error
        if response.status >= 500 or response.status == 429:
            raise ServiceUnavailable(f"status {response.status}")
        return response.status, response.body
