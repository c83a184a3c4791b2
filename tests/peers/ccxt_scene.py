"""What people do with ccxt: its unified methods over REST and over sockets."""

import asyncio
from typing import Any

from notes import Notes


def spot(notes: Notes, peer: Any) -> None:
    """Spot: markets, every order kind, queries, balances, watches."""
    exchange, symbol = peer.exchanges["spot"], "BTC/USDT"
    call = _caller(notes, peer, exchange, "spot")
    call("load_markets", lambda m: symbol in m)
    call("fetch_currencies", lambda c: isinstance(c, dict))
    call("fetch_time", lambda t: t > 0)
    call("fetch_ohlcv", lambda c: len(c) == 3, symbol, "1m", limit=3)
    call("fetch_trades", lambda t: t[0]["price"] > 0, symbol, limit=3)
    call("fetch_order_book", lambda b: b["bids"] and b["asks"], symbol, 5)
    ticker = call("fetch_ticker", lambda t: t["last"] > 0, symbol)
    call("fetch_tickers", lambda t: symbol in t, [symbol])
    call("fetch_bids_asks", lambda t: symbol in t, [symbol])
    call("fetch_last_prices", lambda t: symbol in t, [symbol])
    call("fetch_balance", lambda b: b["USDT"]["free"] > 0)
    call("fetch_trading_fee", lambda f: "maker" in f, symbol)
    last = float(ticker["last"])
    low, high = last * 0.97, last * 1.03
    is_open, is_done = (lambda o: o["status"] == "open"), (lambda o: o["status"] == "closed" and o["average"] > 0)
    for step, check, kind, side, price, params in (
        ("limit", is_open, "limit", "buy", low, {}),
        ("limit post-only", None, "limit", "buy", low, {"postOnly": True}),
        ("limit IOC", lambda o: o["status"] == "expired", "limit", "buy", low, {"timeInForce": "IOC"}),
        ("market", is_done, "market", "buy", None, {}),
        ("stop loss", None, "market", "sell", None, {"stopLossPrice": low}),
        ("stop loss limit", None, "limit", "sell", low, {"stopLossPrice": low}),
        ("take profit", None, "market", "sell", None, {"takeProfitPrice": high}),
        ("take profit limit", None, "limit", "sell", high, {"takeProfitPrice": high}),
        ("trailing", None, "STOP_LOSS", "sell", None, {"trailingDelta": 300}),
    ):
        placed = call("create_order", check, symbol, kind, side, 0.01, price, params, step=step)
        if placed and placed["status"] != "closed" and step != "limit IOC":
            call("fetch_order", lambda o, p=placed: o["id"] == p["id"], placed["id"], symbol, step=step)
            call("cancel_order", lambda o: o["status"] == "canceled", placed["id"], symbol, step=step)
    call("create_market_buy_order_with_cost", is_done, symbol, 500)
    placed = call("create_order", is_open, symbol, "limit", "buy", 0.01, low, step="to be edited")
    if placed:
        call("edit_order", is_open, placed["id"], symbol, "limit", "buy", 0.011, low)
    call("fetch_open_orders", lambda o: len(o) >= 1, symbol)
    call("cancel_all_orders", lambda o: isinstance(o, list), symbol)
    call("fetch_orders", lambda o: len(o) >= 5, symbol)
    call("fetch_closed_orders", lambda o: o, symbol)
    call("fetch_my_trades", lambda t: t[0]["fee"]["cost"] is not None, symbol)
    call("watch_ohlcv", lambda c: len(c[-1]) == 6, symbol, "1m")
    call("watch_trades", lambda t: t[0]["price"] > 0, symbol)
    call("watch_ticker", lambda t: t["last"] > 0, symbol)
    call("watch_bids_asks", lambda t: t[symbol]["bid"] > 0, [symbol])
    call("watch_order_book", lambda b: b["bids"] and b["bids"][0][0] < b["asks"][0][0], symbol)
    _over_socket(call, symbol, low)
    _user_watches(notes, peer, exchange, symbol, "spot", ("watch_orders", "watch_my_trades", "watch_balance"))


