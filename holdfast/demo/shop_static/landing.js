// The landing page's two live facts. They are a courtesy: without them the page is whole, and their
// place is kept, so that nothing jumps away from under a finger.

const page = JSON.parse(document.getElementById("page-data").textContent);
const numbers = new Intl.NumberFormat("en");

async function refresh() {
  const response = await fetch(`${page.service}/v1/sales/${page.sale}/status`);
  if (!response.ok) return;
  const status = await response.json();
  const waiting = Math.max(0, status.issued - status.serving);
  document.getElementById("fact-stock").textContent = status.state === "sold_out"
    ? "Sold out"
    : `${numbers.format(status.sellable)} places free`;
  document.getElementById("fact-line").textContent = waiting === 0
    ? "nobody in line"
    : `${numbers.format(waiting)} ${waiting === 1 ? "person" : "people"} in line`;
}

refresh().catch(() => {});
setInterval(() => { if (!document.hidden) refresh().catch(() => {}); }, 5_000);
