"""Dense replay: every candle through `engine.handle`, as paper and live trading do it.

A candle first happens to what rests at the exchange, and what that fills is booked before the engine sees the candle:
nothing is decided at a price that an order has met already.
"""

from collections.abc import Iterable

from bot.backtest.replay import Replay
from bot.domain.market import Candle


def play(replay: Replay, candles: Iterable[Candle]) -> None:
    """Play candles to their end."""
    see, handle, inbox = replay.see, replay.engine.handle, replay.inbox
    for candle in candles:
        see(candle)
        if inbox:
            replay.settle()
        if outcomes := handle(candle):
            replay.act(outcomes)
            replay.settle()
