// The requests of the page, each of which returns {status, body, retryAfter}.
//
// After a network failure, a timeout, a 5xx and a 429 alike the page tries again later. The visitor is
// told which it is, so `Unreachable` says whether the service responded at all (`busy`).
// The place is in an HttpOnly cookie that scripts cannot read. Where a browser keeps no cookies the
// service responds 401 to a visitor who has just joined; the ticket, kept in memory, is then sent in
// its header instead.

const TIMEOUT_MS = 10_000;

export class Unreachable extends Error {
  constructor({ busy = false, retryAfter = null } = {}) {
    super("the service did not answer");
    this.busy = busy;
    this.retryAfter = retryAfter;
  }
}

export class Service {
  #base;
  #ticket = null;
  #withoutCookie = false;
  #fresh = true;

  constructor(sale) {
    this.#base = `/v1/sales/${encodeURIComponent(sale)}`;
  }

  /** False once the service has seen that the browser keeps no cookies. */
  get keepsPlace() {
    return !this.#withoutCookie;
  }

  /** The next status is read past the browser's cache: the time in a kept document is an old one. */
  refresh() {
    this.#fresh = true;
  }

  async status() {
    const answer = await this.#call("GET", "/status", undefined, this.#fresh ? "reload" : "no-cache");
    this.#fresh = false;
    return answer;
  }

  ticket() {
    return this.#withTicket("GET", "/ticket");
  }

  async join(returnUrl, nonce, identity) {
    const answer = await this.#call("POST", "/tickets", { nonce, identity, return_url: returnUrl });
    this.#ticket = answer.body?.ticket ?? null;
    return answer;
  }

  claim(returnUrl) {
    return this.#withTicket("POST", "/pass", { return_url: returnUrl });
  }

  async #withTicket(method, path, body) {
    const answer = await this.#call(method, path, body);
    if (answer.status !== 401 || this.#ticket === null || this.#withoutCookie) return answer;
    this.#withoutCookie = true;
    return this.#call(method, path, body);
  }

  async #call(method, path, body, cache = "no-store") {
    const headers = { Accept: "application/json" };
    if (this.#withoutCookie && this.#ticket !== null) headers["Holdfast-Ticket"] = this.#ticket;
    if (body !== undefined) headers["Content-Type"] = "application/json";
    const request = { method, headers, cache, body: body && JSON.stringify(body) };
    const { response, text } = await exchange(this.#base + path, request);
    const answer = { status: response.status, body: parsed(text), retryAfter: retryAfterOf(response) };
    if (isBusy(answer)) throw new Unreachable({ busy: true, retryAfter: answer.retryAfter });
    if (answer.body === undefined) throw new Unreachable();
    return answer;
  }
}

/** One request with its whole response, within the timeout. */
async function exchange(url, request) {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), TIMEOUT_MS);
  // Outside of the try: a browser that cannot do this is not a lost connection.
  const asked = fetch(url, { ...request, signal: abort.signal, credentials: "same-origin" });
  try {
    const response = await asked;
    return { response, text: await response.text() };
  } catch {
    throw new Unreachable();
  } finally {
    clearTimeout(timer);
  }
}

/** A limit on joining is no fault of the service: the page says what it is. */
function isBusy({ status, body }) {
  return status >= 500 || (status === 429 && body?.code !== "join_limited");
}

/** The response's JSON, null where there is none, undefined where it is something else. */
function parsed(text) {
  if (text === "") return null;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Seconds of `Retry-After`, which proxies also write as a date (RFC 9110, 10.2.3). */
export function retryAfterOf({ headers }) {
  const value = headers.get("Retry-After");
  if (value === null) return null;
  const seconds = /^\s*\d+\s*$/.test(value)
    ? Number(value)
    : (Date.parse(value) - Date.parse(headers.get("Date") ?? "")) / 1000;
  return seconds > 0 ? seconds : null;
}
