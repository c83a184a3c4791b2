"""What the API needs from outside, and how its routers reach it."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Protocol, cast

from fastapi import Depends, Request
from sqlalchemy.ext.asyncio import AsyncSession

from bot.db.base import SessionFactory
from bot.domain.market import Candle, Stream
from bot.reporting.board import Boards

Candles = Callable[[Stream, int], Awaitable[Sequence[Candle]]]
"""Gives the newest closed candles of a series, oldest first."""

LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "[::1]"})


class Kill(Protocol):
    """The kill switch. Its notes have `account` (empty: all of them), `who`, `why`, `at_ms` and `flatten`."""

    def engage(self, who: str, why: str, account: str = "", *, flatten: bool = False) -> Any:
        """Stop an account, or all, and give the note. Never raises."""
        ...

    def is_written(self, note: Any) -> bool:
        """Say whether other processes can see a note, too."""
        ...

    def notes(self) -> Sequence[Any]:
        """Give the notes in force."""
        ...


def wall_clock_ms() -> int:
    """Give this machine's time in ms UTC."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class Deps:
    """Everything the roof hands to the API.

    `candles` None means charts without candles. `first_run_token_hash` opens the first login, see `api.security`.
    `runner_note` is the file that a runner on this machine writes again and again, to show that it lives.
    `close` is awaited when the server stops: it lets go of what the roof opened for us. `kill` is the kill switch.
    """

    sessions: SessionFactory
    sqlite_path: Path
    version: str = "0.0.0"
    allowed_hosts: Collection[str] = LOCAL_HOSTS
    now_ms: Callable[[], int] = wall_clock_ms
    candles: Candles | None = None
    first_run_token_hash: str | None = None
    runner_note: Path | None = None
    close: Callable[[], Awaitable[None]] | None = None
    kill: Kill | None = None

    def runner_age_s(self) -> float | None:
        """Give the age of the runner's note, None when there is none: no runner here, or one on another machine."""
        try:
            return None if self.runner_note is None else max(0.0, time.time() - self.runner_note.stat().st_mtime)
        except OSError:
            return None


class CandleDesk:
    """Asks for a series at most once in some seconds, however many pages want it: each one costs weight."""

    KEEP_S = 5.0
    ANSWER_S = 10.0
    MOST = 500

    def __init__(self, candles: Candles, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._candles = candles
        self._monotonic = monotonic
        self._kept: dict[tuple[Stream, int], tuple[float, Sequence[Candle]]] = {}
        self._one_at_a_time = asyncio.Lock()

    async def get(self, stream: Stream, count: int) -> Sequence[Candle]:
        """Give the newest closed candles. Raises what the source raises, and TimeoutError."""
        async with self._one_at_a_time:
            at, kept = self._kept.get((stream, count), (0.0, ()))
            if kept and self._monotonic() - at < self.KEEP_S:
                return kept
            async with asyncio.timeout(self.ANSWER_S):
                fresh = await self._candles(stream, count)
            if len(self._kept) >= self.MOST:
                self._kept.clear()
            self._kept[stream, count] = (self._monotonic(), fresh)
            return fresh


def get_deps(request: Request) -> Deps:
    """Give what the roof handed over."""
    return cast("Deps", request.app.state.deps)


def get_boards(request: Request) -> Boards:
    """Give the shared board."""
    return cast("Boards", request.app.state.boards)


async def get_session(deps: Annotated[Deps, Depends(get_deps)]) -> AsyncIterator[AsyncSession]:
    """Give a database session for one request."""
    async with deps.sessions() as session:
        yield session


DepsHere = Annotated[Deps, Depends(get_deps)]
BoardsHere = Annotated[Boards, Depends(get_boards)]
SessionHere = Annotated[AsyncSession, Depends(get_session)]
