// @ts-check
/** The tables: senders, rejected payloads, inputs and outputs. Each asks again every few seconds while it is open. */
import { ask } from "./api.js";
import { button, copy, el, show } from "./dom.js";
import { here } from "./paths.js";
import { Sheet } from "./sheet.js";
import { go } from "./state.js";
import { block, bytesText, count, line, quote } from "./text.js";
import { ago, stamp } from "./times.js";

/** @param {string} label @param {string[]} heads @param {Node[]} rows @param {number[]} [numbers] columns of numbers */
function table(label, heads, rows, numbers = []) {
  return el(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": label },
    el(
      "table",
      {},
      el(
        "thead",
        {},
        el(
          "tr",
          {},
          heads.map((head, index) => el("th", { scope: "col", class: numbers.includes(index) ? "right" : "" }, head)),
        ),
      ),
      el("tbody", {}, rows),
    ),
  );
}

/** Whether rows say which listener they are of: several share a store. @param {any[]} rows */
const shared = (rows) => rows.some((one) => one.node !== null);

/** @param {any} value */
const number = (value) => el("td", { class: "right" }, Number(value).toLocaleString());

export class Senders extends Sheet {
  constructor() {
    super("Senders");
  }

  async draw() {
    const { senders, forgotten, conflicts } = await ask("senders", { parameters: { limit: 500 } });
    show(
      this.body,
      senders.length
        ? table(
            "Senders",
            [
              ...["Host", "Address", "Client", "Messages", "Bytes", "Rejected", "First seen", "Last seen"],
              ...(shared(senders) ? ["Listener"] : []),
            ],
            senders.map((/** @type {any} */ one) =>
              el(
                "tr",
                {},
                el(
                  "td",
                  { class: "isolate" },
                  one.host
                    ? button(
                        line(one.host, 200),
                        () =>
                          go({
                            view: "messages",
                            q: `source:${quote(one.host)}`,
                            live: false,
                            range: "all",
                            from: "",
                            to: "",
                            keyword: "",
                            id: "",
                          }),
                        { class: "link", title: "Its messages" },
                      )
                    : el("span", { class: "faint" }, "unknown"),
                ),
                el("td", { class: "mono" }, line(one.address, 100)),
                el("td", {}, one.client ? line(one.client, 60) : el("span", { class: "faint" }, "unknown")),
                number(one.messages),
                el("td", { class: "right" }, bytesText(one.bytes)),
                el(
                  "td",
                  { class: "right" },
                  one.rejected
                    ? el(
                        "a",
                        { class: "badge bad", href: here("/rejected"), dataset: { view: "rejected" } },
                        one.rejected.toLocaleString(),
                      )
                    : "0",
                ),
                el("td", {}, stamp(one.first_seen)),
                el("td", {}, ago(one.last_seen)),
                one.node !== null && el("td", {}, line(one.node, 100)),
              ),
            ),
            [3, 4, 5],
          )
        : el(
            "p",
            { class: "faint" },
            "Nobody has sent anything yet. ",
            el("a", { href: here("/start"), dataset: { view: "start" } }, "Get started"),
          ),
      forgotten > 0 &&
        el("p", { class: "faint" }, `${count(forgotten, "sender")} gave way to others; their number is bounded.`),
      conflicts.length > 0 && [
        el("h2", {}, "What a Graylog would lose"),
        el(
          "p",
          { class: "faint" },
          "An index decides the kind of a field by its first value, and loses every later message with a value that does not fit.",
        ),
        table(
          "Fields that differ in kind",
          ["Field", "Began as", "Sent by", "Lost", "Sent by", "Messages", "Last seen"],
          conflicts.map((/** @type {any} */ one) =>
            el(
              "tr",
              { title: line(one.text, 600) },
              el("td", { class: "mono isolate" }, line(one.field, 200)),
              el("td", {}, one.kept),
              el("td", { class: "isolate" }, line(one.kept_sender || "everybody", 200)),
              el("td", {}, one.lost),
              el("td", { class: "isolate" }, line(one.lost_sender, 200)),
              number(one.messages),
              el("td", {}, ago(one.last_seen)),
            ),
          ),
          [5],
        ),
      ],
    );
  }
}

export class Rejected extends Sheet {
  constructor() {
    super("Rejected");
    this.reason = "";
    this._shown = "";
  }

