"""Sales: all of them with their state, and where each is opened."""

from dataclasses import replace
from typing import Any, Final

from holdfast_console.api import ApiProblem, sale_url
from holdfast_console.screen import (
    ConsolePage,
    Screen,
    ScreenAnswer,
    ScreenRequest,
    ask_first,
    redirect,
)
from holdfast_console.sessions import unix_seconds
from holdfast_console.texts import parse_time
from holdfast_web.paths import SALES


async def show(request: ScreenRequest) -> ConsolePage:
    """The list: those that are on first, archived ones not at all."""
    items = await request.api.items(SALES)
    rows = sorted((_row(item) for item in items), key=_urgency)
    return ConsolePage("sales.html", {"rows": rows})


def _row(item: dict[str, Any]) -> dict[str, Any]:
    """What the list shows of a sale; figures that are not known are None."""
    figures = {
        name: item.get(name)
        for name in ("waiting", "present", "active", "sold", "total", "sold_share", "revenue",
                     "currency", "rate_set", "rate_realised", "event_start_time")
    }  # fmt: skip
    return {
        **figures,
        "sale": item["sale"],
        "name": item["name"],
        "state": item["state"],
        "test": item["test"],
        "alerts": item.get("alerts") or [],
        "begins_in": _seconds_until(item.get("event_start_time")),
    }


def _seconds_until(moment: str | None) -> float | None:
    """None for a time that is not set, or has passed."""
    then = parse_time(moment)
    left = None if then is None else then.timestamp() - unix_seconds()
    return left if left is not None and left > 0 else None


def _urgency(row: dict[str, Any]) -> tuple[int, str]:
    order = {"open": 0, "paused": 0, "draining": 0, "sold_out": 1, "lobby": 2, "scheduled": 3}
    return order.get(row["state"], 4), row["name"]


async def archive(request: ScreenRequest) -> ScreenAnswer:
    """Deletes a closed sale; its orders stay in the ledger, and their count is agreed to."""
    sale = request.form.get("sale", "")
    if request.confirmed:
        try:
            query = {"orders": request.form.get("orders")}
            await request.api.call("DELETE", sale_url(sale), query=query)
        except ApiProblem as problem:
            if "orders" not in problem.document:
                raise
            return _ask_to_archive(request, sale, int(problem.document["orders"]))
        return redirect("", done="archived")
    return _ask_to_archive(request, sale)


def _ask_to_archive(request: ScreenRequest, sale: str, orders: int | None = None) -> ConsolePage:
    t = request.texts
    consequences = [t("archive_gone"), t("archive_orders")]
    if orders is not None:
        consequences.append(t("archive_count", n=t.number(orders)))
    fields = {**request.form, **({} if orders is None else {"orders": str(orders)})}
    title = t("archive_title", sale=sale)
    asked = replace(request, form=fields)
    return ask_first(asked, title, consequences, t("archive"), back="")


SCREEN: Final = Screen("sales", "", show, {"archive": archive})
