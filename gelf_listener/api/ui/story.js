// @ts-check
/** Story: everything that one request caused, oldest first: a lane for each service, and the gaps between messages to scale. */
import { ask } from "./api.js";
import { coloursOf } from "./colours.js";
import { el, show, svg } from "./dom.js";
import { secondsText } from "./figures.js";
import { link } from "./links.js";
import { levelText } from "./shapes.js";
import { go, state, watch } from "./state.js";
import { styles } from "./styles.js";
import { condition, count, line } from "./text.js";
import { isoOf, stamp } from "./times.js";

/**
 * @typedef {object} Service
 * @property {string} name
 * @property {number} messages
 * @property {number} first UTC Unix seconds
 * @property {number} last
 * @property {number | null} level the most severe one
 * @property {string} [colour] its class, the same in its lane, at its messages and in charts
 */

/** @typedef {import("./api.js").Message & {service: string}} Step */
/** @typedef {{ids: {field: string, value: any}[], total: number, start: number, end: number, services: Service[], messages: Step[], missing: any}} Found */

const GAPS_PIXELS = 250;
/** What share of the whole a gap has that is written out. */
const LONG_GAP = 0.06;
const MARKS = [0, 0.25, 0.5, 0.75, 1];

export class Story {
  constructor() {
    this.body = el("div");
    this.id = el("input", {
      size: 34,
      maxlength: 1000,
      spellcheck: "false",
      autocapitalize: "off",
      "aria-label": "Id of a request or trace",
      placeholder: "id of a request or trace",
    });
    const submit = (/** @type {Event} */ event) => {
      event.preventDefault();
      go({ trace: this.id.value.trim() });
    };
    this.element = el(
      "div",
      { class: "sheet hidden" },
      el("h1", {}, "Trace"),
      el("form", { class: "row", on: { submit } }, this.id, el("button", { type: "submit" }, "Show")),
      this.body,
    );
    this._asked = "";
    watch((now, before) => {
      if (now.view === "trace" && before.view === "trace") void this._ask();
    });
  }

  /** The view is opened. */
  enter() {
    void this._ask();
  }

  /** The view is left. */
  leave() {
    this._asked = "";
  }

  async _ask() {
    const { trace } = state();
    this._asked = trace;
    this.id.value = trace;
    if (!trace)
      return show(
        this.body,
        el("p", { class: "faint" }, "Everything with one trace_id, request_id or correlation_id, across services."),
      );
    show(this.body, el("p", { class: "looking faint" }, "Looking …"));
    try {
      const [found] = await Promise.all([
        ask("trace", { parameters: { id: trace } }),
        styles("plot.css"),
        styles("story.css"),
      ]);
      if (trace === this._asked) this._show(found);
    } catch (error) {
      if (trace !== this._asked) return;
      show(this.body, el("p", { class: "level-3", role: "alert" }, line(/** @type {Error} */ (error).message, 500)));
    }
  }

  /** @param {Found} found */
  _show(found) {
    const colours = coloursOf(found.services.map(({ name }) => name));
    for (const [index, service] of found.services.entries()) service.colour = colours[index];
    const { messages, total, services, start, end } = found;
    if (!messages.length)
      return show(this.body, el("p", {}, "No message has this id as its trace_id, request_id or correlation_id."));
    const steps = messages.map((_, index) => step(found, index));
    const said = [
      messages.length < total
        ? `the oldest ${messages.length.toLocaleString()} of ${count(total, "message")}`
        : count(total, "message"),
      count(services.length, "service"),
      secondsText(end - start),
      `from ${stamp(start, true)}`,
      found.missing && `not everything was looked at: ${line(found.missing.text, 300)}`,
    ];
    show(
      this.body,
      el("p", { class: "faint", role: "status" }, said.filter(Boolean).join(" · ")),
      el("p", {}, link(where(found), { class: "button" }, "As a list of messages")),
      lanes(found, (index) => steps[index].scrollIntoView({ block: "center" })),
      el("ol", { class: "story", "aria-label": "Messages, the oldest first" }, steps),
    );
  }
}

/** Where its messages are. @param {Found} found @returns {Partial<import("./state.js").State>} */
const where = ({ ids, start, end }) => ({
  view: "messages",
  q: ids.map(({ field, value }) => condition(field, value)).join(" OR "),
  from: isoOf(start - 1),
  to: isoOf(end + 1),
  range: "",
  keyword: "",
  live: false,
  id: "",
});

/** Which colour a service has. @param {Service[]} services @param {string} name */
const colour = (services, name) => services.find((service) => service.name === name)?.colour ?? "";

/** How far along a time is, 0 to 1. @param {Found} found @param {number} at */
const along = ({ start, end }, at) => (end > start ? (at - start) / (end - start) : 0);

/**
 * A lane for each service, from the first message to the last; the list below says the same in words.
 * @param {Found} found
 * @param {(index: number) => void} press a message
 */
function lanes(found, press) {
  const { services, messages, start, end } = found;
  const percent = (/** @type {number} */ at) => `${1 + 98 * along(found, at)}%`;
  const lane = (/** @type {Service} */ { name, first, last, level }) =>
    el(
      "div",
      { class: `lane ${colour(services, name)}` },
      el(
        "div",
        { class: "name isolate", title: name },
        line(name, 60),
        level !== null && level <= 4 && [" ", levelText(level)],
      ),
      svg(
        "svg",
        { class: "track" },
        svg("line", { class: "reach", x1: percent(first), x2: percent(last), y1: "50%", y2: "50%" }),
        messages.map(
          (message, index) =>
            message.service === name &&
            svg(
              "circle",
              {
                class: message.level !== null && message.level <= 3 ? "failed" : "",
                cx: percent(message.timestamp),
                cy: "50%",
                r: 5,
                on: { click: () => press(index) },
              },
              svg("title", {}, `+${secondsText(message.timestamp - start)} ${line(message.short_message, 200)}`),
            ),
        ),
      ),
    );
  return el(
    "div",
    { class: "lanes", "aria-hidden": "true" },
    services.map(lane),
    end > start &&
      el(
        "div",
        { class: "lane" },
        el("div", { class: "name" }),
        el(
          "div",
          { class: "scale faint" },
          MARKS.map((mark) => el("span", {}, secondsText(mark * (end - start)))),
        ),
      ),
  );
}

/** A message, after the gap before it. @param {Found} found @param {number} index */
function step(found, index) {
  const { messages, services, start, end } = found;
  const message = messages[index];
  const gap = index ? message.timestamp - messages[index - 1].timestamp : 0;
  const share = end > start ? gap / (end - start) : 0;
  const space = el("div", { class: "gap faint" }, share >= LONG_GAP && `${secondsText(gap)} later`);
  space.style.minHeight = `${Math.round(share * GAPS_PIXELS)}px`;
  return el(
    "li",
    { class: colour(services, message.service) },
    index > 0 && space,
    el(
      "div",
      { class: "step" },
      el(
        "span",
        { class: "offset", title: stamp(message.timestamp, true) },
        `+${secondsText(message.timestamp - start)}`,
      ),
      el("span", { class: "of isolate" }, line(message.service, 60)),
      el("span", { class: "severity" }, levelText(message.level)),
      link({ ...where(found), id: message.id }, { class: "isolate" }, line(message.short_message, 1000)),
    ),
  );
}
