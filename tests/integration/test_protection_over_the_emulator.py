"""A stop on the exchange, over the whole bot and the emulator, on made-up time: armed, lost, raced for, and at work
while the bot is dead."""

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from functools import partial
from typing import Any

from bot.db.base import Mode
from bot.domain.market import Candle, Market
from bot.domain.messages import Outcome, ProtectionMoved, StrategyStopped, TradeClosed
from bot.domain.order import OrderStatus, OrderType, Side, TimeInForce
from bot.domain.state import AccountState
from bot.proof.loop import VirtualLoop
from bot.proof.oracle import Breach, judge
from bot.proof.scene import SYMBOLS, Scene
from bot.proof.weather import Weather
from bot.proof.wires import Network
from bot.proof.world import Party, World
from bot.runtime.kill_switch import KillNote, Stopped
from bot.runtime.plan import AccountPlan, StrategyPlan
from bot.simulation.orders import RestingOrder
from bot.strategies.base import Strategy
from bot.strategies.config import StrategyConfig

SYMBOL, ACCOUNT = SYMBOLS[0], "account-1"
PATIENCE_S = 300.0


class Once(Strategy):
    """Buys with the first candle that it sees, and never again."""

    name = "once"

    def on_tick(self, candle: Candle) -> None:
        if self.position.is_flat and self.services.equity == self.config.capital and not self.orders:
            self.buy("once")


class Calm(Scene):
    """Fine weather, one account, one strategy with a stop on the exchange."""

    def __init__(self, stop_loss: float) -> None:
        super().__init__(7, wild=False)
        self.weather = Weather()
        self.strain.ease()
        self.accounts, self.faults = (ACCOUNT,), ()
        self.stop_loss, self.is_gentle = stop_loss, False

    def plan(self, name: str) -> AccountPlan:
        config = StrategyConfig(
            symbol=SYMBOL, order_value=200.0, capital=100_000.0, stop_loss=self.stop_loss, protect="exchange"
        )
        return AccountPlan(1, name, "emulator", Mode.REHEARSAL, (StrategyPlan(1, "once", Once, config),))


class Play(World):
    """A world in which the test says what happens."""

    def __init__(self, scene: Scene, loop: VirtualLoop, script: "Callable[[Play], Awaitable[None]]") -> None:
        super().__init__(scene, loop)
        self._script = script

    async def run(self) -> None:
        spot = Network(self.loop, self.emulator.sites["spot"], self.scene.weather, self.dice("net"), self.trace)
        self.networks = {Market.SPOT: spot}
        self.parties = [Party(self.scene.plan(name), self) for name in self.scene.accounts]
        self.emulator.begin()
        self._bear()
        await self._script(self)
        self._clear_up()
        await asyncio.sleep(100.0)

    @property
    def outcomes(self) -> list[Outcome]:
        return self.parties[0].database.journal.outcomes

    @property
    def protection(self) -> list[str]:
        return [each.state for each in self.outcomes if isinstance(each, ProtectionMoved)]

    @property
    def stops(self) -> list[RestingOrder]:
        """The stops that rest at the exchange now."""
        return [each for each in self.venue.exchange.open_orders(ACCOUNT) if each.stop_price is not None]

    async def until(self, is_so: Callable[[], Any]) -> float:
        """Wait on made-up time until something is so; give how long that took."""
        began = self.loop.time()
        while not is_so():
            assert self.loop.time() - began < PATIENCE_S, "it never came"
            await asyncio.sleep(0.05)
        return self.loop.time() - began

    async def armed(self) -> RestingOrder:
        """Wait until the stop at the exchange is the one that counts as armed."""

        def is_armed() -> bool:
            moves = [each for each in self.outcomes if isinstance(each, ProtectionMoved)]
            return bool(moves and moves[-1].state == "armed") and moves[-1].client_order_id in {
                stop.client_order_id for stop in self.stops
            }

        await self.until(is_armed)
        (stop,) = self.stops
        return stop

    def cancel(self, order: RestingOrder) -> None:
        """Cancel an order as its owner would by hand."""
        with self.venue.desk.settling():
            self.venue.exchange.cancel(
                ACCOUNT, SYMBOL, client_order_id=order.client_order_id, now_ms=self.venue.now_ms, request_id="by-hand"
            )

    async def kill(self) -> None:
        await self._die()

    def bear(self) -> None:
        self._bear()


