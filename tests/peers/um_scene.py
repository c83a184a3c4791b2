"""One day at USD-M, in Binance's words: market data, settings, every order type, conditional orders, positions, events."""

import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import um_motion
from notes import SYMBOL, Notes, Peer, wait_until
from spot_scene import watch

V1, V2, V3 = "/fapi/v1/", "/fapi/v2/", "/fapi/v3/"
SIZE = "0.01"


def route(name: str) -> str:
    """Give the route that a USD-M stream lives on."""
    return "public" if any(word in name for word in ("bookTicker", "@depth", "@trade")) else "market"


class Desk:
    """Prices and parameters of orders near the market."""

    def __init__(self, notes: Notes, peer: Peer) -> None:
        self.notes, self.peer = notes, peer

    def price(self, share: str = "1") -> str:
        """Give a price at a share of the last one, on the tick."""
        candles = self.peer.ask(f"GET {V1}klines", {"symbol": SYMBOL, "interval": "1m", "limit": 1})
        return str((Decimal(str(candles[-1][4])) * Decimal(share)).quantize(Decimal("0.1")))

    def order(self, kind: str, side: str, **more: Any) -> dict[str, Any]:
        """Give the parameters of an order."""
        return {"symbol": SYMBOL, "side": side, "type": kind, "quantity": SIZE, **more}

    def limit(self, side: str, share: str, **more: Any) -> dict[str, Any]:
        """Give the parameters of a limit order."""
        return self.order("LIMIT", side, **{"timeInForce": "GTC", "price": self.price(share), **more})

    def algo(self, kind: str, side: str, **more: Any) -> dict[str, Any]:
        """Give the parameters of a conditional order."""
        return {"algoType": "CONDITIONAL", **self.order(kind, side), **more}


def play(notes: Notes, peer: Peer) -> None:
    """Play the whole day."""
    desk = Desk(notes, peer)
    for act in (
        market, settings, orders, batches, conditional, positions, isolated, hedge, socket, streams, events,
    ):  # fmt: skip
        act(desk)
    um_motion.play(notes, peer)
    close(desk)


def market(desk: Desk) -> None:
    """Public data."""
    ask = desk.notes.ask
    ask(f"GET {V1}ping")
    ask(f"GET {V1}time", "", lambda a: a["serverTime"] > 1_600_000_000_000)
    ask(f"GET {V1}exchangeInfo", "", lambda a: any(s["symbol"] == SYMBOL for s in a["symbols"]))
    candles: dict[str, Any] = {"interval": "1m", "limit": 3}
    is_candles: Callable[[Any], bool] = lambda a: len(a) == 3 and len(a[0]) == 12  # noqa: E731
    ask(f"GET {V1}klines", "", is_candles, symbol=SYMBOL, **candles)
    ask(f"GET {V1}continuousKlines", "", is_candles, pair=SYMBOL, contractType="PERPETUAL", **candles)
    ask(f"GET {V1}markPriceKlines", "", is_candles, symbol=SYMBOL, **candles)
    ask(f"GET {V1}indexPriceKlines", "", is_candles, pair=SYMBOL, **candles)
    ask(f"GET {V1}depth", "", lambda a: a["lastUpdateId"] and len(a["bids"]) == 5, symbol=SYMBOL, limit=5)
    for path in ("trades", "historicalTrades"):
        ask(f"GET {V1}{path}", "", lambda a: a and {"id", "isBuyerMaker"} <= set(a[0]), symbol=SYMBOL, limit=3)
    ask(f"GET {V1}aggTrades", "", lambda a: a and {"a", "f", "l"} <= set(a[0]), symbol=SYMBOL, limit=3)
    ask(f"GET {V1}ticker/24hr", "", lambda a: Decimal(a["weightedAvgPrice"]) > 0, symbol=SYMBOL)
    for version in (V1, V2):
        ask(f"GET {version}ticker/price", "", lambda a: Decimal(a["price"]) > 0, symbol=SYMBOL)
    ask(f"GET {V1}ticker/bookTicker", "", lambda a: Decimal(a["bidPrice"]) > 0, symbol=SYMBOL)
    ask(f"GET {V1}premiumIndex", "", lambda a: Decimal(a["markPrice"]) > 0, symbol=SYMBOL)
    ask(f"GET {V1}fundingRate", "", lambda a: isinstance(a, list), symbol=SYMBOL)
    ask(f"GET {V1}fundingInfo", "", lambda a: isinstance(a, list))
    ask(f"GET {V1}openInterest", "", lambda a: a["openInterest"], symbol=SYMBOL)


