// What the shop says in passing, to eyes and to screen readers. A press puts it away.

const TOLD_MS = 6_000;
const toast = document.getElementById("toast");
let timer = null;

export function tell(sentence) {
  toast.textContent = sentence;
  toast.classList.add("on");
  clearTimeout(timer);
  timer = setTimeout(() => toast.classList.remove("on"), TOLD_MS);
}

/** A name within a sentence, whatever direction it is written in. */
export function isolated(name) {
  return `\u2068${name}\u2069`;
}

toast.addEventListener("click", () => toast.classList.remove("on"));
