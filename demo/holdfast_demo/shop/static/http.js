// Requests that end, and failures that say what is wrong.
//
// A request is given up when nothing arrives for a while, not when it takes long: sixty thousand
// seats on a slow line take half a minute, all of it progress. What may pass (no answer, an answer cut
// off, a service that is busy) is tried again by `persist`, later each time.

const STALL_MS = 15_000;
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 30_000;
const NO_ANSWER = 599;
const PASSING = new Set([408, 425, 429]);

export class Refused extends Error {
  constructor(status, problem, retryAfter = null) {
    super(problem?.detail ?? problem?.title ?? `The answer was ${status}.`);
    this.status = status;
    this.problem = problem ?? {};
    this.code = problem?.code ?? "unreachable";
    this.retryAfter = retryAfter;
  }

  /** Whether the same request may get another answer by itself. */
  get passes() {
    return this.status >= 500 || PASSING.has(this.status);
  }
}

/** JSON in, JSON out; everything but a 2xx is `Refused`. `arrived` is told the bytes so far. */
export async function send(url, request, arrived = () => {}) {
  const patience = new Patience();
  try {
    const response = await fetch(url, { ...request, signal: patience.signal });
    const answer = parse(await textOf(response, patience, arrived));
    if (!response.ok) throw new Refused(response.status, answer, retryAfterOf(response));
    if (answer === undefined) throw new Refused(NO_ANSWER, { detail: "The answer was cut off." });
    return answer;
  } catch (failure) {
    throw failure instanceof Refused ? failure : new Refused(NO_ANSWER, { detail: patience.reason });
  } finally {
    patience.end();
  }
}

/** Does `task` until it succeeds, is refused for good, or `rest(refusal, ms)` answers false. */
export async function persist(task, rest) {
  for (let wait = FIRST_WAIT_MS; ; wait = Math.min(2 * wait, LONGEST_WAIT_MS)) {
    try {
      return await task();
    } catch (refusal) {
      if (!refusal.passes) throw refusal;
      const asked = (refusal.retryAfter ?? 0) * 1_000;
      const spread = wait * (0.75 + 0.5 * Math.random());
      if (!(await rest(refusal, Math.max(asked, spread)))) throw refusal;
    }
  }
}

export function pause(milliseconds) {
  return new Promise((resolve) => { setTimeout(resolve, milliseconds); });
}

/** Gives up a request for which nothing has arrived for `STALL_MS`. */
class Patience {
  #controller = new AbortController();
  #timer = null;
  #stalled = false;

  constructor() {
    this.renew();
  }

  get signal() {
    return this.#controller.signal;
  }

  get reason() {
    if (navigator.onLine === false) return "This device is offline.";
    if (this.#stalled) return `Nothing has arrived for ${STALL_MS / 1_000} seconds.`;
    return "The service cannot be reached.";
  }

  renew() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#stalled = true;
      this.#controller.abort();
    }, STALL_MS);
  }

  end() {
    clearTimeout(this.#timer);
  }
}

async function textOf(response, patience, arrived) {
  if (response.body === null) return "";
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    patience.renew();
    bytes += value.length;
    arrived(bytes);
    text += decoder.decode(value, { stream: true });
  }
}

/** null for an empty body, undefined for one that is not JSON. */
function parse(text) {
  if (text === "") return null;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function retryAfterOf(response) {
  const seconds = Number.parseInt(response.headers.get("Retry-After") ?? "", 10);
  return Number.isNaN(seconds) ? null : seconds;
}
