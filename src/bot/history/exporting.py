"""Candles for other programs: CSV, plain or gzipped, or Parquet."""

import gzip
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

from bot.domain.errors import Misconfigured
from bot.history import parquet
from bot.history.columns import Columns

_ROWS = 10_000


def export(columns: Columns, path: Path) -> None:
    """Write candles to a new file; its ending says of which kind. Misconfigured when it is there, or of none."""
    name = path.name.lower()
    if not name.endswith((".csv", ".csv.gz", ".parquet")):
        raise Misconfigured(f"{path}: of which kind? let it end in .csv, .csv.gz or .parquet")
    draft = path.with_name(f".{path.name}.new")
    if path.exists():
        raise Misconfigured(f"{path} is there already; remove it or choose another name")
    try:
        if name.endswith(".parquet"):
            with draft.open("wb") as file:
                parquet.write(file, columns.arrays(), {})
        elif name.endswith(".gz"):
            with gzip.open(draft, "wt", encoding="utf-8", compresslevel=6) as text:
                text.writelines(_lines(columns))
        else:
            with draft.open("w", encoding="utf-8") as text:
                text.writelines(_lines(columns))
        draft.replace(path)
    except OSError as error:
        raise Misconfigured(f"{path} cannot be written: {error.strerror}; choose another place") from error
    finally:
        draft.unlink(missing_ok=True)


def _lines(columns: Columns) -> Iterator[str]:
    """Give the file in pieces. What is not known is left empty, and no number has an exponent."""
    yield ",".join(columns.arrays()) + "\n"
    for first in range(0, len(columns), _ROWS):
        parts = [array[first : first + _ROWS].tolist() for array in columns.arrays().values()]
        yield "".join(f"{','.join(map(_text, row))}\n" for row in zip(*parts, strict=True))


def _text(number: float) -> str:
    if number == -1 or number != number:  # noqa: PLR0124 - only not-a-number differs from itself
        return ""
    text = repr(number)
    if "e" in text:
        return f"{Decimal(text):f}"
    return text.removesuffix(".0")
