"""Every endpoint and method of USD-M, by name."""

from collections.abc import Callable, Mapping
from typing import Any

from bot.emulator.api_socket import SESSION_METHODS
from bot.emulator.face import SocketMethod
from bot.emulator.futures import account_calls as account
from bot.emulator.futures import algo_calls as algos
from bot.emulator.futures import order_calls as orders
from bot.emulator.futures import public_calls as public
from bot.emulator.futures import setting_calls as settings
from bot.emulator.gateway import Operation, Public
from bot.emulator.params import Params

_V1: dict[tuple[str, str], Operation[Any]] = {
    ("GET", "ping"): public.PING,
    ("GET", "time"): public.TIME,
    ("GET", "exchangeInfo"): public.EXCHANGE_INFO,
    ("GET", "depth"): public.DEPTH,
    ("GET", "rpiDepth"): public.RPI_DEPTH,
    ("GET", "trades"): public.TRADES,
    ("GET", "historicalTrades"): public.HISTORICAL_TRADES,
    ("GET", "aggTrades"): public.AGG_TRADES,
    ("GET", "klines"): public.KLINES,
    ("GET", "continuousKlines"): public.CONTINUOUS_KLINES,
    ("GET", "markPriceKlines"): public.MARK_KLINES,
    ("GET", "indexPriceKlines"): public.INDEX_KLINES,
    ("GET", "premiumIndexKlines"): public.PREMIUM_KLINES,
    ("GET", "premiumIndex"): public.PREMIUM_INDEX,
    ("GET", "fundingRate"): public.FUNDING_RATES,
    ("GET", "fundingInfo"): public.FUNDING_INFO,
    ("GET", "ticker/24hr"): public.DAY_TICKER,
    ("GET", "ticker/price"): public.PRICE,
    ("GET", "ticker/bookTicker"): public.BOOK_TICKER,
    ("GET", "openInterest"): public.OPEN_INTEREST,
    ("POST", "order"): orders.PLACE,
    ("POST", "order/test"): orders.TEST,
    ("GET", "order"): orders.QUERY,
    ("PUT", "order"): orders.MODIFY,
    ("DELETE", "order"): orders.CANCEL,
    ("POST", "batchOrders"): orders.PLACE_BATCH,
    ("PUT", "batchOrders"): orders.MODIFY_BATCH,
    ("DELETE", "batchOrders"): orders.CANCEL_BATCH,
    ("DELETE", "allOpenOrders"): orders.CANCEL_ALL,
    ("POST", "countdownCancelAll"): orders.COUNTDOWN,
    ("GET", "openOrder"): orders.QUERY_OPEN,
    ("GET", "openOrders"): orders.OPEN_ORDERS,
    ("GET", "allOrders"): orders.ALL_ORDERS,
    ("GET", "userTrades"): orders.TRADES,
    ("GET", "forceOrders"): orders.FORCED,
    ("GET", "orderAmendment"): orders.AMENDMENTS,
    ("POST", "algoOrder"): algos.PLACE,
    ("GET", "algoOrder"): algos.QUERY,
    ("DELETE", "algoOrder"): algos.CANCEL,
    ("DELETE", "algoOpenOrders"): algos.CANCEL_ALL,
    ("GET", "openAlgoOrders"): algos.OPEN,
    ("GET", "allAlgoOrders"): algos.ALL,
    ("POST", "leverage"): settings.LEVERAGE,
    ("POST", "marginType"): settings.MARGIN_TYPE,
    ("POST", "positionMargin"): settings.POSITION_MARGIN,
    ("GET", "positionMargin/history"): settings.MARGIN_HISTORY,
    ("GET", "positionSide/dual"): settings.HEDGE,
    ("POST", "positionSide/dual"): settings.SET_HEDGE,
    ("GET", "multiAssetsMargin"): settings.MULTI_ASSETS,
    ("POST", "multiAssetsMargin"): settings.SET_MULTI_ASSETS,
    ("GET", "feeBurn"): settings.FEE_BURN,
    ("POST", "feeBurn"): settings.SET_FEE_BURN,
    ("GET", "leverageBracket"): settings.BRACKETS,
    ("GET", "symbolConfig"): settings.SYMBOL_CONFIG,
    ("GET", "accountConfig"): settings.ACCOUNT_CONFIG,
    ("GET", "commissionRate"): settings.COMMISSION,
    ("GET", "income"): account.INCOME,
    ("GET", "adlQuantile"): account.ADL,
    ("GET", "apiTradingStatus"): account.TRADING_STATUS,
    ("GET", "rateLimit/order"): account.ORDER_COUNTS,
    ("POST", "listenKey"): account.OPEN_KEY,
    ("PUT", "listenKey"): account.EXTEND_KEY,
    ("DELETE", "listenKey"): account.CLOSE_KEY,
}

ROUTES: Mapping[tuple[str, str], Operation[Any]] = {
    **{(method, f"/fapi/v1/{path}"): operation for (method, path), operation in _V1.items()},
    ("GET", "/fapi/v2/ticker/price"): public.PRICE,
    ("GET", "/fapi/v2/account"): account.OLD_ACCOUNT,
    ("GET", "/fapi/v3/account"): account.ACCOUNT,
    ("GET", "/fapi/v2/balance"): account.BALANCE,
    ("GET", "/fapi/v3/balance"): account.BALANCE,
    ("GET", "/fapi/v2/positionRisk"): account.OLD_RISK,
    ("GET", "/fapi/v3/positionRisk"): account.RISK,
}


def _signed_in_vain(operation: Public[Any]) -> Public[Any]:
    """Let a public method be signed: two clients do so over the socket, and the documentation's sample too."""

    def read(params: Params) -> Callable[[Any], Any]:
        for name in ("timestamp", "recvWindow", "signature"):
            params.maybe(name)
        return operation.read(params)

    return Public(read, operation.weight)


METHODS: Mapping[str, Operation[Any]] = {
    "ping": _signed_in_vain(public.PING),
    "time": _signed_in_vain(public.TIME),
    "depth": _signed_in_vain(public.DEPTH),
    "ticker.price": _signed_in_vain(public.PRICE),
    "ticker.book": _signed_in_vain(public.BOOK_TICKER),
    "order.place": orders.PLACE,
    "order.modify": orders.MODIFY,
    "order.cancel": orders.CANCEL,
    "order.status": orders.QUERY,
    "algoOrder.place": algos.PLACE,
    "algoOrder.cancel": algos.CANCEL,
    "account.status": account.OLD_ACCOUNT,
    "v2/account.status": account.ACCOUNT,
    "account.balance": account.BALANCE,
    "v2/account.balance": account.BALANCE,
    "account.position": account.OLD_RISK,
    "v2/account.position": account.RISK,
    "userDataStream.start": account.OPEN_KEY,
    "userDataStream.ping": account.EXTEND_KEY,
    "userDataStream.stop": account.CLOSE_KEY,
}

SOCKET_METHODS: Mapping[str, SocketMethod] = dict(SESSION_METHODS)
"""Methods about the connection: logging on with an Ed25519 key, and off."""