def settings(desk: Desk) -> None:
    """Modes, leverage, and what an account may ask about itself."""
    notes, ask = desk.notes, desk.notes.ask
    ask(f"GET {V1}accountConfig", "", lambda a: a["dualSidePosition"] is False)
    ask(f"GET {V1}symbolConfig", "", lambda a: a[0]["leverage"], symbol=SYMBOL)
    ask(f"GET {V1}leverageBracket", "", lambda a: (a[0] if isinstance(a, list) else a)["brackets"], symbol=SYMBOL)
    ask(f"GET {V1}commissionRate", "", lambda a: Decimal(a["makerCommissionRate"]) > 0, symbol=SYMBOL)
    ask(f"GET {V1}adlQuantile", "", lambda a: isinstance(a, list), symbol=SYMBOL)
    ask(f"GET {V1}rateLimit/order", "", lambda a: a[0]["limit"])
    ask(f"GET {V1}positionSide/dual", "", lambda a: a["dualSidePosition"] is False)
    notes.refused(f"POST {V1}positionSide/dual", -4059, "no change", dualSidePosition="false")
    ask(f"GET {V1}multiAssetsMargin", "", lambda a: a["multiAssetsMargin"] is False)
    ask(f"POST {V1}multiAssetsMargin", "on", lambda a: a["code"] == 200, multiAssetsMargin="true")
    ask(f"POST {V1}multiAssetsMargin", "off", lambda a: a["code"] == 200, multiAssetsMargin="false")
    ask(f"GET {V1}feeBurn", "", lambda a: isinstance(a["feeBurn"], bool))
    ask(f"POST {V1}feeBurn", "", lambda a: a["code"] == 200, feeBurn="true")
    ask(f"POST {V1}leverage", "", lambda a: a["leverage"] == 10, symbol=SYMBOL, leverage=10)
    notes.refused(f"POST {V1}leverage", -4028, "500", symbol=SYMBOL, leverage=500)
    for kind in ("ISOLATED", "CROSSED"):
        ask(f"POST {V1}marginType", kind, lambda a: a["code"] == 200, symbol=SYMBOL, marginType=kind)
    notes.refused(f"POST {V1}marginType", -4046, "no change", symbol=SYMBOL, marginType="CROSSED")


