// @ts-check
/** The form of an alert: what it watches, when it fires, and where its notices go. */
import { ask } from "./api.js";
import { button, el } from "./dom.js";
import { figuresText } from "./alerttext.js";
import { choice, dialog, field, labelled } from "./forms.js";
import { line } from "./text.js";
import { shortOf } from "./times.js";

/** @typedef {import("./alerttext.js").Definition} Definition */

const CONDITIONS = /** @type {[string, string][]} */ ([
  ["more_than", "More messages than"],
  ["none", "No message"],
  ["metric", "A figure above"],
  ["new_value_of", "A new value of a field"],
]);

/** @param {Partial<Definition>} begun */
const conditionOf = (begun) =>
  begun.none ? "none" : begun.metric ? "metric" : begun.new_value_of ? "new_value_of" : "more_than";

/**
 * Ask for an alert.
 * @param {Partial<Definition>} begun
 * @param {{destinations: string[], named: boolean, keep: (alert: Definition) => Promise<void>}} how named: its name stays
 */
export function alertForm(begun, { destinations, named, keep }) {
  const name = field(begun.name ?? "", { required: true, maxlength: 100, readonly: named });
  const query = field(begun.query ?? "*", { class: "mono", maxlength: 10_000, placeholder: "everything" });
  const condition = choice(conditionOf(begun), CONDITIONS);
  const window = field(shortOf(begun.window ?? 300), { required: true, placeholder: "5m" });
  const most = field(String(begun.more_than ?? 10), { type: "number", min: 0, step: 1 });
  const metric = field(begun.metric || "p95:duration_ms", { class: "mono" });
  const above = field(String(begun.above ?? 500), { type: "number", step: "any" });
  const fieldName = field(begun.new_value_of ?? "", { placeholder: "version" });
  const remind = field(begun.remind ? shortOf(begun.remind) : "", { placeholder: "never" });
  const boxes = destinations.map((to) => el("input", { type: "checkbox", value: to, checked: begun.to?.includes(to) }));
  /** What is asked with each condition. @type {Record<string, HTMLElement[]>} */
  const parts = {
    more_than: [labelled("Most messages that are fine", most)],
    metric: [labelled("Figure", metric), labelled("Highest value that is fine", above)],
    new_value_of: [labelled("Field", fieldName)],
  };
  const turn = () => {
    for (const [each, elements] of Object.entries(parts))
      for (const element of elements) element.classList.toggle("hidden", each !== condition.value);
  };
  condition.addEventListener("change", turn);
  turn();
  const read = () =>
    /** @type {Definition} */ ({
      ...begun,
      name: name.value.trim(),
      query: query.value.trim() || "*",
      window: window.value.trim(),
      more_than: condition.value === "more_than" ? Number(most.value) : null,
      none: condition.value === "none",
      metric: condition.value === "metric" ? metric.value.trim() : "",
      above: condition.value === "metric" ? Number(above.value) : null,
      new_value_of: condition.value === "new_value_of" ? fieldName.value.trim() : "",
      remind: remind.value.trim() || 0,
      to: boxes.filter((box) => box.checked).map((box) => box.value),
    });
  const found = el("span", { role: "status" });
  const tryOut = async () => {
    try {
      // A name is asked for at the end; what is found does not depend on it.
      found.textContent = trialText(await ask("alerts/try", { method: "POST", body: { ...read(), name: "try" } }));
    } catch (error) {
      found.textContent = line(/** @type {Error} */ (error).message, 500);
    }
  };
  return dialog(
    named ? "Change the alert" : "New alert",
    [
      labelled("Name", name),
      labelled("Query", query),
      labelled("It fires when there is", condition),
      Object.values(parts),
      labelled("Within (5m, 2h, 1d)", window),
      el(
        "fieldset",
        {},
        el("legend", {}, "Notices go to"),
        boxes.length
          ? boxes.map((box) => el("label", { class: "check" }, box, " ", line(box.value, 100)))
          : el("p", { class: "faint" }, "There are no destinations; the setting destinations names them."),
      ),
      labelled("Reminder while it fires, after", remind),
      el(
        "div",
        { class: "row" },
        button("Try", () => void tryOut()),
        found,
      ),
    ],
    read,
    keep,
  );
}

/** What an alert would find now. @param {{holds: boolean, figure: number | null, condition: string, values: any[]}} trial */
function trialText({ holds, figure, condition, values }) {
  if (values.length) return `These would be known: ${line(values.join(", "), 300)}`;
  return `${holds ? "It would fire" : "It would not fire"}: ${figuresText(figure)} (${line(condition, 200)})`;
}
