"""Lines of a table and what stands in them. Whoever reads a wrong one hears file, line and cause."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Self

from bot.domain.errors import Misconfigured
from bot.domain.money import number
from bot.emulator.textfile import open_text

_MICROSECONDS_FROM = 10**13
_NANOSECONDS_FROM = 10**16
_TRUTH = {"true": True, "false": False}


class Row:
    """One line: its cells by the place of their column."""

    __slots__ = ("_cells", "_number", "_path")

    def __init__(self, path: Path, number: int, cells: list[str]) -> None:
        self._path, self._number, self._cells = path, number, cells

    def fault(self, reason: str) -> Misconfigured:
        """Give an error that names the line."""
        return Misconfigured(f"{self._path}:{self._number}: {reason}")

    def checked(self, columns: int) -> Self:
        """Give itself, when it has as many columns as belong."""
        if len(self._cells) < columns:
            raise self.fault(f"{len(self._cells)} columns where {columns} belong")
        return self

    def text(self, place: int) -> str:
        """Give a cell as it stands."""
        return self._cells[place]

    def exact(self, place: int) -> Decimal:
        """Give a number."""
        try:
            return number(self._cells[place].strip())
        except ValueError as error:
            raise self.fault(str(error)) from error

    def price(self, place: int) -> Decimal:
        """Give a number above zero."""
        value = self.exact(place)
        if value <= 0:
            raise self.fault(f"price {value} is not above zero")
        return value

    def quantity(self, place: int) -> Decimal:
        """Give a number that is not below zero."""
        value = self.exact(place)
        if value < 0:
            raise self.fault(f"quantity {value} is below zero")
        return value

    def whole(self, place: int) -> int:
        """Give a whole number."""
        try:
            return int(self._cells[place])
        except ValueError as error:
            raise self.fault(f"not a whole number: {self._cells[place]!r}") from error

    def time_ms(self, place: int) -> int:
        """Give a time in ms, be it written in ms, µs or ns."""
        return in_ms(self.whole(place))

    def truth(self, place: int) -> bool:
        """Give true or false."""
        value = _TRUTH.get(self._cells[place].strip().lower())
        if value is None:
            raise self.fault(f"neither true nor false: {self._cells[place]!r}")
        return value


def in_ms(time: int) -> int:
    """Give a time in ms that may be in µs or ns."""
    if time >= _NANOSECONDS_FROM:
        return time // 1_000_000
    return time // 1_000 if time >= _MICROSECONDS_FROM else time


def rows(path: Path, columns: int) -> Iterator[Row]:
    """Give the lines of a table, without header and without empty ones."""
    with open_text(path) as lines:
        for place, line in enumerate(lines, 1):
            if not (cells := line.strip()) or (place == 1 and cells[:1].isalpha()):
                continue
            yield Row(path, place, cells.split(",")).checked(columns)
