"""Stops and take profits on futures, over the whole bot and the emulator, on made-up time: armed, ended by either, lost,
at work while the bot is dead, and gone when there is nothing left to guard."""

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal

import pytest
from tests.integration.test_protection_over_the_emulator import ACCOUNT, SYMBOL, Calm, Play, engage

from bot.db.base import Mode
from bot.domain.market import Candle, Market
from bot.domain.messages import PlaceOrder, ProtectionMoved, StrategyStopped, TradeClosed
from bot.domain.order import OrderType, Side
from bot.emulator.faults import Rule
from bot.proof.loop import VirtualLoop
from bot.proof.oracle import Breach, judge
from bot.proof.scene import SITES, Contracts
from bot.proof.wires import Network
from bot.proof.world import Party
from bot.runtime.kill_switch import KillNote
from bot.runtime.plan import AccountPlan, StrategyPlan
from bot.simulation.futures.exchange import FuturesExchange
from bot.simulation.futures.records import AlgoOrder
from bot.strategies.base import Strategy
from bot.strategies.config import StrategyConfig

D = Decimal


class OneWay(Strategy):
    """Enters with the first candle that it sees, and never again."""

    name = "one-way"
    is_short = False

    def on_tick(self, candle: Candle) -> None:
        if self.position.is_flat and self.services.equity == self.config.capital and not self.orders:
            (self.short if self.is_short else self.buy)("once")


class Shorter(OneWay):
    name = "shorter"
    is_short = True


class Contract(Calm):
    """Fine weather, and one futures account whose strategy has its stop (and take profit) on the exchange."""

    def __init__(self, stop_loss: float, take_profit: float | None = None, *, short: bool = False) -> None:
        super().__init__(stop_loss)
        self.markets = {ACCOUNT: Market.FUTURES}
        self.margin = {"USDT": D(20_000)}
        self.contracts = Contracts(stop_loss, take_profit, countdown_takes_stops=True)
        self._short = short

    def plan(self, name: str) -> AccountPlan:
        config = StrategyConfig(
            symbol=SYMBOL, market="futures", order_value=500.0, capital=100_000.0, stop_loss=self.contracts.stop_loss,
            take_profit=self.contracts.take_profit, protect="exchange",
        )  # fmt: skip
        kind = Shorter if self._short else OneWay
        return AccountPlan(1, name, "emulator", Mode.REHEARSAL, (StrategyPlan(1, "one way", kind, config),))


class Stage(Play):
    """A world on futures in which the test says what happens."""

    async def run(self) -> None:
        self.networks = {
            market: Network(self.loop, self.emulator.sites[site], self.scene.weather, self.dice(site), self.trace)
            for market, site in SITES.items()
        }
        self.parties = [Party(self.scene.plan(name), self) for name in self.scene.accounts]
        self.emulator.begin()
        self._bear()
        await self._script(self)
        self._clear_up()
        await asyncio.sleep(100.0)

    @property
    def exchange(self) -> FuturesExchange:
        assert self.emulator.futures is not None
        return self.emulator.futures.exchange

    @property
    def waiting(self) -> list[AlgoOrder]:
        """What waits for a price now, stops first."""
        return sorted(self.exchange.open_algos(ACCOUNT), key=lambda each: not each.type.is_stop)

    @property
    def held(self) -> Decimal:
        return sum((each.quantity for each in self.exchange.positions(ACCOUNT)), D(0))

    async def guarded(self, legs: int = 1) -> list[AlgoOrder]:
        """Wait until the stop that waits is the one that counts as armed, and so many orders wait in all."""

        def is_armed() -> bool:
            moves = [each for each in self.outcomes if isinstance(each, ProtectionMoved)]
            waiting = self.waiting
            is_so = bool(moves) and moves[-1].state == "armed" and len(waiting) == legs
            return is_so and moves[-1].client_order_id == waiting[0].client_algo_id

        await self.until(is_armed)
        return self.waiting

    def take(self, algo: AlgoOrder) -> None:
        """Cancel what waits for a price as its owner would by hand."""
        assert self.emulator.futures is not None
        with self.emulator.futures.desk.settling() as now_ms:
            self.exchange.cancel_algo(ACCOUNT, now_ms=now_ms, algo_id=algo.algo_id)

    def closed(self) -> list[TradeClosed]:
        return [each for each in self.outcomes if isinstance(each, TradeClosed)]

    def placed(self) -> list[str]:
        return [each.order.client_order_id for each in self.outcomes if isinstance(each, PlaceOrder)]

    async def is_over(self, reason: str) -> None:
        """Wait until the round trip ended by that, and nothing waits any more."""
        await self.until(lambda: self.closed() and self.protection[-1] == "none")
        assert [each.reason for each in self.closed()] == [reason]
        assert (self.waiting, self.held) == ([], D(0))


