// Which of the page's scenes is on: a pure function of what is known, in one order of precedence.

import { isCalled } from "./place.js";

/** Scenes in which the people ahead are still what matters. */
export const IN_LINE = new Set(["waiting", "next", "paused", "held"]);

/** Scenes that nothing but the visitor or the operator changes: polled at leisure. */
export const AT_REST = new Set(["sold_out", "closed", "draining", "rejected", "identity", "expired", "ended", "admitted"]);

/** Scenes in which nothing comes by itself, or not soon: the shop is a way on. */
export const WITH_WAY_BACK = new Set([
  "scheduled", "sold_out", "closed", "draining", "rejected", "identity", "limited", "expired", "ended",
]);

/** Scenes of somebody whom the stock is for: they have a place, or will get one. */
export const WITH_STOCK = new Set(["scheduled", "lobby", "turn", "admitted", ...IN_LINE]);

/**
 * `known` is {status, number, joined, passed, admitted, refused, limited, unidentified, redirecting}: the
 * newest status document, the visitor's number or null, and what the service has answered to this visitor;
 * `passed` is null, or "expired" (called in vain) or "ended" (was inside).
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

/** Is it time to ask for a pass? Only when called, and only while the sale lets people in. */
export function mayClaim(known) {
  const { status, number } = known;
  if (known.admitted || known.passed !== null || known.redirecting || !known.joined) return false;
  if (status === null || !["open", "draining"].includes(status.state)) return false;
  return isCalled(number, status);
}
