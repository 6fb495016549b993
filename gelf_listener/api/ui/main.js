// @ts-check
/** The page: header, views, keys, login. */
import { ask, login } from "./api.js";
import { button, el, notice, show } from "./dom.js";
import { Messages } from "./messages.js";
import { here } from "./paths.js";
import { Rejected, Senders, Status } from "./sheets.js";
import { Start } from "./start.js";
import { go, keep, kept, state, watch } from "./state.js";

const TITLES = /** @type {Record<string, string>} */ ({
  messages: "Messages",
  senders: "Senders",
  rejected: "Rejected",
  status: "Inputs & outputs",
  start: "Get started",
});
const KEYS = [
  ["/", "Go to the query"],
  ["j k ↓ ↑", "Next and previous message"],
  ["Enter", "Run the query"],
  ["← → Shift Enter", "In the histogram: choose bars, zoom in"],
  ["Esc", "Close the message"],
  ["f", "Follow what arrives, or search"],
  ["p", "Pause and go on"],
  ["t", "Light or dark"],
  ["g then m s r i h", "Messages, senders, rejected, inputs and outputs, get started"],
  ["?", "These keys"],
];

const messages = new Messages();
/** @type {Record<string, {element: HTMLElement, enter: () => void, leave: () => void}>} */
const views = { messages, senders: new Senders(), rejected: new Rejected(), status: new Status(), start: new Start() };

