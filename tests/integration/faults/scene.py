"""An emulator whose faults are switched on over its control port, and our own client of it."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

import aiohttp
from tests.fakes.looker import Looker

from bot.binance.bans import NO_NOTE, BanNote
from bot.binance.client import FuturesClient, OrderPath, Sender, SpotClient, build_public
from bot.binance.clock import ExchangeClock
from bot.binance.execution import SignedBroker, SpotBroker
from bot.binance.following import Patience
from bot.binance.futures_broker import FuturesBroker
from bot.binance.hosts import hosts_for
from bot.binance.limits import LIMITS, OrderCounts, WeightBank
from bot.binance.rest import ORDER_TIMEOUT_S, Rest
from bot.binance.signing import Credentials
from bot.binance.streams import Pace
from bot.binance.ws_sender import WsSender
from bot.domain.market import Market
from bot.domain.messages import CancelOrder, Event, OrderUpdate, PlaceOrder
from bot.domain.money import Price, Quantity
from bot.domain.order import Fill, Order, OrderStatus, OrderType, Side, TimeInForce
from bot.emulator.config import AccountConfig, EmulatorConfig, Synthetic
from bot.emulator.server import Emulator

BTC = "BTCUSDT"
KEYS = (Credentials("key", "secret"), Credentials("key-2", "secret-2"))
PACE = Pace(retry_first_s=0.01, retry_max_s=0.05, control_gap_s=0.001, overlap_s=0.05)
PATIENCE = Patience(poll_first_s=0.02, poll_max_s=0.1, stop_s=0.2, dead_man_s=0.0)
FENCE_MS = PATIENCE.fence_ms
ORDER_PATH = {Market.SPOT: "/api/v3/order", Market.FUTURES: "/fapi/v1/order"}


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


class Wall:
    """The machine's time, which a test may move on."""

    def __init__(self) -> None:
        self.ahead_s = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead_s


