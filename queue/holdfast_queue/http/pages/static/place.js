// A visitor's place, computed in the browser from the shared status document.
//
// It makes no request: a number, the last called number and the gaps in the numbering give the people
// ahead. Two rules: a document that is older than one already seen is dropped, and a shown position
// never rises.

/** How much later, by the service's clock, a lower revision must be to count as a rebuilt history. */
const REBUILT_AFTER_MS = 30_000;

/** Numbers in `gaps` ([first, last] ranges that were never given out) strictly between two bounds. */
export function skippedBetween(gaps, after, before) {
  let skipped = 0;
  for (const [first, last] of gaps ?? []) {
    const from = Math.max(first, after + 1);
    const to = Math.min(last, before - 1);
    if (to >= from) skipped += to - from + 1;
  }
  return skipped;
}

/** People who are called before `number` is. */
export function peopleAhead(number, status) {
  if (number <= status.serving) return 0;
  return number - status.serving - 1 - skippedBetween(status.gaps, status.serving, number);
}

export function isCalled(number, status) {
  return number !== null && number <= status.serving;
}

/** True when `next` may replace `known`: newer, or the same, or the start of a rebuilt history. */
export function supersedes(next, known) {
  if (known === null || next.revision >= known.revision) return true;
  return Date.parse(next.now) - Date.parse(known.now) > REBUILT_AFTER_MS;
}

/** The progress of one ticket through the line, which never goes back. */
export class Place {
  constructor({ number = null, joinedBehind = null, shown = null } = {}) {
    this.number = number;
    this.joinedBehind = joinedBehind;
    this.shown = shown;
  }

  /** Reads a status document and returns the people ahead to show, or null without a number. */
  follow(status) {
    if (this.number === null) return null;
    const ahead = peopleAhead(this.number, status);
    this.shown = this.shown === null ? ahead : Math.min(this.shown, ahead);
    this.joinedBehind = Math.max(this.joinedBehind ?? 0, this.shown);
    return this.shown;
  }

  /** The share of the line that is done, 0 to 1. */
  get progress() {
    if (this.shown === null) return 0;
    if (!this.joinedBehind) return 1;
    return 1 - this.shown / this.joinedBehind;
  }

  remember() {
    return { number: this.number, joinedBehind: this.joinedBehind, shown: this.shown };
  }
}

/** Up to so many people ahead, the end of a pause is shown at once. */
const NEAR_THE_FRONT = 100;
const NEAR_SECONDS = 5;

/**
 * Seconds until the next poll. The service sets the interval: `own` is the interval it gave this visitor
 * with `aheadThen` people ahead, `floor` the shared one; moving up shortens the former in
 * proportion, and it is never exceeded, since it is what keeps a call from being missed. A hidden tab
 * asks about once a minute (`hiddenSeconds` at most), and more often as its turn (`wait` seconds, null
 * when unknown) comes near.
 */
export function pollDelay({ floor, own, ahead, aheadThen, wait, hidden, hiddenSeconds, random }) {
  let seconds = own ?? 2 * floor;
  if (ahead !== null && aheadThen > 0) seconds *= Math.min(1, ahead / aheadThen);
  if (ahead !== null && ahead <= NEAR_THE_FRONT) seconds = Math.min(seconds, NEAR_SECONDS);
  seconds = Math.max(floor, seconds);
  if (hidden && wait !== null) seconds = Math.max(seconds, Math.min(hiddenSeconds, wait / 3));
  return seconds * (0.8 + 0.2 * random);
}

/** Seconds before attempt `failures` (1, 2, ...) is repeated; the service's own delay goes first. */
export function retryDelay(failures, retryAfter, random) {
  const backoff = Math.min(30, 2 ** Math.min(failures, 5));
  return Math.max(retryAfter ?? 0, 1) + backoff * random;
}
