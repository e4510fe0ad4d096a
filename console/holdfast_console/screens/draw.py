"""Draw: what was published of it, its beacon, and the way to verify it."""

from typing import Any, Final

from holdfast_console.api import sale_url
from holdfast_console.screen import ConsolePage, Screen, ScreenAnswer, ScreenRequest, redirect


async def show(request: ScreenRequest) -> ConsolePage:
    """The draw, step by step."""
    draw = await request.api.get(sale_url(request.sale, "/draw"))
    values = {
        "draw": draw,
        "step": step_of(draw),
        "address": sale_url(request.sale, "/draw"),
        "awaits_beacon": bool(draw.get("beacon_source")) and not draw.get("beacon"),
    }
    return ConsolePage("draw.html", values)


def step_of(draw: dict[str, Any]) -> str:
    """How far the draw is: none, committed, closed, sealed."""
    if draw.get("method") != "random" or not draw.get("commitment"):
        return "none"
    if draw.get("sealed_at"):
        return "sealed"
    return "closed" if draw.get("closed_at") else "committed"


async def give_beacon(request: ScreenRequest) -> ScreenAnswer:
    """Gives the draw the value that was announced; it can be given once."""
    value = request.form.get("value", "").strip()
    await request.api.post(sale_url(request.sale, "/draw/beacon"), {"value": value})
    return redirect(f"/sales/{request.sale}/draw", done="beacon")


SCREEN: Final = Screen("draw", "/sales/{sale}/draw", show, {"beacon": give_beacon})
