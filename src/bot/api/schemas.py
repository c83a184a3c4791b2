"""What the JSON API answers: money as exact decimal text, numbers for charts as floats, times in ms UTC.

Live events (`GET /api/v1/events`) and their payloads: `overview` Overview (first, then every few seconds) ·
`equity` list[EquityEvent] · `order` OrderEvent · `trade` TradeEvent · `decision` DecisionEvent.
"""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict

from bot.domain.money import plain

Mode = Literal["paper", "rehearsal", "live"]
Exact = Annotated[str, BeforeValidator(lambda value: plain(value) if isinstance(value, Decimal) else value)]
"""An amount, price or quantity as decimal text: no exponent, nothing rounded."""
State = Literal["running", "waiting", "stopped", "disabled"]
"""`waiting`: enabled, but no fresh equity mark. `stopped`: takes no new risk, and `stopped_reason` says why."""


class Answer(BaseModel):
    """Everything we answer: built from records by field name."""

    model_config = ConfigDict(from_attributes=True, extra="ignore")


class Kpis(Answer):
    """Figures of merit. `win_rate` and `max_drawdown` are fractions (0..1); None: nothing measured yet."""

    pnl: Exact
    gross: Exact
    fees: Exact
    equity: Exact | None
    win_rate: float | None
    max_drawdown: float | None
    profit_factor: float | None
    open_trades: int
    closed_trades: int


class Check(Answer):
    """One health check; `reason` is empty when all is well."""

    ok: bool
    reason: str = ""


class CacheCheck(Check):
    """Age of the newest KPI snapshot in seconds, or None when there is none."""

    age_s: float | None = None


class RunnerCheck(Check):
    """Seconds since the equity marks last moved, or None when there are none."""

    heartbeat_age_s: float | None = None


class Checks(Answer):
    """All health checks by name."""

    database: Check
    cache: CacheCheck
    runner: RunnerCheck


class Health(Answer):
    """Whether the product works, and why not."""

    status: Literal["ok", "degraded"]
    checks: Checks
    version: str


class Totals(Answer):
    """Sums over the strategies of one mode. Different modes are different money and are never added up."""

    mode: Mode
    strategies: int
    running: int
    equity: Exact
    pnl: Exact
    pnl_today: Exact
    fees: Exact
    open_trades: int
    closed_trades: int
    win_rate: float | None


class Account(Answer):
    """An account without its secrets."""

    id: int
    name: str
    environment: str
    testnet: bool
    live_approved: bool
    strategies: int
    enabled: int
    totals: list[Totals]


class AccountKpis(Account):
    """An account with its KPIs by mode."""

    kpis: dict[Mode, Kpis]


class StrategyRow(Answer):
    """One strategy at a glance. `age_s` is the age of its newest equity mark, None when there is none."""

    id: int
    name: str
    title: str
    account_id: int
    account: str
    market: str
    symbol: str
    interval: str
    mode: Mode
    enabled: bool
    state: State
    stopped_reason: str
    kpis: Kpis
    position: Exact
    price: float | None
    equity: float | None
    unrealised: float | None
    sparkline: list[float]
    updated_ms: int | None
    age_s: float | None


class StrategyDetail(StrategyRow):
    """One strategy with its configuration."""

    config: dict[str, object]


class Runner(Answer):
    """Whether a runner is at work: seconds since its equity marks last moved."""

    ok: bool
    heartbeat_age_s: float | None


class Overview(Answer):
    """Everything the first page shows."""

    time_ms: int
    runner: Runner
    totals: list[Totals]
    accounts: list[Account]
    strategies: list[StrategyRow]


class EquityPoint(Answer):
    """What a strategy was worth at a moment, in quote."""

    time_ms: int
    equity: float
    realised: float
    unrealised: float
    position: float
    price: float


class EquityEvent(EquityPoint):
    """A new equity mark of a strategy."""

    strategy_id: int


class CandlePoint(Answer):
    """One closed candle; `time_ms` is its open time."""

    time_ms: int
    open: float
    high: float
    low: float
    close: float
    volume: float


class CandleSeries(Answer):
    """Newest closed candles, oldest first; empty with a reason when there is no source of candles."""

    symbol: str
    interval: str
    candles: list[CandlePoint]
    reason: str = ""


class OrderRow(Answer):
    """One order. `price` is the average fill price (or the limit while unfilled), `fee` is in quote."""

    id: int
    client_order_id: str
    symbol: str
    side: str
    type: str
    purpose: str
    reason: str
    status: str
    qty: Exact
    filled: Exact
    price: Exact | None
    fee: Exact
    created_ms: int
    ts_ms: int


class FillRow(Answer):
    """One fill: what the charts mark as entry or exit."""

    id: int
    trade_id: int
    client_order_id: str
    symbol: str
    side: str
    purpose: str
    reason: str
    price: Exact
    qty: Exact
    fee: Exact
    fee_asset: str
    fee_in_quote: Exact
    is_maker: bool
    time_ms: int


class TradeRow(Answer):
    """One closed round trip; `side` is that of the entry, amounts are quote, `pnl` is `gross` less `fees`."""

    id: int
    symbol: str
    side: str
    qty: Exact
    entry_price: Exact
    exit_price: Exact
    gross: Exact
    fees: Exact
    pnl: Exact
    opened_ms: int
    closed_ms: int
    reason: str


class DecisionRow(Answer):
    """One wish of a strategy, what became of it, and what it saw: the answer to `why`."""

    id: int
    time_ms: int
    symbol: str
    side: str
    verdict: str
    rule: str
    reason: str
    client_order_id: str
    seen: dict[str, float]


class OrderEvent(OrderRow):
    """A new or changed order, with its strategy."""

    strategy_id: int


class TradeEvent(TradeRow):
    """A round trip just closed, with its strategy."""

    strategy_id: int


class DecisionEvent(DecisionRow):
    """A decision just taken, with its strategy."""

    strategy_id: int


class Page[Row: Answer](Answer):
    """Newest rows first. Ask again with `before=next_before` for older ones; None: there are none."""

    items: list[Row]
    next_before: int | None = None


class Switched(Answer):
    """Where a strategy's switch stands now."""

    id: int
    enabled: bool


class KillNote(Answer):
    """What is stopped (one account, or all when it is empty), by whom, when and why."""

    account: str
    who: str
    why: str
    at_ms: int
    flatten: bool


class Snapshot(Answer):
    """One row of the KPI cache, as the page's charts read it. `ts` is in seconds."""

    ts: int
    strategy_id: int
    symbol: str
    pnl: float
    gross: float
    fees: float
    win_rate: float
    open_trades: int
    closed_trades: int
    max_drawdown: float | None
    profit_factor: float | None
    equity: float | None
    mode: str
