"""What an observer of the futures exchange is told: everything that really happened, in order, as frozen facts.

Around one trade the order is: Traded, then BalanceMoved and PositionMoved of each side, then OrderMoved.
"""

from collections.abc import Callable
from decimal import Decimal

import msgspec

from bot.domain.money import ZERO
from bot.simulation.futures.records import AlgoOrder, FuturesOrder, Trade
from bot.simulation.futures.words import Execution, PositionSide, TradeSource, Why


class OrderAccepted(msgspec.Struct, frozen=True):
    """An order was taken in; `order` is a copy of that moment."""

    order: FuturesOrder
    time_ms: int


class OrderMoved(msgspec.Struct, frozen=True):
    """An order changed; `order` is a copy of that moment, `trade` the account's side of a trade if there was one."""

    order: FuturesOrder
    execution: Execution
    time_ms: int
    trade: Trade | None = None


class AlgoMoved(msgspec.Struct, frozen=True):
    """A conditional order was taken in or changed; `algo` is a copy of that moment."""

    algo: AlgoOrder
    time_ms: int


class Traded(msgspec.Struct, frozen=True):
    """A trade. `maker` is None when the market or the insurance fund was the maker, `taker` when the market took.

    `source` is MARKET for a trade in the book; other trades are nobody else's business.
    """

    symbol: str
    price: Decimal
    quantity: Decimal
    time_ms: int
    taker: Trade | None
    maker: Trade | None
    source: TradeSource = TradeSource.MARKET


class BalanceMoved(msgspec.Struct, frozen=True):
    """A wallet changed. `wallet` counts isolated positions' wallets too; `cross_wallet` does not.

    `delta` is the change of `wallet`; `moved` is its part that is neither P&L nor commission.
    """

    account: str
    asset: str
    delta: Decimal
    moved: Decimal
    wallet: Decimal
    cross_wallet: Decimal
    why: Why
    time_ms: int


class PositionMoved(msgspec.Struct, frozen=True):
    """A position changed; `quantity` is below zero for a short."""

    account: str
    symbol: str
    position_side: PositionSide
    quantity: Decimal
    entry_price: Decimal
    break_even_price: Decimal
    realised: Decimal
    unrealised: Decimal
    is_isolated: bool
    isolated_wallet: Decimal
    margin_asset: str
    why: Why
    time_ms: int


class Funded(msgspec.Struct, frozen=True):
    """A position paid (amount below zero) or received funding."""

    account: str
    symbol: str
    position_side: PositionSide
    rate: Decimal
    mark: Decimal
    amount: Decimal
    asset: str
    is_isolated: bool
    time_ms: int


class Liquidated(msgspec.Struct, frozen=True):
    """A position was closed by force, in part or whole; `fee` went to the insurance fund, `insured` came from it.

    `deleveraged` is what of the order's quantity was taken off positions of the other side.
    """

    account: str
    symbol: str
    position_side: PositionSide
    order: FuturesOrder
    fee: Decimal
    insured: Decimal
    asset: str
    time_ms: int
    deleveraged: Decimal = ZERO


class MarginCalled(msgspec.Struct, frozen=True):
    """Positions came near their liquidation; told once until they are safe again. Their figures can be asked for."""

    account: str
    positions: tuple[tuple[str, PositionSide], ...]
    is_isolated: bool
    cross_wallet: Decimal
    margin_asset: str
    time_ms: int


Happening = (
    OrderAccepted | OrderMoved | AlgoMoved | Traded | BalanceMoved | PositionMoved | Funded | Liquidated | MarginCalled
)
Observer = Callable[[Happening], None]
