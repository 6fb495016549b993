// @ts-check
/** The page: header, views, keys, login. */
import { ask, login } from "./api.js";
import { button, el, explain, menu, modal, notice, show } from "./dom.js";
import { Messages } from "./messages.js";
import { here } from "./paths.js";
import { go, keep, kept, state, watch } from "./state.js";
import { showUtc } from "./times.js";
import { GROUPS, VIEWS } from "./views.js";

const KEYS = [
  ["/", "Go to the query"],
  ["j k ↓ ↑", "Next and previous message"],
  ["Enter", "Run the query"],
  ["← → Shift Enter", "In the histogram: choose bars, zoom in"],
  ["Esc", "Close the message"],
  ["f", "Follow what arrives, or search"],
  ["p", "Pause and go on"],
  ["t", "Light or dark"],
  [
    `g then ${Object.values(VIEWS)
      .map(({ key }) => key)
      .join(" ")}`,
    Object.values(VIEWS)
      .map(({ title }, index) => (index ? title.toLowerCase() : title))
      .join(", "),
  ],
  ["?", "These keys"],
];

showUtc(state().zone === "utc");
watch(({ zone }) => showUtc(zone === "utc")); // before any view hears of it

const messages = new Messages();
/** Those that were opened. @type {Record<string, import("./views.js").View>} */
const views = { messages };

/** Load a view unless it is there. @param {string} name */
async function loaded(name) {
  if (!views[name]) {
    const view = await /** @type {NonNullable<import("./views.js").Entry["load"]>} */ (VIEWS[name].load)();
    views[name] ??= view; // pressed twice
    document.getElementById("main")?.append(views[name].element);
  }
  return views[name];
}

/** @param {string} name */
async function enter(name) {
  point(name);
  const { title } = VIEWS[name];
  document.title = name === "messages" ? "gelf-listener" : `${title} – gelf-listener`;
  try {
    await loaded(name);
  } catch {
    return notice("This view could not be loaded: the listener does not answer", "bad");
  }
  if (state().view !== name) return; // another was opened meanwhile
  for (const [other, view] of Object.entries(views)) view.element.classList.toggle("hidden", other !== name);
  entered = name;
  views[name].enter();
}

/** The view that was entered last, and not left. */
let entered = "";

/** Mark a place of the navigation as where we are. @param {HTMLElement} place @param {boolean} here */
function current(place, here) {
  if (here) place.setAttribute("aria-current", "page");
  else place.removeAttribute("aria-current");
}

/** Whether there is room for the most important views only. */
const phone = matchMedia("(max-width: 480px)");

/** In which part of the menu a view is; empty: it stands by itself. @param {string} name */
const groupOf = (name) => VIEWS[name].group || (name === "start" && phone.matches ? GROUPS[GROUPS.length - 1] : "");

/** Show in the navigation where we are. @param {string} name */
function point(name) {
  for (const link of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("#views > a")))
    current(link, link.dataset.view === name);
  show(toolsName, groupOf(name) ? VIEWS[name].title : "Tools");
  current(/** @type {HTMLElement} */ (tools.firstElementChild), Boolean(groupOf(name)));
}

/** Put the views into the navigation. */
function navigate() {
  const alone = Object.keys(VIEWS).filter((name) => !groupOf(name));
  show(
    /** @type {Element} */ (document.getElementById("views")),
    alone.map((name) => way(name)),
    tools,
  );
}

/** The way to a view. @param {string} name @param {import("./dom.js").Child[]} more behind its title */
function way(name, ...more) {
  const path = here(name === "messages" ? "/" : `/${name}`);
  return el("a", { href: path, dataset: { view: name } }, VIEWS[name].title, more);
}

/** What stands in the menu of the navigation: the views in groups. */
function grouped() {
  return GROUPS.map((group) => [
    el("strong", {}, group),
    Object.keys(VIEWS)
      .filter((name) => groupOf(name) === group)
      .map((name) => {
        const link = way(name, name === "rejected" && [" ", rejectedBadge.cloneNode(true)]);
        current(link, name === state().view);
        return link;
      }),
  ]);
}

const rejectedBadge = el("span", { class: "badge bad hidden", title: "Rejected" });
const toolsName = el("span", {}, "Tools");
const tools = menu([toolsName, rejectedBadge, " ▾"], grouped, { class: "plain" });
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
  explain(
    "Keys",
    KEYS.map(([key, text]) => [key.split(" ").map((one) => (one === "then" ? " then " : el("kbd", {}, one))), text]),
  );
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
  modal(box);
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
    const view = Object.keys(VIEWS).find((name) => VIEWS[name].key === event.key);
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
navigate();
phone.addEventListener("change", () => {
  navigate();
  point(state().view);
});
show(/** @type {Element} */ (document.getElementById("pulse")), dot, rate, logout, theme, help);
show(/** @type {Element} */ (document.getElementById("main")), messages.element);
watch((now) => {
  if (now.view === entered) return;
  views[entered]?.leave();
  entered = "";
  void enter(now.view);
});
void enter(state().view);
void pulse();
void greet();
