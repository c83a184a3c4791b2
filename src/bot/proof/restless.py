"""A strategy without an opinion: with every candle it enters, leaves, rests and cancels as the dice fall."""

from random import Random

from pydantic import Field

from bot.domain.market import Candle, Market
from bot.strategies.base import Strategy
from bot.strategies.config import StrategyConfig


class Restless(Strategy):
    """Trades for the sake of trading. The same candle always gives the same wishes."""

    name = "restless"

    class Config(StrategyConfig):
        """What its dice are."""

        seed: int = Field(0, description="seed of its dice")
        fickle: float = Field(0.35, ge=0, le=1, description="chance that it takes a resting order back")

    def on_tick(self, candle: Candle) -> None:
        """Throw the dice."""
        lots = Random(f"{self.config.seed} {candle.symbol} {candle.open_time}")  # noqa: S311 - dice, not a secret
        for order in self.orders:
            if order.price is not None and lots.random() < self.config.fickle:
                self.cancel(order.client_order_id)
        for _ in range(lots.choice((0, 1, 1, 2, 2))):
            self._wish(candle, lots)

    def _wish(self, candle: Candle, lots: Random) -> None:
        away = lots.uniform(-0.0005, 0.002)
        if self.config.market_of is Market.FUTURES:
            self._wish_either_way(candle, lots, away)
        elif self.position.is_flat or lots.random() < 0.4:
            self.buy("dice", price=None if lots.random() < 0.5 else candle.close * (1 - away))
        elif lots.random() < 0.1:
            self.close("dice")
        else:
            part = float(self.position.quantity) * lots.choice((0.5, 1.0))
            self.sell("dice", quantity=part, price=None if lots.random() < 0.5 else candle.close * (1 + away))

    def _wish_either_way(self, candle: Candle, lots: Random, away: float) -> None:
        """The same where one may be short: what is flat goes either way, what is not goes on or leaves."""
        position = self.position
        is_short = position.is_short or (position.is_flat and lots.random() < 0.5)
        price = None if lots.random() < 0.5 else candle.close * (1 + (away if is_short else -away))
        if position.is_flat or lots.random() < 0.4:
            (self.short if is_short else self.buy)("dice", price=price)
        elif is_short or lots.random() < 0.1:
            self.close("dice")
        else:
            part = float(position.quantity) * lots.choice((0.5, 1.0))
            self.sell("dice", quantity=part, price=None if lots.random() < 0.5 else candle.close * (1 + away))
