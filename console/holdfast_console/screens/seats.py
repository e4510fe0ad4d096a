"""Seats: the seat map, by which seats are taken off sale and put back, and the open holds."""

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote

from holdfast_console.api import ApiProblem, sale_url
from holdfast_console.screen import (
    ConsolePage,
    Screen,
    ScreenAnswer,
    ScreenRequest,
    ask_first,
    redirect,
)
from holdfast_web.charts.drawing import Drawing, element, joined

DRAWN_MAX: Final = 20_000
"""seats of a plan that is drawn as a whole; a larger one is shown zone by zone only"""
SEATS_AT_ONCE: Final = 1_000
"""that the API takes in one call"""
HOLDS_SHOWN: Final = 50
STATES: Final = {"f": "free", "h": "held", "b": "booked", "x": "blocked"}
_NO_PLAN: Final[dict[str, Any]] = {"zones": []}


async def show(request: ScreenRequest) -> ConsolePage:
    """The plan as a whole, or the zone that is asked for, and the open holds."""
    return ConsolePage("seats.html", await _values(request, request.parameters.get("zone", "")))


async def block(request: ScreenRequest) -> ScreenAnswer:
    """Takes the chosen seats off sale."""
    return await _change(request, "block")


async def unblock(request: ScreenRequest) -> ScreenAnswer:
    """Puts the chosen seats back on sale."""
    return await _change(request, "unblock")


async def release(request: ScreenRequest) -> ScreenAnswer:
    """Takes a hold away from its buyer, once that is agreed to."""
    t, hold_id = request.texts, request.form.get("hold", "")
    back = f"/sales/{request.sale}/seats"
    if not request.confirmed:
        consequences = [t("release_free"), t("release_paid")]
        title = t("release_title", hold=hold_id)
        return ask_first(request, title, consequences, t("release"), back=back)
    path = sale_url(request.sale, f"/holds/{quote(hold_id, safe='')}/release")
    await request.api.post(path, {})
    return redirect(back, "released")


async def _change(request: ScreenRequest, operation: str) -> ScreenAnswer:
    zone = request.form.get("zone", "")
    seats = await _chosen(request)
    unavailable: list[str] = []
    for at in range(0, len(seats), SEATS_AT_ONCE):
        part = {"seats": seats[at : at + SEATS_AT_ONCE]}
        done = await request.api.post(sale_url(request.sale, f"/seats/{operation}"), part)
        unavailable += done.get("unavailable", [])
    if unavailable or not seats:
        values = await _values(request, zone)
        return ConsolePage(
            "seats.html", {**values, "unavailable": unavailable, "nothing": not seats}
        )
    return redirect(f"/sales/{request.sale}/seats", f"{operation}ed", zone=zone)


async def _chosen(request: ScreenRequest) -> list[str]:
    """The guids of seats that are ticked, of rows that are, and of those that are written down."""
    seats = [*request.every.get("seat", ()), *request.form.get("guids", "").split()]
    rows = request.every.get("row", ())
    if rows:
        zones = (await _plan(request))["zones"]
        by_name = {
            f"{at}-{number}": row
            for at, zone in enumerate(zones)
            for number, row in enumerate(zone["rows"])
        }
        for name in rows:
            seats += [seat["seat_guid"] for seat in by_name.get(name, _EMPTY_ROW)["seats"]]
    return list(dict.fromkeys(seats))


_EMPTY_ROW: Final[dict[str, Any]] = {"seats": []}


async def _plan(request: ScreenRequest) -> dict[str, Any]:
    """The seating plan; a sale of areas alone has none."""
    try:
        plan: dict[str, Any] = await request.api.get(sale_url(request.sale, "/plan"))
    except ApiProblem as problem:
        if problem.code != "not_found":
            raise
        return _NO_PLAN
    return plan


async def _values(request: ScreenRequest, zone: str) -> dict[str, Any]:
    plan = await _plan(request)
    seat_map = await request.api.get(sale_url(request.sale, "/seats"))
    # A thread, since a stadium has tens of thousands of seats.
    shown = await asyncio.to_thread(_shown, plan, seat_map["states"], zone, request)
    holds = await request.api.get(
        sale_url(request.sale, "/holds"),
        limit=HOLDS_SHOWN,
        cursor=request.parameters.get("cursor"),
    )
    return {
        **shown,
        "areas": seat_map["areas"],
        "counts": seat_map["counts"],
        "holds": holds["items"],
        "more_holds": holds["next"],
        "unavailable": [],
        "nothing": False,
    }


def _shown(
    plan: Mapping[str, Any], states: str, zone: str, request: ScreenRequest
) -> dict[str, Any]:
    zones = list(_zones(plan, states))
    chosen = next((one for one in zones if one["at"] == zone), None)
    drawn = None
    if chosen is None and 0 < len(states) <= DRAWN_MAX:
        drawn = _drawing(plan, states, request)
    return {"zones": zones, "zone": chosen, "drawing": drawn}


def _zones(plan: Mapping[str, Any], states: str) -> Iterator[dict[str, Any]]:
    """Each zone with its rows, the state of each seat, and how many are in which."""
    index = 0
    for at, zone in enumerate(plan["zones"]):
        rows = []
        counts: Counter[str] = Counter()
        for number, row in enumerate(zone["rows"]):
            seats = []
            for seat in row["seats"]:
                state = STATES[states[index]]
                counts[state] += 1
                seats.append((seat["seat_guid"], seat["seat_number"], seat["category"], state))
                index += 1
            rows.append({"at": f"{at}-{number}", "name": row["row_number"], "seats": seats})
        yield {"at": str(at), "name": zone["name"], "rows": rows, "counts": counts}


def _drawing(plan: Mapping[str, Any], states: str, request: ScreenRequest) -> Drawing:
    """The whole plan as dots, one path for each zone and state; a zone leads to its page."""
    points = [
        [
            (_at(zone, row, seat, "x"), _at(zone, row, seat, "y"))
            for row in zone["rows"]
            for seat in row["seats"]
        ]
        for zone in plan["zones"]
    ]
    xs = [x for zone in points for x, _ in zone]
    ys = [y for zone in points for _, y in zone]
    margin = 20
    width, height = max(xs) - min(xs) + 2 * margin, max(ys) - min(ys) + 2 * margin
    links, index = [], 0
    for at, zone in enumerate(plan["zones"]):
        paths: dict[str, list[str]] = {}
        for x, y in points[at]:
            paths.setdefault(STATES[states[index]], []).append(f"M{x:.0f} {y:.0f}h0")
            index += 1
        dots = [
            element("path", d="".join(moves), class_=f"seat {state}")
            for state, moves in paths.items()
        ]
        name = element("title", zone["name"])
        links.append(element("a", joined(name, *dots), href=f"?zone={at}", aria_label=zone["name"]))
    return element(
        "svg",
        joined(*links),
        class_="plan",
        role="group",
        aria_label=request.texts("seat_map"),
        viewBox=f"{min(xs) - margin:.0f} {min(ys) - margin:.0f} {width:.0f} {height:.0f}",
    )


def _at(
    zone: Mapping[str, Any], row: Mapping[str, Any], seat: Mapping[str, Any], name: str
) -> float:
    """Where a seat is: positions of a plan are relative to what they are in."""
    parts = (one.get("position") or {} for one in (zone, row, seat))
    return sum(float(position.get(name, 0)) for position in parts)


SCREEN: Final = Screen(
    "seats",
    "/sales/{sale}/seats",
    show,
    {"block": block, "unblock": unblock, "release": release},
)
