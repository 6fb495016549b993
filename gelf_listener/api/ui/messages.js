// @ts-check
/** The messages view: follow what arrives, or search what is stored; both share the list. */
import { actions } from "./actions.js";
import { ApiError, ask, live, valueOf } from "./api.js";
import { Detail } from "./detail.js";
import { button, el, menu, show } from "./dom.js";
import { QueryEditor } from "./editor.js";
import { Fields } from "./fields.js";
import { Histogram } from "./histogram.js";
import { knownField, SERVICE_FIELDS } from "./known.js";
import { MessageList } from "./list.js";
import { here } from "./paths.js";
import { add } from "./query.js";
import { go, keep, kept, state, watch } from "./state.js";
import { line, noMatch, spell } from "./text.js";
import { timePicker } from "./timepicker.js";
import { isoOf, rangeParameters, startOf } from "./times.js";

/** @typedef {import("./api.js").Message} Message */

const PAGE = 200;
/** Messages kept while following; older ones are found by searching. */
const KEPT = 10_000;
const REFRESH = 2000;
const CHARACTERS = 400;
/** Milliseconds in which a search has the listener to itself. */
const ALONE = 100;
/** A row keeps so many fields, and no others than are shown where there are more: some messages have thousands. */
const MOST_FIELDS = 50;

/** Additional fields that are a column or highlighted. @param {import("./state.js").State} now */
const fieldsShown = (now) => [
  ...SERVICE_FIELDS,
  ...now.columns,
  ...(inlineOf(now) ?? []),
  ...(now.mark ? [now.mark.split(":")[0]] : []),
];

/** Fields behind the text of a row; null for the usual ones. @param {import("./state.js").State} now */
const inlineOf = (now) => (now.inline ? now.inline.split(",").filter((name) => name && name !== "-") : null);

/** @param {import("./state.js").State} now */
const hasRange = (now) => Boolean(now.keyword || now.from || now.to || now.range !== "all");

export class Messages {
  constructor() {
    this.editor = new QueryEditor((query) => {
      if (query !== state().q)
        go({ q: query, id: "" }, { replace: state().q !== "" && query.startsWith(state().q.slice(0, 3)) });
    });
    this.picker = timePicker();
    this.histogram = new Histogram(
      (from, to) => go({ from: isoOf(from), to: isoOf(to), range: "", keyword: "", live: false }),
      (condition) => go({ q: add(state().q, condition) }),
    );
    this.fields = new Fields();
    this.detail = new Detail();
    this.list = new MessageList({
      open: (message) => go({ id: message.id }, { replace: state().id !== "" }),
      scrolled: (_, last) => this._scrolled(last),
      sort: (field) => this._sort(field),
    });
    this.follow = button(
      "",
      () =>
        go(
          state().live
            ? { live: false }
            : { live: true, ...(state().range ? {} : { range: "15m", from: "", to: "", keyword: "" }), sort: "" },
        ),
      { title: "Follow new messages (f)" },
    );
    this.flash = button("", () => this._resume(), { class: "primary flash hidden" });
    this.counts = el("div", { class: "counts", role: "status" });
    this.order = kept("order", "top");
    this.unstored = el(
      "p",
      { class: "unstored hidden", role: "note" },
      "Nothing is stored: only what arrives while this page is open is shown, and nothing can be searched. ",
      el("code", {}, "--also-output"),
      " instead of ",
      el("code", {}, "--output"),
      " keeps the store, or add ",
      el("code", {}, "--output store:"),
    );
    /** Whether messages can be asked for again; false: what the rows have is all there is. */
    this._stored = true;
    const again = {
      changed: () => this._start(),
      reorder: (/** @type {string} */ order) => this._reorder(order),
      rewrap: (/** @type {boolean} */ wrap) => this._rewrap(wrap),
    };
    const fields = () =>
      this.fields.all.map((one) => one.name).filter((name) => !knownField(name) || name === "full_message");
    const more = menu(
      "⋯",
      (close) => actions(close, { order: this.order, wrap: this.list.wrap, fields: fields(), ...again }),
      {
        "aria-label": "More",
        title: "Export, import, saved searches, clear",
      },
    );
    const toggle = button("☰", () => this.fields.element.classList.toggle("open"), {
      class: "fields-toggle",
      "aria-label": "Fields",
      title: "Fields",
    });
    this.element = el(
      "div",
      { class: "grow hidden" },
      el("div", { class: "bar" }, toggle, this.editor.element, this.picker.element, this.follow, more),
      this.unstored,
      this.histogram.element,
      el(
        "div",
        { class: "board" },
        this.fields.element,
        el("div", { class: "results" }, this.list.element, this.list.empty, this.flash, this.counts),
        this.detail.element,
      ),
    );
    this.element.style.cssText = "display:flex;flex-direction:column;min-height:0";
    /** @type {() => void} */
    this._stop = () => undefined;
    /** @type {Message[]} */
    this._waiting = [];
    this._missed = 0;
    this._total = 0;
    /** @type {string | null} */
    this._cursor = null;
    this._loading = false;
    this._run = 0;
    this._timer = 0;
    this._shown = "";
    this._fields = "";
    this._lightened = false;
    this._zone = state().zone;
    watch((now, before) => {
      if (now.view === "messages" && before.view === "messages") this._changed(false, now.q !== before.q);
    });
  }

