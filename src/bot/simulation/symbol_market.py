"""One symbol's market: its rules, what the world showed of it, and every open order of every account."""

from decimal import Decimal

from bot.domain.instrument import Instrument, SideBand
from bot.domain.market import Candle
from bot.domain.money import EXACT, ONE, ZERO, exact, times
from bot.domain.order import Side
from bot.simulation.liquidity import Average, Depth, Tape, Terms, better, crosses, market_price, taker_price
from bot.simulation.orders import Peg, RestingOrder
from bot.simulation.queues import PriceQueue


class SymbolMarket:
    """Where the orders of one symbol stand, and what liquidity from outside they meet.

    The outside gives without end at the last price (a buyer pays `spread_ticks` more), unless a picture of its
    depth was shown: then it gives what the picture has.
    """

    def __init__(self, instrument: Instrument, spread_ticks: int = 0) -> None:
        self.instrument = instrument
        self.tape = Tape()
        self.depth: Depth | None = None
        self.reference: Decimal | None = None
        """The exchange's own reference price, when it publishes one."""
        self.resting: dict[int, RestingOrder] = {}
        """Every open order, oldest first."""
        self.book = {Side.BUY: PriceQueue(highest_first=True), Side.SELL: PriceQueue(highest_first=False)}
        self.above = PriceQueue(highest_first=False)
        self.below = PriceQueue(highest_first=True)
        self.trailing: dict[int, RestingOrder] = {}
        self.waiting: dict[int, RestingOrder] = {}
        self.unseen: list[Decimal] = []
        """Prices traded whose stops were not looked at yet, in order."""
        self._spread = times(instrument.price.tick, Decimal(spread_ticks))
        self._average = Average(instrument.average_minutes)
        self._traded: Decimal | None = None

    @property
    def symbol(self) -> str:
        """Give the symbol's name."""
        return self.instrument.symbol

    # What the world shows.

    def show_candle(self, candle: Candle) -> None:
        """Take in a closed candle."""
        self.tape.show_candle(candle)
        self._traded = None
        if self.instrument.average_minutes:
            quantity = exact(candle.volume)
            worth = exact(candle.quote_volume) if candle.quote_volume else times(quantity, exact(candle.close))
            self._average.add(candle.close_time, quantity, worth)

    def show_price(self, price: Decimal, now_ms: int, quantity: Decimal | None) -> None:
        """Take in a public trade."""
        self.tape.show_price(price, now_ms)
        self._traded = price
        self.note(price)
        if self.instrument.average_minutes:
            weight = ONE if quantity is None else quantity
            self._average.add(now_ms, weight, times(price, weight))

    def show_own_trade(self, price: Decimal, quantity: Decimal, now_ms: int) -> None:
        """Take in a trade that a client made: it counts like any other, but moves nothing outside."""
        self._traded = price
        self.note(price)
        self._average.add(now_ms, quantity, times(price, quantity))

    def note(self, price: Decimal) -> None:
        """Keep a price for the stops to look at, when there are any."""
        if self.above or self.below or self.trailing:
            self.unseen.append(price)

    # Prices.

    @property
    def last(self) -> Decimal | None:
        """Give the price of the last trade, or None before the first one."""
        return self._traded if self._traded is not None else self.tape.last

    def reference_price(self) -> Decimal | None:
        """Give what filters measure prices by: the published reference, else the average, else the last price."""
        return self.reference or self.average or self.last

    @property
    def average(self) -> Decimal | None:
        """Give the averaged price, or None when nothing is averaged."""
        return self._average.price

    def price_range(self, side: Side) -> tuple[Decimal, Decimal] | None:
        """Give the lowest and the highest price at which a taker may trade now; None for any."""
        band: SideBand | None = self.instrument.price_range
        if band is None or self.reference is None:
            return None
        up, down = (band.bid_up, band.bid_down) if side is Side.BUY else (band.ask_up, band.ask_down)
        return times(self.reference, down), times(self.reference, up)

    def outside(
        self, side: Side, limit: Decimal | None, terms: Terms, at: Decimal | None = None
    ) -> tuple[Decimal, Decimal | None] | None:
        """Give the best price and quantity (None: no end) that the outside gives a taker; None when none he takes.

        `at` stands for the last price where a candle's inside is played.
        """
        if self.depth is not None:
            offers = self.depth.offers_to(side)
            return offers[0] if offers and (limit is None or crosses(side, limit, offers[0][0])) else None
        if limit is None and at is None:
            price = market_price(self.tape, side, terms, self.instrument, self._spread)
            return None if price is None else (price, None)
        quoted = self._quote(side, at)
        if quoted is None or not (limit is None or crosses(side, limit, quoted)):
            return None
        price = taker_price(quoted, side, terms, self.instrument)
        return (price if limit is None else better(side, price, limit)), None

    def level_prices(self, side: Side, count: int) -> list[Decimal]:
        """Give the best prices of one side of the book, clients and outside together."""
        mine = [price for price, _ in zip((price for price, _ in self.book[side].levels()), range(count), strict=False)]
        if self.depth is not None:
            theirs = [price for price, _ in self.depth.offers_to(side.opposite)[:count]]
        elif (quoted := self._quote(side.opposite, None)) is not None:
            sign = -1 if side is Side.BUY else 1
            theirs = [quoted + sign * step * self.instrument.price.tick for step in range(count)]
        else:
            theirs = []
        prices = sorted({price for price in mine + theirs if price > 0}, reverse=side is Side.BUY)
        return prices[:count]

    def peg_price(self, side: Side, peg: Peg) -> Decimal | None:
        """Give the price that a pegged order gets now, or None when the book is not that deep.

        An endless outside gives to both sides at one price, which nobody can join: his own side begins behind it.
        """
        prices = self.level_prices(side.opposite, peg.levels + 1)
        if peg.to == "PRIMARY_PEG":
            best = prices[:1]
            prices = [
                price
                for price in self.level_prices(side, peg.levels + 2)
                if not (best and crosses(side, price, best[0]))
            ]
        return prices[peg.levels] if len(prices) > peg.levels else None

    def client_levels(self, side: Side, count: int) -> list[tuple[Decimal, Decimal]]:
        """Give price and visible quantity of the clients' own orders, best first."""
        levels = zip(self.book[side].levels(), range(count), strict=False)
        return [(price, sum((order.shown for order in orders), ZERO)) for (price, orders), _ in levels]

    def would_take(self, order: RestingOrder, *, clients_meet: bool) -> bool:
        """Say whether a limit order trades on arrival."""
        if order.price is None or self.outside(order.side, order.price, order.terms) is not None:
            return True
        other = self.book[order.side.opposite].best
        return clients_meet and other is not None and crosses(order.side, order.price, other)

    def would_trigger(self, order: RestingOrder) -> bool:
        """Say whether the stop price of an order is reached already."""
        last, stop = self.last, order.stop_price
        if last is None or stop is None or not order.is_contingent:
            return False
        return last >= stop if order.triggers_above else last <= stop

    # Where orders stand.

    def shelve(self, order: RestingOrder) -> None:
        """Put an accepted order where it waits: behind its trigger, or for the next candle."""
        if order.trailing_delta is not None:
            order.shelf = "trailing"
            self.trailing[order.order_id] = order
        elif order.stop_price is not None:
            order.shelf = "trigger"
            (self.above if order.triggers_above else self.below).add(order.stop_price, order)
        else:
            order.shelf = "waiting"
            self.waiting[order.order_id] = order

    def rest(self, order: RestingOrder) -> None:
        """Put a limit order into the book, last in its line."""
        order.shelf = "book"
        order.shown = min(order.iceberg_quantity or order.remaining, order.remaining)
        order.ahead = ZERO if self.depth is None else self.depth.quantity_at(order.side, order.price or ZERO)
        self.book[order.side].add(order.price or ZERO, order)

    def take_off(self, order: RestingOrder) -> None:
        """Take an order from where it stands; it may still be open."""
        match order.shelf:
            case "book":
                self.book[order.side].remove(order.price or ZERO, order)
            case "trigger":
                queue = self.above if order.triggers_above else self.below
                queue.remove(order.stop_price or ZERO, order)
            case "trailing":
                del self.trailing[order.order_id]
            case "waiting":
                del self.waiting[order.order_id]
        order.shelf = ""

    def renew(self, order: RestingOrder) -> None:
        """Show the next part of an iceberg whose visible part is gone; it goes to the end of its line."""
        self.take_off(order)
        self.rest(order)

    def _quote(self, side: Side, at: Decimal | None) -> Decimal | None:
        last = self.tape.last if at is None else at
        return last if last is None or side is Side.SELL else EXACT.add(last, self._spread)
