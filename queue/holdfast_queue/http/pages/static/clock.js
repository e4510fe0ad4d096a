// The clock of the page, which does not use the device's: that may be hours off.
//
// Durations are measured by a monotonic clock (`elapsed`); instants are the service's. A document from
// a cache has an old `now`, so the largest difference between both clocks is the best estimate.

/** Milliseconds since the page was opened. */
export function elapsed() {
  return performance.now();
}

export class ServerClock {
  #offset = null;

  learn(now, receivedAt = elapsed()) {
    const offset = Date.parse(now) - receivedAt;
    if (Number.isNaN(offset)) return;
    this.#offset = this.#offset === null ? offset : Math.max(this.#offset, offset);
  }

  /** Seconds until `instant`, or null before the service has told the time. */
  secondsUntil(instant) {
    if (this.#offset === null) return null;
    const now = elapsed() + this.#offset;
    return Math.max(0, Math.ceil((Date.parse(instant) - now) / 1000));
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
