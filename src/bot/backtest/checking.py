"""The check of a strategy before its figures are believed: columns look back alone, ticks follow from candles alone.

`quick` costs less than a tenth of a second for any number of candles, and stands before each backtest.
"""

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from bot.backtest import look_ahead, warm_up
from bot.backtest.findings import Finding, Looked
from bot.backtest.run import Part
from bot.domain.errors import Misconfigured
from bot.domain.instrument import Instrument
from bot.history.columns import Columns
from bot.strategies.base import Strategy

if TYPE_CHECKING:
    from bot.backtest.contracts import Futures


class Checked(NamedTuple):
    """What was compared, in words, and what was found."""

    strategy: str
    looked: tuple[Looked, ...]
    took_s: float

    @property
    def findings(self) -> list[Finding]:
        """What is wrong; nothing at best."""
        return [looked.finding for looked in self.looked if looked.finding is not None]


def check(
    part: Part,
    columns: Columns,
    instruments: Mapping[str, Instrument],
    futures: "Futures | None" = None,
    *,
    quick: bool = False,
) -> Checked:
    """Check one strategy on these candles. Raises Misconfigured where it could not be played at all."""
    strategy, config = part
    began = time.perf_counter()
    instrument = instruments.get(config.symbol)
    looked = []
    if strategy.has_signals() and instrument is not None:
        effort = look_ahead.QUICK if quick else look_ahead.THOROUGH
        looked.append(look_ahead.check_columns(strategy, config, instrument, columns, effort))
    if strategy.on_tick is not Strategy.on_tick or not strategy.has_signals():
        ticks = warm_up.QUICK if quick else warm_up.THOROUGH
        looked.append(warm_up.check_ticks(strategy, config, instruments, columns, ticks, futures))
    return Checked(strategy.name, tuple(looked), time.perf_counter() - began)


def refuse_misleading(checked: Checked) -> list[Finding]:
    """Raise Misconfigured for what would make figures meaningless; give the other findings."""
    for finding in checked.findings:
        if finding.misleads:
            raise Misconfigured(f"{checked.strategy}: {finding}")
    return checked.findings
