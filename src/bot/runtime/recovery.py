"""Recovery: puts an engine back where the journal says that it was."""

from collections.abc import Sequence

from bot.domain.market import INTERVAL_MS, Candle
from bot.engine.engine import Engine
from bot.engine.slot import LiveOrder, Slot
from bot.ports import Recovered


def restore(engine: Engine, recovered: Recovered) -> None:
    """Give the engine its balances, positions, open orders and peaks. Its strategies have been added before."""
    engine.restore_balances(recovered.balances)
    engine.restore_fill_keys(recovered.fill_keys)
    for strategy_id, state in recovered.strategies.items():
        slot = engine.slots.get(strategy_id)
        if slot is None:
            continue
        slot.restore_fills(state.fills)
        slot.realised = state.realised
        slot.sequence = state.sequence
        slot.stopped = slot.stopped or state.stopped
        if state.peak_equity is not None:
            slot.peak_equity = max(slot.peak_equity, state.peak_equity)
    for each in recovered.open_orders:
        if each.order.strategy_id in engine.slots:
            engine.slots[each.order.strategy_id].exit_reason = each.order.reason
            engine.restore_order(
                LiveOrder(each.order, each.status, each.filled, each.quote_filled, each.exchange_order_id)
            )


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


def newest_trade_id(recovered: Recovered) -> int:
    """Give the highest trade id booked so far; 0 when there is none."""
    return max((trade_id for _, _, trade_id in recovered.fill_keys), default=0)


def newest_order_id(recovered: Recovered) -> int:
    """Give an order id that no order so far exceeds, where ids are counted up from 1; 0 when there were none."""
    still_open = max((each.exchange_order_id for each in recovered.open_orders), default=0)
    return max(still_open, sum(state.sequence for state in recovered.strategies.values()))
