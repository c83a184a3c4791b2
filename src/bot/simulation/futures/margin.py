"""Margin arithmetic: what positions and orders bind, what is free, and at what price a position is lost.

In single-asset mode each margin asset stands for itself; in multi-assets mode all stand together, in dollars.
"""

from decimal import Decimal

import msgspec

from bot.domain.money import EXACT, ONE, ZERO, times
from bot.domain.order import Side
from bot.simulation.futures.brackets import Ladder
from bot.simulation.futures.state import Account, Position, Slot, State
from bot.simulation.futures.sums import add, amount, less, ratio
from bot.simulation.futures.words import PositionSide


class Pool(msgspec.Struct, frozen=True):
    """What cross margin has and binds: in one asset, or in dollars in multi-assets mode."""

    wallet: Decimal = ZERO
    unrealised: Decimal = ZERO
    position_margin: Decimal = ZERO
    order_margin: Decimal = ZERO
    """Open orders on isolated symbols count here too: their money is still in the cross wallet."""
    maintenance: Decimal = ZERO

    @property
    def balance(self) -> Decimal:
        """Give the margin balance: wallet and unrealised P&L."""
        return add(self.wallet, self.unrealised)

    @property
    def available(self) -> Decimal:
        """Give what new orders may bind, never below zero."""
        return max(ZERO, less(self.balance, self.position_margin, self.order_margin))

    @property
    def withdrawable(self) -> Decimal:
        """Give what may leave: as `available`, but gains not yet realised stay."""
        return max(ZERO, less(add(self.wallet, min(self.unrealised, ZERO)), self.position_margin, self.order_margin))


class AssetFigures(msgspec.Struct, frozen=True):
    """One asset of an account, in that asset; isolated positions are counted except where the name says cross."""

    asset: str
    wallet: Decimal
    unrealised: Decimal
    maintenance: Decimal
    position_margin: Decimal
    order_margin: Decimal
    cross_wallet: Decimal
    cross_unrealised: Decimal
    available: Decimal
    withdrawable: Decimal

    @property
    def balance(self) -> Decimal:
        """Give the margin balance."""
        return add(self.wallet, self.unrealised)

    @property
    def initial_margin(self) -> Decimal:
        """Give what positions and orders bind."""
        return add(self.position_margin, self.order_margin)


class PositionFigures(msgspec.Struct, frozen=True):
    """One position at the mark price, in its margin asset; `quantity` and `notional` are below zero for a short.

    `order_margin`, `bids` and `asks` belong to the open orders on the same side.
    """

    symbol: str
    side: PositionSide
    quantity: Decimal
    entry_price: Decimal
    break_even_price: Decimal
    mark: Decimal
    notional: Decimal
    unrealised: Decimal
    liquidation_price: Decimal
    leverage: int
    is_isolated: bool
    isolated_wallet: Decimal
    isolated_margin: Decimal
    position_margin: Decimal
    order_margin: Decimal
    maintenance: Decimal
    bids: Decimal
    asks: Decimal
    margin_asset: str
    updated_ms: int


def bound(slot: Slot, side: PositionSide, held: Decimal, bids: Decimal = ZERO, asks: Decimal = ZERO) -> Decimal:
    """Give the largest notional that a position of `held` signed notional and its orders (and more) may come to."""
    bids = add(bids, slot.standing.get((side, Side.BUY), ZERO))
    asks = add(asks, slot.standing.get((side, Side.SELL), ZERO))
    return max(abs(held), abs(add(held, bids)), abs(less(held, asks)))


def margins(state: State, account: Account, symbol: str) -> tuple[Decimal, Decimal]:
    """Give what positions and what open orders of a symbol bind."""
    slot, of_positions, of_orders = account.slot(symbol), ZERO, ZERO
    for side in _sides(slot):
        held = _held(state, slot, symbol, side)
        of_position = ratio(abs(held), slot.leverage)
        of_positions = add(of_positions, of_position)
        if not slot.orders:
            continue  # what stands is nothing, and binds nothing
        of_orders = add(of_orders, less(ratio(bound(slot, side, held), slot.leverage), of_position))
    return of_positions, of_orders


def maintenance(state: State, symbol: str, position: Position) -> Decimal:
    """Give the maintenance margin of a position at the mark price."""
    notional = abs(position.notional(state.mark(symbol, position.entry_price)))
    return amount(state.markets[symbol].ladder.maintenance(notional))


def unrealised(state: State, position: Position) -> Decimal:
    """Give the gain of a position at the mark price, to eight decimals."""
    return amount(position.unrealised(state.mark(position.symbol, position.entry_price)))


def pool(state: State, account: Account, asset: str, *, without: Position | None = None) -> Pool:
    """Give the cross margin that an asset belongs to, as if `without` (a position) were not there."""
    wallet = _worth(state, account) if account.multi_assets else account.wallet(asset)
    gains = bound_by_positions = bound_by_orders = needed = ZERO
    for symbol, slot in account.slots.items():
        own = state.markets[symbol].contract.margin_asset
        if slot.is_idle or not (account.multi_assets or own == asset):
            continue
        rate = (state.price_of(own) or ZERO) if account.multi_assets else ONE
        of_positions, of_orders = margins(state, account, symbol)
        bound_by_orders = add(bound_by_orders, times(of_orders, rate))
        if slot.is_isolated:
            continue
        bound_by_positions = add(bound_by_positions, times(of_positions, rate))
        for position in slot.held:
            if position is not without:
                gains = add(gains, times(unrealised(state, position), rate))
                needed = add(needed, times(maintenance(state, symbol, position), rate))
    return Pool(wallet, gains, bound_by_positions, bound_by_orders, needed)


