// @ts-check
/** Links to another state of the page: real ones, to be copied and opened beside; pressed, they do not load the page again. */
import { el } from "./dom.js";
import { address, go } from "./state.js";

/** @typedef {Partial<import("./state.js").State>} Changes */

/**
 * @param {Changes} changes
 * @param {Record<string, any>} properties
 * @param {...import("./dom.js").Child} children
 */
export function link(changes, properties, ...children) {
  const on = { click: (/** @type {MouseEvent} */ event) => follow(event, changes) };
  return el("a", { href: address(changes), ...properties, on }, ...children);
}

/** Go where a link leads, unless the browser is to open it elsewhere. @param {MouseEvent} event @param {Changes} changes */
export function follow(event, changes) {
  if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  event.preventDefault();
  go(changes);
}
