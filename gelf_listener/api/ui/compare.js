// @ts-check
/** Compare: what is more frequent in one range than in another, values of fields and patterns, each with its messages. */
import { ask } from "./api.js";
import { Asking } from "./asking.js";
import { el } from "./dom.js";
import { choice, field } from "./forms.js";
import { link } from "./links.js";
import { sampleText, shapeText, within } from "./shapes.js";
import { go } from "./state.js";
import { styles } from "./styles.js";
import { condition, count, line, noMatch } from "./text.js";
import { isoOf, localInput, momentOf, ofLocalInput, rangeParameters, stamp } from "./times.js";

/** @typedef {import("./shapes.js").Looked} Looked */
/** @typedef {{counts: [number, number], shares: [number, number], strength: number}} Difference */

const OTHERS = /** @type {[string, string][]} */ ([
  ["before", "the range before"],
  ["time", "another time"],
  ["query", "another query"],
]);
const HOUR = 3600;

/** What this range is compared with. @param {import("./state.js").State} now */
const otherOf = (now) => (now.other_from || now.other_to ? "time" : now.other_query ? "query" : "before");

export class Compare extends Asking {
  constructor() {
    const kind = choice("before", OTHERS);
    kind.setAttribute("aria-label", "Compared with");
    const time = (/** @type {string} */ label) => field("", { type: "datetime-local", step: 1, "aria-label": label });
    const [from, to] = [time("The other from"), time("The other to")];
    const query = field("", {
      class: "mono",
      "aria-label": "The other query",
      placeholder: "query",
      spellcheck: "false",
    });
    const times = el("span", { class: "row" }, from, " – ", to);
    super("compare", "Compare", [el("div", { class: "row choices" }, "compared with", kind, times, query)]);
    this.kind = kind;
    this.times = times;
    this.from = from;
    this.to = to;
    this.query = query;
    kind.addEventListener("change", () => this._choose());
    for (const each of [from, to]) each.addEventListener("change", () => this._chosenTime());
    query.addEventListener("change", () => go({ other_query: query.value.trim(), other_from: "", other_to: "" }));
  }

  _choose() {
    const chosen = this.kind.value;
    this._turn(chosen);
    if (chosen === "before") go({ other_from: "", other_to: "", other_query: "" });
    if (chosen === "query") this.query.focus();
    if (chosen === "time") this.from.focus();
  }

  _chosenTime() {
    const [start, end] = [ofLocalInput(this.from.value), ofLocalInput(this.to.value)];
    if (Number.isFinite(start) && Number.isFinite(end))
      go({ other_from: isoOf(start), other_to: isoOf(end), other_query: "" });
  }

  /** Show what the choice needs. @param {string} chosen */
  _turn(chosen) {
    this.kind.value = chosen;
    this.times.classList.toggle("hidden", chosen !== "time");
    this.query.classList.toggle("hidden", chosen !== "query");
  }

  /** @param {import("./state.js").State} now */
  parameters(now) {
    const { other_from, other_to, other_query } = now;
    return { query: now.q || "*", ...rangeParameters(now), other_from, other_to, other_query };
  }

  /** @param {import("./state.js").State} now @param {AbortSignal} signal */
  async answer(now, signal) {
    this._turn(otherOf(now));
    this.query.value = now.other_query;
    const moment = Date.now() / 1000;
    this.from.value = localInput(momentOf(now.other_from) || moment - 2 * HOUR);
    this.to.value = localInput(momentOf(now.other_to) || moment - HOUR);
    const [{ ranges, patterns, values, missing }] = await Promise.all([
      ask("compare", { parameters: this.parameters(now), signal }),
      styles("patterns.css"),
    ]);
    const empty = ranges.findIndex((/** @type {Looked} */ range) => !range.messages);
    return [
      el(
        "p",
        { class: "faint", role: "status" },
        ranges.map((/** @type {Looked} */ range, /** @type {number} */ side) =>
          el("span", { class: "side" }, `${side ? "Compared with" : "This range"}: ${rangeText(range)}`),
        ),
        missing && `not everything was looked at: ${line(missing.text, 300)}`,
      ),
      empty >= 0
        ? el(
            "p",
            {},
            `${empty ? "The other range" : "This range"} has nothing to compare. ${noMatch(ranges[empty].nothing)}`,
          )
        : [
            table("Patterns", ranges, patterns, (one) => ({ what: shapeText(one.pattern), found: one.query })),
            table("Values of fields", ranges, values, (one) => ({
              what: el("span", { class: "mono isolate" }, line(`${one.field}: ${one.value}`, 300)),
              found: condition(one.field, one.value),
            })),
          ],
    ];
  }
}

/** @param {Looked} range */
function rangeText(range) {
  const { query, start, end, messages } = range;
  const time = `${start === null ? "beginning" : stamp(start)} – ${end === null ? "now" : stamp(end)}`;
  return [line(query, 100), time, count(messages, "message"), sampleText(range)].filter(Boolean).join(" · ");
}

/**
 * What is different, the strongest first; each figure leads to its messages.
 * @param {string} title
 * @param {[Looked, Looked]} ranges
 * @param {(Difference & Record<string, any>)[]} found
 * @param {(one: Record<string, any>) => {what: Element, found: string}} describe
 */
function table(title, ranges, found, describe) {
  const heads = ["", "This range", "The other", title];
  const row = (/** @type {Difference & Record<string, any>} */ one) => {
    const { what, found } = describe(one);
    const more = one.strength > 0;
    return el(
      "tr",
      {},
      el(
        "td",
        { class: more ? "more" : "less", title: `G ${Math.abs(one.strength).toFixed(1)}` },
        more ? "▲ more" : "▼ less",
      ),
      ranges.map((range, side) =>
        el(
          "td",
          { class: "right" },
          link(
            within(range, found),
            { title: side ? "Its messages in the other range" : "Its messages" },
            `${(100 * one.shares[side]).toFixed(1)} % (${one.counts[side].toLocaleString()})`,
          ),
        ),
      ),
      el("td", { class: "what" }, link(within(ranges[more ? 0 : 1], found), { title: "Its messages" }, what)),
    );
  };
  return [
    el("h2", {}, title),
    found.length
      ? el(
          "table",
          { class: "shapes", "aria-label": title },
          el(
            "thead",
            {},
            el(
              "tr",
              {},
              heads.map((head, index) =>
                head ? el("th", { scope: "col", class: index < 3 ? "right" : "" }, head) : el("td"),
              ),
            ),
          ),
          el("tbody", {}, found.map(row)),
        )
      : el("p", { class: "faint" }, "No difference that chance does not explain."),
  ];
}
