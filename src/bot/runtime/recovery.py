"""Recovery: puts an engine back where the journal says that it was."""

from collections.abc import Sequence
from decimal import Decimal

from bot.domain.market import INTERVAL_MS, Candle, Market, next_open
from bot.domain.messages import IncomeKind
from bot.domain.money import EXACT, ZERO, times
from bot.domain.order import Side, whole_id
from bot.engine.engine import Engine
from bot.engine.slot import LiveOrder, Slot
from bot.ports import Recovered, StrategyState
from bot.simulation.futures_desk import Holding


def restore(engine: Engine, recovered: Recovered) -> None:
    """Give the engine its balances, positions, open orders and peaks. Its strategies have been added before."""
    engine.restore_balances(recovered.balances)
    engine.restore_fill_keys(recovered.fill_keys)
    engine.restore_income(recovered.income)
    for mark in recovered.accounts:
        engine.account.restore(mark)
    for strategy_id, state in recovered.strategies.items():
        slot = engine.slots.get(strategy_id)
        if slot is not None:
            _restore_slot(slot, state)
            continue
        for mark in recovered.accounts:
            # What a strategy that cannot run holds is worth as much as before, but nobody follows its price.
            engine.account.moved(mark.quote, -_invested(state, mark.quote))
    for each in recovered.open_orders:
        if each.order.strategy_id in engine.slots:
            engine.slots[each.order.strategy_id].exit_reason = each.order.reason
            engine.restore_order(
                LiveOrder(each.order, each.status, each.filled, each.quote_filled, each.exchange_order_id)
            )


def _restore_slot(slot: Slot, state: StrategyState) -> None:
    slot.restore_fills(zip(state.fills, state.fees, strict=True))
    slot.lately.extend(state.lately)
    if state.charges:
        slot.position.charge(state.charges)
    slot.realised = state.realised
    slot.exited_ms = state.closed_ms
    slot.sequence = state.sequence
    slot.decided_ms = state.decided_ms
    slot.stopped = slot.stopped or state.stopped
    if slot.guard is not None and state.protection is not None:
        slot.guard.recall(state.protection)
    # Who gave it more or less to trade with since then made neither a profit nor a loss by that.
    given = slot.capital - (slot.capital if state.capital is None else state.capital)
    if state.peak_equity is not None:
        slot.peak_equity = max(slot.peak_equity, state.peak_equity + given)
    if state.day_equity is not None:
        slot.begin_day(state.marked_ms, state.day_equity + given)


def _invested(state: StrategyState, quote: str) -> Decimal:
    """Give the quote that the open round trip has taken out so far."""
    paid = ZERO
    for fill in state.fills:
        if fill.symbol.endswith(quote):
            worth = times(fill.price, fill.quantity)
            paid = EXACT.add(paid, worth if fill.side is Side.BUY else worth.copy_negate())
    return paid


MOST_CANDLES = 5_000
"""How far back a trailing stop looks for the best close after a restart."""


def candles_since_entry(slot: Slot, now_ms: int) -> int:
    """Give how many candles of history a trailing stop needs to go on; 0 without one or without a position."""
    if slot.config.trailing is None or slot.position.is_flat:
        return 0
    return min(max(now_ms - slot.position.opened_ms, 0) // INTERVAL_MS[slot.stream.interval] + 1, MOST_CANDLES)


def restore_best_price(slot: Slot, history: Sequence[Candle]) -> None:
    """Find the best close since the entry again, from which a trailing stop is counted."""
    closes = [candle.close for candle in history if candle.close_time > slot.position.opened_ms]
    if closes and not slot.position.is_flat:
        slot.best_price = min(closes) if slot.position.is_short else max(closes)


def restore_cooldown(slot: Slot) -> None:
    """Count the candles since the last round trip ended, now that history says which candle is the newest."""
    if slot.exited_ms and slot.last_open >= 0:
        newest_ms = next_open(slot.last_open, slot.stream.interval) - 1
        passed = -((slot.exited_ms - newest_ms) // INTERVAL_MS[slot.stream.interval])
        slot.exited_at = slot.candles - max(passed, 0)


def holdings(recovered: Recovered) -> dict[str, Holding]:
    """Give the futures positions that the open round trips come to, by symbol, at average cost as an exchange counts.

    Strategies that hold against each other have one position there.
    """
    fills = [fill for state in recovered.strategies.values() for fill in state.fills if fill.market is Market.FUTURES]
    found: dict[str, Holding] = {}
    for fill in sorted(fills, key=lambda each: (each.time_ms, whole_id(each.trade_id))):
        held = found.get(fill.symbol, Holding(ZERO, ZERO))
        quantity = EXACT.add(held.quantity, fill.signed)
        price = held.price
        if held.quantity * fill.signed >= 0:
            worth = EXACT.add(times(held.quantity, held.price), times(fill.signed, fill.price))
            price = EXACT.divide(worth, quantity)
        elif held.quantity * quantity < 0:
            price = fill.price  # (it turned)
        found[fill.symbol] = Holding(quantity, price)
    return {symbol: held for symbol, held in found.items() if held.quantity}


def funded_until(recovered: Recovered, symbol: str, now_ms: int) -> int:
    """Say up to when funding was settled for what is held of a symbol: what fell due since then is still to be paid."""
    entered = [
        fill.time_ms
        for state in recovered.strategies.values()
        for fill in state.fills
        if fill.market is Market.FUTURES and fill.symbol == symbol
    ]
    return max(recovered.income_ms.get(IncomeKind.FUNDING, 0), min(entered)) if entered else now_ms


def newest_income_id(recovered: Recovered) -> int:
    """Give the highest id of what the exchange took or gave by itself; 0 when it never did."""
    return max((number for _, number in recovered.income), default=0)


def newest_trade_id(recovered: Recovered) -> int:
    """Give the highest trade id booked so far; 0 when there is none."""
    return max((whole_id(trade_id) for _, _, trade_id in recovered.fill_keys), default=0)


def newest_order_id(recovered: Recovered) -> int:
    """Give an order id that no order so far exceeds, where ids are counted up from 1; 0 when there were none."""
    still_open = max((each.exchange_order_id for each in recovered.open_orders), default=0)
    return max(still_open, sum(state.sequence for state in recovered.strategies.values()))
