"""The strategy of the chaos runs: it does one kind of thing at a time, whichever a file asks for at that moment."""

from pathlib import Path
from random import Random

from pydantic import Field

from bot.domain.market import Candle
from bot.strategies.base import Strategy
from bot.strategies.config import StrategyConfig

KINDS = ("market", "limit", "cancel", "stop")
"""What it can be asked for; "any" mixes them, and everything else is rest."""
FAR = 0.98
"""Where orders rest that are only there to be cancelled, as a part of the price."""

FILE = '''"""Written by bot chaos: the restless strategy, where the bot finds strategies."""

from bot.proof.chaos_strategy import ByKind


class ChaosRestless(ByKind):
    """Does what the wish file asks for."""

    name = "chaos_restless"
'''
"""What is put into the folder of strategies."""


class ByKind(Strategy):
    """Trades for the sake of trading, one kind of order at a time."""

    class Config(StrategyConfig):
        """Where it reads what to do."""

        seed: int = Field(0, description="seed of its dice")
        wish_file: str = Field(description="file with the kind of order that is wanted now")

    def on_tick(self, candle: Candle) -> None:
        """Look into the file, then throw the dice."""
        wanted = Path(self.config.wish_file).read_text(encoding="utf-8").strip()
        lots = Random(f"{self.config.seed} {candle.symbol} {candle.open_time}")  # noqa: S311 - dice, not a secret
        kind = lots.choice(KINDS) if wanted == "any" else wanted
        if kind not in KINDS:
            return
        for order in self.orders:
            if order.price is not None and (kind == "cancel" or lots.random() < 0.3):
                self.cancel(order.client_order_id)
        if len(self.orders) < 6:
            self._wish(kind, candle, lots)

    def _wish(self, kind: str, candle: Candle, lots: Random) -> None:
        is_flat = self.position.is_flat
        match kind:
            case "market" if is_flat or lots.random() < 0.4:
                self.buy("dice")
            case "market":
                self.sell("dice", quantity=float(self.position.quantity) * lots.choice((0.5, 1.0)))
            case "limit" if is_flat or lots.random() < 0.5:
                self.buy("dice", price=candle.close * (1 - lots.uniform(-0.001, 0.001)))
            case "limit":
                self.sell("dice", price=candle.close * (1 + lots.uniform(-0.001, 0.001)))
            case "cancel":
                self.buy("dice", price=candle.close * FAR)
            case _ if is_flat:
                self.buy("dice")
            case _:
                self.close("dice")
