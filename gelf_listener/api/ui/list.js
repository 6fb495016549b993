// @ts-check
/**
 * The list: rows of one height, of which only those in sight exist; a row with the date stands before each day.
 *
 * It shows an array somebody else owns; `update` says that it changed. Rows are made once and filled again while scrolling.
 */
import { button, el, show } from "./dom.js";
import { levelName, line } from "./text.js";
import { handle, keptWidth } from "./widths.js";
import { clockOf, dayOf, dayText, stamp, timeOfDay } from "./times.js";
import { valueOf } from "./api.js";
import { isTime, NOISE, SERVICE_FIELDS, sourceOf } from "./known.js";

/** @typedef {import("./api.js").Message} Message */

const LINE = 24;
/** Lines of a row whose text is wrapped. */
const WRAPPED = 3;
const CHARACTERS = 400;
/** Fields behind the text of a row. */
const MOST_INLINE = 12;
const HEAD = 24;
const BEYOND = 8;
/** Browsers cannot make elements much taller: longer lists are scrolled in proportion. */
const TALLEST = 12_000_000;

/** @type {Record<string, string>} */
const WIDTHS = { timestamp: "7.8em", level: "3.6em", message: "minmax(22em, 1fr)" };
/** Of the time where the rows are not in its order, so that each has its date. */
const WHOLE_TIME = "14.2em";
const LONGEST_SOURCE = 36;
/** On a phone a row has the time of day, the level and the message, and the columns one chose. @type {Record<string, string>} */
const NARROW_WIDTHS = { timestamp: "5.1em", level: "3.4em", message: "minmax(14em, 1fr)" };
const narrow = matchMedia("(max-width: 700px)");
const TITLES = /** @type {Record<string, string>} */ ({
  timestamp: "Time",
  level: "Level",
  source: "Source",
  message: "Message",
});

/** Which listener took a message, where several share a store. @param {Message} message */
function taker(message) {
  const node = message.known.gl2_source_node;
  return node === undefined ? "" : ` @ ${node}`;
}

