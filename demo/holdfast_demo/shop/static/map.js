// The seat map: a canvas that is drawn when something changed, moved by mouse and touch; keyboard and
// screen reader have cursor.js.

import { COMFORT_PIXELS, SeatCursor } from "./cursor.js";
import { BLOCKED, BOOKED, FREE, HELD, MINE, Painter, SELECTED, bucketsOf } from "./draw.js";

const MAX_SEAT_PIXELS = 30;
const PICK_FROM_PIXELS = 5;
/** How far beside a seat a finger may come down: on a map that is near, and on one that is far. */
const SURE_PIXELS = 14;
const NEARBY_PIXELS = 60;
/** Room above the topmost seats for the name of their block. */
const LABEL_PIXELS = 24;
const DRAG_FROM_PIXELS = 6;
const LETTER_STATES = { f: FREE, h: HELD, b: BOOKED, x: BLOCKED };
const SPOKEN_STATES = ["free", "held by somebody", "sold", "not for sale", "yours", "selected"];

export class SeatMap {
  #pointers = new Map();
  #dragged = false;
  #dirty = false;
  #stale = true;

  /** `options`: plan, canvas, cursors (two buttons), money (formatter), toggled(seat). */
  constructor({ plan, canvas, cursors, money, toggled }) {
    Object.assign(this, { plan, canvas, money, toggled });
    this.base = new Uint8Array(plan.count);
    this.mine = new Set();
    this.selected = new Set();
    this.dimmed = new Set();
    this.painter = new Painter(canvas.getContext("2d"), plan);
    this.view = { scale: 1, left: 0, top: 0, width: 0, height: 0 };
    this.cursor = new SeatCursor(this, cursors);
    this.#listen();
  }

  // ---- what is known of the seats

  /** All states, one letter a seat in plan order. */
  setStates(letters) {
    for (let seat = 0; seat < this.plan.count; seat += 1) this.base[seat] = LETTER_STATES[letters[seat]] ?? BLOCKED;
    this.#changed();
  }

  /** All states, two bits a seat in base64, the first seat in the lowest bits. */
  setPacked(text) {
    const bytes = atob(text);
    for (let seat = 0; seat < this.plan.count; seat += 1) {
      this.base[seat] = (bytes.charCodeAt(seat >> 2) >> (2 * (seat & 3))) & 3;
    }
    this.#changed();
  }

  /** By letter, runs of seats: how many lie between it and the one before, and how long it is. */
  setRuns(runsOf) {
    for (const [letter, runs] of Object.entries(runsOf)) {
      const state = LETTER_STATES[letter] ?? BLOCKED;
      let seat = 0;
      for (let at = 0; at < runs.length; at += 2) {
        seat += runs[at];
        this.base.fill(state, seat, seat + runs[at + 1]);
        seat += runs[at + 1];
      }
    }
    this.#changed();
  }

  setState(seat, letter) {
    this.base[seat] = LETTER_STATES[letter] ?? BLOCKED;
    this.#changed();
  }

  setMine(seats) {
    this.mine = new Set(seats);
    this.#changed();
  }

  select(seat, on) {
    if (on) this.selected.add(seat);
    else this.selected.delete(seat);
    this.#changed();
  }

  setDimmed(categories) {
    this.dimmed = new Set(categories);
    this.#changed();
  }

  stateOf(seat) {
    if (this.mine.has(seat)) return MINE;
    if (this.selected.has(seat)) return SELECTED;
    return this.base[seat];
  }

  firstFree() {
    return Math.max(0, this.base.indexOf(FREE));
  }

  get anyFree() {
    return this.base.includes(FREE);
  }

  isFree(seat) {
    return this.base[seat] === FREE && !this.mine.has(seat);
  }

  describe(seat) {
    const { name, price } = this.plan.categoryOf(seat);
    return `${this.plan.name(seat)}, ${name}, ${this.money(price)}, ${SPOKEN_STATES[this.stateOf(seat)]}`;
  }

  // ---- the view

  fit() {
    const { left, top, right, bottom } = this.plan.box;
    const { width, height } = this.view;
    const high = height - LABEL_PIXELS;
    this.view.scale = Math.max(1e-6, Math.min(width / (right - left), high / (bottom - top)));
    this.view.left = (left + right - width / this.view.scale) / 2;
    this.view.top = (top + bottom - (height + LABEL_PIXELS) / this.view.scale) / 2;
    this.minScale = this.view.scale * 0.8;
    this.#redraw();
  }

  /** Zooms so that the plan's point under the screen's (x, y) stays there. */
  zoom(factor, x = this.view.width / 2, y = this.view.height / 2) {
    const { view } = this;
    const most = MAX_SEAT_PIXELS / (this.plan.pitch * 0.42);
    const scale = Math.min(Math.max(view.scale * factor, this.minScale), Math.max(most, this.minScale));
    view.left += x / view.scale - x / scale;
    view.top += y / view.scale - y / scale;
    view.scale = scale;
    this.#redraw();
  }

  pan(dx, dy) {
    const { view, plan } = this;
    const halfWidth = view.width / view.scale / 2;
    const halfHeight = view.height / view.scale / 2;
    view.left = clamp(view.left - dx / view.scale, plan.box.left - halfWidth, plan.box.right - halfWidth);
    view.top = clamp(view.top - dy / view.scale, plan.box.top - halfHeight, plan.box.bottom - halfHeight);
    this.#redraw();
  }

  /** Where a seat is on the screen. */
  screen(seat) {
    const { view, plan } = this;
    return [(plan.x[seat] - view.left) * view.scale, (plan.y[seat] - view.top) * view.scale];
  }

  centre(seat) {
    const [x, y] = this.screen(seat);
    this.pan(this.view.width / 2 - x, this.view.height / 2 - y);
  }

