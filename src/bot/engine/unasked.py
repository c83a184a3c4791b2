"""What the exchange does by itself on futures: funding it takes or gives, and positions that it closes by force."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal

import msgspec

from bot.domain.ledger import EXTERNAL, FEES, FUNDING, OWNER, Ledger, Posting, move
from bot.domain.market import Market
from bot.domain.messages import CancelOrder, IncomeBooked, IncomeKind, IncomeSeen, OrderFound, Outcome
from bot.domain.money import EXACT, ZERO, Quantity, cut, plain
from bot.domain.order import Fill, Order, OrderStatus, OrderType, Purpose, Side, part_id, whole_id
from bot.engine.booking import book
from bot.engine.memory import OrderMemory
from bot.engine.routes import Routes
from bot.engine.slot import LiveOrder, Slot

_DECIMALS = 8
_OTHER_SIDES = {IncomeKind.FUNDING: FUNDING, IncomeKind.LIQUIDATION: FEES}


class Unasked:
    """Books each of it once. `stop` stops a strategy whose position was closed."""

    def __init__(
        self,
        slots: Mapping[int, Slot],
        ledger: Ledger,
        orders: OrderMemory,
        routes: Routes,
        stop: Callable[[Slot, str, int, list[Outcome]], None],
    ) -> None:
        self._slots, self._ledger, self._orders, self._routes, self._stop = slots, ledger, orders, routes, stop
        self._income: set[tuple[str, int]] = set()

    def restore(self, income: Iterable[tuple[str, int]]) -> None:
        """Remember income that was booked before a restart, by kind and id."""
        self._income.update(income)

    def book(self, event: Fill | IncomeSeen) -> list[Outcome]:
        """Take it in; nothing comes of what was booked already, or of what no strategy held."""
        if isinstance(event, Fill):
            return [] if self._orders.was_booked(event) else self._force(event)
        if (key := (event.kind, event.transaction_id)) in self._income:
            return []
        self._income.add(key)
        return [book_income(event, self._slots.values(), self._ledger)]

    def _force(self, fill: Fill) -> list[Outcome]:
        """The exchange closed what strategies hold: they are stopped, and what rests is taken back."""
        outcomes: list[Outcome] = []
        for slot, part in takers_of(fill, self._slots.values()):
            rate = self._routes.price(fill.market, f"{fill.fee_asset}{slot.instrument.quote}")
            reason = f"the exchange closed {plain(part.quantity)} {fill.symbol} by itself ({fill.client_order_id})"
            booked, told = book_forced(part, slot, self._ledger, rate, reason)
            self._orders.book(booked)
            outcomes += told
            if not slot.stopped:
                self._stop(slot, reason, fill.time_ms, outcomes)
        return outcomes


def book_income(seen: IncomeSeen, slots: Iterable[Slot], ledger: Ledger) -> IncomeBooked:
    """Post what funding or a liquidation's fee moved to those who hold the symbol, by what each holds.

    What rounding leaves, and all of it when nobody holds any, is the owner's. Before the ledger's first look at the
    account nothing is posted: that look has it in already.
    """
    postings: list[Posting] = []
    if ledger.ours():
        other = _OTHER_SIDES.get(seen.kind, EXTERNAL)
        source = f"income:{seen.kind}:{seen.transaction_id}"
        left = seen.amount
        for slot, part in _shares(seen, [each for each in slots if _holds(each, seen.symbol)]):
            slot.position.charge(part.copy_negate())
            left = EXACT.subtract(left, part)
            postings += move(seen.asset, part, other, slot.ledger, seen.time_ms, source)
        if left:
            postings += move(seen.asset, left, other, OWNER, seen.time_ms, source)
        ledger.post(postings)
    return IncomeBooked(
        seen.kind, seen.transaction_id, seen.symbol, seen.asset, seen.amount, seen.time_ms, tuple(postings)
    )


def takers_of(fill: Fill, slots: Iterable[Slot]) -> list[tuple[Slot, Fill]]:
    """Share a trade of the exchange's own out among those who hold what it closed, in order of id.

    What counts is what they held just before it: news of it may come after that of later trades. What no strategy
    held was the owner's own.
    """
    found: list[tuple[Slot, Fill]] = []
    left, fee, realised = fill.quantity, fill.fee, fill.realised or ZERO
    for slot in sorted(slots, key=lambda each: each.id):
        held = _held_before(fill, slot)
        quantity = min(left, held.copy_abs())
        if not quantity or (held > 0) != (fill.side is Side.SELL):
            continue
        part_fee, part_realised = (
            whole if quantity == left else _cut(whole, quantity, left) for whole in (fee, realised)
        )
        trade_id = part_id(fill.trade_id, len(found))
        found.append(
            (
                slot,
                msgspec.structs.replace(
                    fill, trade_id=trade_id, quantity=Quantity(quantity), fee=part_fee, realised=part_realised
                ),
            )
        )
        left = Quantity(EXACT.subtract(left, quantity))
        fee, realised = EXACT.subtract(fee, part_fee), EXACT.subtract(realised, part_realised)
    return found


def book_forced(fill: Fill, slot: Slot, ledger: Ledger, rate: float, reason: str) -> tuple[Fill, list[Outcome]]:
    """Book a strategy's part of such a trade, with an order of the exchange's own in the record; exits at rest go."""
    name = f"{fill.client_order_id}:{fill.symbol}:{fill.trade_id}:{slot.id}"
    order = Order(
        client_order_id=name,
        strategy_id=slot.id,
        symbol=fill.symbol,
        side=fill.side,
        type=OrderType.MARKET,
        quantity=fill.quantity,
        created_ms=fill.time_ms,
        market=fill.market,
        purpose=Purpose.STOP,
        reason=reason,
    )
    resting = [CancelOrder(each.order.client_order_id, fill.symbol, fill.market) for each in slot.resting_exits()]
    slot.exit_reason = reason
    slot.live[name] = LiveOrder(order, OrderStatus.NEW)
    ours = msgspec.structs.replace(fill, client_order_id=name)
    return ours, [OrderFound(order), *book(ours, slot, ledger, rate), *resting]


def _held_before(fill: Fill, slot: Slot) -> Decimal:
    """Give what a strategy held just before a trade; trade ids of a symbol only grow."""
    position, lately = slot.position, slot.lately
    if (slot.stream.market, slot.stream.symbol) != (fill.market, fill.symbol):
        return ZERO
    if len(lately) == lately.maxlen and fill.trade_id < whole_id(lately[0][0]) < position.opened_by:
        return ZERO  # so long ago that nobody remembers: whatever is held now was entered after it
    since = sum((signed for trade_id, signed in lately if whole_id(trade_id) > fill.trade_id), ZERO)
    return EXACT.subtract(position.quantity, since)


def _holds(slot: Slot, symbol: str) -> bool:
    return slot.stream.market is Market.FUTURES and slot.stream.symbol == symbol and not slot.position.is_flat


def _shares(seen: IncomeSeen, holders: Sequence[Slot]) -> list[tuple[Slot, Decimal]]:
    """Share money out by what each holds: who is long pays what who is short of the same symbol gets."""
    net = sum((each.position.quantity for each in holders), ZERO)
    if not net:
        return []
    shares = [(each, _cut(seen.amount, each.position.quantity, net)) for each in holders]
    return [(slot, part) for slot, part in shares if part]


def _cut(whole: Decimal, part: Decimal, of: Decimal) -> Decimal:
    """Give the share of an amount, down to what the exchange counts in."""
    return cut(EXACT.divide(EXACT.multiply(whole, part), of), _DECIMALS) or ZERO
