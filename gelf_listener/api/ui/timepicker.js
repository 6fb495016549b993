// @ts-check
/** The time selector: relative, absolute, in words, or since this page was opened. */
import { button, el, menu } from "./dom.js";
import { go, state } from "./state.js";
import { isoOf, localInput, momentOf, ofLocalInput, OPENED, PRESETS, rangeText } from "./times.js";

/**
 * Make the selector.
 * @param {() => import("./times.js").Range} [shown] the range that holds now
 * @returns {{element: HTMLElement, update: () => void}}
 */
export function timePicker(shown = state) {
  const label = el("span", {}, rangeText(shown()));
  const element = menu([label, " ▾"], (close) => content(close, shown()), { title: "Time range" });
  return {
    element,
    update: () => {
      label.textContent = rangeText(shown());
    },
  };
}

/** @param {() => void} close @param {import("./times.js").Range} current */
function content(close, current) {
  const choose = (/** @type {Partial<import("./state.js").State>} */ changes) => {
    close();
    go({ range: "", from: "", to: "", keyword: "", ...changes });
  };
  const zone = (/** @type {string} */ name) => {
    close();
    go({ zone: name });
  };
  const now = Date.now() / 1000;
  const from = el("input", {
    type: "datetime-local",
    step: 1,
    "aria-label": "From",
    value: localInput(momentOf(current.from ?? "") || now - 3600),
  });
  const to = el("input", {
    type: "datetime-local",
    step: 1,
    "aria-label": "To",
    value: localInput(momentOf(current.to ?? "") || now),
  });
  const words = el("input", {
    type: "text",
    placeholder: "yesterday, last 5 minutes, monday to friday",
    "aria-label": "In words",
    value: current.keyword,
    class: "grow",
  });
  const absolute = () => {
    const [start, end] = [ofLocalInput(from.value), ofLocalInput(to.value)];
    if (Number.isFinite(start) && Number.isFinite(end)) choose({ from: isoOf(start), to: isoOf(end), live: false });
  };
  return [
    ...PRESETS.map(([range, text]) =>
      button(text, () => choose({ range }), { "aria-pressed": String(current.range === range) }),
    ),
    button("Since I opened this page", () => choose({ from: isoOf(OPENED) })),
    el("strong", {}, "From and to"),
    el(
      "form",
      {
        on: {
          submit: (/** @type {Event} */ event) => {
            event.preventDefault();
            absolute();
          },
        },
      },
      el("div", { class: "row" }, from, to, el("button", { type: "submit" }, "Apply")),
    ),
    el("strong", {}, "In words"),
    el(
      "form",
      {
        on: {
          submit: (/** @type {Event} */ event) => {
            event.preventDefault();
            if (words.value.trim()) choose({ keyword: words.value.trim(), live: false });
          },
        },
      },
      el("div", { class: "row" }, words, el("button", { type: "submit" }, "Apply")),
    ),
    el("strong", {}, "Times are shown in"),
    el(
      "div",
      { class: "row" },
      button("Local time", () => zone(""), { "aria-pressed": String(state().zone !== "utc") }),
      button("UTC", () => zone("utc"), { "aria-pressed": String(state().zone === "utc") }),
    ),
  ];
}
