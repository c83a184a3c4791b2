"""What a backtest of futures is played with beside candles: contracts, funding and mark prices."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

import numpy as np

from bot.backtest.tape import candles
from bot.domain.errors import Misconfigured
from bot.domain.market import INTERVAL_MS, next_open
from bot.history.columns import Columns
from bot.simulation.futures.contracts import Listing
from bot.simulation.futures.funding import HOUR_MS, next_funding_ms
from bot.simulation.futures.schedule import Rate, Schedule
from bot.simulation.futures_desk import Contracts
from bot.strategies.config import StrategyConfig

USUAL_HOURS = 8
USUAL_RATE = Decimal("0.0001")
"""What is assumed where no rate is known: Binance's interest part, 0.01 % every eight hours."""


class Futures(NamedTuple):
    """Contracts by symbol, the fundings that fall due, and candles of the mark price, of the interval that is played.

    A symbol without marks is marked at its last price; one without fundings pays none.
    """

    listings: Mapping[str, Listing]
    funding: Mapping[str, Sequence[Rate]] = {}
    marks: Mapping[str, Columns] = {}


class Plan(NamedTuple):
    """All fundings of a stretch of time, and how many of them are assumed."""

    rates: Sequence[Rate]
    assumed: int


def planned(known: Sequence[Rate], first_ms: int, last_ms: int, assumed: Decimal = USUAL_RATE) -> Plan:
    """Give the fundings from `first_ms` up to `last_ms`: those known, and where there are none the assumed rate.

    A hole is a stretch of more than eight hours without a known one; a contract settled more often has none.
    """
    inside = [rate for rate in known if first_ms <= rate[0] <= last_ms]
    found: list[Rate] = []
    begin = next_funding_ms(first_ms - 1, USUAL_HOURS)
    for rate in [*inside, None]:
        end = last_ms + 1 if rate is None else rate[0]
        found += [(time_ms, assumed) for time_ms in range(begin, end, USUAL_HOURS * HOUR_MS)]
        if rate is not None:
            found.append(rate)
            begin = next_funding_ms(rate[0], USUAL_HOURS)
    return Plan(found, len(found) - len(inside))


def contracts_of(futures: Futures, configs: Sequence[StrategyConfig], played: Sequence[Columns]) -> Contracts:
    """Make what a desk wants of it. Raises Misconfigured for what does not fit together."""
    leverage: dict[str, int] = {}
    for config in configs:
        if leverage.setdefault(config.symbol, config.leverage) != config.leverage:
            raise Misconfigured(
                f"{config.symbol} has one leverage on the exchange, and the strategies want "
                f"{leverage[config.symbol]} and {config.leverage}; give them the same"
            )
    for columns in played:
        if (marks := futures.marks.get(columns.symbol)) is not None:
            _refuse_unmarked(columns, marks)
    return Contracts(
        {symbol: futures.listings[symbol] for symbol in leverage},
        leverage,
        {symbol: Schedule(rates) for symbol, rates in futures.funding.items()},
        {symbol: candles([marks]) for symbol, marks in futures.marks.items()},
    )


def end_of(columns: Columns) -> int:
    """Give the time just before the candle after the last one opens."""
    last = int(columns.open_time[-1])
    return (next_open(last, "1M") if columns.interval == "1M" else last + INTERVAL_MS[columns.interval]) - 1


def _refuse_unmarked(columns: Columns, marks: Columns) -> None:
    """Raise Misconfigured unless each candle has one of the mark price."""
    if marks.interval != columns.interval:
        raise Misconfigured(
            f"mark prices are of {marks.interval} and the candles of {columns.interval}; give both of one interval"
        )
    missing = ~np.isin(columns.open_time, marks.open_time)
    if missing.any():
        raise Misconfigured(
            f"{int(missing.sum())} of {len(columns)} candles of {columns.symbol} have no mark price of their time; "
            "give marks for all of them, or none"
        )
