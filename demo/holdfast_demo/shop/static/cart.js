// The cart: the buyer's holds, each with the time it has left. The time left is told by the service
// as a span, so a wrong clock in the browser changes nothing. While a hold is asked for a card of its
// size stands in for it, so that nothing jumps when the answer comes.

const WARN_SECONDS = 60;

export class Cart {
  #holds = new Map();
  #deadlines = new Map();
  #busy = new Set();
  #awaited = 0;

  /** `act` is {pay(hold), release(hold), ended(hold)}. */
  constructor({ list, section, money, act }) {
    Object.assign(this, { list, section, money, act });
    setInterval(() => this.#tick(), 500);
  }

  /** The items that are seats. */
  get seats() {
    return [...this.#holds.values()].flatMap((hold) => hold.items.filter((item) => item.seat));
  }

  get size() {
    return this.#holds.size;
  }

  get units() {
    return [...this.#holds.values()].flatMap(({ items }) => items).reduce((sum, { quantity }) => sum + (quantity ?? 1), 0);
  }

  /** A hold of so many lines is on its way; 0: it is not any more. */
  expect(lines) {
    this.#awaited = lines;
    this.#render();
  }

  /** While its payment is on its way a hold can be neither paid nor given back, nor does it end. */
  busy(id, on) {
    if (on) this.#busy.add(id);
    else this.#busy.delete(id);
    this.#render();
  }

  put(hold) {
    this.#holds.set(hold.id, hold);
    this.#deadlines.set(hold.id, performance.now() + hold.expires_in_seconds * 1000);
    this.#awaited = 0;
    this.#render();
  }

  take(id) {
    this.#holds.delete(id);
    this.#deadlines.delete(id);
    this.#render();
  }

  #secondsLeft(id) {
    return Math.max(0, Math.ceil((this.#deadlines.get(id) - performance.now()) / 1000));
  }

  #render() {
    const cards = [...this.#holds.values()].map((hold) => this.#card(hold));
    if (this.#awaited > 0) cards.push(this.#placeholder());
    this.section.hidden = cards.length === 0;
    this.list.replaceChildren(...cards);
    this.#tick();
  }

  #card(hold) {
    const card = element("article", "hold");
    card.dataset.hold = hold.id;
    const busy = this.#busy.has(hold.id);
    const pay = button("button wide", busy ? "Paying…" : "Pay", () => this.act.pay(hold));
    const back = button("plain", "Give back", () => this.act.release(hold));
    for (const each of [pay, back]) each.disabled = busy;
    const lines = hold.items.map((item) => this.#line(item));
    fill(card, "left to pay", lines, this.money(hold.total), [pay, back]);
    return card;
  }

  #placeholder() {
    const card = element("article", "awaited");
    card.setAttribute("aria-hidden", "true");
    const lines = Array.from({ length: this.#awaited }, () => element("li", "", "…"));
    const pay = button("button wide", "Pay", () => {});
    pay.disabled = true;
    fill(card, "asking for them", lines, "…", [pay]);
    return card;
  }

  #line(item) {
    const line = element("li");
    const name = element("span");
    if (item.quantity > 1) name.append(`${item.quantity} × `);
    name.append(element("bdi", "", item.label ?? item.seat ?? item.area));
    line.append(name, element("b", "", this.money(item.price * (item.quantity ?? 1))));
    return line;
  }

  #tick() {
    for (const [id, hold] of this.#holds) {
      const seconds = this.#secondsLeft(id);
      const clock = this.list.querySelector(`[data-hold="${CSS.escape(id)}"] .left`);
      if (clock) {
        clock.textContent = minutes(seconds);
        clock.classList.toggle("soon", seconds <= WARN_SECONDS);
      }
      if (seconds === 0 && !this.#busy.has(id)) {
        this.take(id);
        this.act.ended(hold);
      }
    }
  }
}

function fill(card, said, lines, total, buttons) {
  const clock = element("p", "clock");
  clock.append(element("span", "left", "–"), element("span", "", said));
  const items = element("ul", "items");
  items.append(...lines);
  const sum = element("p", "total");
  sum.append(element("span", "", "Total"), element("b", "", total));
  const row = element("p", "row");
  row.append(...buttons);
  card.append(clock, items, sum, row);
}

export function minutes(seconds) {
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

export function element(name, className = "", text = "") {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
}

export function button(className, text, pressed) {
  const made = element("button", className, text);
  made.type = "button";
  made.addEventListener("click", pressed);
  return made;
}