  /** The view is opened. */
  enter() {
    this.list.setRows(inlineOf(state()), kept("wrap", false));
    this._changed(true, true);
    void this._lookForStore();
  }

  /** Without a store rows are all there is of a message, so they have to be whole. */
  async _lookForStore() {
    try {
      const { store } = await ask("stats");
      this.unstored.classList.toggle("hidden", Boolean(store));
      if (Boolean(store) === this._stored) return;
      this._stored = Boolean(store);
      if (state().view === "messages") this._start();
    } catch {
      /* the pulse says that nothing answers */
    }
  }

  /** What the list asks for: of each text no more than a row shows, if it can be asked for again. @param {import("./state.js").State} now */
  _asked(now) {
    return { query: now.q || "*", ...(this._stored && { characters: CHARACTERS }) };
  }

  /** The view is left: stop what runs for it. */
  leave() {
    this._stop();
    clearTimeout(this._timer);
    this._shown = "";
  }

  /** @param {boolean} entering @param {boolean} asked the query is another */
  _changed(entering, asked) {
    const now = state();
    if (asked) this.editor.set(now.q); // else what is being typed stays
    if (now.zone !== this._zone) {
      this._zone = now.zone;
      this.list.redraw();
      if (this.histogram.data) this.histogram.set(this.histogram.data);
    }
    this.list.setRows(inlineOf(now), this.list.wrap);
    this.picker.update();
    this.follow.setAttribute("aria-pressed", String(now.live));
    this.follow.textContent = now.live ? "● Live" : "▶ Live";
    if (entering || now.columns.join() !== this.list.added.join()) this.list.setColumns(now.columns);
    const [field, ...rest] = now.mark.split(":");
    const value = rest.join(":");
    this.list.marked = now.mark
      ? (message) => spell(valueOf(message, field)).slice(0, CHARACTERS) === value.slice(0, CHARACTERS)
      : () => false;
    this.list.chosen = now.id;
    this.list.draw();
    void this.detail.set(
      now.id,
      this.list.messages.find((message) => message.id === now.id),
    );
    const wanted = JSON.stringify([now.q, now.live, now.range, now.from, now.to, now.keyword, now.sort]);
    const lacking = this._lightened && fieldsShown(now).join() !== this._fields;
    if (wanted === this._shown && !entering && !lacking) return;
    this._shown = wanted;
    this._start();
  }

