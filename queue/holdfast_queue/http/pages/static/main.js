// The waiting page's script: takes a place, follows the line, claims when called, goes to the shop.
//
// Invariants: the place is kept by a cookie, so a reload or a second tab continues the same
// place; joining and claiming are POSTs, so neither a cache nor a link preview ever does either. One
// timer drives everything; a poll is one request for the shared status document, and the visitor's
// own view is requested seldom (it also tells the service that the visitor is still here).
//
// A page that a browser prerenders does nothing until it is shown.

import { ServerClock, elapsed } from "./clock.js";
import { Identity } from "./identity.js";
import { Memory } from "./memory.js";
import { Place, pollDelay, supersedes } from "./place.js";
import { Poller } from "./poller.js";
import { AT_REST, mayClaim, sceneOf } from "./scene.js";
import { Service, Unreachable } from "./service.js";
import { Chime } from "./sound.js";
import { Trouble } from "./trouble.js";
import { View } from "./view.js";

const RESTING_POLL_SECONDS = 20;
const JOINABLE = new Set(["lobby", "open", "paused"]);
const REDIRECT_AFTER_MS = 1_200;

class WaitingPage {
  constructor(page) {
    this.page = page;
    this.view = new View(page);
    this.trouble = new Trouble(this.view);
    this.identity = new Identity(page.name);
    this.service = new Service(page.name);
    this.clock = new ServerClock();
    this.chime = new Chime();
    this.memory = new Memory(page.name);
    this.place = new Place();
    this.known = {
      status: null, number: null, joined: false,
      passed: null, admitted: false, refused: false, limited: false, unidentified: false, redirecting: false,
    };
    this.own = null;
    this.target = null;
    // Instants are milliseconds of `elapsed`.
    this.ownViewAt = -Infinity;
    this.claimAt = 0;
    this.joinAt = 0;
    this.poller = new Poller(() => this.#step(), () => this.#delay());
  }

  start() {
    const kept = this.memory.read();
    if (kept?.number) this.place = new Place(kept);
    this.resuming = kept !== null;
    this.entered = kept?.entered === true;
    this.#listen();
    this.view.sound(false);
    this.#render();
    setInterval(() => this.#onTimer(), 250);
    this.#onTimer();
  }

  // ---- the timer

  async #onTimer() {
    if (!this.known.redirecting) await this.poller.beat();
    this.#render();
  }

  async #step() {
    await this.#readStatus();
    if (!this.known.joined && this.known.passed === null) await this.#takePlace();
    this.place.follow(this.known.status);
    if (this.#wantsOwnView()) await this.#readOwnView();
    if (mayClaim(this.known) && elapsed() >= this.claimAt) await this.#claim();
    this.#save();
  }

  #delay() {
    const scene = sceneOf(this.known);
    const { status } = this.known;
    const floor = Math.max(1, status.refresh_interval_seconds ?? 5);
    if (AT_REST.has(scene)) return RESTING_POLL_SECONDS * (1 + 0.3 * Math.random());
    if (scene === "next") return Math.max(0.3, (this.claimAt - elapsed()) / 1000);
    if (scene === "limited") return Math.max(1, Math.min(RESTING_POLL_SECONDS, this.#secondsToJoin()));
    const seconds = this.#countdown();
    if (seconds !== null && seconds > 0) return Math.min(15, seconds + 0.2) + Math.random();
    return pollDelay({
      floor,
      own: this.own?.refresh_interval_seconds ?? null,
      ahead: this.place.shown,
      aheadThen: this.own?.users_ahead ?? 0,
      wait: this.#waitNow()?.p50 ?? null,
      hidden: document.hidden,
      hiddenSeconds: this.page.pace.hiddenSeconds,
      random: Math.random(),
    });
  }

  // ---- requests

  async #readStatus() {
    const { status, body } = await this.service.status();
    if (status === 404) return this.#saleIsGone();
    if (status !== 200) throw new Unreachable();
    this.clock.learn(body.now);
    if (supersedes(body, this.known.status)) this.known.status = body;
  }

  #saleIsGone() {
    this.known.status = { ...(this.known.status ?? {}), state: "closed", serving: 0, message: null };
  }

