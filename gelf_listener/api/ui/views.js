// @ts-check
/**
 * Views: which there are, in the order of the navigation: what everybody needs stands there by itself, the rest in a menu, in
 * groups. All but the first are loaded when they are opened, so that they
 * cost the first paint nothing.
 */

/** @typedef {{element: HTMLElement, enter: () => void, leave: () => void}} View */

/**
 * An entry of the navigation.
 * @typedef {object} Entry
 * @property {string} title
 * @property {string} key pressed after g, and what it is called in the list of keys
 * @property {string} group one of `GROUPS`; empty: it stands by itself
 * @property {(() => Promise<View>) | null} load null: it is there from the beginning
 */

const [CAUSES, LISTENER] = ["Find the cause", "This listener"];
/** Of the views that stand in the menu. */
export const GROUPS = [CAUSES, LISTENER];

/** By name, which is also the path. @type {Record<string, Entry>} */
export const VIEWS = {
  messages: { title: "Messages", key: "m", group: "", load: null },
  explore: { title: "Explore", key: "e", group: "", load: async () => new (await import("./explore.js")).Explore() },
  boards: { title: "Boards", key: "b", group: "", load: async () => new (await import("./boards.js")).Boards() },
  alerts: { title: "Alerts", key: "a", group: "", load: async () => new (await import("./alerts.js")).Alerts() },
  start: { title: "Get started", key: "h", group: "", load: async () => new (await import("./start.js")).Start() },
  patterns: {
    title: "Patterns",
    key: "p",
    group: CAUSES,
    load: async () => new (await import("./patterns.js")).Patterns(),
  },
  compare: {
    title: "Compare",
    key: "d",
    group: CAUSES,
    load: async () => new (await import("./compare.js")).Compare(),
  },
  trace: { title: "Trace", key: "c", group: CAUSES, load: async () => new (await import("./story.js")).Story() },
  senders: {
    title: "Senders",
    key: "s",
    group: LISTENER,
    load: async () => new (await import("./sheets.js")).Senders(),
  },
  rejected: {
    title: "Rejected",
    key: "r",
    group: LISTENER,
    load: async () => new (await import("./sheets.js")).Rejected(),
  },
  status: {
    title: "Inputs & outputs",
    key: "i",
    group: LISTENER,
    load: async () => new (await import("./sheets.js")).Status(),
  },
};
