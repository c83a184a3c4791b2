"""The made-up market: the same for every reader, believable, and lively enough to trade."""

from decimal import Decimal
from itertools import pairwise

import pytest

from bot.domain.market import Candle
from bot.simulation.instruments import bundled, typical_prices
from bot.simulation.market import SyntheticMarket, path

D = Decimal
START = {"BTCUSDT": D(95_000), "DOGEUSDT": D("0.34")}
T0 = 1_735_689_600_000


def test_the_same_seed_gives_the_same_candles_wherever_reading_starts() -> None:
    whole = SyntheticMarket(7, START, start_ms=T0).candles("BTCUSDT", -300, 5_000)
    assert SyntheticMarket(7, START, start_ms=T0).candles("BTCUSDT", 4_200, 10) == whole[4_500:4_510]
    assert SyntheticMarket(8, START, start_ms=T0).candles("BTCUSDT", -300, 10) != whole[:10]
    assert whole[300].open_time == T0
    assert whole[300].open == 95_000.0


def test_symbols_of_one_market_move_on_their_own() -> None:
    market = SyntheticMarket(7, {"BTCUSDT": D(100), "ETHUSDT": D(100)})
    first, second = ([c.close for c in market.candles(s, 0, 50)] for s in ("BTCUSDT", "ETHUSDT"))
    assert first != second


@pytest.mark.parametrize("symbol", START)
def test_candles_are_whole_and_follow_each_other(symbol: str) -> None:
    rules = bundled()[symbol]
    candles = SyntheticMarket(3, START, start_ms=T0).candles(symbol, 0, 2_000)
    for one, after in pairwise(candles):
        assert one.low <= min(one.open, one.close) <= max(one.open, one.close) <= one.high
        assert (after.open_time, after.open) == (one.close_time + 1, one.close)
        assert one.volume > 0
        assert one.low * one.volume <= one.quote_volume * 1.001 <= one.high * one.volume * 1.002
        for price in (one.open, one.high, one.low, one.close):
            assert D(repr(price)) % rules.price.tick == 0
        assert D(repr(one.volume)) % rules.lot.step == 0


def test_markets_of_other_intervals_show_the_same_prices() -> None:
    minutes = SyntheticMarket(5, START).candles("BTCUSDT", 0, 60)
    for index, long in enumerate(SyntheticMarket(5, START, "15m").candles("BTCUSDT", 0, 4)):
        part = minutes[15 * index : 15 * index + 15]
        assert (long.open, long.close) == (part[0].open, part[-1].close)
        assert (long.high, long.low) == (max(c.high for c in part), min(c.low for c in part))


def test_a_month_has_dips_to_buy_and_peaks_to_break_and_stays_believable() -> None:
    closes = [c.close for c in SyntheticMarket(1, START, "5m").candles("BTCUSDT", 0, 30 * 288)]
    means = [sum(closes[i - 20 : i]) / 20 for i in range(20, len(closes))]
    dips = sum(close < mean * 0.995 for close, mean in zip(closes[20:], means, strict=True))
    peaks = sum(closes[i] > max(closes[i - 100 : i]) for i in range(100, len(closes)))
    assert dips > 50
    assert peaks > 50
    assert 95_000 / 3 < min(closes) < max(closes) < 95_000 * 3


def test_a_symbol_without_rules_gets_a_grid_of_five_digits() -> None:
    candle = SyntheticMarket(1, {"NEWUSDT": D("2.5")}).candles("NEWUSDT", 0, 1)[0]
    assert D(repr(candle.high)) % D("0.0001") == 0


def test_no_candles_are_given_when_none_are_asked_for() -> None:
    assert SyntheticMarket(1, START).candles("BTCUSDT", 5, 0) == []


def test_the_index_of_a_time_is_the_candle_that_holds_it() -> None:
    market = SyntheticMarket(1, START, start_ms=T0)
    assert [market.index_at(T0 + ms) for ms in (-1, 0, 59_999, 60_000)] == [-1, 0, 0, 1]


@pytest.mark.parametrize("interval", ["1M", "7m"])
def test_an_interval_without_a_fixed_length_is_refused(interval: str) -> None:
    with pytest.raises(ValueError, match="interval"):
        SyntheticMarket(1, START, interval)


def candle(opened: float, high: float, low: float, close: float) -> Candle:
    return Candle("BTCUSDT", "1m", 0, opened, high, low, close, 1.0, 59_999)


@pytest.mark.parametrize(
    ("bar", "ticks", "prices"),
    [
        (candle(10.0, 12.0, 9.0, 11.0), 4, [10.0, 9.0, 12.0, 11.0]),
        (candle(11.0, 12.0, 9.0, 10.0), 4, [11.0, 12.0, 9.0, 10.0]),
        (candle(10.0, 12.0, 8.0, 11.0), 7, [10.0, 9.0, 8.0, 10.0, 12.0, 12.0, 11.0]),
        (candle(10.0, 12.0, 9.0, 11.0), 3, [10.0, 9.0, 11.0]),
        (candle(10.0, 12.0, 9.0, 11.0), 2, [10.0, 11.0]),
    ],
)
def test_a_path_visits_open_both_extremes_and_close(bar: Candle, ticks: int, prices: list[float]) -> None:
    assert path(bar, ticks) == prices


@pytest.mark.parametrize("ticks", [4, 5, 9, 12, 60])
def test_a_path_makes_the_same_candle_again(ticks: int) -> None:
    for bar in SyntheticMarket(2, START).candles("DOGEUSDT", 0, 50):
        prices = path(bar, ticks)
        assert len(prices) == ticks
        assert (prices[0], max(prices), min(prices), prices[-1]) == (bar.open, bar.high, bar.low, bar.close)
        assert all(D(repr(price)) % D("0.00001") == 0 for price in prices)


def test_a_path_of_one_tick_is_refused() -> None:
    with pytest.raises(ValueError, match="2 ticks"):
        path(candle(1.0, 1.0, 1.0, 1.0), 1)


def test_every_bundled_symbol_can_be_traded_at_its_typical_price() -> None:
    from bot.domain.order import Side

    prices, instruments = typical_prices(), bundled()
    assert prices.keys() == instruments.keys()
    assert len(prices) >= 20
    for symbol, price in prices.items():
        rules = instruments[symbol]
        quantity = rules.fit_quantity(D(50) / price, is_market=True)
        assert rules.symbol == symbol
        assert quantity is not None
        assert rules.explain(Side.BUY, quantity, None, price) is None
        assert rules.explain(Side.BUY, quantity, rules.fit_price(price, Side.BUY), price) is None
