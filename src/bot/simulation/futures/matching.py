"""How orders meet: a taker walks customers and market, best price first; a moving market fills who stands in its way.

At one price the market comes before customers, who came later. Each fill is at the price of the order that stood.
"""

from copy import copy
from decimal import Decimal

from bot.domain.money import ZERO
from bot.domain.order import OrderType, Side
from bot.simulation.futures.book import within
from bot.simulation.futures.happenings import AlgoMoved, OrderAccepted, OrderMoved
from bot.simulation.futures.records import AlgoOrder, FuturesOrder
from bot.simulation.futures.settlement import trade
from bot.simulation.futures.state import Account, Market, State
from bot.simulation.futures.sums import less
from bot.simulation.futures.words import (
    FOK_UNFILLED,
    IOC_REMAINDER,
    MARKET_UNFILLED,
    NO_REASON,
    REDUCE_ONLY_DISPLACED,
    SELF_TRADE,
    AlgoState,
    Execution,
    OrderState,
    SelfTrade,
    TimeInForce,
    TradeSource,
)


def enter(state: State, order: FuturesOrder) -> None:
    """Write a checked order in; it does not trade yet."""
    account = state.accounts[order.account]
    account.orders[order.order_id] = order
    account.by_client_id[order.symbol, order.client_order_id] = order
    account.slot(order.symbol).orders[order.order_id] = order
    state.next_order_id = max(state.next_order_id, order.order_id + 1)
    state.reserve(order)
    state.touched[order.order_id] = order
    if state.is_watched:
        state.tell(OrderAccepted(copy(order), state.now_ms))


def take(state: State, order: FuturesOrder) -> None:
    """Let an order that was entered meet the book; what may stand is put there, and anything else ends."""
    sweep(state, order)
    if not order.is_open:
        return
    if not tradable(state, order):
        finish(state, order, OrderState.EXPIRED, REDUCE_ONLY_DISPLACED)
    elif order.type is OrderType.MARKET:
        finish(state, order, OrderState.EXPIRED, MARKET_UNFILLED)
    elif order.time_in_force in {TimeInForce.IOC, TimeInForce.FOK}:
        whole = order.time_in_force is TimeInForce.FOK
        finish(state, order, OrderState.EXPIRED, FOK_UNFILLED if whole else IOC_REMAINDER)
    else:
        state.markets[order.symbol].book.add(order)


def would_take(state: State, order: FuturesOrder) -> bool:
    """Say whether an order would trade at once."""
    best = state.markets[order.symbol].book.best_price(order.side.opposite)
    return best is not None and within(order, best)


def tradable(state: State, order: FuturesOrder) -> Decimal:
    """Give how much of an order may trade now: its rest, but never more than the position when it only closes."""
    if not order.only_closes:
        return order.remaining
    return min(order.remaining, closable(state.accounts[order.account], order))


def closable(account: Account, order: FuturesOrder | AlgoOrder) -> Decimal:
    """Give the size of the position that an order on its side would make smaller."""
    slot = account.slots.get(order.symbol)
    position = slot.positions.get(order.position_side) if slot is not None else None
    held = position.quantity if position is not None else ZERO
    return max(ZERO, held if order.side is Side.SELL else -held)


def finish(
    state: State, order: FuturesOrder, end: OrderState, reason: int = NO_REASON, *, is_resting: bool = False
) -> None:
    """End an open order without a trade."""
    order.state = end
    order.expiry_reason = reason
    order.updated_ms = state.now_ms
    state.touched[order.order_id] = order
    execution = Execution.CANCELED if end is OrderState.CANCELED else Execution.EXPIRED
    if state.is_watched:
        state.tell(OrderMoved(copy(order), execution, state.now_ms))
    leave(state, order, is_resting=is_resting)


def leave(state: State, order: FuturesOrder, *, is_resting: bool) -> None:
    """Take an order that ended off the lists of open ones."""
    if is_resting:
        state.markets[order.symbol].book.remove(order)
    account = state.accounts[order.account]
    account.slot(order.symbol).orders.pop(order.order_id, None)
    state.reserve(order)
    state.archive(order)
    if order.algo_id:
        algo = account.algos[order.algo_id]
        algo.state, algo.updated_ms = AlgoState.FINISHED, state.now_ms
        algo.actual_price, algo.actual_quantity = order.average_price, order.filled
        tell_algo(state, algo)
        state.archive_algo(algo)


def tell_algo(state: State, algo: AlgoOrder) -> None:
    """Report a conditional order as it is now."""
    if state.is_watched:
        state.tell(AlgoMoved(copy(algo), state.now_ms))


