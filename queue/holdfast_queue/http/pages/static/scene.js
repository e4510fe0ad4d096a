// Chooses the scene of the page: a pure function of what is known, in one order of precedence.

import { isCalled } from "./place.js";

/** Scenes that show the people ahead. */
export const IN_LINE = new Set(["waiting", "next", "paused", "held"]);

/** Scenes that only the visitor or the operator changes: polled slowly. */
export const AT_REST = new Set(["sold_out", "closed", "draining", "rejected", "identity", "expired", "ended", "admitted"]);

/** Scenes that do not change by themselves, or not soon: they have a link to the shop. */
export const WITH_WAY_BACK = new Set([
  "scheduled", "sold_out", "closed", "draining", "rejected", "identity", "limited", "expired", "ended",
]);

/** Scenes that show the stock: the visitor has a place, or will get one. */
export const WITH_STOCK = new Set(["scheduled", "lobby", "turn", "admitted", ...IN_LINE]);

/**
 * `known` is {status, number, joined, passed, admitted, refused, limited, unidentified, redirecting}: the
 * newest status document, the visitor's number or null, and the responses to this visitor;
 * `passed` is null, or "expired" (called, not claimed) or "ended" (was admitted).
 */
export function sceneOf(known) {
  const { status } = known;
  if (known.redirecting) return "turn";
  if (known.admitted) return "admitted";
  if (status === null) return "loading";
  if (status.state === "closed" || status.state === "sold_out") return status.state;
  if (known.passed !== null) return known.passed;
  if (!known.joined) return withoutPlace(status, known);
  if (known.number === null) return "lobby";
  return inLine(status, known.number);
}

function withoutPlace(status, { refused, limited, unidentified }) {
  if (status.state === "scheduled") return "scheduled";
  if (status.state === "draining") return "draining";
  if (unidentified) return "identity";
  if (limited) return "limited";
  return refused ? "rejected" : "loading";
}

function inLine(status, number) {
  if (status.state === "paused") return "paused";
  if (status.state !== "lobby" && isCalled(number, status)) return "next";
  const everythingHeld = status.sellable === 0 && status.held > 0;
  return everythingHeld ? "held" : "waiting";
}

/** Whether a claim can succeed: the visitor is called, and the sale admits. */
export function mayClaim(known) {
  const { status, number } = known;
  if (known.admitted || known.passed !== null || known.redirecting || !known.joined) return false;
  if (status === null || !["open", "draining"].includes(status.state)) return false;
  return isCalled(number, status);
}
