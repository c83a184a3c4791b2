"""Booking: what a fill or an order's end does to the ledger, the position and the round trip."""

from collections.abc import Callable
from decimal import Decimal

from bot.domain.ledger import DUST, Ledger, gains_of, move, postings_of
from bot.domain.market import Market
from bot.domain.messages import FillBooked, FundsPosted, OrderChanged, Outcome, TradeClosed
from bot.domain.money import EXACT, exact, settled, times
from bot.domain.order import Fill, OrderStatus, Purpose
from bot.engine.slot import LiveOrder, Slot, fee_in_quote

Probe = Callable[[str], None]
"""Told the name of a point that is reached; a test may let the process die there."""


def book(fill: Fill, slot: Slot, ledger: Ledger, rate: float, probe: Probe | None = None) -> list[Outcome]:
    """Post a fill, once, and follow what it moves. `rate` turns a fee in a third asset (BNB) into quote."""
    instrument = slot.instrument
    fee = fee_in_quote(fill, instrument, rate, slot.config.fee_pct)
    if fill.market is Market.FUTURES:
        postings = gains_of(fill, slot.ledger, instrument.quote)
    else:
        postings = postings_of(fill, slot.ledger, instrument.base, instrument.quote)
    ledger.post(postings)
    if probe is not None:
        probe("fold.ledger")
    slot.position.apply(fill, instrument.base, fee)
    if fill.market is Market.FUTURES:
        slot.lately.append((fill.trade_id, fill.signed))
    if probe is not None:
        probe("fold.positions")
    outcomes: list[Outcome] = [FillBooked(slot.id, fill, fee, postings)]
    live = slot.live.get(fill.client_order_id)
    if live is not None:
        live.filled = EXACT.add(live.filled, fill.quantity)
        live.quote_filled = EXACT.add(live.quote_filled, times(fill.price, fill.quantity))
        is_done = live.filled >= live.order.quantity
        live.status = OrderStatus.FILLED if is_done else OrderStatus.PARTIALLY_FILLED
        live.exchange_order_id = fill.exchange_order_id or live.exchange_order_id
        outcomes.append(changed(slot, live, fill.time_ms, ""))
    return outcomes + settle(slot, ledger, fill.client_order_id, fill.time_ms)


def changed(slot: Slot, live: LiveOrder, time_ms: int, reason: str) -> OrderChanged:
    """Give the fact that an order moved; an order that ended leaves the open ones."""
    order_id = live.order.client_order_id
    if not live.status.is_open:
        del slot.live[order_id]
    return OrderChanged(order_id, live.status, live.filled, live.quote_filled, time_ms, live.exchange_order_id, reason)


def settle(slot: Slot, ledger: Ledger, order_id: str, time_ms: int) -> list[Outcome]:
    """Close the round trip once what is left is nothing, or too little to trade: that goes to the dust sub-ledger."""
    position = slot.position
    if position.entry_side is None or not position.exited or slot.pending_exit():
        return []
    if position.quantity and _is_tradable(slot, position.quantity.copy_abs()):
        return []
    return _close(slot, ledger, order_id, time_ms)


def settle_remnant(slot: Slot, ledger: Ledger, entry: LiveOrder, time_ms: int) -> list[Outcome]:
    """Close a round trip whose only entry ended early with too little to sell, or the strategy could not go on."""
    held = slot.position.quantity.copy_abs()
    is_all = entry.order.purpose is Purpose.ENTRY and 0 < held <= entry.filled < entry.order.quantity
    if not is_all or slot.position.exited or slot.live or _is_tradable(slot, held):
        return []
    slot.exit_reason = "too little was bought to sell it again"
    return _close(slot, ledger, entry.order.client_order_id, time_ms)


def _close(slot: Slot, ledger: Ledger, order_id: str, time_ms: int) -> list[Outcome]:
    """End the round trip; what is left of it goes to the dust sub-ledger at its cost."""
    position, left = slot.position, slot.position.quantity
    assert position.entry_side is not None
    outcomes: list[Outcome] = []
    if left and position.market is Market.SPOT:
        postings = move(slot.instrument.base, left, slot.ledger, DUST, time_ms, f"dust:{order_id}")
        ledger.post(postings)
        outcomes.append(FundsPosted(postings))
    gross, fees = settled(position.gross), settled(position.fees)
    pnl = EXACT.subtract(gross, fees)
    outcomes.append(
        TradeClosed(
            strategy_id=slot.id,
            symbol=position.symbol,
            side=position.entry_side,
            quantity=position.exited or left.copy_abs(),
            entry_price=position.cost,
            exit_price=position.exit_price or position.cost,
            gross=gross,
            fees=fees,
            pnl=pnl,
            opened_ms=position.opened_ms,
            closed_ms=time_ms,
            client_order_id=order_id,
            market=position.market,
            reason=slot.exit_reason,
        )
    )
    slot.end_trip(pnl, time_ms)
    return outcomes


def _is_tradable(slot: Slot, quantity: Decimal) -> bool:
    instrument = slot.instrument
    if slot.position.market is Market.FUTURES:
        return True  # however little is left of a contract, it is held: it leaves with the next exit
    fitted = instrument.fit_quantity(quantity, is_market=True)
    return fitted is not None and not instrument.notional.broken_by(
        times(fitted, exact(slot.last_price)), is_market=True
    )
