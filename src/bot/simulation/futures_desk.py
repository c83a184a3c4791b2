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
from bot.domain.market import Candle
from bot.domain.messages import CancelOrder, Event, OrderUpdate
from bot.domain.money import EXACT, exact
from bot.domain.order import Order, OrderStatus, OrderType
from bot.simulation.futures.contracts import Listing
from bot.simulation.futures.exchange import FuturesExchange
from bot.simulation.futures.records import FuturesOrder
from bot.simulation.futures.requests import NewOrder
from bot.simulation.futures.schedule import Schedule
from bot.simulation.futures.words import (
    OrderState,
    PositionSide,
    TimeInForce,
)
from bot.simulation.futures_tidings import Tidings
from bot.simulation.liquidity import Terms, better, crosses, taker_price
from bot.simulation.orders import Refused

ACCOUNT = "paper"
FINISHED_KEPT = 100
"""Ended orders, trades and incomes that the simulator keeps: nobody asks it for them, the journal has them all."""
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


class Holding(NamedTuple):
    """A position as it was left: `quantity` is below zero for a short, `price` the average of its entry."""

    quantity: Decimal
    price: Decimal


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
        first_income_id: int = 1,
        holdings: Mapping[str, Holding] = {},
    ) -> None:
        """Open an account with these funds, and what it held by symbol when it was left. Raises Misconfigured.

        `terms` are those of each strategy, by its id.
        """
        self._contracts = contracts
        self._safe: dict[str, tuple[float, float]] = {}
        """Between which mark prices nothing can happen to the position of a symbol, while it is the only one held."""
        self._tidings = Tidings(self._safe.clear, first_income_id)
        self._exchange = FuturesExchange(
            {symbol: listing.contract for symbol, listing in contracts.listings.items()},
            {symbol: listing.ladder for symbol, listing in contracts.listings.items()},
            observe=self._tidings.observe,
            first_id=first_id,
            keep=FINISHED_KEPT,
        )
        self._exchange.open_account(ACCOUNT, {asset: amount for asset, amount in funds.items() if amount > 0})
        for symbol, leverage in contracts.leverage.items():
            self._set_leverage(symbol, leverage)
        for symbol, held in holdings.items():
            self._exchange.adopt_position(ACCOUNT, symbol, held.quantity, held.price)
        self._slots = self._exchange.account(ACCOUNT).slots
        self._terms = terms
        self._deliver = deliver
        self._waiting: defaultdict[str, list[FuturesOrder]] = defaultdict(list)
        """Market orders by symbol that wait for the open of the next candle."""
        self._forming: dict[str, Candle] = {}
        self._unseen: dict[str, tuple[Candle, Candle | None]] = {}
        """The newest candle by symbol that touched nothing, with its mark: the market shows it when somebody asks."""
        self._shown: dict[str, Candle] = {}
        self._marks: dict[str, Candle] = {}
        """The newest candle of the mark price by symbol."""
        self._now_ms = 0

    @property
    def now_ms(self) -> int:
        """Close of the newest candle."""
        return max([self._now_ms, *(candle.close_time for candle, _ in self._unseen.values())])

    @property
    def totals(self) -> dict[str, Decimal]:
        """What the account's wallets hold by asset; gains that are not taken yet are not in it."""
        return dict(self._exchange.account(ACCOUNT).wallets)

    def adopt(self, order: Order, order_id: int, filled: Decimal, quote_filled: Decimal) -> None:
        """Put back an order that was waiting when the account was left."""
        left = FuturesOrder(
            account=ACCOUNT,
            order_id=order_id,
            client_order_id=order.client_order_id,
            symbol=order.symbol,
            side=order.side,
            type=OrderType.MARKET if order.price is None else OrderType.LIMIT,
            quantity=order.quantity,
            created_ms=order.created_ms,
            updated_ms=order.created_ms,
            price=order.price,
            filled=filled,
            quote_filled=quote_filled,
            state=OrderState.PARTIALLY_FILLED if filled else OrderState.NEW,
            terms=self._terms[order.strategy_id],
        )
        self._exchange.adopt(left)
        if order.price is None:
            self._waiting[order.symbol].append(left)
        self._tidings.take()  # (who left it knows of it)

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
        if self._tidings:
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
        self._tidings.at_ms = order.created_ms
        try:
            self._send(order, self._terms[order.strategy_id])
        except Refused as refusal:
            reason = f"{refusal.message} ({refusal.code})"
            self._tidings.refuse(
                OrderUpdate(
                    order.client_order_id, OrderStatus.REJECTED, order.created_ms, reason=reason, code=refusal.code
                )
            )
        self._tell()

    def cancel(self, command: CancelOrder) -> None:
        """Cancel an order; one that ended before stays as it was told."""
        self._tidings.at_ms = self.now_ms
        try:
            self._exchange.cancel(ACCOUNT, command.symbol, client_order_id=command.client_order_id, now_ms=self.now_ms)
        except Refused:
            return
        self._tell()

    def cancel_all(self, *, everything: bool = False) -> tuple[int, int]:  # noqa: ARG002 (no stop rests here)
        """Cancel every open order; give how many went, and how many stay."""
        self._tidings.at_ms = self.now_ms
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
            self._tidings.at_ms = candle.close_time
            exchange.on_candle(candle)
            self._tell()
            return
        self._tidings.at_ms = candle.open_time
        exchange.on_open(candle, mark)
        self._let_go(candle)
        self._settle_funding(symbol, candle.close_time)
        slot = self._slots.get(symbol)
        is_short = slot is not None and any(position.quantity < 0 for position in slot.held)
        self._tidings.at_ms = candle.close_time
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
                self._tidings.at_ms = time_ms
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

    def _tell(self) -> None:
        """Deliver what happened."""
        for event in self._tidings.take():
            self._deliver(event)
