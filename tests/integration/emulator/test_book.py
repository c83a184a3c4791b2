"""The order book over REST and its streams, tickers, and what clients' orders change of it."""

from decimal import Decimal
from typing import Any

import pytest

from .conftest import Connect, Visitor


def apply(side: dict[str, str], changes: list[list[str]]) -> None:
    for price, quantity in changes:
        if Decimal(quantity):
            side[price] = quantity
        else:
            side.pop(price, None)


def as_dict(book: Any) -> tuple[dict[str, str], dict[str, str]]:
    return dict(book["bids"]), dict(book["asks"])


async def test_a_local_book_kept_by_the_documented_steps_equals_the_next_snapshot(
    visitor: Visitor, connect: Connect
) -> None:
    stream = await connect("/ws/btcusdt@depth@100ms")
    await visitor.emulator.step()
    snapshot = (await visitor.get("depth?symbol=BTCUSDT&limit=5000")).body
    bids, asks = as_dict(snapshot)
    last = snapshot["lastUpdateId"]
    resting = (await visitor.limit(visitor.away("0.99"))).body
    await visitor.emulator.step()
    await visitor.signed("DELETE", "order", symbol="BTCUSDT", orderId=resting["orderId"])
    await visitor.emulator.step()
    final = (await visitor.get("depth?symbol=BTCUSDT&limit=5000")).body
    await stream.socket.ping()
    previous = None
    while last < final["lastUpdateId"]:
        event = await stream.frame()
        assert previous is None or event["U"] == previous + 1
        previous = event["u"]
        if event["u"] <= last:
            continue
        assert event["U"] <= last + 1
        apply(bids, event["b"])
        apply(asks, event["a"])
        last = event["u"]
    assert (bids, asks) == as_dict(final)


async def test_a_clients_order_stands_in_the_book_and_leaves_it(visitor: Visitor, connect: Connect) -> None:
    stream = await connect("/ws/btcusdt@depth")
    price = visitor.away("0.9")
    order = (await visitor.limit(price, quantity="0.5")).body
    shown = await stream.frame()
    assert [row for row in shown["b"] if Decimal(row[0]) == price] == [[f"{price:.8f}", "0.50000000"]]
    book = (await visitor.get("depth?symbol=BTCUSDT&limit=5000")).body
    assert Decimal(book["bids"][-1][0]) == price
    await visitor.signed("DELETE", "order", symbol="BTCUSDT", orderId=order["orderId"])
    assert [f"{price:.8f}", "0.00000000"] in (await stream.frame())["b"]


async def test_two_accounts_trade_with_each_other_at_the_makers_price(visitor: Visitor) -> None:
    sell = (await visitor.limit(visitor.away("1.001"), side="SELL", quantity="0.0005")).body
    visitor.key, visitor.secret = "other-key", "other-secret"
    bought = (await visitor.limit(visitor.away("1.002"), quantity="0.0005")).body
    assert bought["status"] == "FILLED"
    assert Decimal(bought["fills"][0]["price"]) <= Decimal(sell["price"])


@pytest.mark.parametrize("levels", [5, 10, 20])
async def test_partial_books_hold_the_best_levels_without_an_event_name(
    visitor: Visitor, connect: Connect, levels: int
) -> None:
    stream = await connect(f"/ws/btcusdt@depth{levels}@100ms")
    await visitor.emulator.step()
    frame = await stream.frame()
    assert set(frame) == {"lastUpdateId", "bids", "asks"}
    assert (len(frame["bids"]), len(frame["asks"])) == (levels, levels)
    assert Decimal(frame["bids"][0][0]) < Decimal(frame["asks"][0][0])


NAMES = {
    "btcusdt@ticker": "e E s p P w x c Q b B a A o h l v q O C F L n",
    "btcusdt@ticker_1h": "e E s p P o h l c w v q O C F L n",
    "btcusdt@miniTicker": "e E s c o h l v q",
    "btcusdt@avgPrice": "e E s i w T",
    "btcusdt@referencePrice": "e s r t",
    "btcusdt@kline_1m@+08:00": "e E s k",
}


@pytest.mark.parametrize("name", NAMES)
async def test_each_stream_has_the_names_of_the_protocol(visitor: Visitor, connect: Connect, name: str) -> None:
    stream = await connect(f"/ws/{name}")
    await visitor.emulator.step()
    assert set(await stream.frame()) == set(NAMES[name].split())


