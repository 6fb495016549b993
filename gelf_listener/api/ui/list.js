// @ts-check
/**
 * The list: rows of one height, of which only those in sight exist.
 *
 * It shows an array somebody else owns; `update` says that it changed. Rows are made once and filled again while scrolling.
 */
import { button, el, show } from "./dom.js";
import { levelName, line } from "./text.js";
import { stamp, timeOfDay } from "./times.js";
import { valueOf } from "./api.js";
import { isTime, sourceOf } from "./known.js";

/** @typedef {import("./api.js").Message} Message */

const HEIGHT = 24;
const HEAD = 24;
const BEYOND = 8;
/** Browsers cannot make elements much taller: longer lists are scrolled in proportion. */
const TALLEST = 12_000_000;

/** @type {Record<string, string>} */
const WIDTHS = { timestamp: "11.5em", level: "3.6em", source: "minmax(8em, 16em)", message: "minmax(22em, 1fr)" };
/** On a phone a row has the time of day, the level and the message, and the columns one chose. @type {Record<string, string>} */
const NARROW_WIDTHS = { timestamp: "5.1em", level: "3.4em", message: "minmax(14em, 1fr)" };
const narrow = matchMedia("(max-width: 700px)");
const TITLES = /** @type {Record<string, string>} */ ({
  timestamp: "Time",
  level: "Level",
  source: "Source",
  message: "Message",
});

