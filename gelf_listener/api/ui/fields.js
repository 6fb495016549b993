// @ts-check
/** The fields: which there are, and for one of them top values, statistics and presence. */
import { ask } from "./api.js";
import { button, el, show } from "./dom.js";
import { isTime } from "./known.js";
import { add } from "./query.js";
import { go, state } from "./state.js";
import { fieldName, levelName, line, quote, spell } from "./text.js";
import { rangeParameters, stamp } from "./times.js";

const MOST = 300;
const FIRST = ["level", "source", "service", "message", "full_message", "timestamp"];

export class Fields {
  constructor() {
    /** @type {{name: string, types: string[]}[]} */
    this.all = [];
    this._open = "";
    this._asked = "";
    this.filter = el("input", {
      type: "search",
      placeholder: "Fields",
      "aria-label": "Find a field",
      on: { input: () => this._draw() },
    });
    this.list = el("ul");
    this.element = el("aside", { class: "fields", "aria-label": "Fields" }, this.filter, this.list);
  }

  /** Ask for the fields again. */
  async load() {
    const { fields } = await ask("fields");
    const rank = (/** @type {string} */ name) =>
      FIRST.includes(name) ? FIRST.indexOf(name) : name.startsWith("gl2_") ? 99 : 50;
    const sorted = fields.sort(
      (/** @type {any} */ a, /** @type {any} */ b) => rank(a.name) - rank(b.name) || a.name.localeCompare(b.name),
    );
    const asked = JSON.stringify([state().q, rangeParameters(state())]);
    const stale = this._open !== "" && asked !== this._asked;
    this._asked = asked;
    if (!stale && JSON.stringify(sorted) === JSON.stringify(this.all)) return;
    this.all = sorted;
    this._draw();
  }

  _draw() {
    const wanted = this.filter.value.toLowerCase();
    const found = this.all.filter((field) => field.name.toLowerCase().includes(wanted));
    show(
      this.list,
      found.slice(0, MOST).map((field) => {
        const open = field.name === this._open;
        const facts = el("div", { class: "facts" });
        if (open) void this._facts(field.name, facts);
        return el(
          "li",
          {},
          button(
            [el("span", {}, line(field.name, 100)), el("span", { class: "faint" }, letter(field.types))],
            () => {
              this._open = open ? "" : field.name;
              this._draw();
            },
            { class: "name", "aria-expanded": String(open), title: field.types.join(", ") },
          ),
          open && facts,
        );
      }),
      found.length > MOST &&
        el("li", { class: "faint more" }, `${(found.length - MOST).toLocaleString()} more: find them above`),
    );
  }

  /** @param {string} name @param {HTMLElement} into */
  async _facts(name, into) {
    const current = state();
    const parameters = { query: current.q || "*", ...rangeParameters(current) };
    const path = `fields/${encodeURIComponent(name)}`;
    show(into, el("span", { class: "faint" }, "…"));
    try {
      const column = current.columns.includes(name);
      const inRows = current.inline.split(",").filter((other) => other && other !== "-" && other !== name);
      const inlined = current.inline.split(",").includes(name);
      const fixed = ["timestamp", "level", "source", "message"].includes(name);
      const buttons = el(
        "div",
        { class: "row" },
        !fixed &&
          button(
            "Column",
            () => {
              go({
                columns: column ? current.columns.filter((other) => other !== name) : [...current.columns, name],
              });
              this._draw();
            },
            { "aria-pressed": String(column) },
          ),
        !fixed &&
          button(
            "In rows",
            () => {
              go({ inline: inlined ? inRows.join(",") || "-" : [...inRows, name].join(",") });
              this._draw();
            },
            { "aria-pressed": String(inlined), title: "Show it behind the text of each row" },
          ),
        button("Present", () => go({ q: add(state().q, `_exists_:${fieldName(name)}`) })),
      );
      const [statistics, top] = await Promise.all([
        ask(`${path}/statistics`, { parameters }),
        ask(`${path}/top`, { parameters: { ...parameters, limit: 10 } }),
      ]);
      const share = statistics.messages ? Math.round((100 * statistics.present) / statistics.messages) : 0;
      const others = top.values.reduce(
        (/** @type {number} */ rest, /** @type {any} */ one) => (one.value === null ? rest : rest - one.messages),
        statistics.present,
      );
      const time = isTime(name);
      const figure = (/** @type {number} */ value) => (time ? stamp(value, true) : +value.toPrecision(6)).toString();
      show(
        into,
        buttons,
        el(
          "p",
          { class: "faint" },
          `in ${share} % of ${statistics.messages.toLocaleString()} · ${statistics.distinct.toLocaleString()} different`,
        ),
        statistics.minimum !== null &&
          el(
            "p",
            { class: "faint" },
            `from ${figure(statistics.minimum)} to ${figure(statistics.maximum)}`,
            !time &&
              `, mean ${figure(statistics.mean)}, sum ${figure(statistics.total)}, deviation ${figure(statistics.deviation)}`,
          ),
        statistics.minimum !== null && !time && name !== "level" && drawn(name),
        top.values
          .filter((/** @type {any} */ one) => one.value !== null)
          .map((/** @type {{value: any, messages: number}} */ one) => {
            const text = name === "level" ? levelName(one.value) : time ? stamp(one.value, true) : line(one.value, 80);
            const condition = `${fieldName(name)}:${one.value === "" ? '""' : quote(one.value)}`;
            const mark = `${name}:${spell(one.value)}`;
            const press = (/** @type {string} */ sign, /** @type {string} */ does, /** @type {() => void} */ act) =>
              button(sign, act, { class: "plain", title: does, "aria-label": `${does}: ${line(name, 60)}:${text}` });
            const adding = button(
              [
                el("span", {}, text || "(empty)"),
                el("span", { class: "right" }, one.messages.toLocaleString()),
                el("meter", {
                  min: 0,
                  max: statistics.present || 1,
                  value: one.messages,
                  "aria-label": `${one.messages} of ${statistics.present}`,
                }),
              ],
              () => go({ q: add(state().q, condition) }),
              { class: "top", title: `Add ${line(name, 60)}:${text}` },
            );
            return el(
              "div",
              { class: "value" },
              adding,
              press("−", "Exclude", () => go({ q: add(state().q, `NOT ${condition}`) })),
              press("✎", "Highlight", () => go({ mark: state().mark === mark ? "" : mark })),
            );
          }),
        others > 0 && el("p", { class: "faint" }, `${others.toLocaleString()} others`),
      );
    } catch (error) {
      show(into, el("span", { class: "faint" }, String(/** @type {Error} */ (error).message)));
    }
  }
}

/** The charts of a numeric field; loaded with the first of them. @param {string} name */
function drawn(name) {
  const into = el("div");
  import("./numbers.js").then(
    ({ numbers }) => show(into, numbers(name)),
    () => undefined, // the figures above are there all the same
  );
  return into;
}

/** @param {string[]} types */
function letter(types) {
  const number = types.every((type) => type === "long" || type === "double") && types.includes("double");
  const first = number ? "double" : types.length > 1 ? "mixed" : (types[0] ?? "");
  return (
    { string: "abc", text: "text", long: "123", double: "1.5", boolean: "y/n", date: "time", ip: "ip", mixed: "mixed" }[
      first
    ] ?? first
  );
}
