"""What our requests carry, as Binance names it; what is None is left out.

`params_of` writes any of them the way the wire takes it: plain decimals, `true` and `false`, lists as JSON text.
"""

# ruff: noqa: N815 - the names are Binance's

from collections.abc import Sequence
from decimal import Decimal

import msgspec
from msgspec import Struct

from bot.domain.money import plain


class Request(Struct, frozen=True, kw_only=True):
    """Anything that can be asked."""


class Nothing(Request, frozen=True, kw_only=True):
    """A request without parameters."""


NOTHING = Nothing()


def params_of(request: Struct) -> dict[str, str | int]:
    """Write a request's parameters in their order."""
    params: dict[str, str | int] = {}
    for name in request.__struct_fields__:
        value = getattr(request, name)
        if value is not None:
            params[name] = _text(value)
    return params


def _text(value: object) -> str | int:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return value
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, Request):
        return msgspec.json.encode(params_of(value)).decode()
    assert isinstance(value, Sequence), f"no way to write {type(value).__name__}"
    return msgspec.json.encode([params_of(each) if isinstance(each, Struct) else each for each in value]).decode()


# Market data.


class OfSymbol(Request, frozen=True, kw_only=True):
    """One symbol."""

    symbol: str


class OfAnySymbol(Request, frozen=True, kw_only=True):
    """One symbol, or all of them."""

    symbol: str | None = None


class OfSymbols(Request, frozen=True, kw_only=True):
    """One symbol, several, or all of them: give one of the two."""

    symbol: str | None = None
    symbols: tuple[str, ...] | None = None
    type: str | None = None


class ExchangeInfoRequest(Request, frozen=True, kw_only=True):
    """Which symbols' rules."""

    symbol: str | None = None
    symbols: tuple[str, ...] | None = None
    permissions: tuple[str, ...] | None = None
    symbolStatus: str | None = None
    showPermissionSets: bool | None = None


class ExecutionRulesRequest(Request, frozen=True, kw_only=True):
    """Which symbols' execution rules."""

    symbol: str | None = None
    symbols: tuple[str, ...] | None = None
    symbolStatus: str | None = None


class Newest(Request, frozen=True, kw_only=True):
    """The newest rows of a symbol."""

    symbol: str
    limit: int | None = None


class Window(Request, frozen=True, kw_only=True):
    """Rows of a symbol by time or from an id on."""

    symbol: str
    fromId: int | None = None
    startTime: int | None = None
    endTime: int | None = None
    limit: int | None = None


class KlinesRequest(Request, frozen=True, kw_only=True):
    """Candles of a symbol; without times the newest."""

    symbol: str
    interval: str
    startTime: int | None = None
    endTime: int | None = None
    limit: int | None = None


class PairKlinesRequest(Request, frozen=True, kw_only=True):
    """Candles of an index or of a chain of contracts."""

    pair: str
    interval: str
    contractType: str | None = None
    startTime: int | None = None
    endTime: int | None = None
    limit: int | None = None


class FundingRequest(Request, frozen=True, kw_only=True):
    """Past funding rates."""

    symbol: str | None = None
    startTime: int | None = None
    endTime: int | None = None
    limit: int | None = None


# Orders, spot.


class NewSpotOrder(Request, frozen=True, kw_only=True):
    """Any order of spot's; which fields go together is said by `type`."""

    symbol: str
    side: str
    type: str
    timeInForce: str | None = None
    quantity: Decimal | None = None
    quoteOrderQty: Decimal | None = None
    price: Decimal | None = None
    stopPrice: Decimal | None = None
    trailingDelta: int | None = None
    """Hundredths of a percent."""
    icebergQty: Decimal | None = None
    newClientOrderId: str | None = None
    newOrderRespType: str | None = None
    selfTradePreventionMode: str | None = None
    strategyId: int | None = None
    strategyType: int | None = None
    pegPriceType: str | None = None
    pegOffsetType: str | None = None
    pegOffsetValue: int | None = None


class TestSpotOrder(NewSpotOrder, frozen=True, kw_only=True):
    """An order that is only checked."""

    __test__ = False
    computeCommissionRates: bool | None = None


class ReplaceSpotOrder(NewSpotOrder, frozen=True, kw_only=True):
    """A new order in place of another."""

    cancelReplaceMode: str = "STOP_ON_FAILURE"
    cancelOrderId: int | None = None
    cancelOrigClientOrderId: str | None = None
    cancelNewClientOrderId: str | None = None
    cancelRestrictions: str | None = None
    orderRateLimitExceededMode: str | None = None


