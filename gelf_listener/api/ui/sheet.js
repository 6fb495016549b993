// @ts-check
/** A sheet: a view that asks again every few seconds while it is open. */
import { el, show } from "./dom.js";

const EVERY = 2000;

/** A view that draws itself again and again. */
export class Sheet {
  /** @param {string} title */
  constructor(title) {
    this.body = el("div");
    this.element = el("div", { class: "sheet hidden" }, el("h1", {}, title), this.body);
    this._timer = 0;
    this._open = false;
  }

  enter() {
    this._open = true;
    void this._again();
  }

  leave() {
    this._open = false;
    clearTimeout(this._timer);
  }

  async _again() {
    try {
      if (!document.hidden) await this.draw();
    } catch (error) {
      show(this.body, el("p", {}, String(/** @type {Error} */ (error).message)));
    }
    if (this._open) this._timer = window.setTimeout(() => void this._again(), EVERY);
  }

  /** @returns {Promise<void>} */
  async draw() {
    throw new Error("each sheet draws itself");
  }
}
