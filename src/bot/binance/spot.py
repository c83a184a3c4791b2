"""Spot's requests: the table."""

from typing import Any

from bot.binance import wire_new_spot as new
from bot.binance import wire_requests as ask
from bot.binance.endpoints import Endpoint, Pool, Priority, Security, Weight, by_limit, one_or_all
from bot.binance.wire import ExchangeInfo, KlineRow, ServerTime, UsedLimit
from bot.binance.wire_account import (
    AmendReply,
    CancelledRow,
    CancelReply,
    CommissionReply,
    FiltersReply,
    OrderListReply,
    Replaced,
    RestrictionsReply,
    TestReply,
)
from bot.binance.wire_market import (
    AggTradeReply,
    AveragePriceReply,
    BookTickerReply,
    DepthReply,
    ExecutionRulesReply,
    PriceReply,
    ReferencePriceReply,
    TickerReply,
    TradeReply,
)
from bot.binance.wire_orders import AccountReply, AllocationRow, OrderReply, TradeRow

_V3 = "/api/v3/"
_SIGNED = Security.SIGNED
_HISTORY = Priority.HISTORY


def _by_symbols(one: int, many: int) -> Weight:
    return lambda request: one if request.symbol or len(request.symbols or ()) == 1 else many


def _rules_weight(request: ask.ExecutionRulesRequest) -> int:
    count = 1 if request.symbol else len(request.symbols or ())
    return min(2 * count, 40) if count else 40


def _day_weight(request: ask.OfSymbols) -> int:
    count = 1 if request.symbol else len(request.symbols or ())
    if not count or count > 100:
        return 80
    return 2 if count <= 20 else 40


def _window_weight(request: ask.OfSymbols) -> int:
    return min(4 * (1 if request.symbol else len(request.symbols or ()) or 50), 200)


def _trades_weight(request: ask.TradesRequest) -> int:
    return 5 if request.orderId is not None else 20


def _test_weight(request: new.TestSpotOrder | new.TestRoutedOrder) -> int:
    return 20 if request.computeCommissionRates else 1


def _changes(method: str, name: str, request: Any, reply: Any, ws_method: str, **more: Any) -> Endpoint[Any, Any]:
    """Make an endpoint that changes something: signed, sent once, free when it succeeds."""
    given: dict[str, Any] = {"priority": Priority.ORDER, "is_free_when_done": True, **more}
    return Endpoint(
        method=method, path=_V3 + name, request=request, reply=reply, security=_SIGNED, repeatable=False,
        ws_method=ws_method, **given,
    )  # fmt: skip


TIME: Endpoint[ask.Nothing, ServerTime] = Endpoint(
    method="GET", path=_V3 + "time", request=ask.Nothing, reply=ServerTime, ws_method="time"
)
EXCHANGE_INFO: Endpoint[ask.ExchangeInfoRequest, ExchangeInfo] = Endpoint(
    method="GET", path=_V3 + "exchangeInfo", request=ask.ExchangeInfoRequest, reply=ExchangeInfo, weight=20,
    ws_method="exchangeInfo",
)  # fmt: skip
EXECUTION_RULES: Endpoint[ask.ExecutionRulesRequest, ExecutionRulesReply] = Endpoint(
    method="GET", path=_V3 + "executionRules", request=ask.ExecutionRulesRequest, reply=ExecutionRulesReply,
    weight=_rules_weight, ws_method="executionRules",
)  # fmt: skip
REFERENCE_PRICE: Endpoint[ask.OfSymbol, ReferencePriceReply] = Endpoint(
    method="GET", path=_V3 + "referencePrice", request=ask.OfSymbol, reply=ReferencePriceReply, weight=2,
    ws_method="referencePrice",
)  # fmt: skip
DEPTH: Endpoint[ask.Newest, DepthReply] = Endpoint(
    method="GET", path=_V3 + "depth", request=ask.Newest, reply=DepthReply,
    weight=by_limit(100, (100, 5), (500, 25), (1000, 50), (5000, 250)), ws_method="depth",
)  # fmt: skip
TRADES: Endpoint[ask.Newest, list[TradeReply]] = Endpoint(
    method="GET", path=_V3 + "trades", request=ask.Newest, reply=list[TradeReply], weight=25, priority=_HISTORY,
    ws_method="trades.recent",
)  # fmt: skip
AGG_TRADES: Endpoint[ask.Window, list[AggTradeReply]] = Endpoint(
    method="GET", path=_V3 + "aggTrades", request=ask.Window, reply=list[AggTradeReply], weight=4, priority=_HISTORY,
    ws_method="trades.aggregate",
)  # fmt: skip
KLINES: Endpoint[ask.KlinesRequest, list[KlineRow]] = Endpoint(
    method="GET", path=_V3 + "klines", request=ask.KlinesRequest, reply=list[KlineRow], weight=2, priority=_HISTORY,
    ws_method="klines",
)  # fmt: skip
AVERAGE_PRICE: Endpoint[ask.OfSymbol, AveragePriceReply] = Endpoint(
    method="GET", path=_V3 + "avgPrice", request=ask.OfSymbol, reply=AveragePriceReply, weight=2, ws_method="avgPrice"
)
TICKER_DAY: Endpoint[ask.OfSymbols, TickerReply | list[TickerReply]] = Endpoint(
    method="GET", path=_V3 + "ticker/24hr", request=ask.OfSymbols, reply=TickerReply | list[TickerReply],
    weight=_day_weight, ws_method="ticker.24hr",
)  # fmt: skip
TICKER_TRADING_DAY: Endpoint[ask.OfSymbols, TickerReply | list[TickerReply]] = Endpoint(
    method="GET", path=_V3 + "ticker/tradingDay", request=ask.OfSymbols, reply=TickerReply | list[TickerReply],
    weight=_window_weight, ws_method="ticker.tradingDay",
)  # fmt: skip
TICKER_PRICE: Endpoint[ask.OfSymbols, PriceReply | list[PriceReply]] = Endpoint(
    method="GET", path=_V3 + "ticker/price", request=ask.OfSymbols, reply=PriceReply | list[PriceReply],
    weight=_by_symbols(2, 4), ws_method="ticker.price",
)  # fmt: skip
TICKER_BOOK: Endpoint[ask.OfSymbols, BookTickerReply | list[BookTickerReply]] = Endpoint(
    method="GET", path=_V3 + "ticker/bookTicker", request=ask.OfSymbols, reply=BookTickerReply | list[BookTickerReply],
    weight=_by_symbols(2, 4), ws_method="ticker.book",
)  # fmt: skip

