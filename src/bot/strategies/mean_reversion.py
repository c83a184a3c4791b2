"""Mean reversion: buys a fall below the moving average, sells back at it."""

from pydantic import Field

from bot.domain.market import Candle
from bot.strategies.base import Strategy
from bot.strategies.config import StrategyConfig
from bot.strategies.indicators import SMA


class MeanReversion(Strategy):
    """Buys below the moving average, sells back at it."""

    name = "mean_reversion"

    class Config(StrategyConfig):
        """Window in candles; threshold as a fraction of the mean."""

        window: int = Field(20, ge=2, le=5_000, description="candles of the moving average")
        threshold: float = Field(0.005, gt=0, lt=1, description="how far below the mean to buy, as a fraction")

    def on_start(self) -> None:
        """Create the moving average."""
        self.mean = self.indicator(SMA(self.config.window))

    def on_tick(self, candle: Candle) -> None:
        """Buy when far below the mean, sell when back at it."""
        if self.position.is_flat:
            if candle.close < self.mean.value * (1 - self.config.threshold):
                self.buy("below mean")
        elif candle.close > self.mean.value:
            self.sell_all("back at mean")
