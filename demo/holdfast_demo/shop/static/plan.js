// A seating plan as flat arrays, in plan order, so that sixty thousand seats cost a few megabytes and
// a loop over all of them less than a frame.

import { fillCoordinates, fillRuns, textOf } from "./columns.js";

export const STATES = { f: "free", h: "held", b: "booked", x: "blocked" };

/** Seats per zone at most looked at to learn how far apart seats are. */
const PITCH_SAMPLE = 500;
const DEFAULT_PITCH = 25;

export class Plan {
  #index = null;

  /** `document` is a plan by columns; `prices` maps a category's name to minor units. */
  constructor(document, prices) {
    const count = document.seat_count;
    this.count = count;
    this.x = new Float32Array(count);
    this.y = new Float32Array(count);
    this.zone = new Uint16Array(count);
    this.row = new Uint32Array(count);
    this.category = new Uint8Array(count);
    this.zones = [];
    this.rows = [];
    this.categories = document.categories.map(({ name, color }) => ({
      name, colour: color, price: prices[name] ?? 0,
    }));
    this.#fill(document);
    this.decorations = document.zones.flatMap((zone) => decorationsOf(zone));
    this.pitch = this.#pitch();
    this.box = this.#box(document.size);
  }

  #fill({ zones, x, y, unit, category }) {
    const sizes = zones.flatMap(({ rows }) => rows.seat_count);
    fillCoordinates(this.x, x, sizes, unit);
    fillCoordinates(this.y, y, sizes, unit);
    fillRuns(this.category, category);
    let seat = 0;
    for (const { name, rows } of zones) {
      const zoneStart = seat;
      rows.seat_count.forEach((size, at) => {
        const end = seat + size;
        this.row.fill(this.rows.length, seat, end);
        this.rows.push({
          label: rows.row_number[at], start: seat, end, ends: rows.row_number_position[at],
          numbers: rows.seat_numbers[at], guids: rows.seat_guids[at],
        });
        seat = end;
      });
      this.zone.fill(this.zones.length, zoneStart, seat);
      this.zones.push({ name, start: zoneStart, end: seat, box: this.#boxOf(zoneStart, seat) });
    }
  }

  numberOf(seat) {
    const row = this.rows[this.row[seat]];
    return textOf(row.numbers, seat - row.start);
  }

  guidOf(seat) {
    const row = this.rows[this.row[seat]];
    return textOf(row.guids, seat - row.start, this.numberOf(seat));
  }

  /** Sixty thousand texts take a slow phone a while, so they are made when the first is looked for. */
  seatOf(guid) {
    this.#index ??= new Map(Array.from({ length: this.count }, (_, seat) => [this.guidOf(seat), seat]));
    return this.#index.get(guid);
  }

  /** The usual distance of neighbours, which sets how large a seat is drawn. */
  #pitch() {
    const gaps = [];
    for (const row of this.rows) {
      for (let seat = row.start + 1; seat < row.end && gaps.length < PITCH_SAMPLE; seat += 1) {
        gaps.push(Math.hypot(this.x[seat] - this.x[seat - 1], this.y[seat] - this.y[seat - 1]));
      }
    }
    gaps.sort((one, other) => one - other);
    return gaps[Math.floor(gaps.length / 2)] || DEFAULT_PITCH;
  }

  #box(size) {
    if (this.count === 0) return { left: 0, top: 0, right: size?.width ?? 1, bottom: size?.height ?? 1 };
    const { left, top, right, bottom } = this.#boxOf(0, this.count);
    const margin = 2 * this.pitch;
    return { left: left - margin, top: top - 2 * margin, right: right + margin, bottom: bottom + margin };
  }

  #boxOf(start, end) {
    const box = { left: Infinity, top: Infinity, right: -Infinity, bottom: -Infinity };
    for (let seat = start; seat < end; seat += 1) {
      box.left = Math.min(box.left, this.x[seat]);
      box.right = Math.max(box.right, this.x[seat]);
      box.top = Math.min(box.top, this.y[seat]);
      box.bottom = Math.max(box.bottom, this.y[seat]);
    }
    return box;
  }

  nearest(x, y, within) {
    let best = -1;
    let bestSquare = within * within;
    for (let seat = 0; seat < this.count; seat += 1) {
      const dx = this.x[seat] - x;
      const dy = this.y[seat] - y;
      const square = dx * dx + dy * dy;
      if (square <= bestSquare) {
        bestSquare = square;
        best = seat;
      }
    }
    return best;
  }

  /** The next seat as somebody looking at the map would go; leaving the direction costs thrice. */
  towards(from, dx, dy) {
    let best = from;
    let bestCost = Infinity;
    for (let seat = 0; seat < this.count; seat += 1) {
      const ex = this.x[seat] - this.x[from];
      const ey = this.y[seat] - this.y[from];
      const along = ex * dx + ey * dy;
      if (along <= 0.2 * this.pitch) continue;
      const aside = Math.abs(ex * dy - ey * dx);
      if (aside > along * 1.5 + this.pitch * 0.6) continue;
      const cost = along + 3 * aside;
      if (cost < bestCost) {
        bestCost = cost;
        best = seat;
      }
    }
    return best;
  }

  name(seat) {
    const row = this.rows[this.row[seat]].label;
    return `${this.zones[this.zone[seat]].name}, row ${row}, seat ${this.numberOf(seat)}`;
  }

  categoryOf(seat) {
    return this.categories[this.category[seat]];
  }
}

function decorationsOf(zone) {
  const at = zone.position ?? { x: 0, y: 0 };
  return (zone.areas ?? []).map((area) => ({
    ...area, x: at.x + (area.position?.x ?? 0), y: at.y + (area.position?.y ?? 0),
  }));
}