  /** Brings a seat before the buyer's eyes: near enough to be read, and off the edge. */
  reveal(seat) {
    if (this.seatPixels < COMFORT_PIXELS) this.zoom(COMFORT_PIXELS / this.seatPixels);
    const [x, y] = this.screen(seat);
    const margin = 3 * this.plan.pitch * this.view.scale;
    const inside = (at, size) => at >= Math.min(margin, size / 2) && at <= Math.max(size - margin, size / 2);
    if (!inside(x, this.view.width) || !inside(y, this.view.height)) this.centre(seat);
  }

  resize() {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    const ratio = Math.min(devicePixelRatio || 1, 2);
    const first = this.view.width === 0;
    const fitted = first || Math.abs(this.view.scale * 0.8 - this.minScale) < 1e-9;
    Object.assign(this.view, { width, height });
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    this.canvas.getContext("2d").setTransform(ratio, 0, 0, ratio, 0, 0);
    if (fitted) this.fit();
    this.#redraw();
  }

  readTheme() {
    this.painter.readTheme();
    this.#redraw();
  }

  get seatPixels() {
    return this.plan.pitch * 0.42 * this.view.scale;
  }

  #changed() {
    this.#stale = true;
    this.#redraw();
  }

  #redraw() {
    if (this.#dirty) return;
    this.#dirty = true;
    requestAnimationFrame(() => this.paint());
  }

  paint() {
    this.#dirty = false;
    if (this.canvas.width === 0 || this.canvas.height === 0) return;
    if (this.#stale) {
      this.#stale = false;
      this.shown = this.base.slice();
      for (const seat of this.selected) this.shown[seat] = SELECTED;
      for (const seat of this.mine) this.shown[seat] = MINE;
      this.buckets = bucketsOf(this.plan, this.shown, this.dimmed);
    }
    this.painter.paint(this.view, this.buckets, this.shown);
    this.cursor.place();
  }

  // ---- mouse and touch

  #listen() {
    const { canvas } = this;
    canvas.addEventListener("pointerdown", (event) => this.#down(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    canvas.addEventListener("pointerup", (event) => this.#up(event));
    canvas.addEventListener("pointercancel", (event) => this.#pointers.delete(event.pointerId));
    canvas.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    new ResizeObserver(() => this.resize()).observe(canvas);
    for (const look of ["(prefers-color-scheme: dark)", "(forced-colors: active)"]) {
      matchMedia(look).addEventListener("change", () => this.readTheme());
    }
  }

  #down(event) {
    this.canvas.setPointerCapture(event.pointerId);
    this.#pointers.set(event.pointerId, { x: event.offsetX, y: event.offsetY });
    if (this.#pointers.size === 1) {
      this.#dragged = false;
      this.pressed = { x: event.offsetX, y: event.offsetY };
    }
  }

  #move(event) {
    const before = this.#pointers.get(event.pointerId);
    if (before === undefined) return this.#hover(event);
    const after = { x: event.offsetX, y: event.offsetY };
    const from = Math.hypot(after.x - this.pressed.x, after.y - this.pressed.y);
    if (!this.#dragged && from < DRAG_FROM_PIXELS && this.#pointers.size === 1) return;
    this.#dragged = true;
    if (this.#pointers.size === 2) this.#pinch(event.pointerId, before, after);
    else this.pan(after.x - before.x, after.y - before.y);
    this.#pointers.set(event.pointerId, after);
  }

  #pinch(moved, before, after) {
    const [, other] = [...this.#pointers].find(([pointer]) => pointer !== moved);
    const wider = Math.hypot(after.x - other.x, after.y - other.y);
    const narrower = Math.hypot(before.x - other.x, before.y - other.y);
    this.zoom(wider / Math.max(1, narrower), (after.x + other.x) / 2, (after.y + other.y) / 2);
    this.pan((after.x - before.x) / 2, (after.y - before.y) / 2);
  }

  #up(event) {
    const held = this.#pointers.delete(event.pointerId);
    if (!held || this.#dragged || this.#pointers.size > 0) return;
    this.#pick(event.offsetX, event.offsetY);
  }

  /** Seats too small to be hit for certain are zoomed to first. */
  #pick(x, y) {
    if (this.seatPixels < PICK_FROM_PIXELS) return this.#approach(x, y);
    const seat = this.#seatAt(x, y, SURE_PIXELS);
    if (seat < 0) return;
    this.cursor.current = seat;
    this.toggled(seat);
  }

  /** Comes near, with the seats that were pointed at in the middle. */
  #approach(x, y) {
    const seat = this.#seatAt(x, y, NEARBY_PIXELS);
    this.zoom(COMFORT_PIXELS / this.seatPixels, x, y);
    if (seat >= 0) this.centre(seat);
  }

  #seatAt(x, y, pixels) {
    const { left, top, scale } = this.view;
    const within = Math.max(this.plan.pitch * 0.6, pixels / scale);
    return this.plan.nearest(left + x / scale, top + y / scale, within);
  }

  #hover(event) {
    if (event.pointerType !== "mouse" || this.seatPixels < PICK_FROM_PIXELS) return;
    const seat = this.#seatAt(event.offsetX, event.offsetY, 0);
    this.canvas.title = seat < 0 ? "" : this.describe(seat);
    this.canvas.style.cursor = seat >= 0 && this.isFree(seat) ? "pointer" : "grab";
  }

  #wheel(event) {
    event.preventDefault();
    const pixels = event.deltaMode === 1 ? event.deltaY * 16 : event.deltaY;
    this.zoom(Math.exp(-pixels / 400), event.offsetX, event.offsetY);
  }
}

function clamp(value, low, high) {
  return low > high ? (low + high) / 2 : Math.min(Math.max(value, low), high);
}
