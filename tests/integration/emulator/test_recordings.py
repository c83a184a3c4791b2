"""Recorded trades and books, played over the spot face: what clients get of them, and what everybody sees."""

from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from tests.integration.emulator.conftest import Reply, Socket, Visitor

from bot.emulator.config import Replay
from bot.emulator.server import Emulator

D = Decimal
DATA = Path(__file__).parents[3] / "../shared/data"
T0 = 1_747_699_200_000
Make = Callable[..., Awaitable[Emulator]]


def trade_file(folder: Path, *rows: tuple[int, str, str, bool]) -> Path:
    """Write trades of (seconds, price, quantity, buyer is maker) as a public dump, with ids from 501 on."""
    path = folder / "BTCUSDT-trades-2025-05-20.csv"
    lines = [
        f"{501 + place},{price},{quantity},0,{(T0 + seconds * 1_000) * 1_000},{maker},True"
        for place, (seconds, price, quantity, maker) in enumerate(rows)
    ]  # fmt: skip
    path.write_text("\n".join(lines) + "\n")
    return path


def depth_file(folder: Path, *rows: tuple[int, str, str, str, str]) -> Path:
    """Write (seconds, snap or set, side, price, quantity); every second is one change."""
    path = folder / "BTCUSDT-depth.csv"
    lines = ["symbol,timestamp,first_update_id,last_update_id,side,update_type,price,qty,pu"]
    lines += [
        f"BTCUSDT,{T0 + seconds * 1_000},{seconds * 10 + 1},{seconds * 10 + 10},{side},{kind},{price},{quantity},0"
        for seconds, kind, side, price, quantity in rows
    ]  # fmt: skip
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def play(make_emulator: Make, session: aiohttp.ClientSession) -> Callable[..., Awaitable[Visitor]]:
    async def play(*files: Path, **changes: Any) -> Visitor:
        return Visitor(await make_emulator(source=Replay(files), **changes), session)

    return play


async def steps(visitor: Visitor, count: int) -> None:
    for _ in range(count):
        assert await visitor.emulator.step()


def truth(visitor: Visitor) -> list[tuple[Decimal, Decimal]]:
    rows = visitor.emulator.world.truth.read(kind="trade", face="spot")
    return [(D(row["price"]), D(row["quantity"])) for row in rows]


async def filled(visitor: Visitor, placed: Reply) -> Decimal:
    reply = await visitor.signed("GET", "order", symbol="BTCUSDT", orderId=placed.body["orderId"])
    return D(reply.body["executedQty"])


async def test_a_resting_order_gets_exactly_what_recorded_trades_bring(
    play: Callable[..., Awaitable[Visitor]], tmp_path: Path
) -> None:
    rows = (
        (1, "10100", "1", True), (2, "10000", "0.2", True), (3, "10000", "0.1", False), (4, "9999", "0.25", True),
        (5, "10000", "4", True),
    )  # fmt: skip
    visitor = await play(trade_file(tmp_path, *rows))
    await steps(visitor, 1)
    order = await visitor.limit("10000", quantity="0.5")
    assert order.body["status"] == "NEW"
    expected = ["0.2", "0.2", "0.45", "0.5"]
    for seen in expected:
        await steps(visitor, 1)
        assert await filled(visitor, order) == D(seen)
    assert truth(visitor) == [(D(10_000), D("0.2")), (D(10_000), D("0.25")), (D(10_000), D("0.05"))]
    assert not await visitor.emulator.step()


async def test_everybody_sees_the_recorded_trades_and_the_clients_share_of_them(
    play: Callable[..., Awaitable[Visitor]], tmp_path: Path
) -> None:
    rows = ((1, "10100", "1", True), (2, "10000", "0.2", True), (3, "10000", "0.5", True), (61, "10001", "0.1", False))
    visitor = await play(trade_file(tmp_path, *rows))
    await steps(visitor, 1)
    await visitor.limit("10000", quantity="0.3")
    await steps(visitor, 3)
    public = (await visitor.get("trades?symbol=BTCUSDT")).body
    assert [(one["id"], D(one["price"]), D(one["qty"]), one["time"] - T0) for one in public[:2]] == [
        (501, D(10_100), D(1), 1_000),
        (502, D(10_000), D("0.2"), 2_000),
    ]
    assert sum(D(one["qty"]) for one in public) == D("1.7")
    mine = (await visitor.signed("GET", "myTrades", symbol="BTCUSDT")).body
    assert {one["id"] for one in mine} <= {one["id"] for one in public}
    assert len({one["id"] for one in public}) == len(public)
    await steps(visitor, 1)
    candle = (await visitor.get("klines?symbol=BTCUSDT&interval=1m")).body[0]
    assert [D(value) for value in candle[1:6]] == [D(10_100), D(10_100), D(10_000), D(10_000), D("1.7")]