/** What is not shown behind a text unless it is asked for. */
const HIDDEN_INLINE = new Set([...NOISE, ...SERVICE_FIELDS]);

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
    /** Fields behind the text; null: the usual ones. @type {string[] | null} */
    this.inline = null;
    /** Whether a long text goes on below. */
    this.wrap = false;
    /** What stands where: the index of a message, or -1 - index for the date before it. @type {number[]} */
    this._slots = [];
    /** Characters of the longest source. */
    this._longest = 8;
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
    this._setWidths();
    this.space.replaceChildren();
    this._rows = [];
    this._drawHeads();
    this.draw();
  }

  /** Show other fields behind the text, or the text in another way. @param {string[] | null} inline @param {boolean} wrap */
  setRows(inline, wrap) {
    if (wrap === this.wrap && String(inline) === String(this.inline)) return;
    this.inline = inline;
    this.wrap = wrap;
    this.element.classList.toggle("wrap", wrap);
    this.redraw();
  }

  /** Draw every row again, though the messages are the same: times are shown in another zone. */
  redraw() {
    for (const row of this._rows) row.id = "";
    this.update();
  }

  get _height() {
    return this.wrap ? WRAPPED * 20 + 4 : LINE;
  }

  get _byTime() {
    return !this.sort || this.sort.startsWith("timestamp");
  }

  _setWidths() {
    const known = narrow.matches ? NARROW_WIDTHS : WIDTHS;
    const widths = this.columns.map((name) => {
      const chosen = narrow.matches ? 0 : keptWidth(name);
      if (chosen) return `${chosen}px`;
      // Not ch, which is another width in the head.
      if (name === "source") return `${((Math.min(this._longest, LONGEST_SOURCE) + 1) * 0.61).toFixed(2)}em`;
      if (name === "timestamp" && !narrow.matches && !this._byTime) return WHOLE_TIME;
      return known[name] ?? (isTime(name) ? WHOLE_TIME : "minmax(6em, 11em)");
    });
    this.element.style.setProperty("--columns", widths.join(" "));
    this.element.style.setProperty("--least", `${(narrow.matches ? 24 : 40) + this.added.length * 8}em`);
  }

  /** The array changed. */
  update() {
    this._slots = [];
    let day = "";
    let longest = this._longest;
    for (const [index, message] of this.messages.entries()) {
      if (this._byTime) {
        const its = dayOf(message.timestamp);
        if (its !== day) this._slots.push(-1 - index);
        day = its;
      }
      this._slots.push(index);
      if (index < 500)
        longest = Math.max(longest, Math.min((sourceOf(message) + taker(message)).length, LONGEST_SOURCE));
    }
    if (longest !== this._longest) {
      this._longest = longest;
      this._setWidths();
    }
    const height = Math.min(this._slots.length * this._height, TALLEST);
    this.space.style.height = `${height}px`;
    this.element.setAttribute("aria-rowcount", String(this._slots.length + 1));
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
    return this.element.scrollTop < this._height;
  }

  get atBottom() {
    return this.element.scrollTop + this.element.clientHeight > this.element.scrollHeight - 2 * this._height;
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
    const height = this._height;
    const top = this._slots.indexOf(index) * height;
    const view = this.element;
    if (top < view.scrollTop) view.scrollTop = top;
    else if (top + height + HEAD > view.scrollTop + view.clientHeight)
      view.scrollTop = top + height + HEAD - view.clientHeight;
    this.choose(message);
  }

  _draw() {
    const view = this.element.clientHeight - HEAD;
    const height = this._height;
    const whole = this._slots.length * height;
    const ratio = whole > TALLEST ? (whole - view) / (TALLEST - view) : 1;
    const top = this.element.scrollTop * ratio;
    const first = Math.max(0, Math.floor(top / height) - BEYOND);
    const last = Math.min(this._slots.length, Math.ceil((top + view) / height) + BEYOND);
    const offset = this.element.scrollTop - top;
    while (this._rows.length < last - first) this._rows.push(this._row());
    for (const [number, row] of this._rows.entries()) {
      const slot = first + number;
      row.element.classList.toggle("hidden", slot >= last);
      if (slot < last) this._fill(row, slot, slot * height + offset);
    }
    this.empty.classList.toggle("hidden", this.messages.length > 0 || !this.empty.hasChildNodes());
    this._scrolled(first, last && Math.abs(this._slots[last - 1]));
  }

  _row() {
    const cells = this.columns.map((name) => el("div", { role: "gridcell", class: name === "level" ? "level" : "" }));
    const element = el("div", { class: "message", role: "row" }, cells);
    this.space.append(element);
    return { element, cells, id: "", isDay: false };
  }

  /** @param {any} row @param {number} slot @param {number} top */
  _fill(row, slot, top) {
    const index = this._slots[slot];
    row.element.style.transform = `translateY(${top}px)`;
    row.element.setAttribute("aria-rowindex", String(slot + 2));
    row.element.classList.toggle("day", index < 0);
    row.element.classList.toggle("message", index >= 0);
    if (index < 0) return this._fillDay(row, this.messages[-1 - index]);
    const message = this.messages[index];
    row.element.dataset.index = String(index);
    row.element.setAttribute("aria-selected", String(message.id === this.chosen));
    if (message.id === this.chosen) {
      row.element.id = "chosen-message";
      this.element.setAttribute("aria-activedescendant", "chosen-message");
    } else row.element.removeAttribute("id");
    row.element.classList.toggle("marked", this.marked(message));
    if (row.id === message.id) return;
    if (row.isDay) row.element.replaceChildren(...row.cells);
    row.isDay = false;
    row.id = message.id;
    row.element.dataset.level = String(message.level ?? "none");
    for (const [number, name] of this.columns.entries()) {
      const cell = row.cells[number];
      const value = valueOf(message, name);
      if (name === "timestamp" && narrow.matches) cell.textContent = timeOfDay(message.timestamp);
      else if (name === "timestamp" && this._byTime) cell.textContent = clockOf(message.timestamp);
      else if (isTime(name)) cell.textContent = value === undefined ? "" : stamp(Number(value));
      else if (name === "level") {
        cell.textContent = levelName(message.level);
        cell.className = `level level-${message.level ?? "none"}`;
      } else {
        const text = line(name === "source" ? sourceOf(message) + taker(message) : value, CHARACTERS);
        const empty = name === "message" && !text.trim();
        cell.textContent = empty ? "empty" : text;
        cell.className = empty ? "nothing" : "";
        if (name === "message") cell.append(...this._inlineFields(message));
      }
    }
  }

  /** A row with the date of the messages below it. @param {any} row @param {Message} message */
  _fillDay(row, message) {
    row.id = "";
    row.isDay = true;
    row.element.removeAttribute("id");
    row.element.removeAttribute("aria-selected");
    row.element.classList.remove("marked");
    delete row.element.dataset.index;
    delete row.element.dataset.level;
    const text = dayText(dayOf(message.timestamp));
    row.element.replaceChildren(el("div", { role: "gridcell", "aria-colspan": this.columns.length }, text));
  }

  /** Fields behind the text: `status=500 duration_ms=12`. @param {Message} message */
  _inlineFields(message) {
    const shown = this.inline ?? Object.keys(message.fields).filter((name) => !HIDDEN_INLINE.has(name));
    return shown
      .filter((name) => !this.columns.includes(name))
      .map((name) => [name, valueOf(message, name)])
      .filter(([, value]) => value !== undefined && value !== null)
      .slice(0, MOST_INLINE)
      .flatMap(([name, value]) => [
        " ",
        el("span", { class: "pair" }, el("span", {}, `${line(name, 60)}=`), line(value, 80)),
      ]);
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
          name !== "message" && !narrow.matches && handle(name, TITLES[name] ?? name, () => this._setWidths()),
        );
      }),
    );
  }

  /** Show by what it is sorted. @param {string} sort */
  setSort(sort) {
    const other = sort !== this.sort;
    this.sort = sort;
    this._setWidths();
    this._drawHeads();
    if (other) this.redraw();
  }

  /** @param {KeyboardEvent} event */
  _key(event) {
    if (event.target !== this.element) return;
    const page = Math.max(1, Math.floor((this.element.clientHeight - HEAD) / this._height) - 1);
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
