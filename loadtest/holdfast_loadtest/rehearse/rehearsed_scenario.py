"""The scenario of a rehearsal: the people of a scenario or a world, and the stock and settings of
the sale that is rehearsed.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from holdfast_loadtest.preparing import STOCK
from holdfast_loadtest.scenarios.scenario import SUFFIX, Scenario, read_scenario
from holdfast_simulator.world import InvalidWorld, SaleWorld, World, parse_world, read_world

BUYERS_ONLY: Final[dict[str, float]] = {"buyer": 1.0}
_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")


def read_people(scenario: str | None, world: Path | None) -> dict[str, Any]:
    """The tables of a scenario (by name or file) or of a world, whose people all are buyers.

    Raises InvalidWorld.
    """
    if world is None:
        return _tables(read_scenario(scenario or "smoke"))
    read = read_world(world, World)
    return {**_tables(read), "users": BUYERS_ONLY}


def rehearsed_scenario(
    people: Mapping[str, Any],
    sale: Mapping[str, Any],
    plan: Mapping[str, Any] | None,
    *,
    visitors: int | None,
    seconds: float | None,
) -> Scenario:
    """The scenario with the sale's own stock and settings; `sale` and `plan` are documents of the
    API. Of `taste` those categories are kept that the sale has. Raises InvalidWorld.
    """
    table = {**people, "sale": sale_table(sale, plan)}
    arrivals, buyers = dict(table["arrivals"]), dict(table.get("buyers", {}))
    if visitors is not None:
        arrivals["visitors"] = visitors
    stock = set(table["sale"]["areas"]) | set(table["sale"]["seats"])
    buyers["taste"] = {name: n for name, n in buyers.get("taste", {}).items() if name in stock}
    table |= {"arrivals": arrivals, "buyers": buyers}
    if seconds is not None:
        table["duration_seconds"] = seconds
    if "duration_seconds" not in table:
        raise InvalidWorld("duration_seconds", "a world says not how long to run: give --seconds")
    return parse_world(table, Scenario)


def sale_table(sale: Mapping[str, Any], plan: Mapping[str, Any] | None) -> dict[str, Any]:
    """The table `sale` of a scenario: what of a sale's document the simulator knows."""
    known = set(SaleWorld.__struct_fields__) - STOCK
    settings = {name: value for name, value in sale.items() if name in known}
    areas = {area["id"]: area["capacity"] for area in sale.get("areas", ())}
    return {**settings, "areas": areas, "seats": _seats(plan)}


def write_scenario(scenario: Scenario, path: Path) -> None:
    """Writes the scenario as a file that Locust's processes read."""
    path.write_text("\n".join(_toml(_tables(scenario))) + "\n", encoding="utf-8")


def _seats(plan: Mapping[str, Any] | None) -> dict[str, int]:
    zones = (plan or {}).get("zones", ())
    return dict(
        Counter(seat["category"] for zone in zones for row in zone["rows"] for seat in row["seats"])
    )


def _tables(world: World) -> dict[str, Any]:
    """The tables as a file has them, without what is not set."""
    tables: dict[str, Any] = _without_none(msgspec.to_builtins(world, str_keys=True))
    return tables


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_none(one) for name, one in value.items() if one is not None}
    return value


def _toml(table: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[str]:
    """A table in TOML: first its values, then its tables. A JSON value is a TOML one, but for
    objects.
    """
    values = {name: value for name, value in table.items() if not isinstance(value, dict)}
    tables = {name: value for name, value in table.items() if isinstance(value, dict)}
    if path and (values or not tables):
        yield f"[{'.'.join(map(_key, path))}]"
    for name, value in values.items():
        yield f"{_key(name)} = {json.dumps(value, ensure_ascii=False)}"
    for name, inner in tables.items():
        yield from _toml(inner, (*path, name))


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else json.dumps(name, ensure_ascii=False)


def scenario_title(scenario: str | None, world: Path | None) -> str:
    """What people call it."""
    named = str(world) if world is not None else scenario or "smoke"
    return Path(named).name.removesuffix(SUFFIX)
