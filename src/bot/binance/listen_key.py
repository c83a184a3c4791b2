"""The user stream of USD-M: a listen key names it, has to be kept alive, and may end at any time."""

import asyncio
from collections.abc import Callable

import msgspec
import structlog

from bot.binance import futures
from bot.binance.client import Client
from bot.binance.errors import INVALID_LISTEN_KEY
from bot.binance.streams import Pace
from bot.binance.user_stream import Link, OrderEvent, UserStream
from bot.binance.wire_requests import NOTHING
from bot.binance.wire_user import (
    AccountEvent,
    AlgoEvent,
    ConfigEvent,
    FuturesEvent,
    FuturesOrderEvent,
    ListenKeyExpired,
    MarginCallEvent,
    read_futures_event,
)
from bot.domain.errors import BotError, Rejected
from bot.domain.money import plain

log = structlog.get_logger()

KEEP_EVERY_S = 30 * 60.0
"""A key lives for 60 minutes after it was made or kept."""


class ListenKeyStream(UserStream):
    """One USD-M account's user stream. `on_other` takes what tells of no order: wallets, positions, algo orders."""

    def __init__(
        self,
        client: Client,
        on_event: Callable[[OrderEvent], None],
        on_break: Callable[[], None],
        pace: Pace | None = None,
        *,
        on_other: Callable[[FuturesEvent], None] | None = None,
        keep_every_s: float = KEEP_EVERY_S,
    ) -> None:
        super().__init__(on_event, on_break, pace)
        self._client = client
        self._on_other = on_other or tell
        self._keep_every_s = keep_every_s
        self._key = ""

    async def start(self) -> None:
        """Open the stream for the first time. Raises Misconfigured, Unavailable or Rejected."""
        await super().start()
        self._tasks.start(self._keep_key(), "listen-key")

    async def _open(self) -> Link:
        # Asked for again, a living key comes back and lives longer; else a new one is made.
        self._key = (await self._client.call(futures.OPEN_LISTEN_KEY, NOTHING)).listenKey
        link = await self._client.wires.dial(self._client.hosts.private_url(self._key), self._take)
        log.info("user_stream.opened", url=self._client.hosts.stream)
        return link

    async def _keep_key(self) -> None:
        while True:
            await asyncio.sleep(self._keep_every_s)
            try:
                await self._client.call(futures.KEEP_LISTEN_KEY, NOTHING)
            except Rejected as error:
                log.warning("listen_key.refused", reason=str(error))
                if error.code == INVALID_LISTEN_KEY:
                    self._renew(is_alive=False)
            except BotError as error:
                log.warning("listen_key.not_kept", reason=str(error))

    def _take(self, text: bytes) -> None:
        try:
            event = read_futures_event(text)
            if isinstance(event, FuturesOrderEvent):
                self._on_event(event)
            elif isinstance(event, ListenKeyExpired):
                # The old key's last word may come when its successor is in use already.
                if event.listenKey in {"", self._key}:
                    self._renew(is_alive=False)
            else:
                self._on_other(event)
        except (msgspec.MsgspecError, ValueError, ArithmeticError) as error:
            # Also from whoever listens: numbers that are none. An error that left here would end the stream for good.
            self.on_puzzle(f"an event of the user stream could not be read: {error}")


def tell(event: FuturesEvent) -> None:
    """Put on record what nobody else asked for."""
    match event:
        case AlgoEvent():
            log.info("algo_order.changed", client_algo_id=event.o.caid, symbol=event.o.s, status=event.o.X)
        case MarginCallEvent():
            log.critical("account.margin_call", symbols=[each.s for each in event.p])
        case ConfigEvent(ac=setting) if setting is not None:
            log.warning("account.leverage_changed", symbol=setting.s, leverage=setting.l)
        case ConfigEvent():
            log.warning("account.margin_mode_changed")
        case AccountEvent():
            wallets = {each.a: plain(each.wb) for each in event.a.B}
            log.info("account.changed", reason=event.a.m, wallets=wallets)
        case _:
            log.debug("user_event.seen", kind=event.e)
