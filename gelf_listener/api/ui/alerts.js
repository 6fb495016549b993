// @ts-check
/** Alerts: in which state each is, and what is done with them: silenced, made, changed, deleted. */
import { alertForm } from "./alertform.js";
import { figuresText } from "./alerttext.js";
import { ask } from "./api.js";
import { button, el, show } from "./dom.js";
import { link } from "./links.js";
import { attempt, offer } from "./offers.js";
import { Sheet } from "./sheet.js";
import { state } from "./state.js";
import { styles } from "./styles.js";
import { line } from "./text.js";
import { ago, shortOf, stamp } from "./times.js";

/** @typedef {import("./alerttext.js").AlertDocument} AlertDocument */
/** @typedef {import("./alerttext.js").Definition} Definition */

/** What colour a state has. @type {Record<string, string>} */
const COLOURS = { firing: "badge bad", ok: "badge good" };
const SILENCE = "1h";

export class Alerts extends Sheet {
  constructor() {
    super("Alerts");
    /** @type {string[]} */
    this._destinations = [];
    /** By name: they stay while they are asked again, so that nothing moves from under a hand. @type {Map<string, Card>} */
    this._cards = new Map();
    this.list = el("ul", { class: "alerts" });
    this.nothing = el(
      "p",
      { class: "faint hidden" },
      "An alert is a saved query with a condition: it says when the condition begins to hold, and when it ends.",
    );
    this.problem = el("p", { class: "level-3", role: "alert" });
    show(
      this.body,
      el(
        "div",
        { class: "row" },
        button("New alert", () => void this._make(), { class: "primary" }),
      ),
      this.problem,
      this.nothing,
      this.list,
    );
  }

  async draw() {
    try {
      const [{ alerts, destinations }] = await Promise.all([ask("alerts"), styles("plot.css"), styles("alerts.css")]);
      this._show(alerts, destinations);
      this.problem.textContent = "";
    } catch (error) {
      this.problem.textContent = line(/** @type {Error} */ (error).message, 500);
    }
  }

  /** @param {AlertDocument[]} alerts @param {string[]} destinations */
  _show(alerts, destinations) {
    this._destinations = destinations;
    this.nothing.classList.toggle("hidden", alerts.length > 0);
    const cards = alerts.map((alert) => {
      const card = this._cards.get(alert.name) ?? new Card(this);
      card.set(alert);
      return /** @type {[string, Card]} */ ([alert.name, card]);
    });
    const before = [...this._cards.keys()].join("\n");
    this._cards = new Map(cards);
    if (before !== [...this._cards.keys()].join("\n"))
      show(
        this.list,
        cards.map(([, { element }]) => element),
      );
  }

  async _make() {
    await this._form({ query: state().q || "*" }, false);
  }

  /** @param {Partial<Definition>} begun @param {boolean} named */
  async _form(begun, named) {
    const keep = async (/** @type {Definition} */ alert) => {
      if (!named && this._cards.has(alert.name)) throw new Error(`there is an alert called ${alert.name} already`);
      await put(alert);
    };
    if (await alertForm(begun, { destinations: this._destinations, named, keep })) await this.draw();
  }

  /** @param {AlertDocument} alert */
  async change(alert) {
    await this._form(alert.definition, true);
  }

  /** @param {AlertDocument} alert @param {string} duration 0 ends a silence */
  async silence(alert, duration) {
    await attempt(async () => {
      await ask(`${path(alert.name)}/silence`, { method: "POST", body: { duration } });
      await this.draw();
    });
  }

  /** @param {AlertDocument} alert */
  async remove({ name, definition }) {
    await attempt(async () => {
      await ask(path(name), { method: "DELETE" });
      await this.draw();
      offer(`The alert ${line(name, 60)} was deleted`, "Undo", () =>
        attempt(async () => {
          await put(definition);
          await this.draw();
        }),
      );
    });
  }
}

/** @param {string} name */
const path = (name) => `alerts/${encodeURIComponent(name)}`;

/** @param {Definition} alert */
const put = (alert) => ask(path(alert.name), { method: "PUT", body: alert });

/** One alert. */
class Card {
  /** @param {Alerts} view */
  constructor(view) {
    this._view = view;
    this._shown = "";
    this.head = el("div", { class: "row" });
    this.about = el("div");
    this.tools = el("div", { class: "row" });
    this.changes = el("tbody");
    this.history = el(
      "details",
      {},
      el("summary", {}, "History"),
      el("div", { class: "scroll" }, el("table", { "aria-label": "History" }, this.changes)),
    );
    this.element = el("li", { class: "card" }, this.head, this.about, this.tools, this.history);
  }

  /** @param {AlertDocument} alert */
  set(alert) {
    show(
      this.head,
      el("h2", {}, line(alert.name, 100)),
      el("span", { class: COLOURS[alert.state] ?? "badge" }, alert.state),
      alert.configured &&
        el("span", { class: "badge", title: "The configuration makes it; it is changed there" }, "configured"),
    );
    show(this.about, about(alert));
    show(
      this.changes,
      alert.history.map(({ at, state, text }) =>
        el("tr", {}, el("td", {}, stamp(at)), el("td", {}, state), el("td", {}, line(text, 300))),
      ),
    );
    this.history.classList.toggle("hidden", !alert.history.length);
    const tools = JSON.stringify([alert.silenced_until !== null, alert.definition]);
    if (tools !== this._shown) this._tools(alert);
    this._shown = tools;
  }

  /** @param {AlertDocument} alert */
  _tools(alert) {
    const name = line(alert.name, 60);
    const does = (/** @type {string} */ text, /** @type {() => void} */ act) =>
      button(text, act, { "aria-label": `${text}: ${name}` });
    const { query, window } = alert.definition;
    const messages = {
      q: query === "*" ? "" : query,
      range: shortOf(window),
      from: "",
      to: "",
      keyword: "",
      id: "",
      live: false,
    };
    show(
      this.tools,
      link({ view: "messages", ...messages }, { class: "button" }, "Its messages"),
      alert.silenced_until === null
        ? does(`Silence for ${SILENCE}`, () => void this._view.silence(alert, SILENCE))
        : does("End the silence", () => void this._view.silence(alert, "0")),
      !alert.configured && [
        does("Change", () => void this._view.change(alert)),
        does("Delete", () => void this._view.remove(alert)),
      ],
    );
  }
}

/** @param {AlertDocument} alert */
function about(alert) {
  const { query, to } = alert.definition;
  return [
    el("p", {}, el("code", {}, line(query, 300)), " – ", line(alert.condition, 200)),
    el(
      "p",
      {},
      alert.unknown
        ? el("span", { class: "level-4" }, `It cannot be told: ${line(alert.unknown, 300)}`)
        : alert.since === null
          ? "Not looked at yet"
          : `${alert.firing ? "Firing" : "Quiet"} since ${stamp(alert.since)} (${ago(alert.since)})`,
      alert.figure !== null && ` · now ${figuresText(alert.figure)}`,
      alert.silenced_until !== null && ` · silenced until ${stamp(alert.silenced_until)}`,
    ),
    el(
      "p",
      { class: "faint" },
      to.length ? `Notices go to ${line(to.join(", "), 300)}` : "No notices: it names no destination",
      alert.pending_notices > 0 && ` · ${alert.pending_notices} not delivered yet`,
    ),
  ];
}
