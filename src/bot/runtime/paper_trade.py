"""Paper trading: orders go to a simulated exchange that sees the same candles, under the strategy's own terms.

It refuses what Binance would refuse, with the same code; it charges fees where Binance takes them; nothing leaves
the process.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from bot.domain.instrument import Instrument
from bot.domain.market import Candle
from bot.domain.messages import Attempt, CancelOrder, Command, FundsSeen, OrderUpdate, PlaceOrder
from bot.domain.money import ZERO, exact
from bot.domain.order import Order, OrderStatus, Side
from bot.ports import Deliver, Doubts, Foreign, Newest, OpenOrder, Permit, Swept
from bot.simulation.exchange import Exchange, Refused, RestingOrder, Terms
from bot.strategies.config import StrategyConfig

ACCOUNT = "paper"
FINISHED_KEPT = 100
"""Ended orders that the simulator keeps: nobody asks it for them, the journal has them all."""


def terms_of(config: StrategyConfig) -> Terms:
    """Read out of a strategy's settings how its paper orders are filled and charged."""
    fee = exact(config.fee_pct)
    return Terms(maker_fee=fee, taker_fee=fee, fill=config.fill, slippage_bps=exact(config.slippage_bps))


class PaperBroker:
    """A broker whose exchange is in memory. What it holds is the ledger's balances, so a restart finds it again."""

    def __init__(
        self,
        instruments: Mapping[str, Instrument],
        funds: Mapping[str, Decimal],
        terms: Mapping[int, Terms],
        *,
        first_order_id: int = 1,
        first_trade_id: int = 1,
        opened_ms: int = 0,
    ) -> None:
        self._exchange = Exchange(
            instruments, first_order_id=first_order_id, first_trade_id=first_trade_id, keep_finished=FINISHED_KEPT
        )
        self._funds = funds
        self._terms = terms
        self._permit: Permit | None = None
        self._told: dict[str, int] = {}
        self._forming: dict[str, Candle] = {}
        self._opened_ms = opened_ms
        self._now_ms = 0

    async def start(
        self,
        deliver: Deliver,
        open_orders: Sequence[OpenOrder] = (),
        permit: Permit | None = None,
        doubts: Doubts | None = None,  # noqa: ARG002 (nothing can be missed here)
    ) -> None:
        """Open the account and put back what was waiting there; an order that never arrived is void."""
        self._deliver = deliver
        self._permit = permit
        self._exchange.open_account(ACCOUNT, {asset: amount for asset, amount in self._funds.items() if amount > 0})
        for each in open_orders:
            if not self._was_waiting(each):
                reason = "not carried out before the restart"
                deliver(OrderUpdate(each.order.client_order_id, _ended(each), each.order.created_ms, reason=reason))
            else:
                self._exchange.adopt(ACCOUNT, self._resting(each))

    async def reconcile(self, newest: Newest) -> Sequence[Foreign]:  # noqa: ARG002
        """Tell what the account holds: everything else was told as it happened."""
        totals = {asset: balance.free + balance.locked for asset, balance in self._exchange.balances(ACCOUNT).items()}
        self._deliver(FundsSeen(totals, max(self._opened_ms, self._now_ms)))
        return ()

    def prepare(self, order: Order) -> Attempt:
        """Say how an order will be sent: at the time of its decision, since nothing is signed here."""
        return Attempt(order.client_order_id, order.created_ms)

    async def execute(self, command: Command, attempt: Attempt | None = None) -> None:
        """Place or cancel at once; what becomes of it is delivered before this returns."""
        if self._permit and (why := self._permit(command, attempt)):
            self._hold_back(command, why)
            return
        try:
            if isinstance(command, CancelOrder):
                order = self._exchange.cancel(
                    ACCOUNT, command.symbol, client_order_id=command.client_order_id, now_ms=self._now_ms
                )
            else:
                order = self._place(command.order)
        except Refused as refusal:
            if isinstance(command, CancelOrder):
                return  # it ended before; its end was delivered then
            reason = f"{refusal.message} ({refusal.code})"
            placed = command.order
            self._deliver(
                OrderUpdate(
                    placed.client_order_id, OrderStatus.REJECTED, placed.created_ms, reason=reason, code=refusal.code
                )
            )
            return
        self._report(order)

    async def cancel_all(self, *, everything: bool = False) -> Swept:
        """Cancel every open order; stops, which guard what is held, only if `everything` has to go."""
        found = self._exchange.open_orders(ACCOUNT)
        chosen = [order for order in found if everything or order.stop_price is None]
        for order in chosen:
            self._report(
                self._exchange.cancel(ACCOUNT, order.symbol, client_order_id=order.client_order_id, now_ms=self._now_ms)
            )
        return Swept(len(chosen), 0, len(found) - len(chosen))

    def _hold_back(self, command: Command, why: str) -> None:
        if isinstance(command, PlaceOrder):
            order = command.order
            reason = f"not sent: {why}"
            self._deliver(OrderUpdate(order.client_order_id, OrderStatus.VOID, order.created_ms, reason=reason))

    def see(self, candle: Candle) -> None:
        """Let the market move, and deliver what that fills."""
        if not candle.is_closed:
            self._forming[candle.symbol] = candle
            return
        self._forming.pop(candle.symbol, None)
        self._now_ms = max(self._now_ms, candle.close_time)
        for order in self._exchange.on_candle(candle):
            self._report(order)

    async def stop(self) -> None:
        """Nothing to let go of: all that matters is in the ledger."""

    def _was_waiting(self, each: OpenOrder) -> bool:
        """Each waits for a price of its own, a market order perhaps for the next candle; nothing else waits."""
        order = each.order
        is_patient = (
            order.price is not None or order.stop_price is not None or self._terms[order.strategy_id].fill == "next"
        )
        return is_patient and each.exchange_order_id != 0

    def _place(self, order: Order) -> RestingOrder:
        # Resting orders meet whole candles alone. What is placed inside one gets the price that its strategy saw.
        if (forming := self._forming.pop(order.symbol, None)) is not None:
            touched = self._exchange.on_price(order.symbol, exact(forming.close), forming.open_time, quantity=ZERO)
            for each in touched:
                self._report(each)
        return self._exchange.place(
            ACCOUNT,
            client_order_id=order.client_order_id,
            symbol=order.symbol,
            side=order.side,
            type=order.type,
            time_in_force=order.time_in_force,
            quantity=order.quantity,
            price=order.price,
            stop_price=order.stop_price,
            now_ms=order.created_ms,
            terms=self._terms[order.strategy_id],
        )

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

    def _report(self, order: RestingOrder) -> None:
        told = self._told.get(order.client_order_id)
        if told is None:
            told = 0
            self._update(order, OrderStatus.NEW)
        for fill in order.fills[told:]:
            self._deliver(fill)
        if order.is_open:
            self._told[order.client_order_id] = len(order.fills)
            return
        self._told.pop(order.client_order_id, None)
        if order.status is not OrderStatus.FILLED:
            self._update(order, order.status)

    def _update(self, order: RestingOrder, status: OrderStatus) -> None:
        self._deliver(OrderUpdate(order.client_order_id, status, order.updated_ms, exchange_order_id=order.order_id))


def _ended(each: OpenOrder) -> OrderStatus:
    return OrderStatus.EXPIRED if each.exchange_order_id else OrderStatus.VOID
