// What the shop asks before it does something that cannot be undone.

const by = (id) => document.getElementById(id);

/** Calls `answered` with what the sandbox bank is to say, if the buyer goes through with it. */
export function askToPay(amount, answered) {
  const dialog = by("payment");
  by("payment-amount").textContent = amount;
  dialog.returnValue = "";
  dialog.onclose = () => {
    if (dialog.returnValue === "pay") answered(new FormData(dialog.querySelector("form")).get("outcome"));
  };
  dialog.showModal();
}

/** Leaving is a link to a page that asks; with scripts the same form stands in a dialog. */
export function askBeforeLeaving(units) {
  const asked = by("leaving-said").textContent;
  by("leave").addEventListener("click", (event) => {
    event.preventDefault();
    const count = units();
    const cart = `${count} ${count === 1 ? "place" : "places"} in your cart will be on sale again. `;
    by("leaving-said").textContent = (count > 0 ? cart : "") + asked;
    by("leaving").showModal();
  });
}