def play(scene: Contract, script: Callable[[Stage], Awaitable[None]]) -> list[Breach]:
    """Run a script; give what the oracle objects to."""
    loop = VirtualLoop(scene.seed)
    world = Stage(scene, loop, script)  # type: ignore[arg-type]
    try:
        loop.run_until_complete(world.run())
        assert not loop.broken
        return judge(world)
    finally:
        loop.bury()


@pytest.mark.parametrize("short", [False, True])
def test_a_stop_counts_as_armed_when_the_exchange_shows_it_and_may_only_reduce(short: bool) -> None:
    async def script(world: Stage) -> None:
        (stop,) = await world.guarded()
        assert world.protection == ["wanted", "sent", "armed"]
        assert stop.reduce_only
        assert (stop.quantity, stop.side) == (abs(world.held), Side.BUY if short else Side.SELL)
        assert (world.held < 0) is short

    assert play(Contract(0.2, short=short), script) == []


@pytest.mark.parametrize("short", [False, True])
def test_a_stop_whose_price_comes_ends_the_trip_and_the_take_profit(short: bool) -> None:
    async def script(world: Stage) -> None:
        stop, take = await world.guarded(2)
        assert (stop.client_algo_id, take.reduce_only) == (world.placed()[1], True)
        await world.is_over("stop loss")
        assert world.closed()[0].client_order_id == stop.client_algo_id
        assert (stop.state, take.state) == ("FINISHED", "CANCELED")
        assert "lost" not in world.protection

    assert play(Contract(0.0005, 0.2, short=short), script) == []


@pytest.mark.parametrize("short", [False, True])
def test_a_take_profit_whose_price_comes_ends_the_trip_and_the_stop(short: bool) -> None:
    async def script(world: Stage) -> None:
        stop, take = await world.guarded(2)
        await world.is_over("take profit")
        assert world.closed()[0].client_order_id == take.client_algo_id
        assert (stop.state, take.state) == ("CANCELED", "FINISHED")
        assert "lost" not in world.protection

    assert play(Contract(0.2, 0.0005, short=short), script) == []


@pytest.mark.parametrize(
    ("stop_loss", "take_profit", "reason"), [(0.2, 0.0005, "take profit"), (0.0005, 0.2, "stop loss")]
)
def test_whichever_trades_while_the_bot_is_dead_is_booked_and_the_other_one_goes_when_it_is_back(
    stop_loss: float, take_profit: float, reason: str
) -> None:
    async def script(world: Stage) -> None:
        await world.guarded(2)
        await world.kill()
        await world.until(lambda: not world.held)
        assert len(world.waiting) == 1, "nobody is there to end it, and it can open nothing"
        world.bear()
        await world.is_over(reason)

    assert play(Contract(stop_loss, take_profit), script) == []


def test_a_stop_of_a_contract_that_somebody_cancels_stands_again_within_five_seconds() -> None:
    async def script(world: Stage) -> None:
        for _ in range(3):
            stop, take = await world.guarded(2)
            world.take(stop)
            assert world.waiting == [take]
            assert await world.until(lambda: len(world.waiting) == 2) <= 5.0
            assert world.waiting[0].quantity == stop.quantity
            assert world.waiting[1] is take

    assert play(Contract(0.2, 0.2), script) == []


def test_a_take_profit_that_is_cancelled_by_hand_stands_again_within_five_seconds() -> None:
    async def script(world: Stage) -> None:
        stop, take = await world.guarded(2)
        world.take(take)
        assert await world.until(lambda: len(world.waiting) == 2) <= 5.0
        assert world.waiting[0] is stop
        assert "lost" not in world.protection

    assert play(Contract(0.2, 0.2), script) == []


