"""A trial is the exact engine on rows of candles: warm at their beginning, blind to what comes after their end."""

from collections.abc import Callable

import numpy as np
import pytest

from bot.backtest.run import Part, backtest
from bot.backtest.studies.figures import figures
from bot.backtest.studies.trial import Bench, Stretch
from bot.domain.errors import Misconfigured
from bot.history.columns import Columns, made

type Make = Callable[..., Bench]
PARAMS = {"fast": 5, "slow": 20}


def test_a_trial_on_all_candles_is_the_backtest(bench: Make, columns: Columns) -> None:
    one = bench()
    found = one.measure(PARAMS)
    tally = backtest(
        [Part(one.strategy, one.config(PARAMS))], [columns], {"BTCUSDT": one.plan.instrument}, one.plan.funds
    ).tally
    assert found.trades == len(tally.trades) > 5
    assert (found.net_pnl, found.fees) == (tally.net_pnl, tally.fees)
    assert found.bars == len(columns)


def test_a_stretch_decides_from_its_first_candle_on(bench: Make, columns: Columns) -> None:
    one = bench()
    rows = one.rows_before(one.config(PARAMS))
    assert rows == 20
    fast, slow = (np.convolve(columns.close, np.ones(size) / size, "valid")[20 - size :] for size in (5, 20))
    crossed = np.flatnonzero((fast[1:] > slow[1:]) & (fast[:-1] <= slow[:-1])) + 20
    first = int(crossed[crossed > 100][0])
    # The candle of the signal is the stretch's first: it is bought at the open of its second.
    played = one.play(PARAMS, Stretch(first, first + 3))
    assert len(played.equity) == 3
    assert played.fees > 0
    assert one.play(PARAMS, Stretch(first + 1, first + 4)).fees == 0


def test_what_comes_after_a_stretch_changes_nothing_in_it(bench: Make, columns: Columns) -> None:
    one = bench()
    changed = {name: array.copy() for name, array in columns.arrays().items()}
    for name in ("open", "high", "low", "close"):
        changed[name][300:] *= 1.5
    other = one._replace(columns=made(columns.market, columns.symbol, columns.interval, changed))
    assert one.measure(PARAMS, [Stretch(100, 300)]) == other.measure(PARAMS, [Stretch(100, 300)])
    assert one.measure(PARAMS, [Stretch(100, 301)]) != other.measure(PARAMS, [Stretch(100, 301)])


def test_what_came_before_its_warm_up_changes_nothing_in_it(bench: Make, columns: Columns) -> None:
    one = bench()
    changed = {name: array.copy() for name, array in columns.arrays().items()}
    for name in ("open", "high", "low", "close"):
        changed[name][:80] *= 1.5
    other = one._replace(columns=made(columns.market, columns.symbol, columns.interval, changed))
    assert one.measure(PARAMS, [Stretch(100, 300)]) == other.measure(PARAMS, [Stretch(100, 300)])


def test_several_stretches_are_judged_together(bench: Make) -> None:
    one = bench()
    parts = [Stretch(50, 200), Stretch(300, 500)]
    assert one.measure(PARAMS, parts) == figures([one.play(PARAMS, each) for each in parts])


def test_settings_that_do_not_fit_together_are_refused(bench: Make) -> None:
    with pytest.raises(Misconfigured, match="fast is not below slow"):
        bench().measure({"fast": 9, "slow": 9})
