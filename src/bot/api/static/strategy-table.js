// Every strategy as a row (a card on a phone): sortable, filtered, updated in place.

import { showAge } from "./age.js";
import { el, setClass, setText } from "./dom.js";
import { brief, direction, money, percent, price, ratio, signed, staleAfter } from "./format.js";
import { modeBadge, sparkline, statePill } from "./parts.js";

const POINTS = 60;

// key: what it sorts by; text columns start ascending, numbers with the largest first.
const COLUMNS = [
  { name: "Strategy", key: (row) => row.title.toLowerCase(), css: "name" },
  { name: "Account", key: (row) => row.account.toLowerCase() },
  { name: "Mode", key: (row) => row.mode },
  { name: "State", key: (row) => row.state },
  { name: "Equity", key: (row) => row.equity, css: "number" },
  { name: "Trend", css: "spark" },
  { name: "Net P&L", key: (row) => Number(row.kpis.pnl), css: "number" },
  { name: "Win rate", key: (row) => row.kpis.win_rate, css: "number" },
  { name: "Trips", key: (row) => row.kpis.closed_trades, css: "number", title: "Closed round trips" },
  { name: "Profit factor", key: (row) => row.kpis.profit_factor, css: "number", minor: true },
  { name: "Max DD", key: (row) => row.kpis.max_drawdown, css: "number", minor: true, title: "Largest fall of equity below its peak" },
  { name: "Position", key: (row) => Number(row.position) * (row.price ?? 0), css: "number" },
  { name: "Price", key: (row) => row.price, css: "number", minor: true },
  { name: "Age", key: (row) => row.updated_ms, css: "number", title: "Age of the newest figures" },
];

/** The table of strategies; `show` takes rows of the API, `mark` a new equity mark. */
export class StrategyTable {
  #rows = new Map();
  #data = new Map();
  #sort = { column: COLUMNS[0], descending: false };

