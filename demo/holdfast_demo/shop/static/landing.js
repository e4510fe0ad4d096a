// The landing page's two live facts. They are a courtesy: the server has written them already. When
// the sale comes into another state more than the facts changes, so the page is asked for anew.

const page = JSON.parse(document.getElementById("page-data").textContent);
const REFRESH_MS = 5_000;
const numbers = new Intl.NumberFormat("en");
let state = null;

async function refresh() {
  const response = await fetch(`${page.service}/v1/sales/${page.sale}/status`);
  if (!response.ok) return;
  const status = await response.json();
  state ??= status.state;
  if (status.state !== state) location.reload();
  const waiting = Math.max(0, status.issued - status.serving);
  tell("fact-stock", `${numbers.format(status.sellable)} ${status.sellable === 1 ? "place" : "places"} free`);
  tell("fact-line", waiting === 0
    ? "nobody in line"
    : `${numbers.format(waiting)} ${waiting === 1 ? "person" : "people"} in line`);
}

/** A fact that the server did not write is none in this state of the sale. */
function tell(id, fact) {
  const place = document.getElementById(id);
  if (place !== null && place.textContent !== "") place.textContent = fact;
}

refresh().catch(() => {});
setInterval(() => { if (!document.hidden) refresh().catch(() => {}); }, REFRESH_MS);
