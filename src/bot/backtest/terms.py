"""Terms of a walk: a strategy's settings and its symbol's rules as whole numbers of units, for the compiled kernel.

A price counts in units of 10^-d, a quantity in steps (and in 10^-8 of base where a fee is cut from it), money in units
of 10^-w. What cannot be said so in 64 bits is told in words, and played by the exact engine.
"""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import NamedTuple

import numpy as np

from bot.domain.instrument import Instrument
from bot.domain.market import INTERVAL_MS
from bot.domain.money import EXACT, ONE, exact
from bot.history.columns import Columns, Floats, Ints
from bot.strategies.columns import Frame
from bot.strategies.config import StrategyConfig

_ROOM = 1 << 60
"""Products up to here fit 64 bits with room for what is added to them."""
_DIGITS = 10**15
"""Floats say so many digits of a decimal number exactly."""
_DECIMALS_MAX = 10
_BELOW = 1 - 1e-6


class Terms(NamedTuple):
    """All that the kernel obeys in one walk. Units: see the module; fractions are plain."""

    first_row: int
    cooldown: int
    fills_next: bool
    price_scale: float
    money_scale: float
    buy_factor: int
    sell_factor: int
    price_divisor: int
    tick: int
    budget: int
    """Order value in units of price times quantity."""
    step: int
    step_e8: int
    steps_min: int
    lot_steps_min: int
    steps_max: int
    worth_min: int
    worth_max: int
    entry_worth_max: int
    base_fee: int
    base_fee_divisor: int
    """From a quantity in units of its step to its fee in 10^-8 of base."""
    quote_fee: int
    quote_fee_divisor: int
    """From price times quantity to its fee in 10^-8 of quote."""
    free: int
    worth_to_money: int
    fee_to_money: int
    min_price: float
    max_price: float
    min_profit: float
    fee_pct: float
    stop_loss: float
    trailing: float
    take_profit: float
    watches: bool
    """Whether any of these three is set."""
    averages: bool
    """Whether the exchange's filters measure by an average price."""
    capital: float
    """Quote amount from which equity is counted: what the settings say, else the whole wallet."""


class Unfit(Exception):
    """These numbers do not fit the kernel; the text says why."""


class Prices:
    """A series' prices as whole units of 10^-`decimals`, for one way of filling market orders."""

    def __init__(self, columns: Columns, instrument: Instrument, fill: str) -> None:
        """Raises Unfit when the prices have too many decimals."""
        tick = instrument.price.tick
        wanted = [columns.close, *_filling(columns, fill)]
        decimals = max(_decimals_of(column, _decimals(tick)) for column in wanted)
        self.decimals = decimals + (fill == "midpoint")
        self.close = _units(columns.close, self.decimals)
        if fill == "midpoint":
            self.fill = (_units(columns.high, decimals) + _units(columns.low, decimals)) * 5
        else:
            self.fill = self.close if fill == "last" else _units(columns.open, decimals)
        self.average_low = self.average_high = columns.close
        if instrument.average_minutes:
            bounds = average_bounds(columns, instrument.average_minutes)
            self.average_low, self.average_high = (bound * 10.0**self.decimals for bound in bounds)
        self.highest = int(max(self.close.max(), self.fill.max()))
        self.lowest = int(self.close.min())


def average_bounds(columns: Columns, minutes: int) -> tuple[Floats, Floats]:
    """Give bounds of the price averaged over the last minutes, by which filters measure; NaN where they are not sure.

    An average lies between the extremes of its candles. Candles without trades keep an older one up, of twice as long
    ago at most; where nothing at all was traded, nobody knows how old.
    """
    rows = 1 + 60_000 * minutes // INTERVAL_MS[columns.interval]
    frame = Frame(columns.open, columns.high, columns.low, columns.close, columns.volume)
    low, high = np.minimum(frame.lowest(2 * rows), columns.low), np.maximum(frame.highest(2 * rows), columns.high)
    low[: 2 * rows] = np.minimum.accumulate(columns.low[: 2 * rows])
    high[: 2 * rows] = np.maximum.accumulate(columns.high[: 2 * rows])
    traded = np.concatenate(([0], np.cumsum(columns.volume > 0)))
    is_known = traded[1:] > traded[np.maximum(np.arange(len(columns)) + 1 - rows, 0)]
    if columns.quote_volume is not None:
        worth = np.nan_to_num(columns.quote_volume)
        is_between = (worth >= columns.low * columns.volume * _BELOW) & (
            worth * _BELOW <= columns.high * columns.volume
        )
        is_known &= bool((is_between | (worth == 0)).all())
    return np.where(is_known, low * _BELOW, np.nan), np.where(is_known, high / _BELOW, np.nan)


