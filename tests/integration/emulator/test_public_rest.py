from typing import Any

import pytest

START_MS = 1_704_067_200_000


async def test_ping_and_time_answer(visitor: Any) -> None:
    assert (await visitor.get("ping")).body == {}
    reply = await visitor.get("time")
    assert isinstance(reply.body["serverTime"], int)
    assert reply.headers["X-MBX-USED-WEIGHT-1M"] == "2"


async def test_exchange_info_is_for_all_for_one_or_for_some(visitor: Any) -> None:
    everything = (await visitor.get("exchangeInfo")).body
    assert [symbol["symbol"] for symbol in everything["symbols"]] == ["BTCUSDT", "ETHUSDT"]
    one = (await visitor.get("exchangeInfo?symbol=ETHUSDT")).body["symbols"]
    some = (await visitor.get("exchangeInfo?symbols=%5B%22ETHUSDT%22%5D")).body["symbols"]
    assert one == some == everything["symbols"][1:]
    kinds = [rule["filterType"] for rule in one[0]["filters"]]
    assert kinds[:4] == ["PRICE_FILTER", "LOT_SIZE", "ICEBERG_PARTS", "MARKET_LOT_SIZE"]


async def test_klines_before_the_market_moves_are_the_warm_up(visitor: Any) -> None:
    rows = (await visitor.get("klines?symbol=BTCUSDT&interval=1m")).body
    assert [row[0] for row in rows] == [START_MS + number * 60_000 for number in range(50)]
    assert all(row[6] - row[0] == 59_999 and len(row) == 12 for row in rows)
    assert (await visitor.get(f"klines?symbol=BTCUSDT&interval=1m&startTime={START_MS}&limit=2")).body == rows[:2]
    assert (await visitor.get("uiKlines?symbol=BTCUSDT&interval=1m&limit=3")).body == rows[-3:]
    fives = (await visitor.get("klines?symbol=BTCUSDT&interval=5m")).body
    assert len(fives) == 10
    assert fives[0][1] == rows[0][1]
    assert fives[0][4] == rows[4][4]


async def test_a_step_adds_one_candle_to_the_klines(visitor: Any) -> None:
    assert await visitor.emulator.step()
    rows = (await visitor.get("klines?symbol=BTCUSDT&interval=1m&limit=1")).body
    assert rows[0][0] == START_MS + 50 * 60_000
    price = (await visitor.get("ticker/price?symbol=BTCUSDT")).body
    assert price == {"symbol": "BTCUSDT", "price": rows[0][4]}


async def test_tickers_and_books_agree_about_the_price(visitor: Any) -> None:
    await visitor.emulator.step()
    last = (await visitor.get("ticker/price?symbol=BTCUSDT")).body["price"]
    best = (await visitor.get("ticker/bookTicker?symbol=BTCUSDT")).body
    assert float(best["bidPrice"]) < float(last) < float(best["askPrice"])
    assert (await visitor.get("depth?symbol=BTCUSDT&limit=5")).body["bids"][0][0] == best["bidPrice"]
    assert (await visitor.get("ticker/24hr?symbol=BTCUSDT")).body["lastPrice"] == last
    assert (await visitor.get("trades?symbol=BTCUSDT&limit=1")).body[0]["price"] == last
    newest = (await visitor.get("aggTrades?symbol=BTCUSDT&limit=1")).body[0]
    assert newest["p"] == last
    assert (await visitor.get(f"aggTrades?symbol=BTCUSDT&fromId={newest['a']}")).body == [newest]
    assert (await visitor.get("avgPrice?symbol=BTCUSDT")).body["mins"] == 5


async def test_one_symbol_gives_an_object_and_several_give_a_list(visitor: Any) -> None:
    assert len((await visitor.get("ticker/price")).body) == 2
    listed = (await visitor.get("ticker/24hr?symbols=[%22BTCUSDT%22]&type=MINI")).body
    assert isinstance(listed, list)
    assert "bidPrice" not in listed[0]


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("klines?symbol=BTCUSDT", 400, -1102), ("klines?symbol=NOPE&interval=1m", 400, -1121),
        ("klines?symbol=BTCUSDT&interval=7m", 400, -1120), ("klines?symbol=BTCUSDT&interval=1m&limit=x", 400, -1100),
        ("klines?symbol=BTCUSDT&symbol=BTCUSDT&interval=1m", 400, -1101), ("ping?x=1", 400, -1104),
        ("exchangeInfo?symbol=NOPE", 400, -1121), ("ticker/24hr?type=BIG", 400, -1139),
        ("depth?symbol=%ff%fe", 400, -1100), ("depth?symbol=btcusdt", 400, -1100), ("depth?symbol=BTC%00USDT", 400, -1100),
    ],
)  # fmt: skip
async def test_a_wrong_question_is_refused_with_its_code(visitor: Any, path: str, status: int, code: int) -> None:
    reply = await visitor.get(path)
    assert (reply.status, reply.code) == (status, code)


@pytest.mark.parametrize("path", ["/api/v3/nothing", "/api/v1/ping", "/", "/fapi/v1/ping"])
async def test_an_unknown_path_is_not_found(visitor: Any, path: str) -> None:
    assert (await visitor.raw("GET", path)).status == 404


async def test_a_known_path_with_another_verb_is_not_found(visitor: Any) -> None:
    assert (await visitor.raw("POST", "/api/v3/klines")).status == 404


async def test_too_much_weight_is_refused_with_a_time_to_come_back(make_emulator: Any, visitor: Any) -> None:
    visitor.emulator = await make_emulator(weight_per_minute=30)
    assert (await visitor.get("exchangeInfo")).status == 200
    replies = [await visitor.get("exchangeInfo") for _ in range(2)]
    assert replies[-1].status == 429
    assert replies[-1].code == -1003
    assert 1 <= int(replies[-1].headers["Retry-After"]) <= 60


async def test_old_trades_are_there_for_everybody(visitor: Any) -> None:
    assert (await visitor.get("historicalTrades?symbol=BTCUSDT&limit=2")).status == 200
