"""Breakout: buys a new high, leaves at a new low of a shorter window."""

from typing import Self

from pydantic import Field, model_validator

from bot.domain.market import Candle
from bot.strategies.base import Strategy
from bot.strategies.config import StrategyConfig
from bot.strategies.indicators import Highest, Lowest


class Breakout(Strategy):
    """Buys when the close exceeds the highest high, leaves when it falls below the lowest low of a shorter window."""

    name = "breakout"

    class Config(StrategyConfig):
        """Windows in candles."""

        window: int = Field(20, ge=2, le=5_000, description="candles whose high must be exceeded to buy")
        exit_window: int = Field(10, ge=2, le=5_000, description="candles whose low must be broken to leave")

        @model_validator(mode="after")
        def _exit_is_quicker(self) -> Self:
            if self.exit_window > self.window:
                raise ValueError("exit_window is longer than window; make it shorter, or the exit lags the entry")
            return self

    def on_start(self) -> None:
        """Create both channels."""
        self.top = self.indicator(Highest(self.config.window))
        self.floor = self.indicator(Lowest(self.config.exit_window))

    def on_tick(self, candle: Candle) -> None:
        """Buy a new high; leave at a new low, whatever the gain: that is this strategy's stop."""
        if self.position.is_flat:
            if candle.close > self.top.value:
                self.buy("new high")
        elif candle.close < self.floor.value:
            self.close("new low")
