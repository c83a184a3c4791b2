"""Live books: joined from stream and snapshot, and joined anew when something was missed."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from fake_binance import FakeBinance, until

from bot.binance.book import LocalBook
from bot.binance.books import Books
from bot.binance.client import build_public
from bot.binance.clock import LocalClock
from bot.binance.streams import Pace

PACE = Pace(retry_first_s=0.01, retry_max_s=0.02, control_gap_s=0.001)


class Scene:
    """A market whose snapshot the test sets."""

    def __init__(self, binance: FakeBinance, books: Books) -> None:
        self.binance = binance
        self.books = books
        self.update_id = 10
        self.is_up = True
        self.seen: list[int] = []
        binance.answers["GET /api/v3/depth"] = self._depth

    async def _depth(self, _request: web.Request) -> web.StreamResponse:
        if not self.is_up:
            return web.json_response({"code": -1121, "msg": "Invalid symbol."}, status=400)
        return web.json_response({"lastUpdateId": self.update_id, "bids": [["9", "1"]], "asks": [["10", "2"]]})

    async def change(self, first: int, last: int, bid: str = "9") -> None:
        data: dict[str, Any] = {"e": "depthUpdate", "E": last, "s": "BTCUSDT", "U": first, "u": last}
        await self.binance.push({"stream": "btcusdt@depth@100ms", "data": {**data, "b": [[bid, "5"]], "a": []}})

    def on_change(self, book: LocalBook) -> None:
        self.seen.append(book.update_id)


@pytest.fixture
async def scene(binance: FakeBinance) -> AsyncIterator[Scene]:
    client = build_public(binance.hosts)
    made = Books(client, LocalClock(), pace=PACE, pause_s=0.01)
    yield Scene(binance, made)
    await made.close()
    await client.close()


async def opened(scene: Scene) -> LocalBook:
    book = scene.books.open("BTCUSDT", scene.on_change)
    assert scene.books.open("BTCUSDT", scene.on_change) is book
    await until(lambda: scene.binance.subscribed)
    await scene.change(9, 12)
    await until(lambda: book.is_synced)
    return book


async def test_a_book_is_whole_once_a_snapshot_joins_the_first_change(scene: Scene) -> None:
    book = await opened(scene)
    assert scene.seen == [12]
    await scene.change(13, 14, bid="9.5")
    await until(lambda: scene.seen == [12, 14])
    assert book.bids.best(2) == [(9.5, 5.0), (9.0, 5.0)]
    assert scene.books.resyncs == 0


async def test_a_gap_is_mended_by_a_new_snapshot_even_when_the_exchange_refuses_at_first(scene: Scene) -> None:
    book = await opened(scene)
    scene.is_up = False
    await scene.change(20, 21)
    await until(lambda: not book.is_synced)
    assert book.quote() is None
    scene.update_id, scene.is_up = 20, True
    await until(lambda: book.update_id == 21)
    assert scene.books.resyncs == 1


async def test_after_a_break_the_book_starts_afresh(scene: Scene) -> None:
    book = await opened(scene)
    scene.binance.subscribed.clear()
    await scene.binance.drop()
    await until(lambda: scene.binance.subscribed and not book.is_synced)
    scene.update_id = 40
    await scene.change(40, 41)
    await until(lambda: book.update_id == 41)


async def test_a_listeners_fault_and_late_frames_harm_no_book(scene: Scene) -> None:
    def fails(_book: LocalBook) -> None:
        raise RuntimeError("full")

    book = scene.books.open("BTCUSDT", fails)
    await until(lambda: scene.binance.subscribed)
    await scene.change(9, 12)
    await until(lambda: book.is_synced)
    scene.books.leave("BTCUSDT")
    await until(lambda: not scene.binance.subscribed)
    await scene.change(13, 14)
    assert book.update_id == 12


async def test_a_silent_stream_whose_book_moves_on_is_renewed(binance: FakeBinance) -> None:
    client = build_public(binance.hosts)
    books = Books(client, LocalClock(), pace=Pace(age_limit_s=0.02, control_gap_s=0.001, retry_first_s=0.01))
    scene = Scene(binance, books)
    await opened(scene)
    scene.update_id = 99
    await until(lambda: len(binance.sockets) == 2)
    await books.close()
    await client.close()
