"""What clients do shows on the public side: resting orders in the book, trades on the tape and in the candle."""

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import aiohttp
import pytest

from bot.emulator.config import AccountConfig
from bot.emulator.server import Emulator

from .conftest import Connect, Socket, Visitor

FUNDS = {"USDT": Decimal(1_000_000), "BTC": Decimal(10)}
ACCOUNTS = (AccountConfig("ann-key", "ann-secret", FUNDS), AccountConfig("bob-key", "bob-secret", FUNDS))
SPREAD = 1_000


@pytest.fixture
async def visitor(make_emulator: Callable[..., Awaitable[Emulator]], session: aiohttp.ClientSession) -> Visitor:
    """Ann, in a market with ten dollars between bid and ask."""
    return Visitor(await make_emulator(accounts=ACCOUNTS, spread_ticks=SPREAD), session, "ann-key", "ann-secret")


@pytest.fixture
def bob(visitor: Visitor) -> Visitor:
    return Visitor(visitor.emulator, visitor.session, "bob-key", "bob-secret")


async def frames(socket: Socket, *names: str) -> dict[str, Any]:
    """Give the first frame of each of these streams of a combined connection."""
    found: dict[str, Any] = {}
    while not set(names) <= set(found):
        frame = await socket.frame()
        found.setdefault(frame["stream"].partition("@")[2], frame["data"])
    return found


async def test_an_order_inside_the_spread_is_the_best_bid_everywhere(visitor: Visitor, connect: Connect) -> None:
    socket = await connect("/stream?streams=btcusdt@bookTicker/btcusdt@depth/btcusdt@depth5")
    price = visitor.price() + 5
    order = (await visitor.limit(price, quantity="0.5")).body
    best = [f"{price:.8f}", "0.50000000"]
    shown = await frames(socket, "bookTicker", "depth", "depth5")
    assert [shown["bookTicker"]["b"], shown["bookTicker"]["B"]] == best
    assert best in shown["depth"]["b"]
    assert shown["depth5"]["bids"][0] == best
    assert (await visitor.get("depth?symbol=BTCUSDT&limit=5")).body["bids"][0] == best
    ticker = (await visitor.get("ticker/bookTicker?symbol=BTCUSDT")).body
    assert [ticker["bidPrice"], ticker["bidQty"]] == best
    await visitor.signed("DELETE", "order", symbol="BTCUSDT", orderId=order["orderId"])
    ticker = (await visitor.get("ticker/bookTicker?symbol=BTCUSDT")).body
    assert Decimal(ticker["bidPrice"]) == price - 5


async def test_an_order_at_the_best_price_adds_to_what_stands_there(visitor: Visitor) -> None:
    before = (await visitor.get("ticker/bookTicker?symbol=BTCUSDT")).body
    ask = (await visitor.limit(before["askPrice"], side="SELL", quantity="0.25")).body
    after = (await visitor.get("ticker/bookTicker?symbol=BTCUSDT")).body
    assert ask["status"] == "NEW"
    assert Decimal(after["askQty"]) == Decimal(before["askQty"]) + Decimal("0.25")


