"""Tables as typed records. The migration is the authority; a test compares both.

The ledger tables (everything from `Order` down to `RiskState`) exist once per money: see `bot.db.base`.
"""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Double,
    ForeignKey,
    Identity,
    LargeBinary,
    Numeric,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP
from sqlalchemy.orm import Mapped, mapped_column

from bot.db.base import Base

Money = Annotated[Decimal, mapped_column(Numeric(38, 18))]
"""Exact to 18 decimals, both ways."""
Key = Annotated[int, mapped_column(BigInteger, Identity(always=False), primary_key=True)]
Ms = Annotated[int, mapped_column(BigInteger)]
Moment = Annotated[datetime, mapped_column(TIMESTAMP(timezone=True))]
Born = Annotated[datetime, mapped_column(TIMESTAMP(timezone=True), server_default=func.now())]
Json = Annotated[dict[str, Any], mapped_column(JSONB)]
Word = Annotated[str, mapped_column(Text)]
Blank = Annotated[str, mapped_column(Text, server_default=text("''"))]
Signal = Annotated[float, mapped_column(Double)]
StrategyKey = Annotated[int, mapped_column(BigInteger, ForeignKey("strategies.id"))]
AccountKey = Annotated[int, mapped_column(BigInteger, ForeignKey("accounts.id"))]


class Account(Base):
    """One Binance account. Keys are sealed; `live_approval_enc` is the second of the two facts that live needs."""

    __tablename__ = "accounts"

    id: Mapped[Key]
    name: Mapped[str] = mapped_column(Text, unique=True)
    api_key_enc: Mapped[str | None] = mapped_column(Text)
    api_secret_enc: Mapped[str | None] = mapped_column(Text)
    testnet: Mapped[bool] = mapped_column(Boolean, server_default=text("true"))
    """True for every environment but production."""
    environment: Mapped[str] = mapped_column(Text, server_default=text("'testnet'"))
    paper_funds: Mapped[Json] = mapped_column(JSONB, server_default=text("""'{"USDT": "10000"}'"""))
    """What the account holds at its first paper start: amounts as texts, by asset."""
    live_approval_enc: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[Born]


class Strategy(Base):
    """One strategy of one account. `name` is the strategy's class, `title` the person's label."""

    __tablename__ = "strategies"
    __table_args__ = (UniqueConstraint("account_id", "title"),)

    id: Mapped[Key]
    name: Mapped[Word]
    account_id: Mapped[AccountKey]
    market: Mapped[str] = mapped_column(Text, server_default=text("'spot'"))
    config: Mapped[Json]
    enabled: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    title: Mapped[Word]
    stopped_reason: Mapped[Blank]
    """Why it takes no new risk, although enabled; empty while it runs. Enabling it again clears it."""
    created_at: Mapped[Born]


class User(Base):
    """A person who may log in."""

    __tablename__ = "users"

    id: Mapped[Key]
    name: Mapped[str] = mapped_column(Text, unique=True)
    password_hash: Mapped[Word]
    created_at: Mapped[Born]


class LoginSession(Base):
    """A login that lasts until `expires_at`. Only a hash of its token is kept."""

    __tablename__ = "sessions"

    id: Mapped[Key]
    token_hash: Mapped[str] = mapped_column(Text, unique=True)
    user_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("users.id", ondelete="CASCADE"))
    created_at: Mapped[Born]
    seen_at: Mapped[Born]
    expires_at: Mapped[Moment]


class ApiToken(Base):
    """A program that may read the figures without a login. Only a hash of its token is kept."""

    __tablename__ = "api_tokens"

    id: Mapped[Key]
    name: Mapped[str] = mapped_column(Text, unique=True)
    token_hash: Mapped[str] = mapped_column(Text, unique=True)
    created_at: Mapped[Born]
    used_at: Mapped[datetime | None] = mapped_column(TIMESTAMP(timezone=True))


class AuditEntry(Base):
    """What somebody did. Each row carries the hash of the one before, so a missing or altered row shows."""

    __tablename__ = "audit"

    id: Mapped[Key]
    at: Mapped[Moment]
    actor: Mapped[Word]
    action: Mapped[Word]
    subject: Mapped[Blank]
    detail: Mapped[Json] = mapped_column(JSONB, server_default=text("'{}'"))
    previous_hash: Mapped[Word]
    hash: Mapped[Word]


