"""Responses with HTML: the frame that every page shares, and their headers."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from aiohttp import hdrs, web

from holdfast_console.render import render
from holdfast_console.screen import ROOT, ConsolePage, Download, StreamedFile
from holdfast_console.screens import SCREENS
from holdfast_console.sessions import ConsoleSession
from holdfast_console.texts import LANGUAGES, Texts
from holdfast_web.charts import CHART_STYLE_SHEET
from holdfast_web.credentials import ApiKey, Role
from holdfast_web.pages.assets import Assets

ASSETS: Final = Assets(Path(__file__).parents[1] / "static", f"{ROOT}/-", CHART_STYLE_SHEET)
_HEADERS: Final = {
    hdrs.CACHE_CONTROL: "no-store",
    "X-Content-Type-Options": "nosniff",
    # same-origin, not no-referrer: with that one browsers send `Origin: null` along with a form.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_CHOSEN_BY: Final = "lang"
"""the query parameter by which a page is shown in another language"""


@dataclass(frozen=True, slots=True)
class User:
    """Who is signed in, with the key that calls of the API are made with."""

    session: ConsoleSession
    key: ApiKey


def security_policy(*, framed: bool = False) -> str:
    """The Content-Security-Policy: nothing inline, nothing from elsewhere."""
    ancestors = "'self'" if framed else "'none'"
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; "
        f"frame-ancestors {ancestors}; require-trusted-types-for 'script'"
    )


def frame_values(
    texts: Texts, path: str, user: User | None = None, sale: str | None = None
) -> dict[str, Any]:
    """What the layout needs: the navigation, the language, who is signed in."""
    other = next(language for language in LANGUAGES if language != texts.language)
    return {
        "t": texts,
        "lang": texts.language,
        "static": ASSETS.base,
        "root": ROOT,
        "here": path,
        "other_language": (other, LANGUAGES[other], f"{path}?{_CHOSEN_BY}={other}"),
        "user": None if user is None else user.key,
        "csrf": "" if user is None else user.session.csrf,
        "may_change": user is not None and user.key.role >= Role.OPERATOR,
        "may_refund": user is not None and user.key.role >= Role.PLATFORM,
        "sale": sale,
        "nav": [] if user is None else _links(path, None),
        "sale_nav": [] if user is None or sale is None else _links(path, sale),
        "test_sale": False,
        "problem": None,
        "done": "",
        "form": {},
        "query": {},
    }


def page_response(page: ConsolePage, frame: Mapping[str, Any]) -> web.Response:
    """The page within the frame."""
    text = render(page.template, {**frame, **page.values})
    headers = {
        **_HEADERS,
        "X-Frame-Options": "SAMEORIGIN" if page.framed else "DENY",
        hdrs.VARY: f"{hdrs.ACCEPT_LANGUAGE}, {hdrs.COOKIE}",
        hdrs.CONTENT_LANGUAGE: frame["lang"],
        hdrs.CONTENT_SECURITY_POLICY: security_policy(framed=page.framed),
    }
    return web.Response(
        text=text, status=page.status, content_type="text/html", charset="utf-8", headers=headers
    )


def download_response(download: Download | StreamedFile) -> web.Response:
    """The file, or the document for a frame of the console's pages."""
    headers = {
        **_HEADERS,
        hdrs.CONTENT_TYPE: download.content_type,
        "X-Frame-Options": "SAMEORIGIN",
        hdrs.CONTENT_SECURITY_POLICY: security_policy(framed=True),
    }
    if download.name:
        headers[hdrs.CONTENT_DISPOSITION] = f'attachment; filename="{download.name}"'
    body = download.chunks if isinstance(download, StreamedFile) else download.body
    return web.Response(body=body, headers=headers)


def see_other(location: str) -> web.Response:
    """303: what comes next is loaded with GET."""
    return web.Response(
        status=303, headers={hdrs.LOCATION: location, hdrs.CACHE_CONTROL: "no-store"}
    )


def _links(path: str, sale: str | None) -> list[dict[str, object]]:
    """The navigation of the console, or of a sale."""
    places = {} if sale is None else {"sale": sale}
    shown = [one for one in SCREENS if one.listed and one.is_of_a_sale is bool(places)]
    urls = {screen.name: screen.url(**places) for screen in shown}
    return [{"text": f"nav_{name}", "url": url, "here": path == url} for name, url in urls.items()]
