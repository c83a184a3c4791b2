"""Two markets as one account: each message goes where its market is, and money is told as one sum."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from fake_binance import FakeBinance, until

from bot.binance.execution import SpotBroker
from bot.binance.futures_broker import FuturesBroker
from bot.binance.markets import MarketsBroker, MarketsFeed
from bot.binance.signing import Credentials
from bot.bootstrap import Feeds
from bot.config import load
from bot.domain.errors import Unavailable
from bot.domain.instrument import Instrument
from bot.domain.market import Candle, Market, Stream
from bot.domain.messages import Attempt, CancelOrder, Command, ForeignSeen, FundsSeen, OrderUpdate, PlaceOrder
from bot.domain.money import Quantity
from bot.domain.order import Order, OrderStatus, OrderType, Side
from bot.ports import Deliver, Doubts, Newest, OpenOrder, Permit, Recall

SPOT, FUTURES = Market.SPOT, Market.FUTURES
D = Decimal


def an_order(market: Market) -> Order:
    return Order("o-1", 1, "BTCUSDT", Side.BUY, OrderType.MARKET, Quantity(D(1)), 1, market=market)


def a_candle(market: Market) -> Candle:
    return Candle("BTCUSDT", "1m", 0, 1.0, 1.0, 1.0, 1.0, 1.0, 59_999, market=market)


class Half:
    """A feed and a broker of one market, which keep what they were given."""

    def __init__(self, totals: Mapping[str, Decimal] | None = None, *, is_away: bool = False) -> None:
        self.totals = totals or {}
        self.is_away = is_away
        self.deliver: Deliver | None = None
        self.given: list[Any] = []
        self.is_closed = False

    async def start(
        self,
        deliver: Deliver,
        open_orders: Sequence[OpenOrder] = (),
        permit: Permit | None = None,
        doubts: Doubts | None = None,
    ) -> None:
        self.deliver = deliver
        self.given += open_orders

    async def reconcile(self, newest: Newest, recall: Recall | None = None) -> Sequence[ForeignSeen]:
        assert self.deliver is not None
        self.newest = newest
        self.deliver(OrderUpdate("o-1", OrderStatus.FILLED, 1))
        self.deliver(FundsSeen(self.totals, 5))
        return ()

    async def execute(self, command: Command, attempt: Attempt | None = None, take: Order | None = None) -> None:
        self.given.append(command)

    def see(self, candle: Candle) -> None:
        self.given.append(candle)

    async def stop(self) -> None:
        self.is_closed = True

    async def subscribe(self, streams: Sequence[Stream], deliver: Deliver, *, open_candles: bool = False) -> "Half":
        if self.is_away:
            raise Unavailable("away")
        self.given += streams
        return self

    async def history(self, stream: Stream, count: int) -> Sequence[Candle]:
        return [a_candle(stream.market)] * count

    async def instruments(self, market: Market) -> Mapping[str, Instrument]:
        return {"BTCUSDT": Instrument("BTCUSDT", "BTC", "USDT", market=market)}

    async def close(self) -> None:
        self.is_closed = True


async def test_money_is_told_once_as_the_sum_of_both_markets() -> None:
    halves = {SPOT: Half({"USDT": D("1.5"), "BTC": D(2)}), FUTURES: Half({"USDT": D("0.25")})}
    told: list[Any] = []
    broker = MarketsBroker(halves)
    orders = [OpenOrder(an_order(market), OrderStatus.NEW, D(0), D(0), 0) for market in (FUTURES, SPOT)]
    await broker.start(told.append, orders)
    await broker.reconcile({(SPOT, "BTCUSDT"): 7, (FUTURES, "ETHUSDT"): 0})
    assert [type(each) for each in told] == [OrderUpdate, OrderUpdate, FundsSeen]
    assert [halves[market].newest for market in (SPOT, FUTURES)] == [{(SPOT, "BTCUSDT"): 7}, {(FUTURES, "ETHUSDT"): 0}]
    assert told[-1].totals == {"USDT": D("1.75"), "BTC": D(2)}
    assert [each.order.market for each in halves[FUTURES].given] == [FUTURES]


async def test_commands_and_candles_go_to_their_own_market() -> None:
    halves = {SPOT: Half(), FUTURES: Half()}
    broker = MarketsBroker(halves)
    await broker.execute(PlaceOrder(an_order(FUTURES)))
    await broker.execute(CancelOrder("o-1", "BTCUSDT", SPOT))
    broker.see(a_candle(FUTURES))
    assert [type(each) for each in halves[FUTURES].given] == [PlaceOrder, Candle]
    assert [type(each) for each in halves[SPOT].given] == [CancelOrder]
    await broker.stop()
    assert halves[SPOT].is_closed
    assert halves[FUTURES].is_closed


async def test_candles_come_from_the_feed_of_their_market() -> None:
    halves = {SPOT: Half(), FUTURES: Half()}
    feed = MarketsFeed(halves.__getitem__)
    streams = [Stream(market, "BTCUSDT", "1m") for market in (SPOT, FUTURES)]
    held = await feed.subscribe(streams, print)
    assert [halves[market].given for market in (SPOT, FUTURES)] == [[streams[0]], [streams[1]]]
    assert (await feed.history(streams[1], 2))[0].market is FUTURES
    assert (await feed.instruments(FUTURES))["BTCUSDT"].market is FUTURES
    await held.close()
    assert halves[SPOT].is_closed
    assert halves[FUTURES].is_closed


async def test_a_market_that_is_away_leaves_no_half_of_a_subscription() -> None:
    halves = {FUTURES: Half(), SPOT: Half(is_away=True)}
    with pytest.raises(Unavailable):
        await MarketsFeed(halves.__getitem__).subscribe([Stream(each, "A", "1m") for each in halves], print)
    assert halves[FUTURES].is_closed


def settings(tmp_path: Path, **environ: str) -> Feeds:
    return Feeds(load(tmp_path / ".env", {"VAR_DIR": str(tmp_path / "var"), **environ}))


@pytest.mark.parametrize(("path", "connects"), [("rest", False), ("ws", True)])
async def test_the_settings_say_how_orders_go_out(
    binance: FakeBinance, tmp_path: Path, path: str, connects: bool
) -> None:
    async def told(request: web.Request) -> web.StreamResponse:
        reply: Any = {"serverTime": 1_790_000_000_123}
        if request.path == "/api/v3/account":
            reply = {"balances": [], "canTrade": True}
        return web.json_response(reply)

    binance.answers |= {"GET /api/v3/time": told, "GET /api/v3/account": told}
    feeds = settings(tmp_path, EMULATOR_URL=binance.url, ORDER_PATH=path)
    broker = feeds.broker("emulator", SPOT, Credentials("key", "secret"))
    assert isinstance(broker, SpotBroker)
    await broker.start(lambda _event: None)
    await broker.reconcile({})
    await until(lambda: len(binance.api_sockets) == 1 + connects)
    await broker.stop()
    await feeds.close()


async def test_each_market_has_addresses_limits_and_a_broker_of_its_own(tmp_path: Path) -> None:
    feeds = settings(tmp_path, EMULATOR_UM_URL="http://127.0.0.1:9")
    assert isinstance(feeds.broker("emulator", FUTURES, Credentials("key", "secret")), FuturesBroker)
    assert feeds.hosts("emulator", FUTURES).rest == "http://127.0.0.1:9"
    assert feeds.bank("production", FUTURES) is not feeds.bank("production", SPOT)
    feeds.bank("production", FUTURES).block(60)
    assert settings(tmp_path).bank("production", FUTURES).banned_s > 50
    assert settings(tmp_path).bank("production", SPOT).banned_s == 0
    await feeds.close()
