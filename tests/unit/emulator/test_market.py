from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bot.domain.order import OrderType, Side, TimeInForce
from bot.emulator.config import AccountConfig, Replay
from bot.emulator.spot.venue import Venue
from bot.simulation.exchange import RestingOrder

RISING = (100.0, 112.0, 95.0, 110.0, 8.0)
FALLING = (110.0, 111.0, 90.0, 91.0, 4.0)
QUIET = (91.0, 91.0, 91.0, 91.0, 0.0)


class Stage:
    """A market over three candles after one of history, with one listener to everything."""

    def __init__(self, venue: Venue, listener: Any, ticks: int) -> None:
        self.venue, self.listener, self.ticks = venue, listener, ticks
        self.exchange = venue.exchange
        names = ("kline_1m", "aggTrade", "bookTicker", "miniTicker")
        venue.hub.subscribe(listener, [f"btcusdt@{name}" for name in names])
        self.slots = iter(venue.player.slots())

    def play(self) -> list[Any]:
        """Play one whole candle and give its frames."""
        self.listener.frames.clear()
        slot = next(self.slots)
        for index in range(self.ticks):
            self.venue.player.play(slot, index)
        return list(self.listener.frames)

    def bid(self, price: str) -> RestingOrder:
        return self.exchange.place(
            "account-1", client_order_id=price, symbol="BTCUSDT", side=Side.BUY, type=OrderType.LIMIT,
            time_in_force=TimeInForce.GTC, quantity=Decimal(1), price=Decimal(price), now_ms=self.venue.now_ms,
        )  # fmt: skip


@pytest.fixture
def stage(candle_file: Callable[..., Path], listening: Any, make_venue: Any) -> Callable[[int], Stage]:
    path = candle_file((100, 100, 100, 100, 1), RISING, FALLING, QUIET)
    accounts = (AccountConfig("k", "s", {"USDT": Decimal(10_000)}),)

    def make(ticks: int) -> Stage:
        source = Replay((path,))
        return Stage(make_venue(source=source, warmup=1, ticks_per_candle=ticks, accounts=accounts), listening(), ticks)

    return make


def klines(frames: list[Any]) -> list[Any]:
    return [frame["k"] for frame in frames if frame.get("e") == "kline"]


def test_a_candle_is_walked_from_open_over_both_extremes_to_its_close(stage: Callable[[int], Stage]) -> None:
    frames = stage(4).play()
    trades = [frame for frame in frames if frame.get("e") == "aggTrade"]
    assert [float(trade["p"]) for trade in trades] == [100, 95, 112, 110]
    assert sum(float(trade["q"]) for trade in trades) == 8
    assert [trade["T"] % 60_000 for trade in trades] == [15_000, 30_000, 45_000, 0]


def test_the_closing_frame_is_the_candle_of_the_source_and_the_others_still_form(
    stage: Callable[[int], Stage],
) -> None:
    *forming, last = klines(stage(4).play())
    assert [frame["x"] for frame in forming] == [False] * 3
    assert [(frame["h"], frame["l"]) for frame in forming][:2] == [
        ("100.00000000",) * 2,
        ("100.00000000", "95.00000000"),
    ]
    assert last["x"]
    assert tuple(float(last[name]) for name in "ohlcv") == RISING
    assert (last["T"] - last["t"], last["i"], last["s"]) == (59_999, "1m", "BTCUSDT")


def test_trade_ids_run_on_from_candle_to_candle(stage: Callable[[int], Stage]) -> None:
    played = stage(4)
    first, second = klines(played.play())[-1], klines(played.play())[-1]
    assert second["f"] == first["L"] + 1
    assert first["n"] == first["L"] - first["f"] + 1


def test_a_minute_without_volume_has_no_trade(stage: Callable[[int], Stage]) -> None:
    played = stage(4)
    played.play()
    played.play()
    frames = played.play()
    assert not [frame for frame in frames if frame.get("e") == "aggTrade"]
    assert [(frame["f"], frame["L"], frame["n"]) for frame in klines(frames)] == [(-1, -1, 0)] * 4


def test_the_book_ticker_has_no_event_name_and_a_growing_id(stage: Callable[[int], Stage]) -> None:
    tickers = [frame for frame in stage(4).play() if "u" in frame]
    assert all(set(ticker) == {"u", "s", "b", "B", "a", "A"} for ticker in tickers)
    ids = [ticker["u"] for ticker in tickers]
    assert ids == list(range(ids[0], ids[0] + 4))
    assert all(Decimal(ticker["b"]) < Decimal(ticker["a"]) for ticker in tickers)


def test_the_mini_ticker_grows_to_the_whole_day_with_each_tick(stage: Callable[[int], Stage]) -> None:
    *_, ticker = [frame for frame in stage(4).play() if frame.get("e") == "24hrMiniTicker"]
    assert (float(ticker["o"]), float(ticker["c"]), float(ticker["h"]), float(ticker["l"])) == (100, 110, 112, 95)


def test_a_resting_order_fills_when_the_walk_reaches_it(stage: Callable[[int], Stage]) -> None:
    played = stage(4)
    order = played.bid("97")
    played.play()
    assert order.fills[0].price == 97


def test_with_one_tick_only_the_closing_frame_is_sent_and_the_price_stays_there(
    stage: Callable[[int], Stage],
) -> None:
    played = stage(1)
    order = played.bid("97")
    frames = played.play()
    assert [frame["x"] for frame in klines(frames)] == [True]
    assert played.exchange.last_price("BTCUSDT") == 110
    assert played.venue.now_ms % 60_000 == 0
    # The low of the candle counts all the same: it is a whole candle that happened.
    assert order.fills[0].price == 97


def test_the_market_ends_with_its_source(stage: Callable[[int], Stage]) -> None:
    assert len(list(stage(1).slots)) == 3


def test_the_made_up_book_surrounds_the_last_price(stage: Callable[[int], Stage]) -> None:
    played = stage(4)
    played.play()
    bids, asks = played.venue.fresh_board("BTCUSDT").levels(5)
    assert bids[0][0] == 109.99
    assert asks[0][0] == 110.01
    assert [price for price, _ in bids] == sorted((price for price, _ in bids), reverse=True)
    assert [price for price, _ in asks] == sorted(price for price, _ in asks)
