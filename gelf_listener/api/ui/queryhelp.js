// @ts-check
/** Query help: what the language has, by examples; pressing one puts it into the box. */
import { button, el, explain } from "./dom.js";

const EXAMPLES = /** @type {[string, string][]} */ ([
  ["refused", "the word, in any field"],
  ['"card refused"', "these words in a row"],
  ["service:checkout", "a field with this value; service is whatever names it"],
  ["level:error", "a level by its name"],
  ["level:<=4", "warnings and what is worse"],
  ["status:>=500 AND NOT source:test*", "AND, OR, NOT and ( ); * stands for anything"],
  ["duration_ms:[100 TO 500]", "between two numbers; { } leaves the ends out"],
  ["_exists_:trace_id", "messages that have a field"],
  ["path:/\\/api\\/v[12].*/", "a regular expression, of the whole value"],
  ["timestamp:>now-5m", "a time"],
]);

/** Show it. @param {(query: string) => void} take an example was pressed */
export function showQueryHelp(take) {
  const choose = (/** @type {string} */ text) => {
    close();
    take(text);
  };
  const close = explain(
    "How to search",
    EXAMPLES.map(([text, means]) => [
      button(el("code", {}, text), () => choose(text), { class: "plain", title: "Put it into the box" }),
      means,
    ]),
  );
}
