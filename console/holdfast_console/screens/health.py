"""Health: whether the service is ready and set up well, its workers, and comparing what is kept."""

from collections.abc import Mapping
from typing import Any, Final

from holdfast_console.api import sale_url
from holdfast_console.screen import ConsolePage, Screen, ScreenAnswer, ScreenRequest
from holdfast_web.credentials import Role
from holdfast_web.paths import SALES

REFRESH_MS: Final = 5000
ORDER: Final = ("problem", "warning", "note", "ok")


async def show(request: ScreenRequest) -> ConsolePage:
    """Whether the service is ready, its settings and its workers."""
    return await _page(request, None)


async def reconcile(request: ScreenRequest) -> ScreenAnswer:
    """Compares ledger, store and events of a sale; changes nothing."""
    sale = request.form.get("sale", "")
    return await _page(request, await request.api.post(sale_url(sale, "/reconcile")))


async def _page(request: ScreenRequest, reconciled: Mapping[str, Any] | None) -> ConsolePage:
    health = await request.api.get("/v1/health")
    sales = await request.api.items(SALES) if request.role >= Role.OPERATOR else []
    values = {
        "refresh": 0 if reconciled else REFRESH_MS,
        "health": health,
        "findings": told(health.get("findings") or []),
        "fine": sum(finding["level"] == "ok" for finding in health.get("findings") or []),
        "reconciled": reconciled,
        "sales": [(sale["sale"], sale["name"]) for sale in sales],
    }
    return ConsolePage("health.html", values)


def told(findings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The findings that ask for something, the worst first; what is fine is only counted."""
    asking = [finding for finding in findings if finding["level"] != "ok"]
    return sorted(asking, key=lambda one: ORDER.index(one["level"]) if one["level"] in ORDER else 0)


SCREEN: Final = Screen("health", "/health", show, {"reconcile": reconcile})
