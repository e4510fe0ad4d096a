// What the buyer has picked and not yet asked for: seats on the map, and places of areas.

import { button, element } from "./cart.js";

const by = (id) => document.getElementById(id);

export class Choice {
  /** `map` may be undefined; `toggle(seat)` is what happens when a seat is picked or let go. */
  constructor({ plan, map, floor, money, words, toggle }) {
    Object.assign(this, { plan, map, floor, money, words, toggle });
  }

  get seats() {
    return [...(this.map?.selected ?? [])];
  }

  /** How many lines it has, as a cart with it would. */
  get size() {
    return this.seats.length + this.floor.wanted.length;
  }

  /** The body of the hold. */
  get wish() {
    const areas = this.floor.wanted.map(({ id, wanted }) => ({ id, quantity: wanted }));
    return { ...(this.seats.length > 0 && this.plan.named(this.seats)), ...(areas.length > 0 && { areas }) };
  }

  clear() {
    for (const seat of this.seats) this.map.select(seat, false);
    this.floor.resetAll();
    this.show();
  }

  show() {
    const lines = [...this.seats.map((seat) => this.#seat(seat)), ...this.floor.wanted.map((area) => this.#area(area))];
    const empty = lines.length === 0;
    by("choice").replaceChildren(...lines.map(({ name, price, remove }) => this.#line(name, price, remove)));
    by("choice-hint").hidden = !empty;
    by("choice-hint").textContent = this.#hint();
    const total = lines.reduce((sum, { price }) => sum + price, 0);
    by("choice-total").hidden = empty;
    by("choice-total").replaceChildren(element("span", "", "Total"), element("b", "", this.money(total)));
    by("hold").disabled = empty;
    by("hold").hidden = empty;
  }

  #seat(seat) {
    return { name: this.plan.name(seat), price: this.plan.categoryOf(seat).price, remove: () => this.toggle(seat) };
  }

  #area(area) {
    const remove = () => { this.floor.reset(area); this.show(); };
    return { name: `${area.wanted} × ${area.name}`, price: area.wanted * area.price, remove };
  }

  #line(name, price, remove) {
    const line = element("li");
    const drop = button("drop", "×", remove);
    drop.setAttribute("aria-label", `Remove ${name}`);
    line.append(element("bdi", "", name), element("b", "", this.money(price)), drop);
    return line;
  }

  #hint() {
    if (!this.map?.anyFree && this.floor.free <= 0) return this.words.sold_out_now;
    return this.map ? "Pick seats on the map, or let us find some." : "Say how many places you want.";
  }
}
