"""Orders on USD-M futures: as on spot, with a dead-man switch held by the exchange."""

import asyncio
from collections.abc import Sequence

import structlog

from bot.binance import futures
from bot.binance.client import Client
from bot.binance.clock import ExchangeClock
from bot.binance.execution import SignedBroker
from bot.binance.following import Patience
from bot.binance.signing import Credentials
from bot.binance.streams import Pace
from bot.binance.tracking import Tracked
from bot.binance.wire_new_futures import Countdown
from bot.domain.errors import BotError
from bot.domain.market import Market
from bot.ports import Deliver, Doubts, OpenOrder, Permit

log = structlog.get_logger()


class FuturesBroker(SignedBroker):
    """The broker of one USD-M account in one-way mode: one position a symbol.

    While an order of ours is open, the exchange holds a countdown that we keep pushing back: should we fall silent, it
    cancels the symbol's open orders by itself. A clean stop takes the countdown away and leaves the orders.
    """

    def __init__(
        self,
        client: Client,
        credentials: Credentials,
        clock: ExchangeClock,
        *,
        patience: Patience | None = None,
        pace: Pace | None = None,
    ) -> None:
        super().__init__(client, credentials, clock, patience=patience, pace=pace)
        self._armed: set[str] = set()
        """Symbols whose countdown runs."""
        self._unguarded = asyncio.Event()
        """Set when an order is sent on a symbol without a countdown."""

    async def start(
        self,
        deliver: Deliver,
        open_orders: Sequence[OpenOrder] = (),
        permit: Permit | None = None,
        doubts: Doubts | None = None,
    ) -> None:
        """Look at the clock and open the user stream. Raises Misconfigured, Unavailable or Rejected."""
        await super().start(deliver, open_orders, permit, doubts)
        if self.patience.dead_man_s:
            self._watchers.start(self._keep_armed(), "dead-man")

    async def stop(self) -> None:
        """Let go; requests under way get a moment, then their orders are UNKNOWN."""
        await self._watchers.close()
        for symbol in sorted(self._armed):
            await self._arm(symbol, 0)
        await super().stop()

    async def _keep_armed(self) -> None:
        while True:
            wanted = {tracked.symbol for tracked in self._orders.live}
            # Noted before it is asked for: a stop amidst the request has to call it off all the same.
            self._armed |= wanted
            for symbol in sorted(self._armed):
                await self._arm(symbol, int(self.patience.dead_man_s * 1000) if symbol in wanted else 0)
            self._armed = wanted
            await self._until_next_look()

    async def _until_next_look(self) -> None:
        """Wait a quarter of the countdown, or until an order is sent on a symbol that has none running."""
        looks = [
            asyncio.ensure_future(self._clock.sleep(self.patience.dead_man_s / 4)),
            asyncio.ensure_future(self._unguarded.wait()),
        ]
        try:
            await asyncio.wait(looks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for look in looks:
                look.cancel()
            await asyncio.gather(*looks, return_exceptions=True)
        self._unguarded.clear()

    def _track(self, client_order_id: str, symbol: str, market: Market) -> Tracked:
        if symbol not in self._armed:
            self._unguarded.set()
        return super()._track(client_order_id, symbol, market)

    async def _arm(self, symbol: str, countdown_ms: int) -> None:
        try:
            await self._client.call(futures.COUNTDOWN, Countdown(symbol=symbol, countdownTime=countdown_ms))
        except BotError as error:
            log.warning("dead_man.not_set", symbol=symbol, countdown_ms=countdown_ms, reason=str(error))
