"""One symbol's book: the customers' resting orders in price-time priority, and what the market offers besides.

The market is a plug. Shown a price only, it trades without bound at that price; shown levels, it trades what they
hold. At one price the market stands ahead of our customers, who came later.
"""

from bisect import bisect_left, insort
from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import takewhile
from typing import NamedTuple

from bot.domain.money import EXACT, ZERO
from bot.domain.order import Side
from bot.simulation.futures.records import FuturesOrder
from bot.simulation.futures.words import TimeInForce


class Level(NamedTuple):
    """What stands at a price; a quantity of None is without bound."""

    price: Decimal
    quantity: Decimal | None


class _Row(NamedTuple):
    key: Decimal
    place: int
    order: FuturesOrder


class Book:
    """Resting orders of both sides, best first, and the market's levels."""

    def __init__(self) -> None:
        self._rows: dict[Side, list[_Row]] = {Side.BUY: [], Side.SELL: []}
        self._levels: dict[Side, list[Level]] = {Side.BUY: [], Side.SELL: []}
        self._has_levels = False
        self._places = 0

    def add(self, order: FuturesOrder) -> None:
        """Put an order at the end of its price level."""
        self._places += 1
        order.place = self._places
        order.ahead = self._standing(order.side, order.price) if order.price is not None else ZERO
        insort(self._rows[order.side], _row(order), key=_rank)

    def remove(self, order: FuturesOrder) -> None:
        """Take an order out."""
        rows = self._rows[order.side]
        row = _row(order)
        del rows[bisect_left(rows, _rank(row), key=_rank)]
        order.place = 0

    def resting(self, side: Side) -> Iterator[FuturesOrder]:
        """Give the orders of a side, best price first, oldest first at each price; use it before the book changes."""
        return (row.order for row in self._rows[side])

    def crossing(self, side: Side, price: Decimal) -> list[FuturesOrder]:
        """Give the orders of a side that may trade at a price, best first."""
        return [row.order for row in takewhile(lambda row: within(row.order, price), self._rows[side])]

    def best_resting(self, side: Side) -> FuturesOrder | None:
        """Give the first order of a side that a customer could meet; orders for retail traders only meet the market."""
        for row in self._rows[side]:
            if row.order.time_in_force is not TimeInForce.RPI:
                return row.order
        return None

    def show_price(self, price: Decimal) -> None:
        """Let the market trade without bound at one price, unless it was ever shown with levels."""
        if not self._has_levels:
            self._levels = {side: [Level(price, None)] for side in Side}

    def show_levels(self, bids: Sequence[tuple[Decimal, Decimal]], asks: Sequence[tuple[Decimal, Decimal]]) -> None:
        """Let the market stand at these levels, in any order; levels without quantity are left out."""
        self._has_levels = True
        self._levels = {
            Side.BUY: [Level(*row) for row in sorted(bids, reverse=True) if row[1] > 0],
            Side.SELL: [Level(*row) for row in sorted(asks) if row[1] > 0],
        }

    def change_levels(self, bids: Sequence[tuple[Decimal, Decimal]], asks: Sequence[tuple[Decimal, Decimal]]) -> None:
        """Give levels of the market new quantities, 0 for gone; nobody waits for more than what his level holds."""
        self._has_levels = True
        for side, changes in ((Side.BUY, bids), (Side.SELL, asks)):
            for price, quantity in changes:
                self._set_level(side, Level(price, quantity))
            left = dict(changes) if self._rows[side] else {}
            for row in self._rows[side]:
                if row.order.price in left:
                    row.order.ahead = min(row.order.ahead, left[row.order.price])

    def level(self, side: Side) -> Level | None:
        """Give the market's best level of a side."""
        levels = self._levels[side]
        return levels[0] if levels else None

    def consume(self, side: Side, quantity: Decimal) -> None:
        """Take a quantity from the market's best level."""
        price, held = self._levels[side][0]
        if held is None:
            return
        left = EXACT.subtract(held, quantity)
        self._levels[side][:1] = [Level(price, left)] if left > 0 else []

    def best_price(self, side: Side) -> Decimal | None:
        """Give the best price of a side, of customers and market together."""
        resting, level = self.best_resting(side), self.level(side)
        prices = [resting.price] if resting is not None else []
        if level is not None:
            prices.append(level.price)
        known = [price for price in prices if price is not None]
        if not known:
            return None
        return max(known) if side is Side.BUY else min(known)

    def prices(self, side: Side) -> list[Decimal]:
        """Give the distinct prices of a side, best first."""
        bids, asks = self.client_levels()
        clients = bids if side is Side.BUY else asks
        known = {level.price for level in (*self._levels[side], *clients)}
        return sorted(known, reverse=side is Side.BUY)

    def client_levels(self) -> tuple[list[Level], list[Level]]:
        """Give bids and asks of the customers alone, best first; orders for retail traders do not show."""
        sides: list[list[Level]] = []
        for side in (Side.BUY, Side.SELL):
            sums: dict[Decimal, Decimal] = {}
            for row in self._rows[side]:
                order = row.order
                if order.price is not None and order.time_in_force is not TimeInForce.RPI:
                    sums[order.price] = EXACT.add(sums.get(order.price, ZERO), order.remaining)
            sides.append([Level(price, quantity) for price, quantity in sums.items()])
        return sides[0], sides[1]

    def _standing(self, side: Side, price: Decimal) -> Decimal:
        levels, place = self._levels[side], self._place_of(side, price)
        found = levels[place] if place < len(levels) else None
        return found.quantity or ZERO if found is not None and found.price == price else ZERO

    def _set_level(self, side: Side, level: Level) -> None:
        levels, place = self._levels[side], self._place_of(side, level.price)
        end = place + 1 if place < len(levels) and levels[place].price == level.price else place
        levels[place:end] = [level] if level.quantity else []

    def _place_of(self, side: Side, price: Decimal) -> int:
        sign = -1 if side is Side.BUY else 1
        return bisect_left(self._levels[side], sign * price, key=lambda level: sign * level.price)

    def reachable(self, taker: FuturesOrder, *, skip_own: bool) -> Decimal | None:
        """Give the quantity that a taker could get within its limit; None when that has no bound."""
        side, total = taker.side.opposite, ZERO
        for level in self._levels[side]:
            if within(taker, level.price):
                if level.quantity is None:
                    return None
                total = EXACT.add(total, level.quantity)
        for row in self._rows[side]:
            order = row.order
            hidden = order.time_in_force is TimeInForce.RPI or (skip_own and order.account == taker.account)
            if order.price is not None and within(taker, order.price) and not hidden:
                total = EXACT.add(total, order.remaining)
        return total


def within(order: FuturesOrder, price: Decimal) -> bool:
    """Say whether an order may trade at a price; a market order may at any."""
    if order.price is None:
        return True
    return price <= order.price if order.side is Side.BUY else price >= order.price


def _row(order: FuturesOrder) -> _Row:
    price = order.price if order.price is not None else ZERO
    return _Row(-price if order.side is Side.BUY else price, order.place, order)


def _rank(row: _Row) -> tuple[Decimal, int]:
    return row.key, row.place
