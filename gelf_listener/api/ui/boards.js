// @ts-check
/** Boards: which there are, one of them, and what is done with them: made, changed, copied, exported, imported. */
import { ask, url } from "./api.js";
import { Board } from "./board.js";
import { boardForm, panelForm } from "./boardforms.js";
import { button, copy, el, menu, notice, show } from "./dom.js";
import { link } from "./links.js";
import { attempt, offer } from "./offers.js";
import { address, go, state, watch } from "./state.js";
import { count, line } from "./text.js";
import { timePicker } from "./timepicker.js";
import { rangeFrom } from "./times.js";

/** @typedef {import("./board.js").BoardDocument} BoardDocument */

export class Boards {
  constructor() {
    this.element = el("div", { class: "sheet hidden" });
    /** @type {Board | null} */
    this._board = null;
    /** @type {BoardDocument | null} */
    this._document = null;
    this._loaded = "";
    this.picker = timePicker(() => this._range());
    this.live = button("", () => go({ live: !state().live }), { title: "Ask again and again" });
    watch((now, before) => {
      if (now.view !== "boards" || before.view !== "boards") return;
      if (now.board !== before.board) void this._load();
      else this._run();
    });
  }

  /** The view is opened. */
  enter() {
    void this._load();
  }

  /** The view is left. */
  leave() {
    this._board?.stop();
    this._loaded = "";
  }

  /** What is shown: chosen on the page, or else the board's own. */
  _range() {
    const { range, from, to, keyword } = state();
    const own = this._document && !(range || from || to || keyword);
    return own ? rangeFrom(/** @type {BoardDocument} */ (this._document).range) : { range, from, to, keyword };
  }

  async _load() {
    const wanted = state().board;
    this._board?.stop();
    this._board = null;
    this._loaded = wanted || "all";
    try {
      if (!wanted) return this._list(await ask("boards"));
      this._document = await ask(`boards/${encodeURIComponent(wanted)}`);
      if (state().board === wanted) this._show();
    } catch (error) {
      show(
        this.element,
        el("h1", {}, "Boards"),
        el("p", { class: "level-3", role: "alert" }, line(/** @type {Error} */ (error).message, 500)),
        el("p", {}, link({ view: "boards", board: "" }, {}, "All boards")),
      );
    }
  }

  // --- all of them

  /** @param {{boards: BoardDocument[], searches: any[], problem: string | null}} found */
  _list({ boards, searches, problem }) {
    this._document = null;
    show(
      this.element,
      el("h1", {}, "Boards"),
      problem && el("p", { class: "level-3", role: "alert" }, line(problem, 500)),
      el(
        "div",
        { class: "row" },
        button("New board", () => void this._make({}), { class: "primary" }),
        importing(() => void this._load()),
        (boards.length > 0 || searches.length > 0) &&
          el("a", { class: "button", href: url("boards/file"), download: "boards.json" }, "Export all"),
      ),
      boards.length
        ? el(
            "ul",
            { class: "boards" },
            boards.map((board) => this._entry(board)),
          )
        : el(
            "p",
            { class: "faint" },
            "A board shows charts and lists on one page, for everybody who can log in here. Make one, or add what Explore shows.",
          ),
      searches.length > 0 && [
        el("h2", {}, "Saved searches"),
        el(
          "ul",
          { class: "boards" },
          searches.map((one) =>
            el(
              "li",
              {},
              link({ ...common(one), view: "messages", q: one.query, columns: one.columns }, {}, line(one.name, 100)),
              " ",
              el("code", { class: "faint" }, line(one.query || "*", 120)),
            ),
          ),
        ),
      ],
    );
  }

  /** @param {BoardDocument} board */
  _entry(board) {
    return el(
      "li",
      {},
      link({ view: "boards", board: board.id }, {}, line(board.name, 100)),
      el("span", { class: "faint" }, ` ${count(board.panels.length, "panel")} `),
      board.configured && el("span", { class: "badge" }, "configured"),
      board.description && el("div", { class: "faint" }, line(board.description, 300)),
    );
  }

  /** @param {Partial<BoardDocument>} begun */
  async _make(begun) {
    const board = await boardForm(begun);
    if (!board) return;
    await attempt(async () => {
      const made = await ask("boards", { method: "POST", body: board });
      go({ view: "boards", board: made.id });
    });
  }

  // --- one of them

  _show() {
    const board = /** @type {BoardDocument} */ (this._document);
    this._board = new Board(board, (index) => !board.configured && this._tools(index));
    show(
      this.element,
      el(
        "div",
        { class: "row" },
        el("h1", { class: "grow" }, line(board.name, 100)),
        this.picker.element,
        this.live,
        menu("⋯", (close) => this._more(close), { "aria-label": "More", title: "Change, copy, export, delete" }),
      ),
      board.description && el("p", { class: "faint" }, line(board.description, 1000)),
      this._board.element,
      !board.configured &&
        el(
          "p",
          {},
          button("+ Panel", () => void this._addPanel()),
        ),
      board.configured &&
        el(
          "p",
          { class: "faint" },
          "This board is from a file that the configuration names; a copy of it can be changed.",
        ),
    );
    this._run();
  }

