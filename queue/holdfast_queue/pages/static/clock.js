// The service's clock, as near as a browser can know it.
//
// A cached document carries an old `now`, a fresh one a newer: the largest difference seen is the
// best one, so the estimate only improves. The local wall clock is never trusted on its own.

export class ServerClock {
  #offset = null;

  learn(now, receivedAt = Date.now()) {
    const offset = Date.parse(now) - receivedAt;
    if (Number.isNaN(offset)) return;
    this.#offset = this.#offset === null ? offset : Math.max(this.#offset, offset);
  }

  now() {
    return Date.now() + (this.#offset ?? 0);
  }

  secondsUntil(instant) {
    return Math.max(0, Math.ceil((Date.parse(instant) - this.now()) / 1000));
  }
}

/** 93784 -> {days: 1, clock: "02:03"}, 3754 -> {days: 0, clock: "1:02:34"}: days leave no room for seconds. */
export function countdown(seconds) {
  const two = (value) => String(value).padStart(2, "0");
  const days = Math.floor(seconds / 86400);
  const hours = Math.floor((seconds % 86400) / 3600);
  const minutes = two(Math.floor((seconds % 3600) / 60));
  if (days > 0) return { days, clock: `${two(hours)}:${minutes}` };
  const clock = `${minutes}:${two(seconds % 60)}`;
  return { days, clock: hours > 0 ? `${hours}:${clock}` : clock };
}
