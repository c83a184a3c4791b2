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
type Words = NDArray[np.uint64]


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


def _next_true(truths: Bools, words: Words, row: int) -> int:
    """Give the first row from `row` on that is true, or their number. `words` are the same bytes, eight at a time."""
    last = len(truths)
    while row < last and row & 7:
        if truths[row]:
            return row
        row += 1
    word = row >> 3
    while word < len(words) and words[word] == 0:
        word += 1
    row = max(row, word << 3)
    while row < last and not truths[row]:
        row += 1
    return row


bought_at, sold_at, lowest = _compiled(_bought_at), _compiled(_sold_at), _compiled(_lowest)
next_true = _compiled(_next_true)

NOTHING, BOUGHT, DOUBTFUL = 0, 1, 2


def _is_sure(terms: Terms, low: float, high: float, steps: int) -> bool:
    """Say whether the exchange, which measures by an average between these, surely finds an order of fit size."""
    units = steps * terms.step
    return not terms.averages or (terms.worth_min <= low * units and high * units <= terms.worth_max)


is_sure = _compiled(_is_sure)


def _enter(terms: Terms, close: float, units: int, low: float, high: float, quoted: int, fill: int, free: int) -> Any:
    """Size an entry decided at a close, ask what the engine asks, and buy: what came of it, the steps, and the price.

    `low` and `high` are bounds of the average price, `quoted` is where the exchange expects it to fill, `fill` where it
    does; `free` is the money there is.
    """
    if close < terms.min_price or (0.0 < terms.max_price < close):
        return NOTHING, 0, 0
    steps = min(terms.budget // (units * terms.step), terms.steps_max)
    worth = units * steps * terms.step
    if steps < terms.steps_min or not terms.worth_min <= worth <= terms.entry_worth_max:
        return NOTHING, 0, 0
    if worth * terms.worth_to_money > free:
        return NOTHING, 0, 0
    is_paid = bought_at(quoted, terms) * steps * terms.step * terms.worth_to_money <= free
    if not is_paid or not is_sure(terms, low, high, steps):
        return DOUBTFUL, 0, 0  # (the exchange refuses what the engine let pass)
    price = bought_at(fill, terms)
    reach = free // (price * terms.step * terms.worth_to_money)
    if reach >= steps:
        return BOUGHT, steps, price
    # The price ran away from the money: what it reaches is bought, the rest expires.
    return (DOUBTFUL if reach >= terms.lot_steps_min else NOTHING), 0, 0


def _leave(
    terms: Terms,
    row: int,
    close: Floats,
    units: Ints,
    leaves: Bools,
    words: Words,
    stops: Bools,
    cost: float,
    steps: int,
) -> int:
    """Give the first row from `row` on at which what was bought at `cost` is left; as many as there are for never."""
    best = 0.0
    at = row - 1
    while True:
        at = at + 1 if terms.watches else next_true(leaves, words, at + 1)
        if at >= len(close):
            return at
        price = close[at]
        fits = steps >= terms.steps_min and terms.worth_min <= units[at] * steps * terms.step <= terms.worth_max
        gains = not terms.min_profit or ((price - cost) - terms.fee_pct * (price + cost)) / cost >= terms.min_profit
        if fits and (stops[at] or (leaves[at] and gains)):
            return at
        if not terms.watches:
            continue
        best = max(best, price)
        is_stopped = (terms.stop_loss > 0.0 and price <= cost * (1 - terms.stop_loss)) or (
            terms.trailing > 0.0 and price <= best * (1 - terms.trailing)
        )
        takes = terms.take_profit > 0.0 and price >= cost * (1 + terms.take_profit) and gains
        if fits and (is_stopped or takes):
            return at


enter, leave = _compiled(_enter), _compiled(_leave)


def _walk(  # noqa: PLR0915 (one loop, from entry to exit and back)
    terms: Terms,
    entries: Bools,
    leaves: Bools,
    stops: Bools,
    close: Floats,
    close_units: Ints,
    average_low: Floats,
    average_high: Floats,
    fill_units: Ints,
    results: Floats,
    rows: Ints,
) -> Any:
    """Walk one series; P&L and rows of entry and exit of its trades go into `results` and `rows`, as far as they reach.

    `leaves` are exits and stops together. `fill_units` is where market orders fill, slippage apart: those of the row
    itself, or of the next (`fills_next`).
    """
    last, later = len(close), 1 if terms.fills_next else 0
    trades, wins, doubts = 0, 0, 0
    net_pnl, won, lost, fees, unrealised = 0.0, 0.0, 0.0, 0.0, 0.0
    free = terms.free
    cash = terms.capital  # what it is worth while flat: dust is no longer its own
    peak, deepest, marked = 0.0, 0.0, 0
    enter_words, leave_words = entries[: last // 8 * 8].view(np.uint64), leaves[: last // 8 * 8].view(np.uint64)
    row, exited = terms.first_row, -1 - terms.cooldown
    while True:
        row = next_true(entries, enter_words, max(row, exited + 1 + terms.cooldown))
        if row + later >= last:
            break
        entered = row + later
        quoted = close_units[row] if terms.fills_next else fill_units[row]
        came, steps, cost_units = enter(
            terms, close[row], close_units[row], average_low[row], average_high[row], quoted, fill_units[entered], free
        )
        row += 1
        if came != BOUGHT:
            doubts += came == DOUBTFUL
            continue
        base_fee = steps * terms.step * terms.base_fee // terms.base_fee_divisor
        quantity = steps * terms.step_e8 - base_fee
        cost = cost_units / terms.price_scale
        paid = cost_units * steps * terms.step * terms.worth_to_money
        trip_fees = base_fee * 1e-8 * cost
        fees += trip_fees
        free -= paid
        peak, deepest = lowest(close, marked, min(marked + 1, entered), cash, 0.0, peak, deepest)
        marked = entered
        left = cash - paid / terms.money_scale

        steps = min(quantity // terms.step_e8, terms.steps_max)
        exited = leave(terms, row, close, close_units, leaves, leave_words, stops, cost, steps)
        doubts += exited < last and not is_sure(terms, average_low[exited], average_high[exited], steps)
        sold = exited + later
        peak, deepest = lowest(close, marked, min(sold, last), left, quantity * 1e-8, peak, deepest)
        marked = min(sold, last)
        if sold >= last:
            unrealised = (close[last - 1] - cost) * (quantity * 1e-8) - trip_fees
            break
        row = exited + 1
        price_units = sold_at(fill_units[sold], terms)
        quote_fee = price_units * steps * terms.step * terms.quote_fee // terms.quote_fee_divisor
        free += price_units * steps * terms.step * terms.worth_to_money - quote_fee * terms.fee_to_money
        fees += quote_fee * 1e-8
        trip_fees += quote_fee * 1e-8
        pnl = (price_units - cost_units) * steps * terms.step * terms.worth_to_money / terms.money_scale - trip_fees
        if trades < len(results):
            results[trades], rows[trades, 0], rows[trades, 1] = pnl, entered, sold
        trades += 1
        wins += pnl > 0.0
        net_pnl += pnl
        cash += pnl
        won += max(pnl, 0.0)
        lost -= min(pnl, 0.0)
    peak, deepest = lowest(close, marked, min(marked + 1, last), cash, 0.0, peak, deepest)
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


def warm_up() -> None:
    """Read the compiled kernel from the disk, or compile it."""
    nothing = Terms._make(kind(0) for kind in Terms.__annotations__.values())
    truths, floats, units = np.empty(0, np.bool_), np.empty(0), np.empty(0, np.int64)
    average(np.zeros(1, np.int64), 1, 1.0, floats)
    walk(nothing, truths, truths, truths, floats, units, floats, floats, units, floats, np.empty((0, 2), np.int64))
