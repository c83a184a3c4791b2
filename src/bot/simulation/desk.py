"""A desk at the simulated exchange: takes what an engine decided, and gives back what became of it, at once.

Paper trading and backtests deal through the same desk, so they fill alike. It refuses what Binance would refuse, with
the same code, and charges fees where Binance takes them.
"""

from collections import deque
from collections.abc import Callable, Mapping
from decimal import Decimal

from bot.domain.instrument import Instrument
from bot.domain.market import Candle
from bot.domain.messages import CancelOrder, Event, OrderUpdate
from bot.domain.money import ZERO, exact
from bot.domain.order import Order, OrderStatus, Side
from bot.simulation.exchange import Exchange, ListKind, NewList, NewOrder, Refused, RestingOrder, Terms
from bot.strategies.config import StrategyConfig

ACCOUNT = "paper"
FINISHED_KEPT = 100
"""Ended orders that the simulator keeps: nobody asks it for them, the journal has them all."""


def terms_of(config: StrategyConfig) -> Terms:
    """Read out of a strategy's settings how its paper orders are filled and charged."""
    fee = exact(config.fee_pct)
    return Terms(maker_fee=fee, taker_fee=fee, fill=config.fill, slippage_bps=exact(config.slippage_bps))


class Desk:
    """One account's orders at a spot exchange in memory; `deliver` hears of all that happens to them."""

    def __init__(
        self,
        instruments: Mapping[str, Instrument],
        funds: Mapping[str, Decimal],
        terms: Mapping[int, Terms],
        deliver: Callable[[Event], None],
        *,
        first_order_id: int = 1,
        first_trade_id: int = 1,
    ) -> None:
        """Open an account with these funds. `terms` are those of each strategy, by its id."""
        self._exchange = Exchange(
            instruments, first_order_id=first_order_id, first_trade_id=first_trade_id, keep_finished=FINISHED_KEPT
        )
        self._exchange.open_account(ACCOUNT, {asset: amount for asset, amount in funds.items() if amount > 0})
        self._terms = terms
        self._deliver = deliver
        self._told: dict[str, int] = {}
        """How many fills were told of each open order."""
        self._forming: dict[str, Candle] = {}
        self._unseen: dict[str, deque[Candle]] = {}
        """Candles by symbol that came while nothing waited: the market shows them when somebody asks."""
        self.memory_ms = max((60_000 * each.average_minutes for each in instruments.values()), default=0)
        """How far back the market's averages reach: what is older than that nobody has to show."""
        self._now_ms = 0

    @property
    def now_ms(self) -> int:
        """Close of the newest candle."""
        return max([self._now_ms, *(candles[-1].close_time for candles in self._unseen.values() if candles)])

    @property
    def totals(self) -> dict[str, Decimal]:
        """What the account holds by asset, free and locked together."""
        return {asset: each.free + each.locked for asset, each in self._exchange.balances(ACCOUNT).items()}

    def is_at_stake(self, symbol: str) -> bool:  # noqa: ARG002 (orders are few: which symbols they are of, nobody counts)
        """Say whether candles of a symbol may touch anything: while any order is open."""
        return bool(self._told)

    def adopt(self, order: RestingOrder, beside: RestingOrder | None = None) -> None:
        """Put back an order that was waiting when the account was left, `beside` the other one of its list."""
        self._exchange.adopt(ACCOUNT, order, beside)
        self._told[order.client_order_id] = len(order.fills)

    def see(self, candle: Candle) -> None:
        """Let the market move, and deliver what that fills."""
        symbol = candle.symbol
        if not candle.is_closed:
            self._forming[symbol] = candle
            return
        if self._forming:
            self._forming.pop(symbol, None)
        if not self._told:
            # What no order meets nobody has to play: prices are looked at when the next order comes.
            unseen = self._unseen.get(symbol)
            if unseen is None:
                unseen = self._unseen[symbol] = deque(maxlen=1 + self.memory_ms // _length_ms(candle))
            unseen.append(candle)
            return
        self._show(symbol)
        self._now_ms = max(self._now_ms, candle.close_time)
        for order in self._exchange.on_candle(candle):
            self._report(order)

    def place(self, order: Order, take: Order | None = None) -> None:
        """Place an order, or one list of it and `take`; what becomes of it at once is delivered before this returns."""
        self._show(order.symbol)
        # Resting orders meet whole candles alone. What is placed inside one gets the price that its strategy saw.
        if (forming := self._forming.pop(order.symbol, None)) is not None:
            touched = self._exchange.on_price(order.symbol, exact(forming.close), forming.open_time, quantity=ZERO)
            for moved in touched:
                self._report(moved)
        orders = [order] if take is None else [order, take]
        try:
            if take is None:
                placed = [self._exchange.submit(ACCOUNT, self._letter(order), order.created_ms)]
            else:
                placed = self._place_pair(order, take)
        except Refused as refusal:
            reason = f"{refusal.message} ({refusal.code})"
            for each in orders:
                self._deliver(
                    OrderUpdate(
                        each.client_order_id, OrderStatus.REJECTED, each.created_ms, reason=reason, code=refusal.code
                    )
                )
        else:
            for resting in placed:
                self._report(resting)

    def _place_pair(self, stop: Order, take: Order) -> list[RestingOrder]:
        above, below = (take, stop) if stop.side is Side.SELL else (stop, take)
        new = NewList(
            kind=ListKind.OCO, client_id=f"{stop.client_order_id}+", pair=(self._letter(above), self._letter(below))
        )
        one = self._exchange.place_list(ACCOUNT, new, stop.created_ms)
        return sorted(one.legs, key=lambda leg: leg.stop_price is None)

    def _letter(self, order: Order) -> NewOrder:
        return NewOrder(
            client_order_id=order.client_order_id,
            symbol=order.symbol,
            side=order.side,
            type=order.type,
            time_in_force=order.time_in_force,
            quantity=order.quantity,
            price=order.price,
            stop_price=order.stop_price,
            terms=self._terms[order.strategy_id],
        )

    def cancel(self, command: CancelOrder) -> None:
        """Cancel an order; one that ended before stays as it was told."""
        try:
            order = self._exchange.cancel(
                ACCOUNT, command.symbol, client_order_id=command.client_order_id, now_ms=self.now_ms
            )
        except Refused:
            return
        self._report(order)
        self._tell_partner(order)

    def _tell_partner(self, order: RestingOrder) -> None:
        """Tell of the other order of a list, which went with this one."""
        if order.list_id >= 0:
            for leg in self._exchange.order_list(ACCOUNT, list_id=order.list_id).legs:
                if leg is not order:
                    self._report(leg)

    def cancel_all(self, *, everything: bool = False) -> tuple[int, int]:
        """Cancel every open order, stops only if `everything` has to go; give how many went, and how many stay."""
        found = self._exchange.open_orders(ACCOUNT)
        kept = {order.list_id for order in found if order.stop_price is not None and order.list_id >= 0}
        stays = [] if everything else [each for each in found if each.stop_price is not None or each.list_id in kept]
        chosen = [order for order in found if order not in stays]
        for order in chosen:
            if order.is_open:  # (the other one of a list went with the first)
                name = order.client_order_id
                self._exchange.cancel(ACCOUNT, order.symbol, client_order_id=name, now_ms=self.now_ms)
            self._report(order)
        return len(chosen), len(stays)

    def _show(self, symbol: str) -> None:
        """Let the market have what was kept back while nothing waited."""
        unseen = self._unseen.get(symbol)
        if unseen:
            for candle in unseen:
                self._exchange.on_candle(candle)
            self._now_ms = max(self._now_ms, unseen[-1].close_time)
            unseen.clear()

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


def _length_ms(candle: Candle) -> int:
    return candle.close_time + 1 - candle.open_time
