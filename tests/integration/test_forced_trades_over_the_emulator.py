"""The exchange closes what a strategy holds: by liquidation, to deleverage another, when a contract is settled.

The broker hears of it from the emulator, the engine books it, and the money is the exchange's to the last digit.
"""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal

import pytest
from tests.fakes.futures_world import BTC, D, World, futures_world, until
from tests.fakes.outfit import told

from bot.domain.market import Candle, Market
from bot.domain.messages import (
    Event,
    FillBooked,
    FundsPosted,
    OrderFound,
    Outcome,
    PlaceOrder,
    StrategyStopped,
    TradeClosed,
)
from bot.domain.order import OrderType, Side
from bot.engine.engine import Engine
from bot.simulation.futures.requests import NewOrder

MINUTE_MS = 60_000


class Scene:
    """A broker at the emulator, and an engine with one strategy that is long."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.broker = world.broker()
        self.engine = Engine()
        self.outcomes: list[Outcome] = []
        self.tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        await self.broker.start(self.deliver)
        await self.broker.reconcile({})
        instrument = (await self.world.public.instruments())[BTC]
        plan = told(
            {0: lambda strategy: strategy.buy("told", quantity=D("0.05"))}, market="futures", order_value=5_000.0,
            capital=90_000.0,
        )  # fmt: skip
        self.engine.add(1, plan.strategy, plan.config, instrument)

    def deliver(self, event: Event) -> None:
        """Decide, and carry out."""
        for each in self.engine.handle(event):
            self.outcomes.append(each)
            if isinstance(each, PlaceOrder):
                task = asyncio.create_task(self.broker.execute(each))
                self.tasks.add(task)
                task.add_done_callback(self.tasks.discard)

    async def goes_long(self) -> Decimal:
        """Let the strategy buy; give what it holds."""
        price, opened = float(self.world.at("1")), 1_700_000_040_000
        self.deliver(
            Candle(
                symbol=BTC, interval="1m", open_time=opened, open=price, high=price, low=price, close=price, volume=1.0,
                close_time=opened + MINUTE_MS - 1, market=Market.FUTURES,
            )
        )  # fmt: skip
        await until(lambda: self.held == D("0.05") and not self.engine.slots[1].live)
        return self.held

    @property
    def held(self) -> Decimal:
        return self.engine.slots[1].position.quantity

    def of[T: Outcome](self, kind: type[T]) -> list[T]:
        return [each for each in self.outcomes if isinstance(each, kind)]

    async def agrees(self) -> None:
        """Look at the exchange: nothing is foreign, and both have the same money."""
        posted = len(self.of(FundsPosted))
        for _ in range(2):
            await self.broker.reconcile({})
        assert len(self.of(FundsPosted)) == posted
        exchange = self.world.venue.exchange
        assert self.engine.ledger.total("USDT") == exchange.asset(self.account, "USDT").wallet
        assert self.held == exchange.position(self.account, BTC).quantity

    @property
    def account(self) -> str:
        return next(iter(self.world.venue.exchange.accounts))


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    async with futures_world() as world:
        made = Scene(world)
        await made.open()
        yield made


def settles(world: World) -> None:
    with world.venue.desk.settling() as market_ms:
        world.venue.exchange.settle_contract(BTC, world.at("1.01"), market_ms)


def deleverages(world: World) -> None:
    """Let somebody who is short, with little money and nobody to insure him, be far out at once."""
    exchange = world.venue.exchange
    with world.venue.desk.settling() as market_ms:
        exchange.open_account("loser", {"USDT": D(3_000)})
        exchange.house.is_bounded = True  # (and has nothing)
        exchange.place(
            "loser",
            NewOrder(symbol=BTC, side=Side.SELL, type=OrderType.MARKET, client_order_id="x", quantity=D("0.5")),
            now_ms=market_ms,
        )
    world.move(world.at("1.3"))


@pytest.mark.parametrize(
    ("act", "prefix"), [(deleverages, "adl_autoclose"), (settles, "settlement_autoclose-")],
    ids=["deleveraged", "settled"],
)  # fmt: skip
async def test_what_the_exchange_closes_by_itself_is_booked_once_at_its_price_and_stops_the_strategy(
    scene: Scene, act: object, prefix: str
) -> None:
    await scene.goes_long()
    act(scene.world)  # type: ignore[operator]
    await until(lambda: scene.held == 0)
    await scene.agrees()
    (found,) = scene.of(OrderFound)
    assert found.order.client_order_id.startswith(prefix)
    booked = [each for each in scene.of(FillBooked) if each.fill.client_order_id == found.order.client_order_id]
    assert sum(each.fill.quantity for each in booked) == D("0.05")
    assert {each.fill.fee for each in booked} == {D(0)}
    (stopped,) = scene.of(StrategyStopped)
    assert "by itself" in stopped.reason
    assert len(scene.of(TradeClosed)) == 1


async def test_trades_by_hand_on_the_same_contract_are_the_owners_to_the_last_digit(scene: Scene) -> None:
    held = await scene.goes_long()
    exchange = scene.world.venue.exchange
    for number, (side, share) in enumerate([(Side.BUY, "1.01"), (Side.SELL, "1.02")]):
        with scene.world.venue.desk.settling() as market_ms:
            by_hand = NewOrder(
                symbol=BTC, side=side, type=OrderType.MARKET, client_order_id=f"web_{number}", quantity=D("0.02")
            )
            exchange.place(scene.account, by_hand, now_ms=market_ms)
        scene.world.move(scene.world.at(share))
    for _ in range(3):
        await scene.broker.reconcile({})
    postings = [each for posted in scene.of(FundsPosted)[1:] for each in posted.postings]
    assert {each.ledger for each in postings} == {"external", "owner"}
    await scene.agrees()
    assert scene.held == held
    assert not scene.of(StrategyStopped)
