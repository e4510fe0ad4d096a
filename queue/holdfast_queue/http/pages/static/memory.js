// What this browser remembers of a place between visits: which number, and how far it had come.
//
// It only serves to show a returning visitor the same line at once; the place itself is the ticket
// in the cookie. Where storage is switched off or full nothing is remembered, and nothing fails.

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
      // Storage is switched off or full: the next visit begins without it.
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
