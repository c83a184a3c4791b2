"""A recorded book, kept up change by change: what the faces show, and what their exchanges are told."""

from decimal import Decimal

import msgspec

from bot.domain.money import ZERO
from bot.emulator.recorded.records import BestShown, BookShown, Levels
from bot.simulation.levels import Level, set_levels


class RecordedBook:
    """The levels of one symbol, best first. What a newer level crosses on the other side is gone."""

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol
        self.bids: list[Level] = []
        self.asks: list[Level] = []
        self.shown_bids: dict[float, float] = {}
        """Quantity by price, as floats: what is shown."""
        self.shown_asks: dict[float, float] = {}
        self.update_id = 0
        self._has_depth = False

    def show(self, record: BookShown) -> "BookMoved":
        """Take in a picture or a change."""
        is_first = record.is_whole or not self._has_depth
        self._has_depth = True
        self.update_id = record.last_id if record.is_whole else max(self.update_id, record.last_id)
        if is_first:
            self._clear()
        moved = self._apply(dict(record.bids), dict(record.asks))
        if is_first:
            return self.picture(record.time_ms)
        return BookMoved(self, record.time_ms, *moved)

    def show_best(self, record: BestShown) -> "BookMoved | None":
        """Take in the best prices: whatever was better is gone. None when the book is newer than they are."""
        if self._has_depth and record.update_id and record.update_id <= self.update_id:
            return None
        self.update_id = max(self.update_id, record.update_id)
        if not self._has_depth:
            # Nothing is known behind the best prices.
            self._clear()
            self._apply(dict([record.bid]), dict([record.ask]))
            return self.picture(record.time_ms)
        bids = {price: ZERO for price, _ in _until(self.bids, record.bid[0], highest_first=True)}
        asks = {price: ZERO for price, _ in _until(self.asks, record.ask[0], highest_first=False)}
        moved = self._apply(bids | dict([record.bid]), asks | dict([record.ask]))
        return BookMoved(self, record.time_ms, *moved, is_best_only=True)

    def picture(self, now_ms: int) -> "BookMoved":
        """Give all that stands now."""
        return BookMoved(self, now_ms, tuple(self.bids), tuple(self.asks), is_whole=True)

    def _clear(self) -> None:
        self.bids.clear()
        self.asks.clear()
        self.shown_bids.clear()
        self.shown_asks.clear()

    def _apply(self, bids: dict[Decimal, Decimal], asks: dict[Decimal, Decimal]) -> tuple[Levels, Levels]:
        """Set levels; give what changed, with those of the other side that had to go."""
        best_bid = max((price for price, quantity in bids.items() if quantity), default=None)
        best_ask = min((price for price, quantity in asks.items() if quantity), default=None)
        if best_bid is not None:
            crossed = {price: ZERO for price, _ in _until(self.asks, best_bid, highest_first=False, beyond=True)}
            asks = crossed | asks
        if best_ask is not None:
            crossed = {price: ZERO for price, _ in _until(self.bids, best_ask, highest_first=True, beyond=True)}
            bids = crossed | bids
        set_levels(self.bids, bids.items(), highest_first=True)
        set_levels(self.asks, asks.items(), highest_first=False)
        for shown, changes in ((self.shown_bids, bids), (self.shown_asks, asks)):
            for price, quantity in changes.items():
                if quantity:
                    shown[float(price)] = float(quantity)
                else:
                    shown.pop(float(price), None)
        return tuple(bids.items()), tuple(asks.items())


class BookMoved(msgspec.Struct, frozen=True):
    """How a recorded book moved: levels with their new quantities, or all of them with `is_whole`.

    `is_best_only` says that it was heard from the best prices: the streams of depth show it with the next change.
    """

    book: RecordedBook
    time_ms: int
    bids: Levels
    asks: Levels
    is_whole: bool = False
    is_best_only: bool = False


def _until(levels: list[Level], price: Decimal, *, highest_first: bool, beyond: bool = False) -> list[Level]:
    """Give the levels better than a price, from the best on; with `beyond` those at it too."""
    found = []
    for level in levels:
        is_better = level[0] > price if highest_first else level[0] < price
        if not is_better and not (beyond and level[0] == price):
            break
        found.append(level)
    return found