def orders(desk: Desk) -> None:
    """Plain orders with every time in force, changed, asked for, cancelled, refused."""
    notes, ask = desk.notes, desk.notes.ask
    post = f"POST {V1}order"
    ask(f"POST {V1}order/test", "", None, **desk.limit("BUY", "0.97"))
    placed = ask(post, "LIMIT GTC", lambda a: a["status"] == "NEW", **desk.limit("BUY", "0.97"))
    if placed:
        which = {"symbol": SYMBOL, "orderId": placed["orderId"]}
        ask(f"GET {V1}order", "", lambda a: a["status"] == "NEW" and "avgPrice" in a, **which)
        ask(f"GET {V1}openOrder", "", lambda a: a["orderId"] == placed["orderId"], **which)
        ask(f"GET {V1}openOrders", "", lambda a: placed["orderId"] in {o["orderId"] for o in a}, symbol=SYMBOL)
        ask(f"PUT {V1}order", "", lambda a: Decimal(a["origQty"]) == Decimal("0.02"), side="BUY", quantity="0.02",
            price=desk.price("0.96"), **which)  # fmt: skip
        ask(f"GET {V1}orderAmendment", "", lambda a: a and a[0]["amendment"], **which)
        ask(f"DELETE {V1}order", "", lambda a: a["status"] == "CANCELED", **which)
    away = desk.limit("BUY", "0.97", timeInForce="IOC", newOrderRespType="RESULT")
    ask(post, "LIMIT IOC away", lambda a: a["status"] == "EXPIRED", **away)
    notes.refused(post, -5021, "LIMIT FOK away", **away | {"timeInForce": "FOK"})
    ask(post, "LIMIT GTX", lambda a: a["status"] == "NEW", **desk.limit("BUY", "0.97", timeInForce="GTX"))
    notes.refused(post, -5022, "GTX crossing", **desk.limit("BUY", "1.01", timeInForce="GTX"))
    until = int(time.time() + 3600) * 1000
    ask(post, "LIMIT GTD", lambda a: a["goodTillDate"] == until,
        **desk.limit("BUY", "0.97", timeInForce="GTD", goodTillDate=until))  # fmt: skip
    matched = desk.order("LIMIT", "BUY", timeInForce="GTC", priceMatch="QUEUE_5")
    placed = ask(post, "LIMIT priceMatch", lambda a: a["priceMatch"] == "QUEUE_5", **matched)
    if placed:
        ask(f"DELETE {V1}order", "priceMatch", None, symbol=SYMBOL, orderId=placed["orderId"])
    for mode in ("EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH"):
        ask(post, f"STP {mode}", lambda a, m=mode: a["selfTradePreventionMode"] == m,
            **desk.limit("BUY", "0.97", selfTradePreventionMode=mode))  # fmt: skip
    ask(post, "MARKET", lambda a: a["status"] == "FILLED",
        **desk.order("MARKET", "BUY", newOrderRespType="RESULT"))  # fmt: skip
    notes.refused(post, -2022, "reduce only that would increase", **desk.order("MARKET", "BUY", reduceOnly="true"))
    ask(post, "MARKET reduceOnly", lambda a: a["status"] == "FILLED",
        **desk.order("MARKET", "SELL", reduceOnly="true", newOrderRespType="RESULT"))  # fmt: skip
    ask(f"POST {V1}countdownCancelAll", "on", lambda a: a["countdownTime"], symbol=SYMBOL, countdownTime=600_000)
    ask(f"POST {V1}countdownCancelAll", "off", lambda a: a["symbol"] == SYMBOL, symbol=SYMBOL, countdownTime=0)
    ask(f"DELETE {V1}allOpenOrders", "", lambda a: int(a["code"]) == 200, symbol=SYMBOL)
    ask(f"GET {V1}allOrders", "", lambda a: len(a) >= 6, symbol=SYMBOL)
    ask(f"GET {V1}userTrades", "", lambda a: {"realizedPnl", "commission"} <= set(a[0]), symbol=SYMBOL)
    ask(f"GET {V1}income", "", lambda a: "COMMISSION" in {row["incomeType"] for row in a})
    ask(f"GET {V1}forceOrders", "", lambda a: isinstance(a, list))
    notes.refused(post, -1121, "unknown symbol", **desk.limit("BUY", "0.97") | {"symbol": "NOSUCHUSDT"})
    notes.refused(post, -2019, "insufficient margin", **desk.limit("BUY", "0.97") | {"quantity": "90"})
    notes.refused(post, -4164, "notional", **desk.limit("BUY", "0.97") | {"quantity": "0.001", "price": "10000"})
    notes.refused(post, -4120, "conditional type", **desk.order("STOP_MARKET", "SELL"))
    notes.refused(f"GET {V1}order", -2013, "unknown order", symbol=SYMBOL, orderId=987654321)
    notes.refused(f"DELETE {V1}order", -2011, "unknown order", symbol=SYMBOL, orderId=987654321)


def batches(desk: Desk) -> None:
    """Several orders in one request."""
    ask = desk.notes.ask
    pair = [desk.limit("BUY", "0.97"), desk.limit("BUY", "0.96")]
    placed = ask(f"POST {V1}batchOrders", "", lambda a: [o["status"] for o in a] == ["NEW", "NEW"], batchOrders=pair)
    if not placed:
        return
    changed = [
        {"symbol": SYMBOL, "side": "BUY", "orderId": order["orderId"], "quantity": "0.02", "price": desk.price("0.96")}
        for order in placed
    ]
    ask(f"PUT {V1}batchOrders", "", lambda a: len(a) == 2 and "orderId" in a[0], batchOrders=changed)
    numbers = [order["orderId"] for order in placed]
    ask(f"DELETE {V1}batchOrders", "", lambda a: [o["status"] for o in a] == ["CANCELED"] * 2, symbol=SYMBOL,
        orderIdList=numbers)  # fmt: skip
    desk.notes.ask(f"DELETE {V1}allOpenOrders", "after batches", None, symbol=SYMBOL)


