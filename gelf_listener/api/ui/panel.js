// @ts-check
/** Panel: asks one question and shows the answer as charts, as a table, or as both; what was asked before is called off. */
import { el, show } from "./dom.js";
import { additive, metricText, unitOfMetric } from "./figures.js";
import { answer, narrowed } from "./groups.js";
import { link } from "./links.js";
import { figureText, Plot } from "./plot.js";
import { styles } from "./styles.js";
import { count, line, noMatch } from "./text.js";

/** @typedef {import("./groups.js").Answer} Answer */
/** @typedef {import("./groups.js").Question} Question */
/** @typedef {"lines" | "bars" | "heat" | "table" | "figures"} Look */

/** How an answer is drawn unless somebody chooses. @param {string[]} by @param {string[]} metrics @returns {Look} */
export function usualLook(by, metrics) {
  if (!by.length) return "figures";
  if (by.includes("time")) return metrics.every(additive) ? "bars" : "lines";
  return by.length > 1 ? "heat" : "bars";
}

/** How an answer can be drawn. @param {string[]} by @returns {Look[]} */
export function looks(by) {
  if (!by.length) return ["figures"];
  if (by.includes("time")) return by.length > 1 ? ["lines", "bars", "heat", "table"] : ["lines", "bars", "table"];
  return by.length > 1 ? ["heat", "bars", "table"] : ["bars", "table"];
}

const loaded = styles("plot.css");

export class Panel {
  /**
   * @param {string} label what it is called by a screen reader
   * @param {{table?: "below" | "folded", height?: number}} [how]
   */
  constructor(label, { table = "below", height = 240 } = {}) {
    this._folded = table === "folded";
    this._height = height;
    /** @type {Plot[]} */
    this._plots = [];
    /** @type {AbortController | null} */
    this._asking = null;
    this.charts = el("div", { class: "charts" });
    this.table = el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": `${label}: table` });
    this.said = el("p", { class: "faint", role: "status" });
    const tables = this._folded ? el("details", {}, el("summary", {}, "Table"), this.table) : this.table;
    this.element = el("section", { class: "figures", "aria-label": label }, this.charts, tables, this.said);
    show(this.charts, el("p", { class: "looking faint" }, "Looking …"));
    this.tables = tables;
  }

  /**
   * Ask, and show what is answered.
   * @param {Question} question
   * @param {Look} look
   * @returns {Promise<Answer | null>} null when something else was asked meanwhile, or it failed, which is said
   */
  async ask(question, look) {
    this.stop();
    const asking = new AbortController();
    this._asking = asking;
    const buckets = Math.max(
      10,
      Math.min(look === "bars" ? 60 : 120, Math.round((this.element.clientWidth || 600) / 12)),
    );
    try {
      const [found] = await Promise.all([answer({ buckets, ...question }, asking.signal), loaded]);
      if (asking !== this._asking) return null;
      this._show(found, look);
      return found;
    } catch (error) {
      if (asking === this._asking) this.fail(error);
      return null;
    }
  }

  /** Do not wait for what was asked. */
  stop() {
    this._asking?.abort();
    this._asking = null;
  }

  /** @param {unknown} error */
  fail(error) {
    show(this.charts, el("p", { class: "level-3", role: "alert" }, line(/** @type {Error} */ (error).message, 500)));
    show(this.table);
    this.tables.classList.add("hidden");
    this.said.textContent = "";
    this._plots = [];
  }

  /** @param {Answer} found @param {Look} look */
  _show(found, look) {
    const empty = !found.messages || !found.places.length || !found.series.some(({ cells }) => cells.some(Boolean));
    if (empty) this._plots = [];
    if (empty)
      show(
        this.charts,
        el("p", { class: "faint" }, found.messages ? "No message has these fields." : noMatch(found.nothing)),
      );
    else if (look === "figures") this._figures(found);
    else if (look === "table") show(this.charts);
    else this._draw(found, look);
    this.tables.classList.toggle("hidden", empty || look === "figures"); // those are links already
    if (this._folded && look === "table") this.tables.open = true;
    show(this.table, !empty && table(found));
    this.said.textContent = [
      count(found.messages, "message"),
      found.missing && `not everything was looked at: ${line(found.missing, 300)}`,
    ]
      .filter(Boolean)
      .join(" · ");
  }

  /** One plot for the series of each unit: two units on one axis say nothing. @param {Answer} found @param {import("./plot.js").Kind} kind */
  _draw(found, kind) {
    /** @type {Map<string, Answer["series"]>} */
    const units = new Map();
    for (const series of found.series) {
      const { name } = unitOfMetric(series.metric);
      units.set(name, [...(units.get(name) ?? []), series]);
    }
    while (this._plots.length < units.size) this._plots.push(new Plot(this._height));
    this._plots.length = units.size;
    const elements = this._plots.map((plot) => plot.element);
    if (
      elements.some((each) => each.parentElement !== this.charts) ||
      this.charts.childElementCount !== elements.length
    )
      show(this.charts, elements);
    for (const [index, series] of [...units.values()].entries()) this._plots[index].set({ ...found, series }, kind);
  }

  /** @param {Answer} found */
  _figures(found) {
    this._plots = [];
    show(
      this.charts,
      el(
        "div",
        { class: "big" },
        found.series.map((series) =>
          link(
            narrowed(found, undefined),
            { title: "Its messages" },
            el("strong", {}, figureText(series.metric, series.cells[0]?.value ?? null)),
            el("span", { class: "faint" }, line(series.text, 80)),
          ),
        ),
      ),
    );
  }
}

/** The answer as a table, whose cells lead to their messages. @param {Answer} found */
function table(found) {
  const { axis, places, series } = found;
  const head = axis === "time" ? "Time" : line(axis, 60);
  return el(
    "table",
    {},
    el("caption", { class: "unseen" }, caption(found)),
    el(
      "thead",
      {},
      el(
        "tr",
        {},
        axis && el("th", { scope: "col" }, head),
        series.map((one) => el("th", { scope: "col", class: "right" }, one.text)),
      ),
    ),
    el(
      "tbody",
      {},
      places.map((place, at) =>
        el(
          "tr",
          {},
          axis && el("th", { scope: "row" }, place.text),
          series.map((one) => {
            const cell = one.cells[at];
            return el(
              "td",
              { class: "right" },
              cell
                ? link(narrowed(found, place, one), {}, figureText(one.metric, cell.value))
                : el("span", { class: "faint" }, "–"),
            );
          }),
        ),
      ),
    ),
  );
}

/** @param {Answer} found */
function caption({ question, axis }) {
  const by = question.by.length ? ` by ${question.by.join(" and ")}` : "";
  return line(`${question.metrics.map(metricText).join(", ")}${axis ? by : ""}`, 300);
}
