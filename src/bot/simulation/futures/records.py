"""What the futures exchange keeps of orders, conditional orders, trades, income and margin changes."""

from decimal import Decimal

import msgspec

from bot.domain.money import EXACT, ZERO, times
from bot.domain.order import OrderType, Side
from bot.simulation.futures.words import (
    RESERVED_PREFIXES,
    AlgoState,
    AlgoType,
    IncomeType,
    OrderState,
    PositionSide,
    PriceMatch,
    SelfTrade,
    TimeInForce,
    WorkingType,
)
from bot.simulation.liquidity import Terms

_CLOSING = {PositionSide.LONG: Side.SELL, PositionSide.SHORT: Side.BUY}


class FuturesOrder(msgspec.Struct, eq=False):
    """An ordinary order as the exchange knows it. It changes in place, so copy what has to stay.

    `price` is None for a market order. `place` is its rank in time within a price level, 0 while it is not in the book.
    `ahead` is what a recorded book holds before it in its line. `algo_id` is the conditional order that it came from,
    0 for none. `reserved` is the notional that counts for margin, 0 when it can only reduce.
    """

    account: str
    order_id: int
    client_order_id: str
    symbol: str
    side: Side
    type: OrderType
    quantity: Decimal
    created_ms: int
    position_side: PositionSide = PositionSide.BOTH
    time_in_force: TimeInForce = TimeInForce.GTC
    price: Decimal | None = None
    reduce_only: bool = False
    close_position: bool = False
    self_trade: SelfTrade = SelfTrade.EXPIRE_MAKER
    price_match: PriceMatch = PriceMatch.NONE
    good_till_ms: int = 0
    algo_id: int = 0
    filled: Decimal = ZERO
    quote_filled: Decimal = ZERO
    state: OrderState = OrderState.NEW
    expiry_reason: int = 0
    updated_ms: int = 0
    place: int = 0
    ahead: Decimal = ZERO
    changes: int = 0
    modify_id: int = 0
    reserved: Decimal = ZERO
    terms: Terms | None = None
    """Fees of its own, instead of the account's."""
    quote: Decimal | None = None
    """The price at which the market gives or takes, instead of the one that it shows."""

    @property
    def is_open(self) -> bool:
        """True while the order can still trade."""
        return self.state.is_open

    @property
    def remaining(self) -> Decimal:
        """Give the quantity not filled yet."""
        return EXACT.subtract(self.quantity, self.filled)

    @property
    def average_price(self) -> Decimal:
        """Give the average price of what was filled; 0 before the first trade."""
        return EXACT.divide(self.quote_filled, self.filled) if self.filled else ZERO

    @property
    def is_forced(self) -> bool:
        """True for an order that the exchange itself gave to close a position."""
        return self.client_order_id.startswith(RESERVED_PREFIXES)

    @property
    def only_closes(self) -> bool:
        """True when the order may never open or enlarge a position: reduce-only, or the closing side in hedge mode."""
        return self.reduce_only or self.close_position or _CLOSING.get(self.position_side) is self.side

    @property
    def open_notional(self) -> Decimal:
        """Give the notional that its rest would add, at its own price; 0 when it may only reduce or is done."""
        if self.price is None or not self.is_open or self.only_closes:
            return ZERO
        return times(self.price, self.remaining)


class AlgoOrder(msgspec.Struct, eq=False):
    """A conditional order. It changes in place. `callback_rate` is in percent: 1 is one percent.

    `quantity` is 0 with `close_position`. `extreme` is the best price since a trailing order became active.
    """

    account: str
    algo_id: int
    client_algo_id: str
    symbol: str
    side: Side
    type: AlgoType
    quantity: Decimal
    created_ms: int
    trigger_price: Decimal | None = None
    price: Decimal | None = None
    position_side: PositionSide = PositionSide.BOTH
    time_in_force: TimeInForce = TimeInForce.GTC
    working_type: WorkingType = WorkingType.CONTRACT_PRICE
    price_match: PriceMatch = PriceMatch.NONE
    self_trade: SelfTrade = SelfTrade.EXPIRE_MAKER
    reduce_only: bool = False
    close_position: bool = False
    price_protect: bool = False
    activate_price: Decimal | None = None
    callback_rate: Decimal | None = None
    good_till_ms: int = 0
    state: AlgoState = AlgoState.NEW
    is_active: bool = False
    extreme: Decimal | None = None
    actual_order_id: int = 0
    actual_type: OrderType | None = None
    actual_price: Decimal = ZERO
    actual_quantity: Decimal = ZERO
    reject_text: str = ""
    triggered_ms: int = 0
    updated_ms: int = 0

    @property
    def is_open(self) -> bool:
        """True while the order waits for its price."""
        return self.state is AlgoState.NEW


class Trade(msgspec.Struct, frozen=True):
    """One account's side of a trade. The fee is above zero when paid; `realised` leaves fees out.

    `counterparty` is the other account's name, or "market", or "insurance" when the fund took the rest.
    """

    account: str
    trade_id: int
    order_id: int
    client_order_id: str
    symbol: str
    side: Side
    position_side: PositionSide
    price: Decimal
    quantity: Decimal
    fee: Decimal
    fee_asset: str
    realised: Decimal
    margin_asset: str
    is_maker: bool
    time_ms: int
    counterparty: str

    @property
    def quote_quantity(self) -> Decimal:
        """Give what was traded, in quote."""
        return times(self.price, self.quantity)


class Income(msgspec.Struct, frozen=True):
    """One change of a futures wallet and its cause; `trade_id` is 0 when no trade was involved."""

    type: IncomeType
    asset: str
    amount: Decimal
    time_ms: int
    transaction_id: int
    symbol: str = ""
    trade_id: int = 0
    info: str = ""


class Amendment(msgspec.Struct, frozen=True):
    """One change of a limit order's price and quantity."""

    amendment_id: int
    symbol: str
    order_id: int
    client_order_id: str
    price_before: Decimal
    price_after: Decimal
    quantity_before: Decimal
    quantity_after: Decimal
    count: int
    modify_id: int
    time_ms: int


class MarginChange(msgspec.Struct, frozen=True):
    """Money moved into (above zero) or out of an isolated position by hand."""

    symbol: str
    position_side: PositionSide
    asset: str
    amount: Decimal
    time_ms: int


class FundingRate(msgspec.Struct, frozen=True):
    """One funding of a symbol. The rate is a fraction: 0.0001 is a hundredth of a percent; longs pay when above 0."""

    symbol: str
    rate: Decimal
    time_ms: int
    mark: Decimal
