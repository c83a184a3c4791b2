"""What the endings of signed requests make us doubt: the clock they were signed by, and the key."""

from datetime import UTC, datetime
from types import TracebackType

import structlog

from bot.binance.clock import ExchangeClock
from bot.binance.errors import ClockOff
from bot.domain.errors import BotError, Misconfigured
from bot.ports import Doubts

log = structlog.get_logger()

CLOCK, STREAM, EVENTS, UNKNOWN = "clock", "user stream", "user events", "unknown orders"
"""The names of what we doubt."""
UNKNOWN_MAX = 3
"""Orders of unknown outcome at once that are an accident; more are a state of the exchange."""


class Caution:
    """Surrounds signed requests (`async with`), and tells the account's `doubts` what they and the stream mean."""

    def __init__(self, clock: ExchangeClock) -> None:
        self.doubts: Doubts | None = None
        """Who hears of it; nobody until the start."""
        self._clock = clock
        self._was_refused = self._was_set = False
        """Whether the last ending was `clock off`, and whether the clock was set after that."""
        self.is_refused = False
        """Whether the exchange lets us in no more: asking on and on would help nobody."""
        self._held: set[str] = set()

    async def __aenter__(self) -> None:
        """Set the clock first if it may have jumped. Raises what the look at the exchange's clock does."""
        if self._clock.is_suspect:
            await self.mend()

    async def __aexit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Draw the conclusions from how a request ended."""
        if isinstance(error, ClockOff):
            if self._was_set:
                self.doubt(CLOCK, f"the clock was set and is off all the same: check this machine's time ({error})")
            self._was_refused, self._was_set = True, False
            self._clock.suspect()
        elif isinstance(error, Misconfigured):
            self.halt(error)
        elif error is None:
            self.is_refused = False
            self._was_refused = self._was_set = False
            self.settle(CLOCK)

    async def mend(self) -> None:
        """Set the clock by the exchange's. Raises BotError, and then the clock is in doubt."""
        try:
            await self._clock.sync()
        except BotError as error:
            self.doubt(CLOCK, f"the clock has to be set, and the exchange does not tell its time: {error}")
            raise
        self._was_set = self._was_refused
        if not self._was_refused:
            self.settle(CLOCK)

    def doubt(self, name: str, reason: str) -> None:
        """Take no new risk until this is settled."""
        self._held.add(name)
        if self.doubts is not None:
            self.doubts.doubt(name, reason)

    def settle(self, name: str) -> None:
        """Take a doubt back, if there is one."""
        if name in self._held:
            self._held.discard(name)
            self.look_again(name)

    def look_again(self, name: str) -> None:
        """Wish for a look at the exchange; whatever this name stood for is settled by it."""
        self._held.discard(name)
        if self.doubts is not None:
            self.doubts.settle(name)

    def puzzled(self, reason: str) -> None:
        """Take no new risk until the next look: something was told that may mean anything."""
        log.warning("account.puzzled", reason=reason)
        self.doubt(EVENTS, reason)
        self.settle(EVENTS)

    def lost(self) -> None:
        """Note that the user stream is dead."""
        since = datetime.fromtimestamp(self._clock.now_ms() / 1000, UTC)
        self.doubt(STREAM, f"nothing is heard of our orders since {since:%H:%M:%S} UTC")

    def count_unknown(self, count: int) -> None:
        """Note how many orders are of unknown outcome."""
        if count > UNKNOWN_MAX:
            if UNKNOWN not in self._held:
                self.doubt(UNKNOWN, f"what became of {count} orders at once is unknown: the exchange does not answer")
        else:
            self.settle(UNKNOWN)

    def accuse(self, reason: str) -> None:
        """Stop the account until a person acted: what we recorded is not so."""
        log.critical("account.contradicted", reason=reason)
        if self.doubts is not None:
            self.doubts.halt(reason)

    def halt(self, error: Misconfigured) -> None:
        """Stop the account until a person acted."""
        if not self.is_refused:
            log.error("account.refused", reason=str(error))
        self.is_refused = True
        if self.doubts is not None:
            self.doubts.halt(str(error))