def um(notes: Notes, peer: Any) -> None:
    """USD-M: markets, every order kind, positions, settings, watches."""
    exchange, symbol = peer.exchanges["um"], "BTC/USDT:USDT"
    call = _caller(notes, peer, exchange, "um")
    call("load_markets", lambda m: symbol in m)
    call("fetch_ohlcv", lambda c: len(c) == 3, symbol, "1m", limit=3)
    call("fetch_mark_ohlcv", lambda c: c, symbol, "1m", limit=3)
    call("fetch_trades", lambda t: t[0]["price"] > 0, symbol, limit=3)
    call("fetch_order_book", lambda b: b["bids"] and b["asks"], symbol, 5)
    ticker = call("fetch_ticker", lambda t: t["last"] > 0, symbol)
    call("fetch_mark_price", lambda t: t["markPrice"] > 0, symbol)
    call("fetch_funding_rate", lambda f: "fundingRate" in f, symbol)
    call("fetch_funding_rate_history", lambda f: isinstance(f, list), symbol)
    call("fetch_open_interest", lambda f: f["symbol"] == symbol, symbol)
    call("fetch_balance", lambda b: b["USDT"]["total"] > 0)
    call("fetch_leverage_tiers", lambda t: t[symbol], [symbol])
    call("fetch_leverages", lambda t: symbol in t, [symbol])
    call("fetch_margin_modes", lambda t: symbol in t, [symbol])
    call("fetch_position_mode", lambda m: m["hedged"] is False)
    call("fetch_trading_fee", lambda f: "maker" in f, symbol)
    call("set_leverage", lambda a: a["leverage"], 7, symbol)
    call("set_margin_mode", None, "isolated", symbol)
    call("set_margin_mode", None, "cross", symbol, step="back")
    last = float(ticker["last"])
    low, high = last * 0.97, last * 1.03
    is_open, is_done = (lambda o: o["status"] == "open"), (lambda o: o["status"] == "closed")
    for step, check, kind, side, price, params in (
        ("limit", is_open, "limit", "buy", low, {}),
        ("limit post-only", is_open, "limit", "buy", low, {"postOnly": True}),
        ("limit IOC", None, "limit", "buy", low, {"timeInForce": "IOC"}),
        ("market", is_done, "market", "buy", None, {}),
        ("stop market", None, "market", "sell", None, {"stopLossPrice": low}),
        ("stop limit", None, "limit", "sell", low, {"stopLossPrice": low}),
        ("take profit market", None, "market", "sell", None, {"takeProfitPrice": high}),
        ("take profit limit", None, "limit", "sell", high, {"takeProfitPrice": high}),
        ("trailing", None, "market", "sell", None, {"trailingPercent": 1}),
    ):
        placed = call("create_order", check, symbol, kind, side, 0.01, price, params, step=step)
        if placed and placed["status"] != "closed" and step != "limit IOC":
            more = {"trigger": True} if params.keys() & {"stopLossPrice", "takeProfitPrice", "trailingPercent"} else {}
            call("fetch_order", None, placed["id"], symbol, more, step=step)
            call("cancel_order", None, placed["id"], symbol, more, step=step)
    call("fetch_positions", lambda p: p and p[0]["contracts"] > 0, [symbol])
    call("fetch_positions_risk", lambda p: p and p[0]["contracts"] > 0, [symbol])
    placed = call("create_order", is_open, symbol, "limit", "buy", 0.01, low, step="to be edited")
    if placed:
        call("edit_order", is_open, placed["id"], symbol, "limit", "buy", 0.011, low)
    both = [{"symbol": symbol, "type": "limit", "side": "buy", "amount": 0.01, "price": low}] * 2
    call("create_orders", lambda o: len(o) == 2, both)
    call("fetch_open_orders", lambda o: len(o) >= 2, symbol)
    call("cancel_all_orders", None, symbol)
    call("create_order", is_done, symbol, "market", "sell", 0.01, None, {"reduceOnly": True}, step="reduce only")
    call("fetch_orders", lambda o: len(o) >= 3, symbol)
    call("fetch_my_trades", lambda t: t[0]["fee"]["cost"] is not None, symbol)
    call("fetch_funding_history", lambda f: isinstance(f, list), symbol)
    call("fetch_ledger", lambda f: isinstance(f, list), "USDT")
    call("watch_ohlcv", lambda c: len(c[-1]) == 6, symbol, "1m")
    call("watch_trades", lambda t: t[0]["price"] > 0, symbol)
    call("watch_ticker", lambda t: t["last"] > 0, symbol)
    call("watch_mark_price", lambda t: t["markPrice"] > 0, symbol)
    call("watch_bids_asks", lambda t: t[symbol]["bid"] > 0, [symbol])
    call("watch_order_book", lambda b: b["bids"] and b["bids"][0][0] < b["asks"][0][0], symbol)
    _over_socket(call, symbol, low)
    names = ("watch_orders", "watch_my_trades", "watch_balance", "watch_positions")
    _user_watches(notes, peer, exchange, symbol, "um", names)
    call("create_order", None, symbol, "market", "sell", 0.01, None, {"reduceOnly": True}, step="flat again")


