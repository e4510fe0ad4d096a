// How a seat looks. Colour tells the category, shape tells the state, so that nobody needs colours to
// see what is free:
//
//   free      a full disc            held     an empty ring
//   mine      an ink disc with tick  booked   a small cross
//   selected  a disc, ink ring, tick blocked  a short dash
//
// Seats are sorted into one bucket a style when a state changes, not when the view moves; drawing is
// then one path a style. Below a few pixels a seat is a square of pixels, see pixels.js.

import { Pixels, pixelOf } from "./pixels.js";

export const FREE = 0;
export const HELD = 1;
export const BOOKED = 2;
export const BLOCKED = 3;
export const MINE = 4;
export const SELECTED = 5;

const SQUARES_BELOW = 3.2;
const DIMMED_ALPHA = 56;
const NUMBERS_FROM = 9;
const ROWS_FROM = 6;
const FULL_CIRCLE = 2 * Math.PI;

/** Seat indices by style: style 0..n-1 are the free seats of category n, then the other states. */
export function bucketsOf(plan, state, dimmed) {
  const categories = plan.categories.length;
  const sizes = new Uint32Array(2 * categories + 6);
  const style = (seat) => {
    if (state[seat] !== FREE) return 2 * categories + state[seat];
    const category = plan.category[seat];
    return dimmed.has(category) ? categories + category : category;
  };
  for (let seat = 0; seat < plan.count; seat += 1) sizes[style(seat)] += 1;
  const buckets = Array.from(sizes, (size) => new Uint32Array(size));
  const filled = new Uint32Array(sizes.length);
  for (let seat = 0; seat < plan.count; seat += 1) {
    const into = style(seat);
    buckets[into][filled[into]] = seat;
    filled[into] += 1;
  }
  return buckets;
}

export class Painter {
  constructor(context, plan) {
    this.context = context;
    this.plan = plan;
    this.pixels = new Pixels();
    this.readTheme();
  }

  readTheme() {
    const read = (name) => colourOf(`var(${name})`);
    this.ink = read("--ink");
    this.soft = read("--soft");
    this.faint = read("--faint");
    this.paper = read("--card");
    this.decoration = read("--rule");
    this.font = getComputedStyle(document.body).fontFamily;
  }

  /** Paints everything that `view` ({scale, left, top, width, height}) shows. */
  paint(view, buckets, state) {
    this.view = view;
    this.radius = this.plan.pitch * 0.42 * view.scale;
    this.context.clearRect(0, 0, view.width, view.height);
    this.#decorations();
    const others = 2 * this.plan.categories.length;
    if (this.radius < SQUARES_BELOW) this.#fromAfar(buckets, others);
    else this.#fromNear(buckets, others);
    if (this.radius >= NUMBERS_FROM) this.#numbers(state);
    this.#own(buckets[others + MINE], buckets[others + SELECTED]);
    this.#labels();
  }

