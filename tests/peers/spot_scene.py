"""One day at the spot exchange, in Binance's words: market data, every order type, lists, changes, refusals, events."""

from decimal import Decimal
from typing import Any

import spot_extras
from notes import SYMBOL, Notes, Peer, wait_until

API = "/api/v3/"
QUOTE = "USDT"
FRAME_S = 6.0
"""How long the first frame of a stream may take."""


class Desk:
    """Prices and parameters of orders near the market."""

    def __init__(self, notes: Notes, peer: Peer) -> None:
        self.notes, self.peer = notes, peer
        self.tick = Decimal("0.01")

    def price(self, share: str = "1") -> str:
        """Give a price at a share of the last one, on the tick."""
        last = Decimal(str(self.peer.ask(f"GET {API}ticker/price", {"symbol": SYMBOL})["price"]))
        return str((last * Decimal(share)).quantize(self.tick))

    def order(self, kind: str, side: str, **more: Any) -> dict[str, Any]:
        """Give the parameters of an order."""
        return {"symbol": SYMBOL, "side": side, "type": kind, "quantity": "0.01", **more}

    def limit(self, side: str, share: str, **more: Any) -> dict[str, Any]:
        """Give the parameters of a limit order."""
        return self.order("LIMIT", side, timeInForce="GTC", price=self.price(share), **more)


def play(notes: Notes, peer: Peer) -> None:
    """Play the whole day."""
    desk = Desk(notes, peer)
    market(desk)
    account(desk)
    orders(desk)
    triggers(desk)
    changes(desk)
    lists(desk)
    spot_extras.routing(desk)
    spot_extras.selling_lists(desk)
    refusals(desk)
    socket_questions(desk)
    socket_orders(desk)
    socket_lists(desk)
    streams(desk)
    events(desk)
    close(desk)


def market(desk: Desk) -> None:
    """Public data."""
    ask = desk.notes.ask
    ask(f"GET {API}ping")
    ask(f"GET {API}time", "", lambda a: a["serverTime"] > 1_600_000_000_000)
    info = ask(f"GET {API}exchangeInfo", "all", lambda a: any(s["symbol"] == SYMBOL for s in a["symbols"]))
    if info:
        filters = next(s["filters"] for s in info["symbols"] if s["symbol"] == SYMBOL)
        desk.tick = Decimal(next(f["tickSize"] for f in filters if f["filterType"] == "PRICE_FILTER")).normalize()
    ask(f"GET {API}exchangeInfo", "one symbol", lambda a: len(a["symbols"]) == 1, symbol=SYMBOL)
    for path in ("klines", "uiKlines"):
        ask(f"GET {API}{path}", "", lambda a: len(a) == 3 and len(a[0]) == 12, symbol=SYMBOL, interval="1m", limit=3)
    ask(f"GET {API}depth", "", lambda a: a["lastUpdateId"] and len(a["bids"]) == 5, symbol=SYMBOL, limit=5)
    for path in ("trades", "historicalTrades"):
        ask(f"GET {API}{path}", "", lambda a: a and {"id", "isBuyerMaker"} <= set(a[0]), symbol=SYMBOL, limit=3)
    ask(f"GET {API}aggTrades", "", lambda a: a and {"a", "f", "l"} <= set(a[0]), symbol=SYMBOL, limit=3)
    ask(f"GET {API}ticker/24hr", "", lambda a: Decimal(a["weightedAvgPrice"]) > 0, symbol=SYMBOL)
    ask(f"GET {API}ticker/tradingDay", "", lambda a: a["symbol"] == SYMBOL, symbol=SYMBOL)
    ask(f"GET {API}ticker", "1h window", lambda a: a["symbol"] == SYMBOL, symbol=SYMBOL, windowSize="1h")
    ask(f"GET {API}ticker/price", "", lambda a: Decimal(a["price"]) > 0, symbol=SYMBOL)
    ask(f"GET {API}ticker/bookTicker", "", lambda a: a["bidPrice"], symbol=SYMBOL)
    ask(f"GET {API}avgPrice", "", lambda a: Decimal(a["price"]) > 0, symbol=SYMBOL)
    ask(f"GET {API}executionRules", "", lambda a: a["symbolRules"], symbol=SYMBOL)
    ask(f"GET {API}referencePrice", "", lambda a: a["symbol"] == SYMBOL, symbol=SYMBOL)


