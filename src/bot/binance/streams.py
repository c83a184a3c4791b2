"""Combined market streams: as few connections as hold all the wanted names, kept alive and watched.

A connection that ends or falls silent is replaced, and whoever listens is told, because frames were missed. One that
grows old, or is told to go, is left only when its successor delivers: then nothing is missed, and some come twice.
"""

import asyncio
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import msgspec
import structlog

from bot.binance.hosts import Hosts
from bot.binance.tasks import Tasks
from bot.binance.wire_streams import read_control, reader_for
from bot.binance.wires import NETWORK, Dial, Line
from bot.domain.errors import Unavailable

log = structlog.get_logger()

STREAMS_MAX = 1_024
"""Streams on one connection."""
_PREFIX = b'{"stream":"'
CHECKS_A_ROUND = 5
"""Silent streams looked into at once: each costs a request, and one dead stream is enough to renew a connection."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Limits in time, all in real seconds. An accelerated replay wants a shorter `age_limit_s`, a slow one a longer."""

    age_limit_s: float = 10.0
    """Kline streams speak each two seconds of exchange time; a longer silence is looked into."""
    life_s: float = 23 * 3600.0
    """The exchange ends every connection after 24 h."""
    overlap_s: float = 2.0
    """How long an old connection goes on beside its successor, once that is subscribed."""
    retry_first_s: float = 0.25
    retry_max_s: float = 30.0
    control_gap_s: float = 0.25
    """Between control messages: at most five a second are allowed, pongs among them."""
    control_batch: int = 100


class Listener:
    """What a pool tells its owner; all are called in the event loop and must not block."""

    def __init__(
        self,
        taker: Callable[[str], Callable[[Any], None]],
        on_missed: Callable[[list[str]], None],
        on_silent: Callable[[str], None],
    ) -> None:
        self.taker = taker
        """Gives what takes the events of a stream, by the stream's name."""
        self.on_missed = on_missed
        """These streams are subscribed again after a break: frames between are lost."""
        self.on_silent = on_silent
        """This stream says nothing while its connection lives: a quiet market, a dead stream, or a name unknown?"""


class StreamPool:
    """All streams of one market's hosts."""

    def __init__(self, hosts: Hosts, listener: Listener, pace: Pace | None = None, dial: Dial = NETWORK.dial) -> None:
        self._hosts = hosts
        self._dial = dial
        self._listener = listener
        self._pace = pace or Pace()
        self._connections: list[Connection] = []
        self._tasks = Tasks()

    def want(self, names: Iterable[str]) -> None:
        """Open these streams, if they are not; frames come when the exchange has taken the subscription."""
        for name in names:
            if not any(connection.carries(name) for connection in self._connections):
                self._with_room(self._hosts.stream_url(name)).add(name)

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

    def ages_s(self) -> dict[str, float | None]:
        """Give how long ago each stream spoke, to half an age limit; None for those that never did."""
        return {name: age for connection in self._connections for name, age in connection.ages_s()}

    async def close(self) -> None:
        """Close all connections."""
        await self._tasks.close()

    def _with_room(self, url: str) -> "Connection":
        for connection in self._connections:
            if connection.url == url and connection.has_room:
                return connection
        connection = Connection(url, self._hosts, self._listener, self._pace, self._dial)
        self._connections.append(connection)
        self._tasks.start(connection.run(), name=f"streams-{len(self._connections)}")
        return connection


class Ear:
    """What a connection knows of one stream."""

    __slots__ = ("asked", "heard", "name", "patience", "read", "take")

    def __init__(self, name: str, read: Callable[[bytes], Any], take: Callable[[Any], None], now: int) -> None:
        self.name = name
        self.read = read
        self.take = take
        self.asked = now
        """The round in which it was subscribed, or looked into."""
        self.heard = -1
        """The round in which it spoke last; -1 when it never did."""
        self.patience = 2
        """Rounds of silence that are borne."""

    def silence(self, now: int) -> int:
        """Give for how many rounds it has said nothing and was left alone."""
        return now - max(self.heard, self.asked)


