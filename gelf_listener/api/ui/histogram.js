// @ts-check
/** The histogram: messages over time by severity; drag to zoom, arrow keys and Enter do the same. */
import { button, el, show, svg } from "./dom.js";
import { count } from "./text.js";
import { stamp, ticks } from "./times.js";

/** Severities drawn as one colour, from the bottom of a bar up. */
const BANDS = /** @type {[string, (level: number) => boolean, string][]} */ ([
  ["7", (level) => level === 7, "debug"],
  ["6", (level) => level === 6, "info"],
  ["5", (level) => level === 5, "notice"],
  ["none", () => false, "no level"],
  ["4", (level) => level === 4, "warning"],
  ["3", (level) => level === 3, "error"],
  ["0", (level) => level < 3, "critical"],
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
      tabindex: 0,
      role: "application",
      "aria-label": "Messages over time",
      "aria-description": "Arrow keys choose a bar, with Shift several, Enter zooms in",
    });
    this.axis = el("div", { class: "axis", "aria-hidden": "true" });
    this.legend = el("div", { class: "legend" });
    this.told = el("div", { class: "unseen", role: "status" });
    this.element = el("div", { class: "histogram" }, this.chart, this.axis, this.legend, this.told);
    /** The bars that were chosen by key: where it began, and where one is; none before the first key. @type {[number, number] | null} */
    this._chosen = null;
    this._drag();
    this.chart.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => this._key(event));
    this.chart.addEventListener("blur", () => this._choose(null));
  }

  /** What it shows; null before the first answer. */
  get data() {
    return this._data;
  }

  /** @param {{seconds: number, messages: number, buckets: {start: number, messages: number}[], series: {value: any, messages: number, counts: number[]}[]}} data */
  set(data) {
    this._data = data;
    const most = Math.max(1, ...data.buckets.map((bucket) => bucket.messages));
    const width = 1000 / Math.max(1, data.buckets.length);
    const without = data.buckets.map((bucket, index) =>
      Math.max(0, bucket.messages - data.series.reduce((sum, one) => sum + (one.counts[index] ?? 0), 0)),
    );
    const bands = BANDS.map(([name, has, title]) => {
      const series = data.series.filter(({ value }) => has(Number(value)));
      const counts = data.buckets.map((_, index) => series.reduce((sum, one) => sum + (one.counts[index] ?? 0), 0));
      const shown = name === "none" ? without : counts; // the listener counts values: those without one are the rest
      return { name, title, counts: shown, total: shown.reduce((sum, messages) => sum + messages, 0) };
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
            svg("title", {}, `${stamp(bucket.start)}: ${count(bucket.messages, "message")}`),
          ),
        );
    });
    this.selection = svg("rect", { class: "selection", y: 0, height: HEIGHT, width: 0, x: 0 });
    show(this.chart, bars, this.selection);
    if (this._chosen) this._choose(this._chosen);
    this._drawAxis();
    this.chart.setAttribute(
      "aria-label",
      `Messages over time: ${count(data.messages, "message")}, at most ${most.toLocaleString()} in ${spanText(data.seconds)}`,
    );
    show(
      this.legend,
      el("strong", {}, count(data.messages, "message")),
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
      data.buckets.length > 0 && el("span", { class: "span" }, this._spanText(0, data.buckets.length - 1)),
    );
  }

  /** Times below the bars, at round ones; the last is where the bars end. */
  _drawAxis() {
    const { buckets, seconds } = this._data;
    if (!buckets.length) return show(this.axis);
    const from = buckets[0].start;
    const to = buckets[buckets.length - 1].start + seconds;
    const most = Math.max(2, Math.floor(this.axis.clientWidth / 90));
    show(
      this.axis,
      ticks(from, to, most).map(({ at, text }) => {
        const mark = el("span", {}, text);
        const share = (at - from) / (to - from);
        mark.style.left = `${(100 * share).toFixed(3)}%`;
        const edge = 40 / (this.axis.clientWidth || 1000); // half of a date
        mark.style.transform = `translateX(${share < edge ? 0 : share > 1 - edge ? -100 : -50}%)`;
        return mark;
      }),
    );
  }

  /** When bars begin and end. @param {number} first @param {number} last */
  _spanText(first, last) {
    const { buckets, seconds } = this._data;
    const text = (/** @type {number} */ time) => (seconds < 1 ? stamp(time) : stamp(time).replace(/\.000$/, ""));
    return `${text(buckets[first].start)} – ${text(buckets[last].start + seconds)}`;
  }

  /** @param {[number, number] | null} chosen */
  _choose(chosen) {
    const buckets = this._data?.buckets ?? [];
    this._chosen =
      chosen && buckets.length
        ? /** @type {[number, number]} */ (chosen.map((bar) => Math.min(bar, buckets.length - 1)))
        : null;
    const [first, last] = this._chosen ? [Math.min(...this._chosen), Math.max(...this._chosen)] : [0, -1];
    const width = 1000 / Math.max(1, buckets.length);
    this.selection?.setAttribute("x", String(first * width));
    this.selection?.setAttribute("width", String((last - first + 1) * width));
    let messages = 0;
    for (let bar = first; bar <= last; bar++) messages += buckets[bar].messages;
    const text = this._chosen ? `${this._spanText(first, last)}: ${count(messages, "message")}` : "";
    if (this.told.textContent !== text) this.told.textContent = text;
  }

  /** @param {KeyboardEvent} event */
  _key(event) {
    const bars = this._data?.buckets.length ?? 0;
    if (!bars || event.ctrlKey || event.metaKey || event.altKey) return;
    const [from, to] = this._chosen ?? [bars, bars];
    const next = /** @type {Record<string, number>} */ ({
      ArrowLeft: to - 1,
      ArrowRight: to + 1,
      Home: 0,
      End: bars - 1,
    })[event.key];
    if (next !== undefined) {
      const bar = Math.max(0, Math.min(bars - 1, next));
      this._choose([event.shiftKey && this._chosen ? from : bar, bar]);
    } else if (event.key === "Enter" && this._chosen) {
      const { buckets, seconds } = this._data;
      this._zoom(buckets[Math.min(from, to)].start, buckets[Math.max(from, to)].start + seconds);
      this._choose(null);
    } else if (event.key === "Escape" && this._chosen) {
      this._choose(null);
      event.stopPropagation();
    } else return;
    event.preventDefault();
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
    this.chart.addEventListener("pointercancel", () => {
      start = -1;
      this.selection?.setAttribute("width", "0");
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