ACCOUNT: Endpoint[new.AccountRequest, AccountReply] = Endpoint(
    method="GET", path=_V3 + "account", request=new.AccountRequest, reply=AccountReply, weight=20, security=_SIGNED,
    ws_method="account.status",
)  # fmt: skip
COMMISSION: Endpoint[ask.OfSymbol, CommissionReply] = Endpoint(
    method="GET", path=_V3 + "account/commission", request=ask.OfSymbol, reply=CommissionReply, weight=20,
    security=_SIGNED, ws_method="account.commission",
)  # fmt: skip
ORDER_LIMITS: Endpoint[ask.Nothing, list[UsedLimit]] = Endpoint(
    method="GET", path=_V3 + "rateLimit/order", request=ask.Nothing, reply=list[UsedLimit], weight=40,
    security=_SIGNED, ws_method="account.rateLimits.orders",
)  # fmt: skip
MY_FILTERS: Endpoint[ask.OfSymbol, FiltersReply] = Endpoint(
    method="GET", path=_V3 + "myFilters", request=ask.OfSymbol, reply=FiltersReply, weight=40, security=_SIGNED,
    ws_method="myFilters",
)  # fmt: skip
RESTRICTIONS: Endpoint[ask.Nothing, RestrictionsReply] = Endpoint(
    method="GET", path="/sapi/v1/account/apiRestrictions", request=ask.Nothing, reply=RestrictionsReply,
    security=_SIGNED, pool=Pool.WALLET,
)  # fmt: skip