/** @param {string} name */
function enter(name) {
  for (const [other, view] of Object.entries(views)) view.element.classList.toggle("hidden", other !== name);
  for (const link of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("#views a"))) {
    if (link.dataset.view === name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = name === "messages" ? "gelf-listener" : `${TITLES[name]} – gelf-listener`;
  views[name].enter();
}

const rejectedBadge = el("span", { class: "badge bad hidden" });
const theme = button("◐", turn, { class: "plain", title: "Light or dark (t)", "aria-label": "Light or dark" });
const help = button("?", showKeys, { class: "plain", title: "Keys (?)", "aria-label": "Keys" });
const rate = el("span", { class: "faint" });
const logout = button("Log out", () => void leave(), { class: "plain hidden" });
const dot = el("span", { class: "dot", title: "The listener" });

function turn() {
  const dark =
    document.documentElement.dataset.theme === "dark" ||
    (!document.documentElement.dataset.theme && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.dataset.theme = dark ? "light" : "dark";
  keep("theme", document.documentElement.dataset.theme);
}

function showKeys() {
  const box = el(
    "dialog",
    { "aria-label": "Keys" },
    el("h1", {}, "Keys"),
    el(
      "table",
      {},
      el(
        "tbody",
        {},
        KEYS.map(([key, text]) =>
          el(
            "tr",
            {},
            el(
              "td",
              {},
              key.split(" ").map((one) => (one === "then" ? " then " : el("kbd", {}, one))),
            ),
            el("td", {}, text),
          ),
        ),
      ),
    ),
    el(
      "p",
      {},
      button("Close", () => box.close()),
    ),
  );
  box.addEventListener("close", () => box.remove());
  document.body.append(box);
  box.showModal();
}

let asking = false;
login.ask = () => {
  if (asking) return;
  asking = true;
  const user = el("input", { autocomplete: "username", required: true });
  const password = el("input", { type: "password", autocomplete: "current-password", required: true });
  const problem = el("p", { class: "level-3", role: "alert" });
  const box = el(
    "dialog",
    { class: "login", "aria-label": "Log in" },
    el(
      "form",
      { on: { submit: submit } },
      el("h1", {}, "Log in"),
      el("label", {}, "User", user),
      el("label", {}, "Password", password),
      problem,
      el("button", { class: "primary" }, "Log in"),
    ),
  );
  async function submit(/** @type {Event} */ event) {
    event.preventDefault();
    try {
      await ask("/api/system/sessions", {
        method: "POST",
        body: { username: user.value, password: password.value, host: "" },
      });
      location.reload();
    } catch (error) {
      problem.textContent =
        /** @type {any} */ (error).status === 401
          ? "Wrong user or password."
          : String(/** @type {Error} */ (error).message);
    }
  }
  box.addEventListener("cancel", (/** @type {Event} */ event) => event.preventDefault());
  document.body.append(box);
  box.showModal();
};

/** Whether somebody is logged in, who can log out then. */
async function greet() {
  try {
    const { session_id: session } = await ask("/api/system/sessions");
    logout.classList.toggle("hidden", !session);
  } catch {
    // nobody there: the pulse says so
  }
}

async function leave() {
  await ask("/api/system/sessions", { method: "DELETE" });
  location.reload();
}

async function pulse() {
  try {
    const found = await ask("stats");
    dot.className = `dot ${found.reading && !found.outputs.some((/** @type {any} */ one) => one.failing_since) ? "good" : "bad"}`;
    const drops =
      found.inputs.reduce(
        (/** @type {number} */ sum, /** @type {any} */ one) => sum + (one.counters.kernel_drops_total ?? 0),
        0,
      ) + found.outputs.reduce((/** @type {number} */ sum, /** @type {any} */ one) => sum + one.dropped, 0);
    rate.textContent = `${Math.round(found.messages_per_second).toLocaleString()}/s${drops ? ` · ${drops.toLocaleString()} dropped` : ""}`;
    rejectedBadge.textContent = found.rejected.toLocaleString();
    rejectedBadge.classList.toggle("hidden", !found.rejected);
  } catch (error) {
    dot.className = "dot bad";
    rate.textContent = /** @type {any} */ (error).status === 401 ? "not logged in" : "the listener does not answer";
  }
  setTimeout(pulse, document.hidden ? 10_000 : 2000);
}

let waitingFor = "";
addEventListener("keydown", (event) => {
  const target = /** @type {HTMLElement} */ (event.target);
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (event.key === "Escape" && state().id) return go({ id: "" });
  if (/^(?:INPUT|TEXTAREA|SELECT)$/.test(target.tagName)) return;
  if (waitingFor === "g") {
    waitingFor = "";
    const view = /** @type {Record<string, string>} */ ({
      m: "messages",
      s: "senders",
      r: "rejected",
      i: "status",
      h: "start",
    })[event.key];
    if (view) {
      event.preventDefault();
      return go({ view });
    }
  }
  const action = /** @type {Record<string, () => void>} */ ({
    "/": () => {
      if (state().view !== "messages") go({ view: "messages" });
      messages.editor.focus();
    },
    j: () => messages.list.step(1),
    k: () => messages.list.step(-1),
    f: () => messages.follow.click(),
    p: () => messages.pause(),
    t: turn,
    g: () => {
      waitingFor = "g";
      setTimeout(() => {
        waitingFor = "";
      }, 1500);
    },
    "?": showKeys,
  })[event.key];
  if (!action || ("jkfp".includes(event.key) && state().view !== "messages") || event.defaultPrevented) return;
  event.preventDefault();
  action();
});

// Links inside the page change the view without loading it again.
addEventListener("click", (event) => {
  const link = /** @type {HTMLElement} */ (event.target).closest?.("a[data-view]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  event.preventDefault();
  go({ view: /** @type {HTMLElement} */ (link).dataset.view, id: "" });
});
addEventListener("error", (event) => notice(`This page failed: ${event.message}`, "bad"));

if (kept("theme", "")) document.documentElement.dataset.theme = kept("theme", "");
show(
  /** @type {Element} */ (document.getElementById("views")),
  Object.entries(TITLES).map(([name, title]) =>
    el(
      "a",
      { href: here(name === "messages" ? "/" : `/${name}`), dataset: { view: name } },
      title,
      name === "rejected" && [" ", rejectedBadge],
    ),
  ),
);
show(/** @type {Element} */ (document.getElementById("pulse")), dot, rate, logout, theme, help);
show(
  /** @type {Element} */ (document.getElementById("main")),
  Object.values(views).map((view) => view.element),
);
watch((now, before) => {
  if (now.view !== before.view) {
    views[before.view].leave();
    enter(now.view);
  }
});
enter(state().view);
void pulse();
void greet();