def account(desk: Desk) -> None:
    """What an account may ask about itself."""
    ask = desk.notes.ask
    ask(f"GET {API}account", "", lambda a: any(b["asset"] == QUOTE for b in a["balances"]))
    ask(f"GET {API}account/commission", "", lambda a: a["standardCommission"]["maker"], symbol=SYMBOL)
    ask(f"GET {API}rateLimit/order", "", lambda a: {r["interval"] for r in a} == {"SECOND", "DAY"})
    ask(f"GET {API}myFilters", "", lambda a: "symbolFilters" in a, symbol=SYMBOL)
    ask("GET /sapi/v1/account/apiRestrictions", "", lambda a: a["enableReading"])
    ask("GET /sapi/v1/asset/tradeFee", "", lambda a: isinstance(a, list))
    ask("GET /sapi/v1/system/status", "", lambda a: a["status"] == 0)
    ask("GET /sapi/v1/capital/config/getall", "", lambda a: isinstance(a, list))


def orders(desk: Desk) -> None:
    """The plain order types with their times in force, reply types and self-trade modes."""
    notes, ask = desk.notes, desk.notes.ask
    post, order = f"POST {API}order", f"GET {API}order"
    for params in ({}, {"computeCommissionRates": "true"}):
        ask(f"POST {API}order/test", " ".join(params), None, **desk.limit("BUY", "0.97", **params))
    placed = ask(
        post, "LIMIT GTC", lambda a: a["status"] == "NEW", **desk.limit("BUY", "0.97", newOrderRespType="RESULT")
    )  # fmt: skip
    if placed:
        which = {"symbol": SYMBOL, "orderId": placed["orderId"]}
        ask(order, "by id", lambda a: a["status"] == "NEW" and a["isWorking"], **which)
        ask(order, "by client id", lambda a: a["orderId"] == placed["orderId"], symbol=SYMBOL,
            origClientOrderId=placed["clientOrderId"])  # fmt: skip
        ask(f"GET {API}openOrders", "", lambda a: placed["orderId"] in {o["orderId"] for o in a}, symbol=SYMBOL)
        ask(f"DELETE {API}order", "", lambda a: a["status"] == "CANCELED", **which)
    ask(post, "LIMIT ACK", lambda a: "status" not in a, **desk.limit("BUY", "0.97", newOrderRespType="ACK"))
    for tif in ("IOC", "FOK"):
        away = desk.order("LIMIT", "BUY", timeInForce=tif, price=desk.price("0.97"))
        ask(post, f"LIMIT {tif} away", lambda a: a["status"] == "EXPIRED", **away)
        near = desk.order("LIMIT", "BUY", timeInForce=tif, price=desk.price("1.01"))
        ask(post, f"LIMIT {tif} crossing", lambda a: a["status"] == "FILLED" and a["fills"], **near)
    bought = desk.order("MARKET", "BUY", newOrderRespType="FULL")
    ask(post, "MARKET quantity", lambda a: a["status"] == "FILLED" and a["fills"][0]["commission"], **bought)
    spend = {"symbol": SYMBOL, "side": "BUY", "type": "MARKET", "quoteOrderQty": "500"}
    ask(post, "MARKET quoteOrderQty", lambda a: Decimal(a["cummulativeQuoteQty"]) <= 500, **spend)
    ask(post, "MARKET sell", lambda a: a["status"] == "FILLED", **desk.order("MARKET", "SELL"))
    maker = desk.order("LIMIT_MAKER", "SELL", price=desk.price("1.03"))
    ask(post, "LIMIT_MAKER", lambda a: a["type"] == "LIMIT_MAKER" if "type" in a else a["orderId"], **maker)
    crossing = desk.order("LIMIT_MAKER", "BUY", price=desk.price("1.02"))
    notes.refused(post, -2010, "LIMIT_MAKER crossing", **crossing)
    ask(post, "iceberg", lambda a: a["orderId"], **desk.limit("BUY", "0.96", icebergQty="0.002"))
    for mode in ("NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH"):
        ask(post, f"STP {mode}", lambda a, mode=mode: a["selfTradePreventionMode"] == mode,
            **desk.limit("BUY", "0.96", selfTradePreventionMode=mode, newOrderRespType="RESULT"))  # fmt: skip
    ask(f"DELETE {API}openOrders", "", lambda a: a and all(o["status"] == "CANCELED" for o in a), symbol=SYMBOL)
    ask(f"GET {API}allOrders", "", lambda a: len(a) >= 8, symbol=SYMBOL)
    ask(f"GET {API}myTrades", "", lambda a: a and {"commission", "isMaker"} <= set(a[0]), symbol=SYMBOL)
    ask(f"GET {API}myPreventedMatches", "", lambda a: isinstance(a, list), symbol=SYMBOL, orderId=1)
    ask(f"GET {API}myAllocations", "", lambda a: isinstance(a, list), symbol=SYMBOL)


