// The page where seats are chosen: brings plan, map, choice and cart together.

import { Cart, minutes } from "./cart.js";
import { Choice } from "./choice.js";
import { askBeforeLeaving, askToPay } from "./dialogs.js";
import { Floor } from "./floor.js";
import { Holdfast, atMost, shopServer } from "./holdfast.js";
import { persist } from "./http.js";
import { Legend } from "./legend.js";
import { Live } from "./live.js";
import { Loading } from "./loading.js";
import { SeatMap } from "./map.js";
import { moneyOf } from "./money.js";
import { Plan } from "./plan.js";
import { isolated, tell } from "./toast.js";

const MAX_BEST = 10;
const SESSION_WARN_SECONDS = 120;
const RENEW_BELOW_SECONDS = 60;
const RENEW_EVERY_SECONDS = 10;
const PAY_ATTEMPTS = 5;

const by = (id) => document.getElementById(id);

class Shop {
  #renewed = 0;

  constructor(page) {
    this.words = page.words;
    this.money = moneyOf(page.money);
    this.service = new Holdfast(page);
    this.loading = new Loading(page.plan_bytes);
    this.told = page.told;
    this.quantity = 2;
  }

  async start() {
    this.cart = this.#makeCart();
    askBeforeLeaving(() => this.cart.units);
    setInterval(() => this.#session(), 1_000);
    try {
      await this.#load();
    } catch (refusal) {
      return this.#over(refusal) ? undefined : this.loading.gaveUp(refusal);
    }
    this.loading.done();
    by("shop").hidden = false;
    this.map?.resize();
    if (this.told) tell(this.told);
  }

  /** Each part is asked for until it comes; what is wrong meanwhile stands on the page. */
  async #load() {
    const surely = (task) => persist(task, (refusal, wait) => this.loading.rest(refusal, wait));
    const document = await surely(() => this.service.plan((bytes) => this.loading.arrived(bytes)));
    const holds = await surely(() => this.service.holds());
    const seats = await surely(() => this.service.seats());
    this.plan = new Plan(document, document.prices);
    if (this.plan.count > 0) this.#buildMap();
    else this.#withoutMap();
    this.#buildPanel(document.areas, document.prices);
    this.#wire();
    await surely(() => this.#putIntoCart(holds));
    this.live = new Live(this.service, {
      all: (map) => this.#takeAll(map),
      net: (changes) => this.#takeNet(changes),
      change: (change) => this.#takeChange(change),
      settled: () => this.#dropTaken(),
      lost: (refusal) => this.#lost(refusal),
    });
    this.live.start(seats);
    this.choice.show();
  }

  #makeCart() {
    return new Cart({
      list: by("holds"), section: by("cart"), money: this.money,
      act: {
        pay: (hold) => askToPay(this.money(hold.total), (outcome) => this.#charge(hold, outcome)),
        release: (hold) => this.#release(hold),
        ended: () => this.#ended(),
      },
    });
  }

  /** Whether a refusal means that the buyer has no place in the shop any more; it is told then. */
  #over(refusal) {
    if (refusal.code !== "pass_ended" && refusal.status !== 401) return false;
    shopServer.forget().catch(() => {});
    by("gate-headline").textContent = "Your time in the shop is over";
    by("gate-lead").textContent = "Your place went to the next person in line. You can join the line again.";
    by("gate").hidden = false;
    by("shop").hidden = true;
    by("leave").hidden = true;
    by("session").textContent = "";
    this.loading.done();
    this.gone = true;
    by("gate-headline").focus();
    return true;
  }

  // ---- building