def terms_of(config: StrategyConfig, instrument: Instrument, prices: Prices, funds: Decimal, warm_up: int) -> Terms:
    """Say one parameter set in whole units; `warm_up` is how many candles come before the first decision.

    Raises Unfit when the numbers do not fit 64 bits.
    """
    lot, market_lot, notional = instrument.lot, instrument.market_lot, instrument.notional
    step, tick = lot.step, instrument.price.tick
    places, decimals = _decimals(step), prices.decimals
    money = max(8, decimals + places)
    worths = decimals + places
    slippage = EXACT.divide(exact(config.slippage_bps), Decimal(10_000))
    factors = _decimals(slippage)
    fee = exact(config.fee_pct)
    fees = _decimals(fee)
    if slippage and not tick:
        raise Unfit("slippage without a tick")
    smallest = max(lot.smallest, market_lot.smallest)
    largest = min((rule.largest for rule in (lot, market_lot) if rule.largest), default=Decimal(_ROOM))
    at_most = notional.largest if notional.largest and notional.largest_applies_to_market else None
    cap = None if config.max_exposure is None else exact(config.max_exposure)
    worth_max = _ROOM if at_most is None else min(_ROOM, _floor(at_most, worths))
    terms = Terms(
        first_row=max(0, warm_up - 1),
        cooldown=config.cooldown,
        fills_next=config.fill == "next",
        price_scale=10.0**decimals,
        money_scale=10.0**money,
        buy_factor=_floor(EXACT.add(ONE, slippage), factors),
        sell_factor=_floor(EXACT.subtract(ONE, slippage), factors),
        price_divisor=10**factors * (_floor(tick, decimals) or 1),
        tick=_floor(tick, decimals) or 1,
        budget=_floor(exact(config.order_value), worths),
        step=_floor(step, places),
        step_e8=_floor(step, 8),
        steps_min=max(1, _ceiling(EXACT.divide(smallest, step), 0)),
        lot_steps_min=max(1, _ceiling(EXACT.divide(lot.smallest, step), 0)),
        steps_max=min(_ROOM, _floor(EXACT.divide(largest, step), 0)),
        worth_min=_ceiling(notional.smallest, worths) if notional.smallest_applies_to_market else 0,
        worth_max=worth_max,
        entry_worth_max=worth_max if cap is None else min(worth_max, _floor(cap, worths)),
        base_fee=_floor(fee, fees) * 10 ** max(0, 8 - places - fees),
        base_fee_divisor=10 ** max(0, places + fees - 8),
        quote_fee=_floor(fee, fees) * 10 ** max(0, 8 - worths - fees),
        quote_fee_divisor=10 ** max(0, worths + fees - 8),
        free=_floor(funds, money),
        worth_to_money=10 ** (money - worths),
        fee_to_money=10 ** (money - 8),
        min_price=config.min_price,
        max_price=config.max_price,
        min_profit=config.min_profit,
        fee_pct=config.fee_pct,
        stop_loss=config.stop_loss or 0.0,
        trailing=config.trailing or 0.0,
        take_profit=config.take_profit or 0.0,
        watches=not (config.stop_loss is None and config.trailing is None and config.take_profit is None),
        averages=instrument.average_minutes > 0,
        capital=config.capital or float(funds),
    )
    _refuse_large(terms, prices)
    return terms


def _refuse_large(terms: Terms, prices: Prices) -> None:
    price = prices.highest * terms.buy_factor // (terms.price_divisor // terms.tick) + terms.tick
    steps = min(terms.budget // (prices.lowest * terms.step) + 1, terms.steps_max)
    products = (
        prices.highest * terms.buy_factor,
        price * steps * terms.step * max(terms.worth_to_money, terms.quote_fee),
        steps * max(terms.step * terms.base_fee, terms.step_e8),
        terms.free, terms.budget, terms.worth_min, terms.price_divisor, terms.quote_fee_divisor,
    )  # fmt: skip
    if max(products) > _ROOM:
        raise Unfit("prices or amounts of more digits than 64 bits hold")


def _filling(columns: Columns, fill: str) -> tuple[Floats, ...]:
    if fill == "midpoint":
        return columns.high, columns.low
    return (columns.close,) if fill == "last" else (columns.open,)


def _units(column: Floats, decimals: int) -> Ints:
    units: Ints = np.rint(column * 10.0**decimals).astype(np.int64)
    return units


def _decimals_of(column: Floats, at_least: int) -> int:
    """Give how many decimals say each of these numbers exactly."""
    for decimals in range(at_least, _DECIMALS_MAX + 1):
        scale = 10.0**decimals
        units = np.rint(column * scale)
        if float(units.max()) >= _DIGITS:
            break
        if bool((units / scale == column).all()):
            return decimals
    raise Unfit("prices of more digits than an exchange has")


def _decimals(value: Decimal) -> int:
    exponent = value.normalize(EXACT).as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _floor(value: Decimal, decimals: int) -> int:
    return int(value.scaleb(decimals, EXACT).to_integral_value(ROUND_FLOOR))


def _ceiling(value: Decimal, decimals: int) -> int:
    return int(value.scaleb(decimals, EXACT).to_integral_value(ROUND_CEILING))
