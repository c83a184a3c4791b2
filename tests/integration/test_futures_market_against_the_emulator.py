"""Our market data against the emulator's futures face: candles, tickers, marks and books over their routes."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from tests.fakes.futures_world import BTC, ETH, PACE, D, World, futures_world, until

from bot.binance import futures
from bot.binance import wire_requests as ask
from bot.binance.book import LocalBook
from bot.binance.books import Books
from bot.binance.market_data import MarketData
from bot.binance.streams import Listener, StreamPool
from bot.domain.market import Candle, Market, Stream
from bot.domain.messages import Event

MINUTE = Stream(Market.FUTURES, BTC, "1m")


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with futures_world() as made:
        yield made


class Ticker:
    """A hub of candles, and all that it delivers."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.hub = world.closes(MarketData(world.public, world.clock, pace=PACE, hole_pause_s=0.02))
        self.candles: list[Candle] = []

    def take(self, event: Event) -> None:
        assert isinstance(event, Candle)
        self.candles.append(event)


async def test_candles_come_over_the_market_route_and_go_on_where_history_ended(world: World) -> None:
    ticker = Ticker(world)
    history = await ticker.hub.history(MINUTE, 30)
    await ticker.hub.subscribe([MINUTE], ticker.take)
    await world.followed("btcusdt@kline_1m")
    for _ in range(4):
        await world.emulator.step()
    await until(lambda: len(ticker.candles) >= 4)
    times = [each.open_time for each in (*history, *ticker.candles)]
    assert times == list(range(times[0], times[0] + 60_000 * len(times), 60_000))
    told = await world.public.klines(MINUTE, limit=len(times))
    assert [(each.open, each.high, each.low, each.close, each.volume) for each in told] == [
        (each.open, each.high, each.low, each.close, each.volume) for each in (*history, *ticker.candles)
    ]


async def test_candles_missed_while_the_line_was_down_are_brought_by_rest(world: World) -> None:
    ticker = Ticker(world)
    await ticker.hub.subscribe([MINUTE], ticker.take)
    await world.followed("btcusdt@kline_1m")
    await world.emulator.step()
    await until(lambda: ticker.candles)
    rule = world.fault("drop_frame", stream="btcusdt@kline_1m", closed=True, count=2)
    for _ in range(3):
        await world.emulator.step()
    await until(lambda: len(ticker.candles) >= 4)
    assert world.hits(rule) == 2
    times = [each.open_time for each in ticker.candles]
    assert times == list(range(times[0], times[0] + 240_000, 60_000))
    assert ticker.hub.counts["repaired"] == 2


STREAMS = (
    "btcusdt@aggTrade", "btcusdt@trade", "btcusdt@bookTicker", "!bookTicker", "btcusdt@depth5", "btcusdt@markPrice",
    "btcusdt@markPrice@1s", "!markPrice@arr", "!markPrice@arr@1s", "btcusdt@miniTicker", "!miniTicker@arr",
    "btcusdt@ticker", "!ticker@arr", "btcusdt_perpetual@continuousKline_1m",
)  # fmt: skip


async def test_every_kind_of_market_stream_is_heard_on_its_route_and_read(world: World) -> None:
    heard: dict[str, Any] = {}
    listener = Listener(lambda name: lambda event: heard.update({name: event}), list.clear, heard.pop)
    pool = world.closes(StreamPool(world.hosts, listener, PACE))
    pool.want(STREAMS)
    await world.followed(*STREAMS)
    for _ in range(2):
        await world.emulator.step()
    await until(lambda: set(heard) == set(STREAMS))
    index = await world.public.call(futures.PREMIUM_INDEX, ask.OfAnySymbol(symbol=BTC))
    mark = heard["btcusdt@markPrice@1s"]
    assert not isinstance(index, list)
    assert (D(str(mark.p)), D(str(mark.i)), mark.T) == (index.markPrice, index.indexPrice, index.nextFundingTime)
    assert {each.s for each in heard["!markPrice@arr"]} == {BTC, ETH}
    assert heard["btcusdt@bookTicker"].quote(Market.FUTURES).bid < heard["btcusdt@bookTicker"].a


async def test_a_book_is_joined_by_its_chain_and_joined_anew_after_a_lost_frame(world: World) -> None:
    books = world.closes(Books(world.public, world.clock, pace=PACE, pause_s=0.02))
    seen: list[int] = []
    book = books.open(BTC, lambda each: seen.append(each.update_id))
    await world.followed("btcusdt@depth@100ms")
    for _ in range(3):
        await world.emulator.step()
    await until(lambda: book.is_synced)
    await agrees(world, book)
    assert books.resyncs == 0
    rule = world.fault("drop_frame", stream="btcusdt@depth@100ms", count=1)
    for _ in range(2):
        await world.emulator.step()
    await until(lambda: books.resyncs and book.is_synced)
    assert world.hits(rule) == 1
    await world.emulator.step()
    await agrees(world, book)
    assert books.resyncs == 1
    assert seen == sorted(seen)


async def test_a_book_of_a_quiet_market_is_looked_at_and_left_alone(world: World) -> None:
    pace = replace(PACE, age_limit_s=0.3)
    books = world.closes(Books(world.public, world.clock, pace=pace, pause_s=0.02))
    book = books.open(BTC, lambda each: None)
    await world.followed("btcusdt@depth@100ms")
    await world.emulator.step()
    await until(lambda: book.is_synced)
    first = len(looks(world))
    await until(lambda: len(looks(world)) >= first + 3)
    assert books.resyncs == 0
    assert book.update_id == world.venue.board(BTC).update_id
    await world.emulator.step()
    await until(lambda: book.update_id == world.venue.board(BTC).update_id)
    await agrees(world, book)
    assert books.resyncs == 0


def looks(world: World) -> list[Any]:
    """Give the requests for a book so far."""
    rows = world.emulator.world.truth.read(face="um", kind="request")
    return [row for row in rows if row["path"] == "/fapi/v1/depth"]


async def agrees(world: World, book: LocalBook) -> None:
    """Wait until our book is the exchange's, level by level."""
    told = await world.public.depth(BTC)

    def is_same() -> bool:
        return all(
            side.best(len(levels) + 1) == [(float(price), float(quantity)) for price, quantity in levels]
            for side, levels in ((book.bids, told.bids), (book.asks, told.asks))
        )

    await until(lambda: book.is_synced and is_same())
