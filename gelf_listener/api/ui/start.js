// @ts-check
/** Get started: how to send the first message, and a light that turns green when it has arrived. */
import { ask } from "./api.js";
import { button, copy, el, show } from "./dom.js";
import { here } from "./paths.js";
import { count, line } from "./text.js";
import { addresses, snippets } from "./snippets.js";
import { keep, kept } from "./state.js";

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
              el("strong", {}, `${count(found.messages, "message")} arrived`),
              found.messages > this._before &&
                ` (${(found.messages - this._before).toLocaleString()} since you opened this). `,
              " ",
              el("a", { href: here("/"), dataset: { view: "messages" } }, "See them"),
            ]
          : "Waiting for your first message …",
        found.rejected > 0 &&
          el(
            "div",
            {},
            el("span", { class: "dot bad" }),
            ` ${count(found.rejected, "payload")} could not be understood: `,
            el("a", { href: here("/rejected"), dataset: { view: "rejected" } }, "see why"),
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
    const at = addresses(inputs, location.hostname);
    const all = snippets(at);
    const card = el("section", { class: "card", id: "snippet", "aria-live": "polite" });
    const choices = all.map((snippet) =>
      button(snippet.name, () => choose(snippet), { "aria-controls": "snippet", "aria-pressed": "false" }),
    );
    const choose = (/** @type {(typeof all)[0]} */ snippet) => {
      keep("snippet", snippet.name);
      for (const [index, choice] of choices.entries())
        choice.setAttribute("aria-pressed", String(all[index] === snippet));
      show(
        card,
        el(
          "div",
          { class: "row" },
          el("h2", { class: "grow" }, snippet.name),
          button("Copy", () => void copy(snippet.code, snippet.name), { "aria-label": `Copy: ${snippet.name}` }),
        ),
        snippet.install && el("pre", { tabindex: 0, class: "faint" }, snippet.install),
        el("pre", { tabindex: 0 }, snippet.code),
        at[snippet.by] === null &&
          el(
            "p",
            { class: "level-4" },
            "This listener has no such input; start it with ",
            el("code", {}, missing(snippet.by)),
          ),
      );
    };
    choose(all.find((snippet) => snippet.name === kept("snippet", "")) ?? all[0]);
    show(
      this.body,
      el(
        "p",
        {},
        urls.length ? "This listener takes messages at " : "This listener has no inputs.",
        urls.flatMap((url) => [el("code", {}, line(url)), " "]),
      ),
      el("div", { class: "row" }, choices),
      card,
    );
  }
}

/** Inputs by what a snippet sends to. */
const INPUTS = {
  udp: "gelf+udp://127.0.0.1:12201",
  tcp: "gelf+tcp://127.0.0.1:12201",
  http: "gelf+http://127.0.0.1:12203",
  otlp: "otlp+http://",
  loki: "loki+http://",
  forward: "forward://",
  elasticsearch: "elasticsearch+http://",
  splunk: "splunk+hec://",
  journal: "journal+http://",
};

/** @param {import("./snippets.js").Input} by */
const missing = (by) => `--input ${INPUTS[by]}`;
