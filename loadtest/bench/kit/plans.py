"""Seat plans of any size, for benchmarks to sell."""

from __future__ import annotations

import math
import uuid
from random import Random
from typing import Any, Final

import msgspec

from holdfast_inventory.settings import InventorySettings

SETTINGS: Final = InventorySettings(prices={"A": 9000, "B": 6000, "C": 3000}, max_units_per_buyer=6)
ROW_SEATS, AISLE_AFTER, ROWS = 40, 20, 25

BLOCKS: Final = 40
ROWS_A_BLOCK: Final = 30
PITCH: Final = 25.0
ROW_PITCH: Final = 38.0
INNER_RADIUS: Final = 6_000.0
CATEGORIES: Final = ("Premium", "I", "II", "III", "Family")
COLOURS: Final = ("#f59e0b", "#3b82f6", "#22c55e", "#a855f7", "#ef4444")


def plan_json(seats: int) -> bytes:
    """Zones of a thousand seats beside each other, 25 rows of 40 with an aisle in the middle."""
    zones = []
    for number in range(max(1, seats // (ROWS * ROW_SEATS))):
        rows = [
            {
                "row_number": str(row + 1),
                "position": {"x": 0, "y": 40 * row},
                "seats": [
                    {
                        "seat_guid": f"{number}-{row}-{seat}",
                        "seat_number": str(seat + 1),
                        "position": {"x": 25 * seat + (30 if seat >= AISLE_AFTER else 0), "y": 0},
                        "category": "ABC"[min(2, row * 3 // ROWS)],
                    }
                    for seat in range(ROW_SEATS)
                ],
            }
            for row in range(ROWS)
        ]
        position = {"x": 1200 * (number % 10), "y": 1200 * (number // 10)}
        zones.append({"name": f"Zone {number}", "position": position, "rows": rows})
    categories = [{"name": name} for name in "ABC"]
    return msgspec.json.encode({"name": "House", "categories": categories, "zones": zones})


def stadium_json(seats: int, seed: int = 1, *, random_guids: bool = False) -> bytes:
    """A stadium with exactly so many seats, as a planner would draw it: nothing in it is regular.

    Rows are arcs, so that every coordinate is a fraction; their lengths, labels and first numbers
    vary; aisles leave gaps; numbers run to either side, by one or by two, and some have a letter.
    As in the files of the usual editor each seat also has an id of its own, which no map needs. The
    same seed gives the same stadium. With `random_guids` seats go by those ids, which no rule makes
    and nothing compresses.
    """
    random = Random(seed)  # noqa: S311 - the same every time
    blocks = [_block(number, seats, random) for number in range(BLOCKS)]
    _cut(blocks, seats)
    if random_guids:
        for seat in (s for block in blocks for row in block["rows"] for s in row["seats"]):
            seat["seat_guid"] = seat["uuid"]
    categories = [
        {"name": name, "color": colour} for name, colour in zip(CATEGORIES, COLOURS, strict=True)
    ]
    return msgspec.json.encode({"name": "Stadium", "categories": categories, "zones": blocks})


def _block(number: int, seats: int, random: Random) -> dict[str, Any]:
    length = seats / BLOCKS / ROWS_A_BLOCK * 1.06  # a little too many, cut in the end
    inner = INNER_RADIUS + (ROWS_A_BLOCK * ROW_PITCH * 1.3 if number % 2 else 0)
    rows = []
    for at in range(ROWS_A_BLOCK):
        radius = inner + at * ROW_PITCH
        label = f"{at + 1}{random.choice('AB')}" if random.random() < 0.1 else str(at + 1)
        count = max(2, round(length * (0.92 + at / ROWS_A_BLOCK * 0.16) + random.uniform(-2, 2)))
        rows.append(_row(number, label, radius, count, random))
    return {
        "name": _name(number),
        "zone_id": f"{number + 1:02}",
        "position": {"x": round(20_000 + random.uniform(-5, 5), 3), "y": 20_000},
        "rows": rows,
        "areas": [],
    }


def _name(number: int) -> str:
    return f"Block {chr(65 + number // 2)}{' upper' if number % 2 else ''}"


def _row(number: int, label: str, radius: float, count: int, random: Random) -> dict[str, Any]:
    angle = 2 * math.pi * number / BLOCKS
    numbers = _numbers(count, random)
    aisle = count // 3 if random.random() < 0.7 else count
    seats = []
    turn = angle - count / 2 * PITCH / radius
    for at, text in enumerate(numbers):
        turn += (PITCH * (1.9 if at == aisle else 1.0)) / radius
        guid = f"{_name(number).replace(' ', '').removeprefix('Block')}-{label}-{text}"
        seats.append(
            {
                "seat_guid": guid,
                "seat_number": text,
                "uuid": str(uuid.UUID(int=random.getrandbits(128), version=4)),
                "position": {
                    "x": round(radius * math.cos(turn), 3),
                    "y": round(radius * math.sin(turn), 3),
                },
                "category": CATEGORIES[(number // 3 + (at >= aisle)) % len(CATEGORIES)],
                **({"accessible": True} if at < 2 and random.random() < 0.05 else {}),
            }
        )
    return {
        "row_number": label,
        "row_number_position": random.choice(("both", "start", "end")),
        "position": {"x": 0, "y": 0},
        "seats": seats,
    }


def _numbers(count: int, random: Random) -> list[str]:
    """Seat numbers from 1 or from anywhere, by one or by two, either way, with gaps."""
    first, by = random.choice((1, 1, 101, random.randrange(2, 60))), random.choice((1, 1, 2))
    numbers = [str(first + by * at) for at in range(count)]
    if random.random() < 0.3:
        numbers.reverse()
    if random.random() < 0.3:
        at = random.randrange(count)
        numbers[at] += "bis"
    if random.random() < 0.25:
        left_out = random.randrange(count)
        numbers[left_out] = str(first + by * (count + 1))
    return numbers


def _cut(blocks: list[dict[str, Any]], seats: int) -> None:
    """Takes the seats that are too many from the last rows."""
    surplus = sum(len(row["seats"]) for block in blocks for row in block["rows"]) - seats
    if surplus < 0:
        raise ValueError(f"the stadium is {-surplus} seats short")
    for block in reversed(blocks):
        for row in reversed(block["rows"]):
            taken = min(surplus, len(row["seats"]) - 1)
            if taken:
                del row["seats"][-taken:]
                surplus -= taken
