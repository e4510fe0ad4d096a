// The waiting page's script: takes a place, follows the line, claims when called, goes to the shop.
//
// What it relies on: the place is kept by a cookie, so a reload or a second tab continues the same
// place; joining and claiming are POSTs, so neither a cache nor a link preview ever does either. One
// timer drives everything; a poll is one request for the shared status document, and the visitor's
// own view is asked for seldom (it also tells the service that somebody is still here).

import { ServerClock } from "./clock.js";
import { Identity } from "./identity.js";
import { Place, pollDelay, retryDelay, supersedes } from "./place.js";
import { AT_REST, mayClaim, sceneOf } from "./scene.js";
import { Service, Unreachable } from "./service.js";
import { Chime } from "./sound.js";
import { View } from "./view.js";

const RESTING_POLL_SECONDS = 20;
const JOINABLE = new Set(["lobby", "open", "paused"]);
const REDIRECT_AFTER_MS = 1_200;
const FAILURES_BEFORE_SAYING_SO = 2;

class WaitingPage {
  constructor(page) {
    this.page = page;
    this.view = new View(page);
    this.identity = new Identity(page.name);
    this.service = new Service(page.name);
    this.clock = new ServerClock();
    this.chime = new Chime();
    this.store = `holdfast:${page.name}`;
    this.place = new Place();
    this.known = {
      status: null, number: null, joined: false,
      passed: null, admitted: false, refused: false, unidentified: false, redirecting: false,
    };
    this.own = null;
    this.target = null;
    this.ownViewAt = 0;
    this.claimAt = 0;
    this.failures = 0;
    this.retryAt = 0;
    this.pollAt = 0;
    this.busy = false;
  }

  start() {
    document.documentElement.dataset.live = "";
    const kept = this.#recall();
    if (kept?.number) this.place = new Place(kept);
    this.resuming = kept !== null;
    this.entered = kept?.entered === true;
    this.#listen();
    this.view.sound(false);
    setInterval(() => this.#beat(), 250);
    this.#poll();
  }

  // ---- the timer

  #beat() {
    const now = Date.now();
    if (this.failures >= FAILURES_BEFORE_SAYING_SO) {
      this.view.lost(Math.max(0, Math.ceil((this.retryAt - now) / 1000)));
    }
    this.#render();
    if (!this.busy && !this.known.redirecting && now >= this.pollAt) this.#poll();
  }

