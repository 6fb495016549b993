// @ts-check
/** The fields that every message may have, from the listener's own table: it fills this file when it serves it. */

/**
 * A known field.
 * @typedef {object} Known
 * @property {string} name
 * @property {string[]} aliases
 * @property {string} type as in Graylog's mapping
 * @property {string} property of a message in the API; empty: it is among its `known`
 */

/** @type {Known[]} */
export const KNOWN = [];

/** What names the service of a message, the first that it has. @type {string[]} */
export const SERVICE_FIELDS = [];

/** What logging libraries add of the place in the code and the process, which would drown a row. @type {string[]} */
export const NOISE = [];

/** What messages of one request have in common, across services. @type {string[]} */
export const TRACE_FIELDS = [];

/** What names the service of a message; undefined when nothing does. @param {Record<string, string | number | boolean>} fields */
export function serviceOf(fields) {
  const name = SERVICE_FIELDS.find((each) => Object.hasOwn(fields, each) && fields[each] !== "");
  return name === undefined ? undefined : fields[name];
}

/**
 * The host of a message, with the service beside it where that says more.
 * @param {{host: string, fields: Record<string, string | number | boolean>}} message
 */
export function sourceOf({ host, fields }) {
  const service = serviceOf(fields);
  return service === undefined || service === host ? host : `${host}/${service}`;
}

const BY_NAME = new Map(KNOWN.flatMap((known) => [known.name, ...known.aliases].map((name) => [name, known])));

/** What is known of a field by one of its names. @param {string} name @returns {Known | undefined} */
export function knownField(name) {
  return BY_NAME.get(name);
}

/** Whether a field holds a time. @param {string} name */
export function isTime(name) {
  return knownField(name)?.type === "date";
}
