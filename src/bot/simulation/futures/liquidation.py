"""Liquidation: whoever's margin balance has sunk to the maintenance margin is closed by force.

Open orders go first, then positions step by step, the one that needs most margin first, until what is left suffices.
Each step leads a position into the bracket below, which needs less for its size; in the lowest bracket it closes it.
The closing order may go down to the bankruptcy price. What the book does not take there the insurance fund takes, and
passes on at the mark price; when the fund has not enough for that, positions of the other side are reduced instead.
"""

from collections.abc import Iterable
from copy import copy
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from bot.domain.money import EXACT, ZERO, times
from bot.domain.order import Side
from bot.simulation.futures.deleveraging import deleverage, forced_order
from bot.simulation.futures.happenings import Liquidated, MarginCalled
from bot.simulation.futures.margin import maintenance, pool, unrealised
from bot.simulation.futures.matching import enter, finish, hand_over, sweep
from bot.simulation.futures.records import FuturesOrder
from bot.simulation.futures.settlement import insure, move_wallet, tell_balance, tell_position
from bot.simulation.futures.state import Account, House, Position, State
from bot.simulation.futures.sums import add, amount, less, ratio
from bot.simulation.futures.words import (
    LIQUIDATION,
    LIQUIDATION_PREFIX,
    IncomeType,
    OrderState,
    TradeSource,
    Why,
)

CALL_SHARE = Decimal("0.8")
"""A margin call is given when this share of the margin balance is needed for maintenance."""


def liquidate_due(state: State, symbol: str, accounts: Iterable[Account]) -> bool:
    """Close by force what has to be closed after a price or a position of a symbol moved; say whether anything was."""
    any_forced = False
    asset = state.markets[symbol].contract.margin_asset
    for account in accounts:
        slot = account.slots.get(symbol)
        if slot is None:
            continue
        if slot.is_isolated:
            any_forced |= _liquidate_isolated(state, account, slot.held)
        elif slot.held:
            any_forced |= _liquidate_cross(state, account, asset)
        _settle_debts(state, account)
    return any_forced


def _liquidate_isolated(state: State, account: Account, held: list[Position]) -> bool:
    forced = False
    for position in held:
        while position.quantity:
            balance = add(position.isolated_wallet, unrealised(state, position))
            needed = maintenance(state, position.symbol, position)
            if balance > needed:
                _warn(state, account, [position], balance, needed)
                break
            _reduce(state, account, position)
            forced = True
    return forced


def _liquidate_cross(state: State, account: Account, asset: str) -> bool:
    forced = False
    while held := _cross_positions(state, account, asset):
        shared = pool(state, account, asset)
        if shared.balance > shared.maintenance:
            _warn(state, account, held, shared.balance, shared.maintenance)
            break
        _reduce(state, account, max(held, key=lambda position: maintenance(state, position.symbol, position)))
        forced = True
    return forced


def _warn(state: State, account: Account, held: list[Position], balance: Decimal, needed: Decimal) -> None:
    """Call for margin when most of the balance is needed, once until that is over."""
    first = held[0]
    asset = state.markets[first.symbol].contract.margin_asset
    isolated = account.slot(first.symbol).is_isolated
    key = (first.symbol, first.side.value) if isolated else (asset, "")
    if needed < times(balance, CALL_SHARE):
        account.called.discard(key)
    elif key not in account.called:
        account.called.add(key)
        positions = tuple((position.symbol, position.side) for position in held)
        state.tell(MarginCalled(account.name, positions, isolated, account.wallet(asset), asset, state.now_ms))


def _cross_positions(state: State, account: Account, asset: str) -> list[Position]:
    return [
        position
        for symbol, slot in account.slots.items()
        if not slot.is_isolated and (account.multi_assets or state.markets[symbol].contract.margin_asset == asset)
        for position in slot.held
    ]


def _reduce(state: State, account: Account, position: Position) -> None:
    """Take one step: close a part of a position, or all of it, and charge the fee of that."""
    market, slot = state.markets[position.symbol], account.slot(position.symbol)
    asset = market.contract.margin_asset
    _drop_orders(state, account, position)
    insurance, purse = state.house.insurance.get(asset, ZERO), account.wallet(asset)
    price = _bankruptcy_price(state, account, position)
    name = f"{LIQUIDATION_PREFIX}{state.next_order_id}"
    order = forced_order(state, account, position, price, _step_size(state, position), name)
    enter(state, order)
    sweep(state, order)
    rest = order.remaining
    is_insured = order.is_open and _insure_rest(state, order, price, asset)
    if order.is_open:
        deleverage(state, order, price)
    worth = times(order.quote_filled, market.contract.liquidation_fee)
    if slot.is_isolated:
        fee = _charge_isolated(state, account, position, amount(worth), less(account.wallet(asset), purse))
    else:
        fee = min(amount(worth), max(_left(state, account, asset), ZERO))
    insure(state, account, asset, -fee, position.symbol)
    insured = less(add(insurance, fee), state.house.insurance.get(asset, ZERO))
    state.tell(
        Liquidated(
            account=account.name,
            symbol=position.symbol,
            position_side=position.side,
            order=copy(order),
            fee=fee,
            insured=insured,
            asset=asset,
            time_ms=state.now_ms,
            deleveraged=ZERO if is_insured else rest,
        )
    )


