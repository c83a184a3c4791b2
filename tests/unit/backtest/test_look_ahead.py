"""Each way in which columns can deceive is planted in a small strategy, and has to be found and named."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.backtest.checking import check, refuse_misleading
from bot.backtest.findings import Finding
from bot.backtest.made_up import made_up
from bot.backtest.run import Part
from bot.domain.errors import Misconfigured
from bot.domain.market import Market
from bot.simulation.instruments import bundled
from bot.strategies.base import Strategy
from bot.strategies.columns import Frame, Signals
from bot.strategies.config import StrategyConfig
from bot.strategies.sma_cross import SmaCross

CANDLES = made_up(Market.SPOT, "BTCUSDT", "1m", 6_000)
CONFIG = StrategyConfig(symbol="BTCUSDT")

type Say = Callable[[Any, Frame], Any]


def deciding(say: Say, lookback: object = 20, **more: object) -> type[Strategy]:
    """Make a strategy whose columns are what `say` says."""
    members = {"name": "odd", "signals": say, "lookback": property(lambda self: lookback), **more}
    return type("Odd", (Strategy,), members)


def findings(say: Say, lookback: object = 20, *, quick: bool = False, **more: object) -> list[Finding]:
    return check(Part(deciding(say, lookback, **more), CONFIG), CANDLES, bundled(), quick=quick).findings


def found(say: Say, lookback: object = 20, *, quick: bool = False, **more: object) -> Finding:
    (finding,) = findings(say, lookback, quick=quick, **more)
    return finding


def before(column: Any, rows: int) -> Any:
    """Give the column as it was so many rows before, NaN where there was none."""
    return np.concatenate((np.full(rows, np.nan), column))[: len(column)]


def rising(self: Strategy, frame: Frame) -> Signals:
    """An honest one: ten rows up in value, against nine rows ago."""
    return Signals(frame.close > 1.002 * before(frame.close, 9), frame.close < before(frame.close, 9))


@pytest.mark.parametrize("quick", [True, False])
def test_an_honest_strategy_passes(quick: bool) -> None:
    assert findings(rising, 10, quick=quick) == []
    sound = Part(SmaCross, SmaCross.Config(symbol="BTCUSDT", fast=3, slow=30))
    assert check(sound, CANDLES, bundled(), quick=quick).findings == []


def next_close(self: Strategy, frame: Frame) -> Signals:
    return Signals(np.append(frame.close[1:] > frame.close[:-1] * 1.001, False))


def next_close_with_another_end(self: Strategy, frame: Frame) -> Signals:
    return Signals(np.append(frame.close[1:] > frame.close[:-1] * 1.001, True))


def mean_of_all(self: Strategy, frame: Frame) -> Signals:
    return Signals(frame.close < frame.close.mean() * 0.99)


def scaled_by_extremes(self: Strategy, frame: Frame) -> Signals:
    low, high = frame.low.min(), frame.high.max()
    return Signals((frame.close - low) / (high - low) < 0.1)


def centred_window(self: Strategy, frame: Frame) -> Signals:
    smooth = np.convolve(frame.close, np.ones(5) / 5, mode="same")
    return Signals(frame.close < smooth * 0.999)


def filled_backwards(self: Strategy, frame: Frame) -> Signals:
    """The high of each full hour, known from its first minute on."""
    highs = [frame.high[n : n + 60].max() for n in range(0, len(frame), 60)]
    return Signals(frame.close > np.repeat(highs, 60)[: len(frame)] * 0.999)


def far_ahead(self: Strategy, frame: Frame) -> Signals:
    return Signals(
        np.append(frame.close[200:], np.full(min(200, len(frame)), np.nan))[: len(frame)] > frame.close * 1.03
    )


def only_seen(self: Strategy, frame: Frame) -> Signals:
    return Signals(frame.close > frame.open * 1.002, seen={"best": np.maximum.accumulate(frame.high[::-1])[::-1]})


@pytest.mark.parametrize("quick", [True, False])
@pytest.mark.parametrize(
    "say",
    [
        next_close, next_close_with_another_end, mean_of_all, scaled_by_extremes, centred_window, filled_backwards,
        far_ahead, only_seen,
    ],
)  # fmt: skip
def test_looking_ahead_is_found_whatever_its_form(say: Say, quick: bool) -> None:
    finding = found(say, 60, quick=quick)
    assert finding.kind == "looks ahead"
    assert finding.misleads
    assert "cut off" in finding.cause
    assert finding.time_ms is not None


def test_a_lookback_too_short_is_refused_with_the_smallest_that_works() -> None:
    finding = found(rising, 7)
    assert finding.kind == "lookback too short"
    assert "lookback 7 is too short" in finding.cause
    assert "at least 10 from lookback" in finding.fix
    assert found(rising, 9, quick=True).fix == finding.fix


def test_a_row_made_of_all_that_came_before_has_no_lookback_that_works() -> None:
    finding = found(lambda self, frame: Signals(frame.close > expanding_mean(frame)), 20)
    assert finding.kind == "lookback too short"
    assert "none was found" in finding.fix


def expanding_mean(frame: Frame) -> Any:
    return np.cumsum(frame.close) / np.arange(1, len(frame) + 1)


def column(value: Any) -> Say:
    return lambda self, frame: Signals(value(frame))


@pytest.mark.parametrize(
    ("say", "words"),
    [
        (column(lambda frame: np.where(frame.close > 1, 1.0, np.nan)), "entries is float64, not bool, and NaN counts"),
        (column(lambda frame: (frame.close > 1).astype(int)), "entries is int64, not bool"),
        (column(lambda frame: frame.close[1:] > frame.close[:-1]), r"shape \(5999,\) for 6000 candles"),
        (column(lambda frame: (frame.close > 1).tolist()), "entries is list, no array"),
        (column(lambda frame: None), "entries is NoneType, no array"),
        (lambda self, frame: Signals(frame.close > 1, frame.close), "exits is float64"),
        (lambda self, frame: Signals(frame.close > 1, seen={"x": frame.close[:3]}), r"seen\['x'\] has shape \(3,\)"),
        (lambda self, frame: {"entries": frame.close > 1}, "gave dict"),
    ],
)
def test_columns_that_no_engine_could_go_by_are_refused_by_name(say: Say, words: str) -> None:
    finding = found(say)
    assert finding.kind == "wrong columns"
    assert pytest.importorskip("re").search(words, finding.cause), finding.cause


@pytest.mark.parametrize("lookback", [0, -3, 2.5, True, "20"])
def test_a_lookback_that_is_no_number_of_candles_is_refused(lookback: object) -> None:
    assert found(rising, lookback).kind == "wrong lookback"


def overwrites(self: Strategy, frame: Frame) -> Signals:
    frame.close[frame.close < 0.5] = 1.0
    return rising(self, frame)


def keeps_one_array(self: Any, frame: Frame) -> Signals:
    if not hasattr(self, "kept"):
        self.kept = np.zeros(len(frame), np.bool_)
    self.kept[: len(frame)] = frame.close > 1.002 * before(frame.close, 9)
    return Signals(self.kept[: len(frame)])


def remembers(self: Any, frame: Frame) -> Signals:
    self.calls = getattr(self, "calls", 0) + 1
    return Signals(frame.close > frame.open * (1.001 if self.calls % 7 else 1.0))


def draws(self: Strategy, frame: Frame) -> Signals:
    return Signals((frame.close > frame.open) & (np.random.default_rng().random(len(frame)) > 0.01))


def reads_the_clock(self: Strategy, frame: Frame) -> Signals:
    import time

    return Signals(frame.close > frame.open * (1 + (int(time.time()) // 3600 % 24) * 1e-5))


@pytest.mark.parametrize(
    ("say", "kind"),
    [
        (overwrites, "changes candles"),
        (keeps_one_array, "changes signals"),
        (remembers, "not repeatable"),
        (draws, "not repeatable"),
        (reads_the_clock, "not repeatable"),
        (lambda self, frame: Signals(frame.close > self.position.cost), "looks aside"),
        (lambda self, frame: Signals(frame.close > self.equity), "looks aside"),
        (lambda self, frame: Signals(frame.close > frame.vwap), "raises"),
    ],
)
def test_columns_that_are_not_of_candles_alone_are_found(say: Say, kind: str) -> None:
    finding = found(say)
    assert finding.kind == kind, finding
    assert finding.fix


def test_rules_of_the_instrument_may_be_looked_at() -> None:
    assert findings(lambda self, frame: Signals(frame.close > float(self.instrument.price.tick))) == []


def test_what_misleads_is_refused_in_one_line_before_a_backtest() -> None:
    with pytest.raises(Misconfigured, match=r"^odd: signals looks ahead: entries at 2025-01-0\d .*; use that row"):
        refuse_misleading(check(Part(deciding(next_close), CONFIG), CANDLES, bundled(), quick=True))


@pytest.mark.parametrize("rows", [1, 2, 19, 20, 21])
def test_few_candles_are_no_reason_to_complain(rows: int) -> None:
    checked = check(Part(deciding(rising), CONFIG), CANDLES.rows(0, rows), bundled())
    assert checked.findings == []


@settings(max_examples=20, deadline=None)
@given(ahead=st.integers(1, 40), threshold=st.floats(1.0005, 1.004))
def test_any_distance_of_looking_ahead_is_found_quickly(ahead: int, threshold: float) -> None:
    def say(self: Strategy, frame: Frame) -> Signals:
        later = np.full(len(frame), np.nan)
        later[: max(0, len(frame) - ahead)] = frame.close[ahead:]
        return Signals(later > frame.close * threshold)

    assert found(say, quick=True).kind == "looks ahead"


def test_the_same_check_finds_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = (check(Part(deciding(mean_of_all), CONFIG), CANDLES, bundled()) for _ in range(2))
    assert one.looked == other.looked


def test_made_up_candles_are_the_same_for_a_seed_and_clean() -> None:
    one, other = (made_up(Market.SPOT, "BTCUSDT", "1h", 500, seed=3) for _ in range(2))
    assert all(np.array_equal(one.column(name), other.column(name)) for name in one.arrays())
    assert (one.high >= np.maximum(one.open, one.close)).all()
    assert (one.low <= np.minimum(one.open, one.close)).all()
    assert (one.low > 0).all()
    assert not np.array_equal(one.close, made_up(Market.SPOT, "BTCUSDT", "1h", 500, seed=4).close)


SETTINGS: Mapping[str, object] = {"symbol": "NEWUSDT"}


def test_without_rules_nothing_can_be_checked_and_the_backtest_says_so() -> None:
    unknown = Part(deciding(rising), StrategyConfig.model_validate(SETTINGS))
    assert check(unknown, CANDLES, bundled()).looked == ()
