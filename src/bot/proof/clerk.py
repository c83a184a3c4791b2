"""The exchange's own deeds on futures: funding every few minutes, and now and then a mark price that runs away."""

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from random import Random

from bot.domain.money import times
from bot.emulator.futures.venue import FuturesVenue
from bot.proof.trace import Trace
from bot.simulation.futures.exchange import FuturesExchange
from bot.simulation.futures.margin import PositionFigures

FUNDING_EVERY_S = 30.0
RATES = tuple(Decimal(rate) for rate in ("0.0001", "-0.0003", "0.0075"))


class Clerk:
    """Acts on all who trade futures. `live` goes on until cancelled."""

    def __init__(
        self, venue: FuturesVenue, symbols: Sequence[str], runaways: int, length_s: float, lots: Random, trace: Trace
    ) -> None:
        self._venue, self._symbols = venue, symbols
        self._lots, self._trace = lots, trace
        self._runaways, self._length_s = runaways, length_s

    async def live(self) -> None:
        """Fund positions, and let marks run away so often."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._fund())
            for _ in range(self._runaways):
                tasks.create_task(self._run_away(self._lots.uniform(0.2, 1.0) * self._length_s))

    async def _fund(self) -> None:
        while True:
            await asyncio.sleep(self._lots.expovariate(1 / FUNDING_EVERY_S))
            symbol, rate = self._lots.choice(self._symbols), self._lots.choice(RATES)
            self._trace.add("funding", f"{symbol} {rate}")
            self._venue.fund(symbol, rate)

    async def _run_away(self, after_s: float) -> None:
        """Let mark prices be far off for a moment, against all somebody holds: with little money it is liquidated."""
        await asyncio.sleep(after_s)
        exchange = self._venue.exchange
        while not (holders := [name for name in exchange.accounts if _held(exchange, name)]):  # noqa: ASYNC110 - (there is no event to wait for)
            await asyncio.sleep(1.0)
        for position in _held(exchange, self._lots.choice(holders)):
            mark = times(position.mark, Decimal("0.1") if position.quantity > 0 else Decimal(6))
            self._trace.add("mark", f"{position.symbol} {mark}")
            with self._venue.desk.settling() as now_ms:
                exchange.on_mark(position.symbol, mark, now_ms)


def _held(exchange: FuturesExchange, name: str) -> list[PositionFigures]:
    return [each for each in exchange.positions(name) if each.quantity]