def conditional(desk: Desk) -> None:
    """All five conditional types: placed, asked for, cancelled."""
    notes, ask = desk.notes, desk.notes.ask
    low, high = desk.price("0.97"), desk.price("1.03")
    for kind, more in (
        ("STOP", {"triggerPrice": low, "price": low, "timeInForce": "GTC"}),
        ("TAKE_PROFIT", {"triggerPrice": high, "price": high, "timeInForce": "GTC"}),
        ("STOP_MARKET", {"triggerPrice": low, "workingType": "MARK_PRICE"}),
        ("TAKE_PROFIT_MARKET", {"triggerPrice": high}),
        ("TRAILING_STOP_MARKET", {"callbackRate": "1", "activatePrice": high}),
    ):
        placed = ask(f"POST {V1}algoOrder", kind, lambda a: a["algoStatus"] == "NEW", **desk.algo(kind, "SELL", **more))
        if placed:
            number = placed["algoId"]
            ask(f"GET {V1}algoOrder", kind, lambda a, k=kind: a["orderType"] == k, algoId=number)
            ask(f"GET {V1}openAlgoOrders", kind, lambda a, n=number: n in {o["algoId"] for o in a}, symbol=SYMBOL)
            ask(f"DELETE {V1}algoOrder", kind, lambda a: str(a["code"]) == "200", algoId=number)
    whole = desk.algo("STOP_MARKET", "SELL", triggerPrice=low, closePosition="true")
    whole.pop("quantity")
    ask(f"POST {V1}algoOrder", "closePosition", lambda a: a["closePosition"] is True, **whole)
    ask(f"DELETE {V1}algoOpenOrders", "", lambda a: int(a["code"]) == 200, symbol=SYMBOL)
    ask(f"GET {V1}allAlgoOrders", "", lambda a: len(a) >= 5, symbol=SYMBOL)
    notes.refused(f"POST {V1}algoOrder", -2021, "would trigger", **desk.algo("STOP_MARKET", "SELL", triggerPrice=high))


def positions(desk: Desk) -> None:
    """A position, and every place that shows it."""
    ask = desk.notes.ask
    ask(f"POST {V1}order", "opens", lambda a: a["status"] == "FILLED",
        **desk.order("MARKET", "BUY", newOrderRespType="RESULT"))  # fmt: skip
    for version in (V2, V3):
        ask(f"GET {version}positionRisk", "", lambda a: Decimal(_of(a)["positionAmt"]) == Decimal(SIZE), symbol=SYMBOL)
        ask(f"GET {version}account", "", lambda a: Decimal(_of(a["positions"])["positionAmt"]) == Decimal(SIZE))
        ask(f"GET {version}balance", "", lambda a: any(row["asset"] == "USDT" for row in a))
    desk.notes.refused(f"POST {V1}marginType", -4048, "with a position", symbol=SYMBOL, marginType="ISOLATED")
    ask(f"POST {V1}order", "closes", lambda a: a["status"] == "FILLED",
        **desk.order("MARKET", "SELL", reduceOnly="true", newOrderRespType="RESULT"))  # fmt: skip


def isolated(desk: Desk) -> None:
    """Isolated margin, put in and taken out."""
    ask = desk.notes.ask
    ask(f"POST {V1}marginType", "isolated again", None, symbol=SYMBOL, marginType="ISOLATED")
    ask(f"POST {V1}order", "opens isolated", None, **desk.order("MARKET", "BUY"))
    for kind, step, amount in ((1, "add", "20"), (2, "reduce", "5")):
        ask(f"POST {V1}positionMargin", step, lambda a: a["code"] == 200, symbol=SYMBOL, amount=amount, type=kind)
    ask(f"GET {V1}positionMargin/history", "", lambda a: len(a) >= 2, symbol=SYMBOL)
    ask(f"POST {V1}order", "closes isolated", None, **desk.order("MARKET", "SELL", reduceOnly="true"))
    ask(f"POST {V1}marginType", "crossed again", None, symbol=SYMBOL, marginType="CROSSED")