  /** Begin again: other query, other time. */
  _start() {
    this._stop();
    clearTimeout(this._timer);
    this._run++;
    this._waiting = [];
    this._missed = 0;
    this._cursor = null;
    this._fields = fieldsShown(state()).join();
    this._lightened = false;
    this.list.setSort(state().sort);
    this._flash();
    this.list.element.classList.add("stale"); // what was found before stays until there is an answer
    if (state().live) {
      this._follow();
      void this._around(this._run);
    } else void this._listFirst(this._run);
  }

  /** The list is what somebody waits for: the rest is asked when it is there, or takes its time. @param {number} run */
  async _listFirst(run) {
    await Promise.race([this._search(), new Promise((done) => setTimeout(done, ALONE))]);
    if (run === this._run) void this._around(run);
  }

  // --- searching

  async _search() {
    const run = this._run;
    const now = state();
    const began = performance.now();
    this._loading = true;
    try {
      const found = await ask("search", {
        parameters: { ...this._asked(now), ...rangeParameters(now), sort: now.sort, limit: PAGE },
      });
      if (run !== this._run) return;
      if (!found.total && this.list.messages.length && (await this.editor.half())) {
        this.editor.settled = () => run === this._run && this._start();
        return this._say("Nothing so far; these are the messages that were found before");
      }
      this.list.element.classList.remove("stale");
      this.list.messages = this._lighten(found.messages);
      this._total = found.total;
      this._cursor = found.cursor;
      this.list.redraw();
      this.list.toTop();
      show(
        this.list.empty,
        found.total
          ? null
          : [
              el("p", {}, noMatch(found.nothing)),
              hasRange(now) &&
                el(
                  "p",
                  {},
                  button("Search all messages", () => go({ range: "all", from: "", to: "", keyword: "" })),
                ),
            ],
      );
      this._say(
        `${found.total.toLocaleString()} found in ${Math.round(performance.now() - began)} ms`,
        found.missing && `Not everything was looked at: ${line(found.missing.text, 300)}`,
      );
      this.list.draw();
    } catch (error) {
      if (run === this._run) this._failed(error);
    } finally {
      if (run === this._run) this._loading = false;
    }
  }

  /** More rows are needed. @param {number} last */
  _scrolled(last) {
    if (state().live) return this._followScrolled();
    if (
      !this._loading &&
      last > this.list.messages.length - PAGE / 2 &&
      this.list.messages.length < this._total &&
      this.list.messages.length
    )
      void this._more();
  }

  async _more() {
    const run = this._run;
    const now = state();
    const offset = this.list.messages.length;
    if (!this._cursor && offset > 10_000 - PAGE)
      return this._say(`${this._total.toLocaleString()} found; sorted like this the first 10,000 are shown`);
    this._loading = true;
    try {
      const page = this._cursor ? { cursor: this._cursor } : { offset };
      const found = await ask("search", {
        parameters: { ...this._asked(now), ...rangeParameters(now), sort: now.sort, limit: PAGE, ...page },
      });
      if (run !== this._run) return;
      const known = new Set(this.list.messages.slice(-PAGE * 2).map((message) => message.id));
      const fresh = found.messages.filter((/** @type {Message} */ message) => !known.has(message.id));
      this.list.messages.push(...this._lighten(fresh));
      this._cursor = found.cursor;
      if (!found.messages.length) this._total = this.list.messages.length;
      this.list.update();
    } catch (error) {
      if (run === this._run) this._say(`More could not be loaded: ${/** @type {Error} */ (error).message}`);
    } finally {
      if (run === this._run) this._loading = false;
    }
  }

  /** Let go of fields that are not shown, where there are many. @param {Message[]} messages */
  _lighten(messages) {
    const shown = fieldsShown(state());
    for (const message of messages) {
      const fields = Object.keys(message.fields);
      if (fields.length <= MOST_FIELDS) continue;
      message.fields = Object.fromEntries(
        shown.filter((name) => fields.includes(name)).map((name) => [name, message.fields[name]]),
      );
      this._lightened = true;
    }
    return messages;
  }