def triggers(desk: Desk) -> None:
    """Orders that wait for a price."""
    notes, ask = desk.notes, desk.notes.ask
    post = f"POST {API}order"
    for kind, share in (("STOP_LOSS", "0.97"), ("TAKE_PROFIT", "1.03")):
        stop = desk.price(share)
        for name, more in (
            (kind, {"stopPrice": stop}),
            (f"{kind}_LIMIT", {"stopPrice": stop, "price": stop, "timeInForce": "GTC"}),
            (kind, {"trailingDelta": 300}),
        ):
            step = name + (" trailingDelta" if "trailingDelta" in more else "")
            params = desk.order(name, "SELL", newOrderRespType="RESULT", **more)
            placed = ask(post, step, lambda a: a["status"] == "NEW", **params)
            if placed:
                which = {"symbol": SYMBOL, "orderId": placed["orderId"]}
                ask(f"GET {API}order", step, lambda a, name=name: a["type"] == name and not a["isWorking"], **which)
                ask(f"DELETE {API}order", step, lambda a: a["status"] == "CANCELED", **which)
    immediate = desk.order("STOP_LOSS", "SELL", stopPrice=desk.price("1.02"))
    notes.refused(post, -2010, "would trigger immediately", **immediate)


def changes(desk: Desk) -> None:
    """Cancel-replace and amend."""
    ask = desk.notes.ask
    post = f"POST {API}order"
    placed = ask(post, "to be replaced", None, **desk.limit("BUY", "0.97"))
    if placed:
        ask(f"POST {API}order/cancelReplace", "both succeed",
            lambda a: (a["cancelResult"], a["newOrderResult"]) == ("SUCCESS", "SUCCESS"),
            **desk.limit("BUY", "0.96", cancelReplaceMode="STOP_ON_FAILURE", cancelOrderId=placed["orderId"]))  # fmt: skip
    desk.notes.refused(f"POST {API}order/cancelReplace", -2022, "nothing to cancel",
                       **desk.limit("BUY", "0.96", cancelReplaceMode="STOP_ON_FAILURE", cancelOrderId=987654321))  # fmt: skip
    placed = ask(post, "to be amended", None, **desk.limit("BUY", "0.97"))
    if placed:
        ask(f"PUT {API}order/amend/keepPriority", "", lambda a: Decimal(a["amendedOrder"]["qty"]) == Decimal("0.005"),
            symbol=SYMBOL, orderId=placed["orderId"], newQty="0.005")  # fmt: skip
        ask(f"GET {API}order/amendments", "", lambda a: isinstance(a, list), symbol=SYMBOL, orderId=placed["orderId"])
    ask(f"DELETE {API}openOrders", "after changes", None, symbol=SYMBOL)


