// Keeps the map live: the whole map once, then only what changed since, told by a stream of events.
// Where there is no stream (an old proxy, too many of them) it asks every now and then, less often
// while the tab is hidden. A cursor that is no longer kept means reading the whole map again.

const VISIBLE_MS = 1_500;
const HIDDEN_MS = 15_000;
const FAULT_MS = 4_000;
const STREAM_AGAIN_MS = 30_000;

export class Live {
  #cursor = null;
  #stream = null;
  #streamAgain = 0;

  /** `apply` is {all(document), change(change), settled()}. */
  constructor(service, apply) {
    this.service = service;
    this.apply = apply;
  }

  async start() {
    await this.#everything();
    this.#listen();
    this.#later();
  }

  /** Right after the buyer's own action. */
  async now() {
    await this.#changes();
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
    };
    this.#stream.addEventListener("end", () => this.#stream.close());
  }

  async #round() {
    try {
      if (this.#stream.readyState === EventSource.CLOSED) this.#retryStream();
      if (this.#stream.readyState !== EventSource.OPEN) await this.#changes();
      this.#later();
    } catch {
      this.#later(FAULT_MS);
    }
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
    const seats = await this.service.seats();
    this.#cursor = seats.version;
    this.apply.all(seats);
  }

  async #changes() {
    try {
      for (let more = true; more;) {
        const page = await this.service.changes(this.#cursor);
        this.#take(page);
        more = page.more;
      }
      this.apply.settled();
    } catch (refusal) {
      if (refusal.status >= 500) throw refusal;
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
