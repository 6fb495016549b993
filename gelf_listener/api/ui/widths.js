// @ts-check
/** Widths of columns, kept in this browser: a handle at a column's end, for the pointer and the arrow keys. */
import { el } from "./dom.js";
import { keep, kept } from "./state.js";

const LEAST = 40;
const MOST = 1200;
const STEP = 16;

/** @returns {Record<string, number>} */
const all = () => kept("widths", {});

/** The width somebody gave a column, in pixels; 0 if nobody did. @param {string} name */
export const keptWidth = (name) => Number(all()[name]) || 0;

/** @param {string} name @param {number} width 0: as wide as it was made */
function keepWidth(name, width) {
  const widths = all();
  if (width) widths[name] = Math.round(Math.max(LEAST, Math.min(MOST, width)));
  else delete widths[name];
  keep("widths", widths);
}

/**
 * The handle at the end of a column's head: drag it, or use the arrow keys; a double click or Home takes the width back.
 * @param {string} name @param {string} title @param {() => void} changed
 */
export function handle(name, title, changed) {
  const element = el("span", {
    class: "handle",
    role: "separator",
    tabindex: 0,
    "aria-orientation": "vertical",
    "aria-label": `Width of ${title}`,
    "aria-valuemin": LEAST,
    "aria-valuemax": MOST,
    "aria-valuenow": keptWidth(name) || LEAST,
    title: "Drag, or use the arrow keys; double click for the usual width",
  });
  const width = () => element.parentElement?.getBoundingClientRect().width ?? 0;
  const set = (/** @type {number} */ wanted) => {
    keepWidth(name, wanted);
    element.setAttribute("aria-valuenow", String(keptWidth(name) || LEAST));
    changed();
  };
  element.addEventListener("pointerdown", (/** @type {PointerEvent} */ event) => {
    event.preventDefault();
    element.focus();
    element.setPointerCapture(event.pointerId);
    const from = width() - event.clientX;
    element.onpointermove = (/** @type {PointerEvent} */ move) => set(from + move.clientX);
  });
  const end = () => {
    element.onpointermove = null;
  };
  element.addEventListener("pointerup", end);
  element.addEventListener("pointercancel", end);
  element.addEventListener("dblclick", () => set(0));
  element.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    const by = { ArrowLeft: -STEP, ArrowRight: STEP }[event.key];
    if (by === undefined && event.key !== "Home") return;
    event.preventDefault();
    event.stopPropagation();
    set(by === undefined ? 0 : width() + by);
  });
  return element;
}
