"""What customers ask for: a new order, a new conditional order, a change of a resting one."""

from decimal import Decimal

import msgspec

from bot.domain.order import OrderType, Side
from bot.simulation.futures.words import (
    AlgoType,
    PositionSide,
    PriceMatch,
    SelfTrade,
    TimeInForce,
    WorkingType,
)
from bot.simulation.liquidity import Terms


class NewOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An ordinary order. Conditional types have had a service of their own since December 2025.

    `terms` and `quote` are for accounts of our own: fees other than the account's, and the price at which the market
    gives or takes instead of the one that it shows.
    """

    symbol: str
    side: Side
    type: OrderType | AlgoType
    client_order_id: str
    quantity: Decimal | None = None
    price: Decimal | None = None
    time_in_force: TimeInForce | None = None
    position_side: PositionSide = PositionSide.BOTH
    reduce_only: bool = False
    price_match: PriceMatch = PriceMatch.NONE
    self_trade: SelfTrade = SelfTrade.EXPIRE_MAKER
    good_till_ms: int = 0
    terms: Terms | None = None
    quote: Decimal | None = None


class NewAlgo(msgspec.Struct, frozen=True, kw_only=True):
    """A conditional order. `callback_rate` is in percent; `quantity` stays away with `close_position`."""

    symbol: str
    side: Side
    type: AlgoType
    client_algo_id: str
    quantity: Decimal | None = None
    trigger_price: Decimal | None = None
    price: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    position_side: PositionSide = PositionSide.BOTH
    reduce_only: bool = False
    close_position: bool = False
    working_type: WorkingType = WorkingType.CONTRACT_PRICE
    price_protect: bool = False
    price_match: PriceMatch = PriceMatch.NONE
    self_trade: SelfTrade = SelfTrade.EXPIRE_MAKER
    activate_price: Decimal | None = None
    callback_rate: Decimal | None = None
    good_till_ms: int = 0


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A new price and quantity for a resting limit order, named by its id or by its client order id."""

    symbol: str
    side: Side
    quantity: Decimal | None = None
    price: Decimal | None = None
    order_id: int | None = None
    client_order_id: str | None = None
    price_match: PriceMatch = PriceMatch.NONE
    modify_id: int = 0
    reduce_only: bool = False
