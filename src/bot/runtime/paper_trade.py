"""Paper trading: a broker whose exchange is in memory and sees the same candles. Nothing leaves the process."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from bot.domain.instrument import Instrument
from bot.domain.market import Candle
from bot.domain.messages import Attempt, CancelOrder, Command, Event, ForeignSeen, FundsSeen, OrderUpdate, PlaceOrder
from bot.domain.money import ZERO
from bot.domain.order import Order, OrderStatus, Side
from bot.engine.protection import is_take
from bot.ports import Deliver, Doubts, Newest, OpenOrder, Permit, Recall, Swept
from bot.simulation.desk import ACCOUNT, Desk
from bot.simulation.exchange import RestingOrder, Terms
from bot.simulation.futures_desk import Contracts, FuturesDesk, Holding


class PaperBroker:
    """The broker of a paper account (`ports.Broker`). It holds what the ledger says, so a restart finds it again.

    With `contracts` it trades futures, with `holdings` by symbol from before; else spot.
    """

    def __init__(
        self,
        instruments: Mapping[str, Instrument],
        funds: Mapping[str, Decimal],
        terms: Mapping[int, Terms],
        *,
        first_order_id: int = 1,
        first_trade_id: int = 1,
        opened_ms: int = 0,
        contracts: Contracts | None = None,
        holdings: Mapping[str, Holding] = {},
        first_income_id: int = 1,
    ) -> None:
        self._desk: Desk | FuturesDesk
        if contracts is None:
            self._desk = Desk(
                instruments, funds, terms, self._hear, first_order_id=first_order_id, first_trade_id=first_trade_id
            )
        else:
            first_id = max(first_order_id, first_trade_id)
            self._desk = FuturesDesk(
                contracts, funds, terms, self._hear, first_id=first_id, first_income_id=first_income_id,
                holdings=holdings,
            )  # fmt: skip
        self._terms = terms
        self._deliver: Deliver | None = None
        self._permit: Permit | None = None
        self._opened_ms = opened_ms

    async def start(
        self,
        deliver: Deliver,
        open_orders: Sequence[OpenOrder] = (),
        permit: Permit | None = None,
        doubts: Doubts | None = None,  # noqa: ARG002 (nothing can be missed here)
    ) -> None:
        """Put back what was waiting; an order that never arrived is void."""
        self._deliver = deliver
        self._permit = permit
        stops: dict[int, RestingOrder] = {}
        for each in sorted(open_orders, key=lambda one: is_take(one.order)):
            if not self._was_waiting(each):
                reason = "not carried out before the restart"
                deliver(OrderUpdate(each.order.client_order_id, _ended(each), each.order.created_ms, reason=reason))
                continue
            if isinstance(self._desk, FuturesDesk):
                self._desk.adopt(each.order, each.exchange_order_id, each.filled, each.quote_filled)
                continue
            order, owner = self._resting(each), each.order.strategy_id
            self._desk.adopt(order, stops.get(owner) if is_take(each.order) else None)
            if order.stop_price is not None:
                stops[owner] = order

    async def reconcile(self, newest: Newest, recall: Recall | None = None) -> Sequence[ForeignSeen]:  # noqa: ARG002
        """Tell what the account holds: everything else was told as it happened."""
        self._hear(FundsSeen(self._desk.totals, max(self._opened_ms, self._desk.now_ms)))
        return ()

    def prepare(self, order: Order, take: Order | None = None) -> Attempt:  # noqa: ARG002 (nothing is signed here)
        """Say how an order will be sent: at the time of its decision, since nothing is signed here."""
        return Attempt(order.client_order_id, order.created_ms)

    async def execute(self, command: Command, attempt: Attempt | None = None, take: Order | None = None) -> None:
        """Place or cancel at once; what becomes of it is delivered before this returns."""
        if self._permit and (why := self._permit(command, attempt)):
            if isinstance(command, PlaceOrder):
                reason = f"not sent: {why}"
                for order in (command.order, take) if take else (command.order,):
                    self._hear(OrderUpdate(order.client_order_id, OrderStatus.VOID, order.created_ms, reason=reason))
        elif isinstance(command, CancelOrder):
            self._desk.cancel(command)
        else:
            self._desk.place(command.order, take)

    async def cancel_all(self, *, everything: bool = False) -> Swept:
        """Cancel every open order; stops, which guard what is held, only if `everything` has to go."""
        gone, left_on_guard = self._desk.cancel_all(everything=everything)
        return Swept(gone, 0, left_on_guard)

    def see(self, candle: Candle) -> None:
        """Let the market move, and deliver what that fills."""
        self._desk.see(candle)

    async def stop(self) -> None:
        """Nothing to let go of: all that matters is in the ledger."""

    def _hear(self, event: Event) -> None:
        assert self._deliver is not None, "a broker is started before it is used"
        self._deliver(event)

    def _was_waiting(self, each: OpenOrder) -> bool:
        """Each waits for a price of its own, a market order perhaps for the next candle; nothing else waits."""
        order = each.order
        is_patient = (
            order.price is not None or order.stop_price is not None or self._terms[order.strategy_id].fill == "next"
        )
        return is_patient and each.exchange_order_id != 0

    def _resting(self, each: OpenOrder) -> RestingOrder:
        order = each.order
        return RestingOrder(
            account=ACCOUNT,
            order_id=each.exchange_order_id,
            client_order_id=order.client_order_id,
            symbol=order.symbol,
            side=order.side,
            type=order.type,
            quantity=order.quantity,
            created_ms=order.created_ms,
            time_in_force=order.time_in_force,
            price=order.price,
            stop_price=order.stop_price,
            filled=each.filled,
            quote_filled=each.quote_filled,
            status=each.status,
            updated_ms=order.created_ms,
            terms=self._terms[order.strategy_id],
            # What a market order will cost is not known before the next candle; what it sells is.
            locked=order.quantity - each.filled if order.side is Side.SELL else ZERO,
        )


def _ended(each: OpenOrder) -> OrderStatus:
    return OrderStatus.EXPIRED if each.exchange_order_id else OrderStatus.VOID
