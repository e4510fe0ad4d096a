// What the shop has signed about the visitor: taken out of the address at once, handed on once.
//
// An address is kept in histories and shared, so the identity leaves it before anything else is asked
// for. Until it has been used this tab's own storage keeps it, so that a reload or the other language
// does not lose it. The service alone judges it.

const PARAMETER = "identity";

export class Identity {
  #store;
  #token;

  constructor(sale) {
    this.#store = `holdfast:${PARAMETER}:${sale}`;
    this.#token = fromAddress() ?? this.#recall();
    this.#keep();
  }

  /** The signed text, or undefined, which a JSON body leaves out. */
  get token() {
    return this.#token;
  }

  /** It has given a place: the tab forgets it, the page has it while it is open. */
  used() {
    this.#remove();
  }

  /** The service refused it: it is worth nothing. */
  refused() {
    this.#token = undefined;
    this.#remove();
  }

  #recall() {
    try {
      return sessionStorage.getItem(this.#store) ?? undefined;
    } catch {
      return undefined;
    }
  }

  #keep() {
    if (this.#token === undefined) return;
    try {
      sessionStorage.setItem(this.#store, this.#token);
    } catch {
      // Storage is switched off: a reload has to come from the shop again.
    }
  }

  #remove() {
    try {
      sessionStorage.removeItem(this.#store);
    } catch {
      // As above.
    }
  }
}

function fromAddress() {
  const here = new URL(location.href);
  const token = here.searchParams.get(PARAMETER);
  if (token === null) return undefined;
  here.searchParams.delete(PARAMETER);
  history.replaceState(history.state, "", here);
  return token || undefined;
}
