// @ts-check
/** Drawing: an answer as shapes of SVG for a size, and where each of them is, so that a pointer can be told what it is at. */
import { coloursOf } from "./colours.js";
import { svg } from "./dom.js";
import { additive, ticks, timeTicks, unitOfMetric } from "./figures.js";

/** @typedef {import("./groups.js").Answer} Answer */
/** @typedef {"lines" | "bars" | "heat"} Kind */

/**
 * Something that was drawn, and what it stands for.
 * @typedef {object} Mark
 * @property {number} place
 * @property {number} series index
 * @property {number} x
 * @property {number} y
 * @property {number} width 0 for a point
 * @property {number} height
 */

/** @typedef {{left: number, top: number, right: number, bottom: number}} Inner where values are drawn, pixels */

const LETTER = 6.6;
const BAND = 26;
const MOST_NAME = 24;

/** What each series is drawn in: values by their names, metrics of everything one after the other. @param {Answer} answer */
function seriesColours({ series }) {
  const colours = coloursOf(series.filter((each) => each.condition !== null && !each.others).map(({ text }) => text));
  return series.map((each, index) =>
    each.others ? "series-others" : each.condition === null ? `series-${index % 10}` : (colours.shift() ?? ""),
  );
}

/** Leave out the middle: names of one kind mostly differ at their ends. @param {string} text @param {number} [most] */
function cut(text, most = MOST_NAME) {
  if (text.length <= most) return text;
  const tail = Math.floor((most - 1) / 2);
  return `${text.slice(0, most - 1 - tail)}…${text.slice(text.length - tail)}`;
}

export class Drawing {
  /**
   * @param {Answer} answer whose series have one unit
   * @param {Kind} kind
   * @param {number} width pixels
   * @param {number} height for what does not grow with its values
   */
  constructor(answer, kind, width, height) {
    this.answer = answer;
    this.colours = seriesColours(answer);
    this.kind = kind === "lines" && answer.axis !== "time" ? "bars" : kind;
    this.width = width;
    this.height = height;
    /** @type {Mark[]} */
    this.marks = [];
    /** @type {Inner} */
    this.inner = { left: 0, top: 0, right: 0, bottom: 0 };
    /** @type {Node[]} */
    this.nodes = [];
    if (!answer.series.length) return;
    if (this.kind === "heat") this._heat();
    else if (answer.axis === "time") this._overTime();
    else this._bands();
  }

  /** Whether places are one below the other. */
  get across() {
    return this.kind !== "heat" && this.answer.axis !== "time";
  }

  /** The highest value of all. */
  get highest() {
    return this._extent(false)[1];
  }

  /** @param {number} series @param {number} place */
  value(series, place) {
    const { cells, metric } = this.answer.series[series];
    return cells[place]?.value ?? (additive(metric) ? 0 : null);
  }

  /** The lowest and the highest that is drawn; nothing is cut off at its foot. @param {boolean} stacked @returns {[number, number]} */
  _extent(stacked) {
    const { series, places } = this.answer;
    let [low, high] = [0, 0];
    for (const place of places.keys()) {
      let sum = 0;
      for (const index of series.keys()) {
        const value = this.value(index, place) ?? 0;
        sum += value;
        low = Math.min(low, value);
        high = Math.max(high, stacked ? sum : value);
      }
    }
    return [low, high || (low ? 0 : 1)];
  }

  get _stacked() {
    const { series } = this.answer;
    return (
      this.kind === "bars" &&
      series.length > 1 &&
      series.every(({ metric }) => additive(metric) && metric === series[0].metric)
    );
  }

  /** @param {number} height @param {Inner} inner @param {Node[]} nodes */
  _done(height, inner, nodes) {
    this.height = height;
    this.inner = inner;
    this.nodes = nodes;
  }

  // --- over time

