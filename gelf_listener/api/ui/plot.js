// @ts-check
/**
 * Plot: lines, bars or a heat map of an answer, as SVG in the size it is shown in.
 *
 * It is for the eye and the pointer: one link lies over it and leads to the messages of whatever is nearest. The table
 * of the same answer is for everybody else, so the picture itself is hidden from screen readers.
 */
import { el, show, svg } from "./dom.js";
import { Drawing } from "./drawing.js";
import { plain, unitOfMetric } from "./figures.js";
import { narrowed } from "./groups.js";
import { follow, link } from "./links.js";
import { address } from "./state.js";
import { count } from "./text.js";

/** @typedef {import("./groups.js").Answer} Answer */
/** @typedef {import("./drawing.js").Kind} Kind */

const MOST_TOLD = 12;

export class Plot {
  /** @param {number} height pixels, for what does not grow with its values */
  constructor(height = 240) {
    this._height = height;
    /** @type {Answer | null} */
    this._answer = null;
    /** @type {Kind} */
    this._kind = "lines";
    /** @type {Drawing | null} */
    this._drawing = null;
    /** @type {Partial<import("./state.js").State>} */
    this._target = {};
    this.drawing = svg("g");
    this.marker = svg("rect", { class: "marker" });
    this.cover = svg("rect", { class: "cover" });
    this.link = svg(
      "a",
      {
        tabindex: -1,
        on: {
          click: (/** @type {MouseEvent} */ event) => follow(event, this._target),
          pointermove: (/** @type {PointerEvent} */ event) => this._point(event),
          pointerdown: (/** @type {PointerEvent} */ event) => this._point(event),
          pointerleave: () => this._leave(),
        },
      },
      this.cover,
    );
    this.svg = svg("svg", { "aria-hidden": "true" }, this.drawing, this.marker, this.link);
    this.tip = el("div", { class: "tip hidden", "aria-hidden": "true" });
    this.legend = el("ul", { class: "legend" });
    this.element = el("div", { class: "plot" }, el("div", { class: "canvas" }, this.svg, this.tip), this.legend);
    this._width = 0;
    new ResizeObserver(() => {
      // In a frame of its own: drawing changes the height, which would be observed again.
      requestAnimationFrame(() => {
        if (this._answer && Math.abs(this.element.clientWidth - this._width) > 1) this._draw();
      });
    }).observe(this.element);
  }

  /** @param {Answer} answer whose series have one unit @param {Kind} kind */
  set(answer, kind) {
    this._answer = answer;
    this._kind = kind;
    this._draw();
    this._drawLegend();
  }

  /** @returns {Answer} */
  get _shown() {
    return /** @type {Answer} */ (this._answer);
  }

  _draw() {
    this._width = this.element.clientWidth;
    this._leave();
    const drawing = new Drawing(this._shown, this._kind, this._width, this._height);
    this._drawing = drawing;
    const { width, height, inner } = drawing;
    set(this.svg, { width, height, viewBox: `0 0 ${width} ${height}` });
    set(this.cover, {
      x: inner.left,
      y: inner.top,
      width: Math.max(0, inner.right - inner.left),
      height: inner.bottom - inner.top,
    });
    show(this.drawing, drawing.nodes);
  }

  // --- the pointer

  /** @param {PointerEvent} event */
  _point(event) {
    const box = this.svg.getBoundingClientRect();
    const mark = this._nearest(event.clientX - box.left, event.clientY - box.top);
    if (!mark) return;
    const answer = this._shown;
    this._target = narrowed(answer, answer.places[mark.place], answer.series[mark.series]);
    this.link.setAttribute("href", address(this._target));
    const spread = mark.width ? 0 : 4;
    const around = {
      x: mark.x - spread,
      y: mark.y - spread,
      width: mark.width + 2 * spread,
      height: mark.height + 2 * spread,
      rx: spread,
    };
    set(this.marker, around);
    this.marker.classList.add("on");
    this._tell(mark);
  }

