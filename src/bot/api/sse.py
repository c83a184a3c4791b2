"""Live events: one poller for the whole process asks the database, every listener gets what it found.

It asks once a second, and only while somebody listens. A listener that reads too slowly is let go; its browser comes
back by itself and gets the whole picture first.
"""

import asyncio
import secrets
import signal
import threading
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType

import msgspec
import structlog
from pydantic import BaseModel, TypeAdapter
from sqlalchemy import RowMapping
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from bot.api import present, schemas
from bot.db.base import Mode, SessionFactory
from bot.reporting import queries
from bot.reporting.board import Board, Boards

log = structlog.get_logger()

_EQUITY = TypeAdapter(list[schemas.EquityEvent])
_KINDS: tuple[tuple[str, str, type[BaseModel]], ...] = (
    ("order", queries.ORDERS, schemas.OrderEvent),
    ("trade", queries.TRADES, schemas.TradeEvent),
    ("decision", queries.DECISIONS, schemas.DecisionEvent),
)


class Frame(msgspec.Struct, frozen=True):
    """One event as it goes to every listener: its payload is JSON already."""

    number: int
    event: str
    data: str


class Listener:
    """One open page."""

    def __init__(self, room: int) -> None:
        self._frames: asyncio.Queue[Frame | None] = asyncio.Queue(room + 1)
        self.is_gone = False

    def offer(self, frame: Frame) -> None:
        """Hand a frame over, or let the listener go when it has no room left."""
        if self.is_gone:
            return
        if self._frames.qsize() >= self._frames.maxsize - 1:
            self.dismiss()
        else:
            self._frames.put_nowait(frame)

    def dismiss(self) -> None:
        """End the stream once what is queued has been read."""
        if not self.is_gone:
            self.is_gone = True
            self._frames.put_nowait(None)

    async def frames(self) -> AsyncIterator[Frame]:
        """Give frames until dismissed."""
        while (frame := await self._frames.get()) is not None:
            yield frame


class Hub:
    """Finds what is new, and tells everybody who listens."""

    OVERVIEW_S = 5.0
    KEPT = 500
    LOOK_BACK = 100
    """Ids may become visible out of order, so each look starts this far behind the last one."""

    def __init__(self, sessions: SessionFactory, boards: Boards, *, every_s: float = 1.0, room: int = 500) -> None:
        self._sessions = sessions
        self._boards = boards
        self._every_s = every_s
        self._room = room
        self.picture = present.Picture()
        self._epoch = secrets.token_hex(4)
        self._number = 0
        self._kept: deque[Frame] = deque(maxlen=self.KEPT)
        self._listeners: set[Listener] = set()
        self._wanted = asyncio.Event()
        self._seen = _Seen()

    @property
    def listeners(self) -> int:
        """How many pages are open."""
        return len(self._listeners)

    @property
    def is_polling(self) -> bool:
        """True while the database is asked."""
        return self._wanted.is_set()

    @property
    def has_looked(self) -> bool:
        """True once the poller knows where every ledger stands: from here on, what comes is news."""
        return self._seen.is_complete

    def event_id(self, frame: Frame) -> str:
        """Give the id by which a browser asks for what it missed."""
        return f"{self._epoch}-{frame.number}"

    async def listen(self, last_event_id: str = "") -> AsyncIterator[Frame]:
        """Give the whole picture, then what was missed since `last_event_id`, then what happens."""
        listener = Listener(self._room)
        with suppress(SQLAlchemyError, OSError):
            board = await self._boards.get()
            listener.offer(Frame(self._number, "overview", self.picture.json(board)))
        for frame in self._missed(last_event_id):
            listener.offer(frame)
        self._listeners.add(listener)
        self._wanted.set()
        try:
            async for frame in listener.frames():
                yield frame
        finally:
            self._listeners.discard(listener)

    def close(self) -> None:
        """End every stream, so that the server can stop."""
        for listener in self._listeners:
            listener.dismiss()

    async def run(self) -> None:
        """Look for news while somebody listens, until cancelled."""
        loop = asyncio.get_running_loop()
        overview_at = 0.0
        while True:
            if not self._listeners:
                self._wanted.clear()
                await self._wanted.wait()
                self._seen = _Seen()
            try:
                board = await self._boards.get()
                await self._tell_news(board)
                if loop.time() >= overview_at:
                    overview_at = loop.time() + self.OVERVIEW_S
                    self._tell("overview", self.picture.json(board), keep=False)
            except (SQLAlchemyError, OSError, ValueError) as error:
                log.warning("events.delayed", reason=f"{type(error).__name__}: {error}")
            await asyncio.sleep(self._every_s)

    async def _tell_news(self, board: Board) -> None:
        modes = sorted({row.facts.mode for row in board.rows})
        async with self._sessions() as session:
            found = await session.run_sync(_look, modes, self._seen, self.LOOK_BACK)
        for event, shape, row in found:
            self._tell(event, shape.model_validate(dict(row)).model_dump_json())
        if marks := present.equity_events(board, self._seen.marks):
            self._tell("equity", _EQUITY.dump_json(marks).decode(), keep=False)

    def _tell(self, event: str, data: str, *, keep: bool = True) -> None:
        self._number += 1
        frame = Frame(self._number, event, data)
        if keep:
            self._kept.append(frame)
        for listener in tuple(self._listeners):
            listener.offer(frame)

    def _missed(self, last_event_id: str) -> list[Frame]:
        epoch, _, number = last_event_id.partition("-")
        if epoch != self._epoch or not number.isdecimal() or len(number) > 18:
            return []
        return [frame for frame in self._kept if frame.number > int(number)]


