"""What clients do shows on the public side of USD-M: orders in the book, trades on the tape and in the candle."""

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest

from bot.emulator.server import Emulator

from .conftest import OTHER_KEY, OTHER_SECRET, Connect, Socket, Visitor

SPREAD = 100
"""Ten dollars between bid and ask."""


@pytest.fixture
async def emulator(make_emulator: Callable[..., Awaitable[Emulator]]) -> Emulator:
    made = await make_emulator(spread_ticks=SPREAD)
    await made.step()
    return made


@pytest.fixture
def bob(visitor: Visitor) -> Visitor:
    return Visitor(visitor.emulator, visitor.session, OTHER_KEY, OTHER_SECRET)


async def frames(socket: Socket, *names: str) -> dict[str, Any]:
    """Give the first frame of each of these streams of a combined connection."""
    found: dict[str, Any] = {}
    while not set(names) <= set(found):
        frame = await socket.frame()
        found.setdefault(frame["stream"].partition("@")[2], frame["data"])
    return found


async def test_an_order_inside_the_spread_is_the_best_bid_everywhere_under_one_number(
    visitor: Visitor, connect: Connect
) -> None:
    socket = await connect("/public/stream?streams=btcusdt@bookTicker/btcusdt@depth@100ms/btcusdt@depth5")
    price = visitor.price() + 5
    order = (await visitor.limit(price, quantity="0.500")).body
    best = [f"{price:.2f}", "0.500"]
    shown = await frames(socket, "bookTicker", "depth@100ms", "depth5")
    assert [shown["bookTicker"]["b"], shown["bookTicker"]["B"]] == best
    assert best in shown["depth@100ms"]["b"]
    assert shown["depth5"]["b"][0] == best
    snapshot = (await visitor.get("v1/depth?symbol=BTCUSDT&limit=5")).body
    ticker = (await visitor.get("v1/ticker/bookTicker?symbol=BTCUSDT")).body
    assert snapshot["bids"][0] == [ticker["bidPrice"], ticker["bidQty"]] == best
    numbers = {frame["u"] for frame in shown.values()} | {snapshot["lastUpdateId"], ticker["lastUpdateId"]}
    assert len(numbers) == 1
    await visitor.signed("DELETE", "v1/order", symbol="BTCUSDT", orderId=order["orderId"])
    ticker = (await visitor.get("v1/ticker/bookTicker?symbol=BTCUSDT")).body
    assert Decimal(ticker["bidPrice"]) == price - 5


async def test_looking_at_a_book_does_not_move_its_number(visitor: Visitor) -> None:
    snapshots = [(await visitor.get("v1/depth?symbol=BTCUSDT")).body["lastUpdateId"] for _ in range(3)]
    assert len(set(snapshots)) == 1
    await visitor.limit(visitor.price() + 5)
    assert (await visitor.get("v1/depth?symbol=BTCUSDT")).body["lastUpdateId"] == snapshots[0] + 1


