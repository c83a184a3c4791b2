"""A desk at the simulated futures exchange: what `desk` is for spot, with margin, funding and liquidation.

One-way mode and cross margin. Inside a candle the price goes against the account: with a short position first to the
high, else first to the low; so whoever can be stopped or liquidated is, before anything that he would gain. What the
exchange does by itself is told as on the real one: funding as income, a liquidation as its fee and a forced trade.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import NamedTuple

from bot.domain.errors import Misconfigured
from bot.domain.market import Candle, Market
from bot.domain.messages import CancelOrder, Event, IncomeKind, IncomeSeen, OrderUpdate
from bot.domain.money import EXACT, Price, Quantity, exact
from bot.domain.order import Fill, Order, OrderStatus, OrderType
from bot.simulation.futures.contracts import Listing
from bot.simulation.futures.exchange import FuturesExchange
from bot.simulation.futures.happenings import (
    BalanceMoved,
    Funded,
    Happening,
    OrderAccepted,
    OrderMoved,
)
from bot.simulation.futures.records import FuturesOrder, Trade
from bot.simulation.futures.requests import NewOrder
from bot.simulation.futures.schedule import Schedule
from bot.simulation.futures.words import (
    LIQUIDATION,
    MARKET_UNFILLED,
    OrderState,
    PositionSide,
    TimeInForce,
    Why,
)
from bot.simulation.liquidity import Terms, better, crosses, taker_price
from bot.simulation.orders import Refused

ACCOUNT = "paper"
FINISHED_KEPT = 100
"""Ended orders, trades and incomes that the simulator keeps: nobody asks it for them, the journal has them all."""
_ENDS = {OrderState.CANCELED: OrderStatus.CANCELED, OrderState.FILLED: OrderStatus.FILLED}
_REASONS = {LIQUIDATION: "the position is being liquidated", MARKET_UNFILLED: "the margin did not suffice at the open"}
_HAIR = 1e-6
"""So much nearer than its liquidation a position is looked at exactly, as a fraction of the price."""


class Contracts(NamedTuple):
    """What a futures account trades on, by symbol. Marks are candles of the mark price, one for each that is played.

    Without marks of a symbol its mark price is its last price; without a schedule nothing is paid for holding it.
    """

    listings: Mapping[str, Listing]
    leverage: Mapping[str, int]
    funding: Mapping[str, Schedule] = {}
    marks: Mapping[str, Iterator[Candle]] = {}


class FuturesDesk:
    """One account's orders and positions at a futures exchange in memory; `deliver` hears of all that happens."""

    def __init__(
        self,
        contracts: Contracts,
        funds: Mapping[str, Decimal],
        terms: Mapping[int, Terms],
        deliver: Callable[[Event], None],
        *,
        first_id: int = 1,
    ) -> None:
        """Open an account with these funds. `terms` are those of each strategy, by its id. Raises Misconfigured."""
        self._contracts = contracts
        self._exchange = FuturesExchange(
            {symbol: listing.contract for symbol, listing in contracts.listings.items()},
            {symbol: listing.ladder for symbol, listing in contracts.listings.items()},
            observe=self._observe,
            first_id=first_id,
            keep=FINISHED_KEPT,
        )
        self._exchange.open_account(ACCOUNT, {asset: amount for asset, amount in funds.items() if amount > 0})
        for symbol, leverage in contracts.leverage.items():
            self._set_leverage(symbol, leverage)
        self._slots = self._exchange.account(ACCOUNT).slots
        self._terms = terms
        self._deliver = deliver
        self._told: list[Event] = []
        """What is delivered when the call that it comes of is through."""
        self._forced: int | None = None
        """Where in it the first trade of a liquidation stands."""
        self._next_income = first_id
        self._waiting: defaultdict[str, list[FuturesOrder]] = defaultdict(list)
        """Market orders by symbol that wait for the open of the next candle."""
        self._forming: dict[str, Candle] = {}
        self._unseen: dict[str, tuple[Candle, Candle | None]] = {}
        """The newest candle by symbol that touched nothing, with its mark: the market shows it when somebody asks."""
        self._shown: dict[str, Candle] = {}
        self._marks: dict[str, Candle] = {}
        """The newest candle of the mark price by symbol."""
        self._safe: dict[str, tuple[float, float]] = {}
        """Between which mark prices nothing can happen to the position of a symbol, while it is the only one held."""
        self._now_ms = 0
        self._at_ms = 0
        """When what happens now happens. The exchange's own clock goes on with the first of several symbols."""

    @property
    def now_ms(self) -> int:
        """Close of the newest candle."""
        return max([self._now_ms, *(candle.close_time for candle, _ in self._unseen.values())])

    @property
    def totals(self) -> dict[str, Decimal]:
        """What the account's wallets hold by asset; gains that are not taken yet are not in it."""
        return dict(self._exchange.account(ACCOUNT).wallets)

    def is_at_stake(self, symbol: str) -> bool:
        """Say whether candles of a symbol may touch anything: an open order, or a position."""
        slot = self._slots.get(symbol)
        return slot is not None and not slot.is_idle

    def see(self, candle: Candle) -> None:
        """Let the market move, settle the funding that is due, and deliver what comes of it."""
        symbol = candle.symbol
        if not candle.is_closed:
            self._forming[symbol] = candle
            return
        if self._forming:
            self._forming.pop(symbol, None)
        mark = self._mark_of(candle) if self._contracts.marks else None
        if self._is_quiet(symbol, candle, mark or candle):
            self._unseen[symbol] = candle, mark
            return
        self._show(symbol)
        self._settle_funding(symbol, candle.open_time)
        if self._told:
            self._tell()
            if self._is_quiet(symbol, candle, mark or candle):  # (only funding was due)
                self._unseen[symbol] = candle, mark
                return
        self._play(candle, mark)

    def place(self, order: Order, take: Order | None = None) -> None:
        """Place an order; what becomes of it at once is delivered before this returns."""
        assert take is None, "a futures exchange has no lists of orders"
        for symbol in [*self._unseen]:  # (margin is shared: what others are worth counts)
            self._show(symbol)
        if (forming := self._forming.pop(order.symbol, None)) is not None:
            self._exchange.on_price(order.symbol, exact(forming.close), forming.open_time)
        self._at_ms = order.created_ms
        try:
            self._send(order, self._terms[order.strategy_id])
        except Refused as refusal:
            reason = f"{refusal.message} ({refusal.code})"
            self._told.append(
                OrderUpdate(
                    order.client_order_id, OrderStatus.REJECTED, order.created_ms, reason=reason, code=refusal.code
                )
            )
        self._tell()

    def cancel(self, command: CancelOrder) -> None:
        """Cancel an order; one that ended before stays as it was told."""
        self._at_ms = self.now_ms
        try:
            self._exchange.cancel(ACCOUNT, command.symbol, client_order_id=command.client_order_id, now_ms=self.now_ms)
        except Refused:
            return
        self._tell()

    def cancel_all(self, *, everything: bool = False) -> tuple[int, int]:  # noqa: ARG002 (no stop rests here)
        """Cancel every open order; give how many went, and how many stay."""
        self._at_ms = self.now_ms
        found = self._exchange.open_orders(ACCOUNT)
        for order in found:
            self._exchange.cancel(ACCOUNT, order.symbol, order_id=order.order_id, now_ms=self.now_ms)
        self._tell()
        return len(found), 0

    # What a candle does.

    def _is_quiet(self, symbol: str, candle: Candle, mark: Candle) -> bool:
        """Say whether a candle touches nothing of the account: no order, no funding and no liquidation."""
        slot = self._slots.get(symbol)
        if slot is None:
            return True
        if slot.orders:
            return False
        position = slot.positions.get(PositionSide.BOTH)
        if position is None or not position.quantity:
            return True
        funding = self._contracts.funding.get(symbol)
        if funding is not None and funding.next_ms <= candle.close_time:
            return False
        low, high = self._safe.get(symbol) or self._measure(symbol)
        return low < mark.low and mark.high < high

    def _measure(self, symbol: str) -> tuple[float, float]:
        """Find between which mark prices a position is safe; nowhere, while it shares its margin with another."""
        if sum(1 for slot in self._slots.values() if slot.held) != 1:
            return 1.0, -1.0
        held = self._exchange.position(ACCOUNT, symbol)
        price, is_long = float(held.liquidation_price), held.quantity > 0
        safe = (price * (1 + _HAIR), float("inf")) if is_long else (0.0, price * (1 - _HAIR))
        self._safe[symbol] = safe
        return safe

    def _play(self, candle: Candle, mark: Candle | None) -> None:
        symbol, exchange = candle.symbol, self._exchange
        self._now_ms = max(self._now_ms, candle.close_time)
        self._shown[symbol] = candle
        if candle.open_time <= exchange.market(symbol).seen_ms:  # (an order was placed inside it)
            self._at_ms = candle.close_time
            exchange.on_candle(candle)
            self._tell()
            return
        self._at_ms = candle.open_time
        exchange.on_open(candle, mark)
        self._let_go(candle)
        self._settle_funding(symbol, candle.close_time)
        slot = self._slots.get(symbol)
        is_short = slot is not None and any(position.quantity < 0 for position in slot.held)
        self._at_ms = candle.close_time
        exchange.on_inside(candle, mark, rises_first=is_short)
        self._tell()

    def _let_go(self, candle: Candle) -> None:
        """Let market orders that waited trade at the open."""
        waiting = self._waiting.pop(candle.symbol, ())
        rules = self._contracts.listings[candle.symbol].contract.rules
        for order in waiting:
            if order.created_ms > candle.open_time:
                self._waiting[candle.symbol].append(order)
            elif order.is_open and order.terms is not None:
                quote = taker_price(exact(candle.open), order.side, order.terms, rules)
                self._exchange.let_go(order, quote, now_ms=candle.open_time)

    def _settle_funding(self, symbol: str, until_ms: int) -> None:
        if (schedule := self._contracts.funding.get(symbol)) is not None and schedule.next_ms <= until_ms:
            for time_ms, rate in schedule.due(until_ms):
                self._at_ms = time_ms
                self._exchange.settle_funding(symbol, rate, time_ms)

    def _mark_of(self, candle: Candle) -> Candle | None:
        """Give the mark price's candle of the same time, or the newest before it."""
        marks = self._contracts.marks.get(candle.symbol)
        if marks is None:
            return None
        newest = self._marks.get(candle.symbol)
        while newest is None or newest.open_time < candle.open_time:
            following = next(marks, None)
            if following is None:
                break
            newest = self._marks[candle.symbol] = following
        return newest

    def _show(self, symbol: str) -> None:
        """Let the market have what was kept back while it touched nothing."""
        if symbol not in self._unseen:
            return
        candle, mark = self._unseen.pop(symbol)
        if (funding := self._contracts.funding.get(symbol)) is not None:
            funding.due(candle.close_time)  # (nothing was held, or none was due)
        self._exchange.on_price(symbol, exact(candle.close), candle.close_time)
        if mark is not None:
            self._exchange.on_mark(symbol, exact(mark.close), candle.close_time)
        self._shown[symbol] = candle
        self._now_ms = max(self._now_ms, candle.close_time)

    # What an order is to the exchange.

    def _send(self, order: Order, terms: Terms) -> None:
        if order.stop_price is not None:
            raise Refused(-4120, "Order type not supported for this endpoint.")
        waits = order.price is None and terms.fill == "next"
        request = NewOrder(
            symbol=order.symbol,
            side=order.side,
            type=OrderType.MARKET if order.price is None else OrderType.LIMIT,
            client_order_id=order.client_order_id,
            quantity=order.quantity,
            price=order.price,
            time_in_force=None if order.price is None else TimeInForce(order.time_in_force or TimeInForce.GTC),
            terms=terms,
            quote=None if waits else self._quote(order, terms),
        )
        if waits:
            held = self._exchange.hold(ACCOUNT, request, now_ms=order.created_ms)
            self._waiting[order.symbol].append(held)
        else:
            self._exchange.place(ACCOUNT, request, now_ms=order.created_ms)

    def _quote(self, order: Order, terms: Terms) -> Decimal | None:
        """Give the price that an order gets when it takes at once; None when it does not, or nothing is known."""
        last = self._exchange.last_price(order.symbol)
        if last is None:
            return None
        rules = self._contracts.listings[order.symbol].contract.rules
        if order.price is None:
            seen = self._shown.get(order.symbol)
            if terms.fill == "midpoint" and seen is not None:
                last = EXACT.divide(EXACT.add(exact(seen.high), exact(seen.low)), Decimal(2))
            return taker_price(last, order.side, terms, rules)
        if not crosses(order.side, order.price, last):
            return None
        return better(order.side, taker_price(last, order.side, terms, rules), order.price)

    def _set_leverage(self, symbol: str, leverage: int) -> None:
        try:
            self._exchange.set_leverage(ACCOUNT, symbol, leverage)
        except Refused:
            most = self._contracts.listings[symbol].ladder.largest_leverage
            raise Misconfigured(
                f"{symbol} has a leverage from 1 to {most}, not {leverage}; choose one of those"
            ) from None

    # What is told.

    def _observe(self, happening: Happening) -> None:
        match happening:
            case OrderAccepted(order=order):
                if not order.is_forced:
                    self._told.append(_update(order, OrderStatus.NEW, self._at_ms))
            case OrderMoved(order=order, trade=trade):
                if order.is_forced and self._forced is None:
                    self._forced = len(self._told)
                if trade is not None:
                    self._told.append(_fill(trade, self._at_ms))
                elif not (order.is_open or order.is_forced):
                    self._told.append(_update(order, _ENDS.get(order.state, OrderStatus.EXPIRED), self._at_ms))
            case Funded(symbol=symbol, amount=amount, asset=asset):
                self._told.append(self._income(IncomeKind.FUNDING, symbol, asset, amount))
            case BalanceMoved(why=Why.INSURANCE_CLEAR, asset=asset, delta=delta):
                self._charge(asset, delta)
            case _:
                return
        self._safe.clear()

    def _charge(self, asset: str, amount: Decimal) -> None:
        """Tell what a liquidation takes before the trades that it is for: then it is the cost of who held them."""
        at = len(self._told) if self._forced is None else self._forced
        forced = next((each for each in self._told[at:] if isinstance(each, Fill)), None)
        symbol = "" if forced is None else forced.symbol
        self._told.insert(at, self._income(IncomeKind.LIQUIDATION, symbol, asset, amount))
        self._forced = at + 1

    def _income(self, kind: IncomeKind, symbol: str, asset: str, amount: Decimal) -> IncomeSeen:
        self._next_income += 1
        return IncomeSeen(kind, self._next_income - 1, symbol, asset, amount, self._at_ms)

    def _tell(self) -> None:
        """Deliver what happened."""
        self._forced = None
        told, self._told = self._told, []
        for event in told:
            self._deliver(event)


def _fill(trade: Trade, time_ms: int) -> Fill:
    return Fill(
        client_order_id=trade.client_order_id,
        symbol=trade.symbol,
        trade_id=trade.trade_id,
        side=trade.side,
        price=Price(trade.price),
        quantity=Quantity(trade.quantity),
        fee=trade.fee,
        fee_asset=trade.fee_asset,
        time_ms=time_ms,
        exchange_order_id=trade.order_id,
        is_maker=trade.is_maker,
        market=Market.FUTURES,
        realised=trade.realised,
    )


def _update(order: FuturesOrder, status: OrderStatus, time_ms: int) -> OrderUpdate:
    reason = _REASONS.get(order.expiry_reason, "")
    return OrderUpdate(order.client_order_id, status, time_ms, exchange_order_id=order.order_id, reason=reason)