  #fromNear(buckets, others) {
    this.#free(buckets);
    this.#held(buckets[others + HELD]);
    this.#booked(buckets[others + BOOKED]);
    this.#blocked(buckets[others + BLOCKED]);
  }

  /** Shape becomes size: a full square is free, a smaller one held, a dot sold or blocked. */
  #fromAfar(buckets, others) {
    const { plan, pixels, context } = this;
    const ratio = context.canvas.width / this.view.width;
    const view = { ...this.view, scale: this.view.scale * ratio };
    const side = (share) => Math.max(1, Math.round(this.radius * 2 * ratio * share));
    pixels.begin(context.canvas);
    plan.categories.forEach(({ colour }, category) => {
      pixels.squares(plan, buckets[category], view, side(0.9), pixelOf(colour));
      const dimmed = buckets[plan.categories.length + category];
      pixels.squares(plan, dimmed, view, side(0.9), pixelOf(colour, DIMMED_ALPHA));
    });
    pixels.squares(plan, buckets[others + HELD], view, side(0.55), pixelOf(this.faint));
    pixels.squares(plan, buckets[others + BOOKED], view, side(0.3), pixelOf(this.faint));
    pixels.squares(plan, buckets[others + BLOCKED], view, side(0.3), pixelOf(this.faint));
    pixels.end(context, ratio);
  }

  #screenX(x) {
    return (x - this.view.left) * this.view.scale;
  }

  #screenY(y) {
    return (y - this.view.top) * this.view.scale;
  }

  /** Calls `mark(x, y, seat)` for the seats of a bucket that are on the screen. */
  #each(bucket, mark) {
    const { plan, radius } = this;
    const { scale, left, top, width, height } = this.view;
    for (let index = 0; index < bucket.length; index += 1) {
      const seat = bucket[index];
      const x = (plan.x[seat] - left) * scale;
      const y = (plan.y[seat] - top) * scale;
      if (x < -radius || y < -radius || x > width + radius || y > height + radius) continue;
      mark(x, y, seat);
    }
  }

  #free(buckets) {
    const { context, plan } = this;
    const categories = plan.categories.length;
    for (let category = 0; category < categories; category += 1) {
      context.fillStyle = plan.categories[category].colour;
      context.globalAlpha = 1;
      this.#discs(buckets[category], this.radius);
      context.globalAlpha = DIMMED_ALPHA / 255;
      this.#discs(buckets[categories + category], this.radius);
    }
    context.globalAlpha = 1;
  }

  #discs(bucket, radius) {
    const { context } = this;
    context.beginPath();
    this.#each(bucket, (x, y) => {
      context.moveTo(x + radius, y);
      context.arc(x, y, radius, 0, FULL_CIRCLE);
    });
    context.fill();
  }

  #held(bucket) {
    const { context, radius } = this;
    context.strokeStyle = this.soft;
    context.lineWidth = Math.max(1, radius * 0.16);
    const ring = radius * 0.84;
    context.beginPath();
    this.#each(bucket, (x, y) => {
      context.moveTo(x + ring, y);
      context.arc(x, y, ring, 0, FULL_CIRCLE);
    });
    context.stroke();
  }

  #booked(bucket) {
    const { context, radius } = this;
    const arm = radius * 0.42;
    context.strokeStyle = this.faint;
    context.lineWidth = Math.max(1, radius * 0.2);
    context.beginPath();
    this.#each(bucket, (x, y) => {
      context.moveTo(x - arm, y - arm);
      context.lineTo(x + arm, y + arm);
      context.moveTo(x + arm, y - arm);
      context.lineTo(x - arm, y + arm);
    });
    context.stroke();
  }

  #blocked(bucket) {
    const { context, radius } = this;
    const arm = radius * 0.4;
    context.strokeStyle = this.faint;
    context.lineWidth = Math.max(1, radius * 0.2);
    context.beginPath();
    this.#each(bucket, (x, y) => {
      context.moveTo(x - arm, y);
      context.lineTo(x + arm, y);
    });
    context.stroke();
  }

  /** What the buyer holds or has picked: few, so they are drawn one by one and a little larger. */
  #own(mine, selected) {
    const { context } = this;
    const radius = Math.max(this.radius, SQUARES_BELOW) * 0.98;
    const mark = (fill, tick) => (x, y, seat) => {
      context.beginPath();
      context.arc(x, y, radius, 0, FULL_CIRCLE);
      context.fillStyle = fill ?? this.plan.categoryOf(seat).colour;
      context.fill();
      context.lineWidth = Math.max(1.5, radius * 0.22);
      context.strokeStyle = this.ink;
      context.stroke();
      this.#tick(x, y, radius, tick ?? inkOn(this.plan.categoryOf(seat).colour));
    };
    this.#each(mine, mark(this.ink, this.paper));
    this.#each(selected, mark(null, null));
  }

  #tick(x, y, radius, colour) {
    const { context } = this;
    context.strokeStyle = colour;
    context.lineWidth = Math.max(1.5, radius * 0.22);
    context.beginPath();
    context.moveTo(x - radius * 0.42, y + radius * 0.02);
    context.lineTo(x - radius * 0.1, y + radius * 0.36);
    context.lineTo(x + radius * 0.45, y - radius * 0.34);
    context.stroke();
  }

  #numbers(state) {
    const { context, plan, radius } = this;
    const inks = plan.categories.map(({ colour }) => inkOn(colour));
    context.font = `500 ${Math.round(radius * 0.9)}px ${this.font}`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    const { scale, left, top, width, height } = this.view;
    for (let seat = 0; seat < plan.count; seat += 1) {
      if (state[seat] !== FREE) continue;
      const x = (plan.x[seat] - left) * scale;
      const y = (plan.y[seat] - top) * scale;
      if (x < 0 || y < 0 || x > width || y > height) continue;
      context.fillStyle = inks[plan.category[seat]];
      context.fillText(plan.numberOf(seat), x, y + radius * 0.06);
    }
  }

  #labels() {
    const { context, plan } = this;
    context.fillStyle = this.soft;
    context.textBaseline = "middle";
    if (this.radius >= ROWS_FROM) this.#rowLabels();
    const size = Math.min(22, Math.max(11, 1.4 * plan.pitch * this.view.scale));
    context.font = `600 ${size}px ${this.font}`;
    context.textAlign = "center";
    context.fillStyle = this.ink;
    for (const { name, box } of plan.zones) {
      const y = this.#screenY(box.top) - Math.max(size * 1.2, this.radius * 2.2);
      context.fillText(name, this.#screenX((box.left + box.right) / 2), y);
    }
  }

  #rowLabels() {
    const { context, plan, radius } = this;
    context.font = `500 ${Math.round(radius * 0.95)}px ${this.font}`;
    for (const { label, start, end, ends } of plan.rows) {
      if (!ends || end === start) continue;
      if (ends !== "end") this.#rowLabel(label, start, -1);
      if (ends !== "start") this.#rowLabel(label, end - 1, 1);
    }
  }

  #rowLabel(label, seat, side) {
    this.context.textAlign = side < 0 ? "right" : "left";
    const x = this.#screenX(this.plan.x[seat]) + side * this.radius * 2;
    this.context.fillText(label, x, this.#screenY(this.plan.y[seat]));
  }

  #decorations() {
    const { context } = this;
    const { scale } = this.view;
    for (const area of this.plan.decorations) {
      const x = this.#screenX(area.x);
      const y = this.#screenY(area.y);
      context.fillStyle = area.color || this.decoration;
      context.strokeStyle = area.border_color || this.decoration;
      context.beginPath();
      if (area.shape === "rectangle") {
        context.rect(x, y, area.rectangle.width * scale, area.rectangle.height * scale);
      } else if (area.shape === "circle") {
        context.arc(x, y, area.circle.radius * scale, 0, FULL_CIRCLE);
      } else if (area.shape === "ellipse") {
        context.ellipse(x, y, area.ellipse.radius.x * scale, area.ellipse.radius.y * scale, 0, 0, FULL_CIRCLE);
      } else if (area.shape === "polygon") {
        for (const point of area.polygon.points) context.lineTo(x + point.x * scale, y + point.y * scale);
        context.closePath();
      }
      context.fill();
      if (area.text?.text) this.#areaText(area, x, y);
    }
  }

  #areaText({ text }, x, y) {
    const { context } = this;
    context.fillStyle = text.color || this.soft;
    context.font = `500 ${Math.max(10, (text.size ?? 16) * this.view.scale)}px ${this.font}`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    const { scale } = this.view;
    context.fillText(text.text, x + (text.position?.x ?? 0) * scale, y + (text.position?.y ?? 0) * scale);
  }
}

/** A colour of the style sheet as #rrggbb: in forced colours it is a name that only CSS knows. */
function colourOf(value) {
  const probe = document.createElement("i");
  probe.style.color = value;
  probe.style.forcedColorAdjust = "none";
  document.body.append(probe);
  const parts = getComputedStyle(probe).color.match(/\d+/g).slice(0, 3);
  probe.remove();
  return `#${parts.map((part) => Number(part).toString(16).padStart(2, "0")).join("")}`;
}

/** Dark or white ink, whichever has the better contrast (WCAG 2) on `colour` (#rrggbb). */
export function inkOn(colour) {
  const value = Number.parseInt((colour ?? "#888888").slice(1), 16);
  const linear = [16, 8, 0].map((shift) => (((value >> shift) & 255) / 255) ** 2.2);
  const luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  return 1.05 / (luminance + 0.05) > (luminance + 0.05) / 0.056 ? "#ffffff" : "#10161d";
}
