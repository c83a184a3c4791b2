"""Exact figures of parameter sets: the engine has the last word, on what the kernel does not know and on the best.

Several processes may work at once; they are forked, so that all find the same candles in memory.
"""

import contextlib
import multiprocessing
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal

from bot.backtest.equity import curve
from bot.backtest.run import Part, backtest
from bot.backtest.screening import Screened, cores
from bot.domain.figures import profit_factor, win_rate
from bot.domain.instrument import Instrument
from bot.history.columns import Columns
from bot.strategies.base import Strategy
from bot.strategies.config import StrategyConfig


def exactly(
    strategy: type[Strategy], config: StrategyConfig, columns: Columns, instrument: Instrument, funds: Decimal
) -> Screened:
    """Ask the exact engine for the same figures."""
    outcome = backtest([Part(strategy, config)], [columns], {instrument.symbol: instrument}, {instrument.quote: funds})
    tally, (slot,) = outcome.tally, outcome.slots
    results = [trade.pnl for trade in tally.trades]
    won, factor = win_rate(sum(result > 0 for result in results), len(results)), profit_factor(results)
    drawn = curve(columns, tally.fills, tally.trades, instrument, config.capital or float(funds))
    return Screened(
        trades=len(results),
        net_pnl=float(tally.net_pnl),
        fees=float(tally.fees),
        win_rate=None if won is None else float(won),
        profit_factor=None if factor is None else float(factor),
        max_drawdown=float(drawn.fall.max()),
        unrealised=slot.unrealised,
    )


def exactly_all(
    strategy: type[Strategy],
    configs: Sequence[StrategyConfig],
    columns: Columns,
    instrument: Instrument,
    funds: Decimal,
    *,
    jobs: int = 0,
    done: Callable[[], None] | None = None,
) -> list[Screened]:
    """Ask the exact engine for many parameter sets, in `jobs` processes (0: one a core) that share the columns."""
    jobs = min(jobs or cores(), len(configs))
    found: list[Screened] = []

    def one(number: int) -> Screened:
        return exactly(strategy, configs[number], columns, instrument, funds)

    with _forked(one, jobs) as measure:
        for each in measure(range(len(configs))):
            found.append(each)
            if done is not None:
                done()
    return found


_WORK: list[Callable[[int], Screened]] = []
"""What a forked process is there for: it finds the candles where its parent left them, and nothing is copied."""


@contextlib.contextmanager
def _forked(one: Callable[[int], Screened], jobs: int) -> Iterator[Callable[[Iterable[int]], Iterator[Screened]]]:
    if jobs < 2 or "fork" not in multiprocessing.get_all_start_methods():
        yield lambda numbers: map(one, numbers)
        return
    _WORK.append(one)
    try:
        with multiprocessing.get_context("fork").Pool(jobs) as pool:
            yield lambda numbers: pool.imap(_work, numbers)
    finally:
        _WORK.clear()


def _work(number: int) -> Screened:
    return _WORK[0](number)