  async #poll() {
    this.busy = true;
    try {
      await this.#step();
      this.failures = 0;
      this.view.lost(null);
      this.pollAt = Date.now() + this.#delay() * 1000;
    } catch (fault) {
      if (!(fault instanceof Unreachable)) throw fault;
      this.failures += 1;
      this.retryAt = Date.now() + retryDelay(this.failures, fault.retryAfter, Math.random()) * 1000;
      this.pollAt = this.retryAt;
    } finally {
      this.busy = false;
      this.#render();
    }
  }

  async #step() {
    await this.#readStatus();
    if (!this.known.joined && this.known.passed === null) await this.#takePlace();
    this.place.follow(this.known.status);
    if (this.#wantsOwnView()) await this.#readOwnView();
    if (mayClaim(this.known) && Date.now() >= this.claimAt) await this.#claim();
    this.#keep();
  }

  #delay() {
    const scene = sceneOf(this.known);
    const { status } = this.known;
    const floor = Math.max(1, status.refresh_interval_seconds ?? 5);
    if (AT_REST.has(scene)) return RESTING_POLL_SECONDS * (1 + 0.3 * Math.random());
    if (scene === "next") return Math.max(0.3, (this.claimAt - Date.now()) / 1000);
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

  // ---- what it asks the service

  async #readStatus() {
    const { status, body } = await this.service.status();
    if (status === 404) return this.#gone();
    if (status !== 200) throw new Unreachable();
    this.clock.learn(body.now);
    if (supersedes(body, this.known.status)) this.known.status = body;
  }

  #gone() {
    this.known.status = { ...(this.known.status ?? {}), state: "closed", serving: 0, message: null };
  }

  /** A place that is remembered is looked up first, so that a passed turn is told, not replaced. */
  async #takePlace() {
    if (this.resuming) {
      if (await this.#readOwnView()) return;
      this.resuming = false;
    }
    if (JOINABLE.has(this.known.status.state) && !this.known.unidentified) await this.#join();
  }

  async #join() {
    const { returnUrl } = this.page;
    const { status, body } = await this.service.join(returnUrl, freshNonce(), this.identity.token);
    if (status === 200 || status === 201) return this.#joined(body, status === 200);
    if (body?.code === "identity_required") return this.#unidentified();
    this.known.refused = !["not_open", "sold_out", "sale_closed", "draining"].includes(body?.code);
  }

  /** Only the shop can help, unless the visitor has a place that this page did not know of. */
  async #unidentified() {
    this.identity.refused();
    this.known.unidentified = !(await this.#readOwnView());
  }

  /** In a quiet sale the answer to joining may be the way in already. */
  #joined(body, again) {
    Object.assign(this.known, { joined: true, passed: null, admitted: false, refused: false });
    this.#take(body.number);
    this.identity.used();
    this.ownViewAt = 0;
    if (!again) this.entered = false;
    if (body.redirect_to) this.#enter(body.redirect_to);
  }

  /** Takes a number; another one than before is another way through the line. */
  #take(number) {
    if (number === null || number === undefined) return;
    if (this.place.number !== number) this.place = new Place({ number });
    this.known.number = number;
  }

  #wantsOwnView() {
    const { joined, number, status } = this.known;
    if (!joined) return false;
    // Once the lobby has an order, the own number is asked for; until then nobody has one.
    const opened = !["scheduled", "lobby"].includes(status.state) && status.draw?.drawn !== false;
    return (number === null && opened) || this.#ownViewIsDue();
  }

  /** Often enough to be counted among those who are here: the service says how often that is. */
  #ownViewIsDue() {
    return Date.now() - this.ownViewAt >= this.page.pace.ownViewSeconds * 1000;
  }

  /** Returns false when the service knows no such place (any more). */
  async #readOwnView() {
    const { status, body } = await this.service.ticket();
    if (status === 401 || status === 403 || status === 404) return this.#forget();
    if (status === 410) return this.#pass("expired");
    if (status !== 200) throw new Unreachable();
    this.ownViewAt = Date.now();
    this.resuming = false;
    this.known.joined = true;
    this.#take(body.number);
    this.own = body;
    return true;
  }

  #forget() {
    Object.assign(this.known, { joined: false, number: null, admitted: false });
    this.place = new Place();
    localStorage.removeItem(this.store);
    return false;
  }

  #pass(how) {
    this.resuming = false;
    Object.assign(this.known, { joined: false, passed: how, number: null });
    this.place = new Place();
    this.entered = false;
    return true;
  }

  async #claim() {
    const { status, body, retryAfter } = await this.service.claim(this.page.returnUrl);
    const admitted = status === 200 || status === 201;
    if (admitted && this.entered) return this.#welcomeBack();
    if (admitted) return this.#enter(body.redirect_to);
    if (status === 410) return this.#pass(this.entered ? "ended" : "expired");
    if (body?.code === "pass_ended") return this.#pass("ended");
    if (status === 401 || status === 403) return this.#forget();
    this.claimAt = Date.now() + (retryAfter ?? 2) * 1000 * (1 + 0.2 * Math.random());
  }

  /** Somebody who was let in before (a press on «back») goes on only by choice, never in a loop. */
  #welcomeBack() {
    this.known.admitted = true;
  }

  #enter(target) {
    this.known.redirecting = true;
    this.entered = true;
    this.target = target;
    this.#keep();
    this.chime.play();
    this.#render();
    setTimeout(() => location.replace(target), REDIRECT_AFTER_MS);
  }

  // ---- what it shows

  #render() {
    this.view.show({
      scene: sceneOf(this.known),
      status: this.known.status,
      place: this.place,
      lobby: this.known.status?.lobby ?? 0,
      wait: this.#waitNow(),
      seconds: this.#countdown(),
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

  // ---- what it remembers, and whom it listens to

  #recall() {
    try {
      return JSON.parse(localStorage.getItem(this.store));
    } catch {
      return null;
    }
  }

  #keep() {
    if (!this.known.joined && this.known.passed === null) return;
    const kept = { ...this.place.remember(), entered: this.entered };
    try {
      localStorage.setItem(this.store, JSON.stringify(kept));
    } catch {
      // Storage is switched off: the cookie alone keeps the place.
    }
  }

  #listen() {
    const now = () => { this.pollAt = 0; };
    const soon = () => {
      if (!document.hidden) this.pollAt = Math.min(this.pollAt, Date.now() + 500);
    };
    document.addEventListener("visibilitychange", soon);
    addEventListener("online", now);
    document.getElementById("banner-action").addEventListener("click", now);
    document.getElementById("again").addEventListener("click", () => this.#joinAgain());
    document.getElementById("go").addEventListener("click", () => this.#goOn());
    document.getElementById("sound").addEventListener("click", () => this.#toggleSound());
  }

  #joinAgain() {
    this.known.passed = null;
    this.resuming = false;
    this.pollAt = 0;
  }

  /** A hand-off lives for a minute only, so the way in is asked for when it is wanted. */
  #goOn() {
    if (this.target !== null) return location.replace(this.target);
    this.known.admitted = false;
    this.entered = false;
    this.claimAt = 0;
    this.pollAt = 0;
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

new WaitingPage(JSON.parse(document.getElementById("page-data").textContent)).start();