async def test_a_trade_between_two_clients_is_on_every_tape_under_the_id_they_saw(
    visitor: Visitor, bob: Visitor, connect: Connect
) -> None:
    await visitor.emulator.step()
    socket = await connect(
        "/stream?streams=btcusdt@trade/btcusdt@aggTrade/btcusdt@kline_1m/btcusdt@kline_5m/btcusdt@miniTicker/btcusdt@ticker"
    )
    price = visitor.price() + 5
    day = (await visitor.get("ticker/24hr?symbol=BTCUSDT")).body
    await visitor.limit(price, quantity="0.5")
    sold = (await bob.limit(price, side="SELL", quantity="0.5")).body
    trade_id = sold["fills"][0]["tradeId"]
    theirs = (await visitor.signed("GET", "myTrades", symbol="BTCUSDT")).body
    assert [row["id"] for row in theirs] == [trade_id]
    shown = await frames(socket, "trade", "aggTrade", "kline_1m", "kline_5m", "miniTicker", "ticker")
    words = {"p": f"{price:.8f}", "q": "0.50000000", "m": True}
    assert words | {"t": trade_id} == {name: shown["trade"][name] for name in (*words, "t")}
    assert words | {"f": trade_id, "l": trade_id} == {name: shown["aggTrade"][name] for name in (*words, "f", "l")}
    for name in ("kline_1m", "kline_5m"):
        candle = shown[name]["k"]
        assert (candle["x"], candle["c"], candle["L"]) == (False, f"{price:.8f}", trade_id)
        assert Decimal(candle["v"]) >= Decimal("0.5")
    assert shown["kline_1m"]["k"]["v"] == "0.50000000"
    assert shown["miniTicker"]["c"] == f"{price:.8f}"
    assert shown["ticker"]["L"] == trade_id
    row = (await visitor.get("trades?symbol=BTCUSDT&limit=1")).body[0]
    assert (row["id"], row["price"], row["qty"], row["isBuyerMaker"]) == (trade_id, words["p"], words["q"], True)
    assert (await visitor.get("aggTrades?symbol=BTCUSDT&limit=1")).body[0]["l"] == trade_id
    assert (await visitor.get("ticker/price?symbol=BTCUSDT")).body["price"] == words["p"]
    later = (await visitor.get("ticker/24hr?symbol=BTCUSDT")).body
    assert Decimal(later["volume"]) - Decimal(day["volume"]) == Decimal("0.5")
    assert later["count"] == day["count"] + 1


async def test_a_closed_candle_holds_what_clients_traded_in_it(
    visitor: Visitor, bob: Visitor, make_emulator: Any, session: aiohttp.ClientSession
) -> None:
    plain = Visitor(await make_emulator(), session)
    price = visitor.price() + 5
    await visitor.limit(price, quantity="0.5")
    await bob.limit(price, side="SELL", quantity="0.5")
    for one in (visitor, plain):
        await one.emulator.step()
        await one.emulator.step()
    told, source = [(await one.get("klines?symbol=BTCUSDT&interval=1m&limit=2")).body for one in (visitor, plain)]
    assert Decimal(told[0][5]) - Decimal(source[0][5]) == Decimal("0.5")
    assert told[0][8] == source[0][8] + 1
    assert Decimal(told[0][2]) == max(Decimal(source[0][2]), price)
    assert told[1] == source[1]


async def test_ids_of_trades_never_go_back_whoever_traded(visitor: Visitor, bob: Visitor) -> None:
    seen = []
    for _ in range(3):
        await visitor.place()
        await visitor.limit(visitor.price() + 5, quantity="0.01")
        sold = (await bob.limit(visitor.price() + 5, side="SELL", quantity="0.01")).body
        seen.append(sold["fills"][0]["tradeId"])
        await visitor.emulator.step()
    tape = [row["id"] for row in (await visitor.get("trades?symbol=BTCUSDT&limit=100")).body]
    assert tape == sorted(set(tape))
    assert set(seen) <= set(tape)


async def test_who_rests_is_met_by_the_market_before_the_trade_that_the_market_shows(visitor: Visitor) -> None:
    high = (await visitor.get("ticker/bookTicker?symbol=BTCUSDT")).body["askPrice"]
    order = (await visitor.limit(high, side="SELL", quantity="0.01")).body
    for _ in range(200):
        fills = (await visitor.signed("GET", "myTrades", symbol="BTCUSDT", orderId=order["orderId"])).body
        if fills:
            break
        await visitor.emulator.step()
    tape = {row["id"]: row for row in (await visitor.get("trades?symbol=BTCUSDT&limit=1000")).body}
    mine = tape[fills[0]["id"]]
    assert (mine["price"], mine["qty"], mine["isBuyerMaker"]) == (order["price"], "0.01000000", False)
    assert max(tape) > fills[0]["id"]