@pytest.mark.parametrize(("name", "event"), [("!miniTicker@arr", "24hrMiniTicker"), ("!ticker_4h@arr", "4hTicker")])
async def test_streams_of_all_symbols_hold_all_symbols(
    visitor: Visitor, connect: Connect, name: str, event: str
) -> None:
    stream = await connect(f"/ws/{name}")
    await visitor.emulator.step()
    assert [(row["e"], row["s"]) for row in await stream.frame()] == [(event, "BTCUSDT"), (event, "ETHUSDT")]


async def test_rolling_and_daily_tickers_agree_with_the_candles(visitor: Visitor) -> None:
    for _ in range(3):
        await visitor.emulator.step()
    hour = (await visitor.get("ticker?symbol=BTCUSDT&windowSize=1h")).body
    day = (await visitor.get("ticker/24hr?symbol=BTCUSDT")).body
    candles = (await visitor.get("klines?symbol=BTCUSDT&interval=1m&limit=1000")).body
    assert hour["lastPrice"] == day["lastPrice"] == candles[-1][4]
    # All of the history is younger than an hour, so both windows are all there is.
    assert len(candles) == 53
    for row in (hour, day):
        assert Decimal(row["volume"]) == sum(Decimal(candle[5]) for candle in candles)
        assert row["highPrice"] == max((candle[2] for candle in candles), key=Decimal)
    assert set((await visitor.get("ticker/tradingDay?symbol=BTCUSDT&type=MINI")).body) < set(hour)


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("ticker?symbol=BTCUSDT&windowSize=60m", -1130), ("ticker", -1128), ("ticker?symbol=BTCUSDT&type=ALL", -1139),
        ("klines?symbol=BTCUSDT&interval=1m&timeZone=15", -1100), ("executionRules?symbol=NOPE", -1121),
        ("depth?symbol=BTCUSDT&symbolStatus=OPEN", -1122), ("depth?symbol=BTCUSDT&symbolStatus=HALT", -1220),
        ("exchangeInfo?symbol=BTCUSDT&permissions=SPOT", -1128),
    ],
)  # fmt: skip
async def test_a_wrong_question_is_refused_with_its_code(visitor: Visitor, path: str, code: int) -> None:
    assert (await visitor.get(path)).code == code


async def test_rules_references_and_filters_are_told(visitor: Visitor) -> None:
    rules = (await visitor.get("executionRules?symbol=BTCUSDT")).body["symbolRules"]
    assert [row["rules"][0]["ruleType"] for row in rules] == ["PRICE_RANGE"]
    assert Decimal((await visitor.get("referencePrice?symbol=BTCUSDT")).body["referencePrice"]) == visitor.price()
    assert (await visitor.get("referencePrice/calculation?symbol=BTCUSDT")).body["calculationType"] == "ARITHMETIC_MEAN"
    mine = (await visitor.signed("GET", "myFilters", symbol="BTCUSDT")).body
    assert {row["filterType"] for row in mine["symbolFilters"]} >= {"LOT_SIZE", "TRAILING_DELTA", "MAX_NUM_ALGO_ORDERS"}
    for permissions, found in (("%5B%22SPOT%22%5D", 2), ("TRD_GRP_004", 0)):
        assert len((await visitor.get(f"exchangeInfo?permissions={permissions}")).body["symbols"]) == found
    assert "permissionSets" not in (await visitor.get("exchangeInfo?showPermissionSets=false")).body["symbols"][0]


async def test_what_clients_load_beside_spot_is_there_and_empty(visitor: Visitor) -> None:
    assert (await visitor.raw("GET", "/dapi/v1/exchangeInfo")).body["symbols"] == []
    assert (await visitor.raw("GET", "/sapi/v1/system/status")).body == {"status": 0, "msg": "normal"}
    gone = await visitor.raw("POST", "/api/v3/userDataStream")
    assert gone.status == 410
    assert (await visitor.raw("GET", "/nowhere")).status == 404


@pytest.mark.parametrize("spread_ticks", [0, 1, 5])
async def test_who_posts_at_the_best_price_shown_is_never_a_taker(
    make_emulator: Any, session: Any, spread_ticks: int
) -> None:
    visitor = Visitor(await make_emulator(spread_ticks=spread_ticks), session)
    shown = (await visitor.get("ticker/bookTicker?symbol=BTCUSDT")).body
    book = (await visitor.get("depth?symbol=BTCUSDT&limit=5")).body
    assert (shown["bidPrice"], shown["askPrice"]) == (book["bids"][0][0], book["asks"][0][0])
    for side, price in (("BUY", shown["bidPrice"]), ("SELL", shown["askPrice"])):
        assert (await visitor.place(type="LIMIT_MAKER", side=side, price=price)).status == 200
    assert Decimal((await visitor.place()).body["fills"][0]["price"]) <= Decimal(shown["askPrice"])
