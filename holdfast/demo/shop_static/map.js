// The seat map: a canvas that is drawn when something changed, moved by mouse, touch and keyboard.
//
// The canvas is one picture to a screen reader, so the keyboard and the reader get real buttons: two
// of them take turns at the place of the current seat. Each step moves the focus from one to the
// other, which is what makes a reader speak the new seat; arrows go where the eye would go.

import { BLOCKED, BOOKED, FREE, HELD, MINE, Painter, SELECTED, bucketsOf } from "./draw.js";

const ZOOM_STEP = 1.5;
const MAX_SEAT_PIXELS = 30;
const PICK_FROM_PIXELS = 5;
const COMFORT_PIXELS = 11;
/** Room above the topmost seats for the name of their block. */
const LABEL_PIXELS = 24;
const DRAG_FROM_PIXELS = 6;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const LETTER_STATES = { f: FREE, h: HELD, b: BOOKED, x: BLOCKED };
const SPOKEN_STATES = ["free", "held by somebody", "sold", "not for sale", "yours", "selected"];

export class SeatMap {
  #pointers = new Map();
  #dragged = false;
  #dirty = false;
  #stale = true;

  /** `options`: plan, canvas, cursors (two buttons), money (formatter), toggled(seat). */
  constructor({ plan, canvas, cursors, money, toggled }) {
    Object.assign(this, { plan, canvas, cursors, money, toggled });
    this.base = new Uint8Array(plan.count);
    this.mine = new Set();
    this.selected = new Set();
    this.dimmed = new Set();
    this.current = -1;
    this.painter = new Painter(canvas.getContext("2d"), plan);
    this.view = { scale: 1, left: 0, top: 0, width: 0, height: 0 };
    this.#listen();
  }

  // ---- what is known of the seats

  /** All states, one letter a seat in plan order. */
  setStates(letters) {
    for (let seat = 0; seat < this.plan.count; seat += 1) this.base[seat] = LETTER_STATES[letters[seat]] ?? BLOCKED;
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
    this.#placeCursor();
  }

  // ---- mouse and touch

  #listen() {
    const { canvas } = this;
    canvas.addEventListener("pointerdown", (event) => this.#down(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    canvas.addEventListener("pointerup", (event) => this.#up(event));
    canvas.addEventListener("pointercancel", (event) => this.#pointers.delete(event.pointerId));
    canvas.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    for (const cursor of this.cursors) {
      cursor.addEventListener("keydown", (event) => this.#key(event));
      cursor.addEventListener("click", () => this.#toggle(this.current));
      cursor.addEventListener("focus", () => this.#focused());
    }
    new ResizeObserver(() => this.resize()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.readTheme());
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
    if (this.seatPixels < PICK_FROM_PIXELS) return this.zoom(COMFORT_PIXELS / this.seatPixels, x, y);
    const seat = this.#seatAt(x, y);
    if (seat < 0) return;
    this.current = seat;
    this.#toggle(seat);
  }

  #seatAt(x, y) {
    const { left, top, scale } = this.view;
    return this.plan.nearest(left + x / scale, top + y / scale, Math.max(this.plan.pitch * 0.6, 14 / scale));
  }

  #hover(event) {
    if (event.pointerType !== "mouse" || this.seatPixels < PICK_FROM_PIXELS) return;
    const seat = this.#seatAt(event.offsetX, event.offsetY);
    this.canvas.title = seat < 0 ? "" : this.describe(seat);
    this.canvas.style.cursor = seat >= 0 && this.isFree(seat) ? "pointer" : "grab";
  }

  #wheel(event) {
    event.preventDefault();
    const pixels = event.deltaMode === 1 ? event.deltaY * 16 : event.deltaY;
    this.zoom(Math.exp(-pixels / 400), event.offsetX, event.offsetY);
  }

  // ---- keyboard and screen reader

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const arrow = ARROWS[event.key];
    const row = this.plan.rows[this.plan.row[this.current]];
    if (arrow) this.go(this.plan.towards(this.current, ...arrow));
    else if (event.key === "Home") this.go(row.start);
    else if (event.key === "End") this.go(row.end - 1);
    else if (event.key === "PageDown") this.#goZone(1);
    else if (event.key === "PageUp") this.#goZone(-1);
    else if (event.key === "+" || event.key === "=") this.zoom(ZOOM_STEP);
    else if (event.key === "-") this.zoom(1 / ZOOM_STEP);
    else if (event.key === "0") this.fit();
    else return;
    event.preventDefault();
  }

  #goZone(step) {
    const { zones } = this.plan;
    const zone = zones[(this.plan.zone[this.current] + step + zones.length) % zones.length];
    this.go(zone.start);
  }

  /** Brings a seat before the buyer's eyes, such as the first of what was found for them. */
  reveal(seat) {
    this.current = seat;
    this.#reveal();
  }

  /** The first time the keyboard comes to the map: the first free seat, near enough to see. */
  #focused() {
    if (this.current < 0) {
      const free = this.base.indexOf(FREE);
      this.current = Math.max(0, free);
    }
    this.#reveal();
    this.#label();
  }

  go(seat) {
    if (seat === this.current) return;
    this.current = seat;
    this.cursors.reverse();
    const [next, last] = this.cursors;
    this.#label();
    next.tabIndex = 0;
    next.focus({ preventScroll: true });
    last.tabIndex = -1;
    this.#reveal();
  }

  #toggle(seat) {
    if (seat < 0) return;
    this.toggled(seat);
    this.#label();
  }

  #label() {
    if (this.current < 0) return;
    const [cursor] = this.cursors;
    cursor.setAttribute("aria-label", this.describe(this.current));
    cursor.setAttribute("aria-pressed", String(this.selected.has(this.current)));
    cursor.setAttribute("aria-disabled", String(!this.isFree(this.current)));
  }

  #reveal() {
    if (this.seatPixels < COMFORT_PIXELS) this.zoom(COMFORT_PIXELS / this.seatPixels);
    const { view, plan, current } = this;
    const x = (plan.x[current] - view.left) * view.scale;
    const y = (plan.y[current] - view.top) * view.scale;
    const margin = 3 * plan.pitch * view.scale;
    const outside = clamp(x, margin, view.width - margin) !== x || clamp(y, margin, view.height - margin) !== y;
    if (outside) this.pan(view.width / 2 - x, view.height / 2 - y);
    this.#redraw();
  }

  #placeCursor() {
    const [cursor, other] = this.cursors;
    other.classList.remove("on");
    if (this.current < 0) return;
    const side = Math.max(12, this.seatPixels * 2.6);
    const x = (this.plan.x[this.current] - this.view.left) * this.view.scale;
    const y = (this.plan.y[this.current] - this.view.top) * this.view.scale;
    cursor.classList.add("on");
    cursor.style.width = `${side}px`;
    cursor.style.height = `${side}px`;
    cursor.style.transform = `translate(${x - side / 2}px, ${y - side / 2}px)`;
    this.#label();
  }
}

function clamp(value, low, high) {
  return low > high ? (low + high) / 2 : Math.min(Math.max(value, low), high);
}
