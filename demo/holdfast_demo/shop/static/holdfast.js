// The calls a shop's page makes to Holdfast, with the buyer's pass.
//
// The shop's server has exchanged the hand-off for the pass and keeps it in a cookie that scripts
// cannot read; the page was given it in its data. A hold is asked for with an idempotency key that is
// repeated when an answer gets lost, so a bad network can delay a hold but never make two of it.

import { pause, persist, send } from "./http.js";

const ATTEMPTS = 4;
/** What a node of an earlier release answers to what it does not know. */
const UNKNOWN_THERE = 400;

export class Holdfast {
  #base;
  #pass;
  #ends;

  constructor({ service, sale, pass, expires_in_seconds: seconds }) {
    this.#base = `${service}/v1/sales/${encodeURIComponent(sale)}`;
    this.#keep(pass, seconds);
  }

  /** Until the session is over; counted by a clock that nobody sets. */
  get secondsLeft() {
    return Math.max(0, Math.ceil((this.#ends - performance.now()) / 1_000));
  }

  /** A later end of the session: the shop's server asks, since it keeps the cookie. */
  async renew() {
    const { pass, expires_in_seconds: seconds } = await send("/renew", { method: "POST", headers: JSON_SENT, body: "{}" });
    this.#keep(pass, seconds);
  }

  /** By columns and without guids; whole, where a node of an earlier release is asked. */
  async plan(arrived) {
    try {
      return await this.#call("GET", "/plan?form=columns&guids=none", { open: true, arrived });
    } catch (refusal) {
      if (refusal.status !== UNKNOWN_THERE) throw refusal;
      return this.wholePlan(arrived);
    }
  }

  /** With the guids of all seats: megabytes. */
  wholePlan(arrived) {
    return this.#call("GET", "/plan", { open: true, arrived });
  }

  seats() {
    return this.#call("GET", "/seats", { open: true });
  }

  changes(after) {
    return this.#call("GET", `/changes?after=${encodeURIComponent(after)}`, { open: true });
  }

  /** An `EventSource` of net changes of the map with the etag `after`, `every` so many seconds. */
  stream(after, every) {
    return new EventSource(`${this.#base}/changes?form=net&every=${every}&after=${encodeURIComponent(after)}`);
  }

  async holds() {
    return (await this.#call("GET", "/holds")).items;
  }

  /** `byGuids` answers the same wish for a node of an earlier release, which knows no indices. */
  async hold(wish, byGuids) {
    const key = randomKey();
    const ask = (body) => persist(() => this.#call("POST", "/holds", { body, key }), atMost(ATTEMPTS));
    try {
      return await ask(wish);
    } catch (refusal) {
      if (wish.seat_indices === undefined || refusal.status !== UNKNOWN_THERE) throw refusal;
      return ask(await byGuids());
    }
  }

  #keep(pass, seconds) {
    this.#pass = pass;
    this.#ends = performance.now() + seconds * 1_000;
  }

  #call(method, path, { body, key, open = false, arrived } = {}) {
    const headers = { Accept: "application/json" };
    if (!open) headers.Authorization = `Bearer ${this.#pass}`;
    if (key !== undefined) headers["Idempotency-Key"] = key;
    if (body !== undefined) headers["Content-Type"] = "application/json";
    const request = { method, headers, body: body && JSON.stringify(body), cache: "no-cache" };
    return send(this.#base + path, request, arrived);
  }
}

const JSON_SENT = { "Content-Type": "application/json" };

/** The calls to the shop's own server. */
export const shopServer = {
  pay(hold, outcome, rest) {
    const request = { method: "POST", headers: JSON_SENT, body: JSON.stringify({ hold, outcome }) };
    return persist(() => send("/pay", request), rest);
  },
  giveBack(hold) {
    return send("/release", { method: "POST", headers: JSON_SENT, body: JSON.stringify({ hold }) });
  },
  forget() {
    return send("/forget", { method: "POST", headers: JSON_SENT, body: "{}" });
  },
};

/** For `persist`: rests between `attempts`, then gives up. */
export function atMost(attempts, told = () => {}) {
  let failed = 0;
  return async (refusal, milliseconds) => {
    failed += 1;
    if (failed >= attempts) return false;
    told(refusal);
    await pause(milliseconds);
    return true;
  };
}

function randomKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