def figures(state: State, account: Account, asset: str) -> AssetFigures:
    """Give an asset's figures as the account endpoints show them."""
    wallet = account.wallet(asset)
    gains = cross_gains = needed = of_positions = of_orders = ZERO
    for symbol, slot in account.slots.items():
        if state.markets[symbol].contract.margin_asset != asset or slot.is_idle:
            continue
        own_positions, own_orders = margins(state, account, symbol)
        of_positions, of_orders = add(of_positions, own_positions), add(of_orders, own_orders)
        for position in slot.held:
            gain = unrealised(state, position)
            gains, needed = add(gains, gain), add(needed, maintenance(state, symbol, position))
            wallet = add(wallet, position.isolated_wallet)
            cross_gains = cross_gains if slot.is_isolated else add(cross_gains, gain)
    shared = pool(state, account, asset)
    rate = (state.price_of(asset) or ZERO) if account.multi_assets else ONE
    return AssetFigures(
        asset=asset,
        wallet=wallet,
        unrealised=gains,
        maintenance=needed,
        position_margin=of_positions,
        order_margin=of_orders,
        cross_wallet=account.wallet(asset),
        cross_unrealised=cross_gains,
        available=_part(shared.available, rate),
        withdrawable=min(_part(shared.withdrawable, rate), max(account.wallet(asset), ZERO)),
    )


def position_figures(state: State, account: Account, symbol: str, side: PositionSide) -> PositionFigures:
    """Give a position's figures, zeros when it is flat."""
    slot = account.slots.get(symbol, Slot())
    position = slot.positions.get(side, Position(symbol, side))
    mark = state.mark(symbol, position.entry_price)
    held, gain = position.notional(mark), unrealised(state, position)
    of_position = ratio(abs(held), slot.leverage)
    return PositionFigures(
        symbol=symbol,
        side=side,
        quantity=position.quantity,
        entry_price=position.entry_price,
        break_even_price=position.break_even_price,
        mark=mark,
        notional=held,
        unrealised=gain,
        liquidation_price=liquidation_price(state, account, position),
        leverage=slot.leverage,
        is_isolated=slot.is_isolated,
        isolated_wallet=position.isolated_wallet,
        isolated_margin=add(position.isolated_wallet, gain) if slot.is_isolated and position.quantity else ZERO,
        position_margin=of_position,
        order_margin=less(ratio(bound(slot, side, held), slot.leverage), of_position),
        maintenance=maintenance(state, symbol, position),
        bids=slot.standing.get((side, Side.BUY), ZERO),
        asks=slot.standing.get((side, Side.SELL), ZERO),
        margin_asset=state.markets[symbol].contract.margin_asset,
        updated_ms=position.updated_ms,
    )


def liquidation_price(state: State, account: Account, position: Position) -> Decimal:
    """Give the mark price at which the position is lost while all other prices stay; 0 when there is none."""
    if not position.quantity:
        return ZERO
    slot, contract = account.slot(position.symbol), state.markets[position.symbol].contract
    money = position.isolated_wallet
    if not slot.is_isolated:
        others = pool(state, account, contract.margin_asset, without=position)
        rate = (state.price_of(contract.margin_asset) or ONE) if account.multi_assets else ONE
        money = _part(less(others.balance, others.maintenance), rate)
    return loss_price(state.markets[position.symbol].ladder, position.quantity, position.cost, money)


def loss_price(ladder: Ladder, quantity: Decimal, cost: Decimal, money: Decimal) -> Decimal:
    """Give the price at which money + unrealised P&L = maintenance margin; 0 when no price above zero does it.

    Each bracket gives one candidate: (money + cum − cost) / (|quantity| · ratio − quantity); right is the one whose
    own notional lies in its bracket.
    """
    size = abs(quantity)
    for rung in ladder.rungs:
        slope = less(times(size, rung.maintenance_ratio), quantity)
        price = EXACT.divide(less(add(money, rung.cum), cost), slope) if slope else ZERO
        is_last = rung is ladder.rungs[-1]
        if price > 0 and rung.floor <= times(size, price) and (is_last or times(size, price) <= rung.cap):
            return amount(price)
    return ZERO


def _held(state: State, slot: Slot, symbol: str, side: PositionSide) -> Decimal:
    position = slot.positions.get(side)
    return position.notional(state.mark(symbol, position.entry_price)) if position is not None else ZERO


def _sides(slot: Slot) -> list[PositionSide]:
    """Give the sides that may bind margin, each once."""
    return list(dict.fromkeys([*slot.positions, *(side for side, _ in slot.standing)]))


def _worth(state: State, account: Account) -> Decimal:
    return add(ZERO, *(times(held, state.price_of(asset) or ZERO) for asset, held in account.wallets.items()))


def _part(value: Decimal, rate: Decimal) -> Decimal:
    return ratio(value, rate) if rate else ZERO
