"""Stream names: which route carries them, and what their frames are read as."""

import json
from typing import Any

import msgspec
import pytest

from bot.binance.wire_streams import (
    AggTradeEvent,
    BookTickerEvent,
    DepthEvent,
    KlineEvent,
    MarkPriceEvent,
    MiniTickerEvent,
    TopLevels,
    TradeEvent,
    kind_of,
    reader_for,
    route_of,
)
from bot.domain.market import Market, PublicTrade, Quote, Stream


@pytest.mark.parametrize(
    ("name", "route"),
    [
        ("btcusdt@bookTicker", "public"),
        ("!bookTicker", "public"),
        ("btcusdt@depth", "public"),
        ("btcusdt@depth5@100ms", "public"),
        ("btcusdt@depth@500ms", "public"),
        ("btcusdt@rpiDepth@500ms", "public"),
        ("btcusdt@trade", "public"),
        ("btcusdt@aggTrade", "market"),
        ("btcusdt@markPrice@1s", "market"),
        ("!markPrice@arr@1s", "market"),
        ("btcusdt@kline_1m", "market"),
        ("btcusdt_perpetual@continuousKline_1h", "market"),
        ("!miniTicker@arr", "market"),
        ("!ticker@arr", "market"),
        ("btcusdt@forceOrder", "market"),
        ("!contractInfo", "market"),
        ("!assetIndex@arr", "market"),
        ("tradingSession", "market"),
    ],
)
def test_a_futures_stream_is_asked_for_on_the_route_that_carries_it(name: str, route: str) -> None:
    assert route_of(name) == route


@pytest.mark.parametrize(
    ("name", "market", "kind"),
    [
        ("btcusdt@kline_1m", Market.SPOT, KlineEvent),
        ("btcusdt@kline_1m@+08:00", Market.SPOT, KlineEvent),
        ("btcusdt@aggTrade", Market.FUTURES, AggTradeEvent),
        ("btcusdt@trade", Market.SPOT, TradeEvent),
        ("btcusdt@bookTicker", Market.SPOT, BookTickerEvent),
        ("btcusdt@depth@100ms", Market.SPOT, DepthEvent),
        ("btcusdt@depth20", Market.SPOT, TopLevels),
        ("btcusdt@depth20@100ms", Market.FUTURES, DepthEvent),
        ("btcusdt@markPrice@1s", Market.FUTURES, MarkPriceEvent),
        ("!markPrice@arr@1s", Market.FUTURES, list[MarkPriceEvent]),
        ("!miniTicker@arr", Market.SPOT, list[MiniTickerEvent]),
        ("!bookTicker", Market.FUTURES, BookTickerEvent),
        ("btcusdt@compositeIndex", Market.FUTURES, dict[str, Any]),
        ("!contractInfo", Market.FUTURES, dict[str, Any]),
        ("a@newKind", Market.SPOT, dict[str, Any]),
    ],
)
def test_a_frames_kind_follows_from_its_streams_name(name: str, market: Market, kind: object) -> None:
    assert kind_of(name, market) == kind


def read(name: str, data: object, market: Market = Market.SPOT) -> Any:
    return reader_for(name, market)(json.dumps({"stream": name, "data": data}).encode()).data  # type: ignore[attr-defined]


def test_numbers_are_read_and_unknown_keys_passed_over() -> None:
    spot = read("btcusdt@bookTicker", {"u": 7, "s": "BTCUSDT", "b": "1.5", "B": "2", "a": "1.6", "A": "3", "new": [1]})
    assert spot.quote(Market.SPOT) == Quote("BTCUSDT", 1.5, 2.0, 1.6, 3.0, 0)
    told = {"e": "trade", "E": 5, "s": "BTCUSDT", "t": 9, "p": "1.25", "q": "0.5", "T": 4, "m": True, "M": True}
    assert read("btcusdt@trade", told).trade(Market.SPOT) == PublicTrade("BTCUSDT", 9, 1.25, 0.5, 4, True)
    consumed = read("btcusdt@trade", {**told, "p": "0", "q": "0", "X": "NA"}, Market.FUTURES)
    assert consumed.trade(Market.FUTURES) is None
    agg = {"e": "aggTrade", "E": 5, "s": "A", "a": 2**60, "p": "2", "q": "3", "f": 1, "l": 2, "T": 4, "m": False}
    assert read("a@aggTrade", agg | {"nq": "1", "st": 2}).trade(Market.FUTURES).trade_id == 2**60
    mark = {"e": "markPriceUpdate", "E": 1, "s": "A", "p": "1", "i": "2", "P": "3", "r": "", "T": 0}
    assert read("!markPrice@arr", [mark])[0].p == 1.0
    assert read("a@depth5", {"lastUpdateId": 1, "bids": [["1", "2"]], "asks": []}).bids == [(1.0, 2.0)]


@pytest.mark.parametrize("price", ["nan", "inf", "-1", "0"])
def test_an_impossible_candle_is_none(price: str) -> None:
    body = {
        "t": 1,
        "T": 2,
        "s": "A",
        "i": "1m",
        "o": price,
        "h": price,
        "l": price,
        "c": price,
        "v": "1",
        "x": True,
        "n": 1,
        "q": "1",
    }
    with pytest.raises((ValueError, msgspec.ValidationError)):
        read("a@kline_1m", {"e": "kline", "k": body}).k.candle(Stream(Market.SPOT, "A", "1m"))
