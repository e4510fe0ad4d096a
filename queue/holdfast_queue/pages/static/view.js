// Puts a scene on the page. Writes only what changed, so that screen readers, selections and the
// browser are left alone between changes; speaks seldom, through one polite live region.

import { countdown } from "./clock.js";
import { AT_REST, IN_LINE } from "./scene.js";

/** People ahead are spoken when they have halved, and at most this often. */
const SPOKEN_EVERY_MS = 60_000;

export class View {
  #texts;
  #sale;
  #numbers;
  #plural;
  #scene = null;
  #spoken = { ahead: null, at: 0 };

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

  /** `moment` is {scene, status, place, lobby, wait, seconds}; see main.js. */
  show(moment) {
    const { scene, status, place } = moment;
    document.documentElement.dataset.state = scene;
    write("headline", this.text(`${scene}_headline`));
    write("lead", this.#lead(moment));
    this.#figure(moment);
    this.#way(scene, status, place);
    this.#wait(scene, moment.wait);
    this.#stock(status, scene);
    this.#message(status?.message ?? null);
    toggle("again", scene === "expired" || scene === "ended");
    toggle("go", scene === "admitted" || scene === "turn");
    toggle("back", scene === "identity");
    toggle("keep", !AT_REST.has(scene) && scene !== "scheduled");
    toggle("sound", !AT_REST.has(scene));
    this.#title(moment);
    this.#announce(moment);
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

  #wait(scene, wait) {
    const shown = scene === "waiting" || scene === "held";
    toggle("facts", shown);
    if (shown) write("wait", this.#range(wait));
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
    const shown = status !== null && Number.isFinite(status.sellable) && scene !== "closed";
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
    if (message !== null && write("message-text", message)) this.say(message);
  }

  #title({ scene, place }) {
    const figure = IN_LINE.has(scene) && place.shown > 0;
    const title = figure
      ? this.text("title_waiting", { ahead: this.number(place.shown), sale: this.#sale })
      : this.text("title_state", { state: this.text(`${scene}_headline`), sale: this.#sale });
    if (document.title !== title) document.title = title;
  }

  #announce({ scene, place }) {
    if (scene !== this.#scene) {
      this.#scene = scene;
      const ahead = IN_LINE.has(scene) && place.shown > 0 ? this.#aheadSpoken(place.shown) : "";
      this.say(`${this.text(`${scene}_headline`)}. ${ahead}`);
    } else if (scene === "waiting" && this.#worthSaying(place.shown)) {
      this.say(this.#aheadSpoken(place.shown));
    }
  }

  #worthSaying(ahead) {
    const { ahead: before, at } = this.#spoken;
    return before !== null && ahead * 2 <= before && Date.now() - at >= SPOKEN_EVERY_MS;
  }

  #aheadSpoken(ahead) {
    this.#spoken = { ahead, at: Date.now() };
    return this.counted("announce_ahead", ahead);
  }

  say(sentence) {
    write("announcer", sentence.trim());
  }

  /** The banner for a lost connection; `seconds` null takes it away. */
  lost(seconds) {
    const shown = seconds !== null;
    document.documentElement.toggleAttribute("data-lost", shown);
    if (shown && document.getElementById("banner").hidden) {
      this.say(`${this.text("lost_headline")}. ${this.text("lost_now")}`);
    }
    toggle("banner", shown);
    if (!shown) return;
    write("banner-headline", this.text("lost_headline"));
    write("banner-lead", seconds > 0 ? this.text("lost_lead", { seconds }) : this.text("lost_now"));
  }

  sound(on) {
    const button = document.getElementById("sound");
    button.setAttribute("aria-pressed", String(on));
    write("sound", this.text(on ? "sound_on" : "sound_off"));
  }
}

function write(id, value) {
  const element = document.getElementById(id);
  if (element.textContent === value) return false;
  element.textContent = value;
  return true;
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
