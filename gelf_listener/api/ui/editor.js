// @ts-check
/** The query box: colours, completion of fields and values, validation as one types, history. */
import { ApiError, ask } from "./api.js";
import { KNOWN } from "./known.js";
import { button, el, show } from "./dom.js";
import { atCaret, tokens } from "./query.js";
import { showQueryHelp } from "./queryhelp.js";
import { keep, kept } from "./state.js";
import { fieldName, LEVELS, line, quote } from "./text.js";

const WAIT = 50;
const HISTORY = 50;
/** Pixels; a longer query is scrolled. */
const TALLEST = 160;

export class QueryEditor {
  /**
   * @param {(query: string) => void} run Enter was pressed, or the query is fine and typing paused
   * @param {string} [prefix] of the ids of its elements, where a page has several
   */
  constructor(run, prefix = "") {
    this._prefix = prefix;
    this._run = run;
    /** @type {{name: string, types: string[]}[]} */
    this._fields = [];
    /** The turn in which names of fields were offered. */
    this._named = -1;
    /** @type {{insert: string, text: string, note: string, start: number}[]} */
    this._offers = [];
    this._at = -1;
    this._timer = 0;
    /** Rises with each key and each opening or closing of the list: a completion that comes later is dropped. */
    this._turn = 0;
    /** What is being looked up to be offered. @type {Promise<void>} */
    this._completing = Promise.resolve();
    /** Called when the list of completions closes and the query is as it was. */
    this.settled = () => {};
    /** @type {AbortController | null} */
    this._asking = null;
    this._wrongFrom = -1;
    this.colours = el("pre", { "aria-hidden": "true" });
    this.area = el("textarea", {
      rows: 1,
      spellcheck: "false",
      autocapitalize: "off",
      autocomplete: "off",
      placeholder: 'Search: level:<=3 AND source:web, "exact words", user_id:42',
      "aria-label": "Query",
      "aria-haspopup": "listbox",
      "aria-controls": `${prefix}offers`,
      "aria-autocomplete": "list",
      maxlength: 8000,
    });
    this.list = el("ul", {
      class: "offers hidden",
      id: `${prefix}offers`,
      role: "listbox",
      "aria-label": "Completions",
    });
    this.problem = el("div", { class: "problem hidden", role: "status", id: `${prefix}query-problem` });
    this.element = el(
      "div",
      { class: "query" },
      el("div", { class: "layers" }, this.colours, this.area),
      this.list,
      this.problem,
      button("?", () => showQueryHelp((text) => this._example(text)), {
        class: "plain syntax",
        title: "How to search",
        "aria-label": "How to search",
      }),
    );
    this.area.addEventListener("input", () => this._typed());
    this.area.addEventListener("scroll", () => {
      this.colours.scrollTop = this.area.scrollTop;
    });
    this.area.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => this._key(event));
    this.area.addEventListener("blur", () => setTimeout(() => this._close(), 150));
    this.list.addEventListener("pointerdown", (/** @type {PointerEvent} */ event) => {
      const item = /** @type {HTMLElement} */ (event.target).closest("li");
      if (!item) return;
      event.preventDefault();
      this._take(Number(item.dataset.index));
    });
  }

  /** Fields to offer; those that come after somebody began to type are offered then. @param {{name: string, types: string[]}[]} fields */
  set fields(fields) {
    if (fields === this._fields) return;
    this._fields = fields;
    if (this._named === this._turn && this._at < 0) void this._complete(this._turn);
  }

  get value() {
    return this.area.value.trim();
  }

  /** @param {string} query */
  set(query) {
    if (query === this.value) return; // it was typed here: keep what is offered and told
    this.area.value = query;
    this._tell(null);
    this._paint();
    this._close();
    if (query) void this.judge(); // hints stand on a link that was opened, too
  }

  focus() {
    this.area.focus();
  }

  /** Whether what is typed may be the beginning of something: completions are offered. */
  async half() {
    await this._completing;
    return this._offers.length > 0;
  }

  /** @param {string} text */
  _example(text) {
    this.area.value = this.value ? `${this.value} AND ${text}` : text;
    this.area.focus();
    this._typed();
  }

  /** Remember a query that was run. @param {string} query */
  remember(query) {
    if (!query) return;
    keep(
      "history",
      [query, ...kept("history", /** @type {string[]} */ ([])).filter((other) => other !== query)].slice(0, HISTORY),
    );
  }

  _typed() {
    this._paint();
    clearTimeout(this._timer);
    const turn = ++this._turn;
    this._timer = window.setTimeout(() => {
      void this._check();
      this._completing = this._complete(turn);
    }, WAIT);
  }

  /** Ask the server whether the query can be understood, and say why not. */
  async judge() {
    await this._check(false);
  }

  /** Ask the server whether the query can be understood; a good one is run. */
  async _check(run = true) {
    const query = this.value;
    this._asking?.abort();
    this._asking = new AbortController();
    try {
      const found = await ask("validate", {
        method: "POST",
        parameters: { query: query || "*" },
        signal: this._asking.signal,
      });
      if (query !== this.value) return;
      this._tell(found.valid ? null : found, found.hints);
      if (found.valid && run) this._run(query);
      if (found.valid) void this._compare(query, this._asking.signal);
    } catch (error) {
      if (!(error instanceof ApiError)) return; // a later one was asked
      if (error.status) this._tell({ error: error.message, column: null, line: 1 });
      else if (run) this._run(query); // nobody there to judge it: the list says so
    }
  }

  /**
   * Ask what a real Graylog would find instead, when the search is under way: it counts twice.
   * @param {string} query
   * @param {AbortSignal} signal
   */
  async _compare(query, signal) {
    try {
      const parameters = { query: query || "*", compare: "true" };
      const found = await ask("validate", { method: "POST", parameters, signal });
      if (query === this.value) this._tell(null, found.hints);
    } catch {
      // a later query was asked, or nobody is there: the search says so
    }
  }

  /** @param {any} problem @param {{text: string, column: number}[]} [hints] */
  _tell(problem, hints = []) {
    const text = problem
      ? problem.column
        ? `Column ${problem.column}${problem.line > 1 ? ` of line ${problem.line}` : ""}: ${problem.error}`
        : problem.error
      : hints.map((hint) => `Column ${hint.column}: ${hint.text}`).join(" · ");
    this.problem.textContent = line(text, 400);
    this.problem.classList.toggle("hidden", !text);
    this.problem.classList.toggle("faint", !problem);
    this.area.classList.toggle("wrong", Boolean(problem));
    this.area.setAttribute("aria-invalid", String(Boolean(problem)));
    this._wrongFrom = problem?.column ? offsetOf(this.area.value, problem.line ?? 1, problem.column) : -1;
    this._paint();
  }

  _paint() {
    show(
      this.colours,
      tokens(this.area.value).map((token) => {
        const wrong =
          this._wrongFrom >= 0 && token.start + token.text.length > this._wrongFrom && token.start <= this._wrongFrom;
        if ((token.kind === "blank" || token.kind === "plain") && !wrong) return token.text;
        return el("span", { class: `q-${token.kind}${wrong ? " q-wrong" : ""}` }, token.text);
      }),
      this._wrongFrom >= this.area.value.length && el("span", { class: "q-wrong" }, " "),
      "\n",
    );
    this.area.style.height = "auto";
    const height = this.area.scrollHeight + 2;
    this.area.style.height = `${Math.min(height, TALLEST)}px`;
    this.element.classList.toggle("tall", height > TALLEST);
    this.colours.scrollTop = this.area.scrollTop;
  }

  /** @param {number} turn */
  async _complete(turn) {
    if (turn !== this._turn || document.activeElement !== this.area) return;
    const caret = this.area.selectionStart;
    const { field, prefix, start } = atCaret(this.area.value, caret);
    /** @type {typeof this._offers} */
    let offers = [];
    if (field !== null && field !== "_exists_") {
      try {
        const found = await ask(`fields/${encodeURIComponent(field)}/suggest`, { parameters: { prefix, limit: 12 } });
        offers = found.values.map((/** @type {{value: any, messages: number}} */ one) => ({
          insert: quote(one.value),
          text: line(one.value, 80) + (field === "level" ? ` ${LEVELS[one.value] ?? ""}` : ""),
          note: one.messages.toLocaleString(),
          start,
        }));
      } catch {
        /* nothing to offer */
      }
      if (turn !== this._turn || this.area.selectionStart !== caret) return;
    } else if (prefix) {
      const wanted = prefix.toLowerCase();
      const names = [
        ...new Set([
          "message",
          "source",
          "level",
          "_exists_",
          ...KNOWN.map((known) => known.name),
          ...this._fields.map((one) => one.name),
        ]),
      ];
      const begin = names.filter((name) => name.toLowerCase().startsWith(wanted));
      const inside = names.filter(
        (name) => !name.toLowerCase().startsWith(wanted) && name.toLowerCase().includes(wanted),
      );
      offers = [...begin, ...inside].slice(0, 12).map((name) => ({
        insert: fieldName(name) + ":",
        text: line(name, 80),
        note: this._fields.find((one) => one.name === name)?.types.join(", ") ?? "",
        start,
      }));
      if (field === "_exists_") offers = offers.map((offer) => ({ ...offer, insert: offer.insert.slice(0, -1) }));
    }
    this._offer(offers.filter((offer) => offer.insert !== this.area.value.slice(offer.start, caret)));
    if (field === null || field === "_exists_") this._named = this._turn;
  }

  /** @param {typeof this._offers} offers */
  _offer(offers) {
    this._turn += 1;
    this._offers = offers;
    this._at = -1;
    show(
      this.list,
      offers.map((offer, index) =>
        el(
          "li",
          { role: "option", id: `${this._prefix}offer-${index}`, "aria-selected": "false", dataset: { index } },
          el("span", {}, offer.text),
          el("span", { class: "faint" }, offer.note),
        ),
      ),
    );
    this.list.classList.toggle("hidden", offers.length === 0);
    this.area.removeAttribute("aria-activedescendant");
  }

  _close() {
    const open = this._offers.length > 0;
    this._offer([]);
    if (open) this.settled();
  }

  /** @param {number} index */
  _take(index) {
    const offer = this._offers[index];
    if (!offer) return;
    const caret = this.area.selectionStart;
    this.area.setRangeText(offer.insert, offer.start, caret, "end");
    this._offer([]);
    this._typed();
  }

  /** Earlier queries, below the box. */
  _history() {
    this._offer(
      kept("history", /** @type {string[]} */ ([]))
        .slice(0, 15)
        .map((query) => ({ insert: query, text: line(query, 120), note: "", start: 0 })),
    );
    this._offers.forEach((offer) => {
      offer.start = 0;
    });
  }

  /** @param {KeyboardEvent} event */
  _key(event) {
    const open = this._offers.length > 0;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      if (!open) {
        if (event.key === "ArrowUp" || this.area.value.includes("\n")) return;
        this.area.setSelectionRange(this.area.value.length, this.area.value.length);
        this._history();
        if (!this._offers.length) return;
      }
      event.preventDefault();
      const count = this._offers.length;
      this._at = (this._at + (event.key === "ArrowDown" ? 1 : this._at < 0 ? 0 : -1) + count) % count;
      for (const [index, item] of [...this.list.children].entries())
        item.setAttribute("aria-selected", String(index === this._at));
      this.list.children[this._at].scrollIntoView({ block: "nearest" });
      this.area.setAttribute("aria-activedescendant", `${this._prefix}offer-${this._at}`);
    } else if (event.key === "Tab" && open && !event.shiftKey) {
      event.preventDefault();
      this._take(Math.max(this._at, 0));
    } else if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      if (open && this._at >= 0) return this._take(this._at);
      clearTimeout(this._timer);
      this._close();
      this.remember(this.value);
      void this._check();
    } else if (event.key === "Escape") {
      if (open) this._close();
      else this.area.blur();
      event.stopPropagation();
    }
  }
}

/** @param {string} text @param {number} row 1-based @param {number} column 1-based */
function offsetOf(text, row, column) {
  const lines = text.split("\n");
  return lines.slice(0, row - 1).reduce((sum, one) => sum + one.length + 1, 0) + column - 1;
}