async def test_streams_show_trades_and_candles_of_the_recording(
    play: Callable[..., Awaitable[Visitor]], tmp_path: Path
) -> None:
    rows = ((1, "10100", "1", True), (2, "10000", "0.2", False), (61, "10001", "0.1", False))
    visitor = await play(trade_file(tmp_path, *rows))
    address = f"{visitor.emulator.stream_url}/stream?streams=btcusdt@trade/btcusdt@aggTrade/btcusdt@kline_1m"
    async with visitor.session.ws_connect(address) as opened:
        socket = Socket(opened)
        await steps(visitor, 4)
        frames = [await socket.frame() for _ in range(10)]
    shown = {
        name: [one["data"] for one in frames if one["stream"] == f"btcusdt@{name}"]
        for name in ("trade", "aggTrade", "kline_1m")
    }  # fmt: skip
    assert [(one["t"], D(one["p"]), D(one["q"]), one["m"], one["T"] - T0) for one in shown["trade"]] == [
        (501, D(10_100), D(1), True, 1_000),
        (502, D(10_000), D("0.2"), False, 2_000),
        (503, D(10_001), D("0.1"), False, 61_000),
    ]
    assert [(one["a"], one["f"], one["l"]) for one in shown["aggTrade"]] == [(n, n, n) for n in (501, 502, 503)]
    closed = [one["k"] for one in shown["kline_1m"] if one["k"]["x"]]
    assert [(one["t"] - T0, D(one["o"]), D(one["c"]), D(one["v"]), one["n"]) for one in closed] == [
        (0, D(10_100), D(10_000), D("1.2"), 2)
    ]


async def test_takers_get_what_the_recorded_book_has_and_who_rests_waits_behind_it(
    play: Callable[..., Awaitable[Visitor]], tmp_path: Path
) -> None:
    depth = depth_file(
        tmp_path, (1, "snap", "b", "10000", "2"), (1, "snap", "b", "9990", "5"), (1, "snap", "a", "10001", "0.3"),
        (1, "snap", "a", "10002", "1"), (4, "set", "a", "10001", "0.4"),
    )  # fmt: skip
    trades = trade_file(tmp_path, (1, "10001", "0.1", False), (2, "10000", "1.5", True), (3, "10000", "0.7", True))
    visitor = await play(depth, trades)
    await steps(visitor, 1)
    resting = await visitor.limit("10000", quantity="1")
    taken = await visitor.place(quantity="0.5")
    assert [(D(one["price"]), D(one["qty"])) for one in taken.body["fills"]] == [
        (D(10_001), D("0.3")),
        (D(10_002), D("0.2")),
    ]
    await steps(visitor, 1)
    assert await filled(visitor, resting) == 0
    await steps(visitor, 1)
    assert await filled(visitor, resting) == D("0.2")
    await steps(visitor, 1)
    again = await visitor.place(quantity="1")
    assert [D(one["qty"]) for one in again.body["fills"]] == [D("0.4"), D("0.6")]
    assert sum(quantity for _, quantity in truth(visitor)) == D("1.7")


async def test_the_book_is_shown_as_it_was_recorded_with_the_clients_in_it(
    play: Callable[..., Awaitable[Visitor]], tmp_path: Path
) -> None:
    depth = depth_file(
        tmp_path, (1, "snap", "b", "10000", "2"), (1, "snap", "a", "10001", "0.3"), (2, "set", "b", "10000", "1.5"),
        (3, "set", "a", "10001", "0"), (3, "set", "a", "10003", "7"),
    )  # fmt: skip
    visitor = await play(depth)
    await steps(visitor, 1)
    await visitor.limit("9999", quantity="0.1")
    book = (await visitor.get("depth?symbol=BTCUSDT")).body
    assert [[D(value) for value in level] for level in book["bids"]] == [[D(10_000), D(2)], [D(9_999), D("0.1")]]
    async with visitor.session.ws_connect(f"{visitor.emulator.stream_url}/ws/btcusdt@depth@100ms") as opened:
        socket = Socket(opened)
        await steps(visitor, 2)
        first, second = await socket.frame(), await socket.frame()
    assert [[D(value) for value in level] for level in first["b"]] == [[D(10_000), D("1.5")]]
    assert sorted([D(value) for value in level] for level in second["a"]) == [[D(10_001), D(0)], [D(10_003), D(7)]]
    assert (first["u"], second["U"], second["u"]) == (30, 31, 40)
    ticker = (await visitor.get("ticker/bookTicker?symbol=BTCUSDT")).body
    assert (D(ticker["bidPrice"]), D(ticker["bidQty"]), D(ticker["askPrice"])) == (D(10_000), D("1.5"), D(10_003))


async def test_the_real_best_prices_and_trades_of_a_morning_are_what_the_face_says(
    play: Callable[..., Awaitable[Visitor]],
) -> None:
    names = ("trades/spot_BTCUSDT_trades_20210108.csv.gz", "trades/spot_BTCUSDT_quotes_20210108.csv.gz")
    visitor = await play(*(DATA / name for name in names))
    await steps(visitor, 1_729)
    assert not await visitor.emulator.step()
    ticker = (await visitor.get("ticker/bookTicker?symbol=BTCUSDT")).body
    assert (D(ticker["bidPrice"]), D(ticker["askPrice"])) == (D("39490.97"), D("39490.98"))
    newest = (await visitor.get("trades?symbol=BTCUSDT&limit=1")).body[0]
    assert (newest["id"], D(newest["price"])) == (553_289_559, D("39491.76"))


async def test_a_recording_keeps_its_pace(play: Callable[..., Awaitable[Visitor]], tmp_path: Path) -> None:
    visitor = await play(trade_file(tmp_path, (0, "10", "1", True), (90, "11", "1", True)), speed=900)
    await visitor.emulator.wait()
    assert visitor.emulator.world.player.now_ms == T0 + 90_000
    assert len((await visitor.get("klines?symbol=BTCUSDT&interval=1m")).body) == 1
