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

/** What a moment of the address bar is, UTC Unix seconds: ISO 8601, or such seconds, as the API takes them. @param {string} text */
export const momentOf = (text) => (/^\d+(?:\.\d+)?$/.test(text) ? Number(text) : Date.parse(text) / 1000);

/** Say a range in words. @param {Range} range */
export function rangeText(range) {
  if (range.keyword) return range.keyword;
  if (range.from || range.to) {
    if (range.from && !range.to) return `Since ${stamp(momentOf(range.from))}`;
    return `${range.from ? stamp(momentOf(range.from)) : "beginning"} – ${range.to ? stamp(momentOf(range.to)) : "now"}`;
  }
  const known = PRESETS.find(([short]) => short === (range.range ?? "all"));
  return known ? known[1] : `Last ${range.range}`;
}

/** How long a relative range is, in seconds; null when it is none or has no end. @param {Range} range */
export function secondsOf(range) {
  const match = /^(\d+)([smhdw])$/.exec(range.range ?? "");
  return match && !range.keyword && !range.from && !range.to ? Number(match[1]) * UNITS[match[2]] : null;
}

/** A length of time in its short form, such as 5m. @param {number} seconds */
export function shortOf(seconds) {
  const units = Object.entries(UNITS).reverse();
  const [unit, length] = units.find(([, length]) => seconds % length === 0) ?? ["s", 1];
  return `${seconds / length}${unit}`;
}

/** When a range begins, UTC Unix seconds; null when it has no beginning, or only the listener knows it. @param {Range} range */
export function startOf(range) {
  if (range.keyword) return null;
  if (range.from || range.to) return range.from ? momentOf(range.from) || null : null;
  const seconds = secondsOf(range);
  return seconds === null ? null : Date.now() / 1000 - seconds;
}

/** What the API takes for a range. @param {Range} range @returns {Record<string, string>} */
export function rangeParameters(range) {
  if (range.keyword)
    return { keyword: range.keyword, zone: (!utc && Intl.DateTimeFormat().resolvedOptions().timeZone) || "UTC" };
  if (range.from || range.to) return { ...(range.from && { from: range.from }), ...(range.to && { to: range.to }) };
  return range.range && range.range !== "all" ? { since: range.range } : {};
}

/**
 * What the API has for a range, as the address bar has it.
 * @param {{since: string, from: string, to: string, keyword: string}} range
 * @returns {{range: string, from: string, to: string, keyword: string}}
 */
export const rangeFrom = ({ since, from, to, keyword }) => ({
  range: since || (from || to || keyword ? "" : "all"),
  from,
  to,
  keyword,
});

/** @param {number} number @param {number} [width] */
const pad = (number, width = 2) => String(number).padStart(width, "0");

/** Whether times are shown in UTC rather than in the zone of the browser. */
let utc = false;

/** Show times in UTC, or in the zone of the browser. @param {boolean} wanted */
export function showUtc(wanted) {
  utc = wanted;
}

/** Date, time of day with milliseconds, and zone, as people read them. @param {number} seconds UTC Unix seconds */
function written(seconds) {
  const moment = new Date(seconds * 1000);
  if (Number.isNaN(moment.getTime())) return { day: "", clock: String(seconds), zone: "" };
  const offset = utc ? 0 : -moment.getTimezoneOffset();
  const text = new Date(moment.getTime() + offset * 60_000).toISOString().slice(0, -1);
  const at = text.indexOf("T");
  const hours = `${pad(Math.floor(Math.abs(offset) / 60))}:${pad(Math.abs(offset) % 60)}`;
  return { day: text.slice(0, at), clock: text.slice(at + 1), zone: utc ? "UTC" : (offset < 0 ? "-" : "+") + hours };
}

/** A time with its date and milliseconds. @param {number} seconds @param {boolean} [whole] with the zone */
export function stamp(seconds, whole = false) {
  const { day, clock, zone } = written(seconds);
  return [day, clock, whole && zone].filter(Boolean).join(" ");
}

/** The date of a time. @param {number} seconds */
export const dayOf = (seconds) => written(seconds).day;

/** A time of day with milliseconds. @param {number} seconds */
export const clockOf = (seconds) => written(seconds).clock;

/** A time of day, as short as can be. @param {number} seconds */
export const timeOfDay = (seconds) => written(seconds).clock.slice(0, 8);

/** A date with its day of the week. @param {string} day as `dayOf` gives it */
export function dayText(day) {
  const moment = new Date(`${day}T00:00:00Z`);
  return Number.isNaN(moment.getTime())
    ? day
    : `${moment.toLocaleDateString(undefined, { weekday: "long", timeZone: "UTC" })} ${day}`;
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
  const { day, clock } = written(seconds);
  return `${day}T${clock.slice(0, 8)}`;
}

/** What is written in an input of type datetime-local, UTC Unix seconds. @param {string} text */
export const ofLocalInput = (text) => new Date(utc ? `${text}Z` : text).getTime() / 1000;

/**
 * Times to write below an axis, at round ones.
 * @param {number} from UTC Unix seconds
 * @param {number} to
 * @param {number} most
 * @returns {{at: number, text: string}[]}
 */
export function ticks(from, to, most) {
  const steps = [
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800,
  ];
  const step = steps.find((each) => (to - from) / each <= most) ?? Math.ceil((to - from) / most / 604800) * 604800;
  const offset = utc ? 0 : -new Date(from * 1000).getTimezoneOffset() * 60;
  const found = [];
  for (let at = Math.ceil((from + offset) / step) * step - offset; at <= to; at += step) {
    const { day, clock } = written(at);
    found.push({
      at,
      text: step >= 86400 ? day : clock.startsWith("00:00:00") ? day : clock.slice(0, step < 60 ? 8 : 5),
    });
  }
  return found;
}
