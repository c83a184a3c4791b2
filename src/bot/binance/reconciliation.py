"""Looks at an account on the exchange: trades since the newest known, then orders, then money.

What was missed is told, oldest first, and what is not ours is given. A look changes nothing at the exchange, may be
broken off anywhere, and is the same however often it is taken.

One look costs, per symbol: spot 26 weight (trades 20, open orders 6) and 20 for the account; futures 7 and 10. Orders
that are open are looked at twice, so that no fill falls between them and the money unseen.
"""

from collections.abc import Awaitable, Callable, Collection, Iterable
from decimal import Decimal
from typing import Any, NamedTuple

import structlog

from bot.binance import futures, spot
from bot.binance.client import Client, OrderSeen, TradeSeen
from bot.binance.conditional import Waiting
from bot.binance.endpoints import Endpoint
from bot.binance.errors import ARCHIVED, NO_SUCH_ORDER
from bot.binance.tracking import Ended, Orders, Tracked
from bot.binance.wire_requests import OfAnySymbol, OfOrder, OrdersRequest, TradesRequest
from bot.domain.errors import Rejected, Unavailable
from bot.domain.market import Market
from bot.domain.messages import ForeignSeen, FundsSeen
from bot.domain.money import number
from bot.domain.order import Fill, OrderStatus, Side
from bot.engine.ids import is_ours
from bot.killpoints import reached
from bot.ports import Clock, Newest, Recall

log = structlog.get_logger()

PAGE = 1_000
"""Trades in one page."""
ROUNDS = 4
"""Looks at orders and money until no fill falls between; a busier account is looked at again later."""
NEWEST = 50
"""Orders that the first look of a symbol reads, for marks of another bot."""
LATELY_MS = 3_600_000
"""How old they may be, by the exchange's clock."""
GONE_AFTER_MS = 60_000
"""How long the exchange has to deny an order that it had shown before it counts as over, and kept no longer."""
READS_LAG_MS = 5_000
"""How long the exchange has to show an order as open that had ended before we believe it."""
STRANGERS_REMEMBERED = 10_000
"""Orders of others, with how far they are filled, that were given lately."""

Adopt = Callable[[OrderSeen, Tracked], Awaitable[bool]]


class _Asks(NamedTuple):
    trades: Endpoint[TradesRequest, Any]
    open_orders: Endpoint[OfAnySymbol, Any]
    order: Endpoint[OfOrder, Any]
    all_orders: Endpoint[OrdersRequest, Any]
    all_at_once_from: int
    """Symbols from which on one look at all open orders costs less than one each."""


