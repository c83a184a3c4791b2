// One strategy: heading and switch, figures, charts, position, lists; loaded once, then kept alive by events.

import { showAge } from "./age.js";
import { get, post } from "./api.js";
import { confirmed } from "./confirm.js";
import { byId, el, setClass, setText, soon } from "./dom.js";
import { EquityChart } from "./equity-chart.js";
import { direction, money, percent, price, quantity, quoteOf, ratio, signed, staleAfter } from "./format.js";
import { decisionItem, emptyRow, heads, LiveList, ORDER_HEADS, orderRow, TRADE_HEADS, tradeRow } from "./lists.js";
import { badge, modeBadge, statePill, tile } from "./parts.js";
import { PriceChart } from "./price-chart.js";

const CANDLES = 500;
const CANDLES_EVERY_MS = 2_000;
const CATCH_UP_MS = 1_500;
const LISTS_EVERY_MS = 20_000;

let url;
let row = null;
let atMs = null;
let tiles = null;
let charts;
let lists;
let candlesAtMs = 0;

/** Fill the page and keep it alive. */
export async function start(live, page) {
  const id = Number(page.dataset.strategy);
  url = `/api/v1/strategies/${id}`;
  charts = { price: new PriceChart(byId("chart"), byId("chart-note")), equity: new EquityChart(byId("equity"), byId("equity-note")) };
  lists = makeLists();
  byId("switch").addEventListener("click", flip);

  const mine = (name, act) => live.addEventListener(name, ({ detail }) => detail.strategy_id === id && act(detail));
  live.addEventListener("overview", ({ detail }) => takeRow(detail.strategies.find((strategy) => strategy.id === id)));
  live.addEventListener("equity", ({ detail }) => detail.filter((mark) => mark.strategy_id === id).forEach(takeMark));
  mine("decision", (decision) => lists.decisions.put(decision));
  mine("trade", (trade) => lists.trades.put(trade));
  const loadFillsSoon = soon(loadFills, 400);
  mine("order", (order) => {
    lists.orders.put(order);
    if (Number(order.filled)) loadFillsSoon();
  });
  live.addEventListener("state", ({ detail: { state } }) => {
    // What happened before the server began to tell this page no event brings: ask again, now and then.
    if (state === "live") setTimeout(loadAll, CATCH_UP_MS);
  });
  setInterval(() => document.hidden || loadLists(), LISTS_EVERY_MS);
  await loadAll();
}

function makeLists() {
  byId("trades").tHead.replaceChildren(heads(TRADE_HEADS));
  byId("orders").tHead.replaceChildren(heads(ORDER_HEADS));
  const signal = () => (row ? `a signal on ${row.symbol} ${row.interval}` : "a signal");
  const list = (kind, body, draw, empty, count) =>
    new LiveList({ url: `${url}/${kind}`, body, more: document.querySelector(`[data-more="${kind}"]`), draw, empty, count });
  return {
    trades: list("trades", byId("trades").tBodies[0], tradeRow, (text) => emptyRow(TRADE_HEADS.length, text ?? "No round trips yet: waiting for a first entry and its exit."), byId("trades-count")),
    orders: list("orders", byId("orders").tBodies[0], orderRow, (text) => emptyRow(ORDER_HEADS.length, text ?? `No orders yet: waiting for ${signal()}.`), byId("orders-count")),
    decisions: list("decisions", byId("decisions"), decisionItem, (text) => el("li", { class: "empty" }, text ?? `No decisions yet: waiting for ${signal()}.`)),
  };
}

async function loadAll() {
  try {
    takeRow(await get(url, { background: true }));
  } catch (error) {
    const isUnknown = error.status === 404 || error.status === 422;
    notice(isUnknown ? "There is no such strategy. It may have been removed." : `Could not load: ${error.message}`, "stopped");
    if (isUnknown) return;
  }
  await Promise.all([loadCandles(), loadEquity(), loadLists()]);
}

const loadLists = () => Promise.all([loadFills(), ...Object.values(lists).map((list) => list.load())]);

async function loadCandles() {
  candlesAtMs = Date.now();
  const empty = byId("chart-empty");
  try {
    const series = await get(`${url}/candles?limit=${CANDLES}`, { background: true });
    empty.hidden = series.candles.length > 0;
    setText(empty, `No candles: ${series.reason || `waiting for the first closed ${series.interval} candle of ${series.symbol}`}.`);
    charts.price.showCandles(series.candles);
  } catch (error) {
    setText(empty, `Could not load candles: ${error.message}`);
  }
}

async function loadFills() {
  const page = await get(`${url}/fills?limit=500`, { background: true }).catch(() => null);
  if (page) charts.price.showFills(page.items);
}

async function loadEquity() {
  const empty = byId("equity-empty");
  try {
    const points = await get(`${url}/equity?points=1000`, { background: true });
    charts.equity.show(points);
    empty.hidden = points.length > 0;
    setText(empty, "No equity yet: waiting for the first closed candle.");
  } catch (error) {
    setText(empty, `Could not load equity: ${error.message}`);
  }
}

function takeRow(news) {
  if (!news) return;
  row = { ...(row ?? {}), ...news };
  atMs = news.age_s === null ? null : Date.now() - news.age_s * 1000;
  document.title = `${row.title} · binance-bot`;
  setText(byId("title"), row.title);
  setText(byId("crumb"), row.title);
  byId("badges").replaceChildren(
    modeBadge(row.mode), statePill(row.state, row.stopped_reason), badge(`${row.symbol} ${row.interval}`), badge(row.name, "the strategy's kind"), badge(row.account, "account"),
    ...(row.market === "spot" ? [] : [badge(row.market)]),
  );
  showSwitch();
  showState();
  showFigures();
  if (news.config) showConfig(news.config);
}

