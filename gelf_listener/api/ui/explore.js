// @ts-check
/** Explore: figures of groups of messages, over the query and the time of the page. All of it is in the address. */
import { Asking } from "./asking.js";
import { button, el, show } from "./dom.js";
import { looks, Panel, usualLook } from "./panel.js";
import { go, state } from "./state.js";
import { rangeParameters } from "./times.js";

/** What can be computed: as the API has it, and for people. @type {[string, string][]} */
export const FUNCTIONS = [
  ["count", "messages"],
  ["p50", "median (p50) of"],
  ["p95", "p95 of"],
  ["p99", "p99 of"],
  ["avg", "average of"],
  ["sum", "sum of"],
  ["min", "least of"],
  ["max", "most of"],
  ["distinct", "different values of"],
  ["stddev", "deviation of"],
];
export const LOOKS = { lines: "Lines", bars: "Bars", heat: "Heat", table: "Table", figures: "Figures" };
const MOST_METRICS = 4;
const LIMITS = ["5", "10", "20", "50"];
const USUAL_LIMIT = "10";

/** What the address asks for. @param {import("./state.js").State} now */
export function asked(now) {
  const by = now.by === "none" ? [] : (now.by || "time").split(",").filter(Boolean).slice(0, 2);
  const metrics = (now.metric || "count")
    .split(",")
    .filter(Boolean)
    .slice(0, by.length > 1 ? 1 : MOST_METRICS);
  const possible = looks(by);
  const chosen = /** @type {import("./panel.js").Look} */ (now.chart);
  return {
    by,
    metrics,
    limit: Number(now.limit) || Number(USUAL_LIMIT),
    look: possible.includes(chosen) ? chosen : usualLook(by, metrics),
  };
}

export class Explore extends Asking {
  constructor() {
    const form = el("form", {
      class: "row choices",
      "aria-label": "What to show",
      on: { submit: (/** @type {Event} */ event) => event.preventDefault() },
    });
    super("explore", "Explore", [form]);
    this.panel = new Panel("Figures");
    this.fields = el("datalist", { id: "explore-fields" });
    this.numbers = el("datalist", { id: "explore-numbers" });
    this.first = this._field("Group by", "explore-fields");
    this.second = this._field("and by", "explore-fields");
    this.metrics = Array.from({ length: MOST_METRICS }, (_, index) => this._metric(index));
    this.more = button("+ Figure", () => this._addMetric(), { title: "One more figure" });
    this.looks = el("div", { class: "row", role: "group", "aria-label": "Draw as" });
    this.limit = el(
      "select",
      { on: { change: () => go({ limit: this.limit.value === USUAL_LIMIT ? "" : this.limit.value }) } },
      LIMITS.map((limit) => el("option", { value: limit }, limit)),
    );
    show(
      form,
      this.fields,
      this.numbers,
      el("label", {}, "Group by ", this.first),
      el("label", {}, "and ", this.second),
      el(
        "span",
        { class: "row" },
        this.metrics.map(({ element }) => element),
        this.more,
      ),
      el("label", {}, "top ", this.limit),
      this.looks,
    );
    show(this.body, this.panel.element);
  }

  /** The view is left. */
  leave() {
    this.panel.stop();
  }

  /** @param {string} label @param {string} list */
  _field(label, list) {
    return el("input", {
      list,
      size: 14,
      maxlength: 200,
      spellcheck: "false",
      autocapitalize: "off",
      placeholder: label === "Group by" ? "nothing" : "nothing more",
      "aria-label": label,
      on: { change: () => this._regroup() },
    });
  }

  /** @param {number} index */
  _metric(index) {
    const number = index ? ` ${index + 1}` : "";
    const change = () => this._recount();
    const what = el(
      "select",
      { "aria-label": `Figure${number}`, on: { change } },
      FUNCTIONS.map(([name, text]) => el("option", { value: name }, text)),
    );
    const field = el("input", {
      list: "explore-numbers",
      size: 14,
      maxlength: 200,
      spellcheck: "false",
      autocapitalize: "off",
      placeholder: "field",
      "aria-label": `Field of figure${number}`,
      on: { change },
    });
    const remove = button("✕", () => this._removeMetric(index), {
      class: "plain",
      "aria-label": `Remove figure${number}`,
    });
    return { what, field, remove, element: el("span", { class: "metric" }, what, field, index > 0 && remove) };
  }

  _regroup() {
    const by = [this.first.value, this.second.value].map((each) => each.trim()).filter(Boolean);
    go({ by: [...new Set(by)].join(",") || "none" });
  }

  /** A figure without its field is not asked for yet. */
  _recount() {
    const shown = this.metrics.filter(({ element }) => !element.classList.contains("hidden"));
    for (const { what, field } of shown) field.classList.toggle("hidden", what.value === "count");
    const written = shown.map(({ what, field }) =>
      what.value === "count" ? "count" : `${what.value}:${field.value.trim()}`,
    );
    if (written.some((metric) => metric.endsWith(":"))) return;
    go({ metric: [...new Set(written)].join(",") });
  }

  _addMetric() {
    const next = this.metrics.find(({ element }) => element.classList.contains("hidden"));
    if (!next) return;
    next.element.classList.remove("hidden");
    next.what.value = "p95";
    next.field.value = "";
    next.field.classList.remove("hidden");
    next.field.focus();
  }

  /** @param {number} index */
  _removeMetric(index) {
    go({
      metric: asked(state())
        .metrics.filter((_, at) => at !== index)
        .join(","),
    });
    this._fill();
    this.more.focus();
  }

  /** @param {import("./state.js").State} now */
  parameters(now) {
    return { query: now.q, ...rangeParameters(now), ...asked(now) };
  }

  _changed() {
    this._fill();
    super._changed();
  }

  /** Put what is asked into the form. */
  _fill() {
    const { by, metrics, limit, look } = asked(state());
    [this.first.value, this.second.value] = [by[0] ?? "", by[1] ?? ""];
    for (const [index, { what, field, element }] of this.metrics.entries()) {
      const [name, ...rest] = (metrics[index] ?? "").split(":");
      element.classList.toggle("hidden", index >= metrics.length);
      if (index >= metrics.length) continue;
      if (!FUNCTIONS.some(([known]) => known === name)) what.append(el("option", { value: name }, `${name} of`));
      what.value = name;
      field.value = rest.join(":");
      field.classList.toggle("hidden", metrics[index] === "count");
    }
    this.more.classList.toggle("hidden", by.length > 1 || metrics.length >= MOST_METRICS);
    this.limit.value = LIMITS.includes(String(limit)) ? String(limit) : USUAL_LIMIT;
    show(
      this.looks,
      looks(by).map((each) =>
        button(LOOKS[each], () => go({ chart: each }), { "aria-pressed": String(each === look) }),
      ),
    );
  }

  /** The panel says what fails, and calls off what was asked before. */
  async _ask() {
    const now = state();
    const { by, metrics, limit, look } = asked(now);
    const range = { range: now.range, from: now.from, to: now.to, keyword: now.keyword };
    await this.panel.ask({ query: now.q, range, by, metrics, limit }, look);
  }

  /** @param {{name: string, types: string[]}[]} fields */
  named(fields) {
    super.named(fields);
    const options = (/** @type {string[]} */ names) => names.map((value) => el("option", { value }));
    const isNumber = (/** @type {{types: string[]}} */ { types }) => types.includes("long") || types.includes("double");
    show(this.fields, options(["time", ...fields.map(({ name }) => name)]));
    show(this.numbers, options(fields.filter(isNumber).map(({ name }) => name)));
  }
}