  async draw() {
    const found = await ask("rejected", { parameters: { reason: this.reason, limit: 200 } });
    const shown = JSON.stringify([found.total, this.reason, found.rejected.length]);
    if (shown === this._shown && this.body.hasChildNodes()) return; // what somebody reads stays put
    this._shown = shown;
    const reasons = Object.entries(found.by_reason);
    const pick = (/** @type {string} */ reason, /** @type {string} */ text) =>
      button(
        text,
        () => {
          this.reason = reason;
          void this.draw();
        },
        { "aria-pressed": String(this.reason === reason) },
      );
    show(
      this.body,
      el(
        "p",
        { class: "faint" },
        "What arrived and could not become a message, newest first. The first KiB of each is kept.",
      ),
      reasons.length
        ? el(
            "div",
            { class: "row" },
            pick("", `All ${found.total.toLocaleString()}`),
            reasons.map(([reason, count]) => pick(reason, `${reason} ${Number(count).toLocaleString()}`)),
          )
        : el("p", {}, "Nothing was rejected."),
      found.rejected.map((/** @type {any} */ one) =>
        el(
          "article",
          { class: "card" },
          el(
            "div",
            { class: "row" },
            el("span", { class: "badge bad" }, one.reason),
            el("strong", { class: "isolate" }, line(one.detail, 500)),
            el("span", { class: "grow" }),
            el("span", { class: "faint" }, stamp(one.received_at)),
          ),
          el(
            "div",
            { class: "faint" },
            `from ${one.peer ?? "unknown"} · input ${line(one.input, 100)} · ${bytesText(one.payload_bytes)}`,
            one.node !== null && ` · listener ${line(one.node, 100)}`,
          ),
          el("p", {}, line(one.advice, 500)),
          one.payload_text && el("pre", {}, block(one.payload_text, 2000)),
          el(
            "details",
            {},
            el("summary", {}, "Hex"),
            el("pre", {}, hexdump(one.payload_hex)),
            button("Copy hex", () => void copy(one.payload_hex, "Hex")),
          ),
        ),
      ),
    );
  }
}

/** Sixteen bytes a line, with their text. @param {string} hex */
function hexdump(hex) {
  const bytes = hex.match(/../g) ?? [];
  /** @type {string[]} */
  const lines = [];
  for (let start = 0; start < bytes.length; start += 16) {
    const part = bytes.slice(start, start + 16);
    const text = part
      .map((byte) => parseInt(byte, 16))
      .map((code) => (code >= 32 && code < 127 ? String.fromCharCode(code) : "."));
    lines.push(`${start.toString(16).padStart(4, "0")}  ${part.join(" ").padEnd(47)}  ${text.join("")}`);
  }
  return lines.join("\n");
}

/** The listeners that share the store. @param {any[]} nodes @param {string | null} trouble */
function listeners(nodes, trouble) {
  return [
    el("h2", {}, "Listeners of this store"),
    trouble !== null && el("p", { class: "badge bad" }, `As they were seen last: ${line(trouble, 300)}`),
    table(
      "Listeners of this store",
      ["Name", "State", "API", "Version", "Up since", "Messages", "Per second", "Rejected"],
      nodes.map((one) =>
        el(
          "tr",
          {},
          el("td", {}, line(one.name, 100), one.own && el("span", { class: "faint" }, " (this one)")),
          el(
            "td",
            {},
            one.alive
              ? el("span", { class: "badge good" }, "there")
              : el("span", { class: "badge bad" }, `gone, last seen ${ago(one.last_seen)}`),
          ),
          el("td", { class: "mono" }, line(one.url, 200)),
          el("td", {}, line(one.version, 40)),
          el("td", {}, stamp(one.started_at, true)),
          number(one.messages),
          number(one.messages_per_second),
          number(one.rejected),
        ),
      ),
      [5, 6, 7],
    ),
  ];
}

/** The processes that take messages. @param {any[]} all */
function workers(all) {
  return [
    el("h2", {}, "Workers"),
    table(
      "Workers",
      ["Worker", "Process", "State", "Messages", "Restarts", "Processor time", "Memory"],
      all.map((one) =>
        el(
          "tr",
          {},
          el("td", {}, String(one.number)),
          el("td", { class: "mono" }, one.pid === null ? "-" : String(one.pid)),
          el(
            "td",
            {},
            one.problem
              ? [el("span", { class: "badge bad" }, "fails"), el("div", { class: "faint" }, line(one.problem, 300))]
              : el("span", { class: "badge good" }, "works"),
          ),
          number(one.messages),
          number(one.restarts),
          el("td", { class: "right" }, `${one.cpu_seconds.toFixed(1)} s`),
          el("td", { class: "right" }, bytesText(one.memory_bytes)),
        ),
      ),
      [3, 4, 5, 6],
    ),
  ];
}

export class Status extends Sheet {
  constructor() {
    super("Inputs and outputs");
  }

