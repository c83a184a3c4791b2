"""The candle hub: one stream on the wire for any number of consumers; each closed candle once, in order, no holes."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from math import inf

import structlog

from bot.binance.client import KLINES_MAX, Client
from bot.binance.series import Consumer, Series
from bot.binance.streams import Listener, Pace, StreamPool
from bot.binance.tasks import Tasks
from bot.binance.wire import stream_name
from bot.binance.wire_streams import KlineEvent
from bot.domain.errors import BotError, Rejected, Unavailable
from bot.domain.instrument import Instrument
from bot.domain.market import Candle, Market, Stream, next_open
from bot.ports import Clock, Deliver

log = structlog.get_logger()

MARK_AGE_S = 300.0
"""How long after reading a history its reader may take to subscribe (or never does: a chart reads, too)."""
INSTRUMENTS_AGE_S = 20.0
LOOKS_AT_A_HOLE = 3
"""Times that REST is asked for candles it does not have yet, before the hole is believed."""


class MarketData:
    """The feed of one market (`ports.Feed`). Create it inside the event loop; `close` it at the end."""

    def __init__(self, client: Client, clock: Clock, *, pace: Pace | None = None, hole_pause_s: float = 0.5) -> None:
        self._client = client
        self._clock = clock
        self._hole_pause_s = hole_pause_s
        self._series: dict[str, Series] = {}
        self._marks: dict[Stream, list[tuple[float, int]]] = {}
        self._instruments: Mapping[str, Instrument] = {}
        self._instruments_s = -inf
        self._instruments_lock = asyncio.Lock()
        self._tasks = Tasks()
        self.counts: Counter[str] = Counter()
        """What happened since the start: `delivered`, `duplicates`, `repaired`, `absent`, `unreadable`."""
        listener = Listener(self._taker, self._on_missed, self._on_silent)
        self._pool = StreamPool(client.hosts, listener, pace, client.wires.dial)

    async def subscribe(
        self, streams: Sequence[Stream], deliver: Deliver, *, open_candles: bool = False
    ) -> "HubSubscription":
        """Deliver every closed candle of these series from now on, and the forming ones on request."""
        consumer = Consumer(deliver, open_candles=open_candles)
        wanted = {stream_name(stream): stream for stream in streams}
        names = list(wanted)
        try:
            for name, stream in wanted.items():
                await self._join(self._series.setdefault(name, Series(stream, self.counts)), consumer)
        except BotError:
            self.leave(names, consumer)
            raise
        self._pool.want(names)
        return HubSubscription(self, names, consumer)

    async def history(self, stream: Stream, count: int) -> Sequence[Candle]:
        """Give the newest `count` closed candles, oldest first, paging back through REST."""
        rows = await self._client.klines(stream, limit=min(count + 1, KLINES_MAX))
        series = self._series.get(stream_name(stream))
        # The newest row may still be forming. Leaving it out needs no clock, and costs nothing: a candle that was
        # closed already is delivered by the subscription, which goes on where the history ended.
        if rows and (series is None or series.expected is None or rows[-1].open_time >= series.expected):
            rows.pop()
        if rows and series is not None and series.expected is None:
            series.expected = next_open(rows[-1].open_time, stream.interval)
        while rows and len(rows) < count:
            limit = min(count - len(rows), KLINES_MAX)
            page = await self._client.klines(stream, end=rows[0].open_time - 1, limit=limit)
            if not page:
                break
            rows = page + rows
        rows = rows[-count:] if count > 0 else []
        if rows:
            self._marks[stream] = [*self._fresh_marks(stream), (self._clock.monotonic(), rows[-1].open_time)]
        return rows

    async def instruments(self, market: Market) -> Mapping[str, Instrument]:
        """Give the symbols with the rules in force."""
        if market is not self._client.hosts.market:
            raise Rejected(f"this feed shows {self._client.hosts.market}, not {market}")
        # Megabytes, and seldom new: accounts that start together share one answer.
        async with self._instruments_lock:
            if self._clock.monotonic() - self._instruments_s > INSTRUMENTS_AGE_S:
                self._instruments = await self._client.instruments()
                self._instruments_s = self._clock.monotonic()
        return self._instruments

    async def close(self) -> None:
        """Stop everything; the client stays open, it belongs to who made it."""
        await self._tasks.close()
        await self._pool.close()
        self._series.clear()

    def leave(self, names: Sequence[str], consumer: Consumer) -> None:
        """Take a consumer off these streams, and drop the streams that nobody wants any more."""
        for name in names:
            series = self._series.get(name)
            if series is not None and series.leave(consumer):
                del self._series[name]
                self._pool.drop([name])

    async def _join(self, series: Series, consumer: Consumer) -> None:
        """Add a consumer where its history ended."""
        start = self._take_mark(series.stream)
        if start is not None and series.expected is None:
            series.expected = start
        while start is not None and series.expected is not None and not series.remembers(start):
            rows = await self._client.klines(series.stream, start=start, end=series.expected - 1)
            rows = [row for row in rows if row.open_time < (series.expected or 0)]
            if not rows:
                break
            for row in rows:
                consumer.deliver(row)
            start = next_open(rows[-1].open_time, series.stream.interval)
        series.join(consumer, start)

    def _take_mark(self, stream: Stream) -> int | None:
        """Give the open time after the oldest history read lately: nobody who reads, then subscribes, has a hole."""
        marks = self._fresh_marks(stream)
        self._marks.pop(stream, None)
        if not marks:
            return None
        ended = min(open_time for _, open_time in marks)
        # We cannot tell which history was whose: the oldest mark stays until as many have joined as have read.
        marks.remove(max(marks, key=lambda mark: mark[1]))
        if marks:
            self._marks[stream] = marks
        return next_open(ended, stream.interval)

    def _fresh_marks(self, stream: Stream) -> list[tuple[float, int]]:
        oldest_s = self._clock.monotonic() - MARK_AGE_S
        return [mark for mark in self._marks.get(stream, []) if mark[0] >= oldest_s]

    def _taker(self, name: str) -> Callable[[KlineEvent], None]:
        series = self._series[name]

        def take(event: KlineEvent) -> None:
            try:
                is_whole = series.take(event.k)
            except ValueError as error:
                self.counts["unreadable"] += 1
                log.warning("candle.unreadable", stream=name, reason=str(error))
                return
            if not is_whole:
                self._start_repair(series)

        return take

    def _on_missed(self, names: list[str]) -> None:
        for name in names:
            series = self._series.get(name)
            if series is not None and series.expected is not None:
                self._start_repair(series)

    def _on_silent(self, name: str) -> None:
        series = self._series.get(name)
        if series is not None and not series.is_repairing:
            self._tasks.start(self._look_into(name, series), f"silence-{name}")

    def _start_repair(self, series: Series) -> None:
        if not series.is_repairing:
            series.is_repairing = True
            self._tasks.start(self._repair(series), f"repair-{stream_name(series.stream)}")

    async def _repair(self, series: Series) -> None:
        """Bring what the stream did not: candles by REST up to the first one that is waiting, then those waiting."""
        looks = 0
        try:
            while True:
                try:
                    rows = await self._missing(series)
                except Unavailable as error:
                    log.warning("candles.repair_delayed", stream=stream_name(series.stream), reason=str(error))
                    await self._clock.sleep(self._hole_pause_s)
                    continue
                except BotError as error:
                    log.error("candles.repair_refused", stream=stream_name(series.stream), reason=str(error))
                    series.skip()
                    break
                filled = series.fill(rows)
                self.counts["repaired"] += filled
                if series.waiting_from is None and len(rows) < KLINES_MAX - 1:
                    break
                looks = 0 if filled else looks + 1
                if looks >= LOOKS_AT_A_HOLE:
                    # The exchange itself stood still: there is nothing to bring.
                    series.skip()
                    looks = 0
                elif not filled:
                    await self._clock.sleep(self._hole_pause_s)
        finally:
            series.is_repairing = False

    async def _missing(self, series: Series) -> list[Candle]:
        """Give the candles from the expected one on, as far as they are known to be closed."""
        expected, until = series.expected, series.waiting_from
        if until is not None:
            rows = await self._client.klines(series.stream, start=expected, end=until - 1)
            return [row for row in rows if row.open_time < until]
        # With no later candle at hand, the newest row may be forming.
        rows = await self._client.klines(series.stream, start=expected)
        return rows[:-1] if len(rows) < KLINES_MAX else rows

    async def _look_into(self, name: str, series: Series) -> None:
        """Tell a quiet market from a dead stream: REST knows whether something happened that we did not hear."""
        try:
            rows = await self._client.klines(series.stream, limit=1)
        except BotError as error:
            log.error("stream.silent", stream=name, reason=str(error))
            return
        if not rows:
            return
        if series.has_missed(rows[-1]):
            self._pool.renew(name)
        if series.expected is not None and rows[-1].open_time > series.expected:
            series.look_behind(rows[-1].open_time)
            self._start_repair(series)


class HubSubscription:
    """One consumer's hold on candle series (`ports.Subscription`)."""

    def __init__(self, hub: MarketData, names: Sequence[str], consumer: Consumer) -> None:
        self._hub = hub
        self._names = names
        self._consumer = consumer

    async def close(self) -> None:
        """Stop delivering; a stream ends with its last consumer."""
        self._hub.leave(self._names, self._consumer)
