// @ts-check
/** The API: every word between this page and the listener. */

import { knownField, serviceOf } from "./known.js";
import { here } from "./paths.js";

/**
 * A message as the API writes it.
 * @typedef {object} Message
 * @property {string} id
 * @property {number} timestamp UTC Unix seconds
 * @property {number} received_at
 * @property {string} host
 * @property {string} short_message
 * @property {string | null} full_message
 * @property {number | null} level
 * @property {Record<string, string | number | boolean>} fields
 * @property {Record<string, string | number>} known other known fields, by name
 * @property {string} input
 * @property {string | null} peer
 */

/** What went wrong, in the listener's words. */
export class ApiError extends Error {
  /** @param {number} status @param {any} body */
  constructor(status, body) {
    super(
      typeof body?.message === "string"
        ? body.message
        : status
          ? `the listener answered ${status}`
          : "the listener does not answer",
    );
    this.status = status;
    this.body = body;
  }
}

/** Called when somebody has to log in first. @type {{ask: () => void}} */
export const login = { ask: () => undefined };

/**
 * Ask the listener.
 * @param {string} path below /api/gelf, or a whole path
 * @param {{parameters?: Record<string, any>, method?: string, body?: any, signal?: AbortSignal, text?: boolean}} [options]
 * @returns {Promise<any>}
 */
export async function ask(path, { parameters = {}, method = "GET", body, signal, text = false } = {}) {
  /** @type {Record<string, string>} */
  const headers = { "X-Requested-With": "XMLHttpRequest" };
  if (method !== "GET") headers["X-Requested-By"] = "gelf-listener";
  if (body !== undefined && !(body instanceof Blob)) {
    headers["Content-Type"] = "application/json";
    body = JSON.stringify(body);
  }
  let response;
  try {
    response = await fetch(url(path, parameters), { method, headers, body, signal, credentials: "same-origin" });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError(0, null);
  }
  if (response.status === 401) login.ask();
  if (!response.ok) {
    const answer = await response.text();
    let parsed = null;
    try {
      parsed = JSON.parse(answer);
    } catch {
      parsed = { message: answer.slice(0, 300) };
    }
    throw new ApiError(response.status, parsed);
  }
  if (text) return response.text();
  return response.status === 204 ? null : response.json();
}

/** The address of a request. @param {string} path @param {Record<string, any>} [parameters] */
export function url(path, parameters = {}) {
  const address = new URL(here(path.startsWith("/") ? path : `/api/gelf/${path}`), location.origin);
  for (const [name, value] of Object.entries(parameters))
    if (value !== undefined && value !== null && value !== "") address.searchParams.set(name, String(value));
  return address.toString();
}

/**
 * Follow the live stream. The browser reconnects by itself and says which message was the last.
 * @param {Record<string, any>} parameters
 * @param {object} to
 * @param {(messages: Message[], stored: boolean) => void} to.messages stored: they arrived before this was asked
 * @param {() => void} to.following all that was stored before has come
 * @param {(total: number) => void} to.missed
 * @param {(connected: boolean) => void} to.state
 * @param {(error: unknown) => void} to.refused the listener answers, and will not
 * @returns {() => void} how to stop
 */
export function live(parameters, to) {
  /** @type {EventSource} */
  let source;
  let timer = 0;
  let following = false;
  const connect = () => {
    source = new EventSource(url("live", parameters));
    source.addEventListener("open", () => to.state(true));
    source.addEventListener("following", () => {
      following = true;
      to.following();
    });
    source.addEventListener("messages", (event) => to.messages(JSON.parse(event.data), !following));
    source.addEventListener("missed", (event) => {
      to.missed(JSON.parse(event.data).messages);
    });
    source.addEventListener("error", () => {
      to.state(false);
      if (source.readyState === EventSource.CLOSED) void refused(source);
    });
  };
  /** An event source does not say why it was refused; a search for the same does. @param {EventSource} which */
  const refused = async (which) => {
    try {
      await ask("search", { parameters: { query: parameters.query, limit: 0 } });
    } catch (error) {
      if (which === source && !stopped) to.refused(error);
      if (error instanceof ApiError && error.status === 400) return;
    }
    if (!stopped) timer = window.setTimeout(connect, 3000);
  };
  let stopped = false;
  connect();
  return () => {
    stopped = true;
    clearTimeout(timer);
    source.close();
  };
}

/** Where a value is in a message, by the name a query would use. @param {Message} message @param {string} name */
export function valueOf(message, name) {
  const known = knownField(name);
  if (known) return known.property ? Reflect.get(message, known.property) : message.known[known.name];
  if (name === "service") return serviceOf(message.fields);
  return Object.hasOwn(message.fields, name) ? message.fields[name] : undefined;
}
