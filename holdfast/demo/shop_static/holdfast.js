// The calls a shop's page makes to Holdfast, with the buyer's pass.
//
// The visitor comes back from the waiting room with a hand-off in the address: it is taken out of
// the address at once, exchanged for the pass once, and the pass stays in this tab's session storage.
// A hold is asked for with an idempotency key that is repeated when an answer gets lost, so a bad
// network can delay a hold but never make two of it.

const TIMEOUT_MS = 10_000;
const ATTEMPTS = 3;
const HANDOFF = "holdfast_token";

export class Refused extends Error {
  constructor(status, problem) {
    super(problem?.detail ?? problem?.title ?? `HTTP ${status}`);
    this.status = status;
    this.code = problem?.code ?? "unreachable";
    this.conflicts = problem?.conflicts ?? [];
  }
}

export class Holdfast {
  #base;
  #store;
  #session = null;

  constructor({ service, sale }) {
    this.#base = `${service}/v1/sales/${encodeURIComponent(sale)}`;
    this.#store = `holdfast-pass:${sale}`;
  }

  get pass() {
    return this.#session?.pass ?? null;
  }

  get passEnds() {
    return this.#session === null ? null : Date.parse(this.#session.expires_at);
  }

  /** Finds the pass of this tab or makes one of the hand-off; false when there is neither. */
  async enter() {
    const token = takeHandoff();
    if (token !== null) {
      this.#keep(await this.#call("POST", "/pass/exchange", { body: { token } }));
    } else {
      this.#session = JSON.parse(sessionStorage.getItem(this.#store) ?? "null");
    }
    return this.#session !== null;
  }

  forget() {
    this.#session = null;
    sessionStorage.removeItem(this.#store);
  }

  async renew() {
    this.#keep({ ...this.#session, ...(await this.#call("POST", "/pass/renew")) });
  }

  /** Ends the session: the next person in line gets the place. */
  async leave() {
    await this.#call("POST", "/pass/release");
    this.forget();
  }

  plan() {
    return this.#call("GET", "/plan", { open: true });
  }

  seats() {
    return this.#call("GET", "/seats", { open: true });
  }

  changes(after) {
    return this.#call("GET", `/changes?after=${encodeURIComponent(after)}`, { open: true });
  }

  /** An `EventSource` of what `changes` answers. */
  stream(after) {
    return new EventSource(`${this.#base}/changes?after=${encodeURIComponent(after)}`);
  }

  async holds() {
    return (await this.#call("GET", "/holds")).items;
  }

  async hold(wish) {
    const key = randomKey();
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#call("POST", "/holds", { body: wish, key });
      } catch (refusal) {
        if (refusal.status < 500 || attempt === ATTEMPTS) throw refusal;
        await new Promise((resolve) => { setTimeout(resolve, 500 * 2 ** attempt); });
      }
    }
  }

  release(hold) {
    return this.#call("POST", `/holds/${hold}/release`);
  }

  #keep(session) {
    this.#session = session;
    sessionStorage.setItem(this.#store, JSON.stringify(session));
  }

  async #call(method, path, { body, key, open = false } = {}) {
    const headers = { Accept: "application/json" };
    if (!open && this.pass !== null) headers.Authorization = `Bearer ${this.pass}`;
    if (key !== undefined) headers["Idempotency-Key"] = key;
    if (body !== undefined) headers["Content-Type"] = "application/json";
    return send(this.#base + path, { method, headers, body: body && JSON.stringify(body), cache: "no-cache" });
  }
}

/** JSON in, JSON out; everything but a 2xx is `Refused` (status 599: no answer at all). */
export async function send(url, request) {
  let response;
  try {
    response = await fetch(url, { ...request, signal: AbortSignal.timeout(TIMEOUT_MS) });
  } catch {
    throw new Refused(599, { detail: "The service cannot be reached." });
  }
  const text = await response.text();
  let answer = null;
  try {
    answer = text === "" ? null : JSON.parse(text);
  } catch {
    // Not from the service: the status says enough.
  }
  if (!response.ok) throw new Refused(response.status, answer);
  return answer;
}

function takeHandoff() {
  const here = new URL(location.href);
  const token = here.searchParams.get(HANDOFF);
  if (token === null) return null;
  here.searchParams.delete(HANDOFF);
  history.replaceState(null, "", here);
  return token;
}

function randomKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