function takeMark(mark) {
  if (!row || mark.time_ms < (row.updated_ms ?? 0)) return;
  Object.assign(row, { equity: mark.equity, price: mark.price, position: String(mark.position), unrealised: mark.unrealised, updated_ms: mark.time_ms });
  atMs = Date.now();
  charts.equity.push(mark);
  byId("equity-empty").hidden = true;
  showFigures();
  if (Date.now() - candlesAtMs > CANDLES_EVERY_MS) loadCandles();
}

function showFigures() {
  if (!tiles) {
    const names = ["Equity", "Net P&L", "Gross", "Fees", "Win rate", "Profit factor", "Max drawdown", "Round trips"];
    tiles = Object.fromEntries(names.map((name) => [name, tile(name)]));
    byId("kpis").replaceChildren(...names.map((name) => tiles[name].node));
    byId("kpis").removeAttribute("aria-busy");
  }
  const { kpis } = row;
  const put = (name, text, sign = "") => {
    setText(tiles[name].value, text);
    setClass(tiles[name].value, `tile-value ${sign}`);
  };
  put("Equity", money(row.equity ?? kpis.equity));
  put("Net P&L", signed(kpis.pnl), direction(kpis.pnl));
  put("Gross", signed(kpis.gross), direction(kpis.gross));
  put("Fees", money(kpis.fees));
  put("Win rate", percent(kpis.win_rate));
  put("Profit factor", ratio(kpis.profit_factor));
  put("Max drawdown", percent(kpis.max_drawdown, 2));
  put("Round trips", String(kpis.closed_trades));
  const staleAfterS = row.enabled ? staleAfter(row.interval) : Infinity;
  showAge(tiles.Equity.note, atMs, { staleAfterS });
  setText(byId("price"), price(row.price));
  showAge(byId("price-age"), atMs, { staleAfterS, prefix: `${quoteOf(row.symbol)} · `, never: "no price yet" });
  showPosition(staleAfterS);
}

function showPosition(staleAfterS) {
  const held = Number(row.position);
  // Open P&L is held × (price − entry), fees taken off, so the price at which it would be nought follows from it.
  const entry = held && row.price !== null && row.unrealised !== null ? row.price - row.unrealised / held : null;
  charts.price.showEntry(entry);
  showAge(byId("position-age"), atMs, { staleAfterS, never: "" });
  const box = byId("position");
  if (!held) {
    box.replaceChildren(el("p", { class: "empty" }, row.enabled ? `Flat: waiting for an entry on ${row.symbol}.` : "Flat."));
    return;
  }
  const facts = [
    ["Holding", `${held > 0 ? "long" : "short"} ${quantity(row.position)}`],
    ["Worth", money(Math.abs(held) * (row.price ?? NaN))],
    ["Entry with fees", price(entry)],
    ["Price now", price(row.price)],
    ["Open P&L", signed(row.unrealised), direction(row.unrealised)],
  ];
  box.replaceChildren(...facts.flatMap(([name, text, sign]) => [el("dt", {}, name), el("dd", { class: sign }, text)]));
}

function showState() {
  const texts = {
    stopped: `Stopped: ${row.stopped_reason || "no reason given"}. It keeps its exits and takes no new risk.`,
    waiting: "Enabled, but without fresh figures. Is the runner at work? Start it with ./bot start",
    disabled: "Disabled: it does not trade until somebody enables it.",
  };
  notice(texts[row.state] ?? "", row.state);
}

function notice(text, kind) {
  const node = byId("notice");
  node.hidden = !text;
  setText(node, text);
  setClass(node, `notice ${kind}`);
}

function showConfig(config) {
  const shown = Object.entries(config).map(([name, value]) =>
    el("div", {}, el("dt", {}, name), el("dd", {}, value !== null && typeof value === "object" ? JSON.stringify(value) : String(value))),
  );
  byId("config").replaceChildren(...(shown.length ? shown : [el("p", { class: "empty" }, "All settings are at their defaults.")]));
}

function showSwitch() {
  const button = byId("switch");
  button.disabled = false;
  setText(button, row.enabled ? "Disable" : "Enable");
  setClass(button, row.enabled ? "button danger" : "button primary");
}

async function flip() {
  const enable = !row.enabled;
  const money = { live: "It trades REAL money.", rehearsal: "It sends orders to a test exchange.", paper: "It trades paper money." }[row.mode];
  const agreed = await confirmed({
    title: `${enable ? "Enable" : "Disable"} ${row.title}?`,
    text: enable ? `It starts to trade with the runner's next look at its list. ${money}` : "It takes no new positions any more. An open position is kept as it is; nobody sells it for you.",
    yes: enable ? "Enable" : "Disable",
    danger: !enable || row.mode === "live",
  });
  if (!agreed) return;
  byId("switch").disabled = true;
  try {
    const { enabled } = await post(`${url}/${enable ? "enable" : "disable"}`);
    row.enabled = enabled;
    takeRow(await get(url));
  } catch (error) {
    notice(`Nothing was changed: ${error.message}`, "stopped");
    showSwitch();
  }
}
