"""The store: one Parquet file a month, each with its certificate, under market, symbol and interval.

A month is replaced whole or not at all, whoever dies in between, and two writers of one series wait for each other.
The certificate stands in the footer of the file that it speaks of; the JSON file beside it is a copy for people.
"""

import contextlib
import fcntl
import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bot.domain.errors import Misconfigured
from bot.domain.market import INTERVAL_MS, Market, Stream
from bot.history import certificate as certificates
from bot.history import checks, merging, parquet
from bot.history.certificate import Certificate, Origin
from bot.history.columns import EXTRAS, NEEDED, Columns, joined, made

_NOTE = "bot.certificate"
_MONTH = re.compile(r"\d{4}-\d{2}")
_SYMBOL = re.compile(r"[A-Z0-9][\w-]{0,39}")
_FOLDERS = {"1M": "1mo"}
"""Intervals that some file systems cannot tell from others: 1M and 1m are one folder there."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What came of putting candles into the store: how many are new or changed, and the months that were written."""

    added: int
    months: tuple[str, ...]
    gaps: tuple[checks.Gap, ...]
    """The holes that these months have."""
    changed: int = 0


class Store:
    """Candles on disk. `root` is made when the first candle is put into it."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def folder(self, stream: Stream) -> Path:
        """Give the folder of a series; Misconfigured when symbol or interval cannot be one."""
        if not _SYMBOL.fullmatch(stream.symbol):
            raise Misconfigured(f"{stream.symbol!r} is no symbol; write it like BTCUSDT")
        if stream.interval not in INTERVAL_MS:
            raise Misconfigured(f"unknown interval {stream.interval!r}; use one of {', '.join(INTERVAL_MS)}")
        return self.root / stream.market.value / stream.symbol / _FOLDERS.get(stream.interval, stream.interval)

    def streams(self) -> list[Stream]:
        """Give every series that has a month here."""
        names = {folder: interval for interval, folder in _FOLDERS.items()}
        found = {
            Stream(Market(file.parts[-4]), file.parts[-3], names.get(file.parts[-2], file.parts[-2]))
            for file in self.root.glob("*/*/*/*.parquet")
            if file.parts[-4] in set(Market) and _MONTH.fullmatch(file.stem)
        }
        return sorted(found, key=lambda one: (one.market, one.symbol, INTERVAL_MS.get(one.interval, 0)))

    def months(self, stream: Stream) -> list[str]:
        """Give the months of a series, like 2024-01, in order."""
        return sorted(one.stem for one in self.folder(stream).glob("*.parquet") if _MONTH.fullmatch(one.stem))

    def certificate(self, stream: Stream, month: str) -> Certificate:
        """Give the certificate of a month; Misconfigured when the file is damaged."""
        path = self._path(stream, month)
        try:
            return certificates.read(parquet.read_notes(path)[_NOTE])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise _damaged(path, error) from error

    def month(self, stream: Stream, month: str, names: Collection[str] | None = None) -> Columns:
        """Read a month, all columns or those of `names`; Misconfigured when the file is damaged."""
        path = self._path(stream, month)
        try:
            arrays = parquet.read(path, names)
        except (OSError, ValueError) as error:
            raise _damaged(path, error) from error
        if missing := [name for name in NEEDED if name not in arrays]:
            raise Misconfigured(f"{path}: no column {missing[0]}; remove the file and fetch the month again")
        return made(stream.market, stream.symbol, stream.interval, arrays)

    def read(
        self, stream: Stream, since_ms: int | None = None, until_ms: int | None = None, *, extras: bool = False
    ) -> Columns:
        """Read the candles that open from `since_ms` on and before `until_ms`; with `extras` all that is known of them.

        Misconfigured when there is none. Holes are not told here: ask `checks.gaps`.
        """
        least = "" if since_ms is None else month_of(since_ms)
        most = "9999-99" if until_ms is None else month_of(until_ms - 1)
        names = (*NEEDED, *EXTRAS) if extras else NEEDED
        parts = [self.month(stream, month, names) for month in self.months(stream) if least <= month <= most]
        columns = joined(parts).between(since_ms, until_ms) if parts else None
        if columns is None or not len(columns):
            raise Misconfigured(
                f"no candles of {stream.market} {stream.symbol} {stream.interval} are kept for that time; fetch them:"
                f" bot data download {stream.symbol} {stream.interval} --since {_day(since_ms)}"
                f"{' --market futures' if stream.market is Market.FUTURES else ''}"
            )
        return columns

    def put(
        self,
        columns: Columns,
        sources: Sequence[Origin],
        now_ms: int,
        *,
        after_ms: int | None = None,
        mark: bool = False,
        replace: bool = False,
    ) -> Kept:
        """Add clean candles. Misconfigured, with nothing changed, when they are not what a certificate may say.

        `mark` lets new holes be, written on the certificate; `replace` lets candles differ from those that are kept.
        With `after_ms`, the open time of the candle known to come before, a hole up to the first is one too.
        """
        stream = columns.stream
        name = f"{stream.market} {stream.symbol} {stream.interval}"
        checks.refuse_dirty(columns, sources[0].name if sources else name)
        with self._locked(stream):
            planned = []
            for month, part in by_month(columns):
                planned.append(self._plan(stream, month, part, after_ms, replace=replace))
                after_ms = int(part.open_time[-1])
            for plan in planned:
                if (holes := plan.new_gaps()) and not mark:
                    raise Misconfigured(
                        f"{name} would have a hole: {_some(holes)}; add what is missing, or keep it marked with --mark"
                    )
            for plan in planned:
                self._write(stream, plan, sources, now_ms)
        gaps = tuple(gap for plan in planned for gap in plan.gaps())
        added, changed = (sum(numbers) for numbers in zip(*((one.added, one.changed) for one in planned), strict=True))
        return Kept(added, tuple(plan.month for plan in planned), gaps, changed)

    def mend_copy(self, stream: Stream, month: str) -> bool:
        """Write the JSON copy of a certificate anew when it is missing or tells something else; True when it was so."""
        copy = self._path(stream, month).with_suffix(".json")
        with self._locked(stream):
            text = self.certificate(stream, month).text() + "\n"
            if copy.is_file() and copy.read_text(encoding="utf-8") == text:
                return False
            _replace(copy, text.encode())
            return True

    def _plan(self, stream: Stream, month: str, new: Columns, after_ms: int | None, *, replace: bool) -> merging.Plan:
        if not self._path(stream, month).is_file():
            return merging.Plan(month, None, new, len(new), after_ms)
        before = self.certificate(stream, month)
        return merging.plan(month, before, self.month(stream, month), new, after_ms, replace=replace)

    def _write(self, stream: Stream, plan: merging.Plan, sources: Sequence[Origin], now_ms: int) -> None:
        path = self._path(stream, plan.month)
        known = plan.before.sources if plan.before else ()
        text = certificates.certify(plan.whole, plan.gaps(), (*known, *sources), now_ms).text()
        _replace(path, plan.whole.arrays(), {_NOTE: text})
        _replace(path.with_suffix(".json"), f"{text}\n".encode())

    def _path(self, stream: Stream, month: str) -> Path:
        return self.folder(stream) / f"{month}.parquet"

    @contextlib.contextmanager
    def _locked(self, stream: Stream) -> Iterator[None]:
        """Be the only writer of a series."""
        folder = self.folder(stream)
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / ".lock").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def month_of(time_ms: int) -> str:
    """Give the month of a time, like 2024-01."""
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m")


def by_month(columns: Columns) -> Iterator[tuple[str, Columns]]:
    """Cut candles where a month begins."""
    months = columns.open_time.astype("datetime64[ms]").astype("datetime64[M]")
    starts = [0, *(np.flatnonzero(np.diff(months.astype(np.int64))) + 1).tolist(), len(columns)]
    for first, last in pairwise(starts):
        yield str(months[first]), columns.rows(first, last)


def _replace(path: Path, content: bytes | Mapping[str, NDArray[Any]], notes: Mapping[str, str] | None = None) -> None:
    """Put a file in the place of another, whole and on disk; a draft that somebody left is written over."""
    draft = path.with_name(f".{path.name}.new")
    try:
        with draft.open("wb") as file:
            if isinstance(content, bytes):
                file.write(content)
            else:
                parquet.write(file, content, notes or {})
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _some(gaps: Sequence[checks.Gap]) -> str:
    more = f" and {len(gaps) - 1} more" if len(gaps) > 1 else ""
    return f"{gaps[0]}{more}"


def _day(time_ms: int | None) -> str:
    return "2024-01-01" if time_ms is None else datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d")


def _damaged(path: Path, error: Exception) -> Misconfigured:
    reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return Misconfigured(f"{path}: cannot be read ({reason}); remove it and fetch the month again")
