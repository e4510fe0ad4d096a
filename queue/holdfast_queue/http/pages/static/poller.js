// Schedules the polls: after a success with the delay of the page, after a failure with growing
// delays, and never before the time that the service has set.
//
// Whatever `step` throws is a failure. An error of the page itself before the first success means that
// this browser cannot run the page: the form, which needs no script, is shown then.

import { elapsed } from "./clock.js";
import { retryDelay } from "./place.js";
import { Unreachable } from "./service.js";

const FAILURES_BEFORE_SAYING_SO = 2;

export class Poller {
  // Instants are milliseconds of `elapsed`.
  #at = 0;
  #notBefore = 0;
  #failures = 0;
  #failure = null;
  #busy = false;
  #wanted = false;
  #everWorked = false;
  #step;
  #delay;

  /** `step` makes a poll, `delay` gives the seconds until the next one. */
  constructor(step, delay) {
    this.#step = step;
    this.#delay = delay;
  }

  /** Polls when a poll is due; to be called often. */
  async beat() {
    if (this.#busy || elapsed() < this.#at) return;
    this.#busy = true;
    try {
      await this.#step();
      this.#succeeded();
    } catch (fault) {
      this.#failed(fault);
    } finally {
      this.#busy = false;
      if (this.#wanted) this.now();
    }
  }

  /** Polls at once, or as soon as the service allows it; after the poll that is under way, which may fail. */
  now() {
    this.#wanted = this.#busy;
    this.#at = this.#notBefore;
  }

  /** Polls within half a second. */
  soon() {
    this.#at = Math.max(this.#notBefore, Math.min(this.#at, elapsed() + 500));
  }

  /** Whether the script works in this browser, as far as is known. */
  get works() {
    return this.#everWorked || this.#failure === null || !this.#failure.own;
  }

  /** The problem to show, or null. A single failure is not shown, unless the service set a delay. */
  get trouble() {
    if (this.#failure === null) return null;
    if (this.#failures < FAILURES_BEFORE_SAYING_SO && !this.#failure.asked) return null;
    return {
      kind: this.#failure.busy ? "busy" : "lost",
      seconds: Math.max(0, Math.ceil((this.#at - elapsed()) / 1000)),
      byHand: !this.#failure.asked,
    };
  }

  #succeeded() {
    this.#at = elapsed() + this.#delay() * 1000;
    this.#failures = 0;
    this.#failure = null;
    this.#everWorked = true;
  }

  #failed(fault) {
    const own = !(fault instanceof Unreachable);
    const retryAfter = own ? null : fault.retryAfter;
    this.#failures += 1;
    this.#failure = { own, busy: own || fault.busy, asked: retryAfter !== null };
    this.#at = elapsed() + retryDelay(this.#failures, retryAfter, Math.random()) * 1000;
    if (retryAfter !== null) this.#notBefore = elapsed() + retryAfter * 1000;
    if (own) console.error(fault);
  }
}
