// @ts-check
/** Building the page from text nodes only: nothing here, or anywhere else, reads HTML from a string. */

/** @typedef {Node | string | number | null | undefined | false} Leaf */
/** @typedef {Leaf | Leaf[] | (Leaf | Leaf[])[]} Child */

/**
 * Make an element.
 * @param {string} tag
 * @param {Record<string, any>} [properties] attributes; `on` holds listeners by event, `class` and `dataset` as one thinks
 * @param {...(Child | Child[])} children
 * @returns {any} the element
 */
export function el(tag, properties = {}, ...children) {
  return fill(document.createElement(tag), properties, children);
}

/**
 * Make a button.
 * @param {Child | Child[]} label
 * @param {(event: Event) => void} press
 * @param {Record<string, any>} [properties]
 * @returns {any}
 */
export function button(label, press, properties = {}) {
  return el("button", { type: "button", ...properties, on: { click: press } }, label);
}

/**
 * Make an SVG element.
 * @param {string} tag
 * @param {Record<string, any>} [properties]
 * @param {...(Child | Child[])} children
 * @returns {any}
 */
export function svg(tag, properties = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), properties, children);
}

/** @param {Element} element @param {Record<string, any>} properties @param {(Child | Child[])[]} children */
function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "on") for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    else if (name === "dataset") Object.assign(/** @type {HTMLElement} */ (element).dataset, value);
    else if (name === "value" || name === "checked") /** @type {any} */ (element)[name] = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...nodes(children));
  return element;
}

/** @param {(Child | Child[])[]} children @returns {(Node | string)[]} */
function nodes(children) {
  const leaves = /** @type {Leaf[]} */ (children.flat(9));
  return leaves
    .filter((leaf) => leaf !== null && leaf !== undefined && leaf !== false)
    .map((leaf) => (typeof leaf === "number" ? String(leaf) : /** @type {Node | string} */ (leaf)));
}

/** Replace what an element holds. @param {Element} element @param {...(Child | Child[])} children */
export function show(element, ...children) {
  element.replaceChildren(...nodes(children));
}

/** Tell the user something for a few seconds. @param {string} text @param {"good" | "bad"} [kind] */
export function notice(text, kind = "good") {
  const line = el("div", { class: kind }, text);
  document.getElementById("notices")?.append(line);
  setTimeout(() => line.remove(), kind === "bad" ? 9000 : 3500);
}

/** Show a dialog over the page, until it is closed. @param {HTMLDialogElement} box */
export function modal(box) {
  box.addEventListener("close", () => box.remove());
  document.body.append(box);
  box.showModal();
}

/**
 * Explain something in a dialog, as a table of two columns.
 * @param {string} title
 * @param {[Child | Child[], Child][]} rows
 * @returns {() => void} closes it
 */
export function explain(title, rows) {
  const close = () => box.close();
  const cells = (/** @type {[Child | Child[], Child]} */ row) => row.map((cell) => el("td", {}, cell));
  const box = el(
    "dialog",
    { "aria-label": title },
    el("h1", {}, title),
    el(
      "table",
      {},
      el(
        "tbody",
        {},
        rows.map((row) => el("tr", {}, cells(row))),
      ),
    ),
    el("p", {}, button("Close", close)),
  );
  modal(box);
  return close;
}

/** Put a text on the clipboard and say so. @param {string} text @param {string} what */
export async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
    notice(`${what} copied`);
  } catch {
    // Not allowed outside https and localhost: show it to be copied by hand.
    const area = el("textarea", { rows: 12, cols: 70, value: text, "aria-label": what });
    const box = el(
      "dialog",
      {},
      el("p", {}, "Copy it from here:"),
      area,
      el(
        "p",
        {},
        button("Close", () => box.close()),
      ),
    );
    modal(box);
    area.select();
  }
}

/**
 * A button that opens a panel below it; Escape and a click elsewhere close it.
 * @param {Child | Child[]} label
 * @param {(close: () => void) => Child | Child[]} content made again each time it opens
 * @param {Record<string, any>} [properties] of the button
 */
export function menu(label, content, properties = {}) {
  const opener = button(label, turn, { "aria-haspopup": "true", "aria-expanded": "false", ...properties });
  const panel = el("div", { class: "panel hidden" });
  const close = () => {
    panel.classList.add("hidden");
    opener.setAttribute("aria-expanded", "false");
    document.removeEventListener("pointerdown", outside);
  };
  /** @param {Event} event */
  const outside = (event) => {
    if (!box.contains(/** @type {Node} */ (event.target))) close();
  };
  function turn() {
    if (!panel.classList.contains("hidden")) return close();
    show(panel, content(close));
    panel.classList.remove("hidden");
    opener.setAttribute("aria-expanded", "true");
    document.addEventListener("pointerdown", outside);
    panel.querySelector("input, button, select")?.focus();
  }
  const box = el(
    "div",
    {
      class: "menu",
      on: {
        click: (/** @type {Event} */ event) => {
          if (/** @type {Element} */ (event.target).closest(".panel a")) close();
        },
        keydown: (/** @type {KeyboardEvent} */ event) => {
          if (event.key === "Escape" && !panel.classList.contains("hidden")) {
            event.stopPropagation();
            close();
            opener.focus();
          }
        },
      },
    },
    opener,
    panel,
  );
  return box;
}
