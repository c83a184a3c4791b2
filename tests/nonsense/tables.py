"""What generated requests are made of: each market's endpoints, good values, and names that often do not belong."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.emulator.futures import tables as futures
from bot.emulator.gateway import Operation
from bot.emulator.spot import tables as spot


@dataclass(frozen=True)
class Table:
    """One market."""

    routes: Mapping[tuple[str, str], Operation[Any]]
    methods: Mapping[str, Operation[Any]]
    more_methods: tuple[str, ...]
    """Methods about the connection, and one that there is not."""
    good: Mapping[str, list[str]]
    extra: tuple[str, ...]
    shapes: Mapping[str, tuple[str, ...]]
    """What a good request has, by the last words of its path or its method."""


_SPOT_GOOD = {
    "symbol": ["BTCUSDT", "ETHUSDT"], "side": ["BUY", "SELL"], "type": ["LIMIT", "LIMIT", "MARKET", "STOP_LOSS", "LIMIT_MAKER"],
    "timeInForce": ["GTC", "IOC", "FOK"], "quantity": ["0.01", "1"], "price": ["90000", "95000.5"],
    "stopPrice": ["80000"], "interval": ["1m", "1h"], "limit": ["5"], "orderId": ["1001"], "windowSize": ["1h"],
    "newOrderRespType": ["FULL"], "cancelReplaceMode": ["ALLOW_FAILURE"], "cancelOrderId": ["1001"], "newQty": ["0.005"],
    "orderListId": ["1"], "workingType": ["LIMIT"], "workingSide": ["BUY"], "workingQuantity": ["0.01"],
    "workingPrice": ["90000"], "workingTimeInForce": ["GTC"], "pendingSide": ["SELL"], "pendingQuantity": ["0.01"],
    "pendingType": ["LIMIT_MAKER"], "pendingPrice": ["99000"], "aboveType": ["LIMIT_MAKER"], "abovePrice": ["99000"],
    "belowType": ["STOP_LOSS"], "belowStopPrice": ["80000"], "pendingAboveType": ["LIMIT_MAKER"],
    "pendingAbovePrice": ["99000"], "pendingBelowType": ["STOP_LOSS"], "pendingBelowStopPrice": ["80000"],
}  # fmt: skip
_FUTURES_GOOD = {
    "symbol": ["BTCUSDT", "ETHUSDT"], "side": ["BUY", "SELL"], "positionSide": ["BOTH", "LONG"],
    "type": ["LIMIT", "LIMIT", "MARKET", "STOP_MARKET", "TRAILING_STOP_MARKET"], "timeInForce": ["GTC", "IOC", "GTX", "GTD"],
    "quantity": ["0.010", "1"], "price": ["90000", "95000.5"], "stopPrice": ["80000"], "triggerPrice": ["80000"],
    "reduceOnly": ["true", "false"], "closePosition": ["true"], "callbackRate": ["1"], "algoType": ["CONDITIONAL"],
    "algoId": ["1"], "orderId": ["1000001"], "interval": ["1m", "1h"], "limit": ["5"], "pair": ["BTCUSDT"],
    "contractType": ["PERPETUAL"], "newOrderRespType": ["RESULT"], "leverage": ["5"], "marginType": ["CROSSED"],
    "amount": ["10"], "dualSidePosition": ["false"], "multiAssetsMargin": ["false"], "feeBurn": ["true"],
    "countdownTime": ["60000"], "priceMatch": ["QUEUE"], "goodTillDate": ["1999999999000"], "incomeType": ["TRANSFER"],
    "batchOrders": ['[{"symbol":"BTCUSDT","side":"BUY","type":"MARKET","quantity":"0.01"}]', '[{"orderId":1}]'],
    "orderIdList": ["[1]"], "origClientOrderIdList": ['["a"]'], "workingType": ["MARK_PRICE"],
}  # fmt: skip
_SPOT_EXTRA = (
    "foo", "icebergQty", "trailingDelta", "strategyType", "pegPriceType", "quoteOrderQty", "signature", "recvWindow",
    "symbols", "permissions", "fromId", "startTime", "endTime", "listClientOrderId", "newClientOrderId",
)  # fmt: skip
_FUTURES_EXTRA = (
    "foo", "activatePrice", "selfTradePreventionMode", "signature", "recvWindow", "fromId", "startTime", "endTime",
    "newClientOrderId", "origClientOrderId", "clientAlgoId", "modifyId", "page", "priceProtect", "listenKey",
)  # fmt: skip
_LIMIT = ("symbol", "side", "type", "timeInForce", "quantity", "price")
_LEGS = ("aboveType", "abovePrice", "belowType", "belowStopPrice")
_WORKING = (
    "symbol", "workingType", "workingSide", "workingPrice", "workingQuantity", "workingTimeInForce", "pendingSide",
    "pendingQuantity",
)  # fmt: skip
_PENDING_LEGS = ("pendingAboveType", "pendingAbovePrice", "pendingBelowType", "pendingBelowStopPrice")
_COMMON = {
    "order": _LIMIT, "order/test": _LIMIT, "order.place": _LIMIT, "order.test": _LIMIT, "order.cancel": ("symbol", "orderId"),
    "order.status": ("symbol", "orderId"), "klines": ("symbol", "interval", "limit"), "depth": ("symbol", "limit"),
    "allOrders": ("symbol", "limit"), "openOrders": ("symbol",), "trades": ("symbol", "limit"),
}  # fmt: skip
_SPOT_SHAPES = _COMMON | {
    "order/cancelReplace": (*_LIMIT, "cancelReplaceMode", "cancelOrderId"),
    "order.cancelReplace": (*_LIMIT, "cancelReplaceMode", "cancelOrderId"),
    "order/amend/keepPriority": ("symbol", "orderId", "newQty"), "order.amend.keepPriority": ("symbol", "orderId", "newQty"),
    "orderList/oco": ("symbol", "side", "quantity", *_LEGS), "orderList.place.oco": ("symbol", "side", "quantity", *_LEGS),
    "orderList/oto": (*_WORKING, "pendingType"), "orderList.place.oto": (*_WORKING, "pendingType"),
    "orderList/otoco": (*_WORKING, *_PENDING_LEGS), "orderList.place.otoco": (*_WORKING, *_PENDING_LEGS),
    "myTrades": ("symbol", "limit"), "ticker": ("symbol", "windowSize"), "avgPrice": ("symbol",),
}  # fmt: skip
_ALGO = ("symbol", "side", "type", "algoType", "triggerPrice", "quantity", "workingType")
_FUTURES_SHAPES = _COMMON | {
    "order.modify": ("symbol", "orderId", "side", "quantity", "price"), "algoOrder": _ALGO, "algoOrder.place": _ALGO,
    "batchOrders": ("batchOrders",), "leverage": ("symbol", "leverage"), "marginType": ("symbol", "marginType"),
    "positionMargin": ("symbol", "amount", "type"), "countdownCancelAll": ("symbol", "countdownTime"),
    "continuousKlines": ("pair", "contractType", "interval"), "userTrades": ("symbol", "limit"),
    "positionSide/dual": ("dualSidePosition",), "multiAssetsMargin": ("multiAssetsMargin",),
    "algoOrder.cancel": ("algoId",), "income": ("incomeType", "limit"),
}  # fmt: skip
_SESSION = ("session.logon", "session.status", "nothing.like.it")
SPOT = Table(
    spot.ROUTES, spot.METHODS, ("userDataStream.subscribe", "userDataStream.subscribe.signature", *_SESSION),
    _SPOT_GOOD, _SPOT_EXTRA, _SPOT_SHAPES,
)  # fmt: skip
FUTURES = Table(futures.ROUTES, futures.METHODS, _SESSION, _FUTURES_GOOD, _FUTURES_EXTRA, _FUTURES_SHAPES)
