// @ts-check
/** Times: ranges as the address bar, the API and people write them. */

/**
 * A range as the address bar holds it: `live` is not one of them, it is beside it.
 * @typedef {{range?: string, from?: string, to?: string, keyword?: string}} Range
 */

export const PRESETS = /** @type {[string, string][]} */ ([
  ["5m", "Last 5 minutes"],
  ["15m", "Last 15 minutes"],
  ["30m", "Last 30 minutes"],
  ["1h", "Last hour"],
  ["2h", "Last 2 hours"],
  ["8h", "Last 8 hours"],
  ["1d", "Last day"],
  ["2d", "Last 2 days"],
  ["7d", "Last 7 days"],
  ["30d", "Last 30 days"],
  ["all", "All messages"],
]);

const UNITS = /** @type {Record<string, number>} */ ({ s: 1, m: 60, h: 3600, d: 86400, w: 604800 });

/** When this page was opened, UTC Unix seconds. */
export const OPENED = Date.now() / 1000;

/** Say a range in words. @param {Range} range */
export function rangeText(range) {
  if (range.keyword) return range.keyword;
  if (range.from || range.to) {
    if (range.from && !range.to) return `Since ${stamp(Date.parse(range.from) / 1000)}`;
    return `${range.from ? stamp(Date.parse(range.from) / 1000) : "beginning"} – ${range.to ? stamp(Date.parse(range.to) / 1000) : "now"}`;
  }
  const known = PRESETS.find(([short]) => short === (range.range ?? "all"));
  return known ? known[1] : `Last ${range.range}`;
}

/** How long a relative range is, in seconds; null when it is none or has no end. @param {Range} range */
export function secondsOf(range) {
  const match = /^(\d+)([smhdw])$/.exec(range.range ?? "");
  return match && !range.keyword && !range.from && !range.to ? Number(match[1]) * UNITS[match[2]] : null;
}

/** When a range begins, UTC Unix seconds; null when it has no beginning, or only the listener knows it. @param {Range} range */
export function startOf(range) {
  if (range.keyword) return null;
  if (range.from || range.to) return range.from ? Date.parse(range.from) / 1000 || null : null;
  const seconds = secondsOf(range);
  return seconds === null ? null : Date.now() / 1000 - seconds;
}

/** What the API takes for a range. @param {Range} range @returns {Record<string, string>} */
export function rangeParameters(range) {
  if (range.keyword) return { keyword: range.keyword, zone: Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC" };
  if (range.from || range.to) return { ...(range.from && { from: range.from }), ...(range.to && { to: range.to }) };
  return range.range && range.range !== "all" ? { since: range.range } : {};
}

/** @param {number} number @param {number} [width] */
const pad = (number, width = 2) => String(number).padStart(width, "0");

/** A local time; the date is left out for today. @param {number} seconds @param {boolean} [whole] with date and zone */
export function stamp(seconds, whole = false) {
  const moment = new Date(seconds * 1000);
  if (Number.isNaN(moment.getTime())) return String(seconds);
  const day = `${moment.getFullYear()}-${pad(moment.getMonth() + 1)}-${pad(moment.getDate())}`;
  const clock = `${pad(moment.getHours())}:${pad(moment.getMinutes())}:${pad(moment.getSeconds())}.${pad(moment.getMilliseconds(), 3)}`;
  const today = new Date().toDateString() === moment.toDateString();
  if (!whole) return today ? clock : `${day.slice(2)} ${clock.slice(0, 8)}`;
  const offset = -moment.getTimezoneOffset();
  return `${day} ${clock} ${offset < 0 ? "-" : "+"}${pad(Math.floor(Math.abs(offset) / 60))}:${pad(Math.abs(offset) % 60)}`;
}

/** A local time without its date, as short as can be. @param {number} seconds */
export function timeOfDay(seconds) {
  const moment = new Date(seconds * 1000);
  return `${pad(moment.getHours())}:${pad(moment.getMinutes())}:${pad(moment.getSeconds())}`;
}

/** How long ago. @param {number} seconds UTC Unix seconds */
export function ago(seconds) {
  const age = Date.now() / 1000 - seconds;
  if (age < 1) return "now";
  for (const [unit, length] of /** @type {[string, number][]} */ ([
    ["d", 86400],
    ["h", 3600],
    ["min", 60],
  ]))
    if (age >= length) return `${Math.floor(age / length)} ${unit} ago`;
  return `${Math.floor(age)} s ago`;
}

/** @param {number} seconds */
export function isoOf(seconds) {
  return new Date(seconds * 1000).toISOString();
}

/** For an input of type datetime-local. @param {number} seconds */
export function localInput(seconds) {
  const moment = new Date(seconds * 1000);
  return `${moment.getFullYear()}-${pad(moment.getMonth() + 1)}-${pad(moment.getDate())}T${pad(moment.getHours())}:${pad(moment.getMinutes())}:${pad(moment.getSeconds())}`;
}