  _overTime() {
    const { series, places } = this.answer;
    const unit = unitOfMetric(series[0].metric);
    const steps = ticks(...this._extent(this._stacked), unit);
    const labels = steps.map(unit.text);
    const inner = {
      left: 12 + LETTER * Math.max(...labels.map((each) => each.length)),
      top: 8,
      right: this.width - 10,
      bottom: this.height - 22,
    };
    const [low, high] = [steps[0], steps[steps.length - 1]];
    const y = (/** @type {number} */ value) =>
      inner.bottom - ((value - low) / (high - low)) * (inner.bottom - inner.top);
    const nodes = steps.flatMap((step, index) => [
      svg("line", { class: step === 0 ? "base" : "grid", x1: inner.left, x2: inner.right, y1: y(step), y2: y(step) }),
      svg("text", { x: inner.left - 6, y: y(step) + 4, "text-anchor": "end" }, labels[index]),
    ]);
    const band = (inner.right - inner.left) / Math.max(1, places.length);
    nodes.push(...this._timeAxis(inner));
    if (this.kind === "lines") nodes.push(...this._lines(y, (place) => inner.left + (place + 0.5) * band));
    else nodes.push(...this._bars({ y, band, start: inner.left, zero: y(Math.max(low, 0)) }));
    this._done(this.height, inner, nodes);
  }

  /** @param {{left: number, right: number, bottom: number}} inner */
  _timeAxis({ left, right, bottom }) {
    const { places, seconds } = this.answer;
    if (!places.length || !seconds) return [];
    const from = places[0].time ?? 0;
    const to = (places[places.length - 1].time ?? 0) + seconds;
    const x = (/** @type {number} */ at) => left + ((at - from) / (to - from)) * (right - left);
    return timeTicks(from, to, Math.max(2, Math.floor((right - left) / 90)))
      .filter(({ at }) => x(at) < right - 14)
      .flatMap(({ at, text }) => [
        svg("line", { class: "grid", x1: x(at), x2: x(at), y1: bottom, y2: bottom + 4 }),
        svg("text", { x: x(at), y: bottom + 16, "text-anchor": "middle" }, text),
      ]);
  }

  /** @param {(value: number) => number} y @param {(place: number) => number} x */
  _lines(y, x) {
    return this.answer.series.flatMap((_, index) => {
      const colour = this.colours[index];
      const alone = [];
      let path = "";
      let open = false;
      for (const place of this.answer.places.keys()) {
        const value = this.value(index, place);
        if (value !== null) {
          const [at, height] = [x(place).toFixed(1), y(value).toFixed(1)];
          path += `${open ? "L" : "M"}${at} ${height}`;
          if (!open && this.value(index, place + 1) === null)
            alone.push(svg("circle", { class: `alone ${colour}`, cx: at, cy: height, r: 2.5 }));
          this.marks.push({ place, series: index, x: Number(at), y: Number(height), width: 0, height: 0 });
        }
        open = value !== null;
      }
      return [svg("path", { class: `line ${colour}`, d: path }), ...alone];
    });
  }

  /** @param {{y: (value: number) => number, band: number, start: number, zero: number}} at */
  _bars({ y, band, start, zero }) {
    const stacked = this._stacked;
    const { series, places } = this.answer;
    const wide = Math.max(1, (band * 0.84) / (stacked ? 1 : series.length));
    /** @type {Node[]} */
    const nodes = [];
    for (const place of places.keys()) {
      let below = 0;
      for (const index of series.keys()) {
        const value = this.value(index, place);
        if (!value) continue;
        const [foot, head] = stacked ? [y(below), y(below + value)] : [zero, y(value)];
        below += value;
        const x = start + (place + 0.08) * band + (stacked ? 0 : index * wide);
        const mark = {
          place,
          series: index,
          x,
          y: Math.min(foot, head),
          width: wide,
          height: Math.max(1, Math.abs(foot - head)),
        };
        this.marks.push(mark);
        nodes.push(rectangle(mark, `bar ${this.colours[index]}`));
      }
    }
    return nodes;
  }

  // --- over values: a band for each, from the top

