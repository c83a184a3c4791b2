"""Orders by price, and at one price by age: one side of a book, or the stops above or below a market."""

from bisect import bisect_left, insort
from collections.abc import Iterator
from decimal import Decimal

from bot.simulation.orders import RestingOrder


class PriceQueue:
    """A queue whose head is the oldest order at the best price. An order that leaves and comes back stands last."""

    __slots__ = ("_highest_first", "_keys", "_levels")

    def __init__(self, *, highest_first: bool) -> None:
        self._highest_first = highest_first
        self._keys: list[Decimal] = []
        """Prices, the best last; negative where the lowest is best."""
        self._levels: dict[Decimal, dict[int, RestingOrder]] = {}

    def add(self, price: Decimal, order: RestingOrder) -> None:
        """Put an order at the end of the line of its price."""
        key = self._key(price)
        level = self._levels.get(key)
        if level is None:
            self._levels[key] = {order.order_id: order}
            insort(self._keys, key)
        else:
            level[order.order_id] = order

    def remove(self, price: Decimal, order: RestingOrder) -> None:
        """Take an order out of the line of its price."""
        key = self._key(price)
        level = self._levels[key]
        del level[order.order_id]
        if not level:
            del self._levels[key]
            del self._keys[bisect_left(self._keys, key)]

    @property
    def best(self) -> Decimal | None:
        """Give the best price, or None when nobody stands here."""
        return self._key(self._keys[-1]) if self._keys else None

    @property
    def head(self) -> RestingOrder | None:
        """Give the order that is served first."""
        return next(iter(self._levels[self._keys[-1]].values())) if self._keys else None

    def reaching(self, price: Decimal) -> list[RestingOrder]:
        """Give the orders whose own price is `price` or better, in the order in which they are served."""
        bound, found = self._key(price), list[RestingOrder]()
        for key in reversed(self._keys):
            if key < bound:
                break
            found.extend(self._levels[key].values())
        return found

    def line(self, price: Decimal) -> list[RestingOrder]:
        """Give the orders of one price, oldest first."""
        return list(self._levels.get(self._key(price), {}).values())

    def levels(self) -> Iterator[tuple[Decimal, list[RestingOrder]]]:
        """Give price by price who stands there, best first."""
        for key in reversed(self._keys):
            yield self._key(key), list(self._levels[key].values())

    def __bool__(self) -> bool:
        return bool(self._keys)

    def _key(self, price: Decimal) -> Decimal:
        return price if self._highest_first else price.copy_negate()
