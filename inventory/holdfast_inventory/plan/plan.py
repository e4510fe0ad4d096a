"""A compiled seating plan: seat indices, row segments, labels, and the forms that clients read.

Plan order (zones, rows and seats as in the file) is normative: a seat's index never changes, and
the wire form of a map is one character a seat in that order. A `Plan` is immutable and compiled
once per process and sale; `version` is a digest of its content, so a client may cache the document
for ever.

A sale of areas alone has a plan without seats.
"""

from __future__ import annotations

import gzip
import hashlib
from array import array
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Final

import brotli  # type: ignore[import-untyped]
import msgspec

from holdfast_inventory.plan.channels import channels_of
from holdfast_inventory.plan.columns import COLUMNS_FORM, plan_columns
from holdfast_inventory.plan.geometry import PlacedRow, Point, default_focus, place_rows
from holdfast_inventory.plan.pretix import PlanEntry, read_plan
from holdfast_inventory.plan.segments import SeatClass, Segment, levels_for, make_segments
from holdfast_inventory.plan.zones import make_zones, zones_by_name
from holdfast_inventory.settings import InventorySettings

VERSION_BYTES: Final = 12
GZIP_LEVEL: Final = 6
BROTLI_QUALITY: Final = 9
"""0.05 s for 60,000 seats; 11 takes 1.5 s and leaves 85% of it"""

_NO_SEATS: Final = b'{"name":"","categories":[],"zones":[]}'


class PlanForm:
    """A form of a plan as clients read it: its etag, and its bytes by content coding, the smallest
    first, empty for none. Megabytes take a tenth of a second to be compressed.
    """

    def __init__(self, etag: str, json: bytes, *, brotlied: bool = True) -> None:
        self.etag: Final = etag
        squeezed = {"br": brotli.compress(json, quality=BROTLI_QUALITY)} if brotlied else {}
        self.bodies: Final[Mapping[str, bytes]] = {
            **squeezed,
            "gzip": gzip.compress(json, GZIP_LEVEL, mtime=0),
            "": json,
        }


class Plan:
    """A compiled plan, immutable. `segments` are in the order in which they are tried."""

    def __init__(self, entry: PlanEntry, document: bytes, settings: InventorySettings) -> None:
        rows = place_rows(entry)
        seats = [seat for row in rows for seat in row.entry.seats]
        self.focus: Final = _focus(entry, rows, settings)
        self.zones: Final = make_zones(entry)
        self.zones_named: Final = zones_by_name(self.zones)
        self._index: Final = {seat.seat_guid: at for at, seat in enumerate(seats)}
        channels = channels_of(settings.allotments, self._zone_seats, self._index)
        self.set_aside: Final = [(at, to) for at, to in enumerate(channels) if to]
        kinds, segments = make_segments(rows, self.focus, channels) if seats else ((), ())
        self.kinds: Final[tuple[SeatClass, ...]] = kinds
        self.segments: Final[tuple[Segment, ...]] = segments
        self.levels: Final = levels_for(len(kinds))
        self.guids: Final = tuple(seat.seat_guid for seat in seats)
        self.numbers: Final = tuple(seat.seat_number for seat in seats)
        self.categories: Final = tuple(category.name for category in entry.categories)
        self.segment_of: Final = _segment_of(segments, len(seats))
        self.run_of: Final = _run_of(rows)
        self._row_starts, self._row_names = _row_names(rows)
        self.document, self.version = _shown(document, self.focus, settings)
        columns, without_guids = plan_columns(self.document, entry, rows)
        columns_etag = f"{self.version}-columns-{COLUMNS_FORM}"
        self.forms: Final[Mapping[tuple[str, str], PlanForm]] = {
            ("", ""): PlanForm(self.version, self.document, brotlied=False),
            ("columns", ""): PlanForm(columns_etag, columns),
            ("columns", "none"): PlanForm(f"{columns_etag}-none", without_guids),
        }
        """By `form` and `guids` of a request."""

    def __len__(self) -> int:
        return len(self.guids)

    def index(self, guid: str) -> int | None:
        """The dense index of a seat, None when the plan has no such seat."""
        return self._index.get(guid)

    def _zone_seats(self, name: str) -> list[range]:
        """The seats of each zone that has this id or name."""
        zones = (self.zones[at] for at in self.zones_named.get(name, ()))
        return [range(zone.first, zone.end) for zone in zones]

    def kind(self, seat: int) -> SeatClass:
        """Category and accessibility of a seat."""
        return self.kinds[self.segments[self.segment_of[seat]].kind]

    def label(self, seat: int) -> str:
        """The label of a seat on its ticket: zone, row and number."""
        zone = self.zones[self.segments[self.segment_of[seat]].zone].name
        row = self._row_names[bisect_right(self._row_starts, seat) - 1]
        number = self.numbers[seat]
        parts = (zone, row and f"row {row}", number and f"seat {number}")
        return ", ".join(filter(None, parts)) or self.guids[seat]

    def adjacent(self, seats: Sequence[int]) -> bool:
        """Whether all of these seats are physically side by side in one row; never for none."""
        if not seats:
            return False
        first, last = min(seats), max(seats)
        return last - first == len(seats) - 1 and self.run_of[first] == self.run_of[last]

    def category_seats(self) -> Mapping[str, int]:
        """How many seats each category has."""
        counts = dict.fromkeys(self.categories, 0)
        for segment in self.segments:
            counts[self.kinds[segment.kind].category] += segment.length
        return counts


