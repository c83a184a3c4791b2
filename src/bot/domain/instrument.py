"""An instrument knows its filters: it fits prices and quantities to them, and explains what breaks them.

Rules are those of Binance's exchangeInfo; a bound of 0 is switched off, as there.
"""

from decimal import ROUND_DOWN, ROUND_UP, Decimal

import msgspec

from bot.domain.market import Market
from bot.domain.money import EXACT, ZERO, Price, Quantity, floor_to, plain, times
from bot.domain.order import Side, StpMode


class LotRule(msgspec.Struct, frozen=True):
    """Smallest, largest and step of a quantity."""

    smallest: Decimal = ZERO
    largest: Decimal = ZERO
    step: Decimal = ZERO

    def fit(self, wanted: Decimal) -> Quantity | None:
        """Give the largest tradable quantity not above `wanted`, or None when that is too small."""
        fitted = floor_to(wanted, self.step)
        if self.largest and fitted > self.largest:
            fitted = floor_to(self.largest, self.step)
        return Quantity(fitted) if fitted > 0 and fitted >= self.smallest else None

    def broken_by(self, quantity: Decimal) -> bool:
        """Say whether an order of this quantity breaks the rule."""
        return (
            quantity < self.smallest
            or bool(self.largest and quantity > self.largest)
            or bool(self.step and quantity % self.step)
        )


class PriceRule(msgspec.Struct, frozen=True):
    """Smallest, largest and tick of a price."""

    smallest: Decimal = ZERO
    largest: Decimal = ZERO
    tick: Decimal = ZERO

    def broken_by(self, price: Decimal) -> bool:
        """Say whether an order at this price breaks the rule."""
        return (
            price <= 0
            or price < self.smallest
            or bool(self.largest and price > self.largest)
            or bool(self.tick and price % self.tick)
        )


class SideBand(msgspec.Struct, frozen=True):
    """How far from the reference price an order may stand, as multipliers (PERCENT_PRICE_BY_SIDE)."""

    bid_up: Decimal
    bid_down: Decimal
    ask_up: Decimal
    ask_down: Decimal

    def broken_by(self, side: Side, price: Decimal, reference: Decimal) -> bool:
        """Say whether `price` stands outside the band around `reference`."""
        up, down = (self.bid_up, self.bid_down) if side is Side.BUY else (self.ask_up, self.ask_down)
        return not times(reference, down) <= price <= times(reference, up)


class PercentBand(msgspec.Struct, frozen=True):
    """How far from the reference price any order may stand, as multipliers (PERCENT_PRICE)."""

    up: Decimal
    down: Decimal

    def broken_by(self, price: Decimal, reference: Decimal) -> bool:
        """Say whether `price` stands outside the band around `reference`."""
        return not times(reference, self.down) <= price <= times(reference, self.up)


class TrailingRule(msgspec.Struct, frozen=True):
    """Smallest and largest trailing delta in basis points, for triggers above and below the market."""

    above_min: int
    above_max: int
    below_min: int
    below_max: int

    def broken_by(self, delta: int, *, is_above: bool) -> bool:
        """Say whether a trailing delta is out of bounds."""
        low, high = (self.above_min, self.above_max) if is_above else (self.below_min, self.below_max)
        return not low <= delta <= high


class NotionalRule(msgspec.Struct, frozen=True):
    """Smallest and largest price × quantity (NOTIONAL or MIN_NOTIONAL), each with its flag for market orders."""

    smallest: Decimal = ZERO
    largest: Decimal = ZERO
    smallest_applies_to_market: bool = True
    largest_applies_to_market: bool = False

    def broken_by(self, notional: Decimal, *, is_market: bool) -> bool:
        """Say whether an order worth `notional` quote breaks the rule."""
        too_small = notional < self.smallest and (self.smallest_applies_to_market or not is_market)
        too_large = bool(self.largest) and notional > self.largest and (self.largest_applies_to_market or not is_market)
        return too_small or too_large


