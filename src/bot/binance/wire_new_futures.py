"""What USD-M's orders and settings carry, as Binance names it."""

# ruff: noqa: N815 - the names are Binance's

from decimal import Decimal

from bot.binance.wire_requests import Request


class NewFuturesOrder(Request, frozen=True, kw_only=True):
    """An ordinary order: LIMIT or MARKET. What waits for a price is a `NewAlgoOrder`."""

    symbol: str
    side: str
    type: str
    positionSide: str | None = None
    timeInForce: str | None = None
    quantity: Decimal | None = None
    price: Decimal | None = None
    reduceOnly: bool | None = None
    newClientOrderId: str | None = None
    newOrderRespType: str | None = None
    priceMatch: str | None = None
    selfTradePreventionMode: str | None = None
    goodTillDate: int | None = None


class NewAlgoOrder(Request, frozen=True, kw_only=True):
    """An order that waits for a price: stops, profit takers, trailing stops."""

    symbol: str
    side: str
    type: str
    algoType: str = "CONDITIONAL"
    positionSide: str | None = None
    timeInForce: str | None = None
    quantity: Decimal | None = None
    price: Decimal | None = None
    triggerPrice: Decimal | None = None
    workingType: str | None = None
    priceMatch: str | None = None
    closePosition: bool | None = None
    priceProtect: bool | None = None
    reduceOnly: bool | None = None
    activatePrice: Decimal | None = None
    callbackRate: Decimal | None = None
    """Percent."""
    clientAlgoId: str | None = None
    newOrderRespType: str | None = None
    selfTradePreventionMode: str | None = None
    goodTillDate: int | None = None


class ModifyOrder(Request, frozen=True, kw_only=True):
    """A new price and quantity for a limit order; it goes to the end of the queue."""

    symbol: str
    side: str
    quantity: Decimal
    price: Decimal
    orderId: int | None = None
    origClientOrderId: str | None = None
    priceMatch: str | None = None
    modifyId: int | None = None
    reduceOnly: bool | None = None


class BatchOrders(Request, frozen=True, kw_only=True):
    """Up to five orders, new ones or modifications; each fares by itself."""

    batchOrders: tuple[NewFuturesOrder, ...] | tuple[ModifyOrder, ...]


class BatchCancel(Request, frozen=True, kw_only=True):
    """Up to ten orders of a symbol."""

    symbol: str
    orderIdList: tuple[int, ...] | None = None
    origClientOrderIdList: tuple[str, ...] | None = None


class Countdown(Request, frozen=True, kw_only=True):
    """Cancel all orders of a symbol after `countdownTime` ms without a word from us; 0 is off."""

    symbol: str
    countdownTime: int


class OfAlgo(Request, frozen=True, kw_only=True):
    """One conditional order, by either id."""

    algoId: int | None = None
    clientAlgoId: str | None = None


class AlgoOrdersRequest(Request, frozen=True, kw_only=True):
    """Conditional orders of the past."""

    symbol: str
    algoId: int | None = None
    startTime: int | None = None
    endTime: int | None = None
    page: int | None = None
    limit: int | None = None


class LeverageRequest(Request, frozen=True, kw_only=True):
    """A symbol's leverage."""

    symbol: str
    leverage: int


class MarginTypeRequest(Request, frozen=True, kw_only=True):
    """A symbol's margin: ISOLATED or CROSSED."""

    symbol: str
    marginType: str


class PositionModeRequest(Request, frozen=True, kw_only=True):
    """Two positions a symbol (hedge mode), or one."""

    dualSidePosition: bool


class MultiAssetsRequest(Request, frozen=True, kw_only=True):
    """Whether all assets together are the margin."""

    multiAssetsMargin: bool


class FeeBurnRequest(Request, frozen=True, kw_only=True):
    """Whether fees are paid in BNB."""

    feeBurn: bool


class PositionMarginRequest(Request, frozen=True, kw_only=True):
    """Margin to (type 1) or from (type 2) an isolated position."""

    symbol: str
    amount: Decimal
    type: int
    positionSide: str | None = None


class IncomeRequest(Request, frozen=True, kw_only=True):
    """Money that came and went."""

    symbol: str | None = None
    incomeType: str | None = None
    startTime: int | None = None
    endTime: int | None = None
    page: int | None = None
    limit: int | None = None