ORDER: Endpoint[ask.OfOrder, OrderReply] = Endpoint(
    method="GET", path=_V3 + "order", request=ask.OfOrder, reply=OrderReply, weight=4, priority=Priority.ORDER,
    security=_SIGNED, ws_method="order.status",
)  # fmt: skip
OPEN_ORDERS: Endpoint[ask.OfAnySymbol, list[OrderReply]] = Endpoint(
    method="GET", path=_V3 + "openOrders", request=ask.OfAnySymbol, reply=list[OrderReply], weight=one_or_all(6, 80),
    security=_SIGNED, ws_method="openOrders.status",
)  # fmt: skip
ALL_ORDERS: Endpoint[ask.OrdersRequest, list[OrderReply]] = Endpoint(
    method="GET", path=_V3 + "allOrders", request=ask.OrdersRequest, reply=list[OrderReply], weight=20,
    priority=_HISTORY, security=_SIGNED, ws_method="allOrders",
)  # fmt: skip
MY_TRADES: Endpoint[ask.TradesRequest, list[TradeRow]] = Endpoint(
    method="GET", path=_V3 + "myTrades", request=ask.TradesRequest, reply=list[TradeRow], weight=_trades_weight,
    security=_SIGNED, ws_method="myTrades",
)  # fmt: skip
ALLOCATIONS: Endpoint[new.AllocationsRequest, list[AllocationRow]] = Endpoint(
    method="GET", path=_V3 + "myAllocations", request=new.AllocationsRequest, reply=list[AllocationRow], weight=20,
    security=_SIGNED, ws_method="myAllocations",
)  # fmt: skip
ORDER_LIST: Endpoint[new.OfList, OrderListReply] = Endpoint(
    method="GET", path=_V3 + "orderList", request=new.OfList, reply=OrderListReply, weight=4, security=_SIGNED,
    ws_method="orderList.status",
)  # fmt: skip
OPEN_ORDER_LISTS: Endpoint[ask.Nothing, list[OrderListReply]] = Endpoint(
    method="GET", path=_V3 + "openOrderList", request=ask.Nothing, reply=list[OrderListReply], weight=6,
    security=_SIGNED, ws_method="openOrderLists.status",
)  # fmt: skip
ALL_ORDER_LISTS: Endpoint[ask.OrdersRequest, list[OrderListReply]] = Endpoint(
    method="GET", path=_V3 + "allOrderList", request=ask.OrdersRequest, reply=list[OrderListReply], weight=20,
    priority=_HISTORY, security=_SIGNED, ws_method="allOrderLists",
)  # fmt: skip

PLACE_ORDER: Endpoint[new.NewSpotOrder, OrderReply] = _changes(
    "POST", "order", new.NewSpotOrder, OrderReply, "order.place", orders=1
)
TEST_ORDER: Endpoint[new.TestSpotOrder, TestReply] = _changes(
    "POST", "order/test", new.TestSpotOrder, TestReply, "order.test", weight=_test_weight, is_free_when_done=False,
    priority=Priority.QUERY,
)  # fmt: skip
ROUTE_ORDER: Endpoint[new.RoutedSpotOrder, OrderReply | list[OrderReply]] = _changes(
    "POST", "sor/order", new.RoutedSpotOrder, OrderReply | list[OrderReply], "sor.order.place", orders=1
)
"""The WebSocket API answers with a list of one, REST with the order alone."""
TEST_ROUTED: Endpoint[new.TestRoutedOrder, TestReply] = _changes(
    "POST", "sor/order/test", new.TestRoutedOrder, TestReply, "sor.order.test", weight=_test_weight,
    is_free_when_done=False, priority=Priority.QUERY,
)  # fmt: skip
REPLACE_ORDER: Endpoint[new.ReplaceSpotOrder, Replaced] = _changes(
    "POST", "order/cancelReplace", new.ReplaceSpotOrder, Replaced, "order.cancelReplace", orders=1
)
AMEND_ORDER: Endpoint[new.AmendRequest, AmendReply] = _changes(
    "PUT", "order/amend/keepPriority", new.AmendRequest, AmendReply, "order.amend.keepPriority", weight=4,
    is_free_when_done=False,
)  # fmt: skip
CANCEL_ORDER: Endpoint[new.CancelRequest, CancelReply] = _changes(
    "DELETE", "order", new.CancelRequest, CancelReply, "order.cancel", priority=Priority.CANCEL
)
"""A leg of a list takes the list with it, and the answer is the list's."""
CANCEL_ALL: Endpoint[ask.OfSymbol, list[CancelledRow]] = _changes(
    "DELETE", "openOrders", ask.OfSymbol, list[CancelledRow], "openOrders.cancelAll", priority=Priority.CANCEL
)
PLACE_OCO: Endpoint[new.NewOco, OrderListReply] = _changes(
    "POST", "orderList/oco", new.NewOco, OrderListReply, "orderList.place.oco", orders=2
)
PLACE_OTO: Endpoint[new.NewOto, OrderListReply] = _changes(
    "POST", "orderList/oto", new.NewOto, OrderListReply, "orderList.place.oto", orders=2
)
PLACE_OTOCO: Endpoint[new.NewOtoco, OrderListReply] = _changes(
    "POST", "orderList/otoco", new.NewOtoco, OrderListReply, "orderList.place.otoco", orders=3
)
CANCEL_LIST: Endpoint[new.OfList, OrderListReply] = _changes(
    "DELETE", "orderList", new.OfList, OrderListReply, "orderList.cancel", priority=Priority.CANCEL
)

ENDPOINTS: tuple[Endpoint[Any, Any], ...] = tuple(each for each in globals().values() if isinstance(each, Endpoint))
