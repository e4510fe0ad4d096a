"""Visitors: one found by number, ticket, pass or identity; ending a session; busy addresses."""

from typing import Any, Final

from holdfast_console.api import ApiProblem, sale_url
from holdfast_console.sale_form import number
from holdfast_console.screen import (
    ConsolePage,
    Screen,
    ScreenAnswer,
    ScreenRequest,
    ask_first,
    redirect,
)
from holdfast_web.credentials import Role

KINDS: Final = ("number", "ticket", "pass", "pass_id", "identity")
"""by what a visitor can be found: members of the body of `visitors/find`"""


async def show(request: ScreenRequest) -> ConsolePage:
    """The form, and the addresses with unusually many joins."""
    return ConsolePage("visitors.html", await _values(request, None))


async def find(request: ScreenRequest) -> ConsolePage:
    """The visitor. Tickets and passes are secrets: they come in a form, and no address has one."""
    kind, value = request.form.get("kind", ""), request.form.get("value", "").strip()
    named = number(value, "number") if kind == "number" else value
    found = await request.api.post(sale_url(request.sale, "/visitors/find"), {kind: named})
    return ConsolePage("visitors.html", await _values(request, found))


async def revoke(request: ScreenRequest) -> ScreenAnswer:
    """Ends the session of a pass, once that is agreed to."""
    t, holds = request.texts, request.form.get("holds", "keep")
    pass_id = request.form.get("pass_id", "")
    if not request.confirmed:
        consequences = [
            t("revoke_ends"),
            t(f"revoke_{'release' if holds == 'release' else 'keep'}"),
        ]
        title = t("revoke_title", pass_id=pass_id)
        back = f"/sales/{request.sale}/visitors"
        return ask_first(request, title, consequences, t("revoke"), back=back)
    body = {"pass_id": pass_id, "holds": holds}
    ended = await request.api.post(sale_url(request.sale, "/visitors/revoke"), body)
    done = "revoked" if ended["ended"] else "was_over"
    return redirect(f"/sales/{request.sale}/visitors", done)


async def _values(request: ScreenRequest, found: dict[str, Any] | None) -> dict[str, Any]:
    return {"kinds": KINDS, "found": found, "addresses": await _addresses(request)}


async def _addresses(request: ScreenRequest) -> list[dict[str, Any]]:
    """Those with the most joins, for operators, whom the API tells them."""
    if request.role < Role.OPERATOR:
        return []
    try:
        listed = await request.api.get(sale_url(request.sale, "/addresses"))
    except ApiProblem:
        return []
    items: list[dict[str, Any]] = listed["items"]
    return items


SCREEN: Final = Screen("visitors", "/sales/{sale}/visitors", show, {"find": find, "revoke": revoke})
