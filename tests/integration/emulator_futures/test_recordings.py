"""Recorded trades, books, mark prices and fundings, played over the USD-M face."""

from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.integration.emulator_futures.conftest import Visitor

from bot.emulator.config import Replay

D = Decimal
T0 = 1_747_699_200_000
MakeVisitor = Callable[..., Awaitable[tuple[Visitor, Visitor]]]
Play = Callable[..., Awaitable[Visitor]]


def write(folder: Path, name: str, *lines: str) -> Path:
    path = folder / name
    path.write_text("\n".join(lines) + "\n")
    return path


def trades(folder: Path, *rows: tuple[int, str, str, bool]) -> Path:
    """Write trades of (seconds, price, quantity, buyer is maker), with ids from 501 on."""
    lines = [
        f"{501 + place},{price},{quantity},0,{T0 + seconds * 1_000},{str(maker).lower()}"
        for place, (seconds, price, quantity, maker) in enumerate(rows)
    ]  # fmt: skip
    return write(folder, "BTCUSDT-trades.csv", "id,price,qty,quote_qty,time,is_buyer_maker", *lines)


@pytest.fixture
def play(make_visitor: MakeVisitor) -> Play:
    async def play(*files: Path, **changes: Any) -> Visitor:
        return (await make_visitor(source=Replay(files), **changes))[0]

    return play


async def steps(visitor: Visitor, count: int) -> None:
    for _ in range(count):
        assert await visitor.emulator.step()


def truth(visitor: Visitor, kind: str) -> list[dict[str, Any]]:
    return visitor.emulator.world.truth.read(kind=kind, face="um")


async def test_a_resting_order_gets_exactly_what_recorded_trades_bring(play: Play, tmp_path: Path) -> None:
    rows = ((1, "50000", "1", True), (2, "49990", "0.002", True), (3, "49990", "1", False), (4, "49980", "0.003", True))
    visitor = await play(trades(tmp_path, *rows))
    await steps(visitor, 1)
    order = await visitor.limit("49990", quantity="0.010")
    for expected in ("0.002", "0.002", "0.005"):
        await steps(visitor, 1)
        seen = await visitor.signed("GET", "v1/order", symbol="BTCUSDT", orderId=order.body["orderId"])
        assert D(seen.body["executedQty"]) == D(expected)
    assert [(D(row["price"]), D(row["quantity"])) for row in truth(visitor, "trade")] == [
        (D(49_990), D("0.002")),
        (D(49_990), D("0.003")),
    ]
    public = (await visitor.get("v1/trades?symbol=BTCUSDT")).body
    assert sum(D(one["qty"]) for one in public) == D("2.005")


async def test_takers_get_what_the_recorded_book_has(play: Play, tmp_path: Path) -> None:
    header = "symbol,timestamp,first_update_id,last_update_id,side,update_type,price,qty,pu"
    rows = [
        f"BTCUSDT,{T0},1,9,{side},snap,{price},{quantity},-1"
        for side, price, quantity in (("b", "49999", "2"), ("a", "50000", "0.004"), ("a", "50010", "0.5"))
    ]
    depth = write(tmp_path, "depth.csv", header, *rows, f"BTCUSDT,{T0 + 1_000},10,12,a,set,50000,0.003,9")
    visitor = await play(depth)
    await steps(visitor, 1)
    book = (await visitor.get("v1/depth?symbol=BTCUSDT&limit=5")).body
    assert [[D(value) for value in level] for level in book["asks"]] == [[D(50_000), D("0.004")], [D(50_010), D("0.5")]]
    await visitor.place(quantity="0.006")
    await steps(visitor, 1)
    await visitor.place(quantity="0.003")
    assert [(D(row["price"]), D(row["quantity"])) for row in truth(visitor, "trade")] == [
        (D(50_000), D("0.004")),
        (D(50_010), D("0.002")),
        (D(50_000), D("0.003")),
    ]


async def test_a_recorded_mark_price_liquidates_though_the_last_price_stands_still(play: Play, tmp_path: Path) -> None:
    market = trades(tmp_path, *((seconds, "50000", "1", True) for seconds in (0, 1, 200)))
    mark = write(
        tmp_path, "BTCUSDT_1m_mark.csv", "open_time,open,high,low,close,volume",
        f"{T0},50000,50010,49990,50000,0", f"{T0 + 60_000},50000,50000,20000,50000,0",
    )  # fmt: skip
    visitor = await play(market, mark)
    await steps(visitor, 1)
    await visitor.signed("POST", "v1/leverage", symbol="BTCUSDT", leverage=50)
    taken = await visitor.place(quantity="4")
    assert taken.status == 200, taken.body
    while not truth(visitor, "liquidation") and await visitor.emulator.step():
        pass
    assert truth(visitor, "liquidation")
    assert T0 + 60_000 < visitor.venue.now_ms < T0 + 120_000
    shown = (await visitor.get("v1/premiumIndex?symbol=BTCUSDT")).body
    assert (D(shown["markPrice"]), visitor.price()) == (D(20_000), D(50_000))
    while await visitor.emulator.step():
        pass
    candles = (await visitor.get("v1/markPriceKlines?symbol=BTCUSDT&interval=1m")).body
    assert [(one[0] - T0, D(one[3])) for one in candles] == [(0, D(49_990)), (60_000, D(20_000))]


async def test_fundings_are_paid_at_their_recorded_times_and_rates(play: Play, tmp_path: Path) -> None:
    market = trades(tmp_path, *((seconds, "50000", "1", True) for seconds in (0, 10, 20, 30)))
    rates = write(
        tmp_path, "BTCUSDT_funding.csv", "funding_time,funding_rate",
        f"{T0 - 1_000},0.0009", f"{T0 + 15_003},0.0002", f"{T0 + 25_000},-0.0001",
    )  # fmt: skip
    mark = write(
        tmp_path, "BTCUSDT_1h_mark.csv", "open_time,open,high,low,close,volume", f"{T0},49000,49000,49000,49000,0"
    )
    visitor = await play(market, rates, mark)
    await steps(visitor, 1)
    await visitor.place(quantity="0.100")
    before = (await visitor.get("v1/premiumIndex?symbol=BTCUSDT")).body
    assert before["nextFundingTime"] - T0 == 15_003
    while await visitor.emulator.step():
        pass
    paid = [
        (row["time_ms"] - T0, D(row["rate"]), D(row["mark"]), D(row["amount"])) for row in truth(visitor, "funding")
    ]
    assert paid == [
        (15_003, D("0.0002"), D(49_000), D("-0.98")),
        (25_000, D("-0.0001"), D(49_000), D("0.49")),
    ]
    income = (await visitor.signed("GET", "v1/income", incomeType="FUNDING_FEE")).body
    assert [D(one["income"]) for one in income] == [D("-0.98"), D("0.49")]
    history = (await visitor.get("v1/fundingRate?symbol=BTCUSDT")).body
    assert [(one["fundingTime"] - T0, D(one["fundingRate"])) for one in history] == [
        (-1_000, D("0.0009")), (15_003, D("0.0002")), (25_000, D("-0.0001"))
    ]  # fmt: skip
