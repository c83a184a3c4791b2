"""Combined market streams: as few connections as hold all the wanted names, kept alive and watched.

A connection that ends, falls silent or grows old is replaced; whoever listens is told, because frames were missed.
"""

import asyncio
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import msgspec
import structlog

from bot.binance.sockets import Socket, connect
from bot.binance.tasks import Tasks
from bot.binance.wire import KlineBody, read_frame
from bot.domain.errors import Unavailable

log = structlog.get_logger()

STREAMS_MAX = 1_024
"""Streams on one connection."""
CHECKS_A_ROUND = 5
"""Silent streams looked into at once: each costs a request, and one dead stream is enough to renew a connection."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Limits in time, all in real seconds. An accelerated replay wants a shorter `age_limit_s`, a slow one a longer."""

    age_limit_s: float = 10.0
    """Kline streams speak each two seconds of exchange time; a longer silence is looked into."""
    life_s: float = 23 * 3600.0
    """The exchange ends every connection after 24 h."""
    retry_first_s: float = 0.25
    retry_max_s: float = 30.0
    control_gap_s: float = 0.25
    """Between control messages: at most five a second are allowed, pongs among them."""
    control_batch: int = 100


class Listener:
    """What a pool tells its owner; all are called in the event loop and must not block."""

    def __init__(
        self,
        on_kline: Callable[[str, KlineBody], None],
        on_missed: Callable[[list[str]], None],
        on_silent: Callable[[str], None],
    ) -> None:
        self.on_kline = on_kline
        """A kline frame of a stream."""
        self.on_missed = on_missed
        """These streams are subscribed again after a break: frames between are lost."""
        self.on_silent = on_silent
        """This stream says nothing while its connection lives: a quiet market, or a dead stream?"""


class StreamPool:
    """All streams of one host."""

    def __init__(self, base: str, listener: Listener, pace: Pace | None = None) -> None:
        self._url = f"{base}/stream"
        self._listener = listener
        self._pace = pace or Pace()
        self._connections: list[Connection] = []
        self._tasks = Tasks()

    def want(self, names: Iterable[str]) -> None:
        """Open these streams, if they are not; frames come when the exchange has taken the subscription."""
        for name in names:
            if not any(connection.carries(name) for connection in self._connections):
                self._with_room().add(name)

    def drop(self, names: Iterable[str]) -> None:
        """Close these streams."""
        for name in names:
            for connection in self._connections:
                connection.remove(name)

    def renew(self, name: str) -> None:
        """Replace the connection that carries this stream."""
        for connection in self._connections:
            if connection.carries(name):
                connection.renew(f"{name} is silent")

    async def close(self) -> None:
        """Close all connections."""
        await self._tasks.close()

    def _with_room(self) -> "Connection":
        for connection in self._connections:
            if connection.has_room:
                return connection
        connection = Connection(self._url, self._listener, self._pace)
        self._connections.append(connection)
        self._tasks.start(connection.run(), name=f"streams-{len(self._connections)}")
        return connection