def list_of(desk: Desk, kind: str) -> dict[str, Any]:
    """Give the parameters of an order list that rests."""
    above, below = desk.price("1.03"), desk.price("0.97")
    oco = {"symbol": SYMBOL, "side": "SELL", "quantity": "0.01", "aboveType": "LIMIT_MAKER", "abovePrice": above,
           "belowType": "STOP_LOSS_LIMIT", "belowStopPrice": below, "belowPrice": below,
           "belowTimeInForce": "GTC"}  # fmt: skip
    working = {"symbol": SYMBOL, "workingType": "LIMIT", "workingSide": "BUY", "workingPrice": below,
               "workingQuantity": "0.01", "workingTimeInForce": "GTC"}  # fmt: skip
    pending = {"pendingSide": "SELL", "pendingQuantity": "0.009"}
    if kind == "oto":
        return working | pending | {"pendingType": "LIMIT", "pendingPrice": above, "pendingTimeInForce": "GTC"}
    if kind == "otoco":
        stop = desk.price("0.95")
        return working | pending | {
            "pendingAboveType": "LIMIT_MAKER", "pendingAbovePrice": above, "pendingBelowType": "STOP_LOSS",
            "pendingBelowStopPrice": stop,
        }  # fmt: skip
    return oco


def lists(desk: Desk) -> None:
    """Order lists: placed, asked for, cancelled."""
    ask = desk.notes.ask
    for kind, legs in (("oco", 2), ("oto", 2), ("otoco", 3)):
        placed = ask(f"POST {API}orderList/{kind}", "", lambda a, legs=legs: len(a["orders"]) == legs,
                     **list_of(desk, kind))  # fmt: skip
        if placed:
            which = placed["orderListId"]
            ask(f"GET {API}orderList", kind, lambda a: a["listOrderStatus"] == "EXECUTING", orderListId=which)
            ask(f"GET {API}openOrderList", kind, lambda a, which=which: which in {o["orderListId"] for o in a})
            ask(f"DELETE {API}orderList", kind, lambda a: a["listOrderStatus"] == "ALL_DONE", symbol=SYMBOL,
                orderListId=which)  # fmt: skip
    ask(f"GET {API}allOrderList", "", lambda a: len(a) >= 3)


def refusals(desk: Desk) -> None:
    """What the exchange refuses, with its code as the client shows it."""
    refused = desk.notes.refused
    post = f"POST {API}order"
    refused(post, -1121, "unknown symbol", **desk.limit("BUY", "0.97") | {"symbol": "NOSUCHUSDT"})
    refused(post, -1013, "LOT_SIZE", **desk.limit("BUY", "0.97") | {"quantity": "0.0000001"})
    refused(post, -1013, "NOTIONAL", **desk.limit("BUY", "0.97") | {"quantity": "0.00001"})
    refused(post, -2010, "insufficient balance", **desk.limit("BUY", "0.97") | {"quantity": "90"})
    refused(post, -1102, "limit without price", symbol=SYMBOL, side="BUY", type="LIMIT", timeInForce="GTC",
            quantity="0.01")  # fmt: skip
    refused(f"GET {API}order", -2013, "unknown order", symbol=SYMBOL, orderId=987654321)
    refused(f"DELETE {API}order", -2011, "unknown order", symbol=SYMBOL, orderId=987654321)


