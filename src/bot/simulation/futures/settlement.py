"""Settling a trade: position, realised P&L, isolated money, commission, and the house's side of it all."""

from copy import copy
from decimal import Decimal
from typing import NamedTuple

from bot.domain.money import EXACT, ZERO, times
from bot.domain.order import Side
from bot.simulation.futures.happenings import BalanceMoved, OrderMoved, PositionMoved, Traded
from bot.simulation.futures.margin import unrealised
from bot.simulation.futures.records import FuturesOrder, Trade
from bot.simulation.futures.state import Account, House, Position, Slot, State
from bot.simulation.futures.sums import add, amount, less, ratio, share
from bot.simulation.futures.words import Execution, IncomeType, OrderState, TradeSource, Why

MARKET = "market"
INSURANCE = "insurance"


class _Outcome(NamedTuple):
    realised: Decimal
    fee_asset: str
    fee: Decimal


def trade(
    state: State,
    price: Decimal,
    quantity: Decimal,
    *,
    taker: FuturesOrder | None = None,
    maker: FuturesOrder | None = None,
    source: TradeSource = TradeSource.MARKET,
) -> None:
    """Let two orders trade, or one order and the market: everything about it is settled when this returns."""
    sides = [(order, other) for order, other in ((taker, maker), (maker, taker)) if order is not None]
    number = state.number_trade(sides[0][0].symbol)
    counterparty = INSURANCE if source is TradeSource.INSURANCE_FUND else MARKET
    trades: dict[int, Trade] = {}
    for order, other in sides:
        outcome = _settle(state, order, price, quantity, is_maker=order is maker)
        trades[order.order_id] = _record(
            state,
            order,
            number,
            price,
            quantity,
            outcome,
            is_maker=order is maker,
            counterparty=counterparty if other is None else other.account,
        )
    market = state.markets[sides[0][0].symbol]
    if len(sides) == 1:
        order = sides[0][0]
        signed = quantity if order.side is Side.BUY else -quantity
        House.book(state.house.positions, order.symbol, -signed)
    elif source is TradeSource.MARKET:
        market.last = price
    taken = trades.get(taker.order_id) if taker else None
    made = trades.get(maker.order_id) if maker else None
    state.tell(Traded(market.contract.symbol, price, quantity, state.now_ms, taken, made, source))
    for order, _ in sides:
        done = trades[order.order_id]
        _tell_account(state, order, done)
        if state.is_watched:
            execution = Execution.CALCULATED if order.is_forced else Execution.TRADE
            state.tell(OrderMoved(copy(order), execution, state.now_ms, done))


def move_wallet(account: Account, asset: str, delta: Decimal) -> None:
    """Change what an account holds of an asset."""
    account.wallets[asset] = add(account.wallet(asset), delta)


def tell_balance(
    state: State, account: Account, asset: str, why: Why, *, delta: Decimal = ZERO, moved: Decimal = ZERO
) -> None:
    """Report a wallet as it is now."""
    if state.is_watched:
        cross = account.wallet(asset)
        total = add(cross, *(_isolated_money(state, account, asset)))
        state.tell(BalanceMoved(account.name, asset, delta, moved, total, cross, why, state.now_ms))


def tell_position(state: State, account: Account, position: Position, why: Why) -> None:
    """Report a position as it is now."""
    if state.is_watched:
        state.tell(
            PositionMoved(
                account=account.name,
                symbol=position.symbol,
                position_side=position.side,
                quantity=position.quantity,
                entry_price=position.entry_price,
                break_even_price=position.break_even_price,
                realised=position.realised,
                unrealised=unrealised(state, position),
                is_isolated=account.slot(position.symbol).is_isolated,
                isolated_wallet=position.isolated_wallet,
                margin_asset=state.markets[position.symbol].contract.margin_asset,
                why=why,
                time_ms=state.now_ms,
            )
        )


def insure(state: State, account: Account, asset: str, value: Decimal, symbol: str = "") -> None:
    """Let the insurance fund pay into a wallet, or take from it when `value` is below zero."""
    if not value:
        return
    move_wallet(account, asset, value)
    House.book(state.house.insurance, asset, -value)
    state.note(account, IncomeType.INSURANCE_CLEAR, asset, value, symbol=symbol)
    tell_balance(state, account, asset, Why.INSURANCE_CLEAR, delta=value, moved=value)


def _settle(state: State, order: FuturesOrder, price: Decimal, quantity: Decimal, *, is_maker: bool) -> _Outcome:
    account, contract = state.accounts[order.account], state.markets[order.symbol].contract
    slot, position = account.slot(order.symbol), account.position(order.symbol, order.position_side)
    order.filled = add(order.filled, quantity)
    order.quote_filled = add(order.quote_filled, times(price, quantity))
    order.state = OrderState.PARTIALLY_FILLED if order.remaining else OrderState.FILLED
    order.updated_ms = state.now_ms
    state.reserve(order)
    state.touched[order.order_id] = order
    signed = quantity if order.side is Side.BUY else -quantity
    closed = min(abs(position.quantity), quantity) if position.quantity * signed < 0 else ZERO
    asset, realised = contract.margin_asset, ZERO
    House.book(state.house.cash, asset, times(signed, price))
    if closed:
        realised = _close(state, account, slot, position, closed, price)
    if opened := less(quantity, closed):
        _open(state, account, slot, position, opened if signed > 0 else -opened, price)
    position.updated_ms = state.now_ms
    # A forced order pays the liquidation fee to the insurance fund in place of a commission.
    worth = ZERO if order.is_forced else times(price, quantity)
    fee_asset, fee = _commission(state, account, order, worth, is_maker=is_maker)
    move_wallet(account, fee_asset, -fee)
    House.book(state.house.fees, fee_asset, fee)
    if fee_asset == asset and position.quantity:
        position.fees = add(position.fees, fee)
    return _Outcome(realised, fee_asset, fee)


