// Keeps the map live: the whole map once, then only what changed since, told by a stream. While the
// tab is hidden nothing is told. Where there is no stream (an old proxy, too many of them) it asks
// every now and then. A cursor that is no longer kept, or more changes than fit into an answer, mean
// reading the whole map again. While nothing gets through, the buyer is told that the map may be
// out of date, and it asks less and less.

const ASK_MS = 1_500;
const FIRST_FAULT_MS = 2_000;
const LONGEST_FAULT_MS = 30_000;
const STREAM_AGAIN_MS = 30_000;
/** A stream over a dead line stays open: after so long without a word it is asked for one. */
const SILENCE_MS = 45_000;
const FORGOTTEN = new Set(["cursor_expired", "invalid_request"]);
/** Seconds between two messages at least, and how many a device may be made to wait that is slow. */
const EVERY = 0.25;
const SLOWEST_EVERY = 4;
/** A device that takes more than this share of its time to show changes is told less often. */
const BUSY_SHARE = 0.5;

export class Live {
  #cursor = null;
  #tag = "";
  #every = EVERY;
  #stream = null;
  #streamAgain = 0;
  #faults = 0;
  #heard = 0;

  /** `apply` is {all(map), net(changes), change(change), settled(), lost(refusal or null)}. */
  constructor(service, apply) {
    this.service = service;
    this.apply = apply;
  }

  /** `seats` is the whole map. */
  start(seats) {
    this.#replace(seats);
    this.#listen();
    this.#later(ASK_MS);
    document.addEventListener("visibilitychange", () => this.#seen());
  }

  /** Right after the buyer's own action. */
  async now() {
    try {
      await this.#changes();
    } catch (refusal) {
      this.#lost(refusal);
    }
  }

  #later(milliseconds) {
    setTimeout(() => this.#round(), milliseconds);
  }

  /** While the stream is open nothing is asked; the browser resumes a stream that was cut off. */
  #listen() {
    this.#stream?.close();
    if (document.hidden) return;
    const stream = this.service.stream(this.#tag, this.#every);
    stream.addEventListener("map", (message) => this.#told(message, this.apply.all));
    stream.addEventListener("message", (message) => {
      const began = performance.now();
      this.#told(message, this.apply.net);
      requestAnimationFrame(() => setTimeout(() => this.#shown(performance.now() - began)));
    });
    stream.addEventListener("open", () => this.#found());
    stream.addEventListener("end", () => stream.close());
    this.#stream = stream;
  }

  /** The buyer's own action may have asked meanwhile: a map from before it is asked for again. */
  #told({ data, lastEventId }, apply) {
    const told = JSON.parse(data);
    this.#found();
    if (isLater(numbers(this.#cursor), numbers(told.version))) {
      this.#stream.close();
      this.#tag = "";
      setTimeout(() => this.#listen(), ASK_MS);
      return;
    }
    this.#tag = lastEventId;
    this.#cursor = told.version;
    apply(told);
    this.apply.settled();
  }

  /** What was told took so long to be shown. */
  #shown(milliseconds) {
    if (milliseconds < this.#every * 1_000 * BUSY_SHARE || this.#every >= SLOWEST_EVERY) return;
    this.#every *= 2;
    this.#listen();
  }

  /** What happens while nobody looks is told when somebody does. */
  #seen() {
    if (document.hidden) this.#stream?.close();
    else this.#listen();
  }

  async #round() {
    try {
      if (!document.hidden) await this.#ask();
      this.#later(ASK_MS);
    } catch (refusal) {
      this.#lost(refusal);
      this.#later(Math.min(FIRST_FAULT_MS * 2 ** (this.#faults - 1), LONGEST_FAULT_MS));
    }
  }

  async #ask() {
    if (this.#stream.readyState === EventSource.CLOSED) this.#retryStream();
    if (!this.#isTold()) await this.#changes();
  }

  #isTold() {
    return this.#stream.readyState === EventSource.OPEN && performance.now() - this.#heard < SILENCE_MS;
  }

  #lost(refusal) {
    this.#faults += 1;
    this.apply.lost(refusal);
  }

  #found() {
    this.#heard = performance.now();
    if (this.#faults > 0) this.apply.lost(null);
    this.#faults = 0;
  }

  /** Asks meanwhile, so there is no hurry. */
  #retryStream() {
    const now = performance.now();
    if (now < this.#streamAgain) return;
    this.#streamAgain = now + STREAM_AGAIN_MS;
    this.#listen();
  }

  /**
   * Stream and question may both tell of a change; an older one must not undo a newer. Net changes
   * lead from one map that a stream has told to the next: what comes back to a state between these
   * is not among them. So once single changes were added, a stream begins with the whole map.
   */
  #take(page) {
    const after = numbers(this.#cursor);
    const later = page.changes.filter((change) => isLater(numbers(change.version), after));
    for (const change of later) this.apply.change(change);
    if (isLater(numbers(page.version), after)) this.#cursor = page.version;
    if (later.length === 0) return;
    const told = this.#isTold();
    this.#tag = "";
    if (told) this.#listen();
    else this.#stream.close();
  }

  #replace(seats) {
    this.#cursor = seats.version;
    this.#tag = seats.etag;
    this.apply.all(seats);
    this.#found();
  }

  async #changes() {
    const page = await this.service.changes(this.#cursor).catch((refusal) => {
      if (!FORGOTTEN.has(refusal.code)) throw refusal;
      return null;
    });
    if (page === null || page.more) {
      this.#replace(await this.service.seats());
      return this.#listen(); // on from this map, which a cache may have had
    }
    this.#take(page);
    this.apply.settled();
    this.#found();
  }
}

function numbers(cursor) {
  return cursor.split("-").map(Number);
}

function isLater([epoch, seq], [otherEpoch, otherSeq]) {
  return epoch > otherEpoch || (epoch === otherEpoch && seq > otherSeq);
}
