"""What the handlers of the console share in one application."""

from dataclasses import dataclass, field
from typing import Final

from aiohttp import hdrs, web

from holdfast_console.attempts import AttemptCounter
from holdfast_console.http.forms import query_values
from holdfast_console.identity_provider import IdentityProvider
from holdfast_console.sessions import ConsoleSession, SessionCodec
from holdfast_console.texts import DEFAULT_LANGUAGE, LANGUAGES, Texts
from holdfast_web.pages.language import english_or_chinese, negotiate


@dataclass(frozen=True)
class ConsoleServices:
    """Sessions, and the limit of attempts to begin one."""

    codec: SessionCodec
    attempts: AttemptCounter = field(default_factory=AttemptCounter)
    provider: IdentityProvider | None = None
    """another way to sign in"""


CONSOLE: Final = web.AppKey("console", ConsoleServices)


def texts_of(request: web.Request, session: ConsoleSession | None = None) -> Texts:
    """The texts in the language that the address or the session says, or the browser prefers."""
    wished = query_values(request).get("lang") or (session.language if session else None)
    if wished in LANGUAGES:
        return Texts(wished)
    accepted = request.headers.get(hdrs.ACCEPT_LANGUAGE, "")
    return Texts(negotiate(accepted, english_or_chinese) or DEFAULT_LANGUAGE)
