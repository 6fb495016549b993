// @ts-check
/** Get started: how to send the first message, and a light that turns green when it has arrived. */
import { ask } from "./api.js";
import { button, copy, el, show } from "./dom.js";
import { line } from "./text.js";
import { snippets } from "./snippets.js";

const EVERY = 1000;

export class Start {
  constructor() {
    this.light = el("div", { class: "card waiting", role: "status" });
    this.body = el("div");
    this.element = el("div", { class: "sheet hidden" }, el("h1", {}, "Get started"), this.light, this.body);
    this._timer = 0;
    this._open = false;
    this._before = -1;
    this._inputs = "";
  }

  enter() {
    this._open = true;
    void this._look();
  }

  leave() {
    this._open = false;
    clearTimeout(this._timer);
  }

  async _look() {
    try {
      const found = await ask("stats");
      if (this._before < 0) this._before = found.messages;
      const fresh = found.messages > 0;
      this.light.classList.toggle("waiting", !fresh);
      show(
        this.light,
        el("span", { class: `dot ${fresh ? "good" : ""}` }),
        " ",
        fresh
          ? [
              el("strong", {}, `${found.messages.toLocaleString()} messages arrived`),
              found.messages > this._before &&
                ` (${(found.messages - this._before).toLocaleString()} since you opened this). `,
              " ",
              el("a", { href: "/", dataset: { view: "messages" } }, "See them"),
            ]
          : "Waiting for your first message …",
        found.rejected > 0 &&
          el(
            "div",
            {},
            el("span", { class: "dot bad" }),
            ` ${found.rejected.toLocaleString()} payloads could not be understood: `,
            el("a", { href: "/rejected", dataset: { view: "rejected" } }, "see why"),
          ),
      );
      this._draw(found.inputs);
    } catch (error) {
      show(this.light, String(/** @type {Error} */ (error).message));
    }
    if (this._open) this._timer = window.setTimeout(() => void this._look(), EVERY);
  }

  /** @param {{name: string, listening: string[]}[]} inputs */
  _draw(inputs) {
    const urls = inputs.flatMap((input) => input.listening);
    if (urls.join() === this._inputs) return;
    this._inputs = urls.join();
    const port = (/** @type {string} */ scheme) =>
      Number(urls.find((url) => url.startsWith(`${scheme}://`))?.match(/:(\d+)(?:\/|$)/)?.[1]) || null;
    const all = snippets({
      host: location.hostname.replace(/^\[|\]$/g, ""),
      udp: port("gelf+udp"),
      tcp: port("gelf+tcp"),
      http: port("gelf+http"),
    });
    show(
      this.body,
      el(
        "p",
        {},
        "This listener takes messages at: ",
        urls.flatMap((url) => [el("code", {}, line(url)), " "]),
      ),
      all.map(({ name, install, code }) =>
        el(
          "section",
          { class: "card" },
          el(
            "div",
            { class: "row" },
            el("h2", { class: "grow" }, name),
            button("Copy", () => void copy(code, name), { "aria-label": `Copy: ${name}` }),
          ),
          install && el("code", { class: "faint" }, install),
          el("pre", { tabindex: 0 }, code),
        ),
      ),
    );
  }
}