  /** Looks up a remembered place first, so that an expired call is shown and not replaced by a new place. */
  async #takePlace() {
    if (this.resuming) {
      if (await this.#readOwnView()) return;
      this.resuming = false;
    }
    if (this.known.limited && elapsed() < this.joinAt) return;
    if (JOINABLE.has(this.known.status.state) && !this.known.unidentified) await this.#join();
  }

  #secondsToJoin() {
    return Math.max(0, Math.ceil((this.joinAt - elapsed()) / 1000));
  }

  async #join() {
    const { returnUrl } = this.page;
    const { status, body, retryAfter } = await this.service.join(returnUrl, freshNonce(), this.identity.token);
    this.known.limited = status === 429;
    if (status === 200 || status === 201) return this.#joined(body, status === 200);
    if (status === 429) return this.#joinLater(retryAfter);
    if (body?.code === "identity_required") return this.#unidentified();
    this.known.refused = !["not_open", "sold_out", "sale_closed", "draining"].includes(body?.code);
  }

  /** The network has reached its limit on joins; the next attempt gets a random delay. */
  #joinLater(retryAfter) {
    this.joinAt = elapsed() + (retryAfter ?? 5) * 1000 * (1 + 0.2 * Math.random());
  }

  /** Only the shop can help, unless the visitor has a place that this page did not know of. */
  async #unidentified() {
    this.identity.refused();
    this.known.unidentified = !(await this.#readOwnView());
  }

  /** In a quiet sale the response to the join may have the redirect to the shop already. */
  #joined(body, again) {
    Object.assign(this.known, { joined: true, passed: null, admitted: false, refused: false });
    this.#setNumber(body.number);
    this.identity.used();
    this.ownViewAt = -Infinity;
    if (!again) this.entered = false;
    if (body.redirect_to) this.#redirect(body.redirect_to);
  }

  /** Sets the number; another one than before starts a new progress. */
  #setNumber(number) {
    if (number === null || number === undefined) return;
    if (this.place.number !== number) this.place = new Place({ number });
    this.known.number = number;
  }

  #wantsOwnView() {
    const { joined, number, status } = this.known;
    if (!joined) return false;
    // Once the lobby has an order, the visitor's own number is requested; until then nobody has one.
    const opened = !["scheduled", "lobby"].includes(status.state) && status.draw?.drawn !== false;
    return (number === null && opened) || this.#ownViewIsDue();
  }

  /** Often enough to be counted among those who are here: the service says how often that is. */
  #ownViewIsDue() {
    return elapsed() - this.ownViewAt >= this.page.pace.ownViewSeconds * 1000;
  }

  /** Returns false when the service knows no such place (any more). */
  async #readOwnView() {
    const { status, body } = await this.service.ticket();
    if (status === 401 || status === 403 || status === 404) return this.#forget();
    if (status === 410) return this.#setPassed("expired");
    if (status !== 200) throw new Unreachable();
    this.ownViewAt = elapsed();
    this.resuming = false;
    this.known.joined = true;
    this.#setNumber(body.number);
    this.own = body;
    return true;
  }

  #forget() {
    Object.assign(this.known, { joined: false, number: null, admitted: false });
    this.place = new Place();
    this.memory.clear();
    return false;
  }

  #setPassed(how) {
    this.resuming = false;
    Object.assign(this.known, { joined: false, passed: how, number: null });
    this.place = new Place();
    this.entered = false;
    return true;
  }

  async #claim() {
    const { status, body, retryAfter } = await this.service.claim(this.page.returnUrl);
    const admitted = status === 200 || status === 201;
    if (admitted && this.entered) return this.#showAdmittedBefore();
    if (admitted) return this.#redirect(body.redirect_to);
    if (status === 410) return this.#setPassed(this.entered ? "ended" : "expired");
    if (body?.code === "pass_ended") return this.#setPassed("ended");
    if (status === 401 || status === 403) return this.#forget();
    this.claimAt = elapsed() + (retryAfter ?? 2) * 1000 * (1 + 0.2 * Math.random());
  }

  /** A visitor who was admitted before (and pressed «back») goes on by choice only, never in a loop. */
  #showAdmittedBefore() {
    this.known.admitted = true;
  }

  #redirect(target) {
    this.known.redirecting = true;
    this.entered = true;
    this.target = target;
    this.#save();
    this.chime.play();
    this.#render();
    setTimeout(() => location.replace(target), REDIRECT_AFTER_MS);
  }

  // ---- display

  #render() {
    document.documentElement.toggleAttribute("data-live", this.poller.works);
    this.trouble.show(this.poller.trouble, this.known.joined && this.service.keepsPlace);
    this.view.show({
      scene: sceneOf(this.known),
      status: this.known.status,
      place: this.place,
      lobby: this.known.status?.lobby ?? 0,
      wait: this.#waitNow(),
      seconds: this.known.limited ? this.#secondsToJoin() : this.#countdown(),
      joined: this.known.joined,
      kept: this.service.keepsPlace,
    });
  }

  /** The service's estimate, shortened by the share of the people who were ahead and are not now. */
  #waitNow() {
    if (!this.own?.estimated_wait_seconds) return null;
    const { users_ahead: ahead, estimated_wait_seconds: { p50, p90 } } = this.own;
    const share = ahead > 0 ? Math.min(1, (this.place.shown ?? ahead) / ahead) : 1;
    return { p50: p50 * share, p90: p90 * share };
  }

  #countdown() {
    const { status } = this.known;
    if (status === null) return null;
    const scheduled = status.state === "scheduled";
    const instant = scheduled
      ? (status.prequeue_start_time ?? status.event_start_time)
      : status.event_start_time;
    if (!instant || !["scheduled", "lobby"].includes(status.state)) return null;
    return this.clock.secondsUntil(instant);
  }

  // ---- storage and events

  #save() {
    if (!this.known.joined && this.known.passed === null) return;
    this.memory.write({ ...this.place.remember(), entered: this.entered });
  }

  #listen() {
    const soon = () => {
      if (document.hidden) return;
      // While a device sleeps, the clock of `elapsed` may stop.
      this.service.refresh();
      this.poller.soon();
    };
    document.addEventListener("visibilitychange", soon);
    addEventListener("pageshow", ({ persisted }) => persisted && soon());
    addEventListener("online", () => this.poller.now());
    document.getElementById("banner-action").addEventListener("click", () => this.poller.now());
    document.getElementById("again").addEventListener("click", () => this.#joinAgain());
    document.getElementById("go").addEventListener("click", () => this.#goToShop());
    document.getElementById("sound").addEventListener("click", () => this.#toggleSound());
  }

  #joinAgain() {
    this.known.passed = null;
    this.resuming = false;
    this.poller.now();
  }

  /** A hand-off is valid for a minute, so it is requested when the visitor goes on. */
  #goToShop() {
    if (this.target !== null) return location.replace(this.target);
    this.known.admitted = false;
    this.entered = false;
    this.claimAt = 0;
    this.poller.now();
  }

  #toggleSound() {
    const on = document.getElementById("sound").getAttribute("aria-pressed") !== "true";
    if (on && this.chime.unlock()) this.chime.play();
    else this.chime = new Chime();
    this.view.sound(on);
  }
}

function freshNonce() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function start() {
  new WaitingPage(JSON.parse(document.getElementById("page-data").textContent)).start();
}

if (document.prerendering) document.addEventListener("prerenderingchange", start, { once: true });
else start();
