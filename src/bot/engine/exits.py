"""The exits that the engine itself watches for every strategy: stop loss, take profit and trailing stop.

They are checked on each candle the strategy is shown, stopped strategies included, so a position is never left alone.
"""

from bot.domain.market import Candle
from bot.domain.order import Purpose, Side
from bot.engine.slot import Slot
from bot.strategies.base import Wish


def own_exit(slot: Slot, candle: Candle) -> Wish | None:
    """Give the exit that the strategy's settings ask for at this candle's close, if any.

    While exits rest at a limit only a stop is asked for: the engine takes them back first. So it is at a candle that
    was decided on before a restart: a profit that was asked for there is asked for again at the next one.
    """
    resting = slot.resting_exits()
    if slot.exiting() and not resting:
        return None
    wish = _wanted(slot, candle)
    if wish is not None and wish.purpose is not Purpose.STOP and (resting or slot.has_decided(candle.close_time)):
        return None
    return wish


def closing_exit(slot: Slot) -> Wish | None:
    """Give the exit that closes what a person wants closed, also what an entry on its way has brought since."""
    held = slot.position.quantity
    if not slot.closing or not held or slot.awaited_exit:
        return None
    if slot.exiting() >= held.copy_abs() and not slot.resting_exits():
        return None
    return Wish(Side.BUY if slot.position.is_short else Side.SELL, Purpose.STOP, slot.closing)


def _wanted(slot: Slot, candle: Candle) -> Wish | None:
    config, position = slot.config, slot.position
    price, cost = candle.close, float(position.cost)
    if position.is_short:
        return _short_exit(slot, price, cost)
    slot.best_price = max(slot.best_price, price)
    if config.stop_loss is not None and price <= cost * (1 - config.stop_loss):
        return Wish(Side.SELL, Purpose.STOP, "stop loss")
    if config.trailing is not None and price <= slot.best_price * (1 - config.trailing):
        return Wish(Side.SELL, Purpose.STOP, "trailing stop")
    # (a take profit that rests on the exchange needs nobody to watch for its price)
    if config.take_profit is not None and price >= cost * (1 + config.take_profit) and slot.take_order is None:
        return Wish(Side.SELL, Purpose.EXIT, "take profit")
    return None


def _short_exit(slot: Slot, price: float, cost: float) -> Wish | None:
    config = slot.config
    slot.best_price = min(slot.best_price or price, price)
    if config.stop_loss is not None and price >= cost * (1 + config.stop_loss):
        return Wish(Side.BUY, Purpose.STOP, "stop loss")
    if config.trailing is not None and price >= slot.best_price * (1 + config.trailing):
        return Wish(Side.BUY, Purpose.STOP, "trailing stop")
    if config.take_profit is not None and price <= cost * (1 - config.take_profit) and slot.take_order is None:
        return Wish(Side.BUY, Purpose.EXIT, "take profit")
    return None
