// What stands on the page until the seats do: how far the plan is, or what is wrong with it and when
// it is tried again. There is always a way on: at once, or without the map.

const by = (id) => document.getElementById(id);
const SHOWN_EVERY_MS = 250;
const MEGABYTE = 1_000_000;

export class Loading {
  #shown = 0;

  /** `whole` is the bytes of the plan, as far as the shop's server knows. */
  constructor(whole) {
    this.whole = whole;
  }

  /** For `send`: tells how far it is, not more often than can be read. */
  arrived(bytes) {
    const now = performance.now();
    if (now - this.#shown < SHOWN_EVERY_MS) return;
    this.#shown = now;
    by("loading-trouble").textContent = "";
    const bar = by("loading-bar");
    bar.max = Math.max(this.whole, bytes);
    bar.value = bytes;
    by("loading-said").textContent = progressOf(bytes, bar.max);
  }

  /** For `persist`: says what is wrong, and rests until it is time or the buyer is impatient. */
  rest(refusal, milliseconds) {
    by("loading-bar").removeAttribute("value");
    by("loading-trouble").textContent = `The seats did not load. ${refusal.message} You keep your place in the shop meanwhile.`;
    const until = performance.now() + milliseconds;
    const again = by("loading-again");
    again.hidden = false;
    return new Promise((resolve) => {
      const end = () => {
        clearInterval(ticks);
        again.onclick = null;
        again.hidden = true;
        by("loading-said").textContent = "Trying again…";
        resolve(true);
      };
      const tick = () => {
        const seconds = Math.ceil((until - performance.now()) / 1_000);
        if (seconds <= 0) end();
        else by("loading-said").textContent = `Trying again in ${seconds} s.`;
      };
      const ticks = setInterval(tick, SHOWN_EVERY_MS);
      again.onclick = end;
      tick();
    });
  }

  /** When trying again is of no use. */
  gaveUp(refusal) {
    by("loading-headline").textContent = "The seats cannot be shown";
    by("loading-trouble").textContent = refusal.message;
    by("loading-bar").hidden = true;
    by("loading-said").textContent = "";
  }

  done() {
    by("loading").hidden = true;
  }
}

/** `12 of 168 kB`, `1.2 of 8.4 MB`. */
function progressOf(bytes, whole) {
  const [size, digits, unit] = whole < MEGABYTE ? [1_000, 0, "kB"] : [MEGABYTE, 1, "MB"];
  return `${(bytes / size).toFixed(digits)} of ${(whole / size).toFixed(digits)} ${unit}`;
}
