// @ts-check
/**
 * Board: the charts and lists of one board over one time range. While it is live each panel asks again, one request of it at a
 * time and never more often than its answers take ten times over; hidden pages and panels out of sight do not ask.
 */
import { ask, valueOf } from "./api.js";
import { el, show } from "./dom.js";
import { sourceOf } from "./known.js";
import { link } from "./links.js";
import { Panel } from "./panel.js";
import { levelName, line } from "./text.js";
import { rangeParameters, stamp } from "./times.js";

/** @typedef {import("./times.js").Range} Range */

/**
 * A panel as the API has it.
 * @typedef {object} PanelDocument
 * @property {string} title
 * @property {"lines" | "bars" | "heat" | "table" | "figures" | "messages"} show
 * @property {string} query
 * @property {string[]} by
 * @property {string[]} metric
 * @property {number} limit
 * @property {string[]} columns
 * @property {boolean} wide
 */

/**
 * A board as the API has it.
 * @typedef {object} BoardDocument
 * @property {string} id
 * @property {boolean} configured
 * @property {string} name
 * @property {string} description
 * @property {{since: string, from: string, to: string, keyword: string}} range
 * @property {PanelDocument[]} panels
 */

const REFRESH = 5000;
const HEIGHT = 190;

/** What a panel shows, as a state of the page that shows the same. @param {PanelDocument} panel @param {Range} range */
export function stateOf(panel, range) {
  const common = { id: "", q: panel.query, live: false, range: "", from: "", to: "", keyword: "", ...range };
  if (panel.show === "messages") return { ...common, view: "messages", columns: panel.columns };
  const by = panel.by.join(",") || "none";
  return {
    ...common,
    view: "explore",
    by,
    metric: panel.metric.join(","),
    chart: panel.show,
    limit: String(panel.limit),
  };
}

export class Board {
  /** @param {BoardDocument} document @param {(index: number) => import("./dom.js").Child} tools what stands beside a panel's title */
  constructor(document, tools) {
    this.panels = document.panels.map((panel, index) => new Tile(panel, tools(index)));
    this.element = el(
      "div",
      { class: "tiles" },
      this.panels.map(({ element }) => element),
    );
  }

  /** @param {Range} range @param {boolean} live */
  run(range, live) {
    for (const panel of this.panels) panel.run(range, live);
  }

  stop() {
    for (const panel of this.panels) panel.stop();
  }
}

/** One panel, asking for itself. */
class Tile {
  /** @param {PanelDocument} panel @param {import("./dom.js").Child} tools */
  constructor(panel, tools) {
    this._panel = panel;
    const title = panel.title || "Untitled";
    this._shown =
      panel.show === "messages" ? new Messages(title, panel) : new Panel(title, { table: "folded", height: HEIGHT });
    this._title = el("h2", { class: "grow" });
    this.element = el(
      "article",
      { class: panel.wide ? "card tile wide" : "card tile" },
      el("div", { class: "row" }, this._title, tools),
      this._shown.element,
    );
    /** @type {Range} */
    this._range = {};
    this._live = false;
    this._timer = 0;
    this._seen = true;
    this._run = 0;
    this._watcher = new IntersectionObserver(([entry]) => {
      this._seen = entry.isIntersecting;
    });
  }

  /** @param {Range} range @param {boolean} live */
  run(range, live) {
    this.stop();
    this._range = range;
    this._live = live;
    show(
      this._title,
      link(stateOf(this._panel, range), { title: "Open it" }, line(this._panel.title || "Untitled", 200)),
    );
    this._watcher.observe(this.element);
    void this._again(++this._run);
  }

  stop() {
    this._run++;
    clearTimeout(this._timer);
    this._watcher.disconnect();
    this._seen = true;
    this._shown.stop();
  }

  /** @param {number} run */
  async _again(run) {
    const began = performance.now();
    if (!document.hidden && this._seen) await this._ask();
    if (run !== this._run || !this._live) return;
    const wait = Math.max(REFRESH, 10 * (performance.now() - began));
    this._timer = window.setTimeout(() => void this._again(run), wait);
  }

  async _ask() {
    const { query, by, metric: metrics, limit, show: look } = this._panel;
    if (this._shown instanceof Messages) return this._shown.ask(this._range);
    await this._shown.ask(
      { query, range: this._range, by, metrics, limit },
      /** @type {import("./panel.js").Look} */ (look),
    );
  }
}

/** The newest messages that match, as a short table. */
class Messages {
  /** @param {string} label @param {PanelDocument} panel */
  constructor(label, panel) {
    this._panel = panel;
    this._columns = ["timestamp", "level", "source", ...panel.columns, "message"];
    this.body = el("tbody");
    this.said = el("p", { class: "faint", role: "status" });
    /** @type {AbortController | null} */
    this._asking = null;
    this.element = el(
      "section",
      { class: "figures", "aria-label": label },
      el(
        "div",
        { class: "scroll", tabindex: 0, role: "region", "aria-label": `${label}: messages` },
        el(
          "table",
          { class: "newest" },
          el(
            "thead",
            {},
            el(
              "tr",
              {},
              this._columns.map((name) => el("th", { scope: "col" }, line(name, 60))),
            ),
          ),
          this.body,
        ),
      ),
      this.said,
    );
  }

  stop() {
    this._asking?.abort();
  }

  /** @param {Range} range */
  async ask(range) {
    this.stop();
    const asking = new AbortController();
    this._asking = asking;
    const { query, limit } = this._panel;
    try {
      const parameters = { query: query || "*", ...rangeParameters(range), limit, characters: 300 };
      const found = await ask("search", { parameters, signal: asking.signal });
      show(
        this.body,
        found.messages.map((/** @type {import("./api.js").Message} */ message) => this._row(message, range)),
      );
      this.said.textContent = found.total ? `${found.total.toLocaleString()} found` : "No message matches.";
    } catch (error) {
      if (asking === this._asking && !asking.signal.aborted)
        this.said.textContent = line(/** @type {Error} */ (error).message, 300);
    }
  }

  /** @param {import("./api.js").Message} message @param {Range} range */
  _row(message, range) {
    const open = { ...stateOf(this._panel, range), id: message.id };
    return el(
      "tr",
      { dataset: { level: message.level ?? "none" } },
      this._columns.map((name) => {
        if (name === "timestamp") return el("td", {}, stamp(message.timestamp));
        if (name === "level") return el("td", { class: `level-${message.level ?? "none"}` }, levelName(message.level));
        if (name === "message")
          return el("td", { class: "isolate" }, link(open, {}, line(message.short_message, 300) || "empty"));
        return el(
          "td",
          { class: "isolate" },
          line(name === "source" ? sourceOf(message) : valueOf(message, name), 100),
        );
      }),
    );
  }
}
