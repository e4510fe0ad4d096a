// Puts a scene on the page. Writes only what changed, so that screen readers, selections and the
// browser are left alone between changes; speaks seldom, through one polite live region.

import { countdown, elapsed } from "./clock.js";
import { AT_REST, IN_LINE, WITH_STOCK, WITH_WAY_BACK } from "./scene.js";

/** Places ahead are spoken when they have halved, and at most this often. */
const SPOKEN_EVERY_MS = 60_000;

/** Scenes, beside those at rest, in which no turn is to be heard of. */
const SILENT = new Set(["loading", "limited", "turn"]);

/** Operators name sales in any script: isolated (FSI, PDI), the name does not turn a title around. */
const isolated = (name) => `\u2068${name}\u2069`;

export class View {
  #texts;
  #sale;
  #numbers;
  #plural;
  #scene = null;
  #spoken = { message: null, ahead: null, at: 0 };

  constructor({ texts, sale, lang }) {
    this.#texts = texts;
    this.#sale = sale;
    this.#numbers = new Intl.NumberFormat(lang);
    this.#plural = new Intl.PluralRules(lang);
  }

  text(key, values = {}) {
    const pattern = this.#texts[key] ?? "";
    return pattern.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
  }

  counted(key, count) {
    const form = this.#plural.select(count) === "one" ? "one" : "other";
    return this.text(`${key}_${form}`, { count: this.#numbers.format(count) });
  }

  number(value) {
    return this.#numbers.format(value);
  }

  /** `moment` is {scene, status, place, lobby, wait, seconds, joined, kept}; see main.js. */
  show(moment) {
    const { scene, status, place } = moment;
    const focused = document.activeElement;
    document.documentElement.dataset.state = scene;
    write("headline", this.text(`${scene}_headline`));
    write("lead", this.#lead(moment));
    this.#figure(moment);
    this.#way(scene, status, place);
    this.#facts(scene, status, moment.wait);
    this.#stock(status, scene);
    this.#message(status?.message ?? null);
    toggle("again", scene === "expired" || scene === "ended");
    toggle("go", scene === "admitted" || scene === "turn");
    toggle("back", WITH_WAY_BACK.has(scene));
    this.#keepNote(moment);
    toggle("sound", !SILENT.has(scene) && !AT_REST.has(scene));
    this.#title(moment);
    this.#announce(moment);
    if (focused?.closest("[hidden]")) this.focusHeadline();
  }

  /** For whoever has just used a control that is gone now. */
  focusHeadline() {
    document.getElementById("headline").focus({ preventScroll: true });
  }

  #keepNote({ scene, joined, kept }) {
    toggle("keep", joined && scene !== "turn" && !AT_REST.has(scene));
    write("keep", this.text(kept ? "keep_note" : "unkept_note"));
  }

  #lead({ scene, status }) {
    if (scene !== "lobby") return this.text(`${scene}_lead`);
    return this.text(isDrawn(status) ? "lobby_lead_random" : "lobby_lead_fifo");
  }

  #figure(moment) {
    const [figure, caption] = this.#figureOf(moment);
    write("figure", figure);
    write("caption", caption);
    document.documentElement.style.setProperty("--digits", String(Math.max(4, widthOf(figure))));
  }

  #figureOf({ scene, place, seconds, lobby }) {
    if (scene === "scheduled") return this.#until(seconds, "scheduled");
    if (scene === "lobby") return this.#lobby(seconds, lobby);
    if (scene === "limited") return [this.#countdown(seconds ?? 0), this.text("limited_caption")];
    if (IN_LINE.has(scene) && place.shown > 0) {
      return [this.number(place.shown), this.counted("ahead", place.shown)];
    }
    if (IN_LINE.has(scene)) return [this.text("next_figure"), ""];
    return [this.text(`${scene}_figure`), ""];
  }

  #until(seconds, scene) {
    if (seconds === null) return [this.text(`${scene}_figure`), this.text("scheduled_caption_unknown")];
    return [this.#countdown(seconds), this.text(`${scene}_caption`)];
  }

  #lobby(seconds, lobby) {
    if (seconds === null || seconds === 0) {
      return [this.text("lobby_opening_figure"), this.text("lobby_opening")];
    }
    const others = lobby > 0 ? ` · ${this.counted("lobby_others", lobby)}` : "";
    return [this.#countdown(seconds), this.text("lobby_caption") + others];
  }

