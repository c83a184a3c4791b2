// Lists of one strategy that grow at the top by live events and at the bottom by "Older": orders, round trips, reasons.

import { get } from "./api.js";
import { el, soon } from "./dom.js";
import { direction, money, percent, price, quantity, signed, span } from "./format.js";
import { timeCell } from "./parts.js";

const PAGE = 50;
const MOST = 500;

/** A list under `/api/v1/strategies/{id}/{kind}`: `draw(item)` makes a node, `empty` says what it waits for. */
export class LiveList {
  #items = new Map();
  #next = null;
  #isLoaded = false;
  #fresh = new Set();
  #redrawSoon = soon(() => this.#redraw(), 150);

  constructor({ url, body, more, draw, empty, count = null }) {
    Object.assign(this, { url, body, more, draw, empty, count });
    more.addEventListener("click", () => this.#older());
  }

  /** Load the newest page, or look for what no event told; what events brought is kept. */
  async load() {
    try {
      const page = await get(`${this.url}?limit=${PAGE}`, { background: true });
      const changed = page.items.filter((item) => JSON.stringify(item) !== JSON.stringify(this.#items.get(item.id)));
      for (const item of changed) this.#items.set(item.id, item);
      if (!this.#isLoaded) this.#next = page.next_before;
      if (changed.length || !this.#isLoaded) this.#redraw();
      this.#isLoaded = true;
    } catch (error) {
      if (!this.#items.size) this.body.replaceChildren(this.empty(`Could not load: ${error.message}`));
    }
  }

  /** Put a new item on top, or renew the one that is there. */
  put(item) {
    if (!this.#items.has(item.id)) this.#fresh.add(item.id);
    this.#items.set(item.id, item);
    if (this.#items.size > MOST) this.#items.delete(Math.min(...this.#items.keys()));
    this.#redrawSoon();
  }

  async #older() {
    this.more.disabled = true;
    try {
      const page = await get(`${this.url}?limit=${PAGE}&before=${this.#next}`);
      for (const item of page.items) this.#items.set(item.id, item);
      this.#next = page.next_before;
      this.#redraw();
    } finally {
      this.more.disabled = false;
    }
  }

  #redraw() {
    const items = [...this.#items.values()].sort((a, b) => b.id - a.id);
    this.body.replaceChildren(...(items.length ? items.map((item) => this.#drawn(item)) : [this.empty()]));
    this.more.hidden = this.#next === null || items.length >= MOST;
    this.#fresh.clear();
    if (this.count) this.count.textContent = items.length ? `${items.length}${this.#next === null ? "" : "+"}` : "";
  }

  #drawn(item) {
    const node = this.draw(item);
    if (this.#fresh.has(item.id)) node.classList.add("fresh");
    return node;
  }
}

/** A row that says why a table is empty. */
export const emptyRow = (columns, text) => el("tr", {}, el("td", { class: "empty", colspan: columns }, text));

/** Column heads: names that start with ">" stand right. */
export const heads = (names) =>
  el("tr", {}, ...names.map((name) => el("th", { scope: "col", class: name.startsWith(">") ? "number" : "" }, name.replace(">", ""))));

export const TRADE_HEADS = ["Closed", "Side", ">Quantity", ">Entry", ">Exit", ">Gross", ">Fees", ">Net P&L", ">Held", "Why it ended"];

/** One round trip. */
export const tradeRow = (trade) =>
  el(
    "tr",
    {},
    el("td", {}, timeCell(trade.closed_ms)),
    el("td", {}, el("span", { class: `side ${trade.side}` }, trade.side === "BUY" ? "LONG" : "SHORT")),
    number(quantity(trade.qty)),
    number(price(trade.entry_price)),
    number(price(trade.exit_price)),
    number(signed(trade.gross)),
    number(money(trade.fees)),
    number(`${signed(trade.pnl)}`, direction(trade.pnl), percentOf(trade)),
    number(span((trade.closed_ms - trade.opened_ms) / 1000)),
    el("td", { class: "wide" }, trade.reason),
  );

export const ORDER_HEADS = ["Time", "Side", "Type", ">Quantity", ">Filled", ">Price", ">Fee", "Status", "Why"];

/** One order. */
export const orderRow = (order) =>
  el(
    "tr",
    { title: order.client_order_id },
    el("td", {}, timeCell(order.created_ms)),
    el("td", {}, el("span", { class: `side ${order.side}` }, order.side)),
    el("td", {}, order.type),
    number(quantity(order.qty)),
    number(quantity(order.filled)),
    number(price(order.price)),
    number(money(order.fee)),
    el("td", { class: { REJECTED: "down", UNKNOWN: "warn", VOID: "warn" }[order.status] ?? "" }, order.status.replaceAll("_", " ").toLowerCase()),
    el("td", { class: "wide" }, order.reason),
  );

/** One decision: what it wanted, what became of it, why, and what it saw. */
export const decisionItem = (decision) => {
  const denied = decision.verdict === "denied";
  return el(
    "li",
    { class: "decision" },
    el(
      "div",
      { class: "decision-head" },
      el("span", { class: `side ${decision.side}` }, decision.side),
      el("span", { class: `verdict ${decision.verdict}` }, denied ? "✕ denied" : "✓ approved"),
      timeCell(decision.time_ms),
    ),
    el("p", { class: "decision-reason" }, decision.reason || "no reason given"),
    el(
      "div",
      { class: "chips" },
      decision.rule ? el("span", { class: "chip rule", title: "The rule that denied it" }, decision.rule) : null,
      ...Object.entries(decision.seen).map(([name, value]) => el("span", { class: "chip" }, name, el("b", {}, seen(value)))),
    ),
  );
};

const number = (text, sign = "", title = "") => el("td", { class: `number ${sign}`, title }, text);

function percentOf(trade) {
  const cost = Number(trade.entry_price) * Number(trade.qty);
  return cost ? `${percent(Number(trade.pnl) / cost, 2)} of what was put in` : "";
}

function seen(value) {
  const size = Math.abs(value);
  return Number.isFinite(value) ? value.toLocaleString(undefined, { maximumFractionDigits: size >= 100 ? 2 : size >= 1 ? 4 : 6 }).replace("-", "−") : String(value);
}
