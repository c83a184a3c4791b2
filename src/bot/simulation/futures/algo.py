"""Conditional orders: checked when they come, watched until their price does, margin asked for only then.

States: NEW → TRIGGERING → TRIGGERED → FINISHED, or REJECTED when the order is refused at its trigger, or EXPIRED when
there is nothing left to close. A protected order waits while last and mark price differ too much.
"""

from decimal import Decimal

from bot.domain.money import EXACT, ZERO, times
from bot.domain.order import OrderType, Side
from bot.simulation.futures.admission import (
    check_client_id,
    check_good_till,
    check_limit_form,
    check_notional,
    check_open_for_trading,
    check_quantity,
    check_sides,
    check_ticks,
    matched_price,
)
from bot.simulation.futures.contracts import Contract
from bot.simulation.futures.matching import closable, tell_algo
from bot.simulation.futures.placing import submit
from bot.simulation.futures.records import AlgoOrder, FuturesOrder
from bot.simulation.futures.requests import NewAlgo
from bot.simulation.futures.state import Account, Market, State
from bot.simulation.futures.sums import add, less
from bot.simulation.futures.words import AlgoState, AlgoType, PositionSide, PriceMatch, TimeInForce, WorkingType
from bot.simulation.orders import Refused

MAX_WAITING = 200
_CALLBACK_LEAST, _CALLBACK_MOST = Decimal("0.1"), Decimal(20)
_PERCENT = Decimal(100)


def place_algo(state: State, account: Account, request: NewAlgo) -> AlgoOrder:
    """Take a conditional order in; Refused as Binance would, and then nothing changed."""
    market = state.market(request.symbol)
    _check_form(state, market, request)
    check_sides(account, request.position_side, reduce_only=request.reduce_only)
    _check_filters(market, request)
    if len(account.waiting) >= MAX_WAITING:
        raise Refused(-4045, "Reach max stop order limit.")
    namesake = account.algo_by_client_id.get(request.client_algo_id)
    if namesake is not None and namesake.is_open:
        raise Refused(-4116, "ClientOrderId is duplicated.")
    algo = _algo(state, account, request)
    price = _working_price(market, algo)
    if price is not None and _would_fire(algo, price):
        raise Refused(-2021, "Order would immediately trigger.")
    if algo.type is AlgoType.TRAILING_STOP_MARKET and algo.activate_price is None and price is not None:
        algo.is_active, algo.extreme = True, price
    state.next_algo_id += 1
    account.algos[algo.algo_id] = account.waiting[algo.algo_id] = market.waiting[algo.algo_id] = algo
    account.algo_by_client_id[algo.client_algo_id] = algo
    tell_algo(state, algo)
    return algo


def end_algo(state: State, algo: AlgoOrder, end: AlgoState, text: str = "") -> None:
    """End a conditional order that still waits, or one that its trigger could not turn into an order."""
    algo.state, algo.updated_ms, algo.reject_text = end, state.now_ms, text
    _forget(state, algo)
    tell_algo(state, algo)
    state.archive_algo(algo)


def fire_due(state: State, market: Market) -> bool:
    """Fire every waiting order whose price has come, oldest first; say whether any fired."""
    fired = False
    for algo in list(market.waiting.values()):
        price = _working_price(market, algo)
        if algo.is_open and price is not None and _watch(state, algo, price) and _is_calm(market, algo):
            _fire(state, market, algo)
            fired = True
    return fired


def level_of(algo: AlgoOrder) -> Decimal | None:
    """Give the price at which a waiting order fires, or becomes active, as things stand; None when unknown."""
    if algo.type is not AlgoType.TRAILING_STOP_MARKET:
        return algo.trigger_price
    if not algo.is_active or algo.extreme is None or algo.callback_rate is None:
        return algo.activate_price
    step = EXACT.divide(times(algo.extreme, algo.callback_rate), _PERCENT)
    return add(algo.extreme, step) if algo.side is Side.BUY else less(algo.extreme, step)