class Connection:
    """One connection with its names; `run` lives until cancelled."""

    def __init__(self, url: str, listener: Listener, pace: Pace) -> None:
        self._url = url
        self._listener = listener
        self._pace = pace
        self._names: dict[str, None] = {}
        self._joining: dict[str, None] = {}
        self._leaving: dict[str, None] = {}
        self._todo = asyncio.Event()
        self._end = asyncio.Event()
        self._heard: dict[str, int] = {}
        self._round = 0
        self._patience: dict[str, int] = {}
        self._message_id = 0

    @property
    def has_room(self) -> bool:
        """True while one more stream fits."""
        return len(self._names) < STREAMS_MAX

    def carries(self, name: str) -> bool:
        """Say whether this stream is here."""
        return name in self._names

    def add(self, name: str) -> None:
        """Subscribe to a stream, now or as soon as connected."""
        self._names[name] = None
        self._leaving.pop(name, None)
        self._joining[name] = None
        self._todo.set()

    def remove(self, name: str) -> None:
        """Unsubscribe from a stream."""
        if name in self._names:
            del self._names[name]
            self._heard.pop(name, None)
            self._patience.pop(name, None)
            if name in self._joining:
                del self._joining[name]
            else:
                self._leaving[name] = None
            self._todo.set()

    def renew(self, why: str) -> None:
        """Replace the connection."""
        log.warning("stream.renewed", url=self._url, reason=why)
        self._end.set()

    async def run(self) -> None:
        """Connect, subscribe, watch; again and again."""
        failures = 0
        is_again = False
        while True:
            try:
                socket = await connect(self._url, self._take)
            except Unavailable as error:
                failures += 1
                log.warning("stream.unreachable", reason=str(error), attempt=failures)
            else:
                failures = 0
                try:
                    await self._live(socket, is_again=is_again)
                finally:
                    await socket.close()
                is_again = True
            await asyncio.sleep(self._delay(failures))

    def _delay(self, failures: int) -> float:
        longest = min(self._pace.retry_max_s, self._pace.retry_first_s * 2.0 ** min(failures, 16))
        return longest * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, not a secret

    async def _live(self, socket: Socket, *, is_again: bool) -> None:
        self._end = asyncio.Event()
        self._joining, self._leaving = dict(self._names), {}
        self._heard = dict.fromkeys(self._names, self._round)
        self._todo.set()
        helpers = Tasks()
        helpers.start(self._control(socket, missed=list(self._names) if is_again else []), "stream-control")
        helpers.start(self._watch(), "stream-watch")
        helpers.start(self._follow(socket), "stream-follow")
        try:
            life_s = self._pace.life_s * random.uniform(0.97, 1.0)  # noqa: S311 - so that connections do not end together
            async with asyncio.timeout(life_s):
                await self._end.wait()
        except TimeoutError:
            log.info("stream.aged", url=self._url)
        finally:
            await helpers.close()

    async def _follow(self, socket: Socket) -> None:
        await socket.gone.wait()
        log.warning("stream.lost", url=self._url, streams=len(self._names))
        self._end.set()

    async def _control(self, socket: Socket, missed: list[str]) -> None:
        """Send what has to be (un)subscribed, few messages a second, many names a message."""
        while True:
            await self._todo.wait()
            self._todo.clear()
            while self._joining or self._leaving:
                waiting, method = (self._leaving, "UNSUBSCRIBE") if self._leaving else (self._joining, "SUBSCRIBE")
                batch = list(waiting)[: self._pace.control_batch]
                for name in batch:
                    del waiting[name]
                    if method == "SUBSCRIBE":
                        self._heard[name] = self._round
                self._message_id += 1
                socket.send(msgspec.json.encode({"method": method, "params": batch, "id": self._message_id}))
                await asyncio.sleep(self._pace.control_gap_s)
            if missed:
                self._listener.on_missed(missed)
                missed = []

    async def _watch(self) -> None:
        """Count rounds of half an age limit: cheaper than reading a clock for each frame."""
        while True:
            await asyncio.sleep(self._pace.age_limit_s / 2)
            self._round += 1
            for name, limit in list(self._patience.items()):
                if self._heard.get(name) == self._round - 1 and limit > 2:
                    self._patience[name] = limit - 1
            silent = [name for name, heard in self._heard.items() if self._round - heard > self._limit(name)]
            for name in silent[:CHECKS_A_ROUND]:
                self._heard[name] = self._round
                # A quiet market is looked into ever less often, up to some 16 age limits apart.
                self._patience[name] = min(2 * self._limit(name), 32)
                self._listener.on_silent(name)

    def _limit(self, name: str) -> int:
        return self._patience.get(name, 2)

    def _take(self, text: bytes) -> None:
        try:
            frame = read_frame(text)
        except msgspec.MsgspecError as error:
            log.warning("frame.unreadable", reason=str(error), size=len(text))
            return
        kline = frame.kline
        if kline is not None:
            name = frame.stream or f"{kline.s.lower()}@kline_{kline.i}"
            if name in self._heard:
                self._heard[name] = self._round
            self._listener.on_kline(name, kline)
        elif frame.event == "serverShutdown":
            self.renew("the server is about to shut down")
        elif frame.code is not None:
            log.error("stream.refused", code=frame.code, reason=frame.msg)
