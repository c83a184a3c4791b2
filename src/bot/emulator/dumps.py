"""The exchange's public files of candles, made from what REST klines show: by day and by month, each with a checksum.

A day's file is there when the day has ended, a month's from the first Monday of the next month on, by market time.
"""

import hashlib
import io
import re
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.domain.market import INTERVAL_MS, Candle
from bot.emulator.board import Board

_SHAPE = re.compile(
    r"/data/(?P<product>spot|futures/um)/(?P<span>daily|monthly)/klines/(?P<symbol>\w+)/(?P<interval>\w+)/"
    r"(?P=symbol)-(?P=interval)-(?P<date>\d{4}-\d{2}(?:-\d{2})?)\.zip(?P<checksum>\.CHECKSUM)?"
)
_INTERVALS = {"1mo": "1M"}
_NAMES = (
    "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore"
)
_MICROSECONDS_FROM_MS = int(datetime(2025, 1, 1, tzinfo=UTC).timestamp() * 1000)
_REMEMBERED = 8
_EVERYTHING = 10**9


class Dumps:
    """The files of one product, like `spot` or `futures/um`. `cells` writes a candle as REST does."""

    def __init__(
        self, product: str, boards: Mapping[str, Board], cells: Callable[[Candle], list[Any]], now_ms: Callable[[], int]
    ) -> None:
        self._product, self._boards, self._cells, self._now_ms = product, boards, cells, now_ms
        self._made: OrderedDict[str, bytes] = OrderedDict()

    def file(self, path: str) -> bytes | None:
        """Give a file or its checksum; None when there is none at that path."""
        found = _SHAPE.fullmatch(path)
        if found is None or found["product"] != self._product:
            return None
        interval = _INTERVALS.get(found["interval"], found["interval"])
        board, span = self._boards.get(found["symbol"]), _span(found["span"], found["date"])
        if board is None or span is None or interval not in INTERVAL_MS or self._now_ms() < span[2]:
            return None
        plain = path.removesuffix(".CHECKSUM")
        content = self._made.get(plain)
        if content is None:
            candles = board.series.klines(interval, span[0], span[1] - 1, _EVERYTHING)
            if not candles:
                return None
            content = self._made[plain] = self._zipped(candles, plain.rpartition("/")[2])
            while len(self._made) > _REMEMBERED:
                self._made.popitem(last=False)
        if found["checksum"]:
            return f"{hashlib.sha256(content).hexdigest()}  {plain.rpartition('/')[2]}\n".encode()
        return content

    def _zipped(self, candles: list[Candle], name: str) -> bytes:
        lines = [_NAMES] if self._product != "spot" else []
        lines += [",".join(map(str, self._row(candle))) for candle in candles]
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            archive.writestr(zipfile.ZipInfo(name.replace(".zip", ".csv")), "".join(f"{line}\n" for line in lines))
        return packed.getvalue()

    def _row(self, candle: Candle) -> list[Any]:
        cells = self._cells(candle)
        # Since 2025 the exchange's spot files have microseconds, the last one of its candle at the end.
        if self._product == "spot" and candle.open_time >= _MICROSECONDS_FROM_MS:
            cells[0], cells[6] = candle.open_time * 1_000, candle.close_time * 1_000 + 999
        return cells


def _span(kind: str, date: str) -> tuple[int, int, int] | None:
    """Give the first moment of a file, the one after its last, and when it is published; None for no date."""
    try:
        first = datetime.fromisoformat(date if kind == "daily" else f"{date}-01").replace(tzinfo=UTC)
    except ValueError:
        return None
    if kind == "daily":
        after = published = first + timedelta(days=1)
    else:
        after = first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)
        published = after + timedelta(days=-after.weekday() % 7)
    begin, end, there = (int(one.timestamp() * 1000) for one in (first, after, published))
    return begin, end, there
