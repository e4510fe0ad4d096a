"""Look: brand and texts of the waiting page, with a preview of every scene in two widths."""

import base64
from typing import Any, Final
from urllib.parse import quote

from holdfast_console.api import sale_url
from holdfast_console.sale_form import wrong
from holdfast_console.screen import (
    ConsolePage,
    Download,
    Screen,
    ScreenAnswer,
    ScreenRequest,
    redirect,
)
from holdfast_console.texts import LANGUAGES

SCENES: Final = (
    "scheduled", "lobby", "waiting", "held", "paused", "turn", "sold_out", "draining", "closed",
    "expired", "ended", "rejected", "identity", "form", "cookies",
)  # fmt: skip
"""The scenes of the waiting page, in the order in which visitors come through them."""
TEXTS: Final = (
    "scheduled_lead", "lobby_headline", "lobby_lead_random", "lobby_lead_fifo", "waiting_headline",
    "waiting_lead", "held_lead", "paused_lead", "turn_lead", "sold_out_headline", "sold_out_lead",
    "draining_lead", "closed_headline", "closed_lead", "expired_lead", "keep_note",
)  # fmt: skip
"""The texts that a sale may word itself."""
LOGO_TYPES: Final = {
    b"\x89PNG": "png",
    b"\xff\xd8\xff": "jpeg",
    b"RIFF": "webp",
    b"<svg": "svg+xml",
}


async def show(request: ScreenRequest) -> ConsolePage:
    """The brand, and one scene of it in both widths; `colour` and `brand_name` are tried."""
    brand = await _brand(request)
    scene = request.parameters.get("scene", "waiting")
    tried = {name: request.parameters[name] for name in ("colour",) if name in request.parameters}
    values = {
        "brand": {"name": "", "colour": None, "logo": None, "texts": {}, **brand},
        "colour": tried.get("colour") or brand.get("colour") or "#0b5c4b",
        "scenes": [(one, request.texts(f"scene_{one}")) for one in SCENES],
        "scene": scene if scene in SCENES else "waiting",
        "languages": LANGUAGES,
        "keys": TEXTS,
    }
    return ConsolePage("look.html", values)


async def preview(request: ScreenRequest) -> Download:
    """The document of a scene, for a frame."""
    wanted = {name: request.parameters.get(name) for name in ("lang", "colour")}
    path = sale_url(request.sale, f"/preview/{quote(request.path['scene'], safe='')}")
    answer = await request.api.ask("GET", path, query=wanted)
    return Download(answer.body, "text/html; charset=utf-8")


async def save(request: ScreenRequest) -> ScreenAnswer:
    """Sets the brand."""
    before = await _brand(request)
    brand: dict[str, Any] = {
        "name": request.form.get("brand_name", "").strip(),
        "colour": request.form.get("colour", "").strip().lower() or None,
        "logo": _logo(request, before),
        "texts": texts_of(request),
    }
    await request.api.call("PATCH", sale_url(request.sale), {"brand": brand})
    return redirect(f"/sales/{request.sale}/look", done="look")


def texts_of(request: ScreenRequest) -> dict[str, dict[str, str]]:
    """The texts that were worded, by language; one that is empty is the service's own."""
    return {
        language: {
            key: text
            for key in TEXTS
            if (text := request.form.get(f"{language}.{key}", "").strip())
        }
        for language in LANGUAGES
    }


def _logo(request: ScreenRequest, before: dict[str, Any]) -> str | None:
    """The logo that was uploaded, else the one that there was; None when it is taken away."""
    content = request.files.get("logo") or b""
    if not content:
        return None if request.form.get("without_logo") else before.get("logo")
    kind = next((kind for mark, kind in LOGO_TYPES.items() if content.startswith(mark)), None)
    if kind is None:
        raise wrong("logo")
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


async def _brand(request: ScreenRequest) -> dict[str, Any]:
    sale = await request.api.get(sale_url(request.sale))
    brand: dict[str, Any] = sale.get("brand") or {}
    return brand


SCREEN: Final = Screen("look", "/sales/{sale}/look", show, {"save": save})
PREVIEW: Final = Screen("look_preview", "/sales/{sale}/look/{scene}", preview, listed=False)