def _caller(notes: Notes, peer: Any, exchange: Any, market: str) -> Any:
    def call(method: str, check: Any, *arguments: Any, step: str = "", **named: Any) -> Any:
        work = lambda: peer.loop.run(getattr(exchange, method)(*arguments, **named))  # noqa: E731
        return notes.run(f"{market} ccxt.{method}", step, work, check)

    return call


def _over_socket(call: Any, symbol: str, low: float) -> None:
    """Orders and questions over the WebSocket API."""
    is_futures = ":" in symbol
    placed = call("create_order_ws", lambda o: o["id"], symbol, "limit", "buy", 0.01, low)
    if placed:
        call("fetch_order_ws", lambda o: o["status"] == "open", placed["id"], symbol)
        call("edit_order_ws", lambda o: o["id"], placed["id"], symbol, "limit", "buy", 0.011, low)
        if is_futures:
            call("cancel_order_ws", lambda o: o["id"], placed["id"], symbol)
        else:
            call("fetch_open_orders_ws", lambda o: len(o) >= 1, symbol)
            call("cancel_all_orders_ws", lambda o: o, symbol)
    call("fetch_balance_ws", lambda b: b["info"])  # on spot ccxt hands on nothing but the raw answer
    if is_futures:
        call("fetch_ticker_ws", lambda t: t["symbol"] == symbol, symbol)
        call("fetch_order_book_ws", lambda b: b["bids"], symbol, 5)


def _user_watches(
    notes: Notes, peer: Any, exchange: Any, symbol: str, market: str, names: tuple[str, ...]
) -> None:  # fmt: skip
    """Wait with every user watch at once while an order trades."""

    async def work() -> dict[str, Any]:
        tasks = {name: asyncio.ensure_future(getattr(exchange, name)()) for name in names}
        await asyncio.sleep(1.5)
        await exchange.create_order(symbol, "market", "buy", 0.01)
        await asyncio.wait(tasks.values(), timeout=6)
        for task in tasks.values():
            task.cancel()
        return {name: task.result() for name, task in tasks.items() if task.done() and not task.cancelled()}

    try:
        seen = peer.loop.run(work(), 14)
    except Exception as error:  # noqa: BLE001  (whatever it is, it is a finding)
        seen = dict.fromkeys(names, error)
    for name in names:
        notes.run(f"{market} ccxt.{name}", "", lambda n=name: seen.get(n), lambda a: a and not isinstance(a, Exception))