_ASKS = {
    Market.SPOT: _Asks(spot.MY_TRADES, spot.OPEN_ORDERS, spot.ORDER, spot.ALL_ORDERS, 80 // 6 + 1),
    Market.FUTURES: _Asks(futures.USER_TRADES, futures.OPEN_ORDERS, futures.ORDER, futures.ALL_ORDERS, 40),
}


class Look(NamedTuple):
    """What a look found: the money, None when fills kept falling between, and the orders of others not given before.

    `risen` are orders of ours that ended on record and live all the same, each in words; `suspects` may be.
    """

    funds: FundsSeen | None
    foreign: tuple[ForeignSeen, ...]
    risen: tuple[str, ...] = ()
    suspects: tuple[str, ...] = ()


class Reconciliation:
    """Takes looks at one account. `adopt` takes an order's state over, `tell` a fill, `bury` an order that is over."""

    def __init__(
        self,
        client: Client,
        clock: Clock,
        orders: Orders,
        adopt: Adopt,
        tell: Callable[[Fill], None],
        bury: Callable[[Tracked], None],
    ) -> None:
        self._client, self._clock, self._orders = client, clock, orders
        self._adopt, self._tell, self._bury = adopt, tell, bury
        self._market = client.hosts.market
        self._asks = _ASKS[self._market]
        self._seen: dict[str, int] = {}
        """By symbol, the newest trade that a look has seen; -1 when there was none."""
        self._given: dict[tuple[str, int, Decimal, bool], None] = {}
        self._known: dict[int, None] = {}
        self._recall: Recall | None = None
        self._risen: list[str] = []
        self._suspects: dict[str, int] = {}
        """Orders that ended on record and were shown as open, with the time of the first look that they were."""
        self._still_open: set[str] = set()

    async def look(self, newest: Newest, unsure: Collection[str] = (), recall: Recall | None = None) -> Look:
        """Take a look. Orders in `unsure` are asked for even if the exchange never showed them. Raises BotError.

        `recall` tells which orders with our mark are ours, though this process knows nothing of them.
        """
        self._recall = recall
        self._still_open.clear()
        try:
            return await self._look(newest, unsure)
        except (ValueError, ArithmeticError) as error:
            raise Unavailable(f"what the exchange shows of the account makes no sense: {error}") from error

    def has_given(self, exchange_order_id: int) -> bool:
        """Say whether an order of another was given lately."""
        return exchange_order_id in self._known

    async def _look(self, newest: Newest, unsure: Collection[str]) -> Look:
        booked = {symbol: trade_id for (market, symbol), trade_id in newest.items() if market is self._market}
        strangers: list[ForeignSeen] = []
        for symbol in sorted(booked):
            await self._look_at_trades(symbol, booked[symbol], strangers)
        symbols = {*booked, *(each.symbol for each in self._orders.live)}
        funds = None
        for _ in range(ROUNDS):
            await self._look_at_orders(symbols, unsure, strangers)
            before = self._orders.fills_told
            funds = await self._client.funds(self._clock.now_ms())
            await self._look_at_orders({each.symbol for each in self._orders.live}, (), strangers)
            if self._orders.fills_told == before:
                break
            funds = None
        if funds is None:
            log.warning("funds.not_told", reason="orders were filled each time that money was looked at")
        self._suspects = {name: since for name, since in self._suspects.items() if name in self._still_open}
        risen, self._risen = tuple(self._risen), []
        return Look(funds, self._not_given(strangers), risen, tuple(self._suspects))

    async def _look_at_trades(self, symbol: str, booked: int, strangers: list[ForeignSeen]) -> None:
        """Tell the trades since the newest one known; a symbol without one begins with the newest there is."""
        # Not since the newest booked one: the stream may have lost what came just before that, and tells no stranger's.
        last = self._seen.get(symbol, booked or -1)
        if not booked and symbol not in self._seen:
            rows = await self._client.call(self._asks.trades, TradesRequest(symbol=symbol, limit=1))
            await self._look_for_marks(symbol, strangers)
            self._seen[symbol] = max((row.id for row in rows), default=-1)
            return
        owners: dict[int, str] = {}
        while True:
            wanted = TradesRequest(symbol=symbol, fromId=last + 1, limit=PAGE)
            rows = sorted(await self._client.call(self._asks.trades, wanted), key=lambda row: int(row.id))
            for row in rows:
                if row.orderId not in owners:
                    owners[row.orderId] = await self._owner(symbol, row, strangers)
                if ours := owners[row.orderId]:
                    self._tell(row.fill(ours, self._market))
            if rows:
                last = rows[-1].id
            self._seen[symbol] = last
            reached("recon.page")
            if len(rows) < PAGE:
                return

    async def _owner(self, symbol: str, row: TradeSeen, strangers: list[ForeignSeen]) -> str:
        """Give our id of a trade's order; empty when it is a stranger, which is noted."""
        if ours := self._orders.id_of(symbol, row.orderId):
            return ours
        try:
            seen: OrderSeen = await self._client.call(self._asks.order, OfOrder(symbol=symbol, orderId=row.orderId))
        except Rejected as error:
            if error.code != NO_SUCH_ORDER:
                raise
            fill = row.fill("", self._market)
            strangers.append(
                ForeignSeen(
                    self._market, symbol, "", row.orderId, fill.side, fill.quantity, fill.quantity, False, fill.time_ms
                )
            )
            return ""
        if await self._is_own(seen):
            if tracked := self._orders.get(seen.our_id):
                self._orders.name(tracked, row.orderId)
            self._doubt_end(seen)
            return seen.our_id
        strangers.append(self._stranger(seen))
        return ""

    async def _look_at_orders(self, symbols: set[str], unsure: Collection[str], strangers: list[ForeignSeen]) -> None:
        """Take over what the lists of open orders show, and ask for each order of ours that they do not."""
        expected = [each for each in self._orders.live if each.was_found or each.id in unsure]
        shown: set[str] = set()
        for seen in await self._open_orders(symbols):
            if await self._is_own(seen):
                shown.add(seen.our_id)
                if tracked := self._orders.get(seen.our_id):
                    tracked.denied_ms = 0
                    await self._adopt(seen, tracked)
                else:
                    await self._suspect(seen)
            else:
                strangers.append(self._stranger(seen))
        for tracked in expected:
            if tracked.is_live and tracked.id not in shown:
                await self._ask(tracked)

    async def _open_orders(self, symbols: set[str]) -> Iterable[OrderSeen]:
        found: list[OrderSeen] = []
        at_once = len(symbols) >= self._asks.all_at_once_from
        for symbol in [None] if at_once else sorted(symbols):
            if self._market is Market.FUTURES:  # first: what becomes an order meanwhile is among those then
                waiting = await self._client.call(futures.OPEN_ALGOS, OfAnySymbol(symbol=symbol))
                found += [Waiting(each) for each in waiting]
            found += await self._client.call(self._asks.open_orders, OfAnySymbol(symbol=symbol))
            reached("recon.page")
        return [each for each in found if each.symbol in symbols]

    async def _ask(self, tracked: Tracked) -> None:
        try:
            seen = await self._client.query(tracked.symbol, tracked.id, is_conditional=tracked.is_conditional)
            await self._adopt(seen, tracked)
        except Rejected as error:
            if error.code not in {NO_SUCH_ORDER, ARCHIVED}:
                raise
            self._deny(tracked, is_archived=error.code == ARCHIVED)
        else:
            tracked.denied_ms = 0
        reached("recon.page")

    def _deny(self, tracked: Tracked, *, is_archived: bool) -> None:
        """Hear that there is no such order. One that was shown did exist: it ended and is kept no more."""
        now_ms = self._clock.now_ms()
        tracked.denied_ms = tracked.denied_ms or now_ms
        if is_archived or (tracked.was_found and now_ms - tracked.denied_ms >= GONE_AFTER_MS):
            self._bury(tracked)

    async def _is_own(self, seen: OrderSeen) -> bool:
        """Say whether an order is ours: of this process, or one that the journal knows as ended."""
        if self._orders.own(seen):
            return True
        name = seen.our_id
        if self._recall is None or not is_ours(name) or self._orders.remembers(name):
            return False
        status = (await self._recall([name])).get(name)
        if status is None or status.is_open:
            return False
        self._orders.recall(name, Ended(seen.symbol, seen.orderId, status))
        return True

    async def _suspect(self, shown: OrderSeen) -> None:
        """Look again at an order that ended on record and is on the list of open ones: lists may be old."""
        name = shown.our_id
        if name in self._still_open:
            return
        try:
            is_conditional = isinstance(shown, Waiting)
            update = (await self._client.query(shown.symbol, name, is_conditional=is_conditional)).update()
        except Rejected as error:
            if error.code not in {NO_SUCH_ORDER, ARCHIVED}:
                raise
            return
        if update is None or not update.status.is_open:
            return
        self._still_open.add(name)
        now_ms = self._clock.now_ms()
        if now_ms - self._suspects.setdefault(name, now_ms) >= READS_LAG_MS:
            ended = self._orders.end_of(name)
            self._risen.append(f"order {name} on {shown.symbol} is {ended} on record, and it is open at the exchange")

    async def _look_for_marks(self, symbol: str, strangers: list[ForeignSeen]) -> None:
        """Look at the newest orders with our mark, though they have ended.

        Those of the last hour that the journal does not know are another bot's. What is ours and traded is told: where
        nothing was booked yet, no look at trades begins early enough for that.
        """
        if self._recall is None:
            return
        rows: list[OrderSeen] = await self._client.call(
            self._asks.all_orders, OrdersRequest(symbol=symbol, limit=NEWEST)
        )
        since_ms = self._clock.now_ms() - LATELY_MS
        marked = [row for row in rows if is_ours(row.our_id)]
        known = await self._recall([row.our_id for row in marked]) if marked else {}
        for row in marked:
            if row.our_id not in known:
                strangers += [self._stranger(row)] if row.time >= since_ms else []
            elif row.executedQty and self._orders.get(row.our_id) is None and await self._is_own(row):
                self._doubt_end(row)
                for trade in await self._client.trades_of(symbol, row.orderId):
                    self._tell(trade.fill(row.our_id, self._market))

    def _doubt_end(self, traded: OrderSeen) -> None:
        """Note an order that traded, if it counts as one that was never there."""
        ended = self._orders.end_of(traded.our_id)
        if ended in {OrderStatus.VOID, OrderStatus.REJECTED}:
            self._risen.append(f"order {traded.our_id} on {traded.symbol} is {ended} on record, and it traded")

    def _stranger(self, seen: OrderSeen) -> ForeignSeen:
        update = seen.update()
        is_open = update is None or update.status.is_open
        return ForeignSeen(
            self._market, seen.symbol, seen.our_id, seen.number, Side(seen.side), number(seen.origQty),
            number(seen.executedQty), is_open, update.time_ms if update else seen.time,
        )  # fmt: skip

    def _not_given(self, strangers: Iterable[ForeignSeen]) -> tuple[ForeignSeen, ...]:
        """Leave out what was given before as it is now, and of each order all but its newest state."""
        news = {}
        for each in strangers:
            key = (each.symbol, each.exchange_order_id, each.filled, each.is_open)
            if key not in self._given:
                news[each.symbol, each.exchange_order_id] = each
                self._given[key] = self._known[each.exchange_order_id] = None
        while len(self._given) > STRANGERS_REMEMBERED:
            del self._given[next(iter(self._given))]
        while len(self._known) > STRANGERS_REMEMBERED:
            del self._known[next(iter(self._known))]
        return tuple(news.values())
