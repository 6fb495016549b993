// @ts-check
/** The histogram: messages over time by severity; drag to zoom, arrow keys and Enter do the same. */
import { button, el, show, svg } from "./dom.js";
import { LEVELS } from "./text.js";
import { stamp } from "./times.js";

/** Severities drawn as one colour, from the bottom of a bar up. */
const BANDS = /** @type {[string, (level: number | null) => boolean, string][]} */ ([
  ["7", (level) => level === 7, "debug"],
  ["6", (level) => level === 6, "info"],
  ["5", (level) => level === 5, "notice"],
  ["none", (level) => level === null, "no level"],
  ["4", (level) => level === 4, "warning"],
  ["3", (level) => level === 3, "error"],
  ["0", (level) => level !== null && level < 3, "critical"],
]);
const HEIGHT = 58;

export class Histogram {
  /**
   * @param {(from: number, to: number) => void} zoom UTC Unix seconds
   * @param {(condition: string) => void} filter a severity was pressed
   */
  constructor(zoom, filter) {
    this._zoom = zoom;
    this._filter = filter;
    /** @type {any} */
    this._data = null;
    this.chart = svg("svg", {
      viewBox: `0 0 1000 ${HEIGHT}`,
      preserveAspectRatio: "none",
      role: "img",
      "aria-label": "Messages over time",
    });
    this.legend = el("div", { class: "legend" });
    this.element = el("div", { class: "histogram" }, this.chart, this.legend);
    this._drag();
  }

  /** @param {{seconds: number, messages: number, buckets: {start: number, messages: number}[], series: {value: any, messages: number, counts: number[]}[]}} data */
  set(data) {
    this._data = data;
    const most = Math.max(1, ...data.buckets.map((bucket) => bucket.messages));
    const width = 1000 / Math.max(1, data.buckets.length);
    const bands = BANDS.map(([name, has, title]) => {
      const series = data.series.filter(({ value }) => has(typeof value === "number" ? value : null));
      return {
        name,
        title,
        counts: data.buckets.map((_, index) => series.reduce((sum, one) => sum + (one.counts[index] ?? 0), 0)),
        total: series.reduce((sum, one) => sum + one.messages, 0),
      };
    });
    const bars = data.buckets.flatMap((bucket, index) => {
      let y = HEIGHT;
      return bands
        .filter((band) => band.counts[index])
        .map((band) => {
          const height = Math.max((band.counts[index] / most) * (HEIGHT - 4), 1.5);
          y -= height;
          return svg("rect", {
            class: `bar-${band.name}`,
            x: (index * width + width * 0.06).toFixed(2),
            width: (width * 0.88).toFixed(2),
            y: y.toFixed(2),
            height: height.toFixed(2),
          });
        })
        .concat(
          svg(
            "rect",
            { x: index * width, y: 0, width, height: HEIGHT, fill: "transparent" },
            svg("title", {}, `${stamp(bucket.start)}: ${bucket.messages.toLocaleString()} messages`),
          ),
        );
    });
    this.selection = svg("rect", { class: "selection", y: 0, height: HEIGHT, width: 0, x: 0 });
    show(this.chart, bars, this.selection);
    this.chart.setAttribute(
      "aria-label",
      `Messages over time: ${data.messages.toLocaleString()} messages, at most ${most.toLocaleString()} in ${spanText(data.seconds)}`,
    );
    show(
      this.legend,
      el("strong", {}, data.messages.toLocaleString(), " messages"),
      el("span", {}, `${spanText(data.seconds)} a bar`),
      bands
        .filter((band) => band.total)
        .reverse()
        .map((band) =>
          button(
            [
              svg(
                "svg",
                { width: 10, height: 10, "aria-hidden": "true", viewBox: "0 0 10 10" },
                svg("rect", { class: `bar-${band.name}`, width: 10, height: 10, rx: 2 }),
              ),
              `${band.title} ${band.total.toLocaleString()}`,
            ],
            () => this._filter(condition(band.name)),
            { class: "plain", title: `Only ${band.title}` },
          ),
        ),
    );
  }

  _drag() {
    let start = -1;
    const at = (/** @type {PointerEvent} */ event) => {
      const box = this.chart.getBoundingClientRect();
      return Math.max(0, Math.min(1000, ((event.clientX - box.left) / box.width) * 1000));
    };
    this.chart.addEventListener("pointerdown", (/** @type {PointerEvent} */ event) => {
      if (event.button !== 0 || !this._data?.buckets.length) return;
      start = at(event);
      this.chart.setPointerCapture(event.pointerId);
    });
    this.chart.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => {
      if (start < 0 || !this.selection) return;
      const now = at(event);
      this.selection.setAttribute("x", String(Math.min(start, now)));
      this.selection.setAttribute("width", String(Math.abs(now - start)));
    });
    this.chart.addEventListener("pointerup", (/** @type {PointerEvent} */ event) => {
      if (start < 0) return;
      const [low, high] = [Math.min(start, at(event)), Math.max(start, at(event))];
      start = -1;
      this.selection?.setAttribute("width", "0");
      const { buckets, seconds } = this._data;
      const width = 1000 / buckets.length;
      const first = Math.min(buckets.length - 1, Math.floor(low / width));
      const last = Math.min(buckets.length - 1, high - low < 4 ? first : Math.floor(high / width));
      this._zoom(buckets[first].start, buckets[last].start + seconds);
    });
  }
}

/** @param {string} band */
function condition(band) {
  if (band === "none") return "NOT _exists_:level";
  return band === "0" ? "level:<=2" : `level:${band}`;
}

/** @param {number} seconds */
function spanText(seconds) {
  for (const [unit, length] of /** @type {[string, number][]} */ ([
    ["d", 86400],
    ["h", 3600],
    ["min", 60],
  ]))
    if (seconds >= length) return `${+(seconds / length).toFixed(1)} ${unit}`;
  return seconds >= 1 ? `${+seconds.toFixed(1)} s` : `${Math.round(seconds * 1000)} ms`;
}

/** A severity in words. @param {number} level */
export const severity = (level) => LEVELS[level] ?? String(level);
