// @ts-check
/** Patterns: the messages of the query and the time of the page by what they look like, new ones marked. */
import { ask } from "./api.js";
import { Asking } from "./asking.js";
import { button, el } from "./dom.js";
import { link } from "./links.js";
import { levelText, sampleText, shapeText, within } from "./shapes.js";
import { go, state } from "./state.js";
import { styles } from "./styles.js";
import { count, line, noMatch } from "./text.js";
import { rangeParameters, stamp } from "./times.js";

/** @typedef {import("./shapes.js").Pattern} Pattern */

export class Patterns extends Asking {
  constructor() {
    const only = button("Only new ones", () => go({ new: state().new ? "" : "1" }), {
      title: "Those that the range before, as long as this one, has none of",
    });
    super("patterns", "Patterns", [el("div", { class: "row choices" }, only)]);
    this.only = only;
  }

  /** @param {import("./state.js").State} now */
  parameters(now) {
    return { query: now.q || "*", ...rangeParameters(now), ...(now.new && { new: true }) };
  }

  /** @param {import("./state.js").State} now @param {AbortSignal} signal */
  async answer(now, signal) {
    this.only.setAttribute("aria-pressed", String(Boolean(now.new)));
    const [found] = await Promise.all([
      ask("patterns", { parameters: this.parameters(now), signal }),
      styles("patterns.css"),
    ]);
    const said = [
      `${count(found.messages, "message")}, ${count(found.patterns.length + found.other_patterns, now.new ? "new pattern" : "pattern")}`,
      sampleText(found),
      found.before && sampleText(found.before) && `the range before is ${sampleText(found.before)}`,
      found.before && !found.before.messages && "what is new cannot be told: the range before has no messages",
      !found.before && "what is new cannot be told: this time range has no beginning",
      found.missing && `not everything was looked at: ${line(found.missing.text, 300)}`,
    ];
    return [
      el("p", { class: "faint", role: "status" }, said.filter(Boolean).join(" · ")),
      found.patterns.length > 0
        ? table(found)
        : el(
            "p",
            {},
            found.messages && now.new ? "Nothing is new: the range before has all of it." : noMatch(found.nothing),
          ),
      found.patterns.length > 0 &&
        found.other_patterns > 0 &&
        el(
          "p",
          { class: "faint" },
          `${count(found.other_patterns, "more pattern")} with ${count(found.other_messages, "message")}.`,
        ),
    ];
  }
}

/** @param {any} found the listener's answer */
function table(found) {
  const heads = ["Messages", "Share", "Level", "Pattern", "First seen", "Last seen"];
  return el(
    "table",
    { class: "shapes" },
    el("caption", { class: "unseen" }, "Patterns, the most frequent first"),
    el(
      "thead",
      {},
      el(
        "tr",
        {},
        heads.map((head, index) => el("th", { scope: "col", class: index < 2 ? "right" : "" }, head)),
      ),
    ),
    el(
      "tbody",
      {},
      found.patterns.map((/** @type {Pattern} */ one) => row(one, found)),
    ),
  );
}

/** @param {Pattern} one @param {import("./shapes.js").Looked} looked */
function row(one, looked) {
  const example = line(one.example.short_message, 300);
  return el(
    "tr",
    {},
    el("td", { class: "right" }, one.messages.toLocaleString()),
    el("td", { class: "right" }, `${((100 * one.messages) / looked.looked_at).toFixed(1)} %`),
    el("td", {}, levelText(one.level)),
    el(
      "td",
      { class: "what" },
      one.new && [el("span", { class: "badge" }, "new"), " "],
      link(within(looked, one.query), { title: "Its messages" }, shapeText(one.pattern)),
      example !== one.pattern &&
        el(
          "div",
          { class: "example" },
          link(
            { ...within(looked, one.query), id: one.example.id },
            { class: "faint isolate", title: "The newest" },
            example,
          ),
        ),
    ),
    el("td", { class: "when" }, one.first_seen !== null && stamp(one.first_seen)),
    el("td", { class: "when" }, one.last_seen !== null && stamp(one.last_seen)),
  );
}
