"""Moving average cross: long while the quick average is above the slow one. The example of the notebooks."""

from typing import Self

from pydantic import Field, model_validator

from bot.strategies.base import Strategy
from bot.strategies.columns import Frame, Signals, crossed_above, crossed_below
from bot.strategies.config import StrategyConfig


class SmaCross(Strategy):
    """Buys when the quick average crosses above the slow one, leaves when it crosses below."""

    name = "sma_cross"

    class Config(StrategyConfig):
        """Periods in candles."""

        fast: int = Field(20, ge=1, le=5_000, description="candles of the quick average")
        slow: int = Field(50, ge=2, le=5_000, description="candles of the slow average")

        @model_validator(mode="after")
        def _fast_is_quicker(self) -> Self:
            if self.fast >= self.slow:
                raise ValueError("fast is not below slow, so they never cross; make fast the shorter one")
            return self

    @property
    def lookback(self) -> int:
        """The slow average, of this candle and of the one before."""
        return int(self.config.slow) + 1

    def signals(self, frame: Frame) -> Signals:
        """Follow the side of the slow average on which the quick one is."""
        fast, slow = frame.sma(self.config.fast), frame.sma(self.config.slow)
        return Signals(
            entries=crossed_above(fast, slow),
            stops=crossed_below(fast, slow),
            why_enter="the quick average crossed above the slow one",
            why_stop="the quick average crossed below the slow one",
            seen={f"sma_{self.config.fast}": fast, f"sma_{self.config.slow}": slow},
        )
