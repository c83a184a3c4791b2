"""A spot account beyond orders and balances: lists, replacements, fees, limits, rights of a key, and its events.

Field names are Binance's own.
"""

# ruff: noqa: N815 - the names are Binance's

from collections.abc import Callable
from decimal import Decimal

import msgspec
from msgspec import Struct

from bot.binance.wire import SymbolFilter
from bot.binance.wire_orders import OrderReply
from bot.domain.money import ZERO


class ListedOrder(Struct):
    """One order of a list, by its ids."""

    symbol: str
    orderId: int
    clientOrderId: str


class OrderListReply(Struct):
    """A list of orders that depend on one another. `orderReports` come with placing and cancelling alone."""

    orderListId: int
    contingencyType: str
    listStatusType: str
    listOrderStatus: str
    listClientOrderId: str
    transactionTime: int
    symbol: str
    orders: list[ListedOrder]
    orderReports: list[OrderReply] = []


class CancelReply(OrderReply):
    """Reply to cancelling an order: the order, or the whole list that went with it (then `contingencyType` is set)."""

    orderId: int = 0
    clientOrderId: str = ""
    status: str = ""
    executedQty: Decimal = ZERO
    contingencyType: str = ""
    orderReports: list[OrderReply] = []

    def __post_init__(self) -> None:
        """Refuse what is neither, as if it could not be read."""
        if not (self.orderReports if self.contingencyType else self.orderId and self.status):
            raise ValueError("neither an order nor a list")

    def order(self, our_id: str) -> OrderReply | None:
        """Give the order of this id, or None when the reply does not speak of it."""
        return next((each for each in self.orderReports or [self] if each.our_id == our_id), None)


class CancelledRow(Struct):
    """One row of what cancelling all orders cancelled: an order, or a whole list (then `contingencyType` is set)."""

    symbol: str
    orderListId: int = -1
    orderId: int = 0
    clientOrderId: str = ""
    origClientOrderId: str = ""
    status: str = ""
    executedQty: Decimal = ZERO
    contingencyType: str = ""
    listClientOrderId: str = ""
    orderReports: list[OrderReply] = []


class Replaced(Struct):
    """A replacement that succeeded in both halves."""

    cancelResult: str
    newOrderResult: str
    cancelResponse: OrderReply | None = None
    newOrderResponse: OrderReply | None = None


class AmendedOrder(Struct):
    """An order after its quantity was lessened. The names differ from those of all other replies."""

    symbol: str
    orderId: int
    clientOrderId: str
    status: str
    executedQty: Decimal
    orderListId: int = -1
    origClientOrderId: str = ""
    price: Decimal = ZERO
    qty: Decimal = ZERO
    preventedQty: Decimal = ZERO
    quoteOrderQty: Decimal = ZERO
    cumulativeQuoteQty: Decimal = ZERO
    timeInForce: str = ""
    type: str = ""
    side: str = ""
    workingTime: int = -1
    selfTradePreventionMode: str = ""


class AmendReply(Struct):
    """Reply to lessening an order."""

    transactTime: int
    executionId: int
    amendedOrder: AmendedOrder


class FeeRates(Struct):
    """Rates by role, as fractions."""

    maker: Decimal
    taker: Decimal
    buyer: Decimal = ZERO
    seller: Decimal = ZERO


class FeeDiscount(Struct):
    """What paying fees in another asset is worth."""

    enabledForAccount: bool
    enabledForSymbol: bool
    discountAsset: str
    discount: Decimal


class CommissionReply(Struct):
    """The fees of an account on a symbol."""

    symbol: str
    standardCommission: FeeRates
    taxCommission: FeeRates | None = None
    specialCommission: FeeRates | None = None
    discount: FeeDiscount | None = None


class TestReply(Struct):
    """Reply to an order that was only checked; empty unless rates were asked for."""

    __test__ = False
    standardCommissionForOrder: FeeRates | None = None
    specialCommissionForOrder: FeeRates | None = None
    taxCommissionForOrder: FeeRates | None = None
    discount: FeeDiscount | None = None


class FiltersReply(Struct):
    """The rules that hold for this account alone."""

    exchangeFilters: list[SymbolFilter] = []
    symbolFilters: list[SymbolFilter] = []
    assetFilters: list[SymbolFilter] = []


class RestrictionsReply(Struct):
    """What an API key may do."""

    ipRestrict: bool
    createTime: int = 0
    enableReading: bool = False
    enableWithdrawals: bool = False
    enableInternalTransfer: bool = False
    enableMargin: bool = False
    enableFutures: bool = False
    permitsUniversalTransfer: bool = False
    enableVanillaOptions: bool = False
    enableFixApiTrade: bool = False
    enableFixReadOnly: bool = False
    enableSpotAndMarginTrading: bool = False
    enablePortfolioMarginTrading: bool = False


class Message(Struct):
    """`{"code":200,"msg":"success"}`: done. Code is text in some replies."""

    code: int | str
    msg: str = ""


class BalanceAfter(Struct):
    """One asset after a change."""

    a: str
    f: Decimal
    l: Decimal  # noqa: E741 - Binance's name


class PositionEvent(Struct):
    """outboundAccountPosition: balances that may have changed, as they are now."""

    e: str
    B: list[BalanceAfter]
    E: int = 0
    u: int = 0


class BalanceEvent(Struct):
    """balanceUpdate and externalLockUpdate: money came, went, or was locked, by no trade. `d` is the difference."""

    e: str
    a: str
    d: Decimal
    E: int = 0
    T: int = 0


class ListedEvent(Struct):
    """One order of a list."""

    s: str
    i: int
    c: str


class ListEvent(Struct):
    """listStatus: something happened to an order list."""

    e: str
    s: str
    g: int
    c: str
    l: str  # noqa: E741 - Binance's name
    L: str
    C: str
    O: list[ListedEvent] = []  # noqa: E741 - Binance's name
    E: int = 0
    T: int = 0
    r: str = ""


AccountEvent = PositionEvent | BalanceEvent | ListEvent
_EVENTS: dict[str, Callable[[bytes | msgspec.Raw], AccountEvent]] = {
    "outboundAccountPosition": msgspec.json.Decoder(PositionEvent).decode,
    "balanceUpdate": msgspec.json.Decoder(BalanceEvent).decode,
    "externalLockUpdate": msgspec.json.Decoder(BalanceEvent).decode,
    "listStatus": msgspec.json.Decoder(ListEvent).decode,
}


def read_account_event(kind: str, text: bytes | msgspec.Raw) -> AccountEvent | None:
    """Read an event of an account that tells of no single order, or give None for kinds that we do not know."""
    read = _EVENTS.get(kind)
    return read(text) if read else None
