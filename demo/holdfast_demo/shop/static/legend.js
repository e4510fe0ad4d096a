// Prices by category. A category can be faded on the map, to see where the others are.

import { button, element } from "./cart.js";

export class Legend {
  #faded = new Set();

  /** `faded` is called with the set of category indices that shall stand back. */
  constructor({ plan, areas, prices, list, money, faded }) {
    this.faded = faded;
    plan.categories.forEach((category, index) => {
      list.append(this.#category(category, index, money(category.price)));
    });
    const known = new Set(plan.categories.map(({ name }) => name));
    for (const { name, category } of areas.filter((area) => !known.has(area.category))) {
      const row = element("li");
      row.append(element("bdi", "name", name), element("b", "", money(prices[category] ?? 0)));
      list.append(row);
    }
  }

  #category({ name, colour }, index, price) {
    const row = element("li");
    const toggle = button("category", "", () => this.#toggle(toggle, index));
    toggle.setAttribute("aria-pressed", "true");
    const swatch = element("span", "swatch");
    swatch.style.setProperty("--swatch", colour);
    const label = element("span", "name", "Category ");
    label.append(element("bdi", "", name));
    toggle.append(swatch, label, element("b", "", price));
    row.append(toggle);
    return row;
  }

  #toggle(button, index) {
    const shown = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(shown));
    if (shown) this.#faded.delete(index);
    else this.#faded.add(index);
    this.faded(this.#faded);
  }
}