class AmendRequest(Request, frozen=True, kw_only=True):
    """Less of an open order, which keeps its place in the queue."""

    symbol: str
    newQty: Decimal
    orderId: int | None = None
    origClientOrderId: str | None = None
    newClientOrderId: str | None = None


class OfOrder(Request, frozen=True, kw_only=True):
    """One order, by either id."""

    symbol: str
    orderId: int | None = None
    origClientOrderId: str | None = None


class CancelRequest(OfOrder, frozen=True, kw_only=True):
    """Cancel one order."""

    newClientOrderId: str | None = None
    cancelRestrictions: str | None = None


class OrdersRequest(Request, frozen=True, kw_only=True):
    """Orders of a symbol, from an id on or by time."""

    symbol: str | None = None
    orderId: int | None = None
    startTime: int | None = None
    endTime: int | None = None
    limit: int | None = None


class TradesRequest(Request, frozen=True, kw_only=True):
    """Trades of ours of a symbol."""

    symbol: str
    orderId: int | None = None
    fromId: int | None = None
    startTime: int | None = None
    endTime: int | None = None
    limit: int | None = None


class AccountRequest(Request, frozen=True, kw_only=True):
    """What the account holds."""

    omitZeroBalances: bool | None = None


class NewOco(Request, frozen=True, kw_only=True):
    """Two orders of which one cancels the other."""

    symbol: str
    side: str
    quantity: Decimal
    aboveType: str
    belowType: str
    listClientOrderId: str | None = None
    aboveClientOrderId: str | None = None
    aboveIcebergQty: Decimal | None = None
    abovePrice: Decimal | None = None
    aboveStopPrice: Decimal | None = None
    aboveTrailingDelta: int | None = None
    aboveTimeInForce: str | None = None
    belowClientOrderId: str | None = None
    belowIcebergQty: Decimal | None = None
    belowPrice: Decimal | None = None
    belowStopPrice: Decimal | None = None
    belowTrailingDelta: int | None = None
    belowTimeInForce: str | None = None
    newOrderRespType: str | None = None
    selfTradePreventionMode: str | None = None


class _Working(Request, frozen=True, kw_only=True):
    symbol: str
    workingType: str
    workingSide: str
    workingPrice: Decimal
    workingQuantity: Decimal
    listClientOrderId: str | None = None
    newOrderRespType: str | None = None
    selfTradePreventionMode: str | None = None
    workingClientOrderId: str | None = None
    workingIcebergQty: Decimal | None = None
    workingTimeInForce: str | None = None


class NewOto(_Working, frozen=True, kw_only=True):
    """An order that goes live when another is filled."""

    pendingType: str
    pendingSide: str
    pendingQuantity: Decimal
    pendingClientOrderId: str | None = None
    pendingPrice: Decimal | None = None
    pendingStopPrice: Decimal | None = None
    pendingTrailingDelta: int | None = None
    pendingIcebergQty: Decimal | None = None
    pendingTimeInForce: str | None = None


class NewOtoco(_Working, frozen=True, kw_only=True):
    """A pair of which one cancels the other, that goes live when a first order is filled: a bracket."""

    pendingSide: str
    pendingQuantity: Decimal
    pendingAboveType: str
    pendingBelowType: str
    pendingAboveClientOrderId: str | None = None
    pendingAbovePrice: Decimal | None = None
    pendingAboveStopPrice: Decimal | None = None
    pendingAboveTrailingDelta: int | None = None
    pendingAboveIcebergQty: Decimal | None = None
    pendingAboveTimeInForce: str | None = None
    pendingBelowClientOrderId: str | None = None
    pendingBelowPrice: Decimal | None = None
    pendingBelowStopPrice: Decimal | None = None
    pendingBelowTrailingDelta: int | None = None
    pendingBelowIcebergQty: Decimal | None = None
    pendingBelowTimeInForce: str | None = None


class OfList(Request, frozen=True, kw_only=True):
    """One order list, by either id; `symbol` to cancel it."""

    symbol: str | None = None
    orderListId: int | None = None
    listClientOrderId: str | None = None
    origClientOrderId: str | None = None


# Orders, USD-M.


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
