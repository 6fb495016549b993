// @ts-check
/** Figures: numbers as people read them, with the unit that a field's name says, and the ticks of an axis. */

/**
 * How values are written.
 * @typedef {object} Unit
 * @property {string} name values of one unit share an axis
 * @property {number[]} steps that ticks are multiples of, times a power of ten or of 1024
 * @property {(value: number) => string} text
 */

/** @param {number} value @param {number} [digits] */
const rounded = (value, digits = 4) => Number(value.toPrecision(digits));

/** A number with its thousands apart; fractions to four digits. @param {number} value */
export function plain(value) {
  return (Number.isInteger(value) || Math.abs(value) >= 1000 ? Math.round(value) : rounded(value)).toLocaleString();
}

/** A number as short as an axis needs. @param {number} value */
function short(value) {
  for (const [unit, size] of /** @type {[string, number][]} */ ([
    ["T", 1e12],
    ["G", 1e9],
    ["M", 1e6],
    ["k", 1e3],
  ]))
    if (Math.abs(value) >= size) return `${rounded(value / size, 3).toLocaleString()}${unit}`;
  return rounded(value, 3).toLocaleString();
}

/** @param {number} seconds */
export function secondsText(seconds) {
  const size = Math.abs(seconds);
  for (const [unit, length] of /** @type {[string, number][]} */ ([
    ["d", 86400],
    ["h", 3600],
    ["min", 60],
    ["s", 1],
    ["ms", 1e-3],
    ["µs", 1e-6],
    ["ns", 1e-9],
  ]))
    if (size >= length * 0.9995) return `${rounded(seconds / length, 3).toLocaleString()} ${unit}`;
  return "0";
}

/** @param {number} bytes */
function bytesFigure(bytes) {
  for (const [unit, size] of /** @type {[string, number][]} */ ([
    ["TiB", 2 ** 40],
    ["GiB", 2 ** 30],
    ["MiB", 2 ** 20],
    ["KiB", 2 ** 10],
  ]))
    if (Math.abs(bytes) >= size) return `${rounded(bytes / size, 3).toLocaleString()} ${unit}`;
  return `${rounded(bytes, 3).toLocaleString()} B`;
}

const DECIMAL = [1, 2, 2.5, 5, 10];
/** @type {Unit} */
const COUNT = { name: "", steps: DECIMAL, text: short };
/** @type {Unit} */
const BYTES = { name: "bytes", steps: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024], text: bytesFigure };
/** @type {Unit} */
const PERCENT = { name: "%", steps: DECIMAL, text: (value) => `${rounded(value, 3).toLocaleString()} %` };

/** What the end of a field's name says of it, as clients name durations and sizes. @type {[RegExp, number][]} */
const DURATIONS = [
  [/(?:^|[_.])(?:ms|msec|millis|milliseconds)$|(?:[a-z]Ms|Millis)$/, 1e-3],
  [/(?:^|[_.])(?:us|usec|micros|microseconds)$|(?:[a-z]Us|Micros)$/, 1e-6],
  [/(?:^|[_.])(?:ns|nsec|nanos|nanoseconds)$|(?:[a-z]Ns|Nanos)$/, 1e-9],
  [/(?:^|[_.])(?:s|sec|secs|seconds)$|(?:[a-z]Seconds)$/, 1],
];

/** @param {string} field @returns {Unit} */
export function unitOf(field) {
  const duration = DURATIONS.find(([pattern]) => pattern.test(field));
  if (duration) return { name: "time", steps: DECIMAL, text: (value) => secondsText(value * duration[1]) };
  if (/(?:^|[_.])(?:bytes|octets)$|[a-z]Bytes$/.test(field)) return BYTES;
  if (/(?:^|[_.])(?:percent|pct)$|[a-z]Percent$/.test(field)) return PERCENT;
  return { ...COUNT, name: field };
}

/** The unit of a metric as the API writes it: `count`, `p95:duration_ms`. @param {string} metric @returns {Unit} */
export function unitOfMetric(metric) {
  const [name, ...field] = metric.split(":");
  return name === "count" || name === "distinct" || name === "variance" ? COUNT : unitOf(field.join(":"));
}

/** A metric in words. @param {string} metric */
export function metricText(metric) {
  const [name, ...rest] = metric.split(":");
  const field = rest.join(":");
  if (metric === "count") return "messages";
  if (name === "count") return `messages with ${field}`;
  return name === "distinct" ? `different ${field}` : `${name} of ${field}`;
}

/** Whether the values of groups can be stacked to that of all. @param {string} metric */
export const additive = (metric) => /^(?:count|sum)(?::|$)/.test(metric);

/**
 * Places of an axis that a person can read, from at most the lowest value to at least the highest.
 * @param {number} low
 * @param {number} high
 * @param {Unit} unit
 * @param {number} [most] how many steps
 * @returns {number[]}
 */
export function ticks(low, high, unit, most = 5) {
  const span = high - low || Math.abs(high) || 1;
  const base = unit === BYTES ? 1024 : 10;
  const power = base ** Math.floor(Math.log(span / most) / Math.log(base));
  const step = power * (unit.steps.find((each) => (each * power * most) / span >= 1 - 1e-9) ?? base);
  const first = Math.floor(low / step + 1e-9);
  const last = Math.ceil((low + span) / step - 1e-9);
  return Array.from({ length: last - first + 1 }, (_, index) => Number(((first + index) * step).toPrecision(12)));
}

const MINUTE = 60;
const HOUR = 3600;
const DAY = 86400;
const TIME_STEPS = [
  ...[0.001, 0.01, 0.1, 1, 2, 5, 10, 15, 30],
  ...[1, 2, 5, 10, 15, 30].map((each) => each * MINUTE),
  ...[1, 2, 3, 6, 12].map((each) => each * HOUR),
  ...[1, 2, 7, 14, 30, 90, 365].map((each) => each * DAY),
];

/** @param {number} number */
const pad = (number) => String(number).padStart(2, "0");

/**
 * Places of an axis of time, where the clock here shows round times, and what to write there.
 * @param {number} from UTC Unix seconds
 * @param {number} to
 * @param {number} [most]
 * @returns {{at: number, text: string}[]}
 */
export function timeTicks(from, to, most = 6) {
  const step = TIME_STEPS.find((each) => (to - from) / each <= most) ?? (to - from) / most;
  const offset = -new Date(from * 1000).getTimezoneOffset() * 60;
  const found = [];
  for (let at = Math.ceil((from + offset) / step) * step - offset; at <= to && found.length < 50; at += step) {
    const moment = new Date(at * 1000);
    const clock = `${pad(moment.getHours())}:${pad(moment.getMinutes())}`;
    const day = moment.toLocaleDateString(undefined, { month: "short", day: "numeric" });
    const midnight = clock === "00:00" && step >= MINUTE;
    const fine = `${clock}:${pad(moment.getSeconds())}${step < 1 ? `.${String(moment.getMilliseconds()).padStart(3, "0")}` : ""}`;
    found.push({ at, text: step >= DAY || midnight ? day : step >= MINUTE ? clock : fine });
  }
  return found;
}
