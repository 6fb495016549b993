// @ts-check
/** Actions: what the menu ⋯ of the messages view does with what matches: export, import, delete; and saved searches. */
import { ask, url } from "./api.js";
import { button, el, notice } from "./dom.js";
import { address, keep, kept, state } from "./state.js";
import { count, line } from "./text.js";
import { rangeParameters, rangeText } from "./times.js";

/**
 * @typedef {object} Surroundings
 * @property {string} order where the newest message stands: top or bottom
 * @property {(order: string) => void} reorder
 * @property {() => void} changed what is stored has changed
 */

/** @typedef {{name: string, address: string}} Saved */

/**
 * The menu's content.
 * @param {() => void} close
 * @param {Surroundings} around
 */
export function actions(close, around) {
  return [
    el("strong", {}, "Export what matches"),
    el("div", { class: "row" }, exports()),
    el("strong", {}, "Saved searches"),
    savedSearches(close),
    el("strong", {}, "Newest message"),
    el("div", { class: "row" }, orders(close, around)),
    el("strong", {}, "Import"),
    el("div", { class: "row" }, importing(close, around)),
    el("strong", {}, "Delete"),
    el("div", { class: "row" }, deleting(close, around)),
  ];
}

function exports() {
  const now = state();
  const parameters = { query: now.q || "*", ...rangeParameters(now), ...(now.sort && { sort: now.sort }) };
  const fields = ["timestamp", "level", "source", ...now.columns, "message"].join(",");
  const link = (/** @type {string} */ text, /** @type {object} */ more) =>
    el("a", { class: "button", download: "", href: url("export", { ...parameters, ...more }) }, text);
  return [
    link("CSV", { format: "csv", fields }),
    link("JSON lines", { format: "jsonl" }),
    link("GELF", { format: "gelf" }),
  ];
}

/** @param {() => void} close */
function savedSearches(close) {
  const saved = kept("saved", /** @type {Saved[]} */ ([]));
  const name = el("input", {
    type: "text",
    placeholder: "Name of this search",
    "aria-label": "Name of this search",
    class: "grow",
    maxlength: 100,
  });
  const save = (/** @type {Event} */ event) => {
    event.preventDefault();
    const called = name.value.trim();
    if (!called) return;
    keep("saved", [...saved.filter((one) => one.name !== called), { name: called, address: address({ id: "" }) }]);
    notice("Saved in this browser");
    close();
  };
  const forget = (/** @type {Saved} */ one) => {
    keep(
      "saved",
      saved.filter((other) => other !== one),
    );
    close();
  };
  return [
    saved.map((one) =>
      el(
        "div",
        { class: "row" },
        el("a", { class: "grow", href: one.address }, one.name),
        button("✕", () => forget(one), { "aria-label": `Forget ${one.name}` }),
      ),
    ),
    el("form", { on: { submit: save } }, el("div", { class: "row" }, name, el("button", { type: "submit" }, "Save"))),
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
    box.addEventListener("close", () => {
      box.remove();
      resolve(box.returnValue === "yes");
    });
    document.body.append(box);
    box.showModal();
  });
}
