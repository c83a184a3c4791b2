// The first page: totals of one kind of money, P&L bars, accounts, and every strategy.

import { showAge } from "./age.js";
import { get } from "./api.js";
import { Bars } from "./bars.js";
import { byId, el, setClass, setText } from "./dom.js";
import { direction, money, percent, quoteOf, signed } from "./format.js";
import { badge, tile } from "./parts.js";
import { StrategyTable } from "./strategy-table.js";

const MODES = ["live", "paper", "rehearsal"];
const NAMES = { live: "Live money", rehearsal: "Rehearsal", paper: "Paper money" };

let bars;
let table;
let overview = null;
let tiles = null;
let receivedMs = 0;
let mode = null;

/** Fill the page and keep it alive. */
export async function start(live) {
  bars = new Bars(byId("bars"), byId("bars-note"));
  table = new StrategyTable(byId("strategies"), byId("filters"), byId("count"));
  live.addEventListener("overview", ({ detail }) => show(detail));
  live.addEventListener("equity", ({ detail }) => detail.forEach((mark) => table.mark(mark)));
  try {
    show(await get("/api/v1/overview", { background: true }));
  } catch (error) {
    setText(byId("strategies").tBodies[0].rows[0].cells[0], `Could not load: ${error.message}. Trying again by itself …`);
  }
}

function show(news) {
  overview = news;
  receivedMs = Date.now();
  const present = MODES.filter((name) => news.totals.some((totals) => totals.mode === name && totals.strategies));
  if (!present.includes(mode)) mode = present[0] === "live" ? "live" : largest(news.totals);
  showModes(present);
  showMoney();
  showAccounts();
  showRunner(news.runner);
  table.show(news.strategies, receivedMs);
}

/** The kind of money that most strategies trade. */
function largest(totals) {
  return totals.reduce((best, next) => (next.strategies > (best?.strategies ?? 0) ? next : best), null)?.mode ?? "paper";
}

function showModes(present) {
  const group = byId("modes");
  group.hidden = present.length < 2;
  const buttons = present.map((name) => {
    const button = el("button", { type: "button", class: name, "aria-pressed": String(name === mode) }, NAMES[name]);
    button.addEventListener("click", () => {
      mode = name;
      showModes(present);
      showMoney();
    });
    return button;
  });
  const focused = [...group.children].indexOf(document.activeElement);
  group.replaceChildren(...buttons);
  if (focused >= 0) buttons[focused]?.focus();
}

function showMoney() {
  const rows = overview.strategies.filter((row) => row.mode === mode);
  showTiles(overview.totals.find((totals) => totals.mode === mode), rows);
  const empty = byId("bars-empty");
  empty.hidden = rows.some((row) => row.kpis.closed_trades || Number(row.kpis.pnl));
  setText(empty, rows.length ? "No closed round trips yet: waiting for the first exit." : "No strategies yet.");
  byId("bars").hidden = !empty.hidden;
  if (empty.hidden) bars.show(rows.filter((row) => Number(row.kpis.pnl)));
}

function showTiles(totals, rows) {
  if (!tiles) {
    tiles = {
      equity: tile("Equity"), today: tile("P&L today", "Net of fees, since midnight UTC"), pnl: tile("P&L net", "Closed round trips, net of fees"),
      open: tile("Open positions"), wins: tile("Win rate", "Share of closed round trips that earned money"), fees: tile("Fees paid"),
    };
    byId("totals").replaceChildren(...Object.values(tiles).map((part) => part.node));
    byId("totals").removeAttribute("aria-busy");
  }
  const quotes = new Set(rows.map((row) => quoteOf(row.symbol)));
  const unit = quotes.size === 1 ? [...quotes][0] : "";
  const put = (part, text, sign = "", showUnit = true) => {
    part.value.replaceChildren(text, ...(unit && showUnit && totals ? [el("small", {}, unit)] : []));
    setClass(part.value, `tile-value ${sign}`);
  };
  put(tiles.equity, money(totals?.equity));
  put(tiles.today, signed(totals?.pnl_today), direction(totals?.pnl_today));
  put(tiles.pnl, signed(totals?.pnl), direction(totals?.pnl));
  put(tiles.open, String(totals?.open_trades ?? 0), "", false);
  put(tiles.wins, percent(totals?.win_rate), "", false);
  put(tiles.fees, money(totals?.fees));
  showAge(tiles.equity.note, receivedMs, { staleAfterS: 25 });
  setText(tiles.today.note, "since 00:00 UTC");
  setText(tiles.pnl.note, `${totals?.closed_trades ?? 0} round trips`);
  setText(tiles.open.note, `${totals?.running ?? 0} of ${totals?.strategies ?? 0} strategies running`);
  setText(tiles.wins.note, totals?.closed_trades ? `of ${totals.closed_trades} closed` : "no closed round trips yet");
  setText(tiles.fees.note, shareOfGross(rows));
}

function shareOfGross(rows) {
  const sum = (name) => rows.reduce((total, row) => total + Number(row.kpis[name]), 0);
  const gross = sum("gross");
  return gross > 0 ? `${percent(sum("fees") / gross, 0)} of gross profit` : "counted in net P&L";
}

function showAccounts() {
  const box = byId("accounts");
  if (!overview.accounts.length) {
    box.replaceChildren(el("p", { class: "empty" }, "No accounts yet. Add one: ", el("code", {}, "./bot account add")));
    return;
  }
  box.replaceChildren(
    ...overview.accounts.map((account) =>
      el(
        "div",
        { class: "account" },
        el("span", { class: "account-name" }, el("span", {}, account.name), badge(account.environment), account.live_approved ? badge("live approved") : null),
        el("span", { class: "account-money" }, money(account.totals.find((totals) => totals.mode === mode)?.equity ?? account.totals[0]?.equity)),
        ...account.totals.map((totals) =>
          el(
            "div",
            { class: "account-line" },
            el("span", { class: `badge mode ${totals.mode}` }, totals.mode),
            el("span", {}, `${totals.running} of ${totals.strategies} running`),
            el("span", { class: "spacer" }),
            el("span", {}, "today ", el("strong", { class: direction(totals.pnl_today) }, signed(totals.pnl_today)), " · net ", el("strong", { class: direction(totals.pnl) }, signed(totals.pnl))),
          ),
        ),
      ),
    ),
  );
}

function showRunner(runner) {
  const link = byId("link");
  link.title = runner.ok ? "The runner is at work" : "The runner is silent";
  const banner = byId("banner");
  if (link.dataset.state === "lost") return;
  banner.classList.toggle("warning", !runner.ok);
  banner.hidden = runner.ok;
  if (runner.ok) return;
  const age = runner.heartbeat_age_s;
  banner.textContent = `No runner is at work${age === null ? "" : `: its last figures are ${Math.round(age)} s old`}. Start it with ./bot start`;
}
