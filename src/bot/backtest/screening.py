"""Screening: many parameter sets of one strategy over the same candles, by the compiled kernel.

What the kernel does not know, `unknown` says in words; sets about which it is in doubt are told as such. Both are for
the exact engine (`run.backtest`), which has the last word anyway.
"""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from importlib.util import find_spec
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from bot.backtest.lean_frame import LeanFrame
from bot.backtest.terms import Prices, Unfit, terms_of
from bot.domain.errors import BotError
from bot.domain.instrument import Instrument
from bot.domain.market import Market
from bot.domain.money import cut
from bot.domain.order import OrderType
from bot.engine.slot import Slot
from bot.history.columns import Columns, Floats, Ints
from bot.risk.rules import Limits
from bot.strategies.base import Strategy
from bot.strategies.columns import Bools
from bot.strategies.config import StrategyConfig

if TYPE_CHECKING:
    from bot.backtest.kernel import Sums

INSTALL = "pip install 'binance-bot[sweep]'"


class Screened(NamedTuple):
    """What one parameter set came to, by the kernel: amounts in quote, fractions plain.

    As in a backtest's result: `net_pnl` and `trades` are of closed round trips, `fees` of all fills.
    """

    trades: int
    net_pnl: float
    fees: float
    win_rate: float | None
    profit_factor: float | None
    max_drawdown: float
    unrealised: float


class Trips(NamedTuple):
    """The closed round trips of one walk: P&L in quote, and the rows in which they were entered and left."""

    pnl: Floats
    entered: Ints
    left: Ints


def is_there() -> bool:
    """Say whether the compiler of the kernel (the extra `sweep`) is installed."""
    return find_spec("numba") is not None


def unknown(
    strategy: type[Strategy], config: StrategyConfig, instrument: Instrument, limits: Limits | None = None
) -> str | None:
    """Say what of these settings the kernel does not know, or None when it may screen them."""
    own = [
        name for name in ("on_tick", "on_fill", "on_order") if getattr(strategy, name) is not getattr(Strategy, name)
    ]
    step, market_step = instrument.lot.step, instrument.market_lot.step
    has_steps = step and market_step in {0, step} and step == cut(step, 8)
    for is_unknown, what in (
        (not strategy.has_signals(), "a strategy without signal columns"),
        (own, f"a strategy with {', '.join(own)} of its own"),
        (strategy.open_candles, "forming candles"),
        (config.market_of is not Market.SPOT, "futures"),
        (config.protect == "exchange", "stops that rest on the exchange"),
        (config.max_drawdown is not None, "max_drawdown"),
        (config.daily_loss is not None, "daily_loss"),
        (limits is not None and limits != Limits(), "limits of the account"),
        (
            not instrument.is_tradable or OrderType.MARKET not in instrument.order_types,
            "a symbol without market orders",
        ),
        (not has_steps, "such steps of quantity"),
        (instrument.max_position, "a largest position"),
    ):
        if is_unknown:
            return what
    return None


class Screen:
    """One series and one wallet, ready to be walked for many parameter sets. Threads may share it."""

    def __init__(self, strategy: type[Strategy], columns: Columns, instrument: Instrument, funds: Decimal) -> None:
        """`funds` is the quote money of the wallet."""
        self._strategy = strategy
        self._columns = columns
        self._instrument = instrument
        self._funds = funds
        self._frame = LeanFrame(columns)
        self._prices: dict[str, Prices] = {}
        self._never: Bools = np.zeros(len(columns), np.bool_)
        self._lock = Lock()

    def __call__(self, config: StrategyConfig) -> Screened | str:
        """Walk for one parameter set, some ms for a year of minutes; a text says why the kernel cannot tell."""
        sums = self._walk(config, np.empty(0), np.empty((0, 2), np.int64))
        if isinstance(sums, str):
            return sums
        return Screened(
            trades=sums.trades,
            net_pnl=sums.net_pnl,
            fees=sums.fees,
            win_rate=sums.wins / sums.trades if sums.trades else None,
            profit_factor=sums.won / sums.lost if sums.lost else None,
            max_drawdown=sums.max_drawdown,
            unrealised=sums.unrealised,
        )

    def trips(self, config: StrategyConfig) -> Trips | str:
        """Give the round trips of one parameter set; a text says why the kernel cannot tell."""
        found = self(config)
        if isinstance(found, str):
            return found
        results, rows = np.empty(found.trades), np.empty((found.trades, 2), np.int64)
        self._walk(config, results, rows)
        return Trips(results, rows[:, 0], rows[:, 1])

    def _walk(self, config: StrategyConfig, results: Floats, rows: Ints) -> "Sums | str":
        from bot.backtest.kernel import walk  # noqa: PLC0415

        columns = self._columns
        slot = Slot(1, self._strategy, config, self._instrument)
        try:
            slot.strategy.on_start()
            signals = slot.strategy.signals(self._frame)
            entries, leaves, stops = (self._truths(each) for each in (signals.entries, signals.exits, signals.stops))
            prices = self._prices_for(config.fill)
            terms = terms_of(config, self._instrument, prices, self._funds, slot.strategy.warm_up)
        except Unfit as unfit:
            return str(unfit)
        except BotError:
            raise
        except Exception as error:  # noqa: BLE001 - a strategy's code may raise whatever it likes
            return f"{type(error).__name__}: {error}"
        leaves = leaves | stops if signals.exits is not None else stops
        bounds = prices.average_low, prices.average_high
        sums: Sums = walk(
            terms, entries, leaves, stops, columns.close, prices.close, *bounds, prices.fill, results, rows
        )
        return sums if not sums.doubts else f"{sums.doubts} orders about which the kernel is in doubt"

    def _truths(self, column: Bools | None) -> Bools:
        if column is None:
            return self._never
        if len(column) != len(self._never):
            raise ValueError(f"signals of {len(column)} rows for {len(self._never)} candles")
        return np.ascontiguousarray(column, np.bool_)

    def _prices_for(self, fill: str) -> Prices:
        with self._lock:
            prices = self._prices.get(fill)
            if prices is None:
                prices = self._prices[fill] = Prices(self._columns, self._instrument, fill)
            return prices


def screen(
    strategy: type[Strategy],
    configs: Sequence[StrategyConfig],
    columns: Columns,
    instrument: Instrument,
    funds: Decimal,
    *,
    jobs: int = 0,
    done: Callable[[], None] | None = None,
) -> list[Screened | str]:
    """Screen parameter sets in `jobs` threads (0: one a core), in their order; a text says why one needs the engine.

    Nothing is copied: the threads share the columns. `done` is called after each set, in any thread.
    """
    if not len(columns):
        return ["no candles"] * len(configs)
    walk = Screen(strategy, columns, instrument, funds)

    def one(config: StrategyConfig) -> Screened | str:
        found = unknown(strategy, config, instrument) or walk(config)
        if done is not None:
            done()
        return found

    with ThreadPoolExecutor(jobs or cores()) as pool:
        return list(pool.map(one, configs))


def prepare() -> None:
    """Bring the kernel into the process: read from the disk where it was compiled before, else compiled now."""
    from bot.backtest import kernel  # noqa: PLC0415

    kernel.warm_up()


def cores() -> int:
    """Say on how many cores this process may run."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