async def test_a_trade_between_two_clients_is_on_every_tape_under_the_id_they_saw(
    visitor: Visitor, bob: Visitor, connect: Connect
) -> None:
    names = ("aggTrade", "kline_1m", "kline_5m", "miniTicker", "ticker")
    market = await connect("/market/stream?streams=" + "/".join(f"btcusdt@{name}" for name in names))
    public = await connect("/public/stream?streams=btcusdt@trade")
    price = visitor.price() + 5
    day = (await visitor.get("v1/ticker/24hr?symbol=BTCUSDT")).body
    await visitor.limit(price, quantity="0.500")
    await bob.limit(price, side="SELL", quantity="0.500")
    theirs = [(await one.signed("GET", "v1/userTrades", symbol="BTCUSDT")).body for one in (visitor, bob)]
    trade_id = theirs[0][0]["id"]
    assert [row["id"] for rows in theirs for row in rows] == [trade_id, trade_id]
    shown = await frames(market, *names) | await frames(public, "trade")
    words = {"p": f"{price:.2f}", "q": "0.500", "m": True}
    assert words | {"t": trade_id} == {name: shown["trade"][name] for name in (*words, "t")}
    assert words | {"f": trade_id, "l": trade_id} == {name: shown["aggTrade"][name] for name in (*words, "f", "l")}
    for name in ("kline_1m", "kline_5m"):
        candle = shown[name]["k"]
        assert (candle["x"], candle["c"], candle["L"]) == (False, f"{price:.2f}", trade_id)
    assert shown["kline_1m"]["k"]["v"] == "0.500"
    assert shown["miniTicker"]["c"] == f"{price:.2f}"
    assert shown["ticker"]["L"] == trade_id
    row = (await visitor.get("v1/trades?symbol=BTCUSDT&limit=1")).body[0]
    assert (row["id"], row["price"], row["qty"], row["isBuyerMaker"]) == (trade_id, words["p"], words["q"], True)
    assert (await visitor.get("v1/aggTrades?symbol=BTCUSDT&limit=1")).body[0]["l"] == trade_id
    assert (await visitor.get("v2/ticker/price?symbol=BTCUSDT")).body["price"] == words["p"]
    later = (await visitor.get("v1/ticker/24hr?symbol=BTCUSDT")).body
    assert Decimal(later["volume"]) - Decimal(day["volume"]) == Decimal("0.5")
    assert later["count"] == day["count"] + 1


async def test_ids_of_trades_never_go_back_whoever_traded(visitor: Visitor, bob: Visitor) -> None:
    for _ in range(3):
        await visitor.place()
        await visitor.limit(visitor.price() + 5)
        await bob.limit(visitor.price() + 5, side="SELL")
        await visitor.emulator.step()
    tape = [row["id"] for row in (await visitor.get("v1/trades?symbol=BTCUSDT&limit=1000")).body]
    theirs = [row["id"] for row in (await visitor.signed("GET", "v1/userTrades", symbol="BTCUSDT")).body]
    assert tape == sorted(set(tape))
    assert len(theirs) == 6
    for number in theirs:
        (row,) = (await visitor.get(f"v1/historicalTrades?symbol=BTCUSDT&fromId={number}&limit=1")).body
        assert row["id"] == number


async def test_what_the_insurance_fund_takes_is_told_by_one_stream_alone(visitor: Visitor, connect: Connect) -> None:
    socket = await connect("/public/ws/btcusdt@trade")
    await visitor.signed("POST", "v1/marginType", symbol="BTCUSDT", marginType="ISOLATED")
    await visitor.place(quantity="1.000")
    assert (await socket.frame())["X"] == "MARKET"
    visitor.move(visitor.away("0.90"))
    told = await socket.frame()
    mine = (await visitor.signed("GET", "v1/userTrades", symbol="BTCUSDT")).body[-1]
    tape = (await visitor.get("v1/trades?symbol=BTCUSDT&limit=1000")).body
    assert (told["X"], told["t"], told["q"]) == ("INSURANCE_FUND", mine["id"], "1.000")
    assert mine["id"] not in {row["id"] for row in tape}


async def test_of_several_liquidations_in_a_second_the_largest_is_told(
    visitor: Visitor, bob: Visitor, connect: Connect
) -> None:
    socket = await connect("/market/ws/btcusdt@forceOrder")
    for one, quantity in ((visitor, "0.100"), (bob, "0.300")):
        await one.signed("POST", "v1/marginType", symbol="BTCUSDT", marginType="ISOLATED")
        await one.place(quantity=quantity)
    visitor.move(visitor.away("0.90"))
    assert (await socket.frame())["o"]["q"] == "0.300"
    await visitor.place(quantity="0.200")
    visitor.move(visitor.away("0.90"))  # in the same second: told once that is over
    await visitor.emulator.step()
    assert (await socket.frame())["o"]["q"] == "0.200"
