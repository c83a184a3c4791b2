"""A local order book: a snapshot and the changes since, joined by the exchange's own numbering. Knows no sockets."""

from bisect import bisect_left, insort
from collections.abc import Iterable

from bot.binance.wire_market import DepthReply
from bot.binance.wire_streams import DepthEvent
from bot.domain.market import Market, Quote

BUFFER_MAX = 5_000
"""Changes kept while a snapshot is on its way; older ones would only make another look necessary."""


class BookSide:
    """The levels of one side, best first by `sign` (-1 for bids)."""

    __slots__ = ("_keys", "_sign", "quantities")

    def __init__(self, sign: int) -> None:
        self._sign = sign
        self._keys: list[float] = []
        self.quantities: dict[float, float] = {}
        """By price."""

    def load(self, levels: Iterable[tuple[float, float]]) -> None:
        """Replace all levels."""
        self.quantities = dict(levels)
        self._keys = sorted(self._sign * price for price in self.quantities)

    def put(self, price: float, quantity: float) -> None:
        """Set a level; 0 takes it away."""
        if quantity:
            if price not in self.quantities:
                insort(self._keys, self._sign * price)
            self.quantities[price] = quantity
        elif self.quantities.pop(price, None) is not None:
            del self._keys[bisect_left(self._keys, self._sign * price)]

    def best(self, count: int) -> list[tuple[float, float]]:
        """Give the best levels as (price, quantity)."""
        return [(self._sign * key, self.quantities[self._sign * key]) for key in self._keys[:count]]


class LocalBook:
    """One symbol's book. Feed it every event; when `take` says False, or at the start, `load` a fresh snapshot."""

    def __init__(self, symbol: str, market: Market) -> None:
        self.symbol = symbol
        self.market = market
        self.bids = BookSide(-1)
        self.asks = BookSide(1)
        self.update_id = 0
        """The exchange's number of the last change taken in."""
        self.time_ms = 0
        self.is_synced = False
        self._is_first = True
        self._waiting: list[DepthEvent] = []

    def begin(self) -> None:
        """Forget the book: changes are kept until a snapshot comes."""
        self.is_synced = False
        self._waiting = []

    def load(self, snapshot: DepthReply) -> bool:
        """Start from a snapshot; False when it is older than the changes at hand, or they have a hole: ask again."""
        if self._waiting and snapshot.lastUpdateId < self._earliest(self._waiting[0]):
            return False
        self.bids.load((float(price), float(quantity)) for price, quantity in snapshot.bids)
        self.asks.load((float(price), float(quantity)) for price, quantity in snapshot.asks)
        self.update_id, self.time_ms = snapshot.lastUpdateId, snapshot.T
        self.is_synced = self._is_first = True
        waiting, self._waiting = self._waiting, []
        for number, event in enumerate(waiting, 1):
            if not self.take(event):
                self._waiting += waiting[number:]
                return False
        return True

    def take(self, event: DepthEvent) -> bool:
        """Take a change in; False when one before it is missing, and the book no longer to be trusted."""
        if not self.is_synced:
            self._waiting.append(event)
            del self._waiting[:-BUFFER_MAX]
            return True
        if self._is_old(event):
            return True
        if not self._follows(event):
            self.begin()
            self._waiting.append(event)
            return False
        self._is_first = False
        for price, quantity in event.b:
            self.bids.put(price, quantity)
        for price, quantity in event.a:
            self.asks.put(price, quantity)
        self.update_id, self.time_ms = event.u, event.T or event.E
        return True

    def quote(self) -> Quote | None:
        """Give best bid and ask, or None while there is no book, or a side of it is empty."""
        bids, asks = self.bids.best(1), self.asks.best(1)
        if not (self.is_synced and bids and asks):
            return None
        return Quote(self.symbol, *bids[0], *asks[0], self.time_ms, self.market)

    def _earliest(self, event: DepthEvent) -> int:
        """Give the oldest snapshot that a change may follow on."""
        if self.market is Market.SPOT:
            return event.U - 1
        return event.U if event.pu is None else event.pu

    def _is_old(self, event: DepthEvent) -> bool:
        if self.market is Market.FUTURES and self._is_first:
            return event.u < self.update_id
        return event.u <= self.update_id

    def _follows(self, event: DepthEvent) -> bool:
        if self.market is Market.SPOT:
            return self.update_id + 1 >= event.U
        # A snapshot lies within a change, or, when the market is quiet, exactly at the end of the one before.
        return event.pu == self.update_id or (self._is_first and self.update_id >= event.U)
