"""Placing, changing and cancelling ordinary orders: check all, then act, so that a refusal changes nothing."""

from copy import copy
from decimal import Decimal

from bot.domain.order import OrderType
from bot.simulation.futures.admission import (
    check_engine,
    check_fate,
    check_form,
    check_margin,
    check_notional,
    check_price,
    check_quantity,
    check_sides,
    matched_price,
)
from bot.simulation.futures.happenings import OrderMoved
from bot.simulation.futures.matching import enter, finish, take, tell_algo, would_take
from bot.simulation.futures.records import AlgoOrder, Amendment, FuturesOrder
from bot.simulation.futures.requests import Change, NewOrder
from bot.simulation.futures.state import Account, Market, State
from bot.simulation.futures.words import (
    MARKET_UNFILLED,
    POST_ONLY_WOULD_TAKE,
    AlgoState,
    Execution,
    OrderState,
    PriceMatch,
    TimeInForce,
)
from bot.simulation.orders import Refused


def place(state: State, account: Account, request: NewOrder) -> FuturesOrder:
    """Take an ordinary order and fill at once what can fill; Refused as Binance would, and then nothing changed."""
    order = prepare(state, account, request)
    submit(state, order)
    return order


def prepare(state: State, account: Account, request: NewOrder) -> FuturesOrder:
    """Check the form and the filters of an order, and give it as it would be entered."""
    market = state.market(request.symbol)
    check_form(request, market.contract, state.dates_ms)
    check_sides(account, request.position_side, reduce_only=request.reduce_only)
    price, quantity = request.price, request.quantity or Decimal(0)
    if request.price_match is not PriceMatch.NONE:
        price = matched_price(market, request.side, request.price_match)
    order = FuturesOrder(
        account=account.name,
        order_id=state.next_order_id,
        client_order_id=request.client_order_id,
        symbol=request.symbol,
        side=request.side,
        type=OrderType(request.type),
        quantity=quantity,
        created_ms=state.now_ms,
        updated_ms=state.now_ms,
        position_side=request.position_side,
        time_in_force=request.time_in_force or TimeInForce.GTC,
        price=price,
        reduce_only=request.reduce_only,
        self_trade=request.self_trade,
        price_match=request.price_match,
        good_till_ms=request.good_till_ms // 1000 * 1000,
        terms=request.terms,
        quote=request.quote,
    )
    _check_filters(market, order)
    return order


def submit(state: State, order: FuturesOrder, algo: AlgoOrder | None = None) -> None:
    """Let the engine have an order whose form was checked; an order of `algo` is tied to it."""
    if algo is not None and order.price is not None:
        check_price(state.markets[order.symbol].contract, order.side, order.price, state.markets[order.symbol].mark)
    check_engine(state, order)
    check_fate(state, order)
    if algo is not None:
        order.algo_id = algo.algo_id
        algo.state, algo.actual_order_id, algo.actual_type = AlgoState.TRIGGERED, order.order_id, order.type
        tell_algo(state, algo)
    enter(state, order)
    take(state, order)


def hold(state: State, account: Account, request: NewOrder) -> FuturesOrder:
    """Take a market order that does not trade before it is let go; Refused as Binance would."""
    order = prepare(state, account, request)
    check_engine(state, order)
    enter(state, order)
    return order


def adopt(state: State, order: FuturesOrder) -> None:
    """Put an open order back as it was left; it does not trade yet."""
    enter(state, order)
    if order.price is not None:
        state.markets[order.symbol].book.add(order)


def let_go(state: State, order: FuturesOrder, quote: Decimal) -> None:
    """Let a market order that was held back trade at a price; it expires when its margin does not suffice there."""
    order.quote, order.updated_ms = quote, state.now_ms
    try:
        check_margin(state, order)
    except Refused:
        finish(state, order, OrderState.EXPIRED, MARKET_UNFILLED)
        return
    take(state, order)


def cancel(state: State, order: FuturesOrder | None) -> FuturesOrder:
    """Cancel an open order; Refused -2011 when there is none."""
    if order is None or not order.is_open:
        raise Refused(-2011, "Unknown order sent.")
    finish(state, order, OrderState.CANCELED, is_resting=bool(order.place))
    return order


def modify(state: State, order: FuturesOrder | None, change: Change) -> FuturesOrder:
    """Change a resting limit order, which then stands last at its price (and may trade at once).

    It is cancelled when it has filled as much as the new quantity, or is post-only and would take.
    """
    if order is not None and order.type is not OrderType.LIMIT:
        raise Refused(-5025, "Only limit order is supported.")
    if order is None or not order.is_open:
        raise Refused(-2013, "Order does not exist.")
    price, quantity = _check_change(state, order, change)
    if quantity <= order.filled:
        return cancel(state, order)
    moved = copy(order)
    moved.price, moved.quantity = price, quantity
    check_margin(state, moved, was_reserved=order.reserved)
    if order.time_in_force in {TimeInForce.GTX, TimeInForce.RPI} and would_take(state, moved):
        finish(state, order, OrderState.CANCELED, POST_ONLY_WOULD_TAKE, is_resting=True)
        return order
    _amend(state, order, price, quantity, change.modify_id)
    take(state, order)
    return order


def _check_filters(market: Market, order: FuturesOrder) -> None:
    if order.price is not None:
        check_price(market.contract, order.side, order.price, market.mark)
    check_quantity(market.contract, order.quantity, is_market=order.price is None)
    if not order.only_closes:
        check_notional(market.contract, order.quantity, order.price if order.price is not None else market.mark)


def _check_change(state: State, order: FuturesOrder, change: Change) -> tuple[Decimal, Decimal]:
    market = state.markets[order.symbol]
    if change.reduce_only and not order.reduce_only:
        raise Refused(-5047, "The order is not a reduce only order.")
    price = change.price
    if change.price_match is not PriceMatch.NONE:
        price = matched_price(market, order.side, change.price_match)
    for name, value in (("price", price), ("quantity", change.quantity)):
        if value is None:
            raise Refused(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")
    if price is None or change.quantity is None or change.side is not order.side:
        raise Refused(-1117, "Invalid side.")
    check_price(market.contract, order.side, price, market.mark)
    check_quantity(market.contract, change.quantity, is_market=False)
    if price == order.price and change.quantity == order.quantity:
        raise Refused(-5027, "No need to modify the order.")
    if order.changes >= market.contract.max_changes:
        raise Refused(-5026, "Exceed maximum modify order limit.")
    if not order.only_closes:
        check_notional(market.contract, change.quantity, price, code=-5029)
    return price, change.quantity


def _amend(state: State, order: FuturesOrder, price: Decimal, quantity: Decimal, modify_id: int) -> None:
    account = state.accounts[order.account]
    state.markets[order.symbol].book.remove(order)
    order.changes += 1
    amendment = Amendment(
        amendment_id=state.next_transaction_id,
        symbol=order.symbol,
        order_id=order.order_id,
        client_order_id=order.client_order_id,
        price_before=order.price if order.price is not None else price,
        price_after=price,
        quantity_before=order.quantity,
        quantity_after=quantity,
        count=order.changes,
        modify_id=modify_id,
        time_ms=state.now_ms,
    )
    state.next_transaction_id += 1
    account.amendments.append(amendment)
    order.price, order.quantity, order.modify_id = price, quantity, modify_id
    order.updated_ms = state.now_ms
    state.reserve(order)
    state.touched[order.order_id] = order
    if state.is_watched:
        state.tell(OrderMoved(copy(order), Execution.AMENDMENT, state.now_ms))