def socket_questions(desk: Desk) -> None:
    """The WebSocket API's questions."""

    def ask(method: str, check: Any = None, **params: Any) -> Any:
        return desk.notes.ask(f"ws-api {method}", "", check, **params)

    ask("ping")
    ask("time", lambda a: a["serverTime"])
    ask("exchangeInfo", lambda a: a["symbols"], symbol=SYMBOL)
    ask("depth", lambda a: a["bids"], symbol=SYMBOL, limit=5)
    ask("trades.recent", lambda a: len(a) == 3, symbol=SYMBOL, limit=3)
    ask("trades.historical", lambda a: len(a) == 3, symbol=SYMBOL, limit=3)
    ask("trades.aggregate", lambda a: len(a) == 3, symbol=SYMBOL, limit=3)
    for method in ("klines", "uiKlines"):
        ask(method, lambda a: len(a[0]) == 12, symbol=SYMBOL, interval="1m", limit=3)
    for method in ("avgPrice", "ticker.price"):
        ask(method, lambda a: Decimal(a["price"]) > 0, symbol=SYMBOL)
    for method in ("ticker.24hr", "ticker.tradingDay", "ticker.book"):
        ask(method, lambda a: a["symbol"] == SYMBOL, symbol=SYMBOL)
    ask("ticker", lambda a: a["symbol"] == SYMBOL, symbol=SYMBOL, windowSize="1h")
    ask("executionRules", lambda a: a["symbolRules"], symbol=SYMBOL)
    ask("referencePrice", lambda a: a["symbol"] == SYMBOL, symbol=SYMBOL)
    ask("session.status", lambda a: "connectedSince" in a)
    ask("account.status", lambda a: a["balances"])
    ask("account.commission", lambda a: a["standardCommission"], symbol=SYMBOL)
    ask("account.rateLimits.orders", lambda a: len(a) == 2)
    ask("myFilters", lambda a: "symbolFilters" in a, symbol=SYMBOL)
    ask("allOrders", lambda a: len(a) >= 8, symbol=SYMBOL)
    ask("myTrades", lambda a: a, symbol=SYMBOL)
    ask("myPreventedMatches", lambda a: isinstance(a, list), symbol=SYMBOL, orderId=1)
    ask("myAllocations", lambda a: isinstance(a, list), symbol=SYMBOL)


def socket_orders(desk: Desk) -> None:
    """Orders over the WebSocket API."""
    ask = desk.notes.ask
    ask("ws-api order.test", "", None, **desk.limit("BUY", "0.97"))
    placed = ask("ws-api order.place", "LIMIT", lambda a: a["orderId"], **desk.limit("BUY", "0.97"))
    if placed:
        which = {"symbol": SYMBOL, "orderId": placed["orderId"]}
        ask("ws-api order.status", "", lambda a: a["status"] == "NEW", **which)
        ask("ws-api openOrders.status", "", lambda a: placed["orderId"] in {o["orderId"] for o in a}, symbol=SYMBOL)
        ask("ws-api order.amend.keepPriority", "", lambda a: a["amendedOrder"]["qty"], newQty="0.005", **which)
        ask("ws-api order.amendments", "", lambda a: isinstance(a, list), **which)
        ask("ws-api order.cancelReplace", "", lambda a: a["newOrderResult"] == "SUCCESS",
            **desk.limit("BUY", "0.96", cancelReplaceMode="STOP_ON_FAILURE", cancelOrderId=placed["orderId"]))  # fmt: skip
    placed = ask("ws-api order.place", "STOP_LOSS_LIMIT", lambda a: a["orderId"],
                 **desk.limit("SELL", "0.97") | {"type": "STOP_LOSS_LIMIT", "stopPrice": desk.price("0.98")})  # fmt: skip
    if placed:
        ask("ws-api order.cancel", "", lambda a: a["status"] == "CANCELED", symbol=SYMBOL, orderId=placed["orderId"])
    ask("ws-api order.place", "MARKET", lambda a: a["status"] == "FILLED",
        **desk.order("MARKET", "BUY", newOrderRespType="FULL"))  # fmt: skip
    ask("ws-api order.place", "left to cancel", lambda a: a["orderId"], **desk.limit("BUY", "0.96"))
    ask("ws-api openOrders.cancelAll", "", lambda a: a and all(o["status"] == "CANCELED" for o in a), symbol=SYMBOL)
    desk.notes.refused("ws-api order.place", -2010, "insufficient balance",
                       **desk.limit("BUY", "0.97") | {"quantity": "90"})  # fmt: skip


def socket_lists(desk: Desk) -> None:
    """Order lists over the WebSocket API."""
    ask = desk.notes.ask
    for kind, legs in (("oco", 2), ("oto", 2), ("otoco", 3)):
        placed = ask(f"ws-api orderList.place.{kind}", "", lambda a, legs=legs: len(a["orders"]) == legs,
                     **list_of(desk, kind))  # fmt: skip
        if placed:
            which = placed["orderListId"]
            ask("ws-api orderList.status", kind, lambda a: a["listOrderStatus"] == "EXECUTING", orderListId=which)
            ask("ws-api openOrderLists.status", kind, lambda a: len(a) >= 1)
            ask("ws-api orderList.cancel", kind, lambda a: a["listOrderStatus"] == "ALL_DONE", symbol=SYMBOL,
                orderListId=which)  # fmt: skip
    ask("ws-api allOrderLists", "", lambda a: len(a) >= 3)