  /** @param {string} field */
  _sort(field) {
    const [by, order] = state().sort.split(":");
    if (field === "timestamp" && (!by || by === "timestamp"))
      go({ sort: order === "asc" ? "" : "timestamp:asc", live: false });
    else
      go({
        sort: by === field && order === "desc" ? `${field}:asc` : by === field ? "" : `${field}:desc`,
        live: false,
      });
  }

  /** @param {unknown} error */
  _failed(error) {
    const { status, message, body } = error instanceof ApiError ? error : new ApiError(0, { message: String(error) });
    const search = () => go({ range: "all", from: "", to: "", keyword: "", live: false });
    let way = button("Try again", () => this._start());
    if (status === 400) {
      this._stop(); // it will not be understood the next time either
      void this.editor.judge();
      way = body?.query === undefined && button("Search all messages", search); // a time that is none
    }
    show(
      this.list.empty,
      status === 401
        ? el("p", {}, "Log in to see messages.")
        : [el("p", { class: "level-3", role: "alert" }, line(message, 1000)), way && el("p", {}, way)],
    );
    this._say();
    this.list.element.classList.remove("stale");
    this.list.messages = [];
    this.list.update();
  }

  /** Say it below the list. @param {...import("./dom.js").Child} parts */
  _say(...parts) {
    show(
      this.counts,
      parts.map((part) => part && el("span", {}, part)),
    );
  }

  // --- following

  /** The listener answers: what was found before goes. */
  _fresh() {
    if (!this.list.element.classList.contains("stale")) return;
    this.list.element.classList.remove("stale");
    this.list.messages = [];
    this.list.redraw(); // the same messages may come with other fields
    this.list.toTop();
    show(
      this.list.empty,
      waiting(),
      !state().q &&
        el("p", {}, el("a", { class: "button", href: here("/start"), dataset: { view: "start" } }, "How to send some")),
    );
    this.list.update();
  }

  _follow() {
    const run = this._run;
    if (!this.list.messages.length) this._fresh();
    let arrived = 0;
    let rate = 0;
    let connection = "connecting …";
    const tell = () => {
      if (run !== this._run) return;
      this._say(
        connection || `${rate.toLocaleString()} messages/s`,
        `${this.list.messages.length.toLocaleString()} shown`,
        this._missed > 0 &&
          el(
            "span",
            { class: "level-4" },
            `${this._missed.toLocaleString()} arrived too fast to be shown here; a search finds them`,
          ),
      );
    };
    const stop = live(
      { ...this._asked(state()), tail: PAGE },
      {
        messages: (messages, stored) => {
          if (run !== this._run) return;
          this._fresh();
          this._lighten(messages);
          if (stored) this._before(messages);
          else {
            arrived += messages.length;
            this._arrived(messages);
          }
          if (stored || !rate) tell(); // the first are told of at once
        },
        following: () => {
          if (run === this._run) this._fresh(); // nothing that was stored before matches
        },
        missed: (total) => {
          this._missed = total;
        },
        state: (connected) => {
          connection = connected ? "" : "The listener does not answer; trying again …";
          tell();
        },
        refused: (error) => {
          if (run === this._run && error instanceof ApiError && error.status) this._failed(error);
        },
      },
    );
    let since = performance.now();
    const timer = setInterval(() => {
      const now = performance.now();
      rate = Math.round((arrived * 1000) / Math.max(1, now - since));
      [since, arrived] = [now, 0];
      tell();
    }, 1000);
    this._stop = () => {
      stop();
      clearInterval(timer);
    };
  }

