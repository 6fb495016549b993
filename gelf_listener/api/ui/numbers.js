// @ts-check
/** Numbers: percentiles, distribution and trend of a numeric field, as its panel in the list of fields shows them. */
import { ask } from "./api.js";
import { button, el, show, svg } from "./dom.js";
import { unitOf } from "./figures.js";
import { link } from "./links.js";
import { add } from "./query.js";
import { go, state } from "./state.js";
import { count, fieldName, line } from "./text.js";
import { rangeParameters, stamp } from "./times.js";

const WIDTH = 180;
const HEIGHT = 44;

/**
 * Draw the numbers of a field over the query and the time of the page.
 * @param {string} name
 * @returns {HTMLElement} filled when the listener has answered
 */
export function numbers(name) {
  const into = el("div", { class: "numbers" });
  const now = state();
  const parameters = { query: now.q || "*", ...rangeParameters(now) };
  const field = encodeURIComponent(name);
  const trend = { ...parameters, by: "time", metric: `p50:${name},p95:${name}`, buckets: 30 };
  Promise.all([
    ask(`fields/${field}/distribution`, { parameters: { ...parameters, buckets: 18 } }),
    ask("aggregate", { parameters: trend }),
  ]).then(
    ([distribution, over]) =>
      show(into, figures(name, distribution), bars(name, distribution.buckets), lines(name, over)),
    (error) => show(into, el("p", { class: "faint" }, line(error.message, 300))),
  );
  return into;
}

/** @param {string} name @param {any} found */
function figures(name, found) {
  const { text } = unitOf(name);
  return el(
    "p",
    { class: "percentiles" },
    ["p50", "p95", "p99"].map((each) =>
      button(
        [el("strong", {}, each), ` ${found[each] === null ? "–" : text(found[each])}`],
        () => go({ q: add(state().q, `${fieldName(name)}:>=${found[each]}`) }),
        { class: "plain", title: `Only those from ${each} on`, disabled: found[each] === null },
      ),
    ),
  );
}

/** A bar for each range; pressing it narrows the query. @param {string} name @param {any[]} buckets */
function bars(name, buckets) {
  const { text } = unitOf(name);
  const most = Math.max(1, ...buckets.map(({ messages }) => messages));
  const wide = WIDTH / Math.max(1, buckets.length);
  const rows = buckets.map((bucket, index) => {
    const { from, to, messages } = bucket;
    const said = `${to === null ? `${text(from)} and more` : `${text(from)} to ${text(to)}`}: ${count(messages, "message")}`;
    const high = messages ? Math.max(2, (HEIGHT * messages) / most) : 0;
    const condition = `${fieldName(name)}:>=${from}${to === null ? "" : ` AND ${fieldName(name)}:<${to}`}`;
    return svg(
      "g",
      { class: "range", on: { click: () => go({ q: add(state().q, condition) }) } },
      svg("rect", { class: "whole", x: index * wide, y: 0, width: wide, height: HEIGHT }, svg("title", {}, said)),
      svg("rect", {
        class: to === null ? "value open" : "value",
        x: index * wide + 0.5,
        y: HEIGHT - high,
        width: Math.max(1, wide - 1),
        height: high,
      }),
    );
  });
  const ends = buckets.length ? [text(buckets[0].from), text(buckets[buckets.length - 1].from)] : ["", ""];
  const last = buckets.at(-1)?.to === null ? " and more" : "";
  return figure(spoken(name, buckets), rows, el("span", {}, ends[0]), el("span", {}, ends[1] + last));
}

/** @param {string} label what it shows, in a sentence @param {Element[]} drawn @param {...Element} ends what stands below it */
function figure(label, drawn, ...ends) {
  const box = { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": label };
  return el("figure", {}, svg("svg", box, drawn), el("figcaption", { class: "faint" }, ends));
}

/** The distribution in one sentence. @param {string} name @param {any[]} buckets */
function spoken(name, buckets) {
  const { text } = unitOf(name);
  const [top] = [...buckets].sort((a, b) => b.messages - a.messages);
  if (!top) return `${line(name, 60)} has no numbers`;
  const range = top.to === null ? `${text(top.from)} and more` : `${text(top.from)} to ${text(top.to)}`;
  return `Distribution of ${line(name, 60)}: most messages, ${top.messages.toLocaleString()}, have ${range}`;
}

/** p50 and p95 over time, and the way to Explore. @param {string} name @param {any} over */
function lines(name, { groups, start, end }) {
  const { text } = unitOf(name);
  const high = Math.max(...groups.flatMap((/** @type {any} */ group) => group.values.map(Number)), 0) || 1;
  const paths = [0, 1].map((index) => {
    const points = groups
      .filter((/** @type {any} */ { values }) => values[index] !== null)
      .map((/** @type {any} */ { keys, values }) => {
        const x = (WIDTH * (keys[0] - start)) / Math.max(1e-9, end - start);
        return `${Math.max(0, x).toFixed(1)} ${(HEIGHT - (HEIGHT * values[index]) / high).toFixed(1)}`;
      });
    return svg("path", { class: index ? "trend high" : "trend", d: points.length ? `M${points.join("L")}h0.01` : "" });
  });
  const wanted = { view: "explore", id: "", by: "time", metric: `p50:${name},p95:${name},p99:${name}`, chart: "lines" };
  return figure(
    `p50 and p95 of ${line(name, 60)} over time, at most ${text(high)}`,
    paths,
    el("span", {}, start === null ? "" : stamp(start).replace(/\.\d+$/, "")),
    link(wanted, {}, "Explore"),
  );
}