STREAMS = (
    ("{}@kline_1m", lambda f: f["e"] == "kline" and f["k"]["i"] == "1m"),
    ("{}@trade", lambda f: f["e"] == "trade" and f["p"]),
    ("{}@aggTrade", lambda f: f["e"] == "aggTrade" and f["a"]),
    ("{}@bookTicker", lambda f: f["u"] and f["b"] and "e" not in f),
    ("{}@miniTicker", lambda f: f["e"] == "24hrMiniTicker"),
    ("{}@ticker", lambda f: f["e"] == "24hrTicker" and f["w"]),
    ("{}@ticker_1h", lambda f: f["e"] == "1hTicker"),
    ("{}@avgPrice", lambda f: f["e"] == "avgPrice"),
    ("{}@depth5", lambda f: f["lastUpdateId"] and len(f["bids"]) == 5),
    ("{}@depth@100ms", lambda f: f["e"] == "depthUpdate" and f["U"] <= f["u"]),
    ("!miniTicker@arr", lambda f: f[0]["e"] == "24hrMiniTicker"),
    ("!ticker_1h@arr", lambda f: f[0]["e"] == "1hTicker"),
)


def streams(desk: Desk) -> None:
    """Market streams: the first frame of each."""
    for pattern, check in STREAMS:
        watch(desk, "spot", pattern.format(SYMBOL.lower()), check)


def watch(desk: Any, market_name: str, name: str, check: Any) -> None:
    """Open a stream through the client and look at its first frame."""
    label = name.replace(SYMBOL.lower(), "<symbol>")

    def work() -> Any:
        with desk.peer.stream(market_name, name) as frames:
            wait_until(lambda: frames, FRAME_S)
            if not frames:
                raise TimeoutError("no frame")
            return frames[0]

    desk.notes.run(f"{market_name} stream {label}", "", work, check)


def events(desk: Desk) -> None:
    """User events of an order that rests and is cancelled, of one that trades, and of a list."""
    notes = desk.notes

    def work() -> list[Any]:
        with desk.peer.user_stream("spot") as seen:
            placed = desk.peer.ask(f"POST {API}order", desk.limit("BUY", "0.97"))
            desk.peer.ask(f"DELETE {API}order", {"symbol": SYMBOL, "orderId": placed["orderId"]})
            desk.peer.ask(f"POST {API}order", desk.order("MARKET", "BUY"))
            wait_until(lambda: {"NEW", "CANCELED", "TRADE"} <= _executions(seen))
            return list(seen)

    seen = notes.run("spot user events", "order life", work, lambda s: {"NEW", "CANCELED", "TRADE"} <= _executions(s))
    if seen is None:
        return
    kinds = {event["e"] for event in seen}
    notes.run("spot user events", "balances", lambda: kinds, lambda k: "outboundAccountPosition" in k)
    for event in seen:
        if event["e"] == "executionReport":
            notes.fact("event", market="spot", order_id=event["i"], execution=event["x"], status=event["X"],
                       filled=event["z"])  # fmt: skip


def _executions(seen: list[Any]) -> set[str]:
    return {event["x"] for event in seen if event["e"] == "executionReport"}


def close(desk: Desk) -> None:
    """Leave nothing open, and write down what the client believes now."""
    if desk.peer.ask(f"GET {API}openOrders", {"symbol": SYMBOL}):
        desk.peer.ask(f"DELETE {API}openOrders", {"symbol": SYMBOL})
    for order in desk.peer.ask(f"GET {API}allOrders", {"symbol": SYMBOL}):
        desk.notes.fact("order", market="spot", order_id=order["orderId"], client_id=order["clientOrderId"],
                        status=order["status"], filled=order["executedQty"])  # fmt: skip
    for held in desk.peer.ask(f"GET {API}account", {})["balances"]:
        desk.notes.fact("balance", market="spot", asset=held["asset"], free=held["free"], locked=held["locked"])
