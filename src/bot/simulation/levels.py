"""Price levels of one side of a book, kept in order, best first: found and changed without looking at each of them."""

from bisect import bisect_left
from collections.abc import Iterable
from decimal import Decimal

from bot.domain.money import ZERO

type Level = tuple[Decimal, Decimal]
"""Price and quantity."""


def quantity_at(levels: list[Level], price: Decimal, *, highest_first: bool) -> Decimal:
    """Give the quantity that stands at a price; 0 for none."""
    place = _place(levels, price, highest_first=highest_first)
    return levels[place][1] if place < len(levels) and levels[place][0] == price else ZERO


def set_levels(levels: list[Level], changes: Iterable[Level], *, highest_first: bool) -> None:
    """Give prices new quantities in place; 0 takes a level away."""
    for price, quantity in changes:
        place = _place(levels, price, highest_first=highest_first)
        end = place + 1 if place < len(levels) and levels[place][0] == price else place
        levels[place:end] = [(price, quantity)] if quantity > 0 else []


def _place(levels: list[Level], price: Decimal, *, highest_first: bool) -> int:
    if highest_first:
        return bisect_left(levels, -price, key=lambda level: -level[0])
    return bisect_left(levels, price, key=lambda level: level[0])
