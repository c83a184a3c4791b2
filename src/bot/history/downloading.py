"""Fetches candles: the exchange's public files by month and day, with their checksums, and REST for what they lack.

What each file brought is kept before the next one is, so that a download that was ended goes on where it was. A hole
that REST cannot fill either is the exchange's own, and stands on the certificate.
"""

import asyncio
import hashlib
import io
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from bot.domain.errors import Misconfigured, Rejected
from bot.domain.market import INTERVAL_MS, Stream, next_open
from bot.history import checks, merging
from bot.history.certificate import Origin
from bot.history.checks import Gap
from bot.history.columns import Columns, made, parse
from bot.history.importing import check_sum
from bot.history.planning import Piece, pieces
from bot.history.store import Kept, Store, month_of


class Source(Protocol):
    """Where candles are fetched from."""

    async def now_ms(self) -> int:
        """Give the exchange's time."""
        ...

    async def file(self, path: str) -> bytes | None:
        """Give a public file; None when there is none."""
        ...

    async def page(self, stream: Stream, start_ms: int | None, end_ms: int | None, limit: int | None) -> Columns:
        """Give candles from REST, the forming one among them: from `start_ms` on, or else the newest up to `end_ms`.

        `limit` None gives as many as a page holds. Raises Rejected when the exchange does not know the symbol.
        """
        ...


