// Reads a plan by columns, as docs/api.md describes it under "The plan by columns".
//
// A slow phone runs this once, before it has compiled any of it: each seat is visited once for each
// coordinate, and nothing is made of a seat but its numbers.

/** Fills the arrays of a `Plan` with the columns, row by row. */
export function fillFromColumns(plan, { zones, x, y, unit, category }) {
  fillRuns(plan.category, category);
  let seat = 0;
  let rowX = 0;
  let rowY = 0;
  for (const { name, rows } of zones) {
    const zoneStart = seat;
    const across = new Span();
    const down = new Span();
    rows.seat_count.forEach((size, at) => {
      const start = seat;
      seat += size;
      plan.addRow(rows.row_number[at], start, seat, rows.row_number_position[at], rows.seat_numbers[at]);
      if (size === 0) return;
      rowX = fillRow(plan.x, x, start, seat, rowX, unit, across);
      rowY = fillRow(plan.y, y, start, seat, rowY, unit, down);
    });
    plan.addZone(name, zoneStart, seat, across, down);
  }
}

/** From the least to the most of what it was given. */
export class Span {
  least = Infinity;
  most = -Infinity;

  add(one, other) {
    this.least = Math.min(this.least, one, other);
    this.most = Math.max(this.most, one, other);
  }
}

/** One coordinate of a row's seats; `before` and the answer are that of a row's first seat, in units. */
function fillRow(into, steps, start, end, before, unit, span) {
  const first = before + steps[start];
  let last = first;
  let step = 0;
  let least = first;
  let most = first;
  into[start] = first * unit;
  for (let seat = start + 1; seat < end; seat += 1) {
    step += steps[seat];
    last += step;
    into[seat] = last * unit;
    if (last < least) least = last;
    else if (last > most) most = last;
  }
  span.add(least * unit, most * unit);
  return first;
}

/** Fills `into` with the value of each seat from runs of a value and a number of seats. */
function fillRuns(into, runs) {
  let seat = 0;
  for (let at = 0; at < runs.length; at += 2) {
    into.fill(runs[at], seat, seat + runs[at + 1]);
    seat += runs[at + 1];
  }
}

/** The text at a position of a series. */
export function textOf(series, at) {
  if (Array.isArray(series)) return series[at];
  const { before = "", after = "", from, by, digits = 0 } = series;
  return before + String(from + by * at).padStart(digits, "0") + after;
}