def test_both_stay_over_a_restart_and_a_dead_bot_however_long_it_is_dead() -> None:
    async def script(world: Stage) -> None:
        before = await world.guarded(2)
        sent = world.placed()
        await world.kill()
        await asyncio.sleep(200.0)
        assert world.waiting == before, "no dead-man switch takes them"
        world.bear()
        await asyncio.sleep(30.0)
        assert world.waiting == before
        assert world.placed() == sent
        assert world.protection == ["wanted", "sent", "armed", "armed"]

    assert play(Contract(0.2, 0.2), script) == []


def test_a_stop_of_a_contract_that_went_while_the_bot_was_dead_stands_again_once_it_is_back() -> None:
    async def script(world: Stage) -> None:
        (stop,) = await world.guarded()
        await world.kill()
        world.take(stop)
        world.bear()
        await world.guarded()
        assert world.protection[-3:] == ["lost", "sent", "armed"]

    assert play(Contract(0.2), script) == []


def test_a_contract_whose_stop_cannot_rest_any_more_is_left_by_policy() -> None:
    async def script(world: Stage) -> None:
        for _ in range(4):
            stop, _ = await world.guarded(2)
            world.take(stop)
        await world.until(world.closed)
        assert "bare" in world.protection
        (stopped,) = [each for each in world.outcomes if isinstance(each, StrategyStopped)]
        assert "its stop cannot rest" in stopped.reason
        await world.is_over("its stop could not rest")

    assert play(Contract(0.2, 0.2), script) == []


def test_a_stop_whose_answer_is_lost_is_found_and_not_sent_again() -> None:
    async def script(world: Stage) -> None:
        await world.guarded()
        told = world.truth.read(kind="algo", account=ACCOUNT)
        assert len({row["algo"]["algo_id"] for row in told}) == 1
        assert world.protection == ["wanted", "sent", "armed"]

    scene = Contract(0.2)
    paths = ("/fapi/v1/algoOrder", "algoOrder.place")
    lost = [Rule(kind="drop_reply", path=path, count=1) for path in paths]
    scene.faults = (*lost, Rule(kind="drop_frame", event="ALGO_UPDATE"))
    assert play(scene, script) == []


def test_a_trigger_of_which_the_stream_tells_nothing_is_found_out_by_asking() -> None:
    async def script(world: Stage) -> None:
        await world.guarded()
        await world.is_over("stop loss")

    scene = Contract(0.0005)
    scene.faults = tuple(
        Rule(kind="drop_frame", event=event) for event in ("ALGO_UPDATE", "ORDER_TRADE_UPDATE", "ACCOUNT_UPDATE")
    )
    assert play(scene, script) == []


def test_under_a_kill_switch_the_stop_of_a_contract_stays_and_is_put_back_without_its_take_profit() -> None:
    async def script(world: Stage) -> None:
        stop, _ = await world.guarded(2)
        stopped = await engage(world, KillNote("ada", "enough"))
        assert (stopped.cancelled, stopped.left, stopped.kept) == (1, 0, 1), "the take profit is no guard"
        assert world.waiting == [stop]
        world.take(stop)
        assert await world.until(lambda: world.waiting) <= 5.0
        (again,) = await world.guarded()
        assert again.type.is_stop

    assert play(Contract(0.2, 0.2), script) == []


def test_under_a_kill_switch_that_flattens_both_go_with_the_position() -> None:
    async def script(world: Stage) -> None:
        await world.guarded(2)
        await engage(world, KillNote("ada", "enough", flatten=True))
        await world.until(world.closed)
        assert (world.waiting, world.held) == ([], D(0))
        assert "lost" not in world.protection

    assert play(Contract(0.2, 0.2), script) == []


def test_the_orders_are_those_of_the_endpoint_for_what_waits_for_a_price() -> None:
    async def script(world: Stage) -> None:
        stop, take = await world.guarded(2)
        assert [each.type.value for each in (stop, take)] == ["STOP_MARKET", "TAKE_PROFIT_MARKET"]
        orders = [each.order for each in world.outcomes if isinstance(each, PlaceOrder)]
        assert [each.type for each in orders] == [OrderType.MARKET, OrderType.STOP_LOSS, OrderType.TAKE_PROFIT]
        assert [each.client_order_id for each in orders[1:]] == [stop.client_algo_id, take.client_algo_id]

    assert play(Contract(0.2, 0.2), script) == []
