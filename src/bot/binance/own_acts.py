"""What the exchange does by itself to a USD-M account, found out and told: forced orders, funding, liquidation fees."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress

import structlog

from bot.binance import futures
from bot.binance.client import Client
from bot.binance.wire_futures import FuturesOrder
from bot.binance.wire_new_futures import IncomeRequest
from bot.binance.wire_requests import OfAnySymbol, OfOrder
from bot.domain.errors import BotError, Rejected
from bot.domain.market import Market
from bot.domain.messages import IncomeKind, IncomeSeen
from bot.domain.money import number
from bot.domain.order import Fill
from bot.ports import Clock

log = structlog.get_logger()

PAGE = 1_000
OVERLAP_MS = 600_000
"""How far back each look goes: rows of one moment may appear one after the other."""
RETRY_FIRST_S, RETRY_MAX_S = 0.5, 8.0


class OwnActs:
    """Looks for them. Each is told once by one process; whoever hears of it keeps it apart from earlier ones by id."""

    def __init__(
        self,
        client: Client,
        clock: Clock,
        tell_income: Callable[[IncomeSeen], None],
        tell_fill: Callable[[Fill], None],
        income_since_ms: Mapping[str, int],
    ) -> None:
        self._client, self._clock = client, clock
        self._tell_income, self._tell_fill = tell_income, tell_fill
        self._since_ms = dict(income_since_ms)
        """By kind: when the newest that is on record was."""
        self._income: dict[tuple[str, int], None] = {}
        self._forced: dict[tuple[str, int], object] = {}
        """By symbol and id of a forced order: what of it is filled and was told."""
        self._heard: dict[tuple[str, int], None] = {}
        """Forced orders that the user stream told of."""
        self._turn = asyncio.Lock()
        self.told = 0
        """How many things were found that were new."""

    def hear_of(self, symbol: str, order_id: int) -> None:
        """Note a forced order to look for: the exchange's list has those alone that liquidate or deleverage."""
        self._heard[symbol, order_id] = None

    async def look(self, ask_first: Callable[[], Awaitable[bool]] | None = None) -> None:
        """Look at both. Raises BotError.

        What a forced order closed was entered before: `ask_first` finds out about our own orders before one is told,
        and says whether it got all its answers.
        """
        async with self._turn:
            forced = await self._new_forced(ask_first)
            # Before a position is closed by force its holder has to bear what it cost.
            for kind in IncomeKind:
                await self._look_at_income(kind)
            await self._tell_forced(forced)

    async def look_until_seen(self, ask_first: Callable[[], Awaitable[bool]]) -> None:
        """Look until it works: an event said that there is something."""
        delay_s = RETRY_FIRST_S
        while True:
            try:
                await self.look(ask_first)
            except BotError as error:
                log.warning("own_acts.unanswered", reason=str(error))
                await self._clock.sleep(delay_s)
                delay_s = min(2 * delay_s, RETRY_MAX_S)
            else:
                return

    async def _new_forced(self, ask_first: Callable[[], Awaitable[bool]] | None) -> list[FuturesOrder]:
        rows = await self._client.call(futures.FORCED_ORDERS, OfAnySymbol())
        listed = {_place(row) for row in rows}
        for symbol, order_id in [each for each in self._heard if each not in listed]:
            with suppress(Rejected):  # (it is not shown yet)
                rows.append(await self._client.call(futures.ORDER, OfOrder(symbol=symbol, orderId=order_id)))
        new = [row for row in rows if row.executedQty and self._forced.get(_place(row)) != row.executedQty]
        if new and ask_first is not None:
            while not await ask_first():
                await self._clock.sleep(RETRY_FIRST_S)
        return sorted(new, key=lambda row: (row.time, row.orderId))

    async def _tell_forced(self, rows: Sequence[FuturesOrder]) -> None:
        for row in rows:
            trades = [
                each.fill(row.clientOrderId, Market.FUTURES)
                for each in await self._client.trades_of(row.symbol, row.orderId)
            ]
            for fill in sorted(trades, key=lambda fill: fill.trade_id):
                self._tell_fill(fill)
            if sum(fill.quantity for fill in trades) == row.executedQty:
                self._forced[_place(row)] = row.executedQty
                self._heard.pop(_place(row), None)
            self.told += 1

    async def _look_at_income(self, kind: IncomeKind) -> None:
        """Tell what came since the newest that we know; the first time ever what the exchange still shows."""
        page = 1
        known_ms = self._since_ms.get(kind)
        start_ms = None if known_ms is None else max(0, known_ms - OVERLAP_MS)
        while True:
            rows = await self._client.call(
                futures.INCOME, IncomeRequest(incomeType=kind, startTime=start_ms, limit=PAGE, page=page)
            )
            for row in sorted(rows, key=lambda row: (row.time, int(row.tranId))):
                key = (kind, int(row.tranId))
                self._since_ms[kind] = max(self._since_ms.get(kind, 0), row.time)
                if key not in self._income:
                    self._income[key] = None
                    self.told += 1
                    self._tell_income(IncomeSeen(kind, key[1], row.symbol, row.asset, number(row.income), row.time))
            if start_ms is None or len(rows) < PAGE:
                return
            page += 1


def _place(row: FuturesOrder) -> tuple[str, int]:
    return row.symbol, row.orderId
