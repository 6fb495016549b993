// @ts-check
/** One message: everything that is known of it, and what can be done with it. */
import { ask } from "./api.js";
import { button, copy, el, menu, show } from "./dom.js";
import { sourceOf, TRACE_FIELDS } from "./known.js";
import { link } from "./links.js";
import { here } from "./paths.js";
import { add } from "./query.js";
import { addresses } from "./snippets.js";
import { address, go, state } from "./state.js";
import { block, bytesText, condition, levelName, LEVELS, line, quote } from "./text.js";
import { ago, isoOf, stamp } from "./times.js";
import { isTrace, parsed, trace, tree } from "./trace.js";

const REQUEST_IDS = /^(?:request|req|correlation|trace|transaction|span)[_.-]?id$/i;
const MOST_FIELDS = 300;

/** What a row does not have of its message. */
const UNKNOWN = { types: {}, notes: [], raw_text: "", raw_hex: "", raw_bytes: 0 };

export class Detail {
  constructor() {
    this.element = el("section", { class: "detail hidden", "aria-label": "Message", tabindex: -1 });
    this._id = "";
  }

  /**
   * Show a message, or nothing.
   * @param {string} id
   * @param {any} [known] what a row has of it, which is all there is where nothing is stored
   */
  async set(id, known) {
    if (id === this._id) return;
    this._id = id;
    this.element.classList.toggle("hidden", !id);
    if (!id) return show(this.element);
    try {
      const [message, { inputs }] = await Promise.all([ask(`messages/${encodeURIComponent(id)}`), ask("stats")]);
      if (id === this._id) this._draw(message, addresses(inputs, location.hostname));
    } catch (error) {
      if (id !== this._id) return;
      if (known) this._draw({ ...UNKNOWN, ...known }, addresses([], location.hostname));
      else show(this.element, this._close(), el("p", {}, /** @type {Error} */ (error).message));
    }
    this.element.scrollTop = 0;
  }

  _close() {
    return button("✕", () => go({ id: "" }), {
      class: "plain",
      "aria-label": "Close the message",
      title: "Close (Esc)",
    });
  }

  /** @param {any} message @param {import("./snippets.js").Addresses} at where a copy of it would go */
  _draw(message, at) {
    const full = message.full_message && message.full_message !== message.short_message ? message.full_message : null;
    show(
      this.element,
      el(
        "div",
        { class: "head" },
        message.level !== null &&
          el(
            "span",
            { class: `level level-${message.level}`, title: `level ${message.level}: ${LEVELS[message.level] ?? ""}` },
            levelName(message.level),
          ),
        el("strong", { class: "isolate" }, line(sourceOf(message), 300)),
        el(
          "span",
          { class: "faint", title: isoOf(message.timestamp) },
          `${stamp(message.timestamp, true)} (${ago(message.timestamp)})`,
        ),
        el(
          "div",
          { class: "tools" },
          copyMenu(message, at),
          el("a", { class: "button", href: here(`/message/${message.id}`), title: "Permalink" }, "Link"),
          this._close(),
        ),
      ),
      isTrace(message.short_message)
        ? el("div", { class: "said" }, trace(message.short_message))
        : el("pre", { class: "said" }, block(message.short_message, 50_000)),
      full !== null && [el("h2", {}, "full_message"), isTrace(full) ? trace(full) : el("pre", {}, block(full))],
      parsed(message.short_message) && tree(parsed(message.short_message)),
      el("h2", {}, "Fields"),
      fieldTable(message),
      notes(message),
      graylog(message),
      surroundings(message),
      origin(message),
      message.raw_bytes > 0 && raw(message),
    );
  }
}

/** @param {any} message */
function fieldTable(message) {
  /** @type {[string, any, string][]} */
  const rows = [
    ["source", message.host, "string"],
    ["level", message.level, "number"],
    ...Object.entries(message.fields).map(
      ([name, value]) => /** @type {[string, any, string]} */ ([name, value, message.types[name] ?? ""]),
    ),
    ...Object.entries(message.known).map(
      ([name, value]) => /** @type {[string, any, string]} */ ([name, value, typeof value]),
    ),
  ];
  const shown = rows.filter(([, value]) => value !== null);
  const body = el("tbody", {}, shown.slice(0, MOST_FIELDS).map(row));
  return el(
    "div",
    { class: "scroll" },
    el("table", { class: "values", "aria-label": "Fields" }, body),
    shown.length > MOST_FIELDS &&
      button(`${shown.length - MOST_FIELDS} more fields`, (/** @type {Event} */ event) => {
        body.append(...shown.slice(MOST_FIELDS).map(row));
        /** @type {HTMLElement} */ (event.target).remove();
      }),
  );
}

