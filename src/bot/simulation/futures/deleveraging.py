"""Auto-deleveraging: what neither the book nor the insurance fund takes of a lost position, winners have to give up.

Positions of the other side are reduced at the lost position's bankruptcy price, those first that gain most on what
they risk; nobody pays a fee for it. What customers' positions do not suffice for is taken off traders outside.
"""

from decimal import Decimal

from bot.domain.money import EXACT, ZERO
from bot.domain.order import OrderType, Side
from bot.simulation.futures.margin import pool, unrealised
from bot.simulation.futures.matching import enter, hand_over
from bot.simulation.futures.records import FuturesOrder
from bot.simulation.futures.state import Account, Position, State
from bot.simulation.futures.sums import add
from bot.simulation.futures.words import ADL_PREFIX, SelfTrade, TimeInForce, TradeSource

FIFTHS = 5


def deleverage(state: State, order: FuturesOrder, price: Decimal) -> None:
    """Let positions of the other side take the rest of a forced order at a price."""
    for account, position in _ranked(state, order.symbol, is_long=order.side is Side.BUY):
        if not order.is_open:
            return
        if account.name != order.account:
            part = min(order.remaining, abs(position.quantity))
            maker = forced_order(state, account, position, price, part, ADL_PREFIX)
            enter(state, maker)
            hand_over(state, order, price, part, TradeSource.ADL, maker)
    if order.is_open:
        hand_over(state, order, price, order.remaining, TradeSource.ADL)


def quantile(state: State, position: Position) -> int:
    """Give how soon a position would be reduced for another: 4 when it is in the first fifth, 0 when in the last."""
    if not position.quantity:
        return 0
    line = [one for _, one in _ranked(state, position.symbol, is_long=position.quantity > 0)]
    place = next(number for number, one in enumerate(line) if one is position)
    return FIFTHS * (len(line) - 1 - place) // len(line)


def forced_order(
    state: State, account: Account, position: Position, price: Decimal, quantity: Decimal, client_order_id: str
) -> FuturesOrder:
    """Make the order by which the exchange itself closes a position, in part or whole."""
    return FuturesOrder(
        account=account.name,
        order_id=state.next_order_id,
        client_order_id=client_order_id,
        symbol=position.symbol,
        side=Side.SELL if position.quantity > 0 else Side.BUY,
        type=OrderType.LIMIT,
        quantity=quantity,
        created_ms=state.now_ms,
        updated_ms=state.now_ms,
        position_side=position.side,
        time_in_force=TimeInForce.IOC,
        price=price,
        reduce_only=True,
        self_trade=SelfTrade.NONE,
    )


def _ranked(state: State, symbol: str, *, is_long: bool) -> list[tuple[Account, Position]]:
    """Give the positions of a side, the one to be reduced first in front; of equals the account opened first."""
    found = [
        (account, position)
        for account in state.accounts.values()
        if symbol in account.slots
        for position in account.slots[symbol].held
        if (position.quantity > 0) == is_long
    ]
    return sorted(found, key=lambda pair: _score(state, *pair), reverse=True)


def _score(state: State, account: Account, position: Position) -> Decimal:
    """Give the gain (a fraction of the entry) times the effective leverage; a loss is divided by it instead."""
    gain, notional = unrealised(state, position), abs(position.notional(state.mark(position.symbol)))
    money = add(position.isolated_wallet, gain)
    if not account.slot(position.symbol).is_isolated:
        asset = state.markets[position.symbol].contract.margin_asset
        money = pool(state, account, asset).balance
    share = EXACT.divide(gain, abs(position.cost)) if position.cost else ZERO
    if money <= 0 or not notional:
        return share
    leverage = EXACT.divide(notional, money)
    return EXACT.multiply(share, leverage) if share > 0 else EXACT.divide(share, leverage)
