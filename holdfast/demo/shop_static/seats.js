// The page where seats are chosen: brings pass, map, choice and cart together.

import { Cart, button, element, minutes } from "./cart.js";
import { Floor } from "./floor.js";
import { Holdfast, send } from "./holdfast.js";
import { Legend } from "./legend.js";
import { Live } from "./live.js";
import { SeatMap } from "./map.js";
import { moneyOf } from "./money.js";
import { Plan } from "./plan.js";

const MAX_BEST = 10;
const SESSION_WARN_SECONDS = 120;
const RENEW_BELOW_SECONDS = 60;

const WORDS = {
  seat_unavailable: "Somebody was quicker. Those places are taken; pick others.",
  not_enough_together: "There are not that many places free any more like this. Try fewer, or another category.",
  hold_limit_exceeded: "That is more than one buyer may have.",
  sold_out: "Sold out: nothing of what you asked for is free.",
  orphan_left: "That would leave a single seat alone. Move one seat along.",
  not_open: "The sale has not opened yet.",
  sale_closed: "The sale is closed.",
  unreachable: "The service cannot be reached. Your cart is kept; try again.",
};

const by = (id) => document.getElementById(id);

class Shop {
  constructor(page) {
    this.page = page;
    this.service = new Holdfast(page);
    this.quantity = 2;
  }

  async start() {
    try {
      if (!(await this.service.enter())) return this.#gate("You need your turn first", "The shop takes in people from the line only.");
    } catch {
      return this.#gate("This way in has been used", "A way in from the line works once and for a minute. Take your turn again; a kept place is found.");
    }
    await this.#load();
    by("shop").hidden = false;
    by("leave").hidden = false;
    this.map?.resize();
    setInterval(() => this.#session(), 1_000);
  }

  async #load() {
    const document = await this.service.plan();
    const { areas, prices } = document;
    this.money = moneyOf(this.page.money);
    this.plan = new Plan(document, prices);
    if (this.plan.count > 0) this.#buildMap();
    this.#buildPanel(areas, prices);
    this.cart = new Cart({
      list: by("holds"), section: by("cart"), money: this.money,
      act: {
        pay: (hold) => this.#pay(hold),
        release: (hold) => this.#release(hold),
        ended: () => this.#ended(),
      },
    });
    this.#wire();
    for (const hold of await this.service.holds()) {
      if (hold.status === "active" || hold.status === "paying") this.cart.put(hold);
    }
    this.live = new Live(this.service, {
      all: (seats) => this.#takeAll(seats),
      change: (change) => this.#takeChange(change),
      settled: () => this.#dropTaken(),
    });
    await this.live.start();
    this.#choiceChanged();
  }