def _close(state: State, account: Account, slot: Slot, position: Position, closed: Decimal, price: Decimal) -> Decimal:
    """Take a part of a position off: P&L to the wallet, and its part of the isolated money back to it."""
    asset, held = state.markets[position.symbol].contract.margin_asset, abs(position.quantity)
    whole = closed == held
    cost = position.cost if whole else share(position.cost, closed, held)
    worth = times(closed, price) if position.quantity > 0 else -times(closed, price)
    exact = less(worth, cost)
    realised = amount(exact)
    House.book(state.house.dust, asset, less(exact, realised))
    freed = position.isolated_wallet if whole else amount(share(position.isolated_wallet, closed, held))
    position.fees = ZERO if whole else less(position.fees, amount(share(position.fees, closed, held)))
    position.isolated_wallet = less(position.isolated_wallet, freed)
    position.cost = less(position.cost, cost)
    position.quantity = less(position.quantity, closed) if position.quantity > 0 else add(position.quantity, closed)
    position.realised = add(position.realised, realised)
    move_wallet(account, asset, add(realised, freed))
    if slot.is_isolated and add(realised, freed) < 0:
        _cover(state, account, position, asset, -add(realised, freed))
    return realised


def _cover(state: State, account: Account, position: Position, asset: str, short: Decimal) -> None:
    """An isolated loss takes what the position still has; beyond that the insurance fund pays, not the account."""
    own = min(max(position.isolated_wallet, ZERO), short)
    position.isolated_wallet = less(position.isolated_wallet, own)
    move_wallet(account, asset, own)
    insure(state, account, asset, less(short, own), position.symbol)


def _open(state: State, account: Account, slot: Slot, position: Position, signed: Decimal, price: Decimal) -> None:
    asset, worth = state.markets[position.symbol].contract.margin_asset, times(signed, price)
    position.quantity = add(position.quantity, signed)
    position.cost = add(position.cost, worth)
    if slot.is_isolated:
        money = min(ratio(abs(worth), slot.leverage), max(account.wallet(asset), ZERO))
        position.isolated_wallet = add(position.isolated_wallet, money)
        move_wallet(account, asset, -money)


def _commission(
    state: State, account: Account, order: FuturesOrder, worth: Decimal, *, is_maker: bool
) -> tuple[str, Decimal]:
    """Give the asset and amount of a fee: in BNB with its discount when that is wanted and there is enough."""
    asset, rates, own = state.markets[order.symbol].contract.margin_asset, account.rates, order.terms
    if own is not None:
        return asset, amount(times(worth, own.maker_fee if is_maker else own.taker_fee))
    fee = times(worth, rates.maker if is_maker else rates.taker)
    if not account.fee_burn:
        return asset, amount(fee)
    bnb, dollar = state.price_of("BNB"), state.price_of(asset)
    if bnb and dollar:
        discounted = EXACT.divide(times(times(fee, dollar), less(Decimal(1), rates.burn_discount)), bnb)
        if amount(discounted) <= account.wallet("BNB"):
            return "BNB", amount(discounted)
    return asset, amount(fee)


def _record(
    state: State,
    order: FuturesOrder,
    number: int,
    price: Decimal,
    quantity: Decimal,
    outcome: _Outcome,
    *,
    is_maker: bool,
    counterparty: str,
) -> Trade:
    account = state.accounts[order.account]
    asset = state.markets[order.symbol].contract.margin_asset
    done = Trade(
        account=order.account,
        trade_id=number,
        order_id=order.order_id,
        client_order_id=order.client_order_id,
        symbol=order.symbol,
        side=order.side,
        position_side=order.position_side,
        price=price,
        quantity=quantity,
        fee=outcome.fee,
        fee_asset=outcome.fee_asset,
        realised=outcome.realised,
        margin_asset=asset,
        is_maker=is_maker,
        time_ms=state.now_ms,
        counterparty=counterparty,
    )
    account.trades.setdefault(order.symbol, []).append(done)
    state.trim(account.trades[order.symbol])
    state.note(account, IncomeType.REALIZED_PNL, asset, done.realised, symbol=order.symbol, trade_id=number)
    state.note(account, IncomeType.COMMISSION, done.fee_asset, -done.fee, symbol=order.symbol, trade_id=number)
    return done


def _tell_account(state: State, order: FuturesOrder, done: Trade) -> None:
    account = state.accounts[order.account]
    gained = {done.margin_asset: done.realised}
    gained[done.fee_asset] = less(gained.get(done.fee_asset, ZERO), done.fee)
    for asset, delta in gained.items():
        tell_balance(state, account, asset, Why.ORDER, delta=delta)
    tell_position(state, account, account.position(order.symbol, order.position_side), Why.ORDER)


def _isolated_money(state: State, account: Account, asset: str) -> list[Decimal]:
    return [
        position.isolated_wallet
        for symbol, slot in account.slots.items()
        if state.markets[symbol].contract.margin_asset == asset
        for position in slot.positions.values()
    ]