  constructor(table, filters, count) {
    this.body = table.tBodies[0];
    this.filters = filters;
    this.count = count;
    table.tHead.rows[0].replaceChildren(...COLUMNS.map((column) => this.#header(column)));
    filters.addEventListener("input", () => this.#arrange());
    filters.addEventListener("submit", (event) => event.preventDefault());
  }

  /** Show these strategies, and no others. `atMs` is when they came. */
  show(strategies, atMs) {
    this.#data = new Map(strategies.map((row) => [row.id, { ...row, atMs: row.age_s === null ? null : atMs - row.age_s * 1000 }]));
    for (const [id, row] of this.#rows) {
      if (!this.#data.has(id)) {
        row.node.remove();
        this.#rows.delete(id);
      }
    }
    for (const row of this.#data.values()) this.#paint(row);
    this.#offerAccounts();
    this.#arrange();
  }

  /** Take a new equity mark of one strategy. */
  mark(mark) {
    const row = this.#data.get(mark.strategy_id);
    if (!row || mark.time_ms < (row.updated_ms ?? 0)) return;
    Object.assign(row, { equity: mark.equity, price: mark.price, position: String(mark.position), unrealised: mark.unrealised, updated_ms: mark.time_ms, atMs: Date.now() });
    row.sparkline = [...row.sparkline, mark.equity].slice(-POINTS);
    this.#paint(row);
  }

  #header(column) {
    const head = el("th", { class: column.css, scope: "col", title: column.title });
    if (!column.key) return fillWith(head, column.name);
    const button = el("button", { class: "sorter", type: "button" }, column.name);
    button.addEventListener("click", () => {
      const same = this.#sort.column === column;
      this.#sort = { column, descending: same ? !this.#sort.descending : column.css === "number" };
      for (const other of head.parentNode.cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", this.#sort.descending ? "descending" : "ascending");
      this.#arrange();
    });
    if (column === this.#sort.column) head.setAttribute("aria-sort", "ascending");
    return fillWith(head, button);
  }

  #paint(row) {
    const parts = this.#rows.get(row.id) ?? this.#create(row);
    const { cells } = parts;
    const put = (name, text, sign = "") => {
      setText(cells[name], text);
      setClass(cells[name], `${parts.css[name]} ${sign}`);
    };
    setText(parts.link, row.title);
    parts.link.title = row.title;
    setText(parts.about, `${row.name} · ${row.symbol} ${row.interval}${row.market === "spot" ? "" : ` · ${row.market}`}`);
    setText(cells.Account, row.account);
    if (parts.state !== `${row.mode} ${row.state} ${row.stopped_reason}`) {
      parts.state = `${row.mode} ${row.state} ${row.stopped_reason}`;
      cells.Mode.replaceChildren(modeBadge(row.mode));
      const reason = row.state === "stopped" ? row.stopped_reason : "";
      cells.State.replaceChildren(statePill(row.state, reason), ...(reason ? [el("span", { class: "reason", title: reason }, reason)] : []));
    }
    put("Equity", money(row.equity), "strong");
    put("Net P&L", signed(row.kpis.pnl), `strong ${direction(row.kpis.pnl)}`);
    put("Win rate", percent(row.kpis.win_rate));
    put("Trips", String(row.kpis.closed_trades));
    put("Profit factor", ratio(row.kpis.profit_factor));
    put("Max DD", percent(row.kpis.max_drawdown, 2));
    put("Position", Number(row.position) ? brief(row.position) : "flat", Number(row.position) ? "" : "muted");
    put("Price", price(row.price));
    const line = row.sparkline.join();
    if (parts.line !== line) {
      parts.line = line;
      cells.Trend.replaceChildren(sparkline(row.sparkline));
    }
    showAge(parts.age, row.atMs, { staleAfterS: row.enabled ? staleAfter(row.interval) : Infinity, never: "never" });
  }

  #create(row) {
    const link = el("a", { href: `/strategies/${row.id}` });
    const about = el("span", {});
    const age = el("span", {});
    const cells = Object.fromEntries(COLUMNS.map((c) => [c.name, el("td", { class: classOf(c), "data-label": c.css === "name" ? "" : c.name })]));
    cells.Strategy.append(link, about);
    cells.Age.append(age);
    const node = el("tr", { "data-strategy": row.id }, ...Object.values(cells));
    const css = Object.fromEntries(COLUMNS.map((column) => [column.name, classOf(column)]));
    const parts = { node, cells, css, link, about, age, line: null, state: "" };
    this.#rows.set(row.id, parts);
    return parts;
  }

  #offerAccounts() {
    const select = this.filters.elements.account;
    const names = [...new Set([...this.#data.values()].map((row) => row.account))].sort();
    if (names.join("\n") === [...select.options].slice(1).map((option) => option.value).join("\n")) return;
    const chosen = select.value;
    select.replaceChildren(select.options[0], ...names.map((name) => el("option", { value: name }, name)));
    select.value = names.includes(chosen) ? chosen : "";
  }

  #arrange() {
    const wanted = Object.fromEntries(new FormData(this.filters));
    const text = wanted.text.trim().toLowerCase();
    const seen = [...this.#data.values()]
      .filter((row) => !wanted.account || row.account === wanted.account)
      .filter((row) => !wanted.mode || row.mode === wanted.mode)
      .filter((row) => !wanted.state || row.state === wanted.state)
      .filter((row) => `${row.title} ${row.name} ${row.symbol}`.toLowerCase().includes(text))
      .sort((a, b) => compare(this.#sort.column.key(a), this.#sort.column.key(b), this.#sort.descending) || a.id - b.id);
    setText(this.count, seen.length === this.#data.size ? String(seen.length) : `${seen.length} of ${this.#data.size}`);
    const nodes = seen.map((row) => this.#rows.get(row.id).node);
    const now = [...this.body.children];
    if (nodes.length && nodes.length === now.length && nodes.every((node, at) => node === now[at])) return;
    this.body.replaceChildren(...(nodes.length ? nodes : [this.#nothing()]));
  }

  #nothing() {
    const text = this.#data.size ? "No strategy fits this filter." : "No strategies yet. Add one: ./bot strategy add";
    return el("tr", {}, el("td", { class: "empty", colspan: COLUMNS.length }, text));
  }
}

const classOf = ({ css = "", minor = false }) => `${css}${minor ? " minor" : ""}`;

function fillWith(node, child) {
  node.append(child);
  return node;
}

/** Compare two values; what is not known comes last either way. */
function compare(a, b, descending) {
  const [hasA, hasB] = [a, b].map((value) => value !== null && value !== undefined);
  if (!hasA || !hasB) return Number(hasB) - Number(hasA);
  const order = a < b ? -1 : Number(a > b);
  return descending ? -order : order;
}