def _watch(state: State, algo: AlgoOrder, price: Decimal) -> bool:
    """Follow the price; say whether the order fires at it."""
    if algo.type is not AlgoType.TRAILING_STOP_MARKET:
        return _crossed(algo, price)
    if not algo.is_active:
        start = algo.activate_price
        if start is None or (price <= start if algo.side is Side.BUY else price >= start):
            algo.is_active, algo.extreme, algo.updated_ms = True, price, state.now_ms
            tell_algo(state, algo)
        return False
    level = level_of(algo)
    if level is not None and (price >= level if algo.side is Side.BUY else price <= level):
        return True
    extreme = price if algo.extreme is None else algo.extreme
    algo.extreme = min(extreme, price) if algo.side is Side.BUY else max(extreme, price)
    return False


def _crossed(algo: AlgoOrder, price: Decimal) -> bool:
    trigger = algo.trigger_price
    rises = (algo.side is Side.BUY) == algo.type.is_stop
    return trigger is not None and (price >= trigger if rises else price <= trigger)


def _would_fire(algo: AlgoOrder, price: Decimal) -> bool:
    if algo.type is AlgoType.TRAILING_STOP_MARKET:
        start = algo.activate_price
        return start is not None and (start >= price if algo.side is Side.BUY else start <= price)
    return _crossed(algo, price)


def _is_calm(market: Market, algo: AlgoOrder) -> bool:
    """Say whether last and mark price are near enough for a protected order."""
    if not algo.price_protect or not market.mark or market.last is None:
        return True
    gap = EXACT.divide(abs(less(market.mark, market.last)), market.mark)
    return gap <= market.contract.trigger_protect


def _working_price(market: Market, algo: AlgoOrder) -> Decimal | None:
    return market.mark if algo.working_type is WorkingType.MARK_PRICE else market.last


def _fire(state: State, market: Market, algo: AlgoOrder) -> None:
    account = state.accounts[algo.account]
    algo.state, algo.triggered_ms, algo.updated_ms = AlgoState.TRIGGERING, state.now_ms, state.now_ms
    _forget(state, algo)
    tell_algo(state, algo)
    quantity = closable(account, algo) if algo.close_position else algo.quantity
    if not quantity:
        end_algo(state, algo, AlgoState.EXPIRED)
        return
    try:
        price = algo.price
        if algo.type.has_limit and algo.price_match is not PriceMatch.NONE:
            price = matched_price(market, algo.side, algo.price_match)
        order = FuturesOrder(
            account=algo.account,
            order_id=state.next_order_id,
            client_order_id=algo.client_algo_id,
            symbol=algo.symbol,
            side=algo.side,
            type=OrderType.LIMIT if algo.type.has_limit else OrderType.MARKET,
            quantity=quantity,
            created_ms=state.now_ms,
            updated_ms=state.now_ms,
            position_side=algo.position_side,
            time_in_force=algo.time_in_force if algo.type.has_limit else TimeInForce.GTC,
            price=price,
            reduce_only=algo.reduce_only,
            close_position=algo.close_position,
            self_trade=algo.self_trade,
            price_match=algo.price_match,
            good_till_ms=algo.good_till_ms,
        )
        submit(state, order, algo)
    except Refused as refusal:
        end_algo(state, algo, AlgoState.REJECTED, refusal.message)


def _forget(state: State, algo: AlgoOrder) -> None:
    state.accounts[algo.account].waiting.pop(algo.algo_id, None)
    state.markets[algo.symbol].waiting.pop(algo.algo_id, None)