class Scene:
    """One market of an emulator that stands still, seen by our client and from the control port."""

    def __init__(self, emulator: Emulator, session: aiohttp.ClientSession, market: Market, path: OrderPath) -> None:
        self.emulator, self.market, self.path = emulator, market, path
        self.face = "spot" if market is Market.SPOT else "um"
        url = emulator.spot_url if market is Market.SPOT else emulator.um_url
        self.hosts = hosts_for("emulator", market, emulator_url=url or "")
        self.public = build_public(self.hosts)
        self.clock = ExchangeClock(self.public.time_ms)
        self.wall = Wall()
        self.ends = AsyncExitStack()
        self.ends.push_async_callback(self.public.close)
        self._session = session

    # The control port.

    async def control(self, method: str, path: str, content: Any = None) -> Any:
        """Call the control port."""
        async with self._session.request(method, f"{self.emulator.control_url}{path}", json=content) as reply:
            body = await reply.json()
            assert reply.status == 200, body
            return body

    async def fault(self, kind: str, **rule: Any) -> int:
        """Switch a fault on; give its number."""
        made = await self.control("POST", "/_faults", {"kind": kind, "face": self.face} | rule)
        return int(made["ids"][0])

    async def order_fault(self, kind: str, **rule: Any) -> int:
        """Switch on a fault that hits the next new order."""
        is_rest = self.path is OrderPath.REST
        where = {"path": ORDER_PATH[self.market] if is_rest else "order.place"}
        method = {"method": "POST"} if is_rest and kind not in {"extra_keys", "unknown_enum"} else {}
        return await self.fault(kind, **(where | method | {"count": 1} | rule))

    async def hits(self, number: int) -> int:
        """Give how often a fault has struck."""
        return next(int(row["hits"]) for row in await self.control("GET", "/_faults") if row["id"] == number)

    async def struck(self, number: int, times: int = 1) -> None:
        """Wait until a fault has struck so often."""
        async with asyncio.timeout(30):
            while await self.hits(number) < times:
                await asyncio.sleep(0.005)

    async def truth(self, kind: str, account: str = "") -> list[dict[str, Any]]:
        """Give what really happened."""
        told = await self.control("GET", f"/_truth?face={self.face}&kind={kind}&account={account}")
        return list(told["rows"])

    async def posts(self, account: str = "") -> list[dict[str, Any]]:
        """Give every request for a new order that reached the exchange."""
        rest = ("POST", ORDER_PATH[self.market])
        rows = await self.truth("request", account)
        return [row for row in rows if (row["method"], row["path"]) == rest or row["path"] == "order.place"]

    async def denials(self, name: str) -> int:
        """Give how often the exchange denied to have an order."""
        rows = await self.truth("request")
        return sum(row["client_order_id"] == name and row["code"] == -2013 for row in rows)

    async def denied(self, name: str, times: int) -> None:
        """Wait until the exchange has denied an order so often."""
        async with asyncio.timeout(30):
            while await self.denials(name) < times:
                await asyncio.sleep(0.005)

    async def orders(self) -> list[str]:
        """Give our ids of the orders that really stood."""
        return [(row.get("order") or row)["client_order_id"] for row in await self.truth("order")]

    async def traded(self, name: str) -> list[tuple[int, Decimal]]:
        """Give number and quantity of the trades that an order really had."""
        found = []
        for row in await self.truth("move"):
            trade = row.get("trade") or row.get("fill")
            if trade and trade["client_order_id"] == name:
                found.append((int(trade["trade_id"]), Decimal(trade["quantity"])))
        return found

    async def pass_time(self, ms: int) -> None:
        """Let exchange time jump, and our clock follow it."""
        await self.control("POST", "/_clock", {"advance_ms": ms})
        await self.clock.sync()

    async def step(self, candles: int = 1) -> None:
        """Play candles."""
        await self.control("POST", "/_clock", {"step": candles})

    async def mute_user_events(self) -> int:
        """Let the first account's user stream say nothing, so that only a question brings proof."""
        return await self.fault("drop_frame", account="account-1")

    # The market.

    def at(self, share: str) -> Price:
        """Give a price at a share of the last one, on the tick."""
        if self.market is Market.SPOT:
            last = self.emulator.venue.exchange.last_price(BTC)
        else:
            assert self.emulator.futures is not None
            last = self.emulator.futures.exchange.last_price(BTC)
        assert last is not None
        return Price((last * Decimal(share)).quantize(Decimal("0.1")))

    def trade(self, share: str, quantity: str = "100") -> None:
        """Let the market trade at a share of the last price."""
        price = self.at(share)
        venue = self.emulator.venue if self.market is Market.SPOT else self.emulator.futures
        assert venue is not None
        with venue.desk.settling() as market_ms:
            venue.exchange.on_price(BTC, price, market_ms, Decimal(quantity))

    def listens(self, name: str) -> bool:
        """Say whether the exchange sends a stream to somebody."""
        venue = self.emulator.venue if self.market is Market.SPOT else self.emulator.futures
        assert venue is not None
        return venue.hub.wants(name)

    # Our client.

    def bank(self, note: Path | None = None) -> WeightBank:
        """Give a weight bank, as a process of its own would have it."""
        kept = BanNote(note, wall=self.wall, since_start=self.wall) if note else NO_NOTE
        return WeightBank(LIMITS[self.market], note=kept, wall=self.wall, monotonic=self.wall)

    def broker(
        self,
        *,
        account: int = 0,
        bank: WeightBank | None = None,
        patience: Patience = PATIENCE,
        order_timeout_s: float = ORDER_TIMEOUT_S,
    ) -> tuple[SignedBroker, Sender]:
        """Give a broker that sends its orders by the path, and what it sends them with."""
        key, shared, counts = KEYS[account], bank or self.bank(), OrderCounts(self.market)
        rest = Rest(
            self.hosts, shared, clock=self.clock, credentials=key, counts=counts, order_timeout_s=order_timeout_s
        )
        sender: Sender = rest
        if self.path is OrderPath.WS:
            sender = WsSender(
                self.hosts, shared, rest, clock=self.clock, credentials=key, counts=counts, pace=PACE,
                order_timeout_s=order_timeout_s,
            )  # fmt: skip
        kinds = (SpotClient, SpotBroker) if self.market is Market.SPOT else (FuturesClient, FuturesBroker)
        client = kinds[0](self.hosts, rest, sender, bank=shared, counts=counts)
        broker = kinds[1](client, key, self.clock, patience=patience, pace=PACE)
        self.ends.push_async_callback(broker.stop)
        return broker, sender

    def closes[C: Closable](self, made: C) -> C:
        """Close it when the test is over."""
        self.ends.push_async_callback(made.close)
        return made


