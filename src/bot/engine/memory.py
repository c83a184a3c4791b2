"""What the engine remembers of orders: whose they are, and which fills were booked. It does not grow for ever."""

from collections import defaultdict
from collections.abc import Iterable

from bot.domain.market import Market
from bot.domain.order import Fill
from bot.engine.slot import Slot

FillKey = tuple[str, str, int]

REMEMBERED_ORDERS = 10_000
"""Ended orders whose late fills are still taken in: a day's worth for the busiest of accounts."""


class OrderMemory:
    """Knows every open order, and the newest of those that ended."""

    def __init__(self, remembered: int = REMEMBERED_ORDERS) -> None:
        self._remembered = remembered
        self._owners: dict[str, Slot] = {}
        self._ended: dict[str, None] = {}
        self._booked: set[FillKey] = set()
        self._newest: dict[tuple[str, str], int] = {}
        self._keys: defaultdict[str, list[FillKey]] = defaultdict(list)

    def __len__(self) -> int:
        return len(self._owners) + len(self._booked)

    def begin(self, order_id: str, owner: Slot) -> None:
        """Note whose order this is."""
        self._owners[order_id] = owner

    def owner(self, order_id: str) -> Slot | None:
        """Give whose order this is, None when it is not ours or long over."""
        return self._owners.get(order_id)

    def end(self, order_id: str) -> None:
        """Note that an order ended; the oldest that ended is forgotten with its fills, which nobody can book now."""
        self._ended[order_id] = None
        if len(self._ended) > self._remembered:
            oldest = next(iter(self._ended))
            del self._ended[oldest]
            del self._owners[oldest]
            self._booked.difference_update(self._keys.pop(oldest, ()))

    def was_booked(self, fill: Fill) -> bool:
        """Say whether a fill was booked already."""
        return fill.key in self._booked

    def book(self, fill: Fill) -> bool:
        """Note that a fill is booked; False when it was already."""
        key = fill.key
        if key in self._booked:
            return False
        self._remember(key)
        self._keys[fill.client_order_id].append(key)
        return True

    def restore(self, keys: Iterable[FillKey]) -> None:
        """Note fills booked before a restart."""
        for key in keys:
            self._remember(key)

    def newest_trade(self, market: Market, symbol: str) -> int:
        """Give the highest id of a symbol's booked trades; 0 when none is."""
        return self._newest.get((market, symbol), 0)

    def _remember(self, key: FillKey) -> None:
        market, symbol, trade_id = key
        self._booked.add(key)
        self._newest[market, symbol] = max(self._newest.get((market, symbol), 0), trade_id)
