// Keeps the map live: the whole map once, then only what changed since, a few times a minute slower
// while the tab is hidden. A cursor that is no longer kept means reading the whole map again.

const VISIBLE_MS = 1_500;
const HIDDEN_MS = 15_000;
const FAULT_MS = 4_000;

export class Live {
  #cursor = null;

  /** `apply` is {all(document), change(change), settled()}. */
  constructor(service, apply) {
    this.service = service;
    this.apply = apply;
  }

  async start() {
    await this.#everything();
    this.#later();
  }

  /** Right after the buyer's own action. */
  async now() {
    await this.#changes();
  }

  #later(milliseconds = document.hidden ? HIDDEN_MS : VISIBLE_MS) {
    setTimeout(() => this.#round(), milliseconds);
  }

  async #round() {
    try {
      await this.#changes();
      this.#later();
    } catch {
      this.#later(FAULT_MS);
    }
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
        page.changes.forEach((change) => this.apply.change(change));
        this.#cursor = page.version;
        more = page.more;
      }
      this.apply.settled();
    } catch (refusal) {
      if (refusal.status >= 500) throw refusal;
      await this.#everything();
    }
  }
}
