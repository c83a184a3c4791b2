"""The messages that go through the engine's door: events in; commands and facts out.

A `Candle` (from `bot.domain.market`) and a `Fill` (from `bot.domain.order`) are events as they are.
"""

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum

import msgspec

from bot.domain.ledger import Posting
from bot.domain.market import Candle, Market
from bot.domain.money import ZERO
from bot.domain.order import Fill, Order, OrderStatus, Side
from bot.domain.state import AccountState

# Events: what happened outside.


class OrderUpdate(msgspec.Struct, frozen=True):
    """The exchange (or its absence) told where an order stands. `code` is Binance's error code of a rejection."""

    client_order_id: str
    status: OrderStatus
    time_ms: int
    exchange_order_id: int = 0
    reason: str = ""
    code: int = 0


class FundsSeen(msgspec.Struct, frozen=True):
    """What the exchange holds for the account now: free + locked by asset.

    Differences to our ledger are posted openly.
    """

    totals: Mapping[str, Decimal]
    time_ms: int


class IncomeKind(StrEnum):
    """What the exchange moves on futures without a trade, by Binance's names."""

    FUNDING = "FUNDING_FEE"
    LIQUIDATION = "INSURANCE_CLEAR"


class IncomeSeen(msgspec.Struct, frozen=True):
    """The exchange gave (or took, when below zero) money by itself, for a position. The id is unique for its kind."""

    kind: IncomeKind
    transaction_id: int
    symbol: str
    asset: str
    amount: Decimal
    time_ms: int


class Tick(msgspec.Struct, frozen=True):
    """Time passed; nothing else happened. Answered by equity marks."""

    time_ms: int


class StopRequested(msgspec.Struct, frozen=True):
    """Somebody wants a strategy to take no new risk: its open orders are cancelled, its exits are kept."""

    strategy_id: int
    reason: str
    time_ms: int


class CloseRequested(msgspec.Struct, frozen=True):
    """A person wants everything closed: open orders are taken back, and what strategies hold is sold at the market."""

    reason: str
    time_ms: int


class StateChanged(msgspec.Struct, frozen=True):
    """The account moved to another state: outside READY no new risk is taken.

    `keeps_stops` says of a halt that the stops of what is held may still be placed on the exchange.
    """

    state: AccountState
    reason: str
    time_ms: int
    keeps_stops: bool = False


class Pulse(msgspec.Struct, frozen=True):
    """A second passed, whatever the time is: what waits for its turn is tried again."""


class ForeignSeen(msgspec.Struct, frozen=True):
    """The account has an order that this bot did not send: a person's, or another program's. An event and a fact."""

    market: Market
    symbol: str
    client_order_id: str
    exchange_order_id: int
    side: Side
    quantity: Decimal
    filled: Decimal
    is_open: bool
    time_ms: int


Event = (
    Candle
    | Fill
    | OrderUpdate
    | FundsSeen
    | IncomeSeen
    | Tick
    | StopRequested
    | CloseRequested
    | StateChanged
    | Pulse
    | ForeignSeen
)

# Commands: what the broker has to do.


class PlaceOrder(msgspec.Struct, frozen=True):
    """Send this order. `reserved` is the quote that it may put at risk at worst, set aside until its end is known.

    With `beside` it leaves in one request with the order of that id, which stands before it, as a list of which only
    one trades (OCO).
    """

    order: Order
    reserved: Decimal = ZERO
    beside: str = ""


class CancelOrder(msgspec.Struct, frozen=True):
    """Cancel this order."""

    client_order_id: str
    symbol: str
    market: Market = Market.SPOT


Command = PlaceOrder | CancelOrder

# Facts: what the journal has to remember.


class Attempt(msgspec.Struct, frozen=True):
    """One request that may make an order: written before its first byte leaves, and sent exactly as written.

    `signed_ms` (exchange time) is the timestamp that it is signed with: `recv_window_ms` later the exchange takes it no
    more, wherever it was held up. `epoch` is the lease under which it goes out, `digest` says what was asked for.
    """

    client_order_id: str
    signed_ms: int
    recv_window_ms: int = 0
    epoch: int = 0
    digest: str = ""


class Verdict(StrEnum):
    """What became of a strategy's wish."""

    APPROVED = "approved"
    DENIED = "denied"


