"""The tear sheet: what every strategy did, as rows for a table or JSON, or as one HTML file that needs nothing else."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from html import escape

from sqlalchemy import RowMapping
from sqlalchemy.orm import Session

from bot.db.base import Mode
from bot.domain.errors import Misconfigured
from bot.domain.money import plain
from bot.reporting import metrics, queries
from bot.reporting.metrics import Kpis
from bot.reporting.queries import StrategyFacts
from bot.reporting.svg import equity_svg

CURVE_POINTS, TRADES_SHOWN = 400, 50

_STYLE = """
:root { color-scheme: light dark; --ink: #1c2330; --soft: #667085; --line: #e3e7ee; --card: #fff; --page: #f5f7fa;
  --good: #0e8a5f; --bad: #c7384a; --mark: #2f6fed }
@media (prefers-color-scheme: dark) { :root { --ink: #e6eaf2; --soft: #93a0b4; --line: #263043; --card: #141b28;
  --page: #0c111b; --good: #3ecf97; --bad: #ff6b7d; --mark: #6ea0ff } }
* { box-sizing: border-box } body { margin: 0 auto; max-width: 1000px; padding: 32px 20px; background: var(--page);
  color: var(--ink); font: 15px/1.5 system-ui, sans-serif; font-variant-numeric: tabular-nums }
h1 { font-size: 24px; margin: 0 } h2 { font-size: 18px; margin: 0 } p, small, dt { color: var(--soft) }
section { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 20px; margin: 20px 0 }
header { display: flex; gap: 12px; align-items: baseline; flex-wrap: wrap }
.mode { font-size: 11px; font-weight: 700; letter-spacing: .06em; padding: 2px 8px; border-radius: 99px;
  border: 1px solid currentColor; color: var(--mark) } .live { color: var(--bad) }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(190px, 1fr)); gap: 14px; margin: 16px 0 }
dt { font-size: 12px } dd { margin: 0; font-size: 18px; font-weight: 600 }
table { width: 100%; border-collapse: collapse; font-size: 13px } .wide { overflow-x: auto }
th, td { text-align: right; padding: 5px 8px; border-top: 1px solid var(--line); white-space: nowrap }
th { color: var(--soft); font-weight: 500; border: 0 } :is(th, td):is(:first-child, :last-child) { text-align: left }
.good { color: var(--good) } .bad { color: var(--bad) } svg { width: 100%; height: auto; margin: 8px 0 }
svg text { font-size: 11px; fill: var(--soft) } .grid { stroke: var(--line) }
.equity { fill: none; stroke: var(--mark); stroke-width: 1.6 } .fall { fill: var(--bad); opacity: .12 }
"""


def report_rows(session: Session, strategy_id: int | None = None) -> list[dict[str, object]]:
    """Give one row a strategy (or that of one): who it is and its KPIs, money as exact text, None when not measured."""
    by_id = metrics.compute_kpis(session)
    return [_row(facts, by_id[facts.id]) for facts in _chosen(session, strategy_id) if facts.id in by_id]


def report_html(session: Session, now_ms: int, strategy_id: int | None = None) -> str:
    """Give a whole HTML page: KPIs, equity curve and newest round trips of every strategy (or one)."""
    by_id = metrics.compute_kpis(session)
    cards = [_card(session, facts, by_id[facts.id]) for facts in _chosen(session, strategy_id) if facts.id in by_id]
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>Strategy report</title><style>{_STYLE}</style><h1>Strategy report</h1>"
        f"<p>{_moment(now_ms)} UTC. Amounts are in quote; P&amp;L is net of fees.</p>"
        + ("".join(cards) or "<section>No strategies yet.</section>")
        + "</html>"
    )


def _chosen(session: Session, strategy_id: int | None) -> Sequence[StrategyFacts]:
    known = queries.strategies(session)
    chosen = [facts for facts in known if strategy_id in {None, facts.id}]
    if strategy_id is not None and not chosen:
        raise Misconfigured(f"there is no strategy {strategy_id}: `bot strategy list` shows those there are")
    return chosen


def _row(facts: StrategyFacts, kpis: Kpis) -> dict[str, object]:
    return {
        "id": facts.id,
        "title": facts.title,
        "name": facts.name,
        "account": facts.account,
        "symbol": facts.symbol,
        "mode": facts.mode.value,
        "enabled": facts.enabled,
        "stopped_reason": facts.stopped_reason,
    } | {key: plain(value) if isinstance(value, Decimal) else value for key, value in kpis.items()}


def _card(session: Session, facts: StrategyFacts, kpis: Kpis) -> str:
    queries.use_ledger(session, facts.mode)
    marks = queries.equity_series(session, facts.id, CURVE_POINTS)
    trades = queries.page(session, queries.TRADES, facts.id, None, TRADES_SHOWN)
    live = " live" if facts.mode is Mode.LIVE else ""
    about = [facts.account, f"{facts.symbol} {facts.interval}", facts.name]
    about += [] if facts.enabled else ["disabled"]
    about += [f"stopped: {facts.stopped_reason}"] if facts.stopped_reason else []
    return (
        f'<section><header><h2>{escape(facts.title)}</h2><span class="mode{live}">{facts.mode.value.upper()}</span>'
        f"<small>{escape(' · '.join(about))}"
        f"</small></header>{_tiles(kpis)}{equity_svg([(mark.time_ms, mark.equity) for mark in marks])}"
        f"{_trades(trades)}</section>"
    )


def _tiles(kpis: Kpis) -> str:
    shown: Mapping[str, str] = {
        "Net P&L": _coloured(kpis["pnl"]),
        "Gross": _amount(kpis["gross"]),
        "Fees": _amount(kpis["fees"]),
        "Equity": _amount(kpis["equity"]),
        "Win rate": _percent(kpis["win_rate"]),
        "Max drawdown": _percent(kpis["max_drawdown"]),
        "Profit factor": _amount(kpis["profit_factor"]),
        "Round trips": f"{kpis['closed_trades']} closed, {kpis['open_trades']} open",
    }
    tiles = "".join(f"<div><dt>{escape(name)}</dt><dd>{value}</dd></div>" for name, value in shown.items())
    return f"<dl>{tiles}</dl>"


def _trades(trades: Sequence[RowMapping]) -> str:
    if not trades:
        return "<p>No closed round trips yet.</p>"
    rows = "".join(
        f"<tr><td>{_moment(row['closed_ms'])}</td><td>{'long' if row['side'] == 'BUY' else 'short'}</td>"
        f"<td>{plain(row['qty'])}</td><td>{_amount(row['entry_price'])}</td><td>{_amount(row['exit_price'])}</td>"
        f"<td>{_amount(row['fees'])}</td><td>{_coloured(row['pnl'])}</td><td>{escape(row['reason'])}</td></tr>"
        for row in trades
    )
    names = ("Closed (UTC)", "Side", "Quantity", "Entry", "Exit", "Fees", "P&amp;L", "Reason")
    return f'<div class="wide"><table><tr>{"".join(f"<th>{name}</th>" for name in names)}</tr>{rows}</table></div>'


def _coloured(value: Decimal) -> str:
    if not value:
        return "0.00"
    return f'<span class="{"bad" if value < 0 else "good"}">{value:+,.2f}</span>'


def _amount(value: Decimal | None) -> str:
    if value is None:
        return "–"
    return f"{value:,.2f}" if abs(value) >= 1 or not value else plain(value.normalize().quantize(Decimal("0.00000001")))


def _percent(fraction: Decimal | None) -> str:
    return "–" if fraction is None else f"{fraction * 100:.1f} %"


def _moment(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
