"""Log: who changed what, with the values before and after."""

from typing import Any, Final

import msgspec

from holdfast_console.api import sale_url
from holdfast_console.screen import ConsolePage, Screen, ScreenRequest

ITEMS: Final = 50


async def show(request: ScreenRequest) -> ConsolePage:
    """The newest entries, of the sale in the address or of all."""
    path = sale_url(request.sale, "/audit") if "sale" in request.path else "/v1/audit"
    wanted = {name: request.parameters.get(name) for name in ("action", "actor", "cursor")}
    page = await request.api.get(path, limit=ITEMS, **wanted)
    entries = [{**item, "changes": changes_of(item)} for item in page["items"]]
    values = {"entries": entries, "next": page["next"], "wanted": wanted}
    return ConsolePage("log.html", values)


def changes_of(item: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Each member that differs: its name, its value before and after, as JSON; empty for a side
    that has none. An entry without either side shows its detail.
    """
    before, after = item.get("before") or {}, item.get("after") or {}
    if not before and not after:
        return [(name, "", _text(value)) for name, value in (item.get("detail") or {}).items()]
    names = [*before, *(name for name in after if name not in before)]
    return [
        (name, _side(before, name), _side(after, name))
        for name in names
        if before.get(name) != after.get(name)
    ]


def _side(values: dict[str, Any], name: str) -> str:
    return _text(values[name]) if name in values else ""


def _text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


SCREEN: Final = Screen("log", "/log", show)
SALE_SCREEN: Final = Screen("sale_log", "/sales/{sale}/log", show)