def play(scene: Scene, script: Callable[[Play], Awaitable[None]]) -> list[Breach]:
    """Run a script; give what the oracle objects to, of all but what was done by hand."""
    loop = VirtualLoop(scene.seed)
    world = Play(scene, loop, script)
    try:
        loop.run_until_complete(world.run())
        assert not loop.broken
        return judge(world)
    finally:
        loop.bury()


def test_a_stop_counts_as_armed_only_when_the_exchange_shows_it() -> None:
    async def script(world: Play) -> None:
        stop = await world.armed()
        assert world.protection == ["wanted", "sent", "armed"]
        held = world.venue.exchange.balances(ACCOUNT)["BTC"]
        assert (stop.type, stop.side, stop.quantity) == (OrderType.STOP_LOSS, Side.SELL, held.locked)
        assert held.free < Decimal("0.00001")

    assert play(Calm(0.2), script) == []


def test_a_stop_that_is_cancelled_by_hand_stands_again_within_five_seconds() -> None:
    async def script(world: Play) -> None:
        for _ in range(3):
            stop = await world.armed()
            world.cancel(stop)
            assert world.stops == []
            took_s = await world.until(lambda: world.stops)
            assert took_s <= 5.0
            assert world.stops[0].quantity == stop.quantity

    assert play(Calm(0.2), script) == []


def test_a_stop_that_triggers_while_the_bot_is_dead_is_booked_when_it_comes_back() -> None:
    async def script(world: Play) -> None:
        stop = await world.armed()
        await world.kill()
        await world.until(lambda: not stop.is_open)
        assert stop.status is OrderStatus.FILLED
        world.bear()
        await world.until(lambda: any(isinstance(each, TradeClosed) for each in world.outcomes))
        (trade,) = [each for each in world.outcomes if isinstance(each, TradeClosed)]
        assert (trade.reason, trade.quantity) == ("stop loss", stop.quantity)
        assert world.protection[-1] != "lost"

    assert play(Calm(0.0005), script) == []


def test_a_stop_that_went_while_the_bot_was_dead_stands_again_once_it_is_back() -> None:
    async def script(world: Play) -> None:
        stop = await world.armed()
        await world.kill()
        world.cancel(stop)
        world.bear()
        await world.armed()
        assert world.protection[-3:] == ["lost", "sent", "armed"]

    assert play(Calm(0.2), script) == []


def test_a_stop_stays_the_stop_over_a_restart() -> None:
    async def script(world: Play) -> None:
        stop = await world.armed()
        await world.kill()
        world.bear()
        await asyncio.sleep(30.0)
        assert world.stops == [stop]
        assert world.protection == ["wanted", "sent", "armed", "armed"]  # told anew by the new life, and not sent anew

    assert play(Calm(0.2), script) == []


def test_a_lock_that_is_let_go_late_delays_the_stop_and_stops_nobody() -> None:
    async def script(world: Play) -> None:
        stop = await world.armed()
        world.cancel(stop)
        with world.venue.desk.settling():
            rival = world.venue.exchange.place(
                ACCOUNT, client_order_id="by-hand-1", symbol=SYMBOL, side=Side.SELL, type=OrderType.LIMIT,
                time_in_force=TimeInForce.GTC, quantity=stop.quantity, price=(stop.stop_price or Decimal(0)) * 2,
                now_ms=world.venue.now_ms,
            )  # fmt: skip
        await asyncio.sleep(1.5)
        assert world.stops == []
        world.cancel(rival)
        took_s = await world.until(lambda: world.stops)
        assert took_s <= 3.5
        await world.armed()
        assert not [each for each in world.outcomes if isinstance(each, StrategyStopped)]

    assert play(Calm(0.2), script) == []


