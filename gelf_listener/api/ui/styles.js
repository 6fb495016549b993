// @ts-check
/** Styles that the first paint of the page does without: loaded once, with what needs them. */
import { el } from "./dom.js";

/** @type {Map<string, Promise<unknown>>} */
const loading = new Map();

/** Load a style sheet, unless it is there. @param {string} name of a file beside this one */
export function styles(name) {
  const begun = loading.get(name) ?? load(name);
  loading.set(name, begun);
  return begun;
}

/** @param {string} name */
function load(name) {
  return new Promise((resolve) => {
    const on = { load: resolve, error: resolve };
    document.head.append(el("link", { rel: "stylesheet", href: new URL(name, import.meta.url).href, on }));
  });
}
