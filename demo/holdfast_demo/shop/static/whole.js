// Reads a whole plan, as it was given to the service. It is megabytes with the guids of all seats: for
// a service of an earlier release, which has no other form, and names seats by guid alone.

import { Span } from "./columns.js";

/** Fills the arrays of a `Plan` with the whole plan. */
export function fillFromWhole(plan, { zones, categories }) {
  const categoryOf = new Map(categories.map(({ name }, at) => [name, at]));
  let seat = 0;
  for (const zone of zones) {
    const zoneStart = seat;
    const across = new Span();
    const down = new Span();
    for (const row of zone.rows) {
      const numbers = row.seats.map(({ seat_number: number = "" }) => number);
      plan.addRow(row.row_number ?? "", seat, seat + numbers.length, row.row_number_position, numbers);
      for (const { category, position } of row.seats) {
        plan.x[seat] = sum("x", zone.position, row.position, position);
        plan.y[seat] = sum("y", zone.position, row.position, position);
        plan.category[seat] = categoryOf.get(category);
        across.add(plan.x[seat], plan.x[seat]);
        down.add(plan.y[seat], plan.y[seat]);
        seat += 1;
      }
    }
    plan.addZone(zone.name ?? "", zoneStart, seat, across, down);
  }
}

export function guidsOf({ zones }) {
  return zones.flatMap(({ rows }) => rows.flatMap(({ seats }) => seats.map((seat) => seat.seat_guid)));
}

function sum(axis, ...places) {
  return places.reduce((total, place) => total + (place?.[axis] ?? 0), 0);
}