def test_a_stop_that_cannot_rest_any_more_leaves_the_position_by_policy() -> None:
    async def script(world: Play) -> None:
        for _ in range(4):
            world.cancel(await world.armed())
        await world.until(lambda: any(isinstance(each, TradeClosed) for each in world.outcomes))
        assert "bare" in world.protection
        (stopped,) = [each for each in world.outcomes if isinstance(each, StrategyStopped)]
        assert "its stop cannot rest" in stopped.reason

    assert play(Calm(0.2), script) == []


async def engage(world: Play, note: KillNote) -> Stopped:
    """Do what the running bot does with a new note of the kill switch."""
    world.note = note
    worker = world.parties[0].worker
    assert worker is not None
    return await worker.carry_out(note)


def test_under_a_kill_switch_the_stop_stays_and_is_put_back_when_somebody_takes_it() -> None:
    async def script(world: Play) -> None:
        stop = await world.armed()
        stopped = await engage(world, KillNote("ada", "enough"))
        assert (stopped.cancelled, stopped.left, stopped.kept) == (0, 0, 1)
        assert world.stops == [stop]
        world.cancel(stop)
        assert await world.until(lambda: world.stops) <= 5.0
        await world.armed()
        await world.kill()
        world.cancel(world.stops[0])
        world.bear()
        await world.armed()
        worker = world.parties[0].worker
        assert worker is not None
        assert worker.condition.state is AccountState.HALTED

    assert play(Calm(0.2), script) == []


def test_whoever_wants_everything_cancelled_gets_the_stop_cancelled_for_good() -> None:
    async def script(world: Play) -> None:
        await world.armed()
        stopped = await engage(world, KillNote("ada", "enough", everything=True))
        assert (stopped.cancelled, stopped.left, stopped.kept) == (1, 0, 0)
        await asyncio.sleep(20.0)
        assert world.stops == []

    (breach,) = play(Calm(0.2), script)
    assert "without its stop in the end: lost" in breach.text, "as a person wanted it"


def test_under_a_kill_switch_that_flattens_the_stop_goes_only_with_the_position() -> None:
    async def script(world: Play) -> None:
        await world.armed()
        assert (await engage(world, KillNote("ada", "enough", flatten=True))).kept == 1
        await world.until(lambda: any(isinstance(each, TradeClosed) for each in world.outcomes))
        assert world.stops == []
        assert "lost" not in world.protection

    assert play(Calm(0.2), script) == []


def test_what_could_not_be_sold_at_first_is_sold_as_soon_as_the_exchange_takes_it() -> None:
    async def script(world: Play) -> None:
        await world.armed()
        world.venue.set_status(SYMBOL, "CANCEL_ONLY")
        await engage(world, KillNote("ada", "enough", flatten=True))
        await asyncio.sleep(20.0)
        assert world.stops == []
        assert not [each for each in world.outcomes if isinstance(each, TradeClosed)]
        told = [each.reason for each in world.outcomes if isinstance(each, StrategyStopped)]
        assert [each for each in told if "could not be sold" in each]
        world.venue.set_status(SYMBOL, "TRADING")
        took_s = await world.until(lambda: any(isinstance(each, TradeClosed) for each in world.outcomes))
        assert took_s <= 35.0

    assert play(Calm(0.2), script) == []


def test_losses_in_a_row_count_over_restarts() -> None:
    async def script(world: Play) -> None:
        def losses() -> list[int]:
            moves = [each for each in world.outcomes if isinstance(each, ProtectionMoved)]
            return [each.losses for each in moves if each.state == "lost"]

        def has_lost(times: int) -> bool:
            return len(losses()) == times

        while "bare" not in world.protection:
            world.cancel(await world.armed())
            await world.until(partial(has_lost, len(losses()) + 1))
            await world.kill()
            world.bear()
            await world.until(lambda: "bare" in world.protection or world.protection[-1] == "armed")
        assert losses()[-4:] == [1, 2, 3, 4]
        await world.until(lambda: any(isinstance(each, TradeClosed) for each in world.outcomes))

    assert play(Calm(0.2), script) == []