def _check_form(state: State, market: Market, request: NewAlgo) -> None:
    check_open_for_trading(market.contract)
    check_client_id("clientAlgoId", request.client_algo_id)
    trailing = request.type is AlgoType.TRAILING_STOP_MARKET
    _demand("triggerPrice", request.trigger_price, wanted=not trailing)
    _demand("callbackRate", request.callback_rate, wanted=trailing)
    if request.activate_price is not None and not trailing:
        raise Refused(-1106, "Parameter 'activatePrice' sent when not required.")
    if request.callback_rate is not None and not _CALLBACK_LEAST <= request.callback_rate <= _CALLBACK_MOST:
        raise Refused(-1130, "Data sent for parameter 'callbackRate' is not valid.")
    if request.close_position:
        _check_close_position(request)
    else:
        _demand("quantity", request.quantity, wanted=True)
    if request.type.has_limit:
        check_limit_form(
            request.price, request.time_in_force, request.price_match, request.good_till_ms, state.dates_ms
        )
        return
    _demand("price", request.price, wanted=False)
    if request.price_match is not PriceMatch.NONE:
        raise Refused(-5038, "Price match only supports order type: LIMIT, STOP AND TAKE_PROFIT")
    check_good_till(request.time_in_force, request.good_till_ms, state.dates_ms)


def _check_close_position(request: NewAlgo) -> None:
    if request.type not in {AlgoType.STOP_MARKET, AlgoType.TAKE_PROFIT_MARKET}:
        raise Refused(-1106, "Parameter 'closePosition' sent when not required.")
    if request.quantity is not None:
        raise Refused(-4137, "Quantity must be zero with closePosition equals true.")
    if request.reduce_only:
        raise Refused(-1106, "Parameter 'reduceOnly' sent when not required.")
    opening = {PositionSide.LONG: Side.BUY, PositionSide.SHORT: Side.SELL}.get(request.position_side)
    if request.side is opening:
        raise Refused(-4138, "Reduce only must be true with closePosition equals true.")


def _check_filters(market: Market, request: NewAlgo) -> None:
    contract = market.contract
    if request.trigger_price is not None:
        check_ticks(contract, "triggerPrice", request.trigger_price)
    if request.activate_price is not None:
        check_ticks(contract, "activatePrice", request.activate_price)
    if request.price is not None:
        check_ticks(contract, "price", request.price)
    if request.price is not None and request.trigger_price is not None:
        _check_stop_band(contract, request.side, request.price, request.trigger_price)
    if request.quantity is not None:
        check_quantity(contract, request.quantity, is_market=not request.type.has_limit)
        if not request.reduce_only:
            check_notional(contract, request.quantity, request.price or request.trigger_price or market.mark)


def _check_stop_band(contract: Contract, side: Side, price: Decimal, trigger: Decimal) -> None:
    if side is Side.BUY and price > times(trigger, contract.up):
        raise Refused(-4183, "Price is higher than stop price multiplier cap.")
    if side is Side.SELL and price < times(trigger, contract.down):
        raise Refused(-4184, "Price is lower than stop price multiplier floor.")


def _demand(name: str, value: object, *, wanted: bool) -> None:
    if wanted and value is None:
        raise Refused(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")
    if not wanted and value is not None:
        raise Refused(-1106, f"Parameter '{name}' sent when not required.")


def _algo(state: State, account: Account, request: NewAlgo) -> AlgoOrder:
    return AlgoOrder(
        account=account.name,
        algo_id=state.next_algo_id,
        client_algo_id=request.client_algo_id,
        symbol=request.symbol,
        side=request.side,
        type=request.type,
        quantity=request.quantity or ZERO,
        created_ms=state.now_ms,
        updated_ms=state.now_ms,
        trigger_price=request.trigger_price,
        price=request.price,
        position_side=request.position_side,
        time_in_force=request.time_in_force,
        working_type=request.working_type,
        price_match=request.price_match,
        self_trade=request.self_trade,
        reduce_only=request.reduce_only,
        close_position=request.close_position,
        price_protect=request.price_protect,
        activate_price=request.activate_price,
        callback_rate=request.callback_rate,
        good_till_ms=request.good_till_ms,
    )