class Lease(Base):
    """Who may send the orders of an account in one mode. `holder` is empty when it was let go.

    Every acquisition has an epoch of its own; those of this database begin at `first_epoch`, which is drawn by lot.
    """

    __tablename__ = "leases"

    account_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True)
    mode: Mapped[str] = mapped_column(Text, primary_key=True)
    epoch: Mapped[Ms]
    first_epoch: Mapped[Ms]
    holder: Mapped[Word]
    host: Mapped[Word]
    renewed_at: Mapped[Moment]
    expires_at: Mapped[Moment]


class Order(Base):
    """An order, written before it is sent. `ts` is the decision's time, `updated` that of our last write."""

    __tablename__ = "orders"

    id: Mapped[Key]
    strategy_id: Mapped[StrategyKey]
    side: Mapped[Word]
    qty: Mapped[Money]
    price: Mapped[Money | None]
    """Average price of its fills; before the first one its limit price, or nothing for a market order."""
    fee: Mapped[Money] = mapped_column(Numeric(38, 18), server_default=text("0"))
    """Sum of its fees in quote, at the rates of their moments."""
    demo: Mapped[bool]
    ts: Mapped[Moment]
    account_id: Mapped[AccountKey]
    client_order_id: Mapped[str] = mapped_column(Text, unique=True)
    exchange_order_id: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    market: Mapped[Word]
    symbol: Mapped[Word]
    type: Mapped[Word]
    time_in_force: Mapped[str | None] = mapped_column(Text)
    limit_price: Mapped[Money | None]
    stop_price: Mapped[Money | None]
    """The price that sets a stop off."""
    purpose: Mapped[Word]
    reason: Mapped[Blank]
    status: Mapped[Word]
    status_reason: Mapped[Blank]
    """What the exchange said to a rejection or an end."""
    filled: Mapped[Money] = mapped_column(Numeric(38, 18), server_default=text("0"))
    quote_filled: Mapped[Money] = mapped_column(Numeric(38, 18), server_default=text("0"))
    created_ms: Mapped[Ms]
    updated: Mapped[Born]
    reserved: Mapped[Money] = mapped_column(Numeric(38, 18), server_default=text("0"))
    """Quote set aside for it when it was decided: the most that it can put at risk."""
    signed_ms: Mapped[int | None] = mapped_column(BigInteger)
    """The timestamp it was signed with, in exchange time; empty where nothing is signed (paper)."""
    recv_window_ms: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    epoch: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    """The lease under which it was sent."""
    digest: Mapped[Blank]


class Trade(Base):
    """A round trip that ended flat; `order_id` closed it. `side` is that of the entry, `pnl` is `gross` less `fees`."""

    __tablename__ = "trades"
    __table_args__ = (UniqueConstraint("order_id", "opened_ms"),)

    id: Mapped[Key]
    order_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("orders.id"))
    pnl: Mapped[Money]
    ts_close: Mapped[Moment]
    strategy_id: Mapped[StrategyKey]
    market: Mapped[Word]
    symbol: Mapped[Word]
    side: Mapped[Word]
    qty: Mapped[Money]
    entry_price: Mapped[Money]
    exit_price: Mapped[Money]
    gross: Mapped[Money]
    fees: Mapped[Money]
    opened_ms: Mapped[Ms]
    reason: Mapped[Blank]


class Fill(Base):
    """One trade of ours on the exchange, booked once. `round_trip_id` is empty while its round trip is open."""

    __tablename__ = "fills"
    __table_args__ = (UniqueConstraint("market", "symbol", "trade_id", "account_id"),)

    id: Mapped[Key]
    account_id: Mapped[AccountKey]
    strategy_id: Mapped[StrategyKey]
    order_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("orders.id"))
    client_order_id: Mapped[Word]
    round_trip_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("trades.id"))
    market: Mapped[Word]
    symbol: Mapped[Word]
    trade_id: Mapped[int] = mapped_column(BigInteger)
    side: Mapped[Word]
    price: Mapped[Money]
    quantity: Mapped[Money]
    fee: Mapped[Money]
    fee_asset: Mapped[Word]
    fee_in_quote: Mapped[Money]
    is_maker: Mapped[bool]
    time_ms: Mapped[Ms]


class Posting(Base):
    """One line of the double-entry ledger. All lines of an account and asset sum to zero."""

    __tablename__ = "postings"

    id: Mapped[Key]
    account_id: Mapped[AccountKey]
    ledger: Mapped[Word]
    asset: Mapped[Word]
    amount: Mapped[Money]
    time_ms: Mapped[Ms]
    source: Mapped[Word]