def compile_plan(text: bytes | None, settings: InventorySettings) -> Plan:
    """The plan in `text`, an empty one for None; HoldfastError when it cannot be used."""
    if text is None:
        return Plan(PlanEntry([], []), _NO_SEATS, settings)
    return Plan(read_plan(text), text, settings)


def _focus(entry: PlanEntry, rows: Sequence[PlacedRow], settings: InventorySettings) -> Point:
    if settings.focal_point is not None:
        return settings.focal_point
    return default_focus(entry, rows) if any(row.points for row in rows) else (0.0, 0.0)


def _segment_of(segments: Sequence[Segment], seats: int) -> array[int]:
    """The position of each seat's segment in the order of the segments."""
    segment_of = array("I", bytes(4 * seats))
    for position, segment in enumerate(segments):
        segment_of[segment.first : segment.first + segment.length] = array(
            "I", [position] * segment.length
        )
    return segment_of


def _run_of(rows: Sequence[PlacedRow]) -> array[int]:
    """The number of each seat's run of neighbours."""
    run_of = array("I")
    number = 0
    for row in rows:
        for first, end in row.runs:
            run_of.extend([number] * (end - first))
            number += 1
    return run_of


def _row_names(rows: Sequence[PlacedRow]) -> tuple[list[int], list[str]]:
    starts: list[int] = []
    names: list[str] = []
    first = 0
    for row in rows:
        if row.points:
            starts.append(first)
            names.append(row.entry.row_number)
            first += len(row.points)
    return starts, names


def _shown(document: bytes, focus: Point, settings: InventorySettings) -> tuple[bytes, str]:
    """The document that clients read, and its version: a digest of everything in it.

    The plan's own fields stay as they are; ours are appended as text, which saves decoding and
    encoding a hundred thousand seats again.
    """
    ours: dict[str, object] = {
        "focal_point": {"x": focus[0], "y": focus[1]},
        "currency": settings.currency,
        "prices": dict(settings.prices),
        "areas": [
            {"id": a.id, "name": a.name, "capacity": a.capacity, "category": a.category}
            for a in settings.areas
        ],
    }
    content = document.strip()[:-1] + b"," + msgspec.json.encode(ours)[1:-1]
    digest = hashlib.blake2b(content, digest_size=VERSION_BYTES).hexdigest()
    return content + b',"plan_version":"%b"}' % digest.encode(), digest
