"""What a report of a backtest is made of: facts about a run, as whoever ran it hands them in."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from bot.domain.instrument import Instrument
from bot.domain.messages import FillBooked, TradeClosed
from bot.history.columns import Columns, Floats, Ints
from bot.simulation.liquidity import Terms


class Part(NamedTuple):
    """One strategy of a run. `times` (ms UTC) are its candles' closes, `pnl` closed and open P&L at each, in quote.

    `pnl` is net of fees and funding. `funding` is what it got (paid, when below zero), in quote.
    """

    strategy: str
    settings: Mapping[str, Any]
    terms: Terms
    columns: Columns
    instrument: Instrument
    times: Ints
    pnl: Floats
    fills: Sequence[FillBooked]
    trades: Sequence[TradeClosed]
    warm_up: int
    denied: int = 0
    stopped: str = ""
    funding: float = 0.0
    liquidations: int = 0
    liquidation_fees: float = 0.0
    """What liquidations took beyond their trades, in quote, above zero."""
    title: str = ""
    """What it is called among others; empty for the name of its strategy."""
    signals: bool = False
    """True when its signals came as columns, over the whole time at once."""

    @property
    def name(self) -> str:
        """What people call it."""
        return self.title or self.strategy


class Run(NamedTuple):
    """A whole run. `capital` is what returns and drawdowns are measured by, in `quote`; `timing` has s and bars/s."""

    parts: Sequence[Part]
    quote: str
    funds: float
    capital: float
    mode: str
    candles_from: str
    rules_from: str
    look_ahead: str
    """What is known about looking ahead, in words."""
    timing: Mapping[str, float]
    version: str
    made_ms: int
    notes: Sequence[tuple[str, str]] = ()
    """Further assumptions, as (about what, in words)."""
