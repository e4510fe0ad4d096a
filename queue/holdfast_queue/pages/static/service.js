// The five calls the page makes, each answered as {status, body, retryAfter}.
//
// A network failure, a timeout and a 5xx are the same thing to a waiting person: `Unreachable`.
// The place lives in an HttpOnly cookie that scripts cannot read. Where a browser keeps no cookies the
// service answers 401 to somebody who has just joined; the ticket, kept in memory, then goes in its
// header instead.

const TIMEOUT_MS = 10_000;

export class Unreachable extends Error {
  constructor(retryAfter = null) {
    super("the service did not answer");
    this.retryAfter = retryAfter;
  }
}

export class Service {
  #base;
  #ticket = null;
  #withoutCookie = false;

  constructor(sale) {
    this.#base = `/v1/sales/${encodeURIComponent(sale)}`;
  }

  status() {
    return this.#call("GET", "/status", undefined, "no-cache");
  }

  ticket() {
    return this.#asHolder("GET", "/ticket");
  }

  async join(returnUrl, nonce, identity) {
    const answer = await this.#call("POST", "/tickets", { nonce, identity, return_url: returnUrl });
    this.#ticket = answer.body?.ticket ?? null;
    return answer;
  }

  claim(returnUrl) {
    return this.#asHolder("POST", "/pass", { return_url: returnUrl });
  }

  async #asHolder(method, path, body) {
    const answer = await this.#call(method, path, body);
    if (answer.status !== 401 || this.#ticket === null || this.#withoutCookie) return answer;
    this.#withoutCookie = true;
    return this.#call(method, path, body);
  }

  async #call(method, path, body, cache = "no-store") {
    const headers = { Accept: "application/json" };
    if (this.#withoutCookie) headers["Holdfast-Ticket"] = this.#ticket;
    if (body !== undefined) headers["Content-Type"] = "application/json";
    const request = { method, headers, cache, body: body && JSON.stringify(body) };
    const response = await this.#send(this.#base + path, request);
    const retryAfter = Number.parseFloat(response.headers.get("Retry-After") ?? "") || null;
    if (response.status >= 500 || response.status === 429) throw new Unreachable(retryAfter);
    return { status: response.status, body: await parsed(response), retryAfter };
  }

  async #send(url, request) {
    try {
      const signal = AbortSignal.timeout(TIMEOUT_MS);
      return await fetch(url, { ...request, signal, credentials: "same-origin" });
    } catch {
      throw new Unreachable();
    }
  }
}

async function parsed(response) {
  if (response.status === 204) return null;
  try {
    return await response.json();
  } catch {
    throw new Unreachable();
  }
}
