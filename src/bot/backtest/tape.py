"""The tape: candles of the past in the order in which the world saw them close."""

from collections.abc import Iterator, Sequence
from itertools import chain, repeat

import numpy as np

from bot.domain.market import INTERVAL_MS, Candle, next_open
from bot.history.columns import Columns, Ints
from bot.strategies.columns import Frame

AT_ONCE = 8_192
"""Rows made into candles at a time: the columns stay small, and the objects short-lived."""


def candles(series: Sequence[Columns]) -> Iterator[Candle]:
    """Give all candles by the time of their close, equal times in the order of the series."""
    if len(series) == 1:
        (only,) = series
        return chain.from_iterable(_made(only, first) for first in range(0, len(only), AT_ONCE))
    return _merged(series)


def close_times(columns: Columns) -> Ints:
    """Give when each candle closed: the last ms before the next one opens."""
    if columns.interval == "1M":
        return np.array([next_open(opened, "1M") - 1 for opened in columns.open_time.tolist()], np.int64)
    return columns.open_time + (INTERVAL_MS[columns.interval] - 1)


def frame_of(columns: Columns) -> Frame:
    """Give candles the form in which strategies that decide by columns look at them."""
    return Frame(columns.open, columns.high, columns.low, columns.close, columns.volume)


def _made(columns: Columns, first: int) -> Iterator[Candle]:
    part = columns.rows(first, first + AT_ONCE)
    quote = repeat(0.0) if part.quote_volume is None else np.nan_to_num(part.quote_volume).tolist()
    count = repeat(0) if part.count is None else np.maximum(part.count, 0).tolist()
    return map(
        Candle, repeat(part.symbol), repeat(part.interval), part.open_time.tolist(), part.open.tolist(),
        part.high.tolist(), part.low.tolist(), part.close.tolist(), part.volume.tolist(), close_times(part).tolist(),
        quote, count, repeat(True), repeat(part.market),
    )  # fmt: skip


def _merged(series: Sequence[Columns]) -> Iterator[Candle]:
    """Merge by a plan made of whole columns: which series comes next, some thousand times over."""
    closes = [close_times(columns) for columns in series]
    order = np.argsort(np.concatenate(closes), kind="stable")
    owners = np.repeat(np.arange(len(series), dtype=np.int16), [len(columns) for columns in series])[order]
    sources = [candles([columns]) for columns in series]
    for first in range(0, len(owners), AT_ONCE):
        yield from map(next, map(sources.__getitem__, owners[first : first + AT_ONCE].tolist()))