/** @param {[string, any, string]} entry */
function row([name, value, type]) {
  const found = condition(name, value);
  const nested = parsed(value);
  const action = (/** @type {string} */ sign, /** @type {string} */ title, /** @type {() => void} */ click) =>
    button(sign, click, { class: "plain", title, "aria-label": `${title}: ${line(name, 60)}` });
  return el(
    "tr",
    {},
    el("td", { title: name }, line(name, 200)),
    el(
      "td",
      { class: "isolate" },
      nested
        ? tree(nested)
        : typeof value === "string" && isTrace(value)
          ? trace(value)
          : el("span", {}, block(value, 20_000)),
      " ",
      el("span", { class: "type" }, nested ? "JSON" : type),
    ),
    el(
      "td",
      { class: "actions" },
      action("+", "Add to the query", () => go({ q: add(state().q, found) })),
      action("−", "Exclude", () => go({ q: add(state().q, `NOT ${found}`) })),
      action("✎", "Highlight", () => go({ mark: state().mark === `${name}:${value}` ? "" : `${name}:${value}` })),
      name !== "source" &&
        name !== "level" &&
        action("▥", "Show as a column", () =>
          go({
            columns: state().columns.includes(name)
              ? state().columns.filter((other) => other !== name)
              : [...state().columns, name],
          }),
        ),
      action("❐", "Copy the value", () => void copy(String(value), name)),
    ),
  );
}

/** @param {any} message */
function notes(message) {
  const lines = message.notes.map((/** @type {any} */ note) =>
    el(
      "div",
      { class: "note" },
      el("strong", {}, line(note.deviation)),
      note.field && [" ", el("code", {}, line(note.field, 200))],
      el("div", {}, line(note.text, 1000)),
      el("div", { class: "faint" }, "Graylog: ", line(note.graylog, 1000)),
      note.cause && el("div", { class: "faint" }, "Likely bug: ", line(note.cause, 1000)),
      note.advice && el("div", {}, "What to do: ", line(note.advice, 1000)),
    ),
  );
  const none = message.raw_bytes > 0 ? "Nothing deviates from GELF 1.1." : "Its payload is not stored.";
  return [el("h2", {}, "Notes"), lines.length ? lines : el("p", { class: "faint" }, none)];
}

/** @param {any} message */
function graylog(message) {
  const verdict = message.graylog;
  if (message.raw_bytes === 0) return null;
  if (!verdict) return el("p", { class: "faint" }, "It did not come as GELF.");
  if (verdict.clean) return el("p", { class: "faint" }, "A real Graylog stores it just so.");
  const stored = verdict.graylog_messages[0];
  return el(
    "details",
    { class: "graylog" },
    el("summary", {}, "What a real Graylog would do with it"),
    el("pre", {}, block(verdict.text.join("\n"), 20_000)),
    verdict.graylog_rejected.map((/** @type {any} */ one) =>
      el("p", {}, el("span", { class: "badge bad" }, "rejects it"), " ", line(one.detail, 1000)),
    ),
    stored &&
      el(
        "pre",
        {},
        block(
          JSON.stringify(
            {
              source: stored.host,
              message: stored.short_message,
              timestamp: isoOf(stored.timestamp),
              level: stored.level,
              ...stored.fields,
            },
            null,
            2,
          ),
          20_000,
        ),
      ),
  );
}

/** @param {any} message */
function surroundings(message) {
  const window = (/** @type {number} */ seconds) => ({
    from: isoOf(message.timestamp - seconds),
    to: isoOf(message.timestamp + seconds),
    range: "",
    keyword: "",
    live: false,
    id: message.id,
    sort: "",
  });
  const same = Object.entries(message.fields).filter(([name, value]) => REQUEST_IDS.test(name) && value !== "");
  return [
    el("h2", {}, "Surrounding messages"),
    el(
      "div",
      { class: "row" },
      TRACE_FIELDS.filter((name) => (message.fields[name] ?? "") !== "").map((name) =>
        link(
          { view: "trace", trace: String(message.fields[name]), id: "" },
          { class: "button" },
          `Everything with this ${name}`,
        ),
      ),
      same.map(([name, value]) =>
        el(
          "a",
          {
            class: "button",
            href: address({ ...window(86400), q: condition(name, value), view: "messages" }),
          },
          `Same ${line(name, 60)}`,
        ),
      ),
      /** @type {[string, number][]} */ ([
        ["10 s", 10],
        ["1 min", 60],
        ["5 min", 300],
      ]).map(([text, seconds]) =>
        el(
          "a",
          {
            class: "button",
            href: address({ ...window(seconds), q: `source:${quote(message.host)}`, view: "messages" }),
          },
          `Same source ± ${text}`,
        ),
      ),
      el("a", { class: "button", href: address({ ...window(10), q: "", view: "messages" }) }, "All ± 10 s"),
    ),
  ];
}

