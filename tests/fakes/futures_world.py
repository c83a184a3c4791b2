"""An emulator's futures face, and our own client of it: what the tests of the two together stand on."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from decimal import Decimal
from typing import Any, Protocol

from bot.binance.client import FuturesClient, OrderPath, Sender, build_futures, build_public
from bot.binance.clock import ExchangeClock
from bot.binance.following import Patience
from bot.binance.futures_broker import FuturesBroker
from bot.binance.hosts import hosts_for
from bot.binance.limits import OrderCounts, WeightBank
from bot.binance.rest import Rest
from bot.binance.signing import Credentials
from bot.binance.streams import Pace
from bot.binance.ws_sender import WsSender
from bot.domain.market import Market
from bot.emulator.config import AccountConfig, EmulatorConfig, Synthetic
from bot.emulator.faults import Rule
from bot.emulator.futures.venue import FuturesVenue
from bot.emulator.server import Emulator

D = Decimal
BTC, ETH = "BTCUSDT", "ETHUSDT"
KEY = Credentials("key", "secret")
PACE = Pace(retry_first_s=0.01, retry_max_s=0.05, control_gap_s=0.001, overlap_s=0.05)
HASTE = Patience(fence_ms=0, poll_first_s=0.02, poll_max_s=0.1, stop_s=0.5)


async def until(condition: Callable[[], object]) -> None:
    """Wait until something is true."""
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.005)


class Closable(Protocol):
    """Anything that has to be closed."""

    async def close(self) -> None:
        """Close it."""
        ...


class World:
    """An emulator whose market stands still, and our clients of it by one path."""

    def __init__(self, emulator: Emulator, path: OrderPath) -> None:
        self.emulator = emulator
        self.path = path
        self.hosts = hosts_for("emulator", Market.FUTURES, emulator_url=emulator.um_url or "")
        self.public = build_public(self.hosts)
        self.clock = ExchangeClock(self.public.time_ms)
        self.sockets: list[WsSender] = []
        self.ends = AsyncExitStack()
        self.ends.push_async_callback(self.public.close)
        self.client = build_futures(KEY, self.hosts, self.clock)
        self.ends.push_async_callback(self.client.close)

    @property
    def venue(self) -> FuturesVenue:
        assert self.emulator.futures is not None
        return self.emulator.futures

    def at(self, share: str) -> Decimal:
        """Give a price at a share of the last one, on the tick."""
        last = self.venue.exchange.last_price(BTC)
        assert last is not None
        return (last * D(share)).quantize(D("0.1"))

    def move(self, price: Decimal) -> None:
        """Let the market trade at a price, and the mark price follow it."""
        with self.venue.desk.settling() as market_ms:
            self.venue.exchange.on_price(BTC, price, market_ms)
            self.venue.exchange.on_mark(BTC, price, market_ms)

    def fault(self, kind: Any, **more: Any) -> int:
        """Let something go wrong from now on."""
        return self.emulator.world.faults.add(Rule(kind=kind, face="um", **more))

    def hits(self, rule_id: int) -> int:
        """Give how often a fault has struck."""
        return next(int(row["hits"]) for row in self.emulator.world.faults.rows() if row["id"] == rule_id)

    async def followed(self, *names: str) -> None:
        """Wait until the exchange has taken these subscriptions."""
        await until(lambda: all(self.venue.hub.wants(name) for name in names))

    def rest(self) -> Rest:
        """Give the account's way by REST."""
        return Rest(self.hosts, WeightBank(), clock=self.clock, credentials=KEY, counts=OrderCounts(Market.FUTURES))

    def sender(self) -> Sender:
        """Give the way that orders go by."""
        if self.path is OrderPath.REST:
            return self.rest()
        made = WsSender(
            self.hosts, WeightBank(), self.rest(), clock=self.clock, credentials=KEY,
            counts=OrderCounts(Market.FUTURES), pace=PACE,
        )  # fmt: skip
        self.sockets.append(made)
        return made

    async def connected(self) -> None:
        """Wait until the newest socket for orders is open: before, REST stands in for it."""
        await until(lambda: all(each.is_connected for each in self.sockets[-1:]))

    def broker(self, patience: Patience = HASTE) -> FuturesBroker:
        """Give a broker that sends its orders by the path."""
        client = FuturesClient(self.hosts, self.rest(), self.sender())
        broker = FuturesBroker(client, KEY, self.clock, patience=patience, pace=PACE)
        self.ends.push_async_callback(broker.stop)
        return broker

    def closes[C: Closable](self, made: C) -> C:
        """Close it when the test is over."""
        self.ends.push_async_callback(made.close)
        return made


@asynccontextmanager
async def futures_world(path: OrderPath = OrderPath.REST) -> AsyncIterator[World]:
    """Give an emulator with one account and a made-up market, and what belongs to it."""
    account = AccountConfig("key", "secret", {"USDT": D(100_000)})
    config = EmulatorConfig(Synthetic(7), (account,), speed=0, warmup=500, futures_port=0, symbols=(BTC, ETH))
    async with Emulator(config) as emulator:
        world = World(emulator, path)
        async with world.ends:
            await world.clock.sync()
            yield world
