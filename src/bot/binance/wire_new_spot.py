"""What spot's orders and lists carry, as Binance names it."""

# ruff: noqa: N815 - the names are Binance's

from decimal import Decimal

from bot.binance.wire_requests import OfOrder, Request


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


class RoutedSpotOrder(Request, frozen=True, kw_only=True):
    """An order that smart order routing may fill from other books: LIMIT or MARKET, by quantity alone."""

    symbol: str
    side: str
    type: str
    quantity: Decimal
    timeInForce: str | None = None
    price: Decimal | None = None
    icebergQty: Decimal | None = None
    newClientOrderId: str | None = None
    newOrderRespType: str | None = None
    selfTradePreventionMode: str | None = None
    strategyId: int | None = None
    strategyType: int | None = None


class TestRoutedOrder(RoutedSpotOrder, frozen=True, kw_only=True):
    """A routed order that is only checked."""

    __test__ = False
    computeCommissionRates: bool | None = None


class AllocationsRequest(Request, frozen=True, kw_only=True):
    """What smart order routing brought: the newest, those from an id on, or those of at most a day."""

    symbol: str
    startTime: int | None = None
    endTime: int | None = None
    fromAllocationId: int | None = None
    limit: int | None = None
    orderId: int | None = None


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


class CancelRequest(OfOrder, frozen=True, kw_only=True):
    """Cancel one order."""

    newClientOrderId: str | None = None
    cancelRestrictions: str | None = None


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
