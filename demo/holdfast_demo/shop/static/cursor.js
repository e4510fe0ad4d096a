// The map for keyboard and screen reader.
//
// The canvas is one picture to a screen reader, so there are two real buttons that take turns at the
// place of the current seat. Each step moves the focus from one to the other, which is what makes a
// reader speak the new seat; arrows go where the eye would go.

/** Seats are brought to at least this radius before somebody steps from one to the next. */
export const COMFORT_PIXELS = 11;
const ZOOM_STEP = 1.5;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class SeatCursor {
  #buttons;

  constructor(map, buttons) {
    this.map = map;
    this.plan = map.plan;
    this.current = -1;
    this.#buttons = buttons;
    for (const button of buttons) {
      button.addEventListener("keydown", (event) => this.#key(event));
      button.addEventListener("click", () => this.#toggle());
      button.addEventListener("focus", () => this.#focused());
    }
  }

  /** Puts the button where its seat is now; called with every picture of the map. */
  place() {
    const [button, other] = this.#buttons;
    other.classList.remove("on");
    if (this.current < 0) return;
    const side = Math.max(12, this.map.seatPixels * 2.6);
    const [x, y] = this.map.screen(this.current);
    button.classList.add("on");
    button.style.width = `${side}px`;
    button.style.height = `${side}px`;
    button.style.transform = `translate(${x - side / 2}px, ${y - side / 2}px)`;
    this.#label();
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { map, plan } = this;
    const arrow = ARROWS[event.key];
    const row = plan.rows[plan.row[this.current]];
    if (arrow) this.#go(plan.towards(this.current, ...arrow));
    else if (event.key === "Home") this.#go(row.start);
    else if (event.key === "End") this.#go(row.end - 1);
    else if (event.key === "PageDown") this.#goZone(1);
    else if (event.key === "PageUp") this.#goZone(-1);
    else if (event.key === "+" || event.key === "=") map.zoom(ZOOM_STEP);
    else if (event.key === "-") map.zoom(1 / ZOOM_STEP);
    else if (event.key === "0") map.fit();
    else return;
    event.preventDefault();
  }

  #goZone(step) {
    const { zones, zone } = this.plan;
    this.#go(zones[(zone[this.current] + step + zones.length) % zones.length].start);
  }

  #go(seat) {
    if (seat === this.current) return;
    this.current = seat;
    this.#buttons.reverse();
    const [next, last] = this.#buttons;
    this.#label();
    next.tabIndex = 0;
    next.focus({ preventScroll: true });
    last.tabIndex = -1;
  }

  /** The first time the keyboard comes to the map it starts at the first free seat. */
  #focused() {
    if (this.current < 0) this.current = this.map.firstFree();
    this.map.reveal(this.current);
    this.#label();
  }

  #toggle() {
    this.map.toggled(this.current);
    this.#label();
  }

  #label() {
    const [button] = this.#buttons;
    button.setAttribute("aria-label", this.map.describe(this.current));
    button.setAttribute("aria-pressed", String(this.map.selected.has(this.current)));
    button.setAttribute("aria-disabled", String(!this.map.isFree(this.current)));
  }
}
