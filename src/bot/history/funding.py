"""Funding rates of the past: read from a file, and kept beside the candles of their contract.

A file is CSV, also gzipped or zipped, with a line of names: the exchange's own (calc_time, last_funding_rate), those
of its REST interface, or ours (funding_time, funding_rate). Times are ms UTC; a rate of 0.0001 is 0.01 %.
"""

import csv
import gzip
import io
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Protocol

from bot.domain.errors import Misconfigured
from bot.domain.market import Market, Stream
from bot.history.checks import when
from bot.history.columns import in_ms
from bot.history.store import Store

type Rate = tuple[int, Decimal]

_TIMES = ("funding_time", "calc_time", "fundingTime")
_RATES = ("funding_rate", "last_funding_rate", "fundingRate")
_MOST = Decimal("0.75")
"""A rate beyond it is no rate: the exchange caps them at three quarters of a percent up to some percent."""
_MINUTE_MS = 60_000


def read(path: Path) -> list[Rate]:
    """Read a file of funding rates, in the order of time. Misconfigured, in one line, when it is not clean."""
    try:
        with path.open("rb") as file:
            return _rates(_rows(file.read(), str(path)), str(path))
    except OSError as error:
        raise Misconfigured(f"{path}: {error.strerror}; give the path of a file of funding rates") from error


def checked(rates: Iterable[Rate], name: str) -> list[Rate]:
    """Give rates as they are settled, on the minute; Misconfigured when one is out of order, or none at all."""
    found: list[Rate] = []
    for time_ms, rate in rates:
        if not (rate.is_finite() and abs(rate) <= _MOST):
            raise Misconfigured(f"{name}: {rate} at {when(time_ms)} is no funding rate; 0.0001 stands for 0.01 %")
        # The exchange writes when it came to it, some ms late; what is held at the full minute pays.
        at = time_ms // _MINUTE_MS * _MINUTE_MS
        if found and at <= found[-1][0]:
            raise Misconfigured(
                f"{name}: the rate of {when(time_ms)} is not after the one before; sort the file by time"
            )
        found.append((at, rate))
    if not found:
        raise Misconfigured(f"{name}: holds no funding rate; fetch it again")
    return found


class RateSource(Protocol):
    """Where rates are fetched from."""

    async def rates(self, symbol: str, start_ms: int, end_ms: int) -> Sequence[Rate]:
        """Give the first rates settled from `start_ms` up to `end_ms`, as many as a page holds, in order of time."""
        ...


async def fetch(source: RateSource, symbol: str, since_ms: int, until_ms: int) -> list[Rate]:
    """Fetch the rates settled from `since_ms` on and before `until_ms`, page by page."""
    found: dict[int, Decimal] = {}
    while since_ms < until_ms:
        page = await source.rates(symbol, since_ms, until_ms - 1)
        if not page:
            break
        found |= dict(checked(page, f"funding of {symbol}"))
        since_ms = page[-1][0] + 1
    return sorted(found.items())


def path_of(store: Store, symbol: str) -> Path:
    """Give where the rates of a contract are kept."""
    return store.folder(Stream(Market.FUTURES, symbol, "1m")).parent / "funding.csv"


def kept(store: Store, symbol: str) -> list[Rate]:
    """Give the rates that are kept of a contract; none when there are none."""
    path = path_of(store, symbol)
    return read(path) if path.exists() else []


def keep(store: Store, symbol: str, rates: Sequence[Rate]) -> int:
    """Put rates to those that are kept, a newer word replacing an older one; give how many are new."""
    path = path_of(store, symbol)
    before = dict(kept(store, symbol))
    after = before | dict(checked(rates, f"funding of {symbol}"))
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(".funding.csv.new")
    try:
        draft.write_text("".join(["funding_time,funding_rate\n", *(f"{at},{after[at]:f}\n" for at in sorted(after))]))
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return len(after) - len(before)


def _rows(content: bytes, name: str) -> Iterator[dict[str, str]]:
    try:
        if content.startswith(b"PK"):
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                content = archive.read(archive.namelist()[0])
        elif content.startswith(b"\x1f\x8b"):
            content = gzip.decompress(content)
        text = content.decode("utf-8")
    except (EOFError, OSError, IndexError, zipfile.BadZipFile, zlib.error, UnicodeDecodeError) as error:
        raise Misconfigured(f"{name}: cannot be read; it is damaged or incomplete, fetch it again") from error
    return iter(csv.DictReader(text.splitlines()))


def _rates(rows: Iterator[dict[str, str]], name: str) -> list[Rate]:
    first = next(rows, None)
    if first is None:
        raise Misconfigured(f"{name}: holds no funding rate; fetch it again")
    time, rate = (next((one for one in names if one in first), None) for names in (_TIMES, _RATES))
    if time is None or rate is None:
        raise Misconfigured(f"{name}: no columns funding_time and funding_rate in its first line; name them")
    found: list[Rate] = []
    for number, row in enumerate([first, *rows], 2):
        try:
            found.append((_ms(int(row[time])), Decimal(row[rate])))
        except (ValueError, TypeError, InvalidOperation):
            raise Misconfigured(f"{name}: line {number} is no time and rate; mend the file or take another") from None
    return checked(found, name)


def _ms(time: int) -> int:
    import numpy as np  # noqa: PLC0415

    return int(in_ms(np.array([time], np.int64))[0])
