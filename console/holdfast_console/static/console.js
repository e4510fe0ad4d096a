// Keeps a page of the console current, and shows what a form would do while it is filled in.
//
// The page itself is made on the server and works without this script. Elements with `data-live` and an
// id are replaced by those of the same page, loaded again every `data-refresh` milliseconds; forms with
// `data-preview` load the page as if they had been sent. Documents are parsed by XMLHttpRequest: no text
// becomes markup here, as the page's policy demands.

const REFRESH_HEADER = "Console-Refresh";
const TIMEOUT_MS = 10_000;
const TYPING_MS = 300;

/** Loads a page of the console as a document; rejects when it is none. */
function load(url) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("GET", url);
    request.responseType = "document";
    request.timeout = TIMEOUT_MS;
    request.setRequestHeader(REFRESH_HEADER, "1");
    request.onload = () => (request.response && request.status < 500 ? resolve(request.response) : reject(request.status));
    request.onerror = request.ontimeout = () => reject(0);
    request.send();
  });
}

/** Puts the live elements of `page` in place of those shown, where they differ. */
function adopt(page) {
  for (const shown of document.querySelectorAll("[data-live]")) {
    const fresh = page.getElementById(shown.id);
    if (fresh === null || fresh.isEqualNode(shown) || shown.contains(document.activeElement)) continue;
    shown.replaceWith(document.importNode(fresh, true));
  }
}

class Refresher {
  constructor(milliseconds) {
    this.milliseconds = milliseconds;
    this.asked = 0;
    this.busy = false;
    this.url = location.href;
  }

  start() {
    setInterval(() => this.#refresh(), this.milliseconds);
    document.addEventListener("visibilitychange", () => this.#refresh());
  }

  /** Shows the page at `url` from now on, in its live elements. */
  async preview(url) {
    this.url = url;
    const asked = ++this.asked;
    const page = await load(url).catch(() => null);
    if (page !== null && asked === this.asked) adopt(page);
  }

  async #refresh() {
    if (document.hidden || this.busy) return;
    this.busy = true;
    const asked = this.asked;
    try {
      const page = await load(this.url);
      // Signed out meanwhile, or the page is not there any more: what the service says is shown.
      if (!page.body.hasAttribute("data-refresh")) return location.reload();
      if (asked === this.asked) adopt(page);
      document.getElementById("stale").hidden = true;
    } catch {
      document.getElementById("stale").hidden = false;
    } finally {
      this.busy = false;
    }
  }
}

const milliseconds = Number(document.body.dataset.refresh ?? 0);
const refresher = new Refresher(milliseconds);
if (milliseconds > 0) refresher.start();

for (const form of document.querySelectorAll("form[data-preview]")) {
  let timer = 0;
  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      const fields = new URLSearchParams(new FormData(form));
      fields.delete("csrf");
      fields.delete("do");
      refresher.preview(`${location.pathname}?${fields}`);
    }, TYPING_MS);
  });
}
