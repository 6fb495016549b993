// @ts-check
/** Tracebacks of Python, Java, JavaScript, .NET and PHP: a line for each frame, a library's folded away. */
import { el } from "./dom.js";
import { block, line } from "./text.js";

const PYTHON = /^\s+File "(.+?)", line (\d+)(?:, in (.+))?$/;
const OTHER = /^(?:\s+at |#\d+ )(\S.*)$/;
/** What only a traceback has, in this order: Python, Java, JavaScript, .NET, PHP. Bounded, for a text may be of nothing but line ends. */
const SIGNS = [
  /Traceback \(most recent call last\)/,
  /^[ \t]{1,40}at [\w$.<>/]{1,300}\([^()\n]{0,300}\)$/m,
  /^[ \t]{1,40}at .{1,300}:\d{1,9}:\d{1,9}\)?$/m,
  /^[ \t]{1,40}at .{1,300} in .{1,300}:line \d{1,9}$/m,
  /^#\d{1,4} .{1,300}\(\d{1,9}\): /m,
];
const LIBRARY =
  /site-packages|dist-packages|\/lib\/python|lib64\/python|<frozen|^java\.|^javax\.|^jdk\.|^sun\.|^org\.springframework\.|^kotlin\.|^scala\.|node_modules|node:|^System\.|^Microsoft\.|\/vendor\//;
const MOST_LINES = 5000;

/** Whether a text has a traceback in it. @param {string} text */
export function isTrace(text) {
  return text.length < 500_000 && SIGNS.some((sign) => sign.test(text));
}

/** Show a text with tracebacks. @param {string} text @returns {HTMLElement} */
export function trace(text) {
  const lines = text.split("\n", MOST_LINES + 1);
  /** @type {Node[]} */
  const parts = [];
  /** @type {Node[]} */
  let folded = [];
  let after = false; // a frame: what is not indented then is the error
  const flush = () => {
    if (folded.length > 1)
      parts.push(el("details", {}, el("summary", { class: "faint" }, `${folded.length} frames of libraries`), folded));
    else parts.push(...folded);
    folded = [];
  };
  for (let index = 0; index < Math.min(lines.length, MOST_LINES); index++) {
    const text = lines[index];
    const python = PYTHON.exec(text);
    const other = python ? null : OTHER.exec(text);
    if (python || other) {
      const where = python ? python[1] : /** @type {RegExpExecArray} */ (other)[1];
      const library = LIBRARY.test(where);
      /** @type {string[]} */
      const code = [];
      while (
        python &&
        index + 1 < lines.length &&
        /^ {4,}\S|^\s+[\^~]+\s*$/.test(lines[index + 1]) &&
        !PYTHON.test(lines[index + 1])
      )
        code.push(lines[++index]);
      const frame = el(
        "div",
        { class: `frame${library ? " library" : ""}` },
        python
          ? [
              el("strong", {}, line(python[3] ?? ""), " "),
              el("span", { class: "faint" }, line(python[1]), ":", python[2]),
            ]
          : line(text.trim()),
        code.length > 0 && el("div", { class: "code" }, code.map((one) => line(one.replace(/^ {4}/, ""))).join("\n")),
      );
      after = true;
      if (library) folded.push(frame);
      else {
        flush();
        parts.push(frame);
      }
      continue;
    }
    flush();
    if (
      (after && /^[\w$.]+(?:: |$)/.test(text)) ||
      /^(?:[\w$.\\]*(?:Error|Exception|Exit|Interrupt|Warning|Throwable)\b|Caused by: |[\w.]+Group: )/.test(text)
    )
      parts.push(el("div", { class: "error" }, line(text, 20_000)));
    else if (text.trim()) parts.push(el("div", {}, line(text, 20_000)));
    after &&= text.trim() === "";
  }
  flush();
  if (lines.length > MOST_LINES) parts.push(el("div", { class: "faint" }, "… more lines; see the raw message"));
  return el("div", { class: "trace isolate" }, parts);
}

/** Show a JSON value as a tree that opens. @param {unknown} value @param {string} [key] @param {number} [depth] @returns {Node} */
export function tree(value, key = "", depth = 0) {
  const name = key === "" ? null : el("span", { class: "key" }, line(key, 200), ": ");
  if (value !== null && typeof value === "object" && depth < 40) {
    const entries = Object.entries(value);
    const [opening, closing] = Array.isArray(value) ? "[]" : "{}";
    if (!entries.length) return el("div", { class: "leaf" }, name, opening + closing);
    const inside = el("div");
    const box = el(
      "details",
      { open: depth < 2 },
      el("summary", {}, name, el("span", { class: "faint" }, `${opening} ${entries.length} ${closing}`)),
      inside,
    );
    const open = () => {
      if (!inside.hasChildNodes())
        inside.append(...entries.slice(0, 1000).map(([one, other]) => tree(other, one, depth + 1)));
    };
    if (depth < 2) open();
    else box.addEventListener("toggle", open);
    return el("div", { class: "tree" }, box);
  }
  return el(
    "div",
    { class: "leaf" },
    name,
    el("span", {}, block(typeof value === "string" ? JSON.stringify(value) : String(value), 20_000)),
  );
}

/** Read a text as a JSON object or list; null when it is none. @param {unknown} text */
export function parsed(text) {
  if (typeof text !== "string" || !/^\s*[[{]/.test(text) || text.length > 500_000) return null;
  try {
    const value = JSON.parse(text);
    return value !== null && typeof value === "object" ? value : null;
  } catch {
    return null;
  }
}
