"""Signing in with an API key, and out.

Where to go afterwards is a path of the console, never another address. A wrong key costs the
address that sent it one of its attempts. What is logged is the id of the key and the address.
"""

import logging
from typing import Final
from urllib.parse import urlencode

from aiohttp import web

from holdfast_console.http.documents import frame_values, page_response, see_other
from holdfast_console.http.forms import query_values, read_fields
from holdfast_console.http.services import CONSOLE, texts_of
from holdfast_console.http.session_cookies import (
    drop_session,
    keep_session,
    read_session,
    require_own_form,
)
from holdfast_console.screen import ROOT, ConsolePage
from holdfast_console.sessions import new_session, unix_seconds
from holdfast_web.credentials import API_KEYS, MAX_TOKEN_CHARS
from holdfast_web.errors import ErrorCode, HoldfastError
from holdfast_web.request.client_address import address_network, client_address

SIGN_IN: Final = f"{ROOT}/sign-in"
SIGN_OUT: Final = f"{ROOT}/sign-out"
MAX_NEXT_CHARS: Final = 500

logger = logging.getLogger(__name__)


def sign_in_url(next_path: str) -> str:
    """The address of the sign-in page that leads to `next_path` afterwards."""
    return f"{SIGN_IN}?{urlencode({'next': next_path})}" if next_path != ROOT else SIGN_IN


def safe_next(path: str) -> str:
    """`path` when it is an address of the console, else the console's first page."""
    inside = path == ROOT or path.startswith((f"{ROOT}/", f"{ROOT}?"))
    plain = path.isascii() and path.isprintable() and "\\" not in path and ".." not in path
    return path if inside and plain and len(path) <= MAX_NEXT_CHARS else ROOT


async def show_sign_in(request: web.Request) -> web.StreamResponse:
    """The form; somebody who is signed in goes on."""
    query = query_values(request)
    target = safe_next(query.get("next", ""))
    if read_session(request, request.app[CONSOLE].codec) is not None and "lang" not in query:
        return see_other(target)
    return _form(request, target)


async def sign_in(request: web.Request) -> web.StreamResponse:
    """Begins a session when the key is valid."""
    require_own_form(request)
    services = request.app[CONSOLE]
    form = (await read_fields(request)).first
    target = safe_next(form.get("next", ""))
    address = address_network(client_address(request))
    wait = services.attempts.seconds_to_wait(address)
    if wait:
        return waiting_sign_in(request, target, wait)
    secret = form.get("key", "").strip()
    usable = 0 < len(secret) <= MAX_TOKEN_CHARS and secret.isascii()
    key = await request.app[API_KEYS](secret) if usable else None
    if key is None:
        services.attempts.fail(address)
        logger.warning("console: a sign-in from %s was refused", address)
        return _form(request, target, "sign_in_wrong", 401)
    logger.info("console: key %s signed in from %s", key.id, address)
    response = see_other(target)
    session = new_session(unix_seconds(), secret=secret, language=texts_of(request).language)
    keep_session(response, request, services.codec, session, changed=True)
    return response


async def sign_out(request: web.Request) -> web.StreamResponse:
    """Ends the session in this browser."""
    require_own_form(request)
    response = see_other(SIGN_IN)
    session = read_session(request, request.app[CONSOLE].codec)
    token = (await read_fields(request)).first.get("csrf", "")
    if session is not None and not session.accepts(token):
        raise HoldfastError(ErrorCode.CROSS_ORIGIN)
    drop_session(response, request)
    return response


def waiting_sign_in(request: web.Request, target: str, seconds: int) -> web.Response:
    """The page for an address that has failed too often."""
    response = _form(request, target, "sign_in_wait", 429, seconds=seconds)
    response.headers["Retry-After"] = str(seconds)
    return response


def refused_sign_in(request: web.Request) -> web.Response:
    """The page for whom an identity provider, or what it says, does not let in."""
    return _form(request, ROOT, "sign_in_refused", 403)


def _form(
    request: web.Request, target: str, wrong: str = "", status: int = 200, **places: object
) -> web.Response:
    texts = texts_of(request)
    values = {
        "next": target,
        "wrong": texts(wrong, **places) if wrong else "",
        "provider": request.app[CONSOLE].provider is not None,
    }
    frame = frame_values(texts, SIGN_IN)
    return page_response(ConsolePage("sign_in.html", values, status), frame)
