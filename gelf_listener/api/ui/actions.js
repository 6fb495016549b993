// @ts-check
/** Actions: what the menu ⋯ of the messages view does with what matches: export, import, delete; and saved searches. */
import { ask, url } from "./api.js";
import { button, el, modal, notice } from "./dom.js";
import { savedSearches } from "./searches.js";
import { go, state } from "./state.js";
import { count, line } from "./text.js";
import { rangeParameters, rangeText } from "./times.js";

/**
 * @typedef {object} Surroundings
 * @property {string} order where the newest message stands: top or bottom
 * @property {(order: string) => void} reorder
 * @property {boolean} wrap whether lines are wrapped
 * @property {(wrap: boolean) => void} rewrap
 * @property {() => void} changed what is stored has changed
 * @property {string[]} fields names of what else messages have
 */

/** Columns of a file beside the chosen ones: their names go into an address. */
const MOST_CSV_FIELDS = 500;

/**
 * The menu's content.
 * @param {() => void} close
 * @param {Surroundings} around
 */
export function actions(close, around) {
  return [
    el("strong", {}, "Export what matches"),
    el("div", { class: "row" }, exports(around)),
    el("strong", {}, "Saved searches"),
    savedSearches(close),
    el("strong", {}, "Newest message"),
    el("div", { class: "row" }, orders(close, around)),
    el("strong", {}, "Rows"),
    el("div", { class: "row" }, rows(close, around)),
    el("strong", {}, "Import"),
    el("div", { class: "row" }, importing(close, around)),
    el("strong", {}, "Delete"),
    el("div", { class: "row" }, deleting(close, around)),
  ];
}

/** @param {Surroundings} around */
function exports(around) {
  const now = state();
  const parameters = { query: now.q || "*", ...rangeParameters(now), ...(now.sort && { sort: now.sort }) };
  const others = around.fields.filter((name) => !now.columns.includes(name)).slice(0, MOST_CSV_FIELDS);
  const fields = ["timestamp", "level", "source", ...now.columns, "message", ...others].join(",");
  const link = (/** @type {string} */ text, /** @type {object} */ more) =>
    el("a", { class: "button", download: "", href: url("export", { ...parameters, ...more }) }, text);
  return [
    link("CSV", { format: "csv", fields }),
    link("JSON lines", { format: "jsonl" }),
    link("GELF", { format: "gelf" }),
  ];
}

/** @param {() => void} close @param {Surroundings} around */
function orders(close, around) {
  const choice = (/** @type {string} */ text, /** @type {string} */ order) => {
    const choose = () => {
      close();
      around.reorder(order);
    };
    return button(text, choose, { "aria-pressed": String(around.order === order) });
  };
  return [choice("At the top", "top"), choice("At the bottom", "bottom")];
}

/** @param {() => void} close @param {Surroundings} around */
function rows(close, around) {
  const choice = (/** @type {string} */ text, /** @type {boolean} */ chosen, /** @type {() => void} */ act) =>
    button(
      text,
      () => {
        close();
        act();
      },
      { "aria-pressed": String(chosen) },
    );
  const { inline } = state();
  return [
    choice("Wrap lines", around.wrap, () => around.rewrap(!around.wrap)),
    choice("Usual fields", !inline, () => go({ inline: "" })),
    choice("No fields", inline === "-", () => go({ inline: "-" })),
  ];
}

/** @param {() => void} close @param {Surroundings} around */
function importing(close, around) {
  const take = async () => {
    close();
    const [file] = input.files;
    if (!file) return;
    try {
      const done = await ask("import", { method: "POST", body: file });
      const rejected = done.rejected ? `, ${done.rejected.toLocaleString()} rejected: see Rejected` : "";
      notice(`${count(done.messages, "message")} imported${rejected}`, rejected ? "bad" : "good");
      if (!state().live) around.changed();
    } catch (error) {
      notice(String(/** @type {Error} */ (error).message), "bad");
    }
  };
  const input = el("input", {
    type: "file",
    class: "hidden",
    accept: ".json,.jsonl,.ndjson,.gelf,.log,.txt",
    "aria-label": "GELF file",
    on: { change: () => void take() },
  });
  return [input, button("Import a GELF file", () => input.click())];
}

/** @param {() => void} close @param {Surroundings} around */
function deleting(close, around) {
  const now = state();
  const choice = (/** @type {string} */ text, /** @type {Record<string, string>} */ parameters) =>
    button(text, () => {
      close();
      void clear(parameters, around);
    });
  return [
    choice("What matches …", { query: now.q || "*", ...rangeParameters(now) }),
    choice("Clear all …", { query: "*" }),
  ];
}

/** Ask, then delete. @param {Record<string, string>} parameters which messages @param {Surroundings} around */
async function clear(parameters, around) {
  const { query, ...range } = parameters;
  const all = query === "*" && !Object.keys(range).length;
  try {
    const { total } = await ask("search", { parameters: { ...parameters, limit: 0 } });
    if (!total) return notice("There is nothing to delete");
    const which = `${all ? "all " : ""}${count(total, "message")}${query === "*" ? "" : ` that match ${line(query, 300)}`}`;
    const when = Object.keys(range).length ? ` (${rangeText(state())})` : "";
    if (!(await confirmed(`Delete ${which}${when} from the store? This cannot be undone.`))) return;
    const { deleted } = await ask("messages", { method: "DELETE", parameters });
    notice(`${count(deleted, "message")} deleted`);
    around.changed();
  } catch (error) {
    notice(String(/** @type {Error} */ (error).message), "bad");
  }
}

/** @param {string} question @returns {Promise<boolean>} */
function confirmed(question) {
  return new Promise((resolve) => {
    const box = el(
      "dialog",
      {},
      el("p", {}, question),
      el(
        "div",
        { class: "row" },
        button("Delete", () => box.close("yes"), { class: "primary" }),
        button("Keep", () => box.close()),
      ),
    );
    box.addEventListener("close", () => resolve(box.returnValue === "yes"));
    modal(box);
  });
}
