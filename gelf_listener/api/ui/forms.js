// @ts-check
/** Forms: a dialog that asks, and what stands in it. */
import { button, el, modal } from "./dom.js";
import { line } from "./text.js";

/**
 * Ask with a dialog.
 * @template T
 * @param {string} title
 * @param {import("./dom.js").Child[]} fields
 * @param {() => T} read
 * @param {(given: T) => Promise<void>} [keep] why it fails is said in the dialog, which stays open then
 * @returns {Promise<T | null>} null when it was called off
 */
export function dialog(title, fields, read, keep) {
  return new Promise((resolve) => {
    /** @type {T | null} */
    let given = null;
    const problem = el("p", { class: "level-3", role: "alert" });
    const submit = async (/** @type {Event} */ event) => {
      event.preventDefault();
      const answer = read();
      try {
        await keep?.(answer);
      } catch (error) {
        problem.textContent = line(/** @type {Error} */ (error).message, 500);
        return;
      }
      given = answer;
      box.close();
    };
    const box = el(
      "dialog",
      { class: "ask", "aria-label": title },
      el(
        "form",
        { on: { submit } },
        el("h1", {}, title),
        fields,
        problem,
        el(
          "div",
          { class: "row" },
          el("button", { type: "submit", class: "primary" }, "Save"),
          button("Cancel", () => box.close()),
        ),
      ),
    );
    box.addEventListener("close", () => resolve(given));
    modal(box);
  });
}

/** @param {string} text @param {import("./dom.js").Child} input */
export const labelled = (text, input) => el("label", {}, text, input);

/** @param {string} value @param {Record<string, any>} [more] */
export const field = (value, more = {}) => el("input", { value, maxlength: 2000, autocapitalize: "off", ...more });

/** @param {string} value @param {[string, string][]} options */
export function choice(value, options) {
  const select = el(
    "select",
    {},
    options.map(([name, text]) => el("option", { value: name }, text)),
  );
  select.value = value;
  return select;
}
