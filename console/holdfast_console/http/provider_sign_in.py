"""Signing in by an identity provider, over HTTP: to the provider, and back with a code.

What has to come back is sealed into a cookie of its own. That cookie is `Lax`, since the provider's
redirect comes from another site; the session's own is `Strict` and would not be sent after such a
redirect, so the way into the console begins with a page that goes on by itself.
"""

import logging
from typing import Final

import msgspec
from aiohttp import hdrs, web

from holdfast_console.http.documents import frame_values, page_response, see_other
from holdfast_console.http.forms import query_values
from holdfast_console.http.services import CONSOLE, texts_of
from holdfast_console.http.session_cookies import is_secure, keep_session
from holdfast_console.http.sign_in import refused_sign_in, safe_next, waiting_sign_in
from holdfast_console.identity_provider import (
    PENDING_SECONDS,
    IdentityProvider,
    PendingSignIn,
    SignInRefused,
)
from holdfast_console.screen import ROOT, ConsolePage
from holdfast_console.sessions import new_session, unix_seconds
from holdfast_web.request.client_address import address_network, client_address

TO_PROVIDER: Final = f"{ROOT}/sign-in/provider"
CALLBACK: Final = f"{ROOT}/sign-in/callback"
_COOKIE: Final = "holdfast_console_pending"
_CONTEXT: Final = b"pending sign-in"
_decode: Final = msgspec.json.Decoder(PendingSignIn).decode

logger = logging.getLogger(__name__)


async def to_provider(request: web.Request) -> web.StreamResponse:
    """Sends the browser to the provider."""
    provider = _provider(request)
    try:
        url, pending = await provider.begin(safe_next(query_values(request).get("next", "")))
    except SignInRefused as refusal:
        return _refused(request, refusal)
    response = see_other(url)
    sealed = request.app[CONSOLE].codec.seal_bytes(msgspec.json.encode(pending), _CONTEXT)
    _set_cookie(response, request, sealed, PENDING_SECONDS)
    return response


async def callback(request: web.Request) -> web.StreamResponse:
    """Begins a session when the provider's code stands for somebody with a role."""
    provider = _provider(request)
    query = query_values(request)
    codec, attempts = request.app[CONSOLE].codec, request.app[CONSOLE].attempts
    if wait := attempts.seconds_to_wait(_address(request)):
        return waiting_sign_in(request, ROOT, wait)
    opened = codec.open_bytes(request.cookies.get(_name(request), ""), _CONTEXT)
    try:
        if opened is None or "code" not in query:
            raise SignInRefused("no code, or none that this browser has asked for")
        pending = _decode(opened)
        # Counted before it is known to be wrong: each code costs the provider a request.
        attempts.fail(_address(request))
        person = await provider.finish(pending, query.get("state", ""), query["code"])
        attempts.forget(_address(request))
    except SignInRefused as refusal:
        return _refused(request, refusal)
    logger.info("console: person %s signed in from %s", person.subject, _address(request))
    values = {"next": safe_next(pending.next)}
    texts = texts_of(request)
    response = page_response(ConsolePage("signed_in.html", values), frame_values(texts, CALLBACK))
    session = new_session(unix_seconds(), person=person, language=texts.language)
    _set_cookie(response, request, "", 0)
    keep_session(response, request, codec, session, changed=True)
    return response


def _provider(request: web.Request) -> IdentityProvider:
    provider = request.app[CONSOLE].provider
    if provider is None:
        raise web.HTTPNotFound
    return provider


def _refused(request: web.Request, refusal: SignInRefused) -> web.Response:
    logger.warning("console: a sign-in from %s was refused: %s", _address(request), refusal)
    response = refused_sign_in(request)
    _set_cookie(response, request, "", 0)
    return response


def _address(request: web.Request) -> str:
    return address_network(client_address(request))


def _name(request: web.Request) -> str:
    return f"__Secure-{_COOKIE}" if is_secure(request) else _COOKIE


def _set_cookie(response: web.Response, request: web.Request, value: str, seconds: int) -> None:
    secure = "; Secure" if is_secure(request) else ""
    response.headers.add(
        hdrs.SET_COOKIE,
        f"{_name(request)}={value}; HttpOnly; SameSite=Lax; Path={CALLBACK}; "
        f"Max-Age={seconds}{secure}",
    )
