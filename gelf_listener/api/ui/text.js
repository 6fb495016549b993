// @ts-check
/**
 * Text from strangers: what would hide, reorder or fake something is made visible.
 *
 * Control, bidirectional and invisible characters become their names in brackets. Letters of any
 * script, emoji and right-to-left text stay as they are; the elements around them isolate their direction.
 */
import { el } from "./dom.js";

/** @type {Record<number, string>} */
const NAMES = {
  0x061c: "ALM",
  0x200b: "ZWSP",
  0x200e: "LRM",
  0x200f: "RLM",
  0x2028: "LS",
  0x2029: "PS",
  0x202a: "LRE",
  0x202b: "RLE",
  0x7f: "DEL",
  0x202c: "PDF",
  0x202d: "LRO",
  0x202e: "RLO",
  0x2060: "WJ",
  0x2066: "LRI",
  0x2067: "RLI",
  0x2068: "FSI",
  0x2069: "PDI",
  0xfeff: "BOM",
  0x180e: "MVS",
  0x00ad: "SHY",
};
// eslint-disable-next-line no-control-regex
const HIDDEN =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]|[\u{e0000}-\u{e007f}]/gu;

const CONTROLS =
  "NUL SOH STX ETX EOT ENQ ACK BEL BS TAB LF VT FF CR SO SI DLE DC1 DC2 DC3 DC4 NAK SYN ETB CAN EM SUB ESC FS GS RS US".split(
    " ",
  );

/** @param {string} character */
function picture(character) {
  const code = /** @type {number} */ (character.codePointAt(0));
  if (code === 9) return " ";
  if (code === 10) return " \u21b5 ";
  if (code < 0x20) return `\u27e8${CONTROLS[code]}\u27e9`;
  return `\u27e8${NAMES[code] ?? "U+" + code.toString(16).toUpperCase().padStart(4, "0")}\u27e9`;
}

/** One line: everything hidden made visible, line ends too. @param {unknown} value @param {number} [most] characters */
export function line(value, most = 2000) {
  const text = spell(value);
  return (text.length > most ? text.slice(0, most) + "…" : text).replace(HIDDEN, picture);
}

/** Several lines, as nodes: line ends and tabs stay, everything hidden is marked. @param {unknown} value @param {number} [most] */
export function block(value, most = 200_000) {
  const text = spell(value);
  const shown = text.length > most ? text.slice(0, most) : text;
  /** @type {(Node | string)[]} */
  const parts = [];
  let from = 0;
  for (const match of shown.matchAll(HIDDEN)) {
    if (match[0] === "\n" || match[0] === "\t" || (match[0] === "\r" && shown[match.index + 1] === "\n")) continue;
    parts.push(shown.slice(from, match.index), el("span", { class: "control" }, picture(match[0])));
    from = match.index + match[0].length;
    if (parts.length > 4000) break; // a text of nothing else must not make a million elements
  }
  parts.push(
    from === 0 ? shown : parts.length > 4000 ? shown.slice(from).replace(HIDDEN, "\ufffd") : shown.slice(from),
  );
  if (text.length > most)
    parts.push(el("span", { class: "faint" }, ` … ${(text.length - most).toLocaleString()} more characters`));
  return parts;
}

/** A value as a query would spell it. @param {unknown} value */
export function spell(value) {
  if (value === null || value === undefined) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** Write a value so that the query language reads it as one plain term. @param {unknown} value */
export function quote(value) {
  const text = spell(value);
  if (/^[A-Za-z0-9_@][A-Za-z0-9_.@-]*$/.test(text) && !/^(AND|OR|NOT|TO)$/.test(text)) return text;
  return '"' + text.replace(/[\\"]/g, "\\$&") + '"';
}

/** Write a field name for a query. @param {string} name */
export function fieldName(name) {
  return name.replace(/[\\+\-!():^[\]"{}~*?/&|<>=\s]/g, "\\$&");
}

/** What a query finds messages by that have a value in a field. @param {string} name @param {unknown} value */
export const condition = (name, value) => `${fieldName(name)}:${quote(value)}`;

export const LEVELS = ["emergency", "alert", "critical", "error", "warning", "notice", "info", "debug"];
const SHORT = ["EMERG", "ALERT", "CRIT", "ERROR", "WARN", "NOTE", "INFO", "DEBUG"];

/** @param {number | null | undefined} level */
export function levelName(level) {
  return level === null || level === undefined ? "" : (SHORT[level] ?? String(level));
}

/** A number and what it counts. @param {number} number @param {string} noun in the singular */
export function count(number, noun) {
  return `${number.toLocaleString()} ${noun}${number === 1 ? "" : "s"}`;
}

/** That no message matches, and why, in the listener's words. @param {string | null} why */
export const noMatch = (why) => `No message matches${why ? `: ${line(why, 300)}` : ""}.`;

/** @param {number} bytes */
export function bytesText(bytes) {
  for (const [unit, size] of /** @type {[string, number][]} */ ([
    ["GiB", 2 ** 30],
    ["MiB", 2 ** 20],
    ["KiB", 2 ** 10],
  ])) {
    if (bytes >= size) return `${(bytes / size).toFixed(bytes >= 10 * size ? 0 : 1)} ${unit}`;
  }
  return `${bytes} B`;
}