@dataclass(slots=True)
class Outcome:
    """What a download came to. `files` were read, `rest` candles came from REST, `skipped` were there already."""

    added: int = 0
    changed: int = 0
    files: int = 0
    rest: int = 0
    skipped: int = 0
    months: dict[str, None] = field(default_factory=dict)
    gaps: dict[Gap, None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Batch:
    """What came of a piece."""

    piece: Piece
    columns: Columns | None
    origins: tuple[Origin, ...] = ()


type Tell = Callable[[int, int], None]
"""Called with how many candles are dealt with, and of how many."""


class Download:
    """Fetches one series. `jobs` files are fetched at once; `again` fetches what is kept already, too."""

    def __init__(
        self,
        stream: Stream,
        source: Source,
        store: Store,
        clock_ms: Callable[[], int],
        *,
        jobs: int = 4,
        again: bool = False,
        tell: Tell = lambda _done, _of: None,
    ) -> None:
        self._stream, self._source, self._store, self._clock_ms = stream, source, store, clock_ms
        self._jobs, self._again, self._tell = jobs, again, tell
        self._is_known = True
        """Whether REST knows the symbol: that of one that is traded no more it does not."""
        self.outcome = Outcome()

    async def run(self, since_ms: int, until_ms: int | None) -> Outcome:
        """Fetch the candles that open from `since_ms` on and have closed before `until_ms` and now."""
        now_ms = await self._source.now_ms()
        first, after = await self._bounds(since_ms, min(until_ms or now_ms, now_ms), now_ms)
        length = INTERVAL_MS[self._stream.interval]
        total = max(1, (after - first) // length)
        plan = iter(pieces(self._stream, first, after, now_ms))
        last_ms: int | None = None
        under_way: deque[tuple[Piece, asyncio.Task[_Batch] | None]] = deque()
        async with asyncio.TaskGroup() as group:
            while True:
                self._begin_more(group, plan, under_way)
                if not under_way:
                    break
                piece, task = under_way.popleft()
                if task is None:
                    self.outcome.skipped += (piece.after_ms - piece.first_ms) // length
                    last_ms = self._store.certificate(self._stream, month_of(piece.first_ms)).last_ms
                else:
                    last_ms = self._keep(await task, last_ms)
                self._tell(min(total, (piece.after_ms - first) // length), total)
        self._look_for_gaps(first, after)
        if not self.outcome.added and not self.outcome.skipped and not self.outcome.months:
            raise Misconfigured(
                f"the exchange has no candles of {self._stream.market} {self._stream.symbol} {self._stream.interval}"
                f" from {checks.when(since_ms)} on; check the symbol, the market and --since"
            )
        return self.outcome

    def _look_for_gaps(self, first_ms: int, after_ms: int) -> None:
        """Gather the holes that are left: while it went on, others were there that later files have filled."""
        for month in self._store.months(self._stream):
            if month_of(first_ms) <= month <= month_of(after_ms):
                for gap in self._store.certificate(self._stream, month).gaps:
                    if gap.first_ms < after_ms and gap.last_ms >= first_ms:
                        self.outcome.gaps[gap] = None

    def _begin_more(
        self,
        group: asyncio.TaskGroup,
        plan: Iterator[Piece],
        under_way: "deque[tuple[Piece, asyncio.Task[_Batch] | None]]",
    ) -> None:
        while len(under_way) < self._jobs and (piece := next(plan, None)):
            is_kept = not self._again and self._has(piece)
            under_way.append((piece, None if is_kept else group.create_task(self._fetch(piece))))

    async def _bounds(self, since_ms: int, until_ms: int, now_ms: int) -> tuple[int, int]:
        """Give the first candle's open time and the end of the last closed one, as far as REST can tell."""
        try:
            oldest = await self._source.page(self._stream, since_ms, None, 1)
            newest = await self._source.page(self._stream, None, until_ms - 1, 1)
        except Rejected:
            self._is_known = False
            return since_ms, until_ms
        if not len(oldest) or not len(newest):
            return since_ms, since_ms
        last = int(newest.open_time[0])
        end = next_open(last, self._stream.interval)
        return int(oldest.open_time[0]), end if end <= now_ms else last

    def _has(self, piece: Piece) -> bool:
        """Say whether everything of a piece is kept already; it lies within one month, or REST has it quickly."""
        month = month_of(piece.first_ms)
        if month_of(piece.after_ms - 1) != month or month not in self._store.months(self._stream):
            return False
        there = self._store.certificate(self._stream, month)
        sources = {one.name for one in there.sources}
        holes = _holes(self._stream, piece, there.first_ms, there.last_ms, there.gaps)
        return all(_absent(*hole) in sources for hole in holes)

    async def _fetch(self, piece: Piece) -> _Batch:
        if not piece.path:
            return await self._completed(piece, None, ())
        found = await self._file(piece.path)
        if found is not None:
            columns, origin = found
            return await self._completed(piece, columns.between(piece.first_ms, piece.after_ms), (origin,))
        if not piece.days:
            return await self._completed(piece, None, ())
        batches = [await self._fetch(day) for day in piece.days]
        whole: Columns | None = None
        for batch in batches:
            whole = _together(whole, batch.columns)
        return _Batch(piece, whole, tuple(origin for batch in batches for origin in batch.origins))

    async def _file(self, path: str) -> tuple[Columns, Origin] | None:
        """Fetch a file and check it against its checksum; one that does not fit is fetched once more."""
        for attempt in range(2):
            content = await self._source.file(path)
            if content is None:
                return None
            note = await self._source.file(f"{path}.CHECKSUM")
            digest, name = hashlib.sha256(content).hexdigest(), path.rpartition("/")[2]
            try:
                check_sum((note or b"").decode("utf-8", "replace"), digest, name)
                stream = self._stream
                columns = made(stream.market, stream.symbol, stream.interval, parse(io.BytesIO(content), name))
                checks.refuse_dirty(columns, name)
            except Misconfigured:
                if attempt:
                    raise
            else:
                self.outcome.files += 1
                return columns, Origin(name, digest)
        raise AssertionError("the second attempt either returns or raises")

    async def _completed(self, piece: Piece, columns: Columns | None, origins: tuple[Origin, ...]) -> _Batch:
        """Fill by REST what a file did not have of a piece."""
        if not self._is_known:
            return _Batch(piece, columns, origins)
        for first_ms, after_ms in _missing(self._stream, piece, columns):
            rows = await self._pages(first_ms, after_ms)
            if rows is not None:
                columns = _together(columns, rows)
                origins = (*origins, Origin(f"REST {checks.when(first_ms)}"))
                self.outcome.rest += len(rows)
        absent = _missing(self._stream, piece, columns)
        return _Batch(piece, columns, (*origins, *(Origin(_absent(*hole)) for hole in absent)))

    async def _pages(self, first_ms: int, after_ms: int) -> Columns | None:
        whole: Columns | None = None
        while first_ms < after_ms:
            page = (await self._source.page(self._stream, first_ms, after_ms - 1, None)).between(first_ms, after_ms)
            if not len(page):
                break
            whole = _together(whole, page)
            first_ms = next_open(int(page.open_time[-1]), self._stream.interval)
        return whole

    def _keep(self, batch: _Batch, last_ms: int | None) -> int | None:
        """Put what a piece brought into the store; give the open time of the newest candle so far."""
        if batch.columns is None or not len(batch.columns):
            return last_ms
        kept: Kept = self._store.put(
            batch.columns, batch.origins, self._clock_ms(), after_ms=last_ms, mark=True, replace=True
        )
        self.outcome.added += kept.added
        self.outcome.changed += kept.changed
        self.outcome.months |= dict.fromkeys(kept.months)
        return int(batch.columns.open_time[-1])


def _together(whole: Columns | None, part: Columns | None) -> Columns | None:
    if whole is None or part is None:
        return part if whole is None else whole
    return merging.merged(whole, part, replace=True)[0]


def _missing(stream: Stream, piece: Piece, columns: Columns | None) -> list[tuple[int, int]]:
    """Give the stretches of a piece without candles, each from its first open time to the one after its last."""
    if columns is None or not len(columns):
        return [(piece.first_ms, piece.after_ms)]
    return _holes(stream, piece, int(columns.open_time[0]), int(columns.open_time[-1]), checks.gaps(columns))


def _holes(stream: Stream, piece: Piece, first_ms: int, last_ms: int, gaps: Iterable[Gap]) -> list[tuple[int, int]]:
    """Give what a piece lacks of candles that reach from `first_ms` to `last_ms` with these gaps."""
    inside = [(gap.first_ms, next_open(gap.last_ms, stream.interval)) for gap in gaps]
    stretches = [(piece.first_ms, first_ms), *inside, (next_open(last_ms, stream.interval), piece.after_ms)]
    clipped = ((max(begin, piece.first_ms), min(end, piece.after_ms)) for begin, end in stretches)
    return [(begin, end) for begin, end in clipped if begin < end]


def _absent(first_ms: int, after_ms: int) -> str:
    """Name the exchange's word, as a source, that it has no candles from one time on and before another."""
    return f"REST has none from {checks.when(first_ms)} up to {checks.when(after_ms)}"
