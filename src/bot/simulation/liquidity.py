"""Where the price of a fill comes from: what a symbol's market has shown, and the terms of an order."""

from collections import deque
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Literal

import msgspec

from bot.domain.instrument import Instrument
from bot.domain.market import Candle
from bot.domain.money import EXACT, ONE, ZERO, cut, exact, floor_to, times
from bot.domain.order import Side
from bot.simulation.levels import Level, quantity_at, set_levels

_BPS = Decimal(10_000)


class Terms(msgspec.Struct, frozen=True):
    """How an order is filled and charged. Fees are fractions: 0.001 is a tenth of a percent.

    `fill` is the price of a market order: `last` price, `midpoint` (high + low) / 2 of the last candle, or the
    open of the `next` candle. `slippage_bps` (1 is a hundredth of a percent) goes against us on taker fills.
    """

    maker_fee: Decimal = Decimal("0.001")
    taker_fee: Decimal = Decimal("0.001")
    fill: Literal["last", "midpoint", "next"] = "last"
    slippage_bps: Decimal = ZERO

    def __post_init__(self) -> None:
        if not (0 <= self.maker_fee < 1 and 0 <= self.taker_fee < 1):
            raise ValueError("fees are fractions from 0 to below 1: write 0.001 for a tenth of a percent")
        if not 0 <= self.slippage_bps < _BPS:
            raise ValueError("slippage_bps goes from 0 to below 10000: write 5 for 0.05 %")


STANDARD_TERMS = Terms()


def crosses(side: Side, limit: Decimal, price: Decimal) -> bool:
    """Say whether somebody with this limit trades at `price`."""
    return price <= limit if side is Side.BUY else price >= limit


def better(side: Side, one: Decimal, other: Decimal) -> Decimal:
    """Give the price that is better for this side."""
    return min(one, other) if side is Side.BUY else max(one, other)


class Tape:
    """The newest of one symbol's market: last price, last candle, and the time up to which it is known."""

    __slots__ = ("_price", "candle", "seen_ms")

    def __init__(self) -> None:
        self.candle: Candle | None = None
        self.seen_ms = -1
        self._price: Decimal | None = None

    def show_candle(self, candle: Candle) -> None:
        """Take in a closed candle, unless newer things are known (candles of two intervals may mix)."""
        if candle.close_time >= self.seen_ms:
            self.candle = candle
            self.seen_ms = candle.close_time
            # Made from the candle when somebody asks: most candles of a replay meet no order.
            self._price = None

    def show_price(self, price: Decimal, now_ms: int) -> None:
        """Take in one public trade."""
        self._price = price
        self.seen_ms = max(self.seen_ms, now_ms)

    @property
    def last(self) -> Decimal | None:
        """Give the last price, or None before the first one."""
        if self._price is None and self.candle is not None:
            self._price = exact(self.candle.close)
        return self._price

    @property
    def midpoint(self) -> Decimal | None:
        """Give the middle of the last candle, or the last price when no candle was seen."""
        if self.candle is None:
            return self.last
        return EXACT.divide(EXACT.add(exact(self.candle.high), exact(self.candle.low)), Decimal(2))


class Depth:
    """Recorded bids and asks, best first. What takers take is gone until the recording speaks of that price again."""

    def __init__(self, bids: Iterable[Level], asks: Iterable[Level], instrument: Instrument) -> None:
        self._step = instrument.lot.step
        self.sides: dict[Side, list[Level]] = {
            Side.BUY: sorted((level for level in self._whole_lots(bids) if level[1] > 0), reverse=True),
            Side.SELL: sorted(level for level in self._whole_lots(asks) if level[1] > 0),
        }

    def change(self, bids: Iterable[Level], asks: Iterable[Level]) -> None:
        """Give prices new quantities; 0 takes a level away, and the others stay as takers left them."""
        set_levels(self.sides[Side.BUY], self._whole_lots(bids), highest_first=True)
        set_levels(self.sides[Side.SELL], self._whole_lots(asks), highest_first=False)

    def quantity_at(self, side: Side, price: Decimal) -> Decimal:
        """Give what stands on a side at a price."""
        return quantity_at(self.sides[side], price, highest_first=side is Side.BUY)

    def offers_to(self, taker: Side) -> list[tuple[Decimal, Decimal]]:
        """Give the levels that a taker meets, best first."""
        return self.sides[taker.opposite]

    def take(self, taker: Side, quantity: Decimal) -> None:
        """Take a quantity from the best level that this taker meets."""
        levels = self.sides[taker.opposite]
        price, available = levels[0]
        if quantity >= available:
            del levels[0]
        else:
            levels[0] = price, EXACT.subtract(available, quantity)

    def _whole_lots(self, levels: Iterable[Level]) -> Iterator[Level]:
        return ((price, floor_to(quantity, self._step)) for price, quantity in levels)


class Average:
    """The volume-weighted price of the last minutes. A trade without a quantity counts as one unit."""

    def __init__(self, minutes: int) -> None:
        self._length_ms = minutes * 60_000
        self._rows: deque[tuple[int, Decimal, Decimal]] = deque()
        self._quantity = self._worth = ZERO

    def add(self, now_ms: int, quantity: Decimal, worth: Decimal) -> None:
        """Take in what was traded; what is too old by now is let go."""
        if not self._length_ms or not quantity:
            return
        self._rows.append((now_ms, quantity, worth))
        self._quantity, self._worth = EXACT.add(self._quantity, quantity), EXACT.add(self._worth, worth)
        while self._rows[0][0] <= now_ms - self._length_ms:
            _, old, old_worth = self._rows.popleft()
            self._quantity = EXACT.subtract(self._quantity, old)
            self._worth = EXACT.subtract(self._worth, old_worth)

    @property
    def price(self) -> Decimal | None:
        """Give the average, or None when nothing is known."""
        return EXACT.divide(self._worth, self._quantity) if self._quantity else None


def market_price(
    tape: Tape, side: Side, terms: Terms, instrument: Instrument, spread: Decimal = ZERO
) -> Decimal | None:
    """Give the price that a market order gets now (or may expect, when it waits for the next candle).

    A buyer pays the `spread` on top.
    """
    price = tape.midpoint if terms.fill == "midpoint" else tape.last
    if price is None:
        return None
    return taker_price(EXACT.add(price, spread) if side is Side.BUY else price, side, terms, instrument)


def taker_price(price: Decimal, side: Side, terms: Terms, instrument: Instrument) -> Decimal:
    """Move a price by the slippage and then to the tick, both against the taker; it stays above zero."""
    if terms.slippage_bps:
        share = EXACT.divide(terms.slippage_bps, _BPS)
        price = times(price, EXACT.add(ONE, share) if side is Side.BUY else EXACT.subtract(ONE, share))
    worse = instrument.fit_price(price, side.opposite)
    return worse if worse > 0 else instrument.price.tick


def affordable(budget: Decimal, price: Decimal, instrument: Instrument) -> Decimal:
    """Give the largest quantity in whole lot steps that `budget` quote pays for."""
    step = instrument.lot.step
    if not step:
        return cut(EXACT.divide(budget, price), instrument.base_precision)
    return floor_to(EXACT.multiply(EXACT.divide_int(budget, times(price, step)), step), step)
