// The banner for a service that does not respond: the problem, the time of the next attempt, and that
// the place is kept, if there is one and the browser keeps its cookie.

export class Trouble {
  #view;

  constructor(view) {
    this.#view = view;
  }

  /** `trouble` is {kind, seconds, byHand} of the poller, or null; `kept` when there is a place that stays. */
  show(trouble, kept) {
    if (trouble === null) return this.#clear();
    const { kind, seconds, byHand } = trouble;
    const banner = document.getElementById("banner");
    const appears = banner.hidden;
    document.documentElement.dataset.trouble = kind;
    const headline = this.#view.text(`${kind}_headline`);
    const place = kept ? this.#view.text("retry_kept") : "";
    const again = seconds > 0 ? this.#view.text("retry_in", { seconds }) : this.#view.text("retry_now");
    this.#write("banner-headline", headline);
    this.#write("banner-lead", `${place} ${again}`.trim());
    document.getElementById("banner-action").hidden = !byHand;
    banner.hidden = false;
    if (appears) this.#view.say(`${headline}. ${place}`);
  }

  #clear() {
    const banner = document.getElementById("banner");
    if (banner.hidden) return;
    const focused = banner.contains(document.activeElement);
    banner.hidden = true;
    delete document.documentElement.dataset.trouble;
    this.#view.say(this.#view.text("reached"));
    if (focused) this.#view.focusHeadline();
  }

  #write(id, value) {
    const element = document.getElementById(id);
    if (element.textContent !== value) element.textContent = value;
  }
}