/** @param {any} message */
function origin(message) {
  return [
    el("h2", {}, "Received"),
    el(
      "table",
      { "aria-label": "Received" },
      el(
        "tbody",
        {},
        [
          ["input", message.input],
          ["peer", message.peer ?? "unknown"],
          ["client", message.client ?? ""],
          ["received", `${stamp(message.received_at, true)}`],
          ["id", message.id],
          ["payload", bytesText(message.raw_bytes)],
        ]
          .filter(([, value]) => value)
          .map(([name, value]) =>
            el("tr", {}, el("th", { scope: "row" }, name), el("td", { class: "mono" }, line(value, 500))),
          ),
      ),
    ),
  ];
}

/** @param {any} message */
function raw(message) {
  return el(
    "details",
    {},
    el("summary", {}, "Raw bytes"),
    el("pre", {}, block(message.raw_text, 100_000)),
    el(
      "p",
      {},
      button("Copy", () => void copy(message.raw_text, "Raw message")),
    ),
  );
}

/** @param {any} message */
function gelf(message) {
  /** @type {Record<string, any>} */
  const document = { version: "1.1", host: message.host, short_message: message.short_message };
  if (message.full_message !== null) document.full_message = message.full_message;
  document.timestamp = message.timestamp;
  if (message.level !== null) document.level = message.level;
  for (const [name, value] of Object.entries(message.fields)) document[`_${name}`] = value;
  return document;
}

/** Names that `logging` keeps for itself: as extra fields they raise a KeyError. */
const RESERVED = new Set(
  (
    "name msg args levelname levelno pathname filename module exc_info exc_text stack_info lineno funcName created " +
    "msecs relativeCreated thread threadName processName process taskName message asctime"
  ).split(" "),
);

/** A value as Python writes it, in ASCII. @param {any} value */
function python(value) {
  if (typeof value === "boolean") return value ? "True" : "False";
  const escaped = (/** @type {string} */ character) => {
    const code = /** @type {number} */ (character.codePointAt(0)).toString(16);
    return code.length > 4 ? `\\U${code.padStart(8, "0")}` : `\\u${code.padStart(4, "0")}`;
  };
  return JSON.stringify(value).replace(/[^\0-\x7e]/gu, escaped);
}

/** A message as a program that sends it by graypy. @param {any} message @param {import("./snippets.js").Addresses} at */
function graypy(message, at) {
  const method =
    ["critical", "critical", "critical", "error", "warning", "info", "info", "debug"][message.level ?? 6] ?? "info";
  const extra = Object.entries(message.fields).filter(([name]) => !RESERVED.has(name));
  const left = Object.keys(message.fields).filter((name) => RESERVED.has(name));
  return [
    "import logging",
    "",
    "import graypy",
    "",
    'logger = logging.getLogger("example")',
    "logger.setLevel(logging.DEBUG)",
    `logger.addHandler(graypy.GELFUDPHandler(${python(at.host)}, ${at.udp ?? 12201}))`,
    ...(left.length ? [`# logging has fields of its own called ${left.join(", ")}`] : []),
    `logger.${method}("%s", ${python(message.short_message)}, extra={${extra.map(([name, value]) => `${python(name)}: ${python(value)}`).join(", ")}})`,
    "",
  ].join("\n");
}

/** A message as a command; what would hide in a terminal is escaped. @param {any} message @param {import("./snippets.js").Addresses} at */
function curl(message, at) {
  const host = at.host.includes(":") ? `[${at.host}]` : at.host;
  const body = JSON.stringify(gelf(message))
    .replaceAll("'", "\\u0027")
    .replace(
      /[\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g,
      (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
    );
  return `curl -X POST http://${host}:${at.http ?? 12203}/gelf -H 'Content-Type: application/json' -d '${body}'`;
}

/** @param {any} message @param {import("./snippets.js").Addresses} at */
function copyMenu(message, at) {
  return menu("Copy ▾", (close) =>
    /** @type {[string, () => string][]} */ ([
      ["As JSON", () => JSON.stringify(gelf(message), null, 2)],
      ["As curl", () => curl(message, at)],
      ["As graypy call", () => graypy(message, at)],
      ["Text", () => message.full_message ?? message.short_message],
      ["Id", () => message.id],
    ]).map(([text, make]) =>
      button(text, () => {
        close();
        void copy(make(), text.replace("As ", ""));
      }),
    ),
  );
}