class Connection:
    """One connection with its names; `run` lives until cancelled."""

    def __init__(self, url: str, hosts: Hosts, listener: Listener, pace: Pace, dial: Dial) -> None:
        self.url = url
        self._dial = dial
        self._market = hosts.market
        self._listener = listener
        self._pace = pace
        self._ears: dict[str, Ear] = {}
        self._read: Callable[[bytes], Any] | None = None
        """What reads all streams of this connection, when they are of one kind."""
        self._joining: dict[str, None] = {}
        self._leaving: dict[str, None] = {}
        self._todo = asyncio.Event()
        self._end = asyncio.Event()
        self._is_missing = False
        """Whether the end that is under way loses frames."""
        self._is_taking_over = False
        self._round = 0
        self._message_id = 0
        self._acknowledged = 0
        self._taken = asyncio.Event()

    @property
    def has_room(self) -> bool:
        """True while one more stream fits."""
        return len(self._ears) < STREAMS_MAX

    def carries(self, name: str) -> bool:
        """Say whether this stream is here."""
        return name in self._ears

    def ages_s(self) -> list[tuple[str, float | None]]:
        """Give how long ago each stream spoke; None for those that never did."""
        round_s = self._pace.age_limit_s / 2
        return [
            (ear.name, (self._round - ear.heard) * round_s if ear.heard >= 0 else None) for ear in self._ears.values()
        ]

    def add(self, name: str) -> None:
        """Subscribe to a stream, now or as soon as connected."""
        read = reader_for(name, self._market)
        self._ears[name] = Ear(name, read, self._listener.taker(name), self._round)
        self._read = read if all(ear.read is read for ear in self._ears.values()) else None
        self._leaving.pop(name, None)
        self._joining[name] = None
        self._todo.set()

    def remove(self, name: str) -> None:
        """Unsubscribe from a stream."""
        if self._ears.pop(name, None) is not None:
            if name in self._joining:
                del self._joining[name]
            else:
                self._leaving[name] = None
            self._todo.set()

    def renew(self, why: str) -> None:
        """Replace the connection; what it did not tell is lost."""
        log.warning("stream.renewed", url=self.url, reason=why)
        self._is_missing = True
        self._end.set()

    async def run(self) -> None:
        """Connect, subscribe, watch; again and again."""
        failures = 0
        is_again = False
        old: Line | None = None
        socket: Line | None = None
        try:
            while True:
                try:
                    socket = await self._dial(self.url, self._take)
                except Unavailable as error:
                    failures += 1
                    log.warning("stream.unreachable", reason=str(error), attempt=failures)
                else:
                    failures = 0
                    await self._live(socket, old, is_again=is_again)
                    is_again = True
                    old, socket = socket, None
                    if not self._is_missing:
                        continue
                    await old.close()
                    old = None
                await asyncio.sleep(self._delay(failures))
        finally:
            for each in (old, socket):
                if each is not None:
                    await each.close()

    def _delay(self, failures: int) -> float:
        longest = min(self._pace.retry_max_s, self._pace.retry_first_s * 2.0 ** min(failures, 16))
        return longest * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, not a secret

    async def _live(self, socket: Line, old: Line | None, *, is_again: bool) -> None:
        """Serve a connection until it ends; `old` goes on delivering until this one does."""
        self._end = asyncio.Event()
        self._is_missing = False
        self._is_taking_over = old is not None
        self._joining, self._leaving = dict.fromkeys(self._ears), {}
        for ear in self._ears.values():
            ear.asked = self._round
        self._todo.set()
        helpers = Tasks()
        helpers.start(self._control(socket, old, is_again=is_again), "stream-control")
        helpers.start(self._watch(), "stream-watch")
        helpers.start(self._follow(socket), "stream-follow")
        try:
            life_s = self._pace.life_s * random.uniform(0.97, 1.0)  # noqa: S311 - so that connections do not end together
            async with asyncio.timeout(life_s):
                await self._end.wait()
        except TimeoutError:
            log.info("stream.aged", url=self.url)
        finally:
            await helpers.close()
            if old is not None:
                await old.close()

    async def _follow(self, socket: Line) -> None:
        await socket.gone.wait()
        log.warning("stream.lost", url=self.url, streams=len(self._ears))
        self._is_missing = True
        self._end.set()

    async def _control(self, socket: Line, old: Line | None, *, is_again: bool) -> None:
        """Send what has to be (un)subscribed, few messages a second, many names a message."""
        missed = list(self._joining) if is_again else []
        while True:
            await self._todo.wait()
            self._todo.clear()
            while self._joining or self._leaving:
                waiting, method = (self._leaving, "UNSUBSCRIBE") if self._leaving else (self._joining, "SUBSCRIBE")
                batch = list(waiting)[: self._pace.control_batch]
                for name in batch:
                    del waiting[name]
                    if method == "SUBSCRIBE" and (ear := self._ears.get(name)):
                        ear.asked = self._round
                self._message_id += 1
                socket.send(msgspec.json.encode({"method": method, "params": batch, "id": self._message_id}))
                await asyncio.sleep(self._pace.control_gap_s)
            if old is not None and await self._took_over(old):
                missed = []
            old = None
            if missed:
                self._listener.on_missed(missed)
                missed = []

    async def _took_over(self, old: Line) -> bool:
        """Wait until the new connection delivers, then leave the old one; False when that went too early."""
        try:
            async with asyncio.timeout(self._pace.age_limit_s):
                while self._acknowledged < self._message_id:
                    self._taken.clear()
                    await self._taken.wait()
        except TimeoutError:
            log.warning("stream.unacknowledged", url=self.url)
        has_lasted = not old.gone.is_set()
        if has_lasted:
            await asyncio.sleep(self._pace.overlap_s)
        await old.close()
        self._is_taking_over = False
        return has_lasted

    async def _watch(self) -> None:
        """Count rounds of half an age limit: cheaper than reading a clock for each frame."""
        while True:
            await asyncio.sleep(self._pace.age_limit_s / 2)
            self._round += 1
            for ear in self._ears.values():
                if ear.heard == self._round - 1 and ear.patience > 2:
                    ear.patience -= 1
            silent = [ear for ear in self._ears.values() if ear.silence(self._round) > ear.patience]
            for ear in silent[:CHECKS_A_ROUND]:
                ear.asked = self._round
                # A quiet market is looked into ever less often, up to some 16 age limits apart.
                ear.patience = min(2 * ear.patience, 32)
                if ear.heard < 0:
                    log.warning("stream.never_spoke", stream=ear.name, url=self.url)
                self._listener.on_silent(ear.name)

    def _take(self, text: bytes) -> None:
        read = self._read or self._reader_of(text)
        if read is None:
            self._take_other(text)
            return
        try:
            frame = read(text)
        except msgspec.MsgspecError as error:
            self._take_other(text, str(error))
            return
        ear = self._ears.get(frame.stream)
        if ear is not None:  # (else it was left a moment ago)
            ear.heard = self._round
            ear.take(frame.data)

    def _reader_of(self, text: bytes) -> Callable[[bytes], Any] | None:
        if not text.startswith(_PREFIX):
            return None
        ear = self._ears.get(text[11 : text.find(b'"', 11)].decode())
        return ear.read if ear is not None else None

    def _take_other(self, text: bytes, fault: str = "") -> None:
        """Take what is no readable frame of a stream of ours: a reply, news of the server, or nonsense."""
        try:
            frame = read_control(text)
        except msgspec.MsgspecError as error:
            log.warning("frame.unreadable", reason=str(error), size=len(text))
            return
        if frame.event == "serverShutdown":
            log.warning("stream.shutdown", url=self.url)
            if not self._is_taking_over:  # (else it is the old connection that says so again)
                self._end.set()
        elif frame.code is not None or bytes(frame.error):
            log.error("stream.refused", code=frame.code, reason=frame.msg or bytes(frame.error).decode())
        elif isinstance(frame.id, int):
            self._acknowledged = max(self._acknowledged, frame.id)
            self._taken.set()
        elif frame.stream in self._ears:
            self._take_turned(self._ears[frame.stream], text, fault)

    def _take_turned(self, ear: Ear, text: bytes, fault: str) -> None:
        """Take a frame that is written in another order than usual, unless it was found unreadable."""
        try:
            event = ear.read(text)
        except msgspec.MsgspecError as error:
            log.warning("frame.unreadable", stream=ear.name, reason=fault or str(error), size=len(text))
            return
        ear.heard = self._round
        ear.take(event.data)