def hedge(desk: Desk) -> None:
    """Two positions of one symbol."""
    ask = desk.notes.ask
    if not ask(f"POST {V1}positionSide/dual", "hedge", lambda a: a["code"] == 200, dualSidePosition="true"):
        return
    desk.notes.refused(f"POST {V1}order", -4061, "no side in hedge mode", **desk.order("MARKET", "BUY"))
    for side, position in (("BUY", "LONG"), ("SELL", "SHORT"), ("SELL", "LONG"), ("BUY", "SHORT")):
        ask(f"POST {V1}order", f"{side} {position}", lambda a, p=position: a["positionSide"] == p,
            **desk.order("MARKET", side, positionSide=position))  # fmt: skip
    ask(f"POST {V1}positionSide/dual", "one-way", lambda a: a["code"] == 200, dualSidePosition="false")


def socket(desk: Desk) -> None:
    """The WebSocket API."""

    def ask(method: str, step: str = "", check: Any = None, **params: Any) -> Any:
        return desk.notes.ask(f"ws-fapi {method}", step, check, **params)

    ask("depth", "", lambda a: a["bids"], symbol=SYMBOL, limit=5)
    ask("ticker.price", "", lambda a: Decimal(a["price"]) > 0, symbol=SYMBOL)
    ask("ticker.book", "", lambda a: Decimal(a["bidPrice"]) > 0, symbol=SYMBOL)
    placed = ask("order.place", "LIMIT", lambda a: a["status"] == "NEW", **desk.limit("BUY", "0.97"))
    if placed:
        which = {"symbol": SYMBOL, "orderId": placed["orderId"]}
        ask("order.status", "", lambda a: a["status"] == "NEW", **which)
        ask("order.modify", "", lambda a: Decimal(a["origQty"]) == Decimal("0.02"), side="BUY", quantity="0.02",
            price=desk.price("0.96"), **which)  # fmt: skip
        ask("order.cancel", "", lambda a: a["status"] == "CANCELED", **which)
    bought = ask("order.place", "MARKET", lambda a: a["status"] == "FILLED",
                 **desk.order("MARKET", "BUY", newOrderRespType="RESULT"))  # fmt: skip
    stop = desk.algo("STOP_MARKET", "SELL", triggerPrice=desk.price("0.97"))
    placed = ask("algoOrder.place", "", lambda a: a["algoStatus"] == "NEW", **stop)
    if placed:
        ask("algoOrder.cancel", "", lambda a: str(a["code"]) == "200", algoId=placed["algoId"])
    for version in ("", "v2/"):
        ask(f"{version}account.status", "", lambda a: Decimal(a["totalWalletBalance"]) > 0)
        ask(f"{version}account.balance", "", lambda a: any(row["asset"] == "USDT" for row in a))
        ask(f"{version}account.position", "", lambda a: Decimal(_of(a)["positionAmt"]) == Decimal(SIZE), symbol=SYMBOL)
    for verb in ("start", "ping", "stop"):
        ask(f"userDataStream.{verb}")
    if bought:
        desk.notes.ask(f"POST {V1}order", "flat after sockets", None, **desk.order("MARKET", "SELL", reduceOnly="true"))