  _run() {
    const { live } = state();
    this.picker.update();
    this.live.setAttribute("aria-pressed", String(live));
    this.live.textContent = live ? "● Live" : "▶ Live";
    this._board?.run(this._range(), live);
  }

  /** @param {() => void} close */
  _more(close) {
    const board = /** @type {BoardDocument} */ (this._document);
    const does = (/** @type {string} */ text, /** @type {() => void} */ act) =>
      button(text, () => {
        close();
        act();
      });
    return [
      does("Copy the link", () => void copy(new URL(address({}), location.origin).href, "Link")),
      !board.configured && does("Name and time range", () => void this._change()),
      does("Make a copy", () => void this._make({ ...board, name: `${board.name} (copy)`.slice(0, 100) })),
      el("a", { class: "button", href: url("boards/file", { id: board.id }), download: "board.json" }, "Export"),
      !board.configured && does("Delete", () => void this._delete()),
      link({ view: "boards", board: "" }, { class: "button" }, "All boards"),
    ];
  }

  /** @param {number} index */
  _tools(index) {
    const name = line(this._document?.panels[index].title || "Untitled", 60);
    const press = (/** @type {string} */ sign, /** @type {string} */ does, /** @type {() => void} */ act) =>
      button(sign, act, { class: "plain", title: does, "aria-label": `${does}: ${name}` });
    return [
      index > 0 && press("↑", "Move forward", () => void this._move(index)),
      press("✎", "Change", () => void this._changePanel(index)),
      press("✕", "Remove", () => void this._keep((panels) => panels.filter((_, at) => at !== index))),
    ];
  }

  async _addPanel() {
    const panel = await panelForm({});
    if (panel) await this._keep((panels) => [...panels, panel]);
  }

  /** @param {number} index */
  async _changePanel(index) {
    const board = /** @type {BoardDocument} */ (this._document);
    const panel = await panelForm(board.panels[index]);
    if (panel) await this._keep((panels) => panels.map((one, at) => (at === index ? panel : one)));
  }

  /** @param {number} index */
  async _move(index) {
    await this._keep((panels) => panels.toSpliced(index - 1, 2, panels[index], panels[index - 1]));
  }

  async _change() {
    const changed = await boardForm(/** @type {BoardDocument} */ (this._document));
    if (changed) await this._put(changed);
  }

  /** @param {(panels: import("./board.js").PanelDocument[]) => import("./board.js").PanelDocument[]} change */
  async _keep(change) {
    const { id: _, configured: __, ...board } = /** @type {BoardDocument} */ (this._document);
    await this._put({ ...board, panels: change(board.panels) });
  }

  /** @param {object} board */
  async _put(board) {
    await attempt(async () => {
      this._document = await ask(`boards/${this._document?.id}`, { method: "PUT", body: board });
      this._board?.stop();
      this._show();
    });
  }

  async _delete() {
    await attempt(async () => {
      const board = /** @type {BoardDocument} */ (this._document);
      const { id, configured: _, ...kept } = board;
      await ask(`boards/${id}`, { method: "DELETE" });
      go({ board: "" });
      offer(`The board ${line(board.name, 60)} was deleted`, "Undo", () =>
        attempt(async () => {
          const again = await ask("boards", { method: "POST", body: kept });
          go({ view: "boards", board: again.id });
        }),
      );
    });
  }
}

/** A saved search's range, for a state. @param {{range: BoardDocument["range"]}} one */
const common = ({ range }) => ({ id: "", live: false, ...rangeFrom(range) });

/** @param {() => void} done */
function importing(done) {
  const take = () =>
    attempt(async () => {
      const [file] = input.files;
      if (!file) return;
      const text = await file.text();
      input.value = ""; // so that the same file, repaired, can be taken again
      let body;
      try {
        body = JSON.parse(text);
      } catch (error) {
        throw new Error(`${file.name} is not JSON: ${/** @type {Error} */ (error).message}`);
      }
      if (!Array.isArray(body?.boards) && !Array.isArray(body?.searches))
        throw new Error(`${file.name} is not a file of boards: it has no list "boards" or "searches"`);
      const taken = await ask("boards/file", { method: "POST", body }).catch((error) => {
        throw new Error(`${file.name}: ${error.message}`);
      });
      notice(`Imported: boards ${taken.boards}, searches ${taken.searches}, of them replaced ${taken.replaced}`);
      done();
    });
  const input = el("input", {
    type: "file",
    class: "hidden",
    accept: ".json",
    "aria-label": "File of boards",
    on: { change: () => void take() },
  });
  return [input, button("Import", () => input.click())];
}
