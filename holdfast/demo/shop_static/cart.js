// The cart: the buyer's holds, each with the time it has left. The time left is told by the service
// as a span, so a wrong clock in the browser changes nothing.

const WARN_SECONDS = 60;

export class Cart {
  #holds = new Map();
  #deadlines = new Map();

  /** `act` is {pay(hold), release(hold), ended(hold)}. */
  constructor({ list, section, money, act }) {
    Object.assign(this, { list, section, money, act });
    setInterval(() => this.#tick(), 500);
  }

  get seats() {
    return [...this.#holds.values()].flatMap(
      (hold) => hold.items.filter((item) => item.seat).map((item) => item.seat));
  }

  get size() {
    return this.#holds.size;
  }

  put(hold) {
    this.#holds.set(hold.id, hold);
    this.#deadlines.set(hold.id, performance.now() + hold.expires_in_seconds * 1000);
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
    this.section.hidden = this.#holds.size === 0;
    this.list.replaceChildren(...[...this.#holds.values()].map((hold) => this.#card(hold)));
    this.#tick();
  }

  #card(hold) {
    const card = document.createElement("article");
    card.className = "hold";
    card.dataset.hold = hold.id;
    const items = element("ul", "items");
    for (const item of hold.items) items.append(this.#line(item));
    const clock = element("p", "clock");
    clock.append(element("span", "left"), element("span", "", "left to pay"));
    const total = element("p", "total");
    total.append(element("span", "", "Total"), element("b", "", this.money(hold.total)));
    const buttons = element("p", "row");
    buttons.append(
      button("button wide", "Pay", () => this.act.pay(hold)),
      button("plain", "Give back", () => this.act.release(hold)));
    card.append(clock, items, total, buttons);
    return card;
  }

  #line(item) {
    const line = document.createElement("li");
    const count = item.quantity > 1 ? `${item.quantity} × ` : "";
    const name = element("span", "", `${count}${item.label ?? item.seat ?? item.area}`);
    line.append(name, element("b", "", this.money(item.price * item.quantity)));
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
      if (seconds === 0) {
        this.take(id);
        this.act.ended(hold);
      }
    }
  }
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
