// @ts-check
/**
 * Groups: what Explore and a board ask the listener, as series that can be drawn and put into a table.
 *
 * A question groups by nothing, time, a field, time and a field, or two fields. Its answer has an axis (times or values)
 * and series: one for each metric, or with two groupings for each value of the second, by the first metric.
 */
import { ask } from "./api.js";
import { metricText } from "./figures.js";
import { isTime } from "./known.js";
import { add } from "./query.js";
import { condition, fieldName, levelName, line, quote } from "./text.js";
import { isoOf, rangeParameters, stamp } from "./times.js";

/** @typedef {string | number | boolean} Value */

/**
 * A question.
 * @typedef {object} Question
 * @property {string} query
 * @property {import("./times.js").Range} range
 * @property {string[]} by at most two fields, or `time`
 * @property {string[]} metrics as the API writes them
 * @property {number} limit most values of a field
 * @property {number} [buckets] most stretches of time
 */

/**
 * A place of the axis, or a series. A condition narrows the query to it, null when it does not; a span the time.
 * @typedef {object} Key
 * @property {string} text
 * @property {number | null} time where it begins, UTC Unix seconds
 * @property {string | null} condition
 * @property {boolean} others what is in none of the values that are shown
 */

/** @typedef {{value: number | null, messages: number}} Cell */

/**
 * An answer.
 * @typedef {object} Answer
 * @property {Question} question
 * @property {number} messages that match
 * @property {string | null} nothing why none does
 * @property {number | null} seconds length of a stretch of time
 * @property {string} axis what stands along it: time, a field, or nothing
 * @property {Key[]} places
 * @property {(Key & {metric: string, cells: (Cell | null)[]})[]} series a cell for each place
 * @property {string} missing what could not be looked at
 */

/** @param {string} field @param {Value} value @returns {Key} */
function valueKey(field, value) {
  const text =
    field === "level" ? levelName(Number(value)) : isTime(field) ? stamp(Number(value), true) : line(value, 80);
  return { text: text || "(empty)", time: null, condition: condition(field, value), others: false };
}

/** @param {number} start @returns {Key} */
const timeKey = (start) => ({ text: stamp(start).replace(/\.000$/, ""), time: start, condition: null, others: false });

/** The query of what is in none of some values of a field. @param {string} field @param {Value[]} values @returns {Key} */
function othersKey(field, values) {
  const without = `_exists_:${fieldName(field)} AND NOT ${fieldName(field)}:(${values.map(quote).join(" OR ")})`;
  return { text: "others", time: null, condition: without, others: true };
}

/**
 * @param {Question} question
 * @param {string[]} by
 * @param {string} query
 * @param {AbortSignal} [signal]
 */
const request = (question, by, query, signal) =>
  ask("aggregate", {
    parameters: {
      query: query || "*",
      ...rangeParameters(question.range),
      by: by.join(","),
      metric: (by.length > 1 ? question.metrics.slice(0, 1) : question.metrics).join(","),
      limit: question.limit,
      buckets: question.buckets ?? 60,
    },
    signal,
  });

/**
 * Ask.
 * @param {Question} question
 * @param {AbortSignal} [signal]
 * @returns {Promise<Answer>}
 */
export async function answer(question, signal) {
  // Time is the axis wherever it is; and comes first, so that the values are the most frequent of all, not of a stretch.
  const fields = question.by.filter((each) => each !== "time");
  const timed = fields.length < question.by.length;
  const by = timed ? [...fields, "time"] : fields;
  const found = await request(question, by, question.query, signal);
  const split = by.length > 1 ? (timed ? fields[0] : fields[1]) : "";
  const axis = timed ? "time" : (fields[0] ?? "");
  const grid = new Grid(found, { axis, split, swap: timed && by.length > 1 });
  await addOthers(grid, question, { axis, split, timed }, signal);
  grid.leaveOutEmpty({ places: !timed, series: Boolean(split) });
  return {
    question,
    messages: found.messages,
    nothing: found.nothing,
    seconds: found.seconds,
    axis,
    places: grid.places,
    series: grid.series,
    missing: found.missing?.text ?? "",
  };
}

/** Where there are as many values as were asked for, the rest is one more: a series, or a place of the axis. */
/**
 * @param {Grid} grid
 * @param {Question} question
 * @param {{axis: string, split: string, timed: boolean}} shape
 * @param {AbortSignal} [signal]
 */
async function addOthers(grid, question, { axis, split, timed }, signal) {
  const field = split && timed ? split : !split && !timed ? axis : "";
  const values = field === split ? grid.splits : grid.axisValues;
  if (!field || values.length < question.limit) return;
  const key = othersKey(field, values);
  const rest = await request(question, timed ? ["time"] : [], add(question.query, key.condition ?? ""), signal);
  if (!rest.messages) return;
  if (timed) grid.addSeries(key, rest.groups);
  else grid.addPlace(key, rest.groups[0]);
}

