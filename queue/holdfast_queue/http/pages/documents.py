"""The HTML documents of the waiting room, and the headers of each.

Invariants: no document contains a script or a style, and none requests anything from another host.
The Content-Security-Policy tells the browser so, so that injected markup could do neither.
`form-action` includes the return origin, because browsers check the redirect that answers a form
against it.

A waiting page contains nothing about a visitor, so everybody may get the same cached one; what
depends on a visitor (`place`, and every response to an address with an identity) is `no-store`.

An identity is passed on where the visitor joins, by form or by script, and nowhere else: no link
and no redirect of ours contains it, and a page that came with one sends its address to no other
site.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlencode

from holdfast_queue.http.pages.colours import DARK_PAPER, LIGHT_PAPER, shades
from holdfast_queue.http.pages.languages import NAMES, other_language, texts_for
from holdfast_queue.http.pages.render import Html, Templates, data_block
from holdfast_queue.line.brand import Brand
from holdfast_queue.line.presence import HIDDEN_SECONDS, OWN_VIEW_SECONDS
from holdfast_web.pages.assets import Assets

_FOLDER: Final = Path(__file__).parent
ASSETS: Final = Assets(_FOLDER / "static", "/wait/-")
_TEMPLATES: Final = Templates(_FOLDER / "templates")

PAGE_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # same-origin, not no-referrer: with that one browsers send `Origin: null` along with a form.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


IDENTIFIED_HEADERS: Final = {**PAGE_HEADERS, "Referrer-Policy": "strict-origin"}
"""For a page whose address has an identity, which must not be in the logs of its requests."""


@dataclass(frozen=True, slots=True)
class PageVisit:
    """The values that every document of one request needs."""

    sale: str
    return_url: str
    language: str
    brand: Brand
    identity: str | None = field(default=None, repr=False)
    """The identity that the shop has signed for the visitor, not verified."""

    @property
    def title(self) -> str:
        return self.brand.title or self.sale

    @property
    def texts(self) -> Mapping[str, str]:
        return texts_for(self.language, self.brand)

    @property
    def query(self) -> str:
        return urlencode({"t": self.return_url, "lang": self.language})


def security_policy(return_origin: str | None = None) -> str:
    """The Content-Security-Policy of a page whose form may end up at `return_origin`."""
    form_action = "'self'" if return_origin is None else f"'self' {return_origin}"
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        f"connect-src 'self'; form-action {form_action}; base-uri 'none'; "
        "frame-ancestors 'none'; require-trusted-types-for 'script'"
    )


def waiting_document(visit: PageVisit) -> Html:
    """The page with the script. It contains nothing about a visitor."""
    texts = visit.texts
    data = {
        "name": visit.sale,
        "sale": visit.title,
        "returnUrl": visit.return_url,
        "lang": visit.language,
        "texts": texts,
        "pace": {"hiddenSeconds": HIDDEN_SECONDS, "ownViewSeconds": OWN_VIEW_SECONDS},
    }
    values = {
        "title": visit.title,
        "place_url": place_path(visit.sale),
        "return_url": visit.return_url,
        "identity": identity_html(visit),
        "page_data": data_block(data),
    }
    return _render("waiting", visit, values)


def place_document(visit: PageVisit, values: Mapping[str, str]) -> Html:
    """The page for browsers without scripts, with the values that `place` computes."""
    return _render("place", visit, values)


def problem_document(
    *,
    language: str,
    texts: Mapping[str, str],
    kind: str,
    code: str,
    seconds: int | None = None,
    again: str | None = None,
    shop_url: str | None = None,
) -> Html:
    """The page of an error: `kind` names a pair of texts, `code` is the stable code for support.

    After `seconds` the browser loads the address `again` ("" is its own); `shop_url` is the link to
    the shop.
    """
    repeated = seconds is not None and again is not None
    values = {
        "lang": language,
        "head": _head(),
        "headline": texts[f"problem_{kind}_headline"],
        "lead": texts[f"problem_{kind}_lead"],
        "refresh": refresh_tag(seconds, again or "") if repeated else Html(""),
        "note": texts["problem_again"].format(seconds=seconds) if repeated else "",
        "back": Html("") if shop_url is None else back_html(shop_url, texts),
        "code": code,
    }
    return _TEMPLATES.render("problem", values)


def refresh_tag(seconds: int | None, address: str = "") -> Html:
    """The tag that reloads the page, or loads another `address`, after `seconds`; empty for
    None.
    """
    if seconds is None:
        return Html("")
    content = f"{seconds};url={address}" if address else f"{seconds}"
    return _TEMPLATES.render("refresh", {"content": content})


def form_html(visit: PageVisit, action: str, label: str) -> Html:
    values = {
        "place_url": place_path(visit.sale),
        "return_url": visit.return_url,
        "lang": visit.language,
        "identity": identity_html(visit),
        "action": action,
        "label": label,
    }
    return _TEMPLATES.render("form", values)


def identity_html(visit: PageVisit) -> Html:
    """The form's field for the identity; empty without one."""
    if visit.identity is None:
        return Html("")
    return _TEMPLATES.render("identity", {"identity": visit.identity})


