"""What everybody hears of liquidations: of each symbol at most one in a second of market time, the largest of it."""

from decimal import Decimal
from functools import partial

from bot.domain.money import times
from bot.emulator.futures import wire
from bot.emulator.futures.wire import Shape
from bot.emulator.hub import Hub
from bot.emulator.wire import Json
from bot.simulation.futures.happenings import Liquidated

_WINDOW_MS = 1_000


class ForcedOrders:
    """The frames of `forceOrder`. The first liquidation after a quiet second is told with those of the same moment."""

    def __init__(self, hub: Hub, shapes: dict[str, Shape]) -> None:
        self._hub, self._shapes = hub, shapes
        self._largest: dict[str, Liquidated] = {}
        self._told_ms: dict[str, int] = {}

    def add(self, happened: Liquidated) -> None:
        """Take a liquidation in."""
        known = self._largest.get(happened.symbol)
        if known is None or _size(happened) > _size(known):
            self._largest[happened.symbol] = happened

    def tell(self, now_ms: int) -> None:
        """Tell those whose second is over."""
        for symbol in [one for one in self._largest if now_ms - self._told_ms.get(one, -_WINDOW_MS) >= _WINDOW_MS]:
            happened = self._largest.pop(symbol)
            self._told_ms[symbol] = now_ms
            for name in (f"{symbol.lower()}@forceOrder", "!forceOrder@arr"):
                self._hub.publish(name, partial(_event, happened, self._shapes[symbol]))


def _event(happened: Liquidated, shape: Shape) -> Json:
    return wire.force_order_event(happened.order, happened.time_ms, shape)


def _size(happened: Liquidated) -> Decimal:
    return times(happened.order.quantity, happened.order.price or Decimal(0))
