// @ts-check
/** Offers: what is said after something was done: why it failed, or how to take it back. */
import { button, el, notice } from "./dom.js";
import { line } from "./text.js";

/** Do something, and say why it failed. @param {() => Promise<void>} act */
export async function attempt(act) {
  try {
    await act();
  } catch (error) {
    notice(line(/** @type {Error} */ (error).message, 500), "bad");
  }
}

/** Say something with a way back, for a while. @param {string} text @param {string} way @param {() => void} act */
export function offer(text, way, act) {
  const box = el(
    "div",
    {},
    text,
    " ",
    button(way, () => (box.remove(), act())),
  );
  document.getElementById("notices")?.append(box);
  setTimeout(() => box.remove(), 15_000);
}
