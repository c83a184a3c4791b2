"""What keeps a user stream open, on either market. It has no memory: whoever listens is told after each break."""

import asyncio
import random
from abc import ABC, abstractmethod
from collections.abc import Callable
from decimal import Decimal
from typing import Protocol

import structlog

from bot.binance.streams import Pace
from bot.binance.tasks import Tasks
from bot.domain.errors import BotError, Misconfigured
from bot.domain.market import Market
from bot.domain.messages import OrderUpdate
from bot.domain.order import Fill

log = structlog.get_logger()


class OrderEvent(Protocol):
    """What a user stream tells of an order, on either market."""

    @property
    def our_id(self) -> str:
        """Give the order's own client id."""
        ...

    @property
    def number(self) -> int:
        """Give the exchange's own id of the order."""
        ...

    @property
    def filled(self) -> Decimal:
        """Give what is filled in all."""
        ...

    def update(self) -> OrderUpdate | None:
        """Give where the order stands, or None for a status we do not know."""
        ...

    def fill(self, market: Market) -> Fill | None:
        """Give the trade it reports, or None."""
        ...


class Link(Protocol):
    """One connection of a user stream."""

    @property
    def gone(self) -> asyncio.Event:
        """Set when the connection has ended."""
        ...

    async def close(self) -> None:
        """End the connection."""
        ...


class UserStream(ABC):
    """One account's user stream. `on_event` and `on_break` are called in the event loop and must not block."""

    def __init__(
        self, on_event: Callable[[OrderEvent], None], on_break: Callable[[], None], pace: Pace | None = None
    ) -> None:
        self._on_event = on_event
        self._on_break = on_break
        self.on_lost: Callable[[], None] = _nothing
        """Called when the connection has died: nothing is told until `on_break`."""
        self.on_puzzle: Callable[[str], None] = _ignored
        """Called with what could not be read or is not known."""
        self.on_refused: Callable[[Misconfigured], None] = _ignored
        """Called when it is not let in again, and will not try any more: a person has to act."""
        self._pace = pace or Pace()
        self._tasks = Tasks()
        self._link: Link | None = None
        self._end = asyncio.Event()
        self._is_alive = True
        """False when the present connection tells nothing any more."""

    async def start(self) -> None:
        """Open the stream for the first time. Raises Misconfigured, Unavailable or Rejected."""
        self._link = await self._open()
        self._tasks.start(self._keep(), "user-stream")

    async def close(self) -> None:
        """Close the stream."""
        await self._tasks.close()
        if self._link is not None:
            await self._link.close()

    @abstractmethod
    async def _open(self) -> Link:
        """Open a connection that delivers. Raises Misconfigured, Unavailable or Rejected."""

    def _renew(self, *, is_alive: bool) -> None:
        """Replace the connection; while it lives it is left only when its successor delivers."""
        self._is_alive = is_alive
        self._end.set()

    async def _keep(self) -> None:
        """Wait for the end of the connection and open the next one, for good."""
        while True:
            assert self._link is not None
            old = self._link
            is_dead = await self._ended(old)
            if is_dead:
                self.on_lost()
                await old.close()
            try:
                await self._reopen(old, is_dead=is_dead)
            except Misconfigured as error:
                log.error("user_stream.refused", reason=str(error))
                self.on_refused(error)
                return
            await old.close()
            self._on_break()

    async def _reopen(self, old: Link, *, is_dead: bool) -> None:
        """Open the next connection, however long that takes. Raises Misconfigured."""
        failures = 0
        while True:
            if not is_dead and (old.gone.is_set() or not self._is_alive):
                is_dead = True  # before its successor was there
                self.on_lost()
            if is_dead or failures:
                await asyncio.sleep(self._delay(failures))
            self._end = asyncio.Event()
            self._is_alive = True
            try:
                self._link = await self._open()
            except Misconfigured:
                raise
            except BotError as error:
                failures += 1
                log.warning("user_stream.unreachable", reason=str(error), attempt=failures)
            else:
                return

    async def _ended(self, link: Link) -> bool:
        """Wait for the end; True when nothing comes any more, False when it is only time to go."""
        waits = [asyncio.create_task(link.gone.wait()), asyncio.create_task(self._end.wait())]
        try:
            await asyncio.wait(waits, timeout=self._pace.life_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        is_dead = link.gone.is_set() or not self._is_alive
        log.warning("user_stream.ended", was_lost=is_dead)
        return is_dead

    def _delay(self, failures: int) -> float:
        longest = min(self._pace.retry_max_s, self._pace.retry_first_s * 2.0 ** min(failures, 16))
        return longest * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, not a secret


def _nothing() -> None:
    """Take no notice."""


def _ignored(_what: object) -> None:
    """Take no notice."""