def back_html(return_url: str, texts: Mapping[str, str]) -> Html:
    """The link back to the shop."""
    return _TEMPLATES.render("back", {"return_url": return_url, "label": texts["back_action"]})


def facts_html(facts: Sequence[tuple[str, str]]) -> Html:
    """A list of terms and values about a visitor's place."""
    rows = (_TEMPLATES.render("fact", {"term": term, "value": value}) for term, value in facts)
    return Html(f'<dl class="facts">{"".join(rows)}</dl>')


def message_html(texts: Mapping[str, str], message: str | None) -> Html:
    if message is None:
        return Html("")
    heading = texts["message_heading"]
    return _TEMPLATES.render("message", {"heading": heading, "message": message})


def place_path(sale: str) -> str:
    return f"/wait/{quote(sale)}/place"


def place_url(visit: PageVisit) -> str:
    return f"{place_path(visit.sale)}?{visit.query}"


def brand_path(sale: str, brand: Brand) -> str:
    """The address of the style sheet, which names its colour: another colour, another address."""
    return f"/wait/{quote(sale)}/brand.css?v={brand.colour.removeprefix('#')}"


def brand_stylesheet(brand: Brand) -> str:
    """The style sheet with the sale's colour, in shades for light and dark paper."""
    light, dark = shades(brand.colour, LIGHT_PAPER), shades(brand.colour, DARK_PAPER)
    return (
        f":root {{ --brand: {light.brand}; --on-brand: {light.on_brand}; }}\n"
        "@media (prefers-color-scheme: dark) {\n"
        f"  :root {{ --brand: {dark.brand}; --on-brand: {dark.on_brand}; }}\n"
        "}\n"
    )


def _render(template: str, visit: PageVisit, values: Mapping[str, str]) -> Html:
    shared = {
        "lang": visit.language,
        "head": _head(),
        "static": ASSETS.base,
        "brand_css": brand_path(visit.sale, visit.brand),
        "sale_name": visit.title,
        "masthead": _masthead(visit),
    }
    return _TEMPLATES.render(template, _with_texts(visit, {**shared, **values}))


def _head() -> Html:
    """The beginning of every document's head."""
    return _TEMPLATES.render("head", {"static": ASSETS.base})


def _with_texts(visit: PageVisit, values: Mapping[str, str]) -> dict[str, str]:
    """`values` and the texts, each as `$t_name`."""
    return {**{f"t_{key}": text for key, text in visit.texts.items()}, **values}


def _masthead(visit: PageVisit) -> Html:
    other = other_language(visit.language)
    brand = visit.brand
    values = {
        "logo": Html("") if brand.logo is None else _TEMPLATES.render("logo", {"logo": brand.logo}),
        "brand_name": brand.name or visit.texts["room"],
        "other_query": urlencode({"t": visit.return_url, "lang": other}),
        "other_lang": other,
        "other_name": NAMES[other],
        "test": _TEMPLATES.render("test_sale", {"text": visit.texts["test_sale"]})
        if brand.test
        else Html(""),
    }
    return _TEMPLATES.render("masthead", _with_texts(visit, values))