class Instrument(msgspec.Struct, frozen=True):
    """One tradable symbol with the rules in force."""

    symbol: str
    base: str
    quote: str
    market: Market = Market.SPOT
    status: str = "TRADING"
    price: PriceRule = PriceRule()
    lot: LotRule = LotRule()
    market_lot: LotRule = LotRule()
    notional: NotionalRule = NotionalRule()
    band: SideBand | None = None
    max_orders: int = 200
    base_precision: int = 8
    quote_precision: int = 8
    order_types: frozenset[str] = frozenset({"LIMIT", "LIMIT_MAKER", "MARKET"})
    notional_name: str = "NOTIONAL"
    """Which of the two notional filters the symbol carries: NOTIONAL or MIN_NOTIONAL."""
    percent_price: PercentBand | None = None
    average_minutes: int = 0
    """Over how many minutes the reference price of the filters is averaged; 0 takes the last price."""
    iceberg_parts: int = 0
    trailing: TrailingRule | None = None
    max_algo_orders: int = 0
    max_iceberg_orders: int = 0
    max_lists: int = 0
    max_amends: int = 0
    max_position: Decimal = ZERO
    price_range: SideBand | None = None
    """Execution rule: a taker trades inside this band around the reference price, the rest of it expires."""
    default_stp: StpMode = StpMode.NONE
    allowed_stp: frozenset[StpMode] = frozenset(StpMode)
    iceberg_allowed: bool = True
    oco_allowed: bool = True
    oto_allowed: bool = True
    opo_allowed: bool = True
    trailing_allowed: bool = True
    amend_allowed: bool = True
    replace_allowed: bool = True
    pegs_allowed: bool = True
    quote_market_allowed: bool = True

    @property
    def is_tradable(self) -> bool:
        """True when new orders are taken."""
        return self.status == "TRADING"

    def fit_price(self, wanted: Decimal, side: Side) -> Price:
        """Move a price to the tick, never to the worse side: down for a buy, up for a sell."""
        tick = self.price.tick
        if not tick or not EXACT.remainder(wanted, tick):
            return Price(wanted)
        rounding = ROUND_DOWN if side is Side.BUY else ROUND_UP
        steps = EXACT.divide(wanted, tick).to_integral_value(rounding=rounding)
        return Price(times(steps, tick))

    def fit_quantity(self, wanted: Decimal, *, is_market: bool) -> Quantity | None:
        """Give the largest tradable quantity not above `wanted`, or None when it is too small to trade."""
        fitted = self.lot.fit(wanted)
        if fitted is not None and is_market:
            fitted = self.market_lot.fit(fitted)
            # The market lot may have no step of its own: what it cut at its largest still obeys the ordinary step.
            fitted = None if fitted is None else self.lot.fit(fitted)
        return fitted

    def explain(
        self,
        side: Side,
        quantity: Decimal,
        price: Decimal | None,
        reference: Decimal,
        *,
        stop_price: Decimal | None = None,
        iceberg_quantity: Decimal | None = None,
        only_reduces: bool = False,
    ) -> str | None:
        """Say which filter an order breaks, by Binance's name, or None when it may stand.

        `price` is None for a market order; `reference` is the average or last price that the exchange would use.
        What `only_reduces` a position (futures) may be worth as little as it is.
        """
        if price is not None and self.price.broken_by(price):
            return "PRICE_FILTER"
        if stop_price is not None and self.price.broken_by(stop_price):
            return "PRICE_FILTER"
        if price is not None and self.percent_price and self.percent_price.broken_by(price, reference):
            return "PERCENT_PRICE"
        if price is not None and self.band and self.band.broken_by(side, price, reference):
            return "PERCENT_PRICE_BY_SIDE"
        if self.lot.broken_by(quantity) or (iceberg_quantity and self.lot.broken_by(iceberg_quantity)):
            return "LOT_SIZE"
        if price is None and stop_price is None and self.market_lot.broken_by(quantity):
            return "MARKET_LOT_SIZE"
        worth = times((stop_price or reference) if price is None else price, quantity)
        if not only_reduces and self.notional.broken_by(worth, is_market=price is None):
            return self.notional_name
        if iceberg_quantity and self.iceberg_parts and quantity > times(iceberg_quantity, Decimal(self.iceberg_parts)):
            return "ICEBERG_PARTS"
        return None

    def __str__(self) -> str:
        return f"{self.symbol} ({self.market}, tick {plain(self.price.tick)}, step {plain(self.lot.step)})"
