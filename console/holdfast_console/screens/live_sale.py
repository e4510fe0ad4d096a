"""Live: one sale while it is on, and what an operator changes then."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from holdfast_console.api import sale_url
from holdfast_console.effects import Limit, predict
from holdfast_console.live_figures import charts, forecast, funnel, headline, read_live, stock
from holdfast_console.screen import (
    ConsolePage,
    Screen,
    ScreenAnswer,
    ScreenHandler,
    ScreenRequest,
    ask_first,
    redirect,
)
from holdfast_console.texts import Texts

REFRESH_MS: Final = 1000
OFFERED: Final[Mapping[str, Sequence[str]]] = {
    "scheduled": ("open", "pause", "close"),
    "lobby": ("open", "pause", "drain", "close"),
    "open": ("pause", "drain", "close"),
    "sold_out": ("pause", "drain", "close"),
    "paused": ("resume", "drain", "close"),
    "draining": ("open", "pause", "close"),
    "closed": (),
}
"""What can be done with a sale, by its state."""
ASKED: Final = frozenset({"drain", "close", "open"})
"""Done only after the consequence was agreed to on a page of its own."""
UNDO: Final = {"pause": "resume", "resume": "pause", "drain": "open"}
"""What takes an operation back; there is nothing for the others."""
MAX_NUMBER: Final = 10**9


@dataclass(frozen=True, slots=True)
class Control:
    """A button for an operation, with its consequence in words."""

    operation: str
    text: str
    consequence: str


async def show(request: ScreenRequest) -> ConsolePage:
    """The figures, and the controls; `rate` and `cap` in the address are tried, not applied."""
    live = await read_live(request.api, request.sale)
    settings = await request.api.get(sale_url(request.sale))
    texts = request.texts
    rate, cap = settings["new_users_per_minute"], settings["total_active_users"]
    wished_rate = number_in(request.parameters.get("rate"), rate)
    wished_cap = number_in(request.parameters.get("cap"), cap)
    values = {
        "refresh": REFRESH_MS,
        "live": live,
        "settings": settings,
        "headline": headline(texts, live),
        "forecast": forecast(texts, live),
        "charts": charts(texts, live),
        "funnel": funnel(texts, live),
        "stock": stock(texts, live),
        "controls": controls(texts, live),
        "rate": wished_rate,
        "cap": wished_cap,
        "effect": effect_words(texts, live, wished_rate, wished_cap),
        "tried": (wished_rate, wished_cap) != (rate, cap),
        "undo": undo_fields(request.parameters),
    }
    return ConsolePage("live.html", values)


def number_in(text: str | None, otherwise: int) -> int:
    """The number in a field; `otherwise` when it is none that could be set."""
    if text is None or not (text.isascii() and text.isdigit() and len(text) <= 10):
        return otherwise
    return min(max(1, int(text)), MAX_NUMBER)


def controls(texts: Texts, live: Mapping[str, Any]) -> list[Control]:
    """The operations that the state of the sale allows."""
    return [
        Control(operation, texts(f"do_{operation}"), " ".join(consequences(texts, live, operation)))
        for operation in OFFERED.get(live["state"], ())
    ]


def consequences(texts: Texts, live: Mapping[str, Any], operation: str) -> list[str]:
    """What an operation does to those who wait and those who are inside, in sentences."""
    line, stocked = live["line"], live["stock"]
    found = [
        texts(
            f"consequence_{operation}",
            waiting=texts.number(line.get("waiting") or 0),
            active=texts.number(line.get("active") or 0),
            held=texts.number(stocked.get("held") or 0),
            free=texts.number(stocked.get("free") or 0),
        )
    ]
    found.append(texts("undo_exists" if operation in UNDO else "undo_none"))
    return found


def effect_words(texts: Texts, live: Mapping[str, Any], rate: int, cap: int) -> list[str]:
    """What rate and cap would do to the waits, in sentences."""
    effect = predict(live, rate, cap)
    now, then = effect.now, effect.then
    words = [
        texts(
            "effect_wait",
            then=texts.duration(then.last_waits_seconds),
            now=texts.duration(now.last_waits_seconds),
            rate=texts.number(then.per_minute),
        )
    ]
    if effect.too_many:
        words.append(texts("effect_too_many", n=texts.number(effect.too_many)))
    elif then.limit is not Limit.RATE:
        words.append(texts(f"effect_{then.limit}", rate=texts.number(then.per_minute)))
    return words


def undo_fields(parameters: Mapping[str, str]) -> dict[str, str]:
    """The fields of the form that takes back what has just been done; empty without one."""
    done = parameters.get("done", "")
    if done in UNDO:
        return {"do": UNDO[done]}
    if done == "changed" and {"undo_rate", "undo_cap"} <= set(parameters):
        return {"do": "change", "rate": parameters["undo_rate"], "cap": parameters["undo_cap"]}
    return {}


async def change(request: ScreenRequest) -> ScreenAnswer:
    """Sets rate and cap."""
    before = await request.api.get(sale_url(request.sale))
    rate, cap = before["new_users_per_minute"], before["total_active_users"]
    body = {
        "new_users_per_minute": number_in(request.form.get("rate"), rate),
        "total_active_users": number_in(request.form.get("cap"), cap),
    }
    await request.api.call("PATCH", sale_url(request.sale), body)
    undo = {"undo_rate": str(rate), "undo_cap": str(cap)}
    return redirect(_path(request), done="changed", **undo)


async def message(request: ScreenRequest) -> ScreenAnswer:
    """Says something to everybody who waits; empty takes it back."""
    text = request.form.get("message", "").strip()
    await request.api.call("PATCH", sale_url(request.sale), {"message": text or None})
    return redirect(_path(request), done="message")


def operate(operation: str) -> ScreenHandler:
    """The action of a lifecycle operation."""

    async def act(request: ScreenRequest) -> ScreenAnswer:
        texts = request.texts
        if operation in ASKED and not request.confirmed:
            live = await read_live(request.api, request.sale)
            said = consequences(texts, live, operation)
            title = texts(f"ask_{operation}", sale=live.get("name") or request.sale)
            action = texts(f"do_{operation}")
            return ask_first(request, title, said, action, back=_path(request))
        await request.api.post(sale_url(request.sale, f"/{operation}"))
        return redirect(_path(request), done=operation)

    return act


def _path(request: ScreenRequest) -> str:
    return f"/sales/{request.sale}"


OPERATIONS: Final = ("open", "pause", "resume", "drain", "close")
SCREEN: Final = Screen(
    "live",
    "/sales/{sale}",
    show,
    {
        "change": change,
        "message": message,
        **{operation: operate(operation) for operation in OPERATIONS},
    },
)
