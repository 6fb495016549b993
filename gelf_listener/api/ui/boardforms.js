// @ts-check
/** Forms of boards: what a board is called, and what a panel shows. Each is a dialog that gives back a document. */
import { el } from "./dom.js";
import { choice, dialog, field, labelled } from "./forms.js";
import { rangeText, PRESETS } from "./times.js";

/** @typedef {import("./board.js").BoardDocument} BoardDocument */
/** @typedef {import("./board.js").PanelDocument} PanelDocument */

const LOOKS = /** @type {[string, string][]} */ ([
  ["lines", "Lines"],
  ["bars", "Bars"],
  ["heat", "Heat map"],
  ["table", "Table"],
  ["figures", "Figures alone"],
  ["messages", "Newest messages"],
]);

/** @param {string} text */
const words = (text) =>
  text
    .split(",")
    .map((word) => word.trim())
    .filter(Boolean);

/** @param {Partial<BoardDocument>} begun */
export function boardForm({ name = "", description = "", range, panels = [] }) {
  const since = range?.since ?? "1h";
  const own = range && (range.from || range.to || range.keyword);
  const title = field(name, { required: true, maxlength: 100 });
  const about = field(description, { maxlength: 1000 });
  const presets = PRESETS.map(([short, text]) => /** @type {[string, string]} */ ([short, text]));
  if (!presets.some(([short]) => short === since) && !own)
    presets.push([since || "all", since ? `Last ${since}` : "All messages"]);
  if (own) presets.push(["own", rangeText({ ...range })]);
  const time = choice(own ? "own" : since || "all", presets);
  return dialog(
    "Board",
    [labelled("Name", title), labelled("Description", about), labelled("Time range", time)],
    () => ({
      name: title.value.trim(),
      description: about.value.trim(),
      range: time.value === "own" ? range : { since: time.value === "all" ? "" : time.value },
      panels,
    }),
  );
}

/** @param {Partial<PanelDocument>} begun @returns {Promise<PanelDocument | null>} */
export function panelForm(begun) {
  const title = field(begun.title ?? "", { maxlength: 200 });
  const look = choice(begun.show ?? "bars", LOOKS);
  const query = field(begun.query ?? "", { maxlength: 8000, class: "mono", placeholder: "everything" });
  const by = field((begun.by ?? ["time"]).join(", "), { placeholder: "time, service" });
  const metric = field((begun.metric ?? ["count"]).join(", "), { placeholder: "count, p95:duration_ms" });
  const limit = field(String(begun.limit ?? 10), { type: "number", min: 1, max: 50, required: true });
  const columns = field((begun.columns ?? []).join(", "), { placeholder: "service, status" });
  const wide = el("input", { type: "checkbox", checked: begun.wide ?? false });
  const grouped = [labelled("Group by (two fields at most, or time)", by), labelled("Figures", metric)];
  const listed = labelled("Columns", columns);
  const turn = () => {
    for (const each of grouped) each.classList.toggle("hidden", look.value === "messages");
    listed.classList.toggle("hidden", look.value !== "messages");
  };
  look.addEventListener("change", turn);
  turn();
  return dialog(
    "Panel",
    [
      labelled("Title", title),
      labelled("Shows", look),
      labelled("Query", query),
      grouped,
      listed,
      labelled("Most values, or messages", limit),
      el("label", { class: "check" }, wide, " as wide as the page"),
    ],
    () => ({
      title: title.value.trim(),
      show: look.value,
      query: query.value.trim(),
      by: words(by.value),
      metric: words(metric.value).length ? words(metric.value) : ["count"],
      limit: Number(limit.value),
      columns: words(columns.value),
      wide: wide.checked,
    }),
  );
}
