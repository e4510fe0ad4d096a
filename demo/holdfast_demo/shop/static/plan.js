// A seating plan as flat arrays, in plan order, so that sixty thousand seats cost a few megabytes and
// a loop over all of them less than a frame.

import { fillFromColumns, textOf } from "./columns.js";
import { fillFromWhole, guidsOf } from "./whole.js";

export const STATES = { f: "free", h: "held", b: "booked", x: "blocked" };

/** Seats per zone at most looked at to learn how far apart seats are. */
const PITCH_SAMPLE = 500;
const DEFAULT_PITCH = 25;

export class Plan {
  /** Of all seats in plan order, and the way back; null while nobody needs them. */
  #guids = null;
  #index = null;

  /** `document` is a plan by columns or a whole one; `prices` maps a category's name to minor units. */
  constructor(document, prices) {
    const isWhole = document.seat_count === undefined;
    if (isWhole) this.takeGuids(document);
    const count = isWhole ? this.#guids.length : document.seat_count;
    this.version = document.plan_version;
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
    (isWhole ? fillFromWhole : fillFromColumns)(this, document);
    this.decorations = document.zones.flatMap((zone) => decorationsOf(zone));
    this.pitch = this.#pitch();
    this.box = this.#box(document.size);
  }

  addRow(label, start, end, ends, numbers) {
    this.row.fill(this.rows.length, start, end);
    this.rows.push({ label, start, end, ends, numbers });
  }

  /** `across` and `down` are what its seats span. */
  addZone(name, start, end, across, down) {
    this.zone.fill(this.zones.length, start, end);
    const box = { left: across.least, top: down.least, right: across.most, bottom: down.most };
    this.zones.push({ name, start, end, box });
  }

  numberOf(seat) {
    const row = this.rows[this.row[seat]];
    return textOf(row.numbers, seat - row.start);
  }

  /** The seats in the body of a hold: by index, or by guid where those are known. */
  named(seats) {
    if (this.#guids === null) return { seat_indices: seats, plan_version: this.version };
    return { seats: seats.map((seat) => this.#guids[seat]) };
  }

  /** The seat of a hold's item; undefined for one without its index while guids are not known. */
  seatOf({ seat, index }) {
    return index ?? this.#index?.get(seat);
  }

  get hasGuids() {
    return this.#guids !== null;
  }

  /** `document` is the whole plan. Nodes of an earlier release name seats by guid alone. */
  takeGuids(document) {
    this.#guids = guidsOf(document);
    this.#index = new Map(this.#guids.map((guid, seat) => [guid, seat]));
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
    const boxes = this.zones.map(({ box }) => box);
    const margin = 2 * this.pitch;
    return {
      left: Math.min(...boxes.map(({ left }) => left)) - margin,
      top: Math.min(...boxes.map(({ top }) => top)) - 2 * margin,
      right: Math.max(...boxes.map(({ right }) => right)) + margin,
      bottom: Math.max(...boxes.map(({ bottom }) => bottom)) + margin,
    };
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