  #countdown(seconds) {
    const { days, clock } = countdown(seconds);
    return days > 0 ? this.text("countdown_days", { days: this.number(days), clock }) : clock;
  }

  #way(scene, status, place) {
    const shown = IN_LINE.has(scene) && place.number !== null;
    toggle("way", shown);
    if (!shown) return;
    const progress = document.getElementById("progress");
    const value = Math.round(place.progress * 1000);
    if (progress.value !== value) {
      progress.value = value;
      const percent = Math.floor(place.progress * 100);
      progress.setAttribute("aria-valuetext", this.text("progress_value", { percent }));
    }
    write("serving", this.number(status.serving));
    write("number", this.number(place.number));
  }

  #facts(scene, status, wait) {
    const estimated = scene === "waiting" || scene === "held";
    const window = IN_LINE.has(scene) || scene === "lobby" ? status.claim_window_seconds : undefined;
    toggle("facts", estimated || window !== undefined);
    toggle("wait-fact", estimated);
    toggle("window-fact", window !== undefined);
    if (estimated) write("wait", this.#range(wait));
    if (window !== undefined) write("window", this.#duration(window));
  }

  /** Whole minutes, or seconds where those would promise too much. */
  #duration(seconds) {
    if (seconds < 120 && seconds % 60) return this.text("duration_seconds", { count: this.number(seconds) });
    return this.text("duration_minutes", { count: this.number(Math.floor(seconds / 60)) });
  }

  #range(wait) {
    if (wait === null) return this.text("wait_unknown");
    if (wait.p90 < 60) return this.text("wait_short");
    if (wait.p50 >= 7200) {
      const low = this.number(Math.round(wait.p50 / 1800) / 2);
      const high = this.number(Math.ceil(wait.p90 / 1800) / 2);
      return this.text(low === high ? "wait_hours_single" : "wait_hours", { low, high });
    }
    const low = Math.max(1, Math.round(wait.p50 / 60));
    const high = Math.max(1, Math.ceil(wait.p90 / 60));
    return this.text(low === high ? "wait_single" : "wait_range", { low, high });
  }

  #stock(status, scene) {
    const shown = status !== null && Number.isFinite(status.sellable) && WITH_STOCK.has(scene);
    toggle("stock", shown);
    if (!shown) return;
    const parts = { free: status.sellable, held: status.held, sold: status.sold };
    const bar = document.getElementById("stock-bar");
    for (const [part, units] of Object.entries(parts)) {
      write(`stock-${part}`, this.number(units));
      bar.querySelector(`.${part}`).style.setProperty("--share", String(units));
    }
  }

  #message(message) {
    toggle("message", message !== null);
    if (message !== null) write("message-text", message);
  }

  #title({ scene, place }) {
    const figure = IN_LINE.has(scene) && place.shown > 0;
    const title = figure
      ? this.text("title_waiting", { ahead: this.number(place.shown), sale: isolated(this.#sale) })
      : this.text("title_state", { state: this.text(`${scene}_headline`), sale: isolated(this.#sale) });
    if (document.title !== title) document.title = title;
  }

  #announce({ scene, place, status }) {
    const sentences = [];
    if (scene !== this.#scene) {
      this.#scene = scene;
      sentences.push(`${this.text(`${scene}_headline`)}.`);
      if (IN_LINE.has(scene) && place.shown > 0) sentences.push(this.#aheadSpoken(place.shown));
    } else if (scene === "waiting" && this.#worthSaying(place.shown)) {
      sentences.push(this.#aheadSpoken(place.shown));
    }
    // What is spoken while the page loads is replaced by its first scene before it is heard.
    const message = status?.message ?? null;
    if (scene !== "loading" && message !== null && message !== this.#spoken.message) {
      this.#spoken.message = message;
      sentences.push(message);
    }
    if (sentences.length > 0) this.say(sentences.join(" "));
  }

  #worthSaying(ahead) {
    const { ahead: before, at } = this.#spoken;
    return before !== null && ahead * 2 <= before && elapsed() - at >= SPOKEN_EVERY_MS;
  }

  #aheadSpoken(ahead) {
    Object.assign(this.#spoken, { ahead, at: elapsed() });
    return this.counted("announce_ahead", ahead);
  }

  say(sentence) {
    write("announcer", sentence.trim());
  }

  sound(on) {
    const button = document.getElementById("sound");
    button.setAttribute("aria-pressed", String(on));
    write("sound", this.text(on ? "sound_on" : "sound_off"));
  }
}

function write(id, value) {
  const element = document.getElementById(id);
  if (element.textContent !== value) element.textContent = value;
}

function toggle(id, shown) {
  document.getElementById(id).hidden = !shown;
}

/** Width of the figure in digits: Chinese characters are about one and two thirds of a digit. */
function widthOf(figure) {
  let width = 0;
  for (const character of figure) {
    if (character > "\u2e7f") width += 1.75;
    else if (/[.,:'\s]/.test(character)) width += 0.5;
    else width += 1;
  }
  return width;
}

function isDrawn(status) {
  return status?.queueing_method === "random" || Boolean(status?.draw);
}