def fill_resting(
    state: State,
    market: Market,
    price: Decimal,
    quantity: Decimal | None = None,
    *,
    at_market: bool = False,
) -> None:
    """Let the market trade at a price with everybody who stands there or beyond, buyers first.

    `quantity` bounds all of it. Each gets its own limit, or the market's price with `at_market`.
    """
    left = quantity
    for side in (Side.BUY, Side.SELL):
        for order in market.book.crossing(side, price):
            part = tradable(state, order) if order.is_open else ZERO
            if left is not None:
                part = min(left, part)
            if part > 0:
                left = None if left is None else less(left, part)
                standing = price if at_market or order.price is None else order.price
                fill_standing(state, order, standing, part)


def fill_standing(state: State, order: FuturesOrder, price: Decimal, part: Decimal) -> None:
    """Let a resting order trade a part of itself with the market at a price."""
    trade(state, price, part, maker=order)
    _after_trade(state, order, is_resting=True)


def cross_levels(state: State, market: Market) -> None:
    """Let customers' resting orders trade with the market's levels that came to stand against them."""
    for side in (Side.BUY, Side.SELL):
        level = market.book.level(side.opposite)
        for order in market.book.crossing(side, level.price) if level is not None else ():
            while order.is_open and (level := market.book.level(side.opposite)) is not None:
                part = tradable(state, order)
                if order.price is None or part <= 0 or not within(order, level.price):
                    break
                got = part if level.quantity is None else min(part, level.quantity)
                market.book.consume(side.opposite, got)
                trade(state, order.price, got, maker=order)
                _after_trade(state, order, is_resting=True)


def sweep(state: State, order: FuturesOrder) -> None:
    """Let an order take what stands against it, and leave its rest open but outside the book."""
    while order.is_open and _meet_next(state, state.markets[order.symbol], order):
        pass


def hand_over(
    state: State,
    order: FuturesOrder,
    price: Decimal,
    quantity: Decimal,
    source: TradeSource,
    maker: FuturesOrder | None = None,
) -> None:
    """Let the insurance fund, or whoever is reduced for it, take a part of a forced order outside the book."""
    trade(state, price, quantity, taker=order, maker=maker, source=source)
    for each in (order, maker):
        if each is not None:
            _after_trade(state, each, is_resting=False)


def displace(state: State, account: Account, symbol: str) -> None:
    """Expire the resting orders that could only close a position that is no longer there."""
    for order in list(account.slot(symbol).orders.values()):
        if order.place and order.only_closes and order.is_open and not tradable(state, order):
            finish(state, order, OrderState.EXPIRED, REDUCE_ONLY_DISPLACED, is_resting=True)


def _meet_next(state: State, market: Market, order: FuturesOrder) -> bool:
    """Trade with the best that stands against a taker; False when there is nothing more for it."""
    part, book, against = tradable(state, order), market.book, order.side.opposite
    if part <= 0:
        return False
    level, maker = book.level(against), book.best_resting(against)
    if level is not None and (maker is None or not _beats(maker, level.price)):
        if not within(order, level.price):
            return False
        got = part if level.quantity is None else min(part, level.quantity)
        book.consume(against, got)
        trade(state, level.price if order.quote is None else order.quote, got, taker=order)
    elif maker is not None and maker.price is not None and within(order, maker.price):
        if maker.account == order.account and order.self_trade is not SelfTrade.NONE:
            _prevent(state, order, maker)
            return True
        got = min(part, tradable(state, maker))
        trade(state, maker.price, got, taker=order, maker=maker)
        _after_trade(state, maker, is_resting=True)
    else:
        return False
    _after_trade(state, order, is_resting=False)
    return True


def _beats(maker: FuturesOrder, price: Decimal) -> bool:
    """Say whether a customer's order is better for the taker than the market's price."""
    is_buy = maker.side is Side.BUY
    return maker.price is not None and (maker.price > price if is_buy else maker.price < price)


def _prevent(state: State, taker: FuturesOrder, maker: FuturesOrder) -> None:
    if taker.self_trade in {SelfTrade.EXPIRE_MAKER, SelfTrade.EXPIRE_BOTH}:
        finish(state, maker, OrderState.EXPIRED_IN_MATCH, SELF_TRADE, is_resting=True)
    if taker.self_trade in {SelfTrade.EXPIRE_TAKER, SelfTrade.EXPIRE_BOTH}:
        finish(state, taker, OrderState.EXPIRED_IN_MATCH, SELF_TRADE)


def _after_trade(state: State, order: FuturesOrder, *, is_resting: bool) -> None:
    if not order.is_open:
        leave(state, order, is_resting=is_resting)
    displace(state, state.accounts[order.account], order.symbol)