  _bands() {
    const { series, places } = this.answer;
    const unit = unitOfMetric(series[0].metric);
    const stacked = this._stacked;
    const lines = stacked ? 1 : series.length;
    const band = Math.max(BAND, lines * 12 + 6);
    const steps = ticks(...this._extent(stacked), unit, Math.max(2, Math.floor(this.width / 140)));
    const names = places.map(({ text }) => cut(text, this.width < 500 ? 14 : MOST_NAME));
    const inner = {
      left: 12 + LETTER * Math.max(3, ...names.map((each) => each.length)),
      top: 4,
      right: this.width - 26,
      bottom: 4 + band * places.length,
    };
    const [low, high] = [steps[0], steps[steps.length - 1]];
    const x = (/** @type {number} */ value) => inner.left + ((value - low) / (high - low)) * (inner.right - inner.left);
    const zero = x(Math.max(low, 0));
    const nodes = steps.flatMap((step) => [
      svg("line", { class: step === 0 ? "base" : "grid", x1: x(step), x2: x(step), y1: inner.top, y2: inner.bottom }),
      svg("text", { x: x(step), y: inner.bottom + 16, "text-anchor": "middle" }, unit.text(step)),
    ]);
    for (const place of places.keys()) {
      const top = inner.top + place * band;
      nodes.push(svg("text", { x: inner.left - 6, y: top + band / 2 + 4, "text-anchor": "end" }, names[place]));
      let below = 0;
      const tall = (band - 8) / lines;
      for (const index of series.keys()) {
        const value = this.value(index, place);
        if (!value) continue;
        const [foot, head] = stacked ? [x(below), x(below + value)] : [zero, x(value)];
        below += value;
        const y = top + 4 + (stacked ? 0 : index * tall);
        const mark = {
          place,
          series: index,
          x: Math.min(foot, head),
          y,
          width: Math.max(1, Math.abs(head - foot)),
          height: tall,
        };
        this.marks.push(mark);
        const colour = places[place].others && series.length === 1 ? "series-others" : this.colours[index];
        nodes.push(rectangle(mark, `bar ${colour}`));
      }
    }
    this._done(inner.bottom + 22, inner, nodes);
  }

  // --- heat: places across, series down

  _heat() {
    const { series, places, axis } = this.answer;
    const [, high] = this._extent(false);
    const names = series.map(({ text }) => cut(text, this.width < 500 ? 12 : MOST_NAME));
    const top = 6;
    const inner = {
      left: 12 + LETTER * Math.max(3, ...names.map((each) => each.length)),
      top,
      right: this.width - 10,
      bottom: top + 22 * series.length,
    };
    const band = (inner.right - inner.left) / Math.max(1, places.length);
    const nodes = names.map((text, index) =>
      svg("text", { x: inner.left - 6, y: top + 22 * index + 15, "text-anchor": "end" }, text),
    );
    for (const index of series.keys())
      for (const place of places.keys()) {
        const value = this.value(index, place);
        const mark = {
          place,
          series: index,
          x: inner.left + place * band,
          y: top + 22 * index,
          width: band,
          height: 22,
        };
        this.marks.push(mark);
        const cell = rectangle({ ...mark, width: Math.max(1, band - 1), height: 21 }, value ? "heat" : "heat nothing");
        if (value) cell.setAttribute("fill-opacity", (0.12 + 0.88 * Math.sqrt(Math.max(0, value) / high)).toFixed(3));
        nodes.push(cell);
      }
    if (axis === "time") nodes.push(...this._timeAxis(inner));
    else
      nodes.push(
        ...places.map(({ text }, place) =>
          svg(
            "text",
            { x: inner.left + (place + 0.5) * band, y: inner.bottom + 16, "text-anchor": "middle" },
            cut(text, Math.max(3, Math.floor(band / LETTER) - 1)),
          ),
        ),
      );
    this._done(inner.bottom + 22, inner, nodes);
  }
}

/** @param {{x: number, y: number, width: number, height: number}} at @param {string} kind */
function rectangle({ x, y, width, height }, kind) {
  return svg("rect", {
    class: kind,
    x: x.toFixed(2),
    y: y.toFixed(2),
    width: width.toFixed(2),
    height: height.toFixed(2),
  });
}