STREAMS = (
    ("{}@kline_1m", lambda f: f["e"] == "kline" and f["k"]["i"] == "1m"),
    ("{}@aggTrade", lambda f: f["e"] == "aggTrade" and f["a"]),
    ("{}@markPrice@1s", lambda f: f["e"] == "markPriceUpdate" and Decimal(f["p"]) > 0),
    ("{}@miniTicker", lambda f: f["e"] == "24hrMiniTicker"),
    ("{}@ticker", lambda f: f["e"] == "24hrTicker"),
    ("{}@bookTicker", lambda f: f["e"] == "bookTicker" and f["u"] and f["T"]),
    ("{}@trade", lambda f: f["e"] == "trade" and f["p"]),
    ("{}@depth5@100ms", lambda f: f["e"] == "depthUpdate" and len(f["b"]) == 5),
    ("{}@depth@100ms", lambda f: f["e"] == "depthUpdate" and "pu" in f),
    ("!miniTicker@arr", lambda f: f[0]["e"] == "24hrMiniTicker"),
    ("!ticker@arr", lambda f: f[0]["e"] == "24hrTicker"),
    ("!markPrice@arr@1s", lambda f: f[0]["e"] == "markPriceUpdate"),
    ("!bookTicker", lambda f: f["e"] == "bookTicker"),
)


def streams(desk: Desk) -> None:
    """Market streams on their routes: the first frame of each."""
    for pattern, check in STREAMS:
        watch(desk, "um", pattern.format(SYMBOL.lower()), check)


def events(desk: Desk) -> None:
    """User events of orders, conditional orders, a position and a setting."""
    notes = desk.notes
    if notes.ask(f"POST {V1}listenKey", "", lambda a: a["listenKey"]):
        notes.ask(f"PUT {V1}listenKey")

    def work() -> list[Any]:
        ask = desk.peer.ask
        with desk.peer.user_stream("um") as seen:
            placed = ask(f"POST {V1}order", desk.limit("BUY", "0.97"))
            ask(f"DELETE {V1}order", {"symbol": SYMBOL, "orderId": placed["orderId"]})
            ask(f"POST {V1}order", desk.order("MARKET", "BUY"))
            ask(f"POST {V1}order", desk.order("MARKET", "SELL", reduceOnly="true"))
            ask(f"POST {V1}leverage", {"symbol": SYMBOL, "leverage": 9})
            wait_until(lambda: {"NEW", "CANCELED", "TRADE"} <= _executions(seen), 8)
            wait_until(lambda: any(event["e"] == "ACCOUNT_CONFIG_UPDATE" for event in seen), 3)
            return list(seen)

    seen = notes.run("um user events", "order life", work, lambda s: {"NEW", "CANCELED", "TRADE"} <= _executions(s))
    if seen is None:
        return
    kinds = {event["e"] for event in seen}
    for kind in ("ACCOUNT_UPDATE", "ACCOUNT_CONFIG_UPDATE"):
        notes.run("um user events", kind, lambda: kinds, lambda found, k=kind: k in found)
    for event in seen:
        if event["e"] == "ORDER_TRADE_UPDATE":
            order = event["o"]
            notes.fact("event", market="um", order_id=order["i"], status=order["X"], filled=order["z"])


def close(desk: Desk) -> None:
    """Leave nothing open, and write down what the client believes now."""
    ask = desk.peer.ask
    desk.notes.ask(f"DELETE {V1}listenKey")
    for order in ask(f"GET {V1}openOrders", {"symbol": SYMBOL}):
        ask(f"DELETE {V1}order", {"symbol": SYMBOL, "orderId": order["orderId"]})
    for order in ask(f"GET {V1}allOrders", {"symbol": SYMBOL}):
        desk.notes.fact("order", market="um", order_id=order["orderId"], client_id=order["clientOrderId"],
                        status=order["status"], filled=order["executedQty"])  # fmt: skip
    account = ask(f"GET {V2}account", {})
    for asset in account["assets"]:
        desk.notes.fact("balance", market="um", asset=asset["asset"], wallet=asset["walletBalance"])
    for position in account["positions"]:
        desk.notes.fact("position", market="um", symbol=position["symbol"], position_side=position["positionSide"],
                        quantity=position["positionAmt"])  # fmt: skip


def _of(rows: list[Any]) -> Any:
    """Give the one-way row of the symbol."""
    return next(row for row in rows if row["symbol"] == SYMBOL and row["positionSide"] == "BOTH")


def _executions(seen: list[Any]) -> set[str]:
    return {event["o"]["x"] for event in seen if event["e"] == "ORDER_TRADE_UPDATE"}
