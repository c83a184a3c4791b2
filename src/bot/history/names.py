"""What a file's name tells of its candles: the exchange's own names, freqtrade's, and ours."""

import re
from dataclasses import dataclass
from pathlib import Path

from bot.domain.errors import Misconfigured
from bot.domain.market import INTERVAL_MS, Market, Stream

_SHAPE = re.compile(
    r"(?:^|[-_./])(?P<symbol>[A-Z0-9]{2,}(?:_[A-Z0-9]{2,}){0,2})[-_]"
    r"(?P<interval>1s|[135]m|15m|30m|1h|2h|4h|6h|8h|12h|1d|3d|1w|1M|1mo)(?=[-_.]|$)"
)
_MARKETS = {"spot": Market.SPOT, "um": Market.FUTURES, "futures": Market.FUTURES}
_OTHER_CANDLES = re.compile(r"mark|index|premium|funding", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Told:
    """What a name says; None where it is silent."""

    market: Market | None = None
    symbol: str | None = None
    interval: str | None = None


def told_by(path: Path) -> Told:
    """Read a file's name, and its folders as far as the market goes. Misconfigured for candles of something else."""
    name = path.name
    if _OTHER_CANDLES.search(name):
        raise Misconfigured(f"{path}: by its name it is no candle file of trades; give files of klines")
    words = [*path.parts[:-1], *re.split(r"[-_.]", name)]
    market = next((_MARKETS[word] for word in reversed(words) if word in _MARKETS), None)
    found = _SHAPE.search(name)
    if found is None:
        return Told(market)
    parts = found["symbol"].split("_")
    if len(parts) == 3:  # freqtrade's BASE_QUOTE_SETTLE, which only contracts have
        market, parts = market or Market.FUTURES, parts[:2]
    # A dated contract keeps its line: BTCUSDT_250627.
    symbol = "_".join(parts) if len(parts) == 2 and parts[1].isdigit() else "".join(parts)
    return Told(market, symbol, {"1mo": "1M"}.get(found["interval"], found["interval"]))


def stream_of(path: Path, market: Market | None, symbol: str | None, interval: str | None) -> Stream:
    """Give the series of a file: what a person said, else what its name says; Misconfigured when nobody does."""
    if market and symbol and interval:
        return Stream(market, symbol, interval)
    told = told_by(path)
    symbol, interval = symbol or told.symbol, interval or told.interval
    if symbol is None or interval is None:
        missing = "--symbol" if symbol is None else "--interval"
        raise Misconfigured(f"{path}: its name does not tell whose candles these are; give {missing}")
    if interval not in INTERVAL_MS:
        raise Misconfigured(f"unknown interval {interval!r}; use one of {', '.join(INTERVAL_MS)}")
    return Stream(market or told.market or Market.SPOT, symbol, interval)