def _step_size(state: State, position: Position) -> Decimal:
    """Give how much is closed at once: what leads into the bracket below, or everything in the lowest one."""
    market, size = state.markets[position.symbol], abs(position.quantity)
    mark = state.mark(position.symbol, position.entry_price)
    floor = market.ladder.at(times(size, mark)).floor
    if not floor:
        return size
    step = market.contract.rules.lot.step
    kept = times(EXACT.divide(floor, times(mark, step)).to_integral_value(rounding=ROUND_FLOOR), step)
    return less(size, kept)


def _charge_isolated(state: State, account: Account, position: Position, fee: Decimal, freed: Decimal) -> Decimal:
    """Bring the fee of a step out of an isolated wallet, which gets back what closing a part of its position freed."""
    if not position.quantity:
        return min(fee, max(freed, ZERO))
    asset = state.markets[position.symbol].contract.margin_asset
    money = add(position.isolated_wallet, freed)
    charged = min(fee, max(ZERO, add(money, min(ZERO, unrealised(state, position)))))
    back = less(freed, charged)
    position.isolated_wallet = add(position.isolated_wallet, back)
    move_wallet(account, asset, -back)
    tell_position(state, account, position, Why.INSURANCE_CLEAR)
    return charged


def _left(state: State, account: Account, asset: str) -> Decimal:
    """Give what cross margin is worth now, in one asset."""
    balance = pool(state, account, asset).balance
    return ratio(balance, state.price_of(asset) or Decimal(1)) if account.multi_assets else balance


def _drop_orders(state: State, account: Account, position: Position) -> None:
    """Expire the open orders that share money with a position."""
    own = account.slot(position.symbol)
    slots = [own] if own.is_isolated else [slot for slot in account.slots.values() if not slot.is_isolated]
    for slot in slots:
        for order in list(slot.orders.values()):
            finish(state, order, OrderState.EXPIRED, LIQUIDATION, is_resting=bool(order.place))


def _bankruptcy_price(state: State, account: Account, position: Position) -> Decimal:
    """Give the price, on the tick, at which closing leaves nothing: better by less than a tick than exactly nothing."""
    market = state.markets[position.symbol]
    money = position.isolated_wallet
    if not account.slot(position.symbol).is_isolated:
        money = pool(state, account, market.contract.margin_asset, without=position).balance
        rate = (state.price_of(market.contract.margin_asset) or Decimal(1)) if account.multi_assets else Decimal(1)
        money = EXACT.divide(money, rate)
    price = EXACT.divide(less(position.cost, money), position.quantity)
    tick = market.contract.rules.price.tick or Decimal("0.00000001")
    rounding = ROUND_CEILING if position.quantity > 0 else ROUND_FLOOR
    return max(tick, times(EXACT.divide(price, tick).to_integral_value(rounding=rounding), tick))


def _insure_rest(state: State, order: FuturesOrder, price: Decimal, asset: str) -> bool:
    """Let the insurance fund take over the rest, and book what that gains or costs it at the mark price.

    False when it cannot bear that; then nothing happened.
    """
    house, taken = state.house, order.remaining if order.side is Side.SELL else -order.remaining
    gain = times(taken, less(state.mark(order.symbol, price), price))
    if house.is_bounded and gain < 0 and add(house.insurance.get(asset, ZERO), gain) < 0:
        return False
    hand_over(state, order, price, order.remaining, TradeSource.INSURANCE_FUND)
    House.book(house.insurance, asset, gain)
    House.book(house.cash, asset, -gain)
    return True


def _settle_debts(state: State, account: Account) -> None:
    """Clear wallets below zero that no cross position backs: first from other assets, then from insurance."""
    for asset in [asset for asset, held in account.wallets.items() if held < 0]:
        if _cross_positions(state, account, asset):
            continue
        if account.multi_assets:
            _exchange(state, account, asset)
        if account.wallet(asset) < 0:
            insure(state, account, asset, -account.wallet(asset))


def _exchange(state: State, account: Account, asset: str) -> None:
    """Pay a debt in one asset with others, at their prices."""
    rate = state.price_of(asset)
    for other, held in list(account.wallets.items()):
        worth, debt = state.price_of(other), -account.wallet(asset)
        if debt <= 0 or held <= 0 or not rate or not worth:
            continue
        sold = min(held, amount(EXACT.divide(times(debt, rate), worth)))
        bought = min(debt, amount(EXACT.divide(times(sold, worth), rate)))
        for name, change in ((other, -sold), (asset, bought)):
            move_wallet(account, name, change)
            House.book(state.house.cash, name, -change)
            state.note(account, IncomeType.AUTO_EXCHANGE, name, change)
            tell_balance(state, account, name, Why.AUTO_EXCHANGE, delta=change, moved=change)