class Desk:
    """A broker, and all that it tells."""

    def __init__(self, scene: Scene, *, look_every_s: float = 60.0, **options: Any) -> None:
        self.scene = scene
        self.broker, self.sender = scene.broker(**options)
        self.told: list[Event] = []
        self.looker = Looker(self.broker, {(scene.market, BTC): 0}, look_every_s)
        scene.ends.push_async_callback(self.looker.close)

    async def open(self) -> "Desk":
        """Start, and wait until orders go by the path."""
        await self.broker.start(self.told.append, (), None, self.looker)
        await self.looker.look()
        sender = self.sender
        if isinstance(sender, WsSender):
            await until(lambda: sender.is_connected)
        return self

    async def place(self, order: Order) -> None:
        """Send an order."""
        await self.broker.execute(PlaceOrder(order))

    async def cancel(self, order: Order) -> None:
        """Cancel an order."""
        await self.broker.execute(CancelOrder(order.client_order_id, order.symbol, order.market))

    def statuses(self, order: Order) -> list[OrderStatus]:
        """Give where the order has been."""
        return [each.status for each in self.updates(order)]

    def updates(self, order: Order) -> list[OrderUpdate]:
        """Give what was told of where the order stands."""
        ours = order.client_order_id
        return [each for each in self.told if isinstance(each, OrderUpdate) and each.client_order_id == ours]

    def fills(self, order: Order) -> list[Fill]:
        """Give what was told of the order's trades."""
        return [each for each in self.told if isinstance(each, Fill) and each.client_order_id == order.client_order_id]

    async def hears(self, order: Order, status: OrderStatus) -> OrderUpdate:
        """Wait until this was told of an order, and give it."""
        await until(lambda: status in self.statuses(order))
        return next(each for each in self.updates(order) if each.status is status)


def an_order(scene: Scene, name: str = "a", share: str | None = "0.95", *, side: Side = Side.BUY) -> Order:
    """Make an order that rests below the market, or takes what it shows when no share is given."""
    return Order(
        client_order_id=name, strategy_id=1, symbol=BTC, side=side, quantity=Quantity(Decimal("0.01")), created_ms=1,
        type=OrderType.LIMIT if share else OrderType.MARKET, price=scene.at(share) if share else None,
        time_in_force=TimeInForce.GTC if share else None, market=scene.market,
    )  # fmt: skip


@asynccontextmanager
async def a_scene(market: Market, path: OrderPath = OrderPath.REST, **config: Any) -> AsyncIterator[Scene]:
    """Give an emulator with two accounts and a made-up market, and what belongs to it."""
    accounts = tuple(
        AccountConfig(each.key, each.secret, {"USDT": Decimal(100_000), "BTC": Decimal(5)}) for each in KEYS
    )
    base: dict[str, Any] = {"speed": 0, "warmup": 30, "control_port": 0, "symbols": (BTC,)}
    if market is Market.FUTURES:
        base["futures_port"] = 0
    async with (
        Emulator(EmulatorConfig(Synthetic(7), accounts, **(base | config))) as emulator,
        aiohttp.ClientSession() as session,
    ):
        scene = Scene(emulator, session, market, path)
        async with scene.ends:
            await scene.clock.sync()
            yield scene
