"""How a whole candle happens to the orders of its symbol, when nobody knows what went on inside.

A price that is touched counts as traded: a buy fills when the low is at or below its limit, a sell when the high is
at or above it. The price is the limit itself, or the open when the bar opened beyond the limit; a stop sends its order
at the stop price, or at the open when the bar opened beyond it.

The path inside a bar is assumed against the account. First the open: market orders that waited for it, stops, limits.
Then stop losses, and trailing orders along low, high and close. Then the fall to the low (buys, highest limit first),
and only then the rise to the high (sells, lowest limit first). So no sale inside a bar ever pays for a purchase in the
same bar, and a stop loss and a take profit that are both inside a bar end as the loss.
"""

from collections.abc import Iterable
from decimal import Decimal

from bot.domain.market import Candle
from bot.domain.money import exact
from bot.domain.order import Side
from bot.simulation.matching import Matcher
from bot.simulation.orders import STOPS, TAKES, RestingOrder
from bot.simulation.symbol_market import SymbolMarket


def play(matcher: Matcher, market: SymbolMarket, candle: Candle) -> None:
    """Let a closed candle happen to the orders that were there when it opened."""
    exposed = [order for order in market.resting.values() if _is_exposed(order, candle)]
    if not exposed:
        return
    opened, born, ended = exact(candle.open), candle.open_time, candle.close_time
    waiting = [order for order in exposed if order.shelf == "waiting"]
    if waiting:
        matcher.fill_waiting(market, waiting, opened, born)
        if len(waiting) == len(exposed):
            return
    high, low, close = exact(candle.high), exact(candle.low), exact(candle.close)
    stops = [order for order in exposed if order.shelf == "trigger"]
    _trigger(matcher, market, stops, (opened, opened), born, at=opened)
    for side in Side:
        _meet(matcher, market, side, opened, candle, is_open=True)
    _trigger(matcher, market, [order for order in stops if order.type in STOPS], (low, high), ended)
    _follow(matcher, market, exposed, (opened, low, high, close), candle)
    for side, extreme in ((Side.BUY, low), (Side.SELL, high)):
        _meet(matcher, market, side, extreme, candle, is_open=False)
        takes = [order for order in stops if order.type in TAKES and order.side is side]
        _trigger(matcher, market, takes, (low, high), ended)


def _is_exposed(order: RestingOrder, candle: Candle) -> bool:
    return order.exposed_from_ms <= candle.open_time


def _meet(matcher: Matcher, market: SymbolMarket, side: Side, price: Decimal, candle: Candle, *, is_open: bool) -> None:
    """Fill the limit orders that the market got to: at the price itself when it opened there, else at their limits."""
    for order in market.book[side].reaching(price):
        if order.shelf == "book" and order.price is not None and _is_exposed(order, candle):
            at, now_ms = (price, candle.open_time) if is_open else (order.price, candle.close_time)
            matcher.make(market, order, at, order.remaining, now_ms)


def _trigger(
    matcher: Matcher,
    market: SymbolMarket,
    orders: Iterable[RestingOrder],
    span: tuple[Decimal, Decimal],
    now_ms: int,
    *,
    at: Decimal | None = None,
) -> None:
    for order in orders:
        stop = order.stop_price
        if order.shelf == "trigger" and stop is not None:
            low, high = span
            if high >= stop if order.triggers_above else low <= stop:
                matcher.release(market, order, now_ms, at=at or stop)


def _follow(
    matcher: Matcher, market: SymbolMarket, orders: Iterable[RestingOrder], path: tuple[Decimal, ...], candle: Candle
) -> None:
    for order in orders:
        for number, price in enumerate(path):
            if order.shelf != "trailing":
                break
            now_ms = candle.close_time if number else candle.open_time
            threshold = matcher.track(order, price, now_ms)
            if threshold is not None:
                # At the open the price was there at once; later the market went through the threshold.
                fitted = market.instrument.fit_price(threshold, order.side.opposite)
                matcher.release(market, order, now_ms, at=fitted if number else price)