  #buildMap() {
    by("best").hidden = false;
    this.map = new SeatMap({
      plan: this.plan,
      canvas: by("map"),
      cursors: [...document.querySelectorAll(".cursor")],
      money: this.money,
      toggled: (seat) => this.#toggle(seat),
    });
    for (const { name, price } of this.plan.categories) {
      const option = new Option(`${name} · ${this.money(price)}`, name);
      option.dir = "auto";
      by("category").append(option);
    }
  }

  /** A sale of standing places alone. */
  #withoutMap() {
    by("map-section").hidden = true;
    by("shop").classList.add("areas-only");
    document.querySelector(".states").hidden = true;
  }

  #buildPanel(areas, prices) {
    const { plan, money } = this;
    by("areas").hidden = areas.length === 0;
    this.floor = new Floor({
      areas, prices, money, list: by("area-list"), changed: () => this.choice.show(),
    });
    this.choice = new Choice({
      plan, money, map: this.map, floor: this.floor, words: this.words, toggle: (seat) => this.#toggle(seat),
    });
    new Legend({
      plan, areas, prices, money,
      list: by("categories"), faded: (categories) => this.map?.setDimmed(categories),
    });
  }

  #wire() {
    by("hold").addEventListener("click", () => this.#hold(this.choice.wish, this.choice.size));
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
    if (seats.seat_count === undefined) this.map?.setStates(seats.states);
    else this.map?.setPacked(seats.states);
    this.#takeAreas(seats.areas);
    this.#dropTaken();
  }

  #takeNet({ seats, areas }) {
    this.map?.setRuns(seats);
    this.#takeAreas(areas);
  }

  #takeAreas(areas) {
    for (const [id, { free }] of Object.entries(areas)) this.floor.setFree(id, free);
  }

  #takeChange({ state, seats, areas }) {
    for (const seat of seats) this.map?.setState(seat, state);
    const freed = { f: 1, h: -1 }[state] ?? 0;
    for (const { area, quantity } of areas) this.floor.shiftFree(area, freed * quantity);
  }

  #lost(refusal) {
    by("stale").textContent = refusal === null
      ? ""
      : `The map may be out of date; asking again. ${refusal.message}`;
  }

  /** What was taken meanwhile leaves the choice, and the buyer is told; by another tab of theirs
   *  it comes into the cart. */
  async #dropTaken() {
    this.#showMine();
    const taken = this.choice.seats.filter((seat) => !this.map.isFree(seat));
    if (taken.length === 0) return;
    for (const seat of taken) this.map.select(seat, false);
    this.choice.show();
    await this.#readCart();
    const names = taken.filter((seat) => !this.map.mine.has(seat)).map((seat) => isolated(this.plan.name(seat)));
    if (names.length > 0) tell(`Taken by somebody else: ${names.join("; ")}.`);
  }

  #showMine() {
    this.map?.setMine(this.cart.seats.map((item) => this.plan.seatOf(item)));
  }

  /** A node of an earlier release names their seats by guid alone, which the whole plan has. */
  async #putIntoCart(holds) {
    const open = holds.filter(isInCart);
    const unknown = ({ seat, index }) => seat && index === undefined;
    if (open.some(({ items }) => items.some(unknown))) await this.#learnGuids();
    open.forEach((hold) => this.cart.put(hold));
  }

  async #learnGuids() {
    if (!this.plan.hasGuids) this.plan.takeGuids(await this.service.wholePlan());
  }

  /** Holds of which this tab does not know, because another made them; answers all of the buyer. */
  async #readCart() {
    const holds = await this.service.holds().catch(() => []);
    await this.#putIntoCart(holds).catch(() => {});
    this.#showMine();
    for (const seat of this.choice.seats) if (this.map.mine.has(seat)) this.map.select(seat, false);
    this.choice.show();
    return holds;
  }

  // ---- choosing and holding

  #toggle(seat) {
    const picked = this.map.selected.has(seat);
    if (!picked && !this.map.isFree(seat)) return tell(this.map.describe(seat));
    this.map.select(seat, !picked);
    this.choice.show();
  }

  #holdBest() {
    const category = by("category").value;
    const wish = { quantity: this.quantity, ...(category && { categories: [category] }) };
    return this.#hold({ best_available: wish }, this.quantity, true);
  }

  async #hold(wish, lines, show = false) {
    this.#busy(true);
    this.cart.expect(lines);
    try {
      const hold = await this.service.hold(wish, () => this.#byGuids(wish));
      await this.#held(hold);
      if (show) this.#show(hold);
      await this.#renewFor(hold);
      await this.live.now();
    } catch (refusal) {
      this.cart.expect(0);
      this.#refused(refusal);
    } finally {
      this.#busy(false);
    }
  }

  /** The same wish, its seats named by guid. */
  async #byGuids({ seat_indices: seats, plan_version: _, ...others }) {
    await this.#learnGuids();
    return { ...others, ...this.plan.named(seats) };
  }

  async #held(hold) {
    this.choice.clear();
    await this.#putIntoCart([hold]);
    this.#showMine();
    const seats = hold.items.filter(({ seat }) => seat).length;
    const apart = seats > 1 && !hold.next_to_each_other ? " They are not next to each other." : "";
    const what = hold.items.length === 1 ? isolated(hold.items[0].label) : `${hold.items.length} places`;
    tell(`Held for you: ${what}.${apart}`);
    by("cart-heading").scrollIntoView({ block: "nearest" });
  }

  #show(hold) {
    const seat = this.plan.seatOf(hold.items[0]);
    if (seat === undefined) return;
    this.map.cursor.current = seat;
    this.map.reveal(seat);
  }

  /** A cart that lives longer than the session takes the session along. */
  async #renewFor(hold) {
    if (hold.expires_in_seconds > this.service.secondsLeft) await this.service.renew().catch(() => {});
  }

  #busy(on) {
    by("hold").disabled = on || this.choice.size === 0;
    by("best").querySelector(".button").disabled = on;
  }

  async #release(hold) {
    try {
      await shopServer.giveBack(hold.id);
      this.cart.take(hold.id);
      await this.live.now();
      this.#dropTaken();
      tell("Given back.");
    } catch (refusal) {
      this.#refused(refusal);
    }
  }

  #ended() {
    this.#dropTaken();
    tell(this.words.hold_expired);
  }

  // ---- paying

  async #charge(hold, outcome) {
    tell("Paying…");
    this.cart.busy(hold.id, true);
    try {
      const unknown = (refusal) => tell(`${refusal.message} What became of the payment is not known yet; it is being asked for.`);
      const { order } = await shopServer.pay(hold.id, outcome, atMost(PAY_ATTEMPTS, unknown));
      location.assign(order);
    } catch (refusal) {
      this.cart.busy(hold.id, false);
      if (refusal.passes) tell(`${refusal.message} Pay again when it works: nobody is charged twice for the same places.`);
      else this.#refused(refusal);
    }
  }

  async #refused(refusal) {
    if (this.#over(refusal)) return;
    const holds = refusal.code === "seat_unavailable" ? await this.#readCart() : [];
    const own = new Set(refusal.problem.yours);
    const names = holds.flatMap(({ items }) => items).filter(({ seat }) => own.has(seat))
      .map(({ label }) => isolated(label));
    if (names.length > 0) tell(`${this.words.held_by_you} ${names.join("; ")}.`);
    else tell(this.words[refusal.code] ?? refusal.message);
    this.live.now();
  }

  #session() {
    if (this.gone) return;
    const seconds = this.service.secondsLeft;
    if (seconds === 0) return this.#over({ code: "pass_ended" });
    by("session").textContent = `${minutes(seconds)} in the shop`;
    by("session").classList.toggle("soon", seconds <= SESSION_WARN_SECONDS);
    const due = performance.now() - this.#renewed > RENEW_EVERY_SECONDS * 1_000;
    if (seconds <= RENEW_BELOW_SECONDS && this.cart.size > 0 && due) {
      this.#renewed = performance.now();
      this.service.renew().catch(() => {});
    }
  }
}

function isInCart({ status }) {
  return status === "active" || status === "paying";
}

const shop = new Shop(JSON.parse(document.getElementById("page-data").textContent));
shop.start();
