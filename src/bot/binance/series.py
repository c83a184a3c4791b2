"""One candle series: its consumers, and the order in which closed candles reach them. Knows no sockets and no clock."""

from collections import Counter, deque
from collections.abc import Iterable

import structlog

from bot.binance.wire_streams import KlineBody
from bot.domain.market import Candle, Stream, next_open
from bot.ports import Deliver

log = structlog.get_logger()

REMEMBERED = 256
"""Closed candles kept for consumers whose history ended a moment ago."""


class Consumer:
    """Somebody who wants candles; `open_candles` says whether the forming ones too."""

    __slots__ = ("hand", "open_candles")

    def __init__(self, deliver: Deliver, *, open_candles: bool) -> None:
        self.hand = deliver
        self.open_candles = open_candles

    def deliver(self, candle: Candle) -> None:
        """Hand a candle on; a consumer's fault is its own."""
        try:
            self.hand(candle)
        except Exception:
            log.exception("candle.undelivered", symbol=candle.symbol, open_time=candle.open_time)


class Series:
    """Checks the sequence by open time: duplicates are dropped, candles behind a hole wait until it is filled."""

    def __init__(self, stream: Stream, counts: Counter[str]) -> None:
        self.stream = stream
        self.expected: int | None = None
        """Open time of the closed candle that comes next; None until something was heard."""
        self.is_repairing = False
        self._counts = counts
        self._consumers: list[Consumer] = []
        self._openers: list[Consumer] = []
        self._waiting: dict[int, Candle] = {}
        self._behind: int | None = None
        self._recent: deque[Candle] = deque(maxlen=REMEMBERED)
        self._heard_open = 0
        self._heard_volume = 0.0

    @property
    def waiting_from(self) -> int | None:
        """Open time of the first candle known to exist behind a hole, closed or forming; None when there is none."""
        if self._waiting:
            return min(self._waiting)
        return self._behind

    def join(self, consumer: Consumer, start: int | None) -> None:
        """Add a consumer; with `start`, candles from that open time on that passed already are delivered first."""
        if start is not None:
            for candle in self._recent:
                if candle.open_time >= start:
                    consumer.deliver(candle)
        self._consumers.append(consumer)
        if consumer.open_candles:
            self._openers.append(consumer)

    def leave(self, consumer: Consumer) -> bool:
        """Take a consumer off; True when it was the last."""
        if consumer in self._consumers:
            self._consumers.remove(consumer)
        if consumer in self._openers:
            self._openers.remove(consumer)
        return not self._consumers

    def remembers(self, start: int) -> bool:
        """Say whether everything since `start` is still at hand (or has not happened yet)."""
        if self.expected is None or start >= self.expected:
            return True
        return bool(self._recent) and self._recent[0].open_time <= start

    def take(self, kline: KlineBody) -> bool:
        """Take a frame; False when it shows a hole before it."""
        opened = kline.t
        if opened >= self._heard_open:
            self._heard_open = opened
            self._heard_volume = kline.v
        if opened != self.expected or kline.x:
            return self._take_closed(kline) if kline.x else self._take_unexpected(kline)
        if self._openers and not self.is_repairing:
            candle = kline.candle(self.stream)
            for consumer in self._openers:  # (as `deliver` does, without its call: most frames come here)
                try:
                    consumer.hand(candle)
                except Exception:
                    log.exception("candle.undelivered", symbol=candle.symbol, open_time=candle.open_time)
        return True

    def fill(self, candles: Iterable[Candle]) -> int:
        """Deliver candles that came another way, and those waiting that follow them; give how many of the first."""
        count = 0
        for candle in candles:
            if self.expected is None or candle.open_time >= self.expected:
                if self.expected is not None and candle.open_time > self.expected:
                    self._pass_over(candle.open_time)
                self._hand_on(candle)
                count += 1
        self._advance()
        return count

    def skip(self) -> None:
        """Believe that what is missing never was, and go on behind the hole."""
        if self.waiting_from is not None:
            self._pass_over(self.waiting_from)
            self._advance()

    def look_behind(self, opened: int) -> None:
        """Note that a candle exists that opened then, so that the ones before it are closed."""
        self._behind = max(self._behind or 0, opened)

    def has_missed(self, row: Candle) -> bool:
        """Say whether REST's newest row shows trades that no frame told; the first look only remembers it."""
        opened, volume = self._heard_open, self._heard_volume
        if self.expected is None:
            self.expected = row.open_time
        self._heard_open, self._heard_volume = row.open_time, row.volume
        if not opened or row.open_time < opened:
            return False
        return row.volume > (volume if row.open_time == opened else 0.0)

    def _take_closed(self, kline: KlineBody) -> bool:
        opened = kline.t
        if self.expected is None:
            self.expected = opened
        if opened < self.expected:
            self._counts["duplicates"] += 1
            return True
        candle = kline.candle(self.stream)
        if opened == self.expected and not self.is_repairing:
            self._hand_on(candle)
            return True
        self._waiting[opened] = candle
        return False

    def _take_unexpected(self, kline: KlineBody) -> bool:
        """Take a forming candle that is the first one heard, or comes too early or too late."""
        if self.expected is None:
            self.expected = kline.t
            return self.take(kline)
        if kline.t < self.expected:
            return True
        # A later candle forms already: the close of the expected one was never told.
        self.look_behind(kline.t)
        return False

    def _advance(self) -> None:
        """Deliver what waits as far as it is continuous, and forget what has come another way."""
        while self._waiting and self.expected is not None and min(self._waiting) <= self.expected:
            candle = self._waiting.pop(min(self._waiting))
            if candle.open_time == self.expected:
                self._hand_on(candle)
        if self._behind is not None and self.expected is not None and self._behind <= self.expected:
            self._behind = None

    def _pass_over(self, opened: int) -> None:
        self._counts["absent"] += 1
        log.warning(
            "candles.absent", symbol=self.stream.symbol, interval=self.stream.interval,
            missing_from=self.expected, missing_until=opened,
        )  # fmt: skip
        self.expected = opened

    def _hand_on(self, candle: Candle) -> None:
        self.expected = next_open(candle.open_time, self.stream.interval)
        self._recent.append(candle)
        self._counts["delivered"] += 1
        for consumer in self._consumers:
            consumer.deliver(candle)