export class MessageList {
  /**
   * @param {object} wants
   * @param {(message: Message) => void} wants.open a row was chosen
   * @param {(first: number, last: number) => void} wants.scrolled rows in sight changed
   * @param {(field: string) => void} wants.sort a column's head was pressed
   */
  constructor({ open, scrolled, sort }) {
    /** @type {Message[]} */
    this.messages = [];
    /** @type {string[]} */
    this.columns = [];
    /** @type {string[]} */
    this.added = [];
    this.chosen = "";
    this.sort = "";
    /** @type {(message: Message) => boolean} */
    this.marked = () => false;
    this._open = open;
    this._scrolled = scrolled;
    this._onSort = sort;
    /** @type {any[]} */
    this._rows = [];
    this._frame = 0;
    this.heads = el("div", { class: "heads", role: "row", "aria-rowindex": 1 });
    this.space = el("div", { class: "space", role: "presentation" });
    /** What stands in its place while there are no rows; beside the list, as a grid holds nothing but rows. */
    this.empty = el("div", { class: "empty hidden" });
    this.element = el(
      "div",
      { class: "list", role: "grid", tabindex: 0, "aria-label": "Messages", "aria-rowcount": 1 },
      this.heads,
      this.space,
    );
    this.element.addEventListener("scroll", () => this.draw(), { passive: true });
    this.element.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => this._key(event));
    this.space.addEventListener("click", (/** @type {MouseEvent} */ event) => {
      const row = /** @type {HTMLElement} */ (event.target).closest(".message");
      const message = row && this.messages[Number(/** @type {HTMLElement} */ (row).dataset.index)];
      if (message && !String(getSelection())) this.choose(message);
    });
    new ResizeObserver(() => this.draw()).observe(this.element);
    narrow.addEventListener("change", () => this.setColumns(this.added));
  }

  /** Show other columns. @param {string[]} added beside time, level and source; the message comes last */
  setColumns(added) {
    this.added = added;
    this.columns = ["timestamp", "level", ...(narrow.matches ? [] : ["source"]), ...added, "message"];
    const known = narrow.matches ? NARROW_WIDTHS : WIDTHS;
    const widths = this.columns.map((name) => known[name] ?? "minmax(6em, 11em)");
    this.element.style.setProperty("--columns", widths.join(" "));
    this.element.style.setProperty("--least", `${(narrow.matches ? 24 : 40) + added.length * 8}em`);
    this.space.replaceChildren();
    this._rows = [];
    this._drawHeads();
    this.draw();
  }

  /** The array changed. */
  update() {
    const height = Math.min(this.messages.length * HEIGHT, TALLEST);
    this.space.style.height = `${height}px`;
    this.element.setAttribute("aria-rowcount", String(this.messages.length + 1));
    this.draw();
  }

  /** Draw what is in sight, once in a frame. */
  draw() {
    this._frame ||= requestAnimationFrame(() => {
      this._frame = 0;
      this._draw();
    });
  }

  get atTop() {
    return this.element.scrollTop < HEIGHT;
  }

  get atBottom() {
    return this.element.scrollTop + this.element.clientHeight > this.element.scrollHeight - 2 * HEIGHT;
  }

  toTop() {
    this.element.scrollTop = 0;
  }

  toBottom() {
    this.element.scrollTop = this.element.scrollHeight;
  }

  /** @param {Message} message */
  choose(message) {
    this.chosen = message.id;
    this._open(message);
    this.draw();
  }

  /** Choose the next or an earlier row. @param {number} by */
  step(by) {
    const at = this.messages.findIndex((message) => message.id === this.chosen);
    const index = Math.max(0, Math.min(this.messages.length - 1, at < 0 ? 0 : at + by));
    const message = this.messages[index];
    if (!message) return;
    const top = index * HEIGHT;
    const view = this.element;
    if (top < view.scrollTop) view.scrollTop = top;
    else if (top + HEIGHT + HEAD > view.scrollTop + view.clientHeight)
      view.scrollTop = top + HEIGHT + HEAD - view.clientHeight;
    this.choose(message);
  }

  _draw() {
    const view = this.element.clientHeight - HEAD;
    const whole = this.messages.length * HEIGHT;
    const ratio = whole > TALLEST ? (whole - view) / (TALLEST - view) : 1;
    const top = this.element.scrollTop * ratio;
    const first = Math.max(0, Math.floor(top / HEIGHT) - BEYOND);
    const last = Math.min(this.messages.length, Math.ceil((top + view) / HEIGHT) + BEYOND);
    const offset = this.element.scrollTop - top;
    while (this._rows.length < last - first) this._rows.push(this._row());
    for (const [number, row] of this._rows.entries()) {
      const index = first + number;
      row.element.classList.toggle("hidden", index >= last);
      if (index < last) this._fill(row, index, index * HEIGHT + offset);
    }
    this.empty.classList.toggle("hidden", this.messages.length > 0 || !this.empty.hasChildNodes());
    this._scrolled(first, last);
  }

  _row() {
    const cells = this.columns.map((name) => el("div", { role: "gridcell", class: name === "level" ? "level" : "" }));
    const element = el("div", { class: "message", role: "row" }, cells);
    this.space.append(element);
    return { element, cells, id: "" };
  }

  /** @param {any} row @param {number} index @param {number} top */
  _fill(row, index, top) {
    const message = this.messages[index];
    row.element.style.transform = `translateY(${top}px)`;
    row.element.dataset.index = String(index);
    row.element.setAttribute("aria-rowindex", String(index + 2));
    row.element.setAttribute("aria-selected", String(message.id === this.chosen));
    if (message.id === this.chosen) {
      row.element.id = "chosen-message";
      this.element.setAttribute("aria-activedescendant", "chosen-message");
    } else row.element.removeAttribute("id");
    row.element.classList.toggle("marked", this.marked(message));
    if (row.id === message.id) return;
    row.id = message.id;
    row.element.dataset.level = String(message.level ?? "none");
    for (const [number, name] of this.columns.entries()) {
      const cell = row.cells[number];
      const value = valueOf(message, name);
      if (name === "timestamp" && narrow.matches) cell.textContent = timeOfDay(message.timestamp);
      else if (isTime(name)) cell.textContent = stamp(Number(value));
      else if (name === "level") {
        cell.textContent = levelName(message.level);
        cell.className = `level level-${message.level ?? "none"}`;
      } else {
        const text = line(name === "source" ? sourceOf(message) : value, 400);
        const empty = name === "message" && !text.trim();
        cell.textContent = empty ? "empty" : text;
        cell.className = empty ? "nothing" : "";
      }
    }
  }

  _drawHeads() {
    const [field, order] = this.sort.split(":");
    show(
      this.heads,
      this.columns.map((name) => {
        const sorted = field === name || (!this.sort && name === "timestamp");
        const arrow = sorted ? (order === "asc" ? " ▲" : " ▼") : "";
        return el(
          "div",
          { role: "columnheader", "aria-sort": sorted ? (order === "asc" ? "ascending" : "descending") : "none" },
          button((TITLES[name] ?? line(name, 60)) + arrow, () => this._onSort(name), { title: `Sort by ${name}` }),
        );
      }),
    );
  }

  /** Show by what it is sorted. @param {string} sort */
  setSort(sort) {
    this.sort = sort;
    this._drawHeads();
  }

  /** @param {KeyboardEvent} event */
  _key(event) {
    if (event.target !== this.element) return;
    const page = Math.max(1, Math.floor((this.element.clientHeight - HEAD) / HEIGHT) - 1);
    const by = /** @type {Record<string, number>} */ ({
      ArrowDown: 1,
      ArrowUp: -1,
      j: 1,
      k: -1,
      PageDown: page,
      PageUp: -page,
      Home: -this.messages.length,
      End: this.messages.length,
    })[event.key];
    if (by === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    this.step(by);
  }
}
