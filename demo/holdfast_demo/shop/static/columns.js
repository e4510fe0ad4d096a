// Reads a plan by columns, as docs/api.md describes it under "The plan by columns".

/** Fills `into` with one coordinate of all seats, in plan order; `sizes` are the seats of each row. */
export function fillCoordinates(into, steps, sizes, unit) {
  let seat = 0;
  let start = 0;
  for (const size of sizes) {
    if (size === 0) continue;
    start += steps[seat];
    into[seat] = start * unit;
    let last = start;
    let step = 0;
    for (const end = seat + size - 1; seat < end;) {
      seat += 1;
      step += steps[seat];
      last += step;
      into[seat] = last * unit;
    }
    seat += 1;
  }
}

/** Fills `into` with the value of each seat from runs of a value and a number of seats. */
export function fillRuns(into, runs) {
  let seat = 0;
  for (let at = 0; at < runs.length; at += 2) {
    into.fill(runs[at], seat, seat + runs[at + 1]);
    seat += runs[at + 1];
  }
}

/** The text at a position of a series; `number` is the seat's own, for series that have none. */
export function textOf(series, at, number = "") {
  if (Array.isArray(series)) return series[at];
  const { before = "", after = "", from, by, digits = 0 } = series;
  const counted = from === undefined ? number : String(from + by * at).padStart(digits, "0");
  return before + counted + after;
}
