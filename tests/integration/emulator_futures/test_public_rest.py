from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from msgspec import json


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("v1/ping", {}),
        ("v1/fundingInfo", []),
    ],
)
async def test_answers_that_never_differ(visitor: Any, path: str, expected: Any) -> None:
    assert (await visitor.get(path)).body == expected


async def test_exchange_info_carries_the_contracts_and_the_limits(visitor: Any) -> None:
    info = (await visitor.get("v1/exchangeInfo")).body
    assert info["futuresType"] == "U_MARGINED"
    assert [row["symbol"] for row in info["symbols"]] == ["BTCUSDT", "ETHUSDT"]
    assert info["rateLimits"][0]["limit"] == 2_400
    assert {rule["filterType"] for rule in info["symbols"][0]["filters"]} >= {"PRICE_FILTER", "MIN_NOTIONAL"}


async def test_a_snapshot_of_the_book_joins_the_stream_without_a_gap(visitor: Any, emulator: Any) -> None:
    frames: list[Any] = []

    class Listener:
        combined, in_microseconds = False, False

        def send(self, frame: bytes) -> None:
            frames.append(frame)

    visitor.venue.hub.subscribe(Listener(), ["btcusdt@depth"])  # type: ignore[arg-type]
    await emulator.step()
    snapshot = (await visitor.get("v1/depth?symbol=BTCUSDT&limit=1000")).body
    await emulator.step()
    events = [json.decode(frame[frame.index(b"{") :]) for frame in frames]
    assert all(later["pu"] == earlier["u"] for earlier, later in pairwise(events))
    useful = [event for event in events if event["u"] >= snapshot["lastUpdateId"]]
    assert useful[0]["U"] <= snapshot["lastUpdateId"] <= useful[0]["u"]
    assert Decimal(snapshot["bids"][0][0]) < Decimal(snapshot["asks"][0][0])


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("v1/depth?symbol=BTCUSDT&limit=7", -4021),
        ("v1/depth", -1102),
        ("v1/klines?symbol=BTCUSDT&interval=1s", -1120),
        ("v1/klines?symbol=BTCUSDT&interval=1m&limit=1501", -1130),
        ("v1/klines?symbol=NOPE&interval=1m", -1121),
        ("v1/klines?symbol=BTCUSDT&interval=1m&startTime=2&endTime=1", -1023),
        ("v1/indexPriceKlines?pair=NOPE&interval=1m", -4144),
        ("v1/continuousKlines?pair=BTCUSDT&contractType=WEEKLY&interval=1m", -4104),
        ("v1/aggTrades?symbol=BTCUSDT&fromId=1&startTime=1", -1128),
        ("v1/ping?more=1", -1104),
        ("v1/premiumIndex?symbol=", -1105),
    ],
)
async def test_wrong_questions_get_the_documented_code(visitor: Any, path: str, code: int) -> None:
    reply = await visitor.get(path)
    assert (reply.status, reply.code) == (400, code)


@pytest.mark.parametrize("name", ["klines", "markPriceKlines", "indexPriceKlines", "premiumIndexKlines"])
async def test_candles_of_every_kind_have_twelve_columns_in_order(visitor: Any, name: str) -> None:
    key = "pair" if name == "indexPriceKlines" else "symbol"
    rows = (await visitor.get(f"v1/{name}?{key}=BTCUSDT&interval=5m&limit=4")).body
    assert [len(row) for row in rows] == [12] * 4
    assert all(later[0] - earlier[0] == 300_000 for earlier, later in pairwise(rows))
    assert all(Decimal(row[3]) <= Decimal(row[4]) <= Decimal(row[2]) for row in rows)


async def test_tickers_come_for_one_symbol_or_for_all(visitor: Any) -> None:
    for path in ("v1/ticker/24hr", "v1/ticker/price", "v2/ticker/price", "v1/ticker/bookTicker", "v1/premiumIndex"):
        one, everything = (await visitor.get(f"{path}?symbol=ETHUSDT")).body, (await visitor.get(path)).body
        assert one["symbol"] == "ETHUSDT"
        assert [row["symbol"] for row in everything] == ["BTCUSDT", "ETHUSDT"]


async def test_single_trades_and_joined_ones_agree(visitor: Any) -> None:
    joined = (await visitor.get("v1/aggTrades?symbol=BTCUSDT&limit=2")).body[-1]
    single = (await visitor.get("v1/trades?symbol=BTCUSDT&limit=1000")).body
    assert single[-1]["id"] == joined["l"]
    assert single[-1]["price"] == joined["p"]


async def test_weights_are_those_of_the_table(visitor: Any) -> None:
    before = int((await visitor.get("v1/ping")).headers["X-MBX-USED-WEIGHT-1M"])
    after = int((await visitor.get("v1/klines?symbol=BTCUSDT&interval=1m&limit=1200")).headers["X-MBX-USED-WEIGHT-1M"])
    assert after - before == 10


async def test_questions_about_funding_have_a_pool_of_their_own(visitor: Any) -> None:
    before = (await visitor.get("v1/fundingRate")).headers["X-MBX-USED-WEIGHT-1M"]
    for _ in range(499):
        visitor.venue.count_funding_request()
    refused = await visitor.get("v1/fundingInfo")
    assert before == "0"
    assert (refused.status, refused.code) == (429, -1003)
    assert 0 < int(refused.headers["Retry-After"]) <= 300


async def test_with_one_clock_the_newest_row_is_the_candle_that_still_forms(make_visitor: Any, visitor: Any) -> None:
    led, _ = await make_visitor(one_clock=True)
    ended = []
    for one in (visitor, led):
        await one.emulator.step()
        rows = (await one.get("v1/klines?symbol=BTCUSDT&interval=5m&limit=3")).body
        assert all(later[0] - earlier[0] == 300_000 for earlier, later in pairwise(rows))
        ended.append([row[6] < led.emulator.world.clock.now_ms for row in rows])
    assert ended == [[True, True, True], [True, True, False]]
