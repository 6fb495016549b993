// @ts-check
/**
 * State: everything that decides what is shown stands in the address bar, so that the back button, bookmarks and links work.
 * What is a person's taste (theme, order, history, saved searches) stands in the browser's storage.
 */

import { here, inside } from "./paths.js";
import { VIEWS } from "./views.js";

/**
 * @typedef {object} State
 * @property {string} view one of `VIEWS`
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
 * @property {string} by what Explore groups by, as in the API
 * @property {string} metric what it computes, as in the API
 * @property {string} chart how it draws that
 * @property {string} limit most values of a field in it
 * @property {string} new 1: only patterns that are new
 * @property {string} trace the id of the request or trace that is shown
 * @property {string} other_from when the range begins that is compared with, ISO 8601
 * @property {string} other_to when it ends
 * @property {string} other_query its query, where that is another one
 * @property {string} board the board that is open; empty for a list of them
 * @property {string} zone utc, or empty for the browser's
 * @property {string} inline fields behind the text of a row, separated by commas; empty for the usual ones, - for none
 */

const TEXTS = /** @type {const} */ (["q", "range", "from", "to", "keyword", "sort", "id", "mark", "zone", "inline"]);
/** @typedef {"by" | "metric" | "chart" | "limit" | "board" | "new" | "trace" | "other_from" | "other_to" | "other_query"} Own */
/** What only one view has in its address. @type {Record<string, readonly Own[]>} */
const OWN_TEXTS = {
  explore: ["by", "metric", "chart", "limit"],
  patterns: ["new"],
  compare: ["other_from", "other_to", "other_query"],
  trace: ["trace"],
  boards: ["board"],
};
const ALL_TEXTS = [...TEXTS, ...Object.values(OWN_TEXTS).flat()];

/** @type {Set<(state: State, before: State) => void>} */
const listeners = new Set();

/** Read the address bar; Graylog's own search addresses are understood as well. @returns {State} */
function read() {
  const url = new URL(location.href);
  const parameters = url.searchParams;
  const path = inside(url.pathname);
  const first = path.split("/")[1] || "messages";
  const state = /** @type {State} */ ({
    view: Object.hasOwn(VIEWS, first) ? first : "messages",
    columns: (parameters.get("columns") ?? "").split(",").filter(Boolean),
    live: false,
  });
  for (const name of ALL_TEXTS) state[name] = parameters.get(name) ?? "";
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
  state.live = parameters.has("live") ? parameters.get("live") === "1" : !ranged || state.view === "boards";
  return withRange(state);
}

/** Every view has a range; a board that has none has its own. @param {State} state */
function withRange(state) {
  if (state.view !== "boards" && !(state.range || state.from || state.to || state.keyword))
    state.range = state.live ? "15m" : "all";
  return state;
}

/** What a state becomes; boards are entered without what other views look at. @param {State} before @param {Partial<State>} changes */
function changed(before, changes) {
  const entering = changes.view === "boards" && before.view !== "boards";
  const fresh = entering ? { board: "", range: "", from: "", to: "", keyword: "", live: true } : {};
  return withRange({ ...before, ...fresh, ...changes });
}

/** @param {State} state */
function write(state) {
  const parameters = new URLSearchParams();
  for (const name of [...TEXTS, ...(OWN_TEXTS[state.view] ?? [])]) if (state[name]) parameters.set(name, state[name]);
  if (state.columns.length) parameters.set("columns", state.columns.join(","));
  if (state.view === "messages") {
    parameters.set("live", state.live ? "1" : "0");
    if (state.live && state.range === "15m") parameters.delete("range");
  } else if (state.view === "boards" && !state.live) parameters.set("live", "0");
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
  current = changed(current, changes);
  history[replace ? "replaceState" : "pushState"](null, "", write(current));
  for (const listener of listeners) listener(current, before);
}

/** The address of a state, for links. @param {Partial<State>} changes */
export const address = (changes) => write(changed(current, changes));

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