/** An answer's groups, put in rows and columns. */
class Grid {
  /**
   * @param {any} found the listener's answer
   * @param {{axis: string, split: string, swap: boolean}} shape swap: the axis is the inner grouping
   */
  constructor(found, { axis, split, swap }) {
    this._metrics = found.metrics;
    const at = swap ? 1 : 0;
    /** @type {Value[]} */
    this.axisValues = axis === "time" ? stretches(found) : axis ? distinct(found.groups, at) : [];
    /** @type {Value[]} */
    this.splits = split ? distinct(found.groups, 1 - at) : [];
    this.places = axis
      ? this.axisValues.map((value) => (axis === "time" ? timeKey(Number(value)) : valueKey(axis, value)))
      : [{ text: "", time: null, condition: null, others: false }];
    this._place = new Map(this.axisValues.map((value, index) => [name(value), index]));
    /** @type {(Key & {metric: string, cells: (Cell | null)[]})[]} */
    this.series = split
      ? this.splits.map((value) => this._empty(valueKey(split, value), found.metrics[0]))
      : found.metrics.map((/** @type {string} */ metric) =>
          this._empty({ text: metricText(metric), time: null, condition: null, others: false }, metric),
        );
    const known = new Map(this.splits.map((value, index) => [name(value), index]));
    for (const group of found.groups) {
      const place = axis ? (this._place.get(name(group.keys[at])) ?? -1) : 0;
      if (place < 0) continue;
      for (const [index, value] of group.values.entries()) {
        const series = this.series[split ? (known.get(name(group.keys[1 - at])) ?? 0) : index];
        series.cells[place] = { value, messages: group.messages };
      }
    }
  }

  /** @param {Key} key @param {string} metric */
  _empty(key, metric) {
    return { ...key, metric, cells: /** @type {(Cell | null)[]} */ (this.places.map(() => null)) };
  }

  /** @param {Key} key @param {any[]} groups by time */
  addSeries(key, groups) {
    const series = this._empty(key, this._metrics[0]);
    for (const { keys, values, messages } of groups) {
      const place = this._place.get(name(keys[0]));
      if (place !== undefined) series.cells[place] = { value: values[0], messages };
    }
    this.series.push(series);
  }

  /** Leave out values that no figure is of, unless that is all of them. @param {{places: boolean, series: boolean}} which */
  leaveOutEmpty({ places, series }) {
    const has = (/** @type {Cell | null} */ cell) => cell !== null && cell.value !== null;
    const full = this.series.filter(({ cells }) => cells.some(has));
    if (!full.length) return;
    if (series) this.series = full;
    if (!places) return;
    const kept = this.places.map((_, at) => this.series.some(({ cells }) => has(cells[at])));
    this.places = this.places.filter((_, at) => kept[at]);
    for (const one of this.series) one.cells = one.cells.filter((_, at) => kept[at]);
  }

  /** @param {Key} key @param {any} group */
  addPlace(key, group) {
    this.places.push(key);
    for (const [index, series] of this.series.entries())
      series.cells.push({ value: group.values[index], messages: group.messages });
  }
}

/** A text and a number that look alike are two values. @param {Value} value */
const name = (value) => `${typeof value} ${value}`;

/** The values of a grouping, in the order of the answer. @param {any[]} groups @param {number} at @returns {Value[]} */
function distinct(groups, at) {
  return [...new Map(groups.map(({ keys }) => [name(keys[at]), keys[at]])).values()];
}

/** Where stretches of time begin, those without messages too. @param {any} found @returns {number[]} */
function stretches({ seconds, start, end }) {
  if (!seconds || start === null) return [];
  const first = Math.floor(start / seconds + 1e-9);
  const number = Math.ceil(end / seconds - 1e-9) - first;
  return Array.from({ length: Math.min(number, 5000) }, (_, index) => Number(((first + index) * seconds).toFixed(6)));
}

/**
 * What the messages of a cell are found by.
 * @param {Answer} answer
 * @param {Key | undefined} place
 * @param {Key} [series]
 * @returns {Partial<import("./state.js").State>} for `address`
 */
export function narrowed({ question, seconds }, place, series) {
  const conditions = [place?.condition, series?.condition].filter((each) => typeof each === "string");
  const q = conditions.reduce(add, question.query);
  const range = { range: "", from: "", to: "", keyword: "", ...question.range };
  const within = place?.time === null || place?.time === undefined || !seconds;
  const span = within
    ? range
    : { range: "", keyword: "", from: isoOf(place.time ?? 0), to: isoOf((place.time ?? 0) + seconds) };
  return { view: "messages", id: "", live: false, q, ...span };
}
