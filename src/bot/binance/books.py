"""Live order books: streams of changes joined with snapshots, and joined anew after every gap."""

from collections.abc import Callable

import structlog

from bot.binance.book import LocalBook
from bot.binance.client import Client
from bot.binance.streams import Listener, Pace, StreamPool
from bot.binance.tasks import Tasks
from bot.binance.wire_streams import DepthEvent
from bot.domain.errors import BotError
from bot.ports import Clock

log = structlog.get_logger()

OnChange = Callable[[LocalBook], None]


class Books:
    """The books of one market. Create it inside the event loop; `close` it at the end."""

    def __init__(self, client: Client, clock: Clock, *, pace: Pace | None = None, pause_s: float = 0.5) -> None:
        self._client = client
        self._clock = clock
        self._pause_s = pause_s
        self._books: dict[str, tuple[LocalBook, OnChange]] = {}
        self._loading: set[str] = set()
        self._tasks = Tasks()
        self.resyncs = 0
        """Snapshots taken because something was missing."""
        listener = Listener(self._taker, self._on_missed, self._on_silent)
        self._pool = StreamPool(client.hosts, listener, pace, client.wires.dial)

    def open(self, symbol: str, on_change: OnChange) -> LocalBook:
        """Follow a symbol's book; `on_change` is called for each change while the book is whole."""
        name = _name(symbol)
        if name not in self._books:
            self._books[name] = (LocalBook(symbol, self._client.hosts.market), on_change)
            self._pool.want([name])
        return self._books[name][0]

    def leave(self, symbol: str) -> None:
        """Follow a symbol's book no longer."""
        self._pool.drop([_name(symbol)])
        self._books.pop(_name(symbol), None)

    async def close(self) -> None:
        """Stop everything; the client stays open, it belongs to who made it."""
        await self._tasks.close()
        await self._pool.close()

    def _taker(self, name: str) -> Callable[[DepthEvent], None]:
        book, on_change = self._books[name]

        def take(event: DepthEvent) -> None:
            if not book.take(event):
                log.warning("book.gap", stream=name, update_id=book.update_id, heard=event.U)
                self.resyncs += 1
            if not book.is_synced:
                self._start_loading(name, book)
            else:
                _tell(book, on_change)

        return take

    def _on_missed(self, names: list[str]) -> None:
        for name in names:
            if found := self._books.get(name):
                found[0].begin()
                self.resyncs += 1

    def _on_silent(self, name: str) -> None:
        if name in self._books and name not in self._loading:
            self._tasks.start(self._look_into(name, self._books[name][0]), f"book-silence-{name}")

    def _start_loading(self, name: str, book: LocalBook) -> None:
        # Only after the first change: a snapshot must not be older than what follows it.
        if name not in self._loading:
            self._loading.add(name)
            self._tasks.start(self._load(name, book), f"book-{name}")

    async def _load(self, name: str, book: LocalBook) -> None:
        try:
            while name in self._books:
                try:
                    if book.load(await self._client.depth(book.symbol)):
                        _tell(book, self._books[name][1])
                        return
                except BotError as error:
                    log.warning("book.delayed", stream=name, reason=str(error))
                await self._clock.sleep(self._pause_s)
        finally:
            self._loading.discard(name)

    async def _look_into(self, name: str, book: LocalBook) -> None:
        """Tell a quiet market from a dead stream by the exchange's own numbering."""
        before = book.update_id
        try:
            snapshot = await self._client.depth(book.symbol)
        except BotError as error:
            log.error("stream.silent", stream=name, reason=str(error))
            return
        if book.update_id == before < snapshot.lastUpdateId:
            self._pool.renew(name)


def _name(symbol: str) -> str:
    return f"{symbol.lower()}@depth@100ms"


def _tell(book: LocalBook, on_change: OnChange) -> None:
    try:
        on_change(book)
    except Exception:
        log.exception("book.undelivered", symbol=book.symbol)
