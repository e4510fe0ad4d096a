// General admission: areas that are bought by number, each with a stepper that never goes above what
// is free.

import { button, element } from "./cart.js";

const MOST_AT_ONCE = 10;

export class Floor {
  #areas = new Map();

  /** `areas` as in the plan document; `changed` is called when the buyer wants another number. */
  constructor({ areas, prices, list, money, changed }) {
    Object.assign(this, { money, changed });
    for (const area of areas) {
      const entry = { ...area, price: prices[area.category] ?? 0, wanted: 0, free: 0 };
      this.#areas.set(area.id, entry);
      list.append(this.#row(entry));
    }
  }

  /** The areas of which the buyer wants some. */
  get wanted() {
    return [...this.#areas.values()].filter(({ wanted }) => wanted > 0);
  }

  reset(area) {
    area.wanted = 0;
    area.output.textContent = "0";
  }

  resetAll() {
    this.#areas.forEach((area) => this.reset(area));
  }

  /** Units that anybody could still have. */
  get free() {
    return [...this.#areas.values()].reduce((sum, { free }) => sum + free, 0);
  }

  setFree(id, free) {
    const area = this.#areas.get(id);
    if (area === undefined) return;
    area.free = free;
    area.hint.textContent = free > 0 ? `${free} free` : "none free";
  }

  shiftFree(id, units) {
    this.setFree(id, (this.#areas.get(id)?.free ?? 0) + units);
  }

  #row(area) {
    const row = element("div", "area");
    const about = element("p");
    area.hint = element("span", "hint");
    about.append(element("bdi", "name", area.name), element("b", "", this.money(area.price)), area.hint);
    area.output = element("output", "", "0");
    area.output.setAttribute("aria-live", "polite");
    const stepper = element("div", "stepper");
    stepper.append(this.#step(area, -1, "less"), area.output, this.#step(area, 1, "more"));
    row.append(about, stepper);
    return row;
  }

  /** The signs are those of the stepper that the page came with. */
  #step(area, change, word) {
    const made = button("", "", () => {
      area.wanted = Math.max(0, Math.min(area.wanted + change, area.free, MOST_AT_ONCE));
      area.output.textContent = String(area.wanted);
      this.changed();
    });
    made.append(document.querySelector(`[data-step="${change}"] svg`).cloneNode(true));
    made.setAttribute("aria-label", `One ticket ${word} for ${area.name}`);
    return made;
  }
}
