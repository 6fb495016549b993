// @ts-check
/** Saved searches, as a part of a menu: those that the listener keeps for everybody, and those that only this browser has. */
import { ask, url } from "./api.js";
import { button, el, notice, show } from "./dom.js";
import { link } from "./links.js";
import { keep, kept, state } from "./state.js";
import { line } from "./text.js";
import { rangeFrom } from "./times.js";

/** @typedef {{name: string, address: string}} Kept in this browser, as earlier versions of the page did */

/** @param {() => void} close the menu */
export function savedSearches(close) {
  const list = el("div", {}, el("span", { class: "faint" }, "…"));
  const name = el("input", {
    type: "text",
    placeholder: "Name of this search",
    "aria-label": "Name of this search",
    class: "grow",
    maxlength: 100,
    required: true,
  });
  const save = (/** @type {Event} */ event) => {
    event.preventDefault();
    const { q: query, columns, range, from, to, keyword } = state();
    const since = range === "all" ? "" : range;
    const body = { name: name.value, query, columns, range: { since, from, to, keyword } };
    void attempt("Saved for everybody here", () => ask("searches", { method: "POST", body }));
  };
  /** @param {string} told @param {() => Promise<unknown> | void} act */
  async function attempt(told, act) {
    try {
      await act();
      notice(told);
      close();
    } catch (error) {
      notice(line(/** @type {Error} */ (error).message, 500), "bad");
    }
  }
  /** @param {any} one */
  const row = (one) =>
    el(
      "div",
      { class: "row" },
      link(
        {
          view: "messages",
          id: "",
          sort: "",
          live: false,
          q: one.query,
          columns: one.columns,
          ...rangeFrom(one.range),
        },
        { class: "grow" },
        line(one.name, 100),
      ),
      !one.configured &&
        button(
          "✕",
          () => void attempt(`${one.name} forgotten`, () => ask(`searches/${one.id}`, { method: "DELETE" })),
          {
            "aria-label": `Forget ${line(one.name, 100)}`,
          },
        ),
    );
  /** @param {Kept} one @param {Kept[]} all */
  const here = (one, all) =>
    el(
      "div",
      { class: "row" },
      el("a", { class: "grow", href: one.address }, line(one.name, 100)),
      el("span", { class: "faint" }, "this browser"),
      button(
        "✕",
        () =>
          void attempt(`${one.name} forgotten`, () =>
            keep(
              "saved",
              all.filter((other) => other !== one),
            ),
          ),
        {
          "aria-label": `Forget ${line(one.name, 100)}`,
        },
      ),
    );
  const load = async () => {
    const own = kept("saved", /** @type {Kept[]} */ ([]));
    try {
      const { searches } = await ask("boards");
      const file = el("a", { href: url("boards/file"), download: "boards.json" }, "Export them, and the boards");
      show(
        list,
        searches.map(row),
        own.map((one) => here(one, own)),
        searches.length > 0 && file,
      );
    } catch (error) {
      show(list, el("span", { class: "faint" }, line(/** @type {Error} */ (error).message, 300)));
    }
  };
  void load();
  return [
    list,
    el("form", { on: { submit: save } }, el("div", { class: "row" }, name, el("button", { type: "submit" }, "Save"))),
  ];
}
