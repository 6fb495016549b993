// @ts-check
/** Asking: a view that asks one question about the query and the time of the page, and again when they change. */
import { ask } from "./api.js";
import { el, button, show } from "./dom.js";
import { QueryEditor } from "./editor.js";
import { go, state, watch } from "./state.js";
import { line } from "./text.js";
import { timePicker } from "./timepicker.js";

/** @typedef {import("./state.js").State} State */

export class Asking {
  /**
   * @param {string} name of the view
   * @param {string} title
   * @param {import("./dom.js").Child[]} [more] stands below the query
   */
  constructor(name, title, more = []) {
    this.name = name;
    this.editor = new QueryEditor((query) => {
      if (query !== state().q) go({ q: query });
    }, `${name}-`);
    this.picker = timePicker();
    this.body = el("div", { role: "region", "aria-label": title, "aria-live": "off" });
    const again = button("↻", () => void this._ask(), { "aria-label": "Ask again", title: "Ask again" });
    this.element = el(
      "div",
      { class: `asking ${name} grow hidden` },
      el("div", { class: "bar" }, this.editor.element, this.picker.element, again),
      more,
      el("div", { class: "sheet" }, el("h1", { class: "unseen" }, title), this.body),
    );
    /** @type {AbortController | null} */
    this._asking = null;
    this._asked = "";
    watch((now, before) => {
      if (now.view === name && before.view === name) this._changed();
    });
  }

  /** The view is opened. */
  enter() {
    this._asked = "";
    this._changed();
    void this._loadFields();
  }

  /** The view is left. */
  leave() {
    this._asking?.abort();
  }

  async _loadFields() {
    try {
      this.named((await ask("fields")).fields);
    } catch {
      // their names can be written all the same
    }
  }

  /** These fields are stored. @param {{name: string, types: string[]}[]} fields */
  named(fields) {
    this.editor.fields = fields;
  }

  /** What is asked, as parameters of the API. @param {State} now @returns {Record<string, any>} */
  parameters(now) {
    throw new Error(`${now.view} says what it asks`);
  }

  /** Ask, and show the answer. @param {State} now @param {AbortSignal} signal @returns {Promise<import("./dom.js").Child[]>} */
  async answer(now, signal) {
    throw new Error(`${now.view} shows its answer, ${signal.aborted}`);
  }

  _changed() {
    const now = state();
    this.editor.set(now.q);
    this.picker.update();
    const wanted = JSON.stringify([this.parameters(now), now.zone]);
    if (wanted !== this._asked) void this._ask();
    this._asked = wanted;
  }

  async _ask() {
    this._asking?.abort();
    const asking = new AbortController();
    this._asking = asking;
    this.body.setAttribute("aria-busy", "true");
    if (!this.body.hasChildNodes()) show(this.body, el("p", { class: "looking faint" }, "Looking …"));
    try {
      const shown = await this.answer(state(), asking.signal);
      if (asking !== this._asking) return;
      show(this.body, shown);
    } catch (error) {
      if (asking !== this._asking || asking.signal.aborted) return;
      show(this.body, el("p", { class: "level-3", role: "alert" }, line(/** @type {Error} */ (error).message, 500)));
    }
    this.body.removeAttribute("aria-busy");
  }
}
