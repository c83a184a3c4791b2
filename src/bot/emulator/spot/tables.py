"""Every endpoint and method of spot, by name."""

from collections.abc import Mapping
from typing import Any

from bot.emulator.api_socket import SESSION_METHODS
from bot.emulator.face import SocketMethod
from bot.emulator.gateway import Operation
from bot.emulator.spot import account_calls as account
from bot.emulator.spot import list_calls as lists
from bot.emulator.spot import order_calls as orders
from bot.emulator.spot import public_calls as public
from bot.emulator.spot import ticker_calls as tickers
from bot.emulator.spot.subscriptions import SUBSCRIPTION_METHODS

_API: dict[tuple[str, str], Operation[Any]] = {
    ("GET", "ping"): public.PING,
    ("GET", "time"): public.TIME,
    ("GET", "exchangeInfo"): public.EXCHANGE_INFO,
    ("GET", "executionRules"): public.EXECUTION_RULES,
    ("GET", "referencePrice"): public.REFERENCE_PRICE,
    ("GET", "referencePrice/calculation"): public.REFERENCE_CALCULATION,
    ("GET", "klines"): public.KLINES,
    ("GET", "uiKlines"): public.KLINES,
    ("GET", "depth"): public.DEPTH,
    ("GET", "trades"): public.TRADES,
    ("GET", "historicalTrades"): public.HISTORICAL_TRADES,
    ("GET", "historicalBlockTrades"): public.BLOCK_TRADES,
    ("GET", "aggTrades"): public.AGG_TRADES,
    ("GET", "avgPrice"): public.AVERAGE_PRICE,
    ("GET", "ticker/price"): tickers.PRICE,
    ("GET", "ticker/bookTicker"): tickers.BOOK,
    ("GET", "ticker/24hr"): tickers.DAY,
    ("GET", "ticker/tradingDay"): tickers.TRADING_DAY,
    ("GET", "ticker"): tickers.ROLLING,
    ("POST", "order"): orders.PLACE,
    ("POST", "order/test"): orders.TEST,
    ("POST", "sor/order"): orders.PLACE_ROUTED,
    ("POST", "sor/order/test"): orders.TEST_ROUTED,
    ("GET", "order"): orders.QUERY,
    ("DELETE", "order"): orders.CANCEL,
    ("POST", "order/cancelReplace"): orders.REPLACE,
    ("PUT", "order/amend/keepPriority"): orders.AMEND,
    ("GET", "order/amendments"): orders.AMENDMENTS,
    ("GET", "openOrders"): account.OPEN_ORDERS,
    ("DELETE", "openOrders"): orders.CANCEL_ALL,
    ("GET", "allOrders"): account.ALL_ORDERS,
    ("GET", "myTrades"): account.MY_TRADES,
    ("GET", "myPreventedMatches"): account.PREVENTED,
    ("GET", "myAllocations"): account.ALLOCATIONS,
    ("GET", "account"): account.ACCOUNT,
    ("GET", "account/commission"): account.COMMISSION,
    ("GET", "rateLimit/order"): account.ORDER_COUNTS,
    ("GET", "myFilters"): account.MY_FILTERS,
    ("POST", "order/oco"): lists.PLACE_OLD_OCO,
    ("DELETE", "orderList"): lists.CANCEL,
    ("GET", "orderList"): lists.QUERY,
    ("GET", "openOrderList"): lists.OPEN,
    ("GET", "allOrderList"): lists.ALL,
    ("POST", "userDataStream"): public.GONE,
    ("PUT", "userDataStream"): public.GONE,
    ("DELETE", "userDataStream"): public.GONE,
}
_LISTS: dict[tuple[str, str], Operation[Any]] = {
    ("POST", f"orderList/{kind.lower()}"): operation for kind, operation in lists.PLACE.items()
}

ROUTES: Mapping[tuple[str, str], Operation[Any]] = {
    (method, f"/api/v3/{name}"): operation for (method, name), operation in (_API | _LISTS).items()
} | {
    ("GET", "/sapi/v1/account/apiRestrictions"): account.RESTRICTIONS,
    ("GET", "/sapi/v1/capital/config/getall"): account.NOTHING,
    ("GET", "/sapi/v1/margin/allPairs"): account.NOTHING,
    ("GET", "/sapi/v1/margin/isolated/allPairs"): account.NOTHING,
    ("GET", "/sapi/v1/asset/tradeFee"): account.TRADE_FEES,
    ("GET", "/sapi/v1/system/status"): public.SYSTEM_STATUS,
    ("GET", "/dapi/v1/exchangeInfo"): public.NO_COIN_FUTURES,
}
"""Endpoints by HTTP method and whole path."""

_METHODS: dict[str, Operation[Any]] = {
    "ping": public.PING,
    "time": public.TIME,
    "exchangeInfo": public.EXCHANGE_INFO,
    "executionRules": public.EXECUTION_RULES,
    "referencePrice": public.REFERENCE_PRICE,
    "referencePrice.calculation": public.REFERENCE_CALCULATION,
    "klines": public.KLINES,
    "uiKlines": public.KLINES,
    "depth": public.DEPTH,
    "trades.recent": public.TRADES,
    "trades.historical": public.HISTORICAL_TRADES,
    "trades.aggregate": public.AGG_TRADES,
    "blockTrades.historical": public.BLOCK_TRADES,
    "avgPrice": public.AVERAGE_PRICE,
    "ticker": tickers.ROLLING,
    "ticker.24hr": tickers.DAY,
    "ticker.tradingDay": tickers.TRADING_DAY,
    "ticker.price": tickers.PRICE,
    "ticker.book": tickers.BOOK,
    "order.place": orders.PLACE,
    "order.test": orders.TEST,
    "sor.order.place": orders.PLACE_ROUTED_BY_SOCKET,
    "sor.order.test": orders.TEST_ROUTED,
    "order.cancel": orders.CANCEL,
    "order.status": orders.QUERY,
    "order.cancelReplace": orders.REPLACE,
    "order.amend.keepPriority": orders.AMEND,
    "order.amendments": orders.AMENDMENTS,
    "openOrders.status": account.OPEN_ORDERS,
    "openOrders.cancelAll": orders.CANCEL_ALL,
    "allOrders": account.ALL_ORDERS,
    "myTrades": account.MY_TRADES,
    "myPreventedMatches": account.PREVENTED,
    "myAllocations": account.ALLOCATIONS,
    "myFilters": account.MY_FILTERS,
    "account.status": account.ACCOUNT,
    "account.commission": account.COMMISSION,
    "account.rateLimits.orders": account.ORDER_COUNTS,
    "orderList.place": lists.PLACE_OLD_OCO,
    "orderList.cancel": lists.CANCEL,
    "orderList.status": lists.QUERY,
    "openOrderLists.status": lists.OPEN,
    "allOrderLists": lists.ALL,
}
_LIST_METHODS: dict[str, Operation[Any]] = {
    f"orderList.place.{kind.lower()}": operation for kind, operation in lists.PLACE.items()
}
METHODS: Mapping[str, Operation[Any]] = _METHODS | _LIST_METHODS
"""Operations by method of the WebSocket API."""

SOCKET_METHODS: Mapping[str, SocketMethod] = {**SESSION_METHODS, **SUBSCRIPTION_METHODS}
