"""The sweep kernel: the engine's rules for one long-only spot strategy by columns, compiled.

It screens: one call walks a whole series for one parameter set in about a millisecond. Prices, quantities and money are
whole numbers of units, so that it rounds where the engine rounds; figures are floats. Where it is not sure to decide as
the engine does, it says so (`doubts`), and the exact engine is asked instead. `screening` knows what it may be asked.

Imports numba: import this module inside functions alone.
"""

from typing import Any, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from bot.backtest.terms import Terms

type Floats = NDArray[np.float64]
type Ints = NDArray[np.int64]
type Bools = NDArray[np.bool_]


class Sums(NamedTuple):
    """What one walk comes to, amounts in quote. Trades are closed round trips; `fees` are those of all fills."""

    trades: int
    wins: int
    net_pnl: float
    won: float
    lost: float
    fees: float
    max_drawdown: float
    unrealised: float
    doubts: int
    """How often the engine might have decided otherwise."""


def _compiled(function: Any) -> Any:
    """Compile at the first call; later processes read the machine code from the disk, where a disk may be written."""
    try:
        return numba.njit(cache=True, nogil=True, error_model="numpy")(function)
    except RuntimeError:  # (no folder can keep it)
        return numba.njit(nogil=True, error_model="numpy")(function)


def _bought_at(units: int, terms: Terms) -> int:
    """Give the price a buyer gets: slippage on top, then up to the tick."""
    return -(-units * terms.buy_factor // terms.price_divisor) * terms.tick


def _sold_at(units: int, terms: Terms) -> int:
    """Give the price a seller gets: less the slippage, then down to the tick, above zero."""
    return max(units * terms.sell_factor // terms.price_divisor, 1) * terms.tick


def _lowest(close: Floats, first: int, last: int, cash: float, held: float, peak: float, deepest: float) -> Any:
    """Follow equity over rows: give its peak, and the deepest fall from a peak as a fraction of it."""
    bound = peak * (1.0 - deepest)
    for row in range(first, last):
        equity = cash + held * close[row]
        if equity > peak:
            peak = equity
            bound = peak * (1.0 - deepest)
        elif equity < bound:
            deepest = (peak - equity) / peak
            bound = equity
    return peak, deepest


bought_at, sold_at, lowest = _compiled(_bought_at), _compiled(_sold_at), _compiled(_lowest)


def _walk(
    terms: Terms,
    entries: Bools,
    exits: Bools,
    stops: Bools,
    close: Floats,
    close_units: Ints,
    fill_units: Ints,
    results: Floats,
    rows: Ints,
) -> Any:
    """Walk one series. P&L and the rows of entry and exit of each trade go into `results` and `rows` as far as these reach.

    `fill_units` is where a market order fills, before slippage: at the row itself, or at the row after it (`fills_next`).
    """
    last = len(close)
    later = 1 if terms.fills_next else 0
    trades, wins, doubts = 0, 0, 0
    net_pnl, won, lost, fees = 0.0, 0.0, 0.0, 0.0
    free = terms.free
    cash, held = terms.capital, 0.0  # as the equity curve counts: dust stays held
    peak, deepest, marked = 0.0, 0.0, 0
    unrealised = 0.0
    row = terms.first_row
    exited = -1 - terms.cooldown
    while row < last:
        # Flat: to the next entry that nothing forbids.
        while row < last and not entries[row]:
            row += 1
        if row >= last:
            break
        decided = row
        row += 1
        price, units = close[decided], close_units[decided]
        if decided - exited <= terms.cooldown or price < terms.min_price or (0.0 < terms.max_price < price):
            continue
        steps = min(terms.budget // (units * terms.step), terms.steps_max)
        worth = units * steps * terms.step
        if steps < terms.steps_min or not terms.worth_min <= worth <= terms.entry_worth_max:
            continue
        if worth * terms.worth_to_money > free:
            continue
        filled = decided + later
        quoted = units if terms.fills_next else fill_units[decided]
        if bought_at(quoted, terms) * steps * terms.step * terms.worth_to_money > free:
            doubts += 1  # (the exchange refuses what the engine let pass)
            continue
        if filled >= last:
            break
        cost_units = bought_at(fill_units[filled], terms)
        if terms.fills_next:
            reach = free // (cost_units * terms.step * terms.worth_to_money)
            if reach < steps:  # (the price ran away from the money: what it reaches is bought, the rest expires)
                steps = reach
                if steps < terms.lot_steps_min:
                    continue
                doubts += 1
        quantity = steps * terms.step_e8
        base_fee = quantity * terms.fee // terms.fee_divisor
        quantity -= base_fee
        cost = cost_units / terms.price_scale
        trip_fees = base_fee * 1e-8 * cost
        fees += trip_fees
        paid = cost_units * steps * terms.step * terms.worth_to_money
        free -= paid
        peak, deepest = lowest(close, marked, filled, cash, held, peak, deepest)
        marked = filled
        cash -= paid / terms.money_scale
        held += quantity * 1e-8
        # Long: to the next exit that nothing forbids.
        row = decided + 1
        best = 0.0
        leaving = -1
        steps = min(quantity // terms.step_e8, terms.steps_max)
        while row < last:
            if terms.watches:
                price = close[row]
            elif not (stops[row] or exits[row]):
                row += 1
                continue
            else:
                price = close[row]
            is_stop, is_exit = stops[row], False
            if not is_stop:
                is_exit = exits[row]
            worth = close_units[row] * steps * terms.step
            fits = steps >= terms.steps_min and terms.worth_min <= worth <= terms.worth_max
            gains = not terms.min_profit or ((price - cost) - terms.fee_pct * (price + cost)) / cost >= terms.min_profit
            if fits and (is_stop or (is_exit and gains)):
                leaving = row
                break
            if terms.watches:
                best = max(best, price)
                if (terms.stop_loss > 0.0 and price <= cost * (1 - terms.stop_loss)) or (
                    terms.trailing > 0.0 and price <= best * (1 - terms.trailing)
                ):
                    is_stop = True
                elif terms.take_profit > 0.0 and price >= cost * (1 + terms.take_profit):
                    is_exit = gains
                else:
                    is_exit = False
                if fits and (is_stop or is_exit):
                    leaving = row
                    break
            row += 1
        sold = leaving + later
        if leaving < 0 or sold >= last:
            unrealised = (close[last - 1] - cost) * (quantity * 1e-8) - trip_fees
            break
        price_units = sold_at(fill_units[sold], terms)
        exited = leaving
        row = leaving + 1
        left = steps * terms.step_e8
        quote_fee = price_units * left * terms.fee // terms.sell_fee_divisor
        got = price_units * steps * terms.step * terms.worth_to_money - quote_fee * terms.fee_to_money
        free += got
        peak, deepest = lowest(close, marked, sold, cash, held, peak, deepest)
        marked = sold
        cash += got / terms.money_scale
        held -= left * 1e-8
        fees += quote_fee * 1e-8
        trip_fees += quote_fee * 1e-8
        pnl = (price_units - cost_units) * steps * terms.step * terms.worth_to_money / terms.money_scale - trip_fees
        if trades < len(results):
            results[trades] = pnl
            rows[trades, 0] = filled
            rows[trades, 1] = sold
        trades += 1
        net_pnl += pnl
        if pnl > 0.0:
            wins += 1
            won += pnl
        else:
            lost -= pnl
    peak, deepest = lowest(close, marked, last, cash, held, peak, deepest)
    return trades, wins, net_pnl, won, lost, fees, deepest, unrealised, doubts


def _average(sums: Ints, period: int, scale: float, average: Floats) -> None:
    """Write the simple moving average into `average`: NaN where the window is not full. `sums` begin with a 0."""
    for row in range(min(period - 1, len(average))):
        average[row] = np.nan
    for row in range(period - 1, len(average)):
        average[row] = (sums[row + 1] - sums[row + 1 - period]) / scale


_walk_compiled, average = _compiled(_walk), _compiled(_average)


def walk(*arguments: Any) -> Sums:
    """Walk one series for one parameter set: see `_walk`."""
    return Sums(*_walk_compiled(*arguments))
