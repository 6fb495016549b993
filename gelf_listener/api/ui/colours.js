// @ts-check
/**
 * Colours: a value has one colour in all charts of the page, and mostly after it is loaded again.
 *
 * A name's place follows from the name; where another name has it, the next free one is taken. Once all are taken,
 * names share them; within one chart they differ as long as there are enough.
 */

/** How many `plot.css` has. */
const COLOURS = 10;

/** Which place names have that were drawn so far. @type {Map<string, number>} */
const places = new Map();

/** A number that is always the same for a name (FNV-1a). @param {string} name */
function hash(name) {
  let number = 0x811c9dc5;
  for (const letter of name) number = Math.imul(number ^ (letter.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  return number % COLOURS;
}

/** The first place from one on that is free; that one when none is. @param {number} from @param {Iterable<number>} taken */
function free(from, taken) {
  const used = new Set(taken);
  for (let step = 0; step < COLOURS; step++) if (!used.has((from + step) % COLOURS)) return (from + step) % COLOURS;
  return from;
}

/** @param {string} name */
function placeOf(name) {
  const known = places.get(name);
  if (known !== undefined) return known;
  const place = free(hash(name), places.values());
  if (places.size < COLOURS) places.set(name, place);
  return place;
}

/** Classes that give what is drawn of some names their colours, in the same order. @param {string[]} names */
export function coloursOf(names) {
  /** @type {Set<number>} */
  const here = new Set();
  return names.map((name) => {
    const place = free(placeOf(name), here);
    here.add(place);
    return `series-${place}`;
  });
}