  /** The mark in which a point is, else the one in the same place that is nearest. @param {number} x @param {number} y */
  _nearest(x, y) {
    const { across, marks } = /** @type {Drawing} */ (this._drawing);
    let [best, least] = [/** @type {import("./drawing.js").Mark | null} */ (null), Infinity];
    for (const mark of marks) {
      const right = Math.max(mark.x - x, 0, x - mark.x - mark.width);
      const down = Math.max(mark.y - y, 0, y - mark.y - mark.height);
      const distance = across ? down * 1000 + right : right * 1000 + down;
      if (distance < least) [best, least] = [mark, distance];
    }
    return best;
  }

  /** @param {import("./drawing.js").Mark} mark */
  _tell(mark) {
    const { places, series } = this._shown;
    const place = places[mark.place];
    const told = series
      .map((one, index) => ({
        one,
        index,
        cell: one.cells[mark.place],
        value: /** @type {Drawing} */ (this._drawing).value(index, mark.place),
      }))
      .filter(({ index, value }) => index === mark.series || value)
      .sort((a, b) => (b.value ?? 0) - (a.value ?? 0));
    const shown = told.filter(({ index }, rank) => rank < MOST_TOLD || index === mark.series);
    show(
      this.tip,
      place.text && el("strong", {}, place.text),
      shown.map(({ one, index, cell, value }) =>
        el(
          "div",
          { class: index === mark.series ? "row chosen" : "row" },
          this._kind !== "heat" && swatch(/** @type {Drawing} */ (this._drawing).colours[index]),
          el("span", { class: "grow" }, one.text),
          el("span", { class: "right" }, value === null ? "–" : unitOfMetric(one.metric).text(value)),
          index === mark.series &&
            cell &&
            one.metric !== "count" &&
            el("span", { class: "faint" }, `of ${count(cell.messages, "message")}`),
        ),
      ),
      told.length > shown.length && el("div", { class: "faint" }, `${told.length - shown.length} more`),
    );
    this.tip.classList.remove("hidden");
    const room = this._width - this.tip.offsetWidth - 4;
    const beside = mark.x + mark.width + 14;
    this.tip.style.left = `${Math.max(0, beside > room ? Math.min(room, mark.x - this.tip.offsetWidth - 14) : beside)}px`;
    this.tip.style.top = `${Math.max(0, mark.y - 10)}px`;
  }

  _leave() {
    this.tip.classList.add("hidden");
    this.marker.classList.remove("on");
  }

  _drawLegend() {
    const answer = this._shown;
    const needed = this._kind !== "heat" && answer.series.length > 1;
    show(
      this.legend,
      needed &&
        answer.series.map((series, index) =>
          el(
            "li",
            {},
            link(
              narrowed(answer, undefined, series),
              { title: "Its messages" },
              swatch(/** @type {Drawing} */ (this._drawing).colours[index]),
              series.text,
            ),
          ),
        ),
      this._kind === "heat" && this._scale(),
    );
  }

  _scale() {
    const { series } = this._shown;
    if (!series.length) return null;
    const steps = [0.12, 0.34, 0.56, 0.78, 1];
    const unit = unitOfMetric(series[0].metric);
    return el(
      "li",
      { class: "faint" },
      "0 ",
      svg(
        "svg",
        { width: 75, height: 10, "aria-hidden": "true" },
        steps.map((opacity, index) =>
          svg("rect", { class: "heat", x: index * 15, width: 14, height: 10, "fill-opacity": opacity }),
        ),
      ),
      ` ${unit.text(this._drawing?.highest ?? 0)}`,
    );
  }
}

/** @param {Element} element @param {Record<string, string | number>} attributes */
function set(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
}

/** @param {string} colour */
function swatch(colour) {
  return svg(
    "svg",
    { width: 10, height: 10, "aria-hidden": "true", class: "swatch" },
    svg("rect", { class: `bar ${colour}`, width: 10, height: 10, rx: 2 }),
  );
}

/** A value of a metric for a table. @param {string} metric @param {number | null} value */
export const figureText = (metric, value) => {
  if (value === null || value === undefined) return "–";
  const unit = unitOfMetric(metric);
  return unit.name === "" || unit.name === metric.split(":").slice(1).join(":") ? plain(value) : unit.text(value);
};