  /** What was stored before: as far as it is in the range, which the histogram shows as well. @param {Message[]} messages oldest first */
  _before(messages) {
    const start = startOf(state()) ?? -Infinity;
    const known = new Set(this.list.messages.map((message) => message.id));
    const inRange = messages.filter((message) => message.timestamp >= start);
    if (messages.length && !inRange.length && !known.size)
      show(
        this.list.empty,
        waiting(),
        el(
          "p",
          {},
          button("Search older messages", () => go({ range: "all", from: "", to: "", live: false })),
        ),
      );
    this._insert(inRange.filter((message) => !known.has(message.id)));
  }

  /** @param {Message[]} messages oldest first */
  _arrived(messages) {
    if (this._paused()) {
      this._waiting.push(...messages);
      if (this._waiting.length > KEPT) this._waiting.splice(0, this._waiting.length - KEPT);
      return this._flash();
    }
    this._insert(messages);
  }

  /** @param {Message[]} messages oldest first */
  _insert(messages) {
    const rows = this.list.messages;
    if (this.order === "top") {
      rows.unshift(...messages.slice(-KEPT).reverse());
      if (rows.length > KEPT) rows.length = KEPT;
    } else {
      rows.push(...messages.slice(-KEPT));
      if (rows.length > KEPT) rows.splice(0, rows.length - KEPT);
    }
    this.list.update();
    if (this.order !== "top") requestAnimationFrame(() => this.list.toBottom());
  }

  _paused() {
    if (!this.list.messages.length) return false;
    return this._held || (this.order === "top" ? !this.list.atTop : !this.list.atBottom);
  }

  _held = false;

  _followScrolled() {
    if (!this._held && this._waiting.length && !this._paused()) this._resume();
  }

  _resume() {
    const waiting = this._waiting;
    this._waiting = [];
    this._held = false;
    this._insert(waiting);
    if (this.order === "top") this.list.toTop();
    this._flash();
  }

  /** Stop and go on, by key. */
  pause() {
    if (!state().live) return;
    if (this._held) return this._resume();
    this._held = true;
    this._flash();
  }

  _flash() {
    const count = this._waiting.length;
    this.flash.classList.toggle("hidden", !count && !this._held);
    this.flash.classList.toggle("below", this.order !== "top");
    this.flash.textContent = count
      ? `${count >= KEPT ? `${KEPT.toLocaleString()} or more` : count.toLocaleString()} new ${this.order === "top" ? "↑" : "↓"}`
      : "Paused: go on";
  }

  /** @param {boolean} wrap */
  _rewrap(wrap) {
    keep("wrap", wrap);
    this.list.setRows(inlineOf(state()), wrap);
  }

  /** @param {string} order */
  _reorder(order) {
    this.order = order;
    keep("order", order);
    this._start();
  }

  // --- what stands around the list

  /** The histogram and the fields; again and again while following. @param {number} run */
  async _around(run) {
    const now = state();
    const began = performance.now();
    try {
      const width = Math.max(30, Math.min(150, Math.round(this.histogram.element.clientWidth / 9)));
      const [histogram] = await Promise.all([
        ask("histogram", {
          parameters: { query: now.q || "*", ...rangeParameters(now), split: "level", limit: 20, buckets: width },
        }),
        this.fields.load().then(() => {
          this.editor.fields = this.fields.all; // whatever the histogram does
        }),
      ]);
      if (run !== this._run || (!histogram.messages && !now.live && (await this.editor.half()))) return;
      this.histogram.set(histogram);
    } catch {
      /* the list says what is wrong */
    }
    if (run === this._run && state().live)
      this._timer = window.setTimeout(
        () => {
          if (document.hidden) this._timer = window.setTimeout(() => void this._around(run), REFRESH);
          else void this._around(run);
        },
        Math.max(REFRESH, 10 * (performance.now() - began)),
      );
  }
}

/** That messages are waited for: whatever comes, or those that match. */
const waiting = () =>
  el(
    "p",
    { class: "waiting" },
    el("span", { class: "dot" }),
    state().q ? " Waiting for messages that match" : " Waiting for messages",
  );
