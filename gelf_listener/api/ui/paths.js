// @ts-check
/** Paths: where the page is, which a reverse proxy may put behind a path of its own. */

/** What comes before every path of the listener: "" or "/logs". */
const base = new URL("..", import.meta.url).pathname.replace(/\/$/, "");

/** The address of a path of the listener in this browser. @param {string} path begins with a slash */
export const here = (path) => base + path;

/** The path as the listener knows it. @param {string} pathname of an address of this page */
export const inside = (pathname) => (pathname.startsWith(`${base}/`) ? pathname.slice(base.length) : pathname);
