"""How the market moves: one price after the other, and at each what it does to orders, conditions and positions.

A candle is walked along open, low, high, close, and on the way it stops at every price where something waits; the low
comes first, as in the spot exchange. A candle that opened before what is already known tells its close only.
"""

from collections.abc import Iterable
from decimal import Decimal

from bot.domain.market import Candle
from bot.domain.money import exact
from bot.domain.order import Side
from bot.simulation.futures.algo import fire_due, level_of
from bot.simulation.futures.liquidation import liquidate_due
from bot.simulation.futures.matching import fill_resting
from bot.simulation.futures.recorded import meet_trade
from bot.simulation.futures.state import Account, Market, State


def show_candle(state: State, market: Market, candle: Candle) -> None:
    """Let a whole closed candle happen to a market."""
    state.advance(candle.open_time)
    if candle.close_time < market.seen_ms:
        return
    if candle.open_time > market.seen_ms:
        open_candle(state, market, candle)
        walk_candle(state, market, candle)
    else:
        state.advance(candle.close_time)
        step(state, market, exact(candle.close))
        market.seen_ms = candle.close_time


def open_candle(state: State, market: Market, candle: Candle, mark: Candle | None = None) -> None:
    """Let the open of a candle happen; `mark` is the candle of the mark price, where that does not follow the last."""
    state.advance(candle.open_time)
    if mark is not None:
        market.fed_mark = exact(mark.open)
    step(state, market, exact(candle.open), at_market=True)


def walk_candle(
    state: State, market: Market, candle: Candle, mark: Candle | None = None, *, rises_first: bool = False
) -> None:
    """Let what came after the open of a candle happen: its low and its high, in one order or the other, and its close.

    At each of the three the last price goes there first, and the mark price after it.
    """
    state.advance(candle.close_time)
    names = ("high", "low", "close") if rises_first else ("low", "high", "close")
    for name in names:
        _walk(state, market, exact(getattr(candle, name)))
        if mark is not None:
            market.fed_mark = exact(getattr(mark, name))
            ripple(state, market)
    market.seen_ms = candle.close_time


def step(
    state: State,
    market: Market,
    price: Decimal,
    quantity: Decimal | None = None,
    *,
    at_market: bool = False,
    maker: Side | None = None,
) -> None:
    """Let the market trade at a price; `quantity` bounds what customers' resting orders get of it.

    `maker` is the side that stood in a recorded trade: with it orders keep their places in line.
    """
    market.last = price
    market.book.show_price(price)
    if maker is None or quantity is None:
        fill_resting(state, market, price, quantity, at_market=at_market)
    else:
        meet_trade(state, market, price, quantity, maker)
    ripple(state, market)


def ripple(state: State, market: Market, accounts: Iterable[Account] | None = None) -> None:
    """Fire conditions and close positions by force until the prices of a symbol ask for nothing more.

    When no price moved, `accounts` names those whose positions did; the others need no second look.
    """
    concerned = list(state.accounts.values() if accounts is None else accounts)
    moving = True
    while moving:
        moving = fire_due(state, market)
        if liquidate_due(state, market.contract.symbol, concerned):
            moving, concerned = True, list(state.accounts.values())


def _walk(state: State, market: Market, target: Decimal) -> None:
    """Move the price to a target, with a stop wherever something waits."""
    stop = _next_stop(market, target)
    while stop is not None:
        step(state, market, stop)
        stop = _next_stop(market, target)
    step(state, market, target)


def _next_stop(market: Market, target: Decimal) -> Decimal | None:
    now = market.last
    if now is None or now == target:
        return None
    falling = target < now
    side = Side.BUY if falling else Side.SELL
    best = next(market.book.resting(side), None)
    waiting = [best.price if best is not None else None, *(level_of(algo) for algo in market.waiting.values())]
    ahead = [price for price in waiting if price is not None and (target < price < now or target > price > now)]
    if not ahead:
        return None
    return max(ahead) if falling else min(ahead)
