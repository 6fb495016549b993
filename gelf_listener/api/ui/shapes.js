// @ts-check
/** Shapes: what a pattern of messages looks like on the page, and what was looked at to find it. */
import { el } from "./dom.js";
import { add } from "./query.js";
import { count, levelName, LEVELS, line } from "./text.js";
import { isoOf, stamp } from "./times.js";

/**
 * A range, and how many of its messages were looked at.
 * @typedef {{query: string, start: number | null, end: number | null, messages: number, looked_at: number, looked_at_since: number | null}} Looked
 */

/**
 * A pattern.
 * @typedef {object} Pattern
 * @property {string} pattern with <*> for what varies
 * @property {number} messages
 * @property {number | null} before in the range before
 * @property {boolean | null} new whether that has none
 * @property {number | null} first_seen UTC Unix seconds
 * @property {number | null} last_seen
 * @property {number | null} level the most severe one
 * @property {{id: string, short_message: string}} example
 * @property {string} query
 */

/** A pattern's text, what varies set off. @param {string} pattern */
export function shapeText(pattern) {
  const parts = line(pattern, 500).split("<*>");
  return el(
    "span",
    { class: "mono isolate shape" },
    parts.flatMap((part, index) => (index ? [el("span", { class: "varies" }, "<*>"), part] : [part])),
  );
}

/** @param {number | null} level */
export const levelText = (level) =>
  level !== null && el("span", { class: `level level-${level}`, title: LEVELS[level] }, levelName(level));

/** How many of the messages of a range were looked at; nothing when it was all. @param {Looked} looked */
export function sampleText({ messages, looked_at: seen, looked_at_since: since }) {
  if (seen >= messages) return "";
  const from = since === null ? "" : `, since ${stamp(since)}`;
  return `a sample: ${seen.toLocaleString()} of ${count(messages, "message")}${from}`;
}

/**
 * Where the messages of a range are that match something more.
 * @param {Looked} looked
 * @param {string} condition
 * @returns {Partial<import("./state.js").State>}
 */
export function within({ query, start, end }, condition) {
  return {
    view: "messages",
    q: condition === "*" ? query : add(query, condition),
    from: start === null ? "" : isoOf(start),
    to: end === null ? "" : isoOf(end),
    range: start === null && end === null ? "all" : "",
    keyword: "",
    live: false,
    id: "",
  };
}
