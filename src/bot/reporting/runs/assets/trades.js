"use strict";
// Round trips: some at a time, sorted by whatever heading was pressed.

const PAGE = 25;

class Trades {
  #page = 0;

  constructor(trades, candles, go) {
    this.trades = trades;
    this.go = go;
    this.sort = { at: 0, isDown: false };
    const names = candles.map((each) => each.symbol);
    const isOne = new Set(names).size < 2;
    const { opened, closed, long, quantity, entry, exit, fees, pnl, reason, reasons, part } = trades;
    // [heading, value to sort by, text]
    this.columns = [
      ["Opened", (at) => opened[at], (at) => moment(opened[at])],
      ["Held", (at) => closed[at] - opened[at], (at) => held(closed[at] - opened[at])],
      [isOne ? "Side" : "Symbol, side", (at) => `${isOne ? "" : names[part[at]]} ${long[at]}`, (at) => `${isOne ? "" : `${names[part[at]]} `}${long[at] ? "long" : "short"}`],
      ["Quantity", (at) => quantity[at], (at) => plain(quantity[at])],
      ["Entry", (at) => entry[at], (at) => plain(entry[at])],
      ["Exit", (at) => exit[at], (at) => plain(exit[at])],
      ["Fees", (at) => fees[at], (at) => amount(fees[at], 4)],
      ["P&L", (at) => pnl[at], (at) => amount(pnl[at], 4, true)],
      ["Reason", (at) => reasons[reason[at]], (at) => reasons[reason[at]]],
    ];
    this.order = opened.map((_each, at) => at);
    this.#arrange();
  }

  #arrange() {
    const value = this.columns[this.sort.at][1];
    const way = this.sort.isDown ? -1 : 1;
    this.order.sort((one, other) => {
      const [a, b] = [value(one), value(other)];
      return (a < b ? -1 : a > b ? 1 : one - other) * way;
    });
    this.#page = 0;
    this.#draw();
  }

  #draw() {
    const head = document.createElement("tr");
    this.columns.forEach(([name], at) => {
      const button = made("button", name + (at === this.sort.at ? (this.sort.isDown ? " ↓" : " ↑") : ""));
      button.type = "button";
      button.addEventListener("click", () => {
        this.sort = { at, isDown: at === this.sort.at ? !this.sort.isDown : at > 0 };
        this.#arrange();
      });
      const cell = document.createElement("th");
      cell.ariaSort = at === this.sort.at ? (this.sort.isDown ? "descending" : "ascending") : "none";
      cell.append(button);
      head.append(cell);
    });
    const shown = this.order.slice(this.#page * PAGE, (this.#page + 1) * PAGE);
    const body = document.createElement("tbody");
    body.append(...shown.map((at) => this.#row(at)));
    const top = document.createElement("thead");
    top.append(head);
    element("trades").replaceChildren(top, body);
    this.#turn();
  }

  #row(at) {
    const row = document.createElement("tr");
    this.columns.forEach(([name, , text]) => {
      const cell = made("td", text(at));
      if (name === "P&L") cell.className = this.trades.pnl[at] > 0 ? "good" : "bad";
      if (name === "Reason") cell.title = text(at);
      row.append(cell);
    });
    row.addEventListener("click", () => this.go(at));
    return row;
  }

  #turn() {
    const last = Math.max(0, Math.ceil(this.order.length / PAGE) - 1);
    const [from, to] = [this.#page * PAGE + 1, Math.min(this.order.length, (this.#page + 1) * PAGE)];
    const words = made("span", `${from.toLocaleString("en-GB")}–${to.toLocaleString("en-GB")} of ${this.order.length.toLocaleString("en-GB")}`);
    const ways = [["‹‹", 0], ["‹", this.#page - 1], ["›", this.#page + 1], ["››", last]].map(([name, page], at) => {
      const button = made("button", name);
      button.type = "button";
      button.ariaLabel = ["First page", "Page before", "Next page", "Last page"][at];
      button.disabled = page < 0 || page > last || page === this.#page;
      button.addEventListener("click", () => { this.#page = page; this.#draw(); });
      return button;
    });
    element("pages").replaceChildren(...(last ? [ways[0], ways[1], words, ways[2], ways[3]] : [words]));
  }
}

function made(kind, text) {
  const one = document.createElement(kind);
  one.textContent = text;
  return one;
}

function held(seconds) {
  const units = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];
  const at = units.findIndex(([, size]) => seconds >= size);
  if (at < 0) return "0 s";
  const [name, size] = units[at];
  const rest = at < 3 ? Math.floor((seconds % size) / units[at + 1][1]) : 0;
  return `${Math.floor(seconds / size)} ${name}${rest ? ` ${rest} ${units[at + 1][0]}` : ""}`;
}

if (element("trades")) {
  const { trades, candles } = told("run");
  new Trades(trades, candles, (at) => {
    prices.go(at);
    element("prices").scrollIntoView({ block: "center", behavior: "smooth" });
  });
}
