"""Creating a sale: by a form, or as a copy of one that there is."""

from typing import Final

from holdfast_console.api import ApiProblem, sale_url
from holdfast_console.sale_form import AREA_ROWS, DEFAULTS, METHODS, sale_of, utc_time, wrong
from holdfast_console.screen import ConsolePage, Screen, ScreenAnswer, ScreenRequest, redirect
from holdfast_web.paths import SALES


async def show(request: ScreenRequest) -> ConsolePage:
    """The forms, with what was sent when it was refused."""
    sales = await request.api.items(SALES)
    values = {
        "fields": {**DEFAULTS, **request.form},
        "rows": _rows(request),
        "methods": [(method, request.texts(f"method_{method}")) for method in METHODS],
        "sales": [(sale["sale"], f"{sale['name']} ({sale['sale']})") for sale in sales],
        "chosen": request.parameters.get("from", request.form.get("from", "")),
    }
    return ConsolePage("create.html", values)


def _rows(request: ScreenRequest) -> list[tuple[str, str, str]]:
    """The rows of areas, filled as they were sent."""
    names, capacities, prices = (
        request.every.get(f"area_{name}", ()) for name in ("name", "capacity", "price")
    )
    filled = list(zip(names, capacities, prices, strict=False))
    return filled + [("", "", "")] * (AREA_ROWS - len(filled))


async def create(request: ScreenRequest) -> ScreenAnswer:
    """Creates the sale and leads to its own page; warnings about its plan are not shown here."""
    name = _name(request)
    body = sale_of(request.form, request.every, request.files)
    await _require_free(request, name)
    await request.api.call("PUT", sale_url(name), body)
    return redirect(f"/sales/{name}", done="created")


async def copy(request: ScreenRequest) -> ScreenAnswer:
    """A new sale with the settings, plan and prices of another."""
    name = _name(request)
    source = request.form.get("from", "")
    start = request.form.get("event_start_time", "").strip()
    begins = utc_time(start, "event_start_time") if start else None
    body: dict[str, object] = {"to": name, "event_start_time": begins}
    if request.form.get("test") == "yes":
        body["test"] = True
    await request.api.post(sale_url(source, "/copy"), body)
    return redirect(f"/sales/{name}", done="created")


async def _require_free(request: ScreenRequest, name: str) -> None:
    """A PUT would replace a sale that nobody has joined yet."""
    try:
        await request.api.get(sale_url(name))
    except ApiProblem as problem:
        if problem.code == "unknown_sale":
            return
        raise
    raise ApiProblem(409, {"code": "name_taken", "field": "sale"})


def _name(request: ScreenRequest) -> str:
    name = request.form.get("sale", "").strip()
    if not name:
        raise wrong("sale")
    return name


SCREEN: Final = Screen("create", "/new", show, {"create": create, "copy": copy})
