"""One trial: a set of settings, played by the exact engine on one or several stretches of candles.

A stretch begins warm: as many candles before it as the strategy looks back on are shown first, and decide nothing.
"""

from collections.abc import Sequence
from typing import NamedTuple

from bot.backtest.equity import curve
from bot.backtest.run import Part, backtest
from bot.backtest.space import Params
from bot.backtest.studies.figures import Figures, Played, figures
from bot.backtest.studies.plan import Plan, config_of
from bot.domain.market import INTERVAL_MS
from bot.engine.engine import Engine
from bot.history.columns import Columns
from bot.strategies.base import Strategy
from bot.strategies.config import StrategyConfig


class Stretch(NamedTuple):
    """Rows of the candles, from `first` up to, not including, `last`."""

    first: int
    last: int


class Bench(NamedTuple):
    """What all trials of a study share: the plan, the strategy and the candles."""

    plan: Plan
    strategy: type[Strategy]
    columns: Columns

    @property
    def whole(self) -> tuple[Stretch, ...]:
        """All candles, as one stretch."""
        return (Stretch(0, len(self.columns)),)

    def config(self, params: Params) -> StrategyConfig:
        """Give the settings of a trial."""
        return config_of(self.strategy, self.plan.settings, params)

    def measure(self, params: Params, stretches: Sequence[Stretch] = ()) -> Figures:
        """Judge a set of settings on these stretches, or on all candles."""
        return figures([self.play(params, each) for each in stretches or self.whole])

    def play(self, params: Params, stretch: Stretch) -> Played:
        """Play a set of settings on a stretch that begins flat, warm as far as there are candles before it."""
        config = self.config(params)
        begin = max(0, stretch.first - self.rows_before(config))
        columns = self.columns.rows(begin, stretch.last)
        instrument = self.plan.instrument
        outcome = backtest([Part(self.strategy, config)], [columns], {instrument.symbol: instrument}, self.plan.funds)
        tally, capital = outcome.tally, config.capital or float(self.plan.funds.get(instrument.quote, 0))
        drawn = curve(columns, tally.fills, tally.trades, instrument, capital)
        cold = stretch.first - begin
        return Played(
            drawn.time_ms[cold:], drawn.equity[cold:], [trade.pnl for trade in tally.trades], tally.fees, capital,
            INTERVAL_MS[columns.interval],
        )  # fmt: skip

    def rows_before(self, config: StrategyConfig) -> int:
        """Say how many candles before the first of a stretch make its first decision fall on that one."""
        slot = Engine().add(1, self.strategy, config, self.plan.instrument)
        return max(0, slot.strategy.warm_up - 1)