  #gate(headline, lead) {
    by("gate-headline").textContent = headline;
    by("gate-lead").textContent = lead;
    by("gate").hidden = false;
    by("shop").hidden = true;
    by("leave").hidden = true;
  }

  // ---- building

  #buildMap() {
    this.map = new SeatMap({
      plan: this.plan,
      canvas: by("map"),
      cursors: [...document.querySelectorAll(".cursor")],
      money: this.money,
      toggled: (seat) => this.#toggle(seat),
    });
    by("best").hidden = false;
    for (const { name, price } of this.plan.categories) {
      by("category").append(new Option(`${name} · ${this.money(price)}`, name));
    }
  }

  #buildPanel(areas, prices) {
    const { plan, money } = this;
    by("areas").hidden = areas.length === 0;
    this.floor = new Floor({
      areas, prices, money, list: by("area-list"), changed: () => this.#choiceChanged(),
    });
    new Legend({
      plan, areas, prices, money,
      list: by("categories"), faded: (categories) => this.map.setDimmed(categories),
    });
  }

  #wire() {
    by("hold").addEventListener("click", () => this.#holdChoice());
    by("leave").addEventListener("click", () => this.#leave());
    by("zoom-in").addEventListener("click", () => this.map?.zoom(1.5));
    by("zoom-out").addEventListener("click", () => this.map?.zoom(1 / 1.5));
    by("zoom-fit").addEventListener("click", () => this.map?.fit());
    by("best").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#holdBest();
    });
    for (const step of document.querySelectorAll("#best [data-step]")) {
      step.addEventListener("click", () => {
        this.quantity = Math.max(1, Math.min(MAX_BEST, this.quantity + Number(step.dataset.step)));
        by("quantity").textContent = String(this.quantity);
      });
    }
  }

  // ---- live state

  #takeAll(seats) {
    this.map?.setStates(seats.states);
    for (const [id, { free }] of Object.entries(seats.areas)) this.floor.setFree(id, free);
    this.#dropTaken();
  }

  #takeChange({ state, seats, areas }) {
    for (const seat of seats) this.map?.setState(seat, state);
    const freed = { f: 1, h: -1 }[state] ?? 0;
    for (const { area, quantity } of areas) this.floor.shiftFree(area, freed * quantity);
  }

  /** What somebody else took meanwhile leaves the choice, and the buyer is told. */
  #dropTaken() {
    this.map?.setMine(this.cart.seats.map((guid) => this.plan.index.get(guid)));
    const taken = [...(this.map?.selected ?? [])].filter((seat) => !this.map.isFree(seat));
    for (const seat of taken) this.map.select(seat, false);
    if (taken.length > 0) {
      this.#tell(`Taken by somebody else: ${taken.map((seat) => this.plan.name(seat)).join("; ")}.`);
      this.#choiceChanged();
    }
  }

  // ---- choosing and holding

  #toggle(seat) {
    const picked = this.map.selected.has(seat);
    if (!picked && !this.map.isFree(seat)) return this.#tell(this.map.describe(seat));
    this.map.select(seat, !picked);
    this.#choiceChanged();
  }

  #choiceChanged() {
    const seats = [...(this.map?.selected ?? [])];
    const lines = seats.map((seat) => [this.plan.name(seat), this.plan.categoryOf(seat).price, () => this.#toggle(seat)]);
    for (const area of this.floor.wanted) {
      const remove = () => { this.floor.reset(area); this.#choiceChanged(); };
      lines.push([`${area.wanted} × ${area.name}`, area.wanted * area.price, remove]);
    }
    by("choice").replaceChildren(...lines.map((line) => this.#choiceLine(...line)));
    const total = lines.reduce((sum, [, price]) => sum + price, 0);
    by("choice-hint").hidden = lines.length > 0;
    by("choice-total").hidden = lines.length === 0;
    by("choice-total").replaceChildren(element("span", "", "Total"), element("b", "", this.money(total)));
    by("hold").disabled = lines.length === 0;
    by("hold").hidden = lines.length === 0;
  }

  #choiceLine(name, price, remove) {
    const line = element("li");
    const drop = button("drop", "×", remove);
    drop.setAttribute("aria-label", `Remove ${name}`);
    line.append(element("span", "", name), element("b", "", this.money(price)), drop);
    return line;
  }

  #holdChoice() {
    const seats = [...(this.map?.selected ?? [])].map((seat) => this.plan.guid[seat]);
    const areas = this.floor.wanted.map(({ id, wanted }) => ({ id, quantity: wanted }));
    const wish = {};
    if (seats.length > 0) wish.seats = seats;
    if (areas.length > 0) wish.areas = areas;
    return this.#hold(wish);
  }

  #holdBest() {
    const category = by("category").value;
    const wish = { quantity: this.quantity, ...(category && { categories: [category] }) };
    return this.#hold({ best_available: wish }, true);
  }

  async #hold(wish, show = false) {
    this.#busy(true);
    try {
      const hold = await this.service.hold(wish);
      this.#held(hold);
      if (show) this.#show(hold);
      await this.#renewFor(hold);
      await this.live.now();
    } catch (refusal) {
      this.#refused(refusal);
    } finally {
      this.#busy(false);
    }
  }

  #held(hold) {
    for (const seat of [...(this.map?.selected ?? [])]) this.map.select(seat, false);
    this.floor.resetAll();
    this.cart.put(hold);
    this.#choiceChanged();
    this.#dropTaken();
    const seats = hold.items.filter(({ seat }) => seat).length;
    const apart = seats > 1 && !hold.next_to_each_other ? " They are not next to each other." : "";
    this.#tell(`Held for you: ${hold.items.length === 1 ? hold.items[0].label : `${hold.items.length} places`}.${apart}`);
    by("cart-heading").scrollIntoView({ block: "nearest" });
  }

  #show(hold) {
    const seats = hold.items.map(({ seat }) => this.plan.index.get(seat));
    if (seats[0] === undefined) return;
    this.map.cursor.current = seats[0];
    this.map.reveal(seats[0]);
  }

  /** A cart that lives longer than the session takes the session along. */
  async #renewFor(hold) {
    if (Date.parse(hold.expires_at) > this.service.passEnds) await this.service.renew().catch(() => {});
  }

  #busy(on) {
    by("hold").disabled = on || by("choice").childElementCount === 0;
    by("best").querySelector(".button").disabled = on;
  }

  async #release(hold) {
    try {
      await this.service.release(hold.id);
      this.cart.take(hold.id);
      await this.live.now();
      this.#dropTaken();
      this.#tell("Given back.");
    } catch (refusal) {
      this.#refused(refusal);
    }
  }

  #ended() {
    this.#dropTaken();
    this.#tell("The time to pay has run out; the places are on sale again.");
  }

  // ---- paying and leaving

  #pay(hold) {
    const dialog = by("payment");
    by("payment-amount").textContent = this.money(hold.total);
    dialog.returnValue = "";
    dialog.onclose = () => {
      if (dialog.returnValue === "pay") this.#charge(hold, new FormData(dialog.querySelector("form")).get("outcome"));
    };
    dialog.showModal();
  }

  async #charge(hold, outcome) {
    this.#tell("Paying…");
    try {
      const { order, left } = await send("/pay", {
        method: "POST",
        headers: { "Content-Type": "application/json", Authorization: `Bearer ${this.service.pass}` },
        body: JSON.stringify({ hold: hold.id, outcome }),
      });
      if (!left) this.service.forget();
      location.assign(order);
    } catch (refusal) {
      this.#refused(refusal);
    }
  }

  async #leave() {
    await this.service.leave().catch(() => this.service.forget());
    location.assign("/");
  }

  #refused(refusal) {
    if (refusal.code === "pass_ended" || refusal.status === 401) {
      this.service.forget();
      return this.#gate("Your time in the shop is over", "Your place went to the next person in line. You can join the line again.");
    }
    this.#tell(WORDS[refusal.code] ?? refusal.message);
    this.live.now().catch(() => {});
  }

  #session() {
    const ends = this.service.passEnds;
    if (ends === null) return;
    const seconds = Math.max(0, Math.round((ends - Date.now()) / 1000));
    by("session").textContent = `${minutes(seconds)} in the shop`;
    by("session").classList.toggle("soon", seconds <= SESSION_WARN_SECONDS);
    if (seconds === RENEW_BELOW_SECONDS && this.cart.size > 0) this.service.renew().catch(() => {});
  }

  #tell(sentence) {
    const toast = by("toast");
    toast.textContent = sentence;
    toast.classList.add("on");
    clearTimeout(this.toastTimer);
    this.toastTimer = setTimeout(() => toast.classList.remove("on"), 6_000);
  }
}

const shop = new Shop(JSON.parse(document.getElementById("page-data").textContent));
shop.start();
