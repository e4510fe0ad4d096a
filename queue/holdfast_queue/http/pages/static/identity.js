// The identity that the shop has signed for the visitor: removed from the address, and sent with the join.
//
// An address is kept in histories and shared, so the identity leaves it before anything else is asked
// for. Until it has been used this tab's own storage keeps it, so that a reload or the other language
// does not lose it. Only the service verifies it.

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

  /** After a join: removes it from the tab's storage; the page has it while it is open. */
  used() {
    this.#remove();
  }

  /** Removes it after the service has refused it. */
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