class EquityMark(Base):
    """What a strategy was worth at a moment, in quote. Floats: a mark is an opinion."""

    __tablename__ = "equity"

    strategy_id: Mapped[StrategyKey] = mapped_column(primary_key=True)
    time_ms: Mapped[Ms] = mapped_column(primary_key=True)
    equity: Mapped[Signal]
    realised: Mapped[Signal]
    unrealised: Mapped[Signal]
    position: Mapped[Money]
    price: Mapped[Signal]


class Decision(Base):
    """What a strategy saw and wanted, and what became of it."""

    __tablename__ = "decisions"

    id: Mapped[Key]
    strategy_id: Mapped[StrategyKey]
    time_ms: Mapped[Ms]
    symbol: Mapped[Word]
    side: Mapped[Word]
    verdict: Mapped[Word]
    reason: Mapped[Word]
    rule: Mapped[Blank]
    client_order_id: Mapped[Blank]
    seen: Mapped[Json] = mapped_column(JSONB, server_default=text("'{}'"))


class RiskState(Base):
    """What risk remembers of a strategy.

    `peak_equity` restarts when a person lets a stopped strategy go on; `highest_equity` and `max_drawdown` never do.
    """

    __tablename__ = "risk_state"

    strategy_id: Mapped[StrategyKey] = mapped_column(primary_key=True)
    peak_equity: Mapped[float | None] = mapped_column(Double)
    highest_equity: Mapped[float | None] = mapped_column(Double)
    max_drawdown: Mapped[float] = mapped_column(Double, server_default=text("0"))
    marked_ms: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    stopped: Mapped[Blank]
    stopped_ms: Mapped[int | None] = mapped_column(BigInteger)


class AccountRisk(Base):
    """What risk remembers of an account, in one quote asset. Each limit that strikes begins a new count."""

    __tablename__ = "account_risk"

    account_id: Mapped[AccountKey] = mapped_column(primary_key=True)
    quote: Mapped[str] = mapped_column(Text, primary_key=True)
    peak_equity: Mapped[Signal]
    day_equity: Mapped[Signal]
    """Equity when the UTC day of `marked_ms` began."""
    marked_ms: Mapped[Ms]


class Fact(Base):
    """One fact about money, under its natural key. Only ever added to: the server refuses anything else."""

    __tablename__ = "facts"
    __table_args__ = (UniqueConstraint("account_id", "key"),)

    id: Mapped[Key]
    account_id: Mapped[AccountKey]
    key: Mapped[Word]
    kind: Mapped[Word]
    body: Mapped[Json]
    written: Mapped[Born]


class Study(Base):
    """A search over the settings of one strategy. `plan` says all that decides what comes out, `digest` is its hash."""

    __tablename__ = "studies"

    id: Mapped[Key]
    name: Mapped[str] = mapped_column(Text, unique=True)
    plan: Mapped[Json]
    digest: Mapped[Word]
    created_at: Mapped[Born]


class Trial(Base):
    """One set of settings of a study. `holder` works on it until `expires_at`; money in `figures` is text."""

    __tablename__ = "trials"
    __table_args__ = (UniqueConstraint("study_id", "number"),)

    id: Mapped[Key]
    study_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("studies.id", ondelete="CASCADE"))
    number: Mapped[int] = mapped_column(BigInteger)
    part: Mapped[Blank]
    """Which window or fold it belongs to; empty for all candles."""
    params: Mapped[Json]
    stretches: Mapped[Any] = mapped_column(JSONB, server_default=text("'[]'"))
    hints: Mapped[Json] = mapped_column(JSONB, server_default=text("'{}'"))
    state: Mapped[str] = mapped_column(Text, server_default=text("'waiting'"))
    attempts: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    holder: Mapped[Blank]
    expires_at: Mapped[datetime | None] = mapped_column(TIMESTAMP(timezone=True))
    figures: Mapped[Json | None] = mapped_column(JSONB)
    reason: Mapped[Blank]
    began_at: Mapped[datetime | None] = mapped_column(TIMESTAMP(timezone=True))
    ended_at: Mapped[datetime | None] = mapped_column(TIMESTAMP(timezone=True))


class Run(Base):
    """A backtest that was kept. `result` is its result.json, `pictures` the rest of its page, as gzip JSON."""

    __tablename__ = "runs"

    id: Mapped[Key]
    name: Mapped[str] = mapped_column(Text, unique=True)
    strategy: Mapped[Word]
    result: Mapped[Json]
    pictures: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[Born]


LEDGER_TABLES = ("facts", "orders", "trades", "fills", "postings", "equity", "decisions", "risk_state", "account_risk")
"""The tables that exist once per money, in the order in which they may be created."""
