// Keeps the map live: the whole map once, then only what changed since, told by a stream of events.
// Where there is no stream (an old proxy, too many of them) it asks every now and then, less often
// while the tab is hidden. A cursor that is no longer kept means reading the whole map again. While
// neither gets through, the buyer is told that the map may be out of date, and it asks less and less.

const VISIBLE_MS = 1_500;
const HIDDEN_MS = 15_000;
const FIRST_FAULT_MS = 2_000;
const LONGEST_FAULT_MS = 30_000;
const STREAM_AGAIN_MS = 30_000;
/** A stream over a dead line stays open: after so long without a word it is asked for one. */
const SILENCE_MS = 45_000;
const FORGOTTEN = new Set(["cursor_expired", "invalid_request"]);

export class Live {
  #cursor = null;
  #stream = null;
  #streamAgain = 0;
  #faults = 0;
  #heard = 0;

  /** `apply` is {all(document), change(change), settled(), lost(refusal or null)}. */
  constructor(service, apply) {
    this.service = service;
    this.apply = apply;
  }

  /** `seats` is the whole map. */
  start(seats) {
    this.#replace(seats);
    this.#listen();
    this.#later();
  }

  /** Right after the buyer's own action. */
  async now() {
    try {
      await this.#changes();
    } catch (refusal) {
      this.#lost(refusal);
    }
  }

  #later(milliseconds = document.hidden ? HIDDEN_MS : VISIBLE_MS) {
    setTimeout(() => this.#round(), milliseconds);
  }

  /** While the stream is open nothing is asked; the browser resumes a stream that was cut off. */
  #listen() {
    this.#stream = this.service.stream(this.#cursor);
    this.#stream.onmessage = ({ data }) => {
      this.#take(JSON.parse(data));
      this.apply.settled();
      this.#found();
    };
    this.#stream.addEventListener("open", () => this.#found());
    this.#stream.addEventListener("end", () => this.#stream.close());
  }

  async #round() {
    try {
      if (this.#stream.readyState === EventSource.CLOSED) this.#retryStream();
      if (!this.#isTold()) await this.#changes();
      this.#later();
    } catch (refusal) {
      this.#lost(refusal);
      this.#later(Math.min(FIRST_FAULT_MS * 2 ** (this.#faults - 1), LONGEST_FAULT_MS));
    }
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

  /** Polls meanwhile, so there is no hurry. */
  #retryStream() {
    const now = performance.now();
    if (now < this.#streamAgain) return;
    this.#streamAgain = now + STREAM_AGAIN_MS;
    this.#listen();
  }

  /** Stream and question may both tell of a change; an older one must not undo a newer. */
  #take(page) {
    const after = numbers(this.#cursor);
    for (const change of page.changes) {
      if (isLater(numbers(change.version), after)) this.apply.change(change);
    }
    if (isLater(numbers(page.version), after)) this.#cursor = page.version;
  }

  async #everything() {
    this.#replace(await this.service.seats());
  }

  #replace(seats) {
    this.#cursor = seats.version;
    this.apply.all(seats);
    this.#found();
  }

  async #changes() {
    try {
      for (let more = true; more;) {
        const page = await this.service.changes(this.#cursor);
        this.#take(page);
        more = page.more;
      }
      this.apply.settled();
      this.#found();
    } catch (refusal) {
      if (!FORGOTTEN.has(refusal.code)) throw refusal;
      await this.#everything();
    }
  }
}

function numbers(cursor) {
  return cursor.split("-").map(Number);
}

function isLater([epoch, seq], [otherEpoch, otherSeq]) {
  return epoch > otherEpoch || (epoch === otherEpoch && seq > otherSeq);
}
