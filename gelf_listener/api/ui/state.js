// @ts-check
/**
 * State: everything that decides what is shown stands in the address bar, so that the back button, bookmarks and links work.
 * What is a person's taste (theme, order, history, saved searches) stands in the browser's storage.
 */

import { here, inside } from "./paths.js";

/**
 * @typedef {object} State
 * @property {string} view messages, senders, rejected, status or start
 * @property {string} q the query
 * @property {string} range a short form such as 5m, or all
 * @property {string} from ISO 8601
 * @property {string} to ISO 8601
 * @property {string} keyword a time range in words
 * @property {boolean} live whether new messages are followed
 * @property {string[]} columns additional columns
 * @property {string} sort field:asc or field:desc; empty is newest first
 * @property {string} id the message that is open
 * @property {string} mark a value to highlight, as field:value
 */

const VIEWS = ["messages", "senders", "rejected", "status", "start"];
const TEXTS = /** @type {const} */ (["q", "range", "from", "to", "keyword", "sort", "id", "mark"]);

/** @type {Set<(state: State, before: State) => void>} */
const listeners = new Set();

/** Read the address bar; Graylog's own search addresses are understood as well. @returns {State} */
function read() {
  const url = new URL(location.href);
  const parameters = url.searchParams;
  const path = inside(url.pathname);
  const first = path.split("/")[1] || "messages";
  const state = /** @type {State} */ ({
    view: VIEWS.includes(first) ? first : "messages",
    columns: (parameters.get("columns") ?? "").split(",").filter(Boolean),
    live: false,
  });
  for (const name of TEXTS) state[name] = parameters.get(name) ?? "";
  const type = parameters.get("rangetype");
  if (type === "relative") {
    const seconds = Number(parameters.get("from") || parameters.get("relative") || 300);
    state.range = seconds > 0 ? `${Math.round(seconds)}s` : "all";
    state.from = state.to = "";
  }
  const permalink = /^\/messages?\/(?:[^/]+\/)?([0-9A-Z]{26})$/.exec(path);
  if (permalink) {
    state.id = permalink[1];
    state.view = "messages";
  }
  const ranged = state.range || state.from || state.to || state.keyword || state.id;
  state.live = parameters.has("live") ? parameters.get("live") === "1" : !ranged;
  state.range ||= state.from || state.to || state.keyword ? "" : state.live ? "15m" : "all";
  return state;
}

/** @param {State} state */
function write(state) {
  const parameters = new URLSearchParams();
  for (const name of TEXTS) if (state[name]) parameters.set(name, state[name]);
  if (state.columns.length) parameters.set("columns", state.columns.join(","));
  if (state.view === "messages") {
    parameters.set("live", state.live ? "1" : "0");
    if (state.live && state.range === "15m") parameters.delete("range");
  }
  if (parameters.get("live") === "1") parameters.delete("live");
  const text = parameters.toString();
  return here(state.view === "messages" ? "/" : `/${state.view}`) + (text ? `?${text}` : "");
}

let current = read();

/** @returns {State} */
export const state = () => current;

/**
 * Change what is shown.
 * @param {Partial<State>} changes
 * @param {{replace?: boolean}} [how] replace: do not make a step for the back button
 */
export function go(changes, { replace = false } = {}) {
  const before = current;
  current = { ...current, ...changes };
  history[replace ? "replaceState" : "pushState"](null, "", write(current));
  for (const listener of listeners) listener(current, before);
}

/** The address of a state, for links. @param {Partial<State>} changes */
export const address = (changes) => write({ ...current, ...changes });

/** Call back at each change. @param {(state: State, before: State) => void} listener @returns {() => void} how to stop */
export function watch(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

addEventListener("popstate", () => {
  const before = current;
  current = read();
  for (const listener of listeners) listener(current, before);
});

/** Taste, kept in this browser. @template T @param {string} name @param {T} otherwise @returns {T} */
export function kept(name, otherwise) {
  try {
    const text = localStorage.getItem(`gelf-listener.${name}`);
    return text === null ? otherwise : JSON.parse(text);
  } catch {
    return otherwise;
  }
}

/** @param {string} name @param {unknown} value */
export function keep(name, value) {
  try {
    localStorage.setItem(`gelf-listener.${name}`, JSON.stringify(value));
  } catch {
    // Private windows have no room: it is forgotten when the page closes.
  }
}
