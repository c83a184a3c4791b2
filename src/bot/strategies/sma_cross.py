"""Moving average cross: long while the quick average is above the slow one. The example of the notebooks."""

from typing import Self

from pydantic import Field, model_validator

from bot.domain.market import Candle
from bot.strategies.base import Strategy
from bot.strategies.config import StrategyConfig
from bot.strategies.indicators import SMA


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

    def on_start(self) -> None:
        """Create both averages."""
        self.fast = self.indicator(SMA(self.config.fast))
        self.slow = self.indicator(SMA(self.config.slow))
        self._was_above: bool | None = None

    def on_tick(self, candle: Candle) -> None:  # noqa: ARG002 (the averages have seen it)
        """Follow the side of the slow average on which the quick one is."""
        is_above = self.fast.value > self.slow.value
        if is_above is self._was_above:
            return
        is_first, self._was_above = self._was_above is None, is_above
        if is_first:
            return
        if is_above:
            if self.position.is_flat:
                self.buy("the quick average crossed above the slow one")
        elif not self.position.is_flat:
            self.close("the quick average crossed below the slow one")
