// @ts-check
/** Queries: what stands where in the text, for colours and completion. The server decides what it means. */

/** @typedef {{kind: "field" | "text" | "regex" | "word" | "mark" | "plain" | "blank", text: string, start: number}} Token */

const PATTERN = new RegExp(
  [
    /(?<blank>\s+)/,
    /(?<field>(?:\\.|[^\s()[\]{}"~^:\\/!&|+<>=-]|(?<=\S)[-+/])+\s?:(?!\S*:\/\/))/,
    /(?<text>"(?:\\.|[^"\\])*"?)/,
    /(?<regex>(?<=^|[\s:(])\/(?:\\.|[^/\\])+\/?)/,
    /(?<word>\b(?:AND|OR|NOT|TO)\b|&&|\|\||!)/,
    /(?<mark>[()[\]{}]|[<>]=?|[~^]\d*(?:\.\d+)?|(?<=^|[\s(])[+-](?=\S)|[*?])/,
    /(?<plain>(?:\\.|[^\s()[\]{}"~^*?])+?(?=[\s()[\]{}"~^*?]|$)|.)/,
  ]
    .map((part) => part.source)
    .join("|"),
  "gsu",
);

/** Cut a query into coloured pieces; together they are the text again. @param {string} query @returns {Token[]} */
export function tokens(query) {
  /** @type {Token[]} */
  const found = [];
  for (const match of query.matchAll(PATTERN)) {
    const [kind] = Object.entries(match.groups ?? {}).find(([, text]) => text !== undefined) ?? ["plain"];
    found.push({ kind: /** @type {Token["kind"]} */ (kind), text: match[0], start: match.index });
  }
  return found;
}

/**
 * What is being typed at the caret.
 * @param {string} query
 * @param {number} caret
 * @returns {{field: string | null, prefix: string, start: number}} the field before it, what is typed so far, and where that begins
 */
export function atCaret(query, caret) {
  const before = tokens(query.slice(0, caret));
  const last = before.at(-1);
  if (!last || last.kind === "blank" || last.kind === "word" || (last.kind === "mark" && /[()[{]/.test(last.text)))
    return { field: null, prefix: "", start: caret };
  if (last.kind === "field") return { field: plain(last.text.replace(/\s?:$/, "")), prefix: "", start: caret };
  const previous = before.at(-2);
  if (previous?.kind === "field")
    return {
      field: plain(previous.text.replace(/\s?:$/, "")),
      prefix: plain(last.text.replace(/^"/, "")),
      start: last.start,
    };
  return { field: null, prefix: last.text, start: last.start };
}

/** Undo escapes. @param {string} text */
const plain = (text) => text.replace(/\\(.)/gu, "$1");

/** Join a query and a condition. @param {string} query @param {string} condition */
export function add(query, condition) {
  const trimmed = query.trim();
  if (!trimmed || trimmed === "*") return condition;
  const needs =
    / OR |\|\|/.test(trimmed) ||
    (!/ AND |&&/.test(trimmed) &&
      tokens(trimmed).filter((token) => token.kind === "blank").length > 0 &&
      !/^NOT /.test(trimmed));
  return `${needs ? `(${trimmed})` : trimmed} AND ${condition}`;
}