class _Seen:
    """What was told already."""

    MOST = 5_000

    def __init__(self) -> None:
        self.last: dict[tuple[Mode, str], int] = {}
        self.marks: dict[int, int] = {}
        self.is_complete = False
        self._rows: OrderedDict[tuple[object, ...], None] = OrderedDict()

    def is_new(self, mode: Mode, event: str, row: RowMapping) -> bool:
        """Say whether a row, as it stands now, was not told yet; it counts as told from here on."""
        key = (mode, event, row["id"], row.get("status"), row.get("filled"))
        if key in self._rows:
            return False
        self._rows[key] = None
        if len(self._rows) > self.MOST:
            self._rows.popitem(last=False)
        return True


def _look(
    session: Session, modes: Sequence[Mode], seen: _Seen, look_back: int
) -> list[tuple[str, type[BaseModel], RowMapping]]:
    """Give rows that are new or changed. The first look at a ledger only notes where it stands."""
    found: list[tuple[str, type[BaseModel], RowMapping]] = []
    for mode in modes:
        queries.use_ledger(session, mode)
        highest = dict(zip(("order", "trade", "decision"), queries.last_ids(session), strict=True))
        for event, rows_of, shape in _KINDS:
            is_first = (mode, event) not in seen.last
            after = seen.last.get((mode, event), highest[event]) - look_back
            rows = queries.news(session, rows_of, after)
            fresh = [row for row in rows if seen.is_new(mode, event, row)]
            seen.last[mode, event] = max([highest[event] if is_first else after + look_back, *(r["id"] for r in rows)])
            found += [] if is_first else [(event, shape, row) for row in fresh]
    seen.is_complete = True
    return found


@contextmanager
def closed_by_signals(hub: Hub) -> Iterator[None]:
    """End the streams as soon as the process is asked to stop: a server waits for open answers before it does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    before = {name: signal.getsignal(name) for name in (signal.SIGINT, signal.SIGTERM)}

    def stop(name: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(hub.close)
        handler = before[signal.Signals(name)]
        if callable(handler):
            handler(name, frame)

    hooked = [name for name, handler in before.items() if callable(handler)]
    for name in hooked:
        signal.signal(name, stop)
    try:
        yield
    finally:
        for name in hooked:
            signal.signal(name, before[name])
