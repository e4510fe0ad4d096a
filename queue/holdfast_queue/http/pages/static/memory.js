// Stores the number and the progress of a place between visits, in this browser.
//
// It shows a returning visitor the same line at once; the place itself is the ticket in the cookie.
// Where storage is switched off or full nothing is stored, and nothing fails.

export class Memory {
  #key;

  constructor(sale) {
    this.#key = `holdfast:${sale}`;
  }

  read() {
    try {
      return JSON.parse(localStorage.getItem(this.#key));
    } catch {
      return null;
    }
  }

  write(place) {
    try {
      localStorage.setItem(this.#key, JSON.stringify(place));
    } catch {
      // Storage is switched off or full: the next visit starts without it.
    }
  }

  clear() {
    try {
      localStorage.removeItem(this.#key);
    } catch {
      // As above.
    }
  }
}