  async draw() {
    const [found, { nodes, trouble }] = await Promise.all([ask("stats"), ask("nodes")]);
    const counters = (/** @type {Record<string, number>} */ all) =>
      Object.entries(all)
        .filter(([, value]) => value)
        .map(([name, value]) => el("div", { class: "faint mono" }, `${name} ${Number(value).toLocaleString()}`));
    const store = found.store;
    show(
      this.body,
      el(
        "p",
        {},
        `Version ${found.version}, up since ${stamp(found.started_at, true)}. ${count(found.messages, "message")} (${bytesText(found.bytes)}), ${found.messages_per_second.toLocaleString()} a second now. `,
        found.reading
          ? el("span", { class: "badge good" }, "reading")
          : el("span", { class: "badge bad" }, "not reading: an output is full"),
      ),
      nodes.length > 0 && listeners(nodes, trouble),
      el("h2", {}, "Inputs"),
      table(
        "Inputs",
        [
          ...["Name", "Listens on", "State", "Messages", "Per second", "Rejected", "Kernel drops", "Counters"],
          ...(shared(found.inputs) ? ["Listener"] : []),
        ],
        found.inputs.map((/** @type {any} */ one) =>
          el(
            "tr",
            {},
            el("td", {}, line(one.name, 100)),
            el(
              "td",
              { class: "mono" },
              one.listening.map((/** @type {string} */ url) => el("div", {}, line(url))),
            ),
            el(
              "td",
              {},
              one.reading
                ? el("span", { class: "badge good" }, "reading")
                : el("span", { class: "badge bad" }, "waiting"),
            ),
            number(one.messages),
            number(one.messages_per_second),
            number(one.rejected),
            el(
              "td",
              { class: "right" },
              el(
                "span",
                { class: one.counters.kernel_drops_total ? "badge bad" : "" },
                Number(one.counters.kernel_drops_total ?? 0).toLocaleString(),
              ),
            ),
            el("td", {}, counters(one.counters)),
            one.node !== null && el("td", {}, line(one.node, 100)),
          ),
        ),
        [3, 4, 5, 6],
      ),
      found.workers.length > 0 && workers(found.workers),
      el("h2", {}, "Outputs"),
      table(
        "Outputs",
        ["Name", "State", "Messages", "Per second", "Waiting", "Oldest", "Retries", "Refused", "Dropped", "Counters"],
        found.outputs.map((/** @type {any} */ one) =>
          el(
            "tr",
            {},
            el(
              "td",
              {},
              line(one.name, 200),
              one.where && el("div", { class: "faint mono" }, `where ${line(one.where, 200)}`),
            ),
            el(
              "td",
              {},
              one.failing_since
                ? [
                    el("span", { class: "badge bad" }, `failing since ${stamp(one.failing_since)}`),
                    el("div", { class: "faint" }, line(one.error, 300)),
                    el(
                      "div",
                      { class: "faint" },
                      one.circuit === "open" && one.next_try_at
                        ? `tried again at ${stamp(one.next_try_at)}`
                        : "being tried",
                    ),
                  ]
                : el("span", { class: one.full ? "badge bad" : "badge good" }, one.full ? "full" : "works"),
              one.buffer_problem && [
                el("span", { class: "badge bad" }, "buffer fails"),
                el("div", { class: "faint" }, line(one.buffer_problem, 300)),
              ],
              one.buffer_damaged > 0 &&
                el(
                  "div",
                  { class: "faint" },
                  `${one.buffer_damaged.toLocaleString()} damaged parts of its buffer set aside`,
                ),
              !one.failing_since &&
                one.refused > 0 &&
                one.last_error &&
                el("div", { class: "faint" }, `last problem: ${line(one.last_error, 300)}`),
            ),
            number(one.messages),
            number(one.messages_per_second),
            el("td", { class: "right" }, `${one.waiting.toLocaleString()} (${bytesText(one.waiting_bytes)})`),
            el("td", { class: "right" }, `${one.oldest_seconds.toFixed(1)} s`),
            number(one.retries),
            number(one.refused),
            number(one.dropped),
            el("td", {}, counters(one.counters)),
          ),
        ),
        [2, 3, 4, 5, 6, 7, 8],
      ),
      found.orphaned_buffers.length > 0 && [
        el("h2", {}, "Buffers that no output writes"),
        table(
          "Buffers that no output writes",
          ["Buffer", "Waiting", "Oldest", "Deliver with"],
          found.orphaned_buffers.map((/** @type {any} */ one) =>
            el(
              "tr",
              {},
              el("td", {}, line(one.name, 200)),
              el("td", { class: "right" }, `${one.waiting.toLocaleString()} (${bytesText(one.waiting_bytes)})`),
              el("td", { class: "right" }, `${one.oldest_seconds.toFixed(1)} s`),
              el("td", {}, el("code", {}, `gelf-listener buffers send ${line(one.name, 200)} --to ADDRESS`)),
            ),
          ),
          [1, 2],
        ),
      ],
      el("h2", {}, "Store"),
      store
        ? el(
            "p",
            {},
            `${count(store.messages, "message")} in ${bytesText(store.bytes)}`,
            store.first !== null && `, from ${stamp(store.first, true)} to ${stamp(store.last, true)}`,
            store.max_bytes !== null &&
              `, ${Math.round((1000 * store.bytes) / store.max_bytes) / 10} % of the ${bytesText(store.max_bytes)} it may take`,
            store.max_age_seconds !== null && `, kept for ${+(store.max_age_seconds / 86400).toFixed(1)} days`,
            `, ${count(store.partitions, "partition")} at `,
            el("code", {}, line(store.location)),
          )
        : el("p", {}, "There is no store: nothing can be searched. Run with --output store:"),
      el(
        "p",
        {},
        el("a", { href: here("/metrics") }, "Metrics"),
        " · ",
        el("a", { href: here("/health") }, "Health"),
        " · ",
        el("a", { href: here("/api/openapi.json") }, "OpenAPI"),
      ),
    );
  }
}
