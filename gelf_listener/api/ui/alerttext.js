// @ts-check
/** Alerts as the API has them, and how their figures are written. */
import { plain } from "./figures.js";

/**
 * The settings of an alert.
 * @typedef {object} Definition
 * @property {string} name
 * @property {string} query
 * @property {number} window seconds
 * @property {number | null} more_than
 * @property {boolean} none
 * @property {string} metric
 * @property {number | null} above
 * @property {string} new_value_of
 * @property {number} remind seconds; 0: never
 * @property {string[]} to
 */

/**
 * An alert and its state.
 * @typedef {object} AlertDocument
 * @property {string} name
 * @property {Definition} definition
 * @property {string} condition
 * @property {boolean} configured
 * @property {"ok" | "firing" | "silenced" | "unknown"} state
 * @property {boolean} firing
 * @property {number | null} since UTC Unix seconds
 * @property {string} text what was found last
 * @property {string | null} unknown why it cannot be told
 * @property {number | null} figure
 * @property {number | null} silenced_until
 * @property {number} pending_notices
 * @property {{at: number, state: string, text: string}[]} history newest first
 */

/** @param {number | null} figure */
export const figuresText = (figure) => (figure === null ? "no figure" : plain(figure));