class Decision(msgspec.Struct, frozen=True):
    """What a strategy saw and wanted at one moment, and what became of it: the answer to `why`.

    `rule` names the rule or filter that denied it; `seen` holds the values of its indicators and the close.
    """

    strategy_id: int
    time_ms: int
    symbol: str
    side: Side
    verdict: Verdict
    reason: str
    rule: str = ""
    client_order_id: str = ""
    seen: Mapping[str, float] = {}


class OrderChanged(msgspec.Struct, frozen=True):
    """An order moved in its table of moves, or more of it filled. `filled` and `quote_filled` are cumulative."""

    client_order_id: str
    status: OrderStatus
    filled: Decimal
    quote_filled: Decimal
    time_ms: int
    exchange_order_id: int = 0
    reason: str = ""


class FillBooked(msgspec.Struct, frozen=True):
    """A fill was posted to the ledger, once. `fee_in_quote` is its fee at the rate of that moment."""

    strategy_id: int
    fill: Fill
    fee_in_quote: Decimal
    postings: tuple[Posting, ...]


class FundsPosted(msgspec.Struct, frozen=True):
    """Money came or went without a trade of ours (deposit, transfer, the first look at an account)."""

    postings: tuple[Posting, ...]


class IncomeBooked(msgspec.Struct, frozen=True):
    """What the exchange took or gave by itself was posted, once; nothing was when the account's first look had it in.

    What a strategy's sub-ledger got of it counts in its open round trip.
    """

    kind: IncomeKind
    transaction_id: int
    symbol: str
    asset: str
    amount: Decimal
    time_ms: int
    postings: tuple[Posting, ...] = ()

    @property
    def key(self) -> tuple[str, int]:
        """The natural key by which it is posted once."""
        return (self.kind, self.transaction_id)


class OrderFound(msgspec.Struct, frozen=True):
    """An order that nobody here sent did something to what a strategy holds: the exchange closed it by force."""

    order: Order


class TradeClosed(msgspec.Struct, frozen=True):
    """A round trip ended flat. Prices are averages; amounts are quote. `pnl` is `gross` less `fees`.

    On futures `fees` has what funding took in it, less what it gave.

    `side` is that of the entry; `client_order_id` is the order that closed it.
    """

    strategy_id: int
    symbol: str
    side: Side
    quantity: Decimal
    entry_price: Decimal
    exit_price: Decimal
    gross: Decimal
    fees: Decimal
    pnl: Decimal
    opened_ms: int
    closed_ms: int
    client_order_id: str
    market: Market = Market.SPOT
    reason: str = ""


class EquityMarked(msgspec.Struct, frozen=True):
    """What a strategy is worth at a moment, in quote: `equity` = capital + closed P&L + open P&L."""

    strategy_id: int
    time_ms: int
    equity: float
    realised: float
    unrealised: float
    position: Decimal
    price: float


class AccountMarked(msgspec.Struct, frozen=True):
    """Where an account stands in one quote asset: what its drawdown and its day's loss are measured against."""

    quote: str
    time_ms: int
    peak_equity: float
    day_equity: float
    """Equity when the UTC day of `time_ms` began."""


class StrategyStopped(msgspec.Struct, frozen=True):
    """A strategy was stopped, by risk, by its own fault or by a person. It keeps its exits and takes no new risk."""

    strategy_id: int
    time_ms: int
    reason: str


class AccountMoved(msgspec.Struct, frozen=True):
    """The account's state changed, and why."""

    state: AccountState
    reason: str
    time_ms: int


class ProtectionMoved(msgspec.Struct, frozen=True):
    """The stop that rests on the exchange for a strategy's position went on to another state, and why.

    `losses` are those in a row so far; `armed_ms` is since when it stands, 0 while it does not.
    """

    strategy_id: int
    state: str
    time_ms: int
    client_order_id: str = ""
    quantity: Decimal = ZERO
    stop_price: Decimal | None = None
    reason: str = ""
    losses: int = 0
    armed_ms: int = 0


Fact = (
    Attempt
    | Decision
    | OrderChanged
    | FillBooked
    | FundsPosted
    | IncomeBooked
    | OrderFound
    | TradeClosed
    | EquityMarked
    | AccountMarked
    | StrategyStopped
    | AccountMoved
    | ProtectionMoved
    | ForeignSeen
)
Outcome = Command | Fact
