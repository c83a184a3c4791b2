"""The hub: each closed candle once, in order, without holes, whatever the wire does."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from fake_binance import FakeBinance, kline, opened, row, until

from bot.binance.client import build_public
from bot.binance.clock import LocalClock
from bot.binance.market_data import MarketData
from bot.binance.streams import Pace
from bot.domain.errors import Rejected
from bot.domain.market import Candle, Market, Stream
from bot.domain.messages import Event

STREAM = Stream(Market.SPOT, "BTCUSDT", "1m")
QUICK = Pace(age_limit_s=60.0, retry_first_s=0.01, retry_max_s=0.05, control_gap_s=0.01)


class Inbox:
    """A consumer that keeps what it got."""

    def __init__(self) -> None:
        self.candles: list[Candle] = []

    def __call__(self, event: Event) -> None:
        assert isinstance(event, Candle)
        self.candles.append(event)

    @property
    def numbers(self) -> list[int]:
        return [(candle.open_time - opened(0)) // 60_000 for candle in self.candles if candle.is_closed]


@pytest.fixture
async def hub(binance: FakeBinance) -> AsyncIterator[MarketData]:
    async with make_hub(binance, QUICK) as made:
        yield made


@asynccontextmanager
async def make_hub(binance: FakeBinance, pace: Pace) -> AsyncIterator[MarketData]:
    client = build_public(binance.hosts)
    hub = MarketData(client, LocalClock(), pace=pace, hole_pause_s=0.01)
    yield hub
    await hub.close()
    await client.close()


async def joined(binance: FakeBinance, hub: MarketData, *, open_candles: bool = False) -> Inbox:
    inbox = Inbox()
    await hub.subscribe([STREAM], inbox, open_candles=open_candles)
    await until(lambda: binance.subscribed)
    return inbox


async def test_closed_candles_arrive_in_order_and_forming_ones_only_on_request(
    binance: FakeBinance, hub: MarketData
) -> None:
    plain = await joined(binance, hub)
    eager = await joined(binance, hub, open_candles=True)
    await binance.push(kline(0, closed=False), kline(0), kline(1, closed=False), kline(1))
    await until(lambda: plain.numbers == [0, 1])
    assert [candle.is_closed for candle in plain.candles] == [True, True]
    assert [candle.is_closed for candle in eager.candles] == [False, True, False, True]


async def test_many_consumers_share_one_subscription_on_the_wire(binance: FakeBinance, hub: MarketData) -> None:
    inboxes = [await joined(binance, hub) for _ in range(20)]
    await binance.push(kline(0))
    await until(lambda: all(inbox.numbers == [0] for inbox in inboxes))
    assert [control["params"] for control in binance.controls] == [["btcusdt@kline_1m"]]


async def test_a_duplicate_is_dropped(binance: FakeBinance, hub: MarketData) -> None:
    inbox = await joined(binance, hub)
    await binance.push(kline(0), kline(0), kline(1), kline(0), kline(1), kline(2))
    await until(lambda: 2 in inbox.numbers)
    assert inbox.numbers == [0, 1, 2]
    assert hub.counts["duplicates"] == 3


async def test_a_hole_is_filled_by_rest_before_the_later_candle(binance: FakeBinance, hub: MarketData) -> None:
    binance.rows = [row(number) for number in range(10)]
    inbox = await joined(binance, hub)
    await binance.push(kline(0), kline(4), kline(5))
    await until(lambda: 5 in inbox.numbers)
    assert inbox.numbers == [0, 1, 2, 3, 4, 5]
    assert hub.counts["repaired"] == 3


async def test_candles_out_of_order_are_put_in_order(binance: FakeBinance, hub: MarketData) -> None:
    binance.rows = [row(number) for number in range(10)]
    inbox = await joined(binance, hub)
    await binance.push(kline(0), kline(2), kline(1), kline(3))
    await until(lambda: 3 in inbox.numbers)
    assert inbox.numbers == [0, 1, 2, 3]


async def test_a_close_that_was_never_told_shows_by_the_next_forming_candle(
    binance: FakeBinance, hub: MarketData
) -> None:
    binance.rows = [row(number) for number in range(10)]
    inbox = await joined(binance, hub)
    await binance.push(kline(0), kline(1, closed=False), kline(2, closed=False))
    await until(lambda: inbox.numbers == [0, 1])


async def test_an_outage_of_the_exchange_is_passed_over(binance: FakeBinance, hub: MarketData) -> None:
    binance.rows = [row(0), row(1), row(5), row(6)]
    inbox = await joined(binance, hub)
    await binance.push(kline(0), kline(5), kline(6))
    await until(lambda: 6 in inbox.numbers)
    assert inbox.numbers == [0, 1, 5, 6]
    assert hub.counts["absent"] == 1


async def test_after_a_break_the_missed_candles_are_brought(binance: FakeBinance, hub: MarketData) -> None:
    inbox = await joined(binance, hub)
    await binance.push(kline(0))
    await until(lambda: inbox.numbers == [0])
    binance.rows = [row(number) for number in range(5)]
    await binance.drop()
    await until(lambda: inbox.numbers == [0, 1, 2, 3])  # number 4 is still forming
    await binance.push(kline(4), kline(5))
    await until(lambda: inbox.numbers == [0, 1, 2, 3, 4, 5])


async def test_a_silent_stream_whose_market_moves_is_opened_again(binance: FakeBinance) -> None:
    pace = Pace(age_limit_s=0.05, retry_first_s=0.01, retry_max_s=0.05, control_gap_s=0.01)
    async with make_hub(binance, pace) as hub:
        inbox = await joined(binance, hub)
        await binance.push(kline(0), kline(1, closed=False, volume="0.1"))
        await until(lambda: inbox.numbers == [0])
        binance.rows = [row(number) for number in range(3)]
        await until(lambda: len(binance.sockets) > 1)
        await until(lambda: inbox.numbers == [0, 1])


async def test_a_quiet_market_is_no_dead_stream(binance: FakeBinance) -> None:
    binance.rows = [row(0)]
    pace = Pace(age_limit_s=0.02, control_gap_s=0.001)
    async with make_hub(binance, pace) as hub:
        await joined(binance, hub)
        await binance.push(kline(0, closed=False))
        await until(lambda: len(binance.seen("GET /api/v3/klines")) >= 3)
        assert len(binance.sockets) == 1


async def test_what_closed_between_history_and_subscription_is_delivered(binance: FakeBinance, hub: MarketData) -> None:
    binance.rows = [row(number) for number in range(4)]
    known = await hub.history(STREAM, 2)
    assert [candle.open_time for candle in known] == [opened(1), opened(2)]
    binance.rows = [row(number) for number in range(8)]
    inbox = await joined(binance, hub)
    await binance.push(kline(6, closed=False))
    await until(lambda: inbox.numbers == [3, 4, 5])


async def test_a_late_consumer_goes_on_where_its_history_ended(binance: FakeBinance, hub: MarketData) -> None:
    first = await joined(binance, hub)
    await binance.push(kline(0), kline(1))
    await until(lambda: first.numbers == [0, 1])
    binance.rows = [row(0), row(1)]
    known = await hub.history(STREAM, 1)
    assert [candle.open_time for candle in known] == [opened(1)]  # the stream knows already that it is closed
    await binance.push(kline(2))
    await until(lambda: first.numbers == [0, 1, 2])
    late, bystander = Inbox(), Inbox()
    await hub.subscribe([STREAM], late)
    await hub.subscribe([STREAM], bystander)
    await binance.push(kline(3))
    await until(lambda: first.numbers == [0, 1, 2, 3])
    assert late.numbers == [2, 3]
    assert bystander.numbers == [3]


async def test_a_consumer_that_joins_before_it_reads_history_has_no_hole_between(
    binance: FakeBinance, hub: MarketData
) -> None:
    inbox = await joined(binance, hub)
    binance.rows = [row(number) for number in range(6)]
    known = await hub.history(STREAM, 2)  # number 5 may be forming, as far as REST tells
    assert known[-1].open_time == opened(4)
    await binance.push(kline(6, closed=False))
    await until(lambda: inbox.numbers == [5])


async def test_history_pages_back_as_far_as_asked(binance: FakeBinance, hub: MarketData) -> None:
    binance.rows = [row(number) for number in range(2500)]
    candles = await hub.history(STREAM, 2400)
    assert [candle.open_time for candle in candles] == [opened(number) for number in range(99, 2499)]


async def test_a_stream_ends_with_its_last_consumer(binance: FakeBinance, hub: MarketData) -> None:
    one, other = Inbox(), Inbox()
    first = await hub.subscribe([STREAM], one)
    second = await hub.subscribe([STREAM], other)
    await until(lambda: binance.subscribed)
    await first.close()
    await binance.push(kline(0))
    await until(lambda: other.numbers == [0])
    assert one.numbers == []
    await second.close()
    await until(lambda: not binance.subscribed)


async def test_a_candle_with_impossible_prices_is_not_delivered(binance: FakeBinance, hub: MarketData) -> None:
    binance.rows = [row(number) for number in range(5)]
    inbox = await joined(binance, hub)
    broken = kline(1)
    broken["data"]["k"]["h"] = "NaN"
    await binance.push(kline(0), broken, kline(2))
    await until(lambda: 2 in inbox.numbers)
    assert inbox.numbers == [0, 1, 2]
    assert hub.counts["unreadable"] == 1


async def test_instruments_are_fetched_once_for_all_who_start_together(binance: FakeBinance, hub: MarketData) -> None:
    info = {"symbol": "BTCUSDT", "status": "TRADING", "baseAsset": "BTC", "quoteAsset": "USDT", "filters": []}

    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.json_response({"symbols": [info]})

    binance.answers["GET /api/v3/exchangeInfo"] = answer
    told = await asyncio.gather(*(hub.instruments(Market.SPOT) for _ in range(5)))
    assert all(list(instruments) == ["BTCUSDT"] for instruments in told)
    assert len(binance.seen("GET /api/v3/exchangeInfo")) == 1
    with pytest.raises(Rejected, match="shows spot, not futures"):
        await hub.instruments(Market.FUTURES)


async def test_a_series_asked_for_twice_by_one_consumer_is_delivered_once(
    binance: FakeBinance, hub: MarketData
) -> None:
    inbox = Inbox()
    await hub.subscribe([STREAM, STREAM], inbox)
    await until(lambda: binance.subscribed)
    await binance.push(kline(0), kline(1))
    await until(lambda: 1 in inbox.numbers)
    assert inbox.numbers == [0, 1]


async def test_a_repair_outlasts_an_exchange_that_is_busy(binance: FakeBinance, hub: MarketData) -> None:
    inbox = await joined(binance, hub)
    asked = 0

    async def busy(_request: web.Request) -> web.StreamResponse:
        nonlocal asked
        asked += 1
        if asked > 6:
            return web.json_response([row(1), row(2)])
        return web.json_response({"code": -1001, "msg": "Internal error"}, status=503)

    binance.answers["GET /api/v3/klines"] = busy
    await binance.push(kline(0), kline(3))
    await until(lambda: 3 in inbox.numbers)
    assert inbox.numbers == [0, 1, 2, 3]


async def test_a_long_absence_is_brought_page_by_page(binance: FakeBinance, hub: MarketData) -> None:
    inbox = await joined(binance, hub)
    await binance.push(kline(0))
    await until(lambda: inbox.numbers == [0])
    binance.rows = [row(number) for number in range(2_600)]
    await binance.drop()
    await until(lambda: len(inbox.candles) == 2_599)
    assert inbox.numbers == list(range(2_599))


async def test_futures_candles_come_by_the_market_route_and_futures_rest(binance: FakeBinance) -> None:
    async def klines(_request: web.Request) -> web.StreamResponse:
        return web.json_response([row(number) for number in range(3)])

    binance.answers["GET /fapi/v1/klines"] = klines
    client = build_public(binance.futures_hosts)
    hub = MarketData(client, LocalClock(), pace=QUICK, hole_pause_s=0.01)
    stream, inbox = Stream(Market.FUTURES, "BTCUSDT", "1m"), Inbox()
    history = await hub.history(stream, 2)
    await hub.subscribe([stream], inbox)
    await until(lambda: binance.subscribed)
    assert binance.routes == ["market"]
    await binance.push(kline(2), kline(3))
    await until(lambda: inbox.numbers == [2, 3])
    assert {candle.market for candle in (*history, *inbox.candles)} == {Market.FUTURES}
    await hub.close()
    await client.close()
