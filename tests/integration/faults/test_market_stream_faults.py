"""Every fault of market streams, switched on over the control port: candles without holes, books that are the exchange's."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest

from bot.binance.book import LocalBook
from bot.binance.books import Books
from bot.binance.market_data import MarketData
from bot.binance.streams import Listener, StreamPool
from bot.domain.market import Candle, Market, Stream
from bot.domain.messages import Event
from bot.emulator.faults import COIN_M, FOREIGN_SYMBOL

from .scene import BTC, PACE, Scene, a_scene, until

MINUTE_MS = 60_000
PINGS_S = 0.05
SHARP = replace(PACE, age_limit_s=0.2)
"""Silence is looked into soon."""
FRAME_FAULTS: list[tuple[str, dict[str, Any]]] = [
    ("drop_frame", {"script": "x.."}), ("drop_frame", {"count": 40}), ("duplicate_frame", {}),
    ("reorder_frame", {"script": "x.."}), ("delay_frame", {"delay_ms": 30, "script": "x.."}),
    ("disconnect", {"count": 1}), ("disconnect", {"script": "......x", "count": 3}), ("extra_keys", {}),
]  # fmt: skip
CONTROL_FAULTS = ["disconnect", "server_shutdown", "a day"]


@pytest.fixture(params=list(Market))
async def scene(request: pytest.FixtureRequest) -> AsyncIterator[Scene]:
    """Give a scene whose server pings often."""
    async with a_scene(request.param, ping_every_s=PINGS_S) as made:
        yield made


class Ticker:
    """A hub of candles, and all that it delivers."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.stream = Stream(scene.market, BTC, "1m")
        self.hub = scene.closes(MarketData(scene.public, scene.clock, pace=SHARP, hole_pause_s=0.02))
        self.candles: list[Candle] = []

    def take(self, event: Event) -> None:
        assert isinstance(event, Candle)
        self.candles.append(event)

    async def open(self, *, is_heard: bool = True) -> None:
        await self.hub.subscribe([self.stream], self.take)
        if is_heard:
            await until(lambda: self.scene.listens("btcusdt@kline_1m"))
            await plays(self.scene, lambda: self.candles)

    async def goes_on(self, count: int = 8) -> None:
        """Play until so many candles more have come, and see that they are the exchange's, each once."""
        wanted = len(self.candles) + count
        await plays(self.scene, lambda: len(self.candles) >= wanted)
        times = [each.open_time for each in self.candles]
        assert times == list(range(times[0], times[0] + MINUTE_MS * len(times), MINUTE_MS))
        rows = {each.open_time: each for each in await self.scene.public.klines(self.stream, start=times[0])}
        assert [rows[each.open_time] for each in self.candles] == self.candles


async def plays(scene: Scene, condition: Callable[[], object]) -> None:
    """Play candle by candle until something is true."""
    async with asyncio.timeout(30):
        while not condition():
            await scene.step()
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(("kind", "rule"), [*FRAME_FAULTS, ("drop_frame", {"closed": True, "count": 2})])
async def test_candles_come_each_once_whatever_happens_to_their_frames(
    scene: Scene, kind: str, rule: dict[str, Any]
) -> None:
    ticker = Ticker(scene)
    await ticker.open()
    number = await scene.fault(kind, stream="*@kline_1m", **rule)
    await ticker.goes_on()
    assert await scene.hits(number)


@pytest.mark.parametrize("how", CONTROL_FAULTS)
async def test_candles_go_on_when_their_connection_ends(scene: Scene, how: str) -> None:
    ticker = Ticker(scene)
    await ticker.open()
    await ends(scene, how)
    await ticker.goes_on()


async def test_a_subscription_that_is_acknowledged_and_silent_is_made_again(scene: Scene) -> None:
    rule = await scene.fault("silent_ack", count=1)
    ticker = Ticker(scene)
    await ticker.open(is_heard=False)
    await scene.struck(rule)
    await plays(scene, lambda: scene.listens("btcusdt@kline_1m"))
    await ticker.goes_on()


async def test_pings_without_data_are_answered(scene: Scene) -> None:
    ticker = Ticker(scene)
    await ticker.open()
    rule = await scene.fault("empty_ping")
    await scene.struck(rule, 6)
    await ticker.goes_on()


@pytest.mark.parametrize(("kind", "rule"), FRAME_FAULTS)
async def test_a_book_is_the_exchanges_again_whatever_happens_to_its_frames(
    scene: Scene, kind: str, rule: dict[str, Any]
) -> None:
    book = await a_book(scene)
    number = await scene.fault(kind, stream="*@depth@100ms", **rule)
    await scene.step(3)
    await scene.struck(number)
    await scene.control("DELETE", f"/_faults?id={number}")
    await agrees(scene, book)


@pytest.mark.parametrize("how", CONTROL_FAULTS)
async def test_a_book_is_joined_anew_when_its_connection_ends(scene: Scene, how: str) -> None:
    book = await a_book(scene)
    await ends(scene, how)
    await scene.step(2)
    await agrees(scene, book)


async def ends(scene: Scene, how: str) -> None:
    if how == "a day":
        await scene.pass_time(86_400_000)
    else:
        await scene.control("POST", "/_connections", {"how": how, "face": scene.face})


async def a_book(scene: Scene) -> LocalBook:
    books = scene.closes(Books(scene.public, scene.clock, pace=SHARP, pause_s=0.02))
    book = books.open(BTC, lambda _: None)
    await until(lambda: scene.listens("btcusdt@depth@100ms"))
    await agrees(scene, book)
    return book


async def agrees(scene: Scene, book: LocalBook) -> None:
    """Play until our book is the exchange's, level by level."""
    async with asyncio.timeout(30):
        while True:
            await scene.step()
            told = await scene.public.depth(BTC)
            if book.is_synced and all(
                side.best(len(levels) + 1) == [(float(price), float(quantity)) for price, quantity in levels]
                for side, levels in ((book.bids, told.bids), (book.asks, told.asks))
            ):
                return


async def test_contracts_of_the_other_product_are_told_apart() -> None:
    async with a_scene(Market.FUTURES) as scene:
        heard: list[Any] = []
        listener = Listener(lambda _: heard.extend, list.clear, lambda _: None)
        scene.closes(StreamPool(scene.hosts, listener, PACE)).want(["!markPrice@arr"])
        await until(lambda: scene.listens("!markPrice@arr"))
        await scene.fault("foreign_symbols", stream="!markPrice@arr")
        await plays(scene, lambda: len(heard) >= 4)
        assert {(each.s, each.st) for each in heard} == {(BTC, 1), (FOREIGN_SYMBOL, COIN_M)}
