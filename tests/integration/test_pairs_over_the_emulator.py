"""A stop and its take profit as one list on the exchange, over the whole bot and the emulator, on made-up time: armed,
ended by either leg, filled in part, refused, raced for, and at work while the bot is dead."""

import asyncio
from decimal import Decimal

import msgspec
import pytest
from tests.integration.test_protection_over_the_emulator import ACCOUNT, SYMBOL, Calm, Play, engage, play

from bot.domain.messages import PlaceOrder, StrategyStopped, TradeClosed
from bot.domain.order import OrderStatus, OrderType
from bot.emulator.faults import Rule
from bot.runtime.kill_switch import KillNote
from bot.runtime.plan import AccountPlan
from bot.simulation.orders import RestingOrder

LISTS = ("/api/v3/orderList/oco", "orderList.place.*")


class Paired(Calm):
    """Fine weather, and a take profit beside the stop."""

    def __init__(self, stop_loss: float, take_profit: float) -> None:
        super().__init__(stop_loss)
        self.take_profit = take_profit

    def plan(self, name: str) -> AccountPlan:
        plan = super().plan(name)
        (one,) = plan.strategies
        config = one.config.model_copy(update={"take_profit": self.take_profit})
        return msgspec.structs.replace(plan, strategies=(msgspec.structs.replace(one, config=config),))


def legs(world: Play) -> list[RestingOrder]:
    return sorted(world.venue.exchange.open_orders(ACCOUNT), key=lambda each: each.stop_price is None)


async def pair(world: Play) -> tuple[RestingOrder, RestingOrder]:
    """Wait until the pair counts as armed; give its stop and its take profit."""
    await world.armed()
    stop, take = legs(world)
    return stop, take


def closed(world: Play) -> list[TradeClosed]:
    return [each for each in world.outcomes if isinstance(each, TradeClosed)]


def placed(world: Play) -> list[str]:
    return [each.order.client_order_id for each in world.outcomes if isinstance(each, PlaceOrder)]


def test_both_stand_as_one_list_that_locks_what_is_held_once() -> None:
    async def script(world: Play) -> None:
        stop, take = await pair(world)
        assert world.protection == ["wanted", "sent", "armed"]
        assert (stop.type, take.type) == (OrderType.STOP_LOSS, OrderType.LIMIT_MAKER)
        assert stop.list_id == take.list_id >= 0
        assert stop.quantity == take.quantity == world.venue.exchange.balances(ACCOUNT)["BTC"].locked
        assert stop.stop_price is not None
        assert take.price is not None
        assert stop.stop_price < take.price

    assert play(Paired(0.2, 0.2), script) == []


def test_the_take_profit_ends_the_trip_and_the_stop_with_it() -> None:
    async def script(world: Play) -> None:
        stop, take = await pair(world)
        await world.until(lambda: closed(world))
        (trade,) = closed(world)
        assert (trade.reason, trade.client_order_id) == ("take profit", take.client_order_id)
        await world.until(lambda: world.protection[-1] == "none")
        assert (take.status, stop.status) == (OrderStatus.FILLED, OrderStatus.EXPIRED)
        assert "lost" not in world.protection
        assert legs(world) == []

    assert play(Paired(0.2, 0.0005), script) == []


def test_the_stop_ends_the_trip_and_the_take_profit_with_it() -> None:
    async def script(world: Play) -> None:
        stop, take = await pair(world)
        await world.until(lambda: closed(world))
        (trade,) = closed(world)
        assert (trade.reason, trade.client_order_id) == ("stop loss", stop.client_order_id)
        await world.until(lambda: world.protection[-1] == "none")
        assert (stop.status, take.status) == (OrderStatus.FILLED, OrderStatus.EXPIRED)
        assert "lost" not in world.protection

    assert play(Paired(0.0005, 0.2), script) == []


def test_what_a_take_profit_leaves_when_it_fills_in_part_has_a_stop_again_within_five_seconds() -> None:
    async def script(world: Play) -> None:
        stop, take = await pair(world)
        part = (take.quantity / 4).quantize(Decimal("0.00001"))
        with world.venue.desk.settling() as now_ms:
            assert take.price is not None
            world.venue.exchange.on_price(SYMBOL, take.price, now_ms, quantity=part)
        assert (take.filled, stop.status) == (part, OrderStatus.EXPIRED)
        assert await world.until(lambda: world.stops) <= 5.0
        assert world.stops[0].quantity == take.quantity - part
        await world.armed()
        assert not take.is_open
        assert "lost" not in world.protection

    assert play(Paired(0.2, 0.02), script) == []


def test_a_pair_stays_the_pair_over_a_restart() -> None:
    async def script(world: Play) -> None:
        before = await pair(world)
        sent = placed(world)
        await world.kill()
        world.bear()
        await asyncio.sleep(30.0)
        assert tuple(legs(world)) == before
        assert placed(world) == sent
        assert world.protection == ["wanted", "sent", "armed", "armed"]

    assert play(Paired(0.2, 0.2), script) == []


@pytest.mark.parametrize(
    ("stop_loss", "take_profit", "reason"), [(0.2, 0.0005, "take profit"), (0.0005, 0.2, "stop loss")]
)
def test_whichever_trades_while_the_bot_is_dead_is_booked_when_it_comes_back(
    stop_loss: float, take_profit: float, reason: str
) -> None:
    async def script(world: Play) -> None:
        stop, take = await pair(world)
        await world.kill()
        await world.until(lambda: not stop.is_open and not take.is_open)
        world.bear()
        await world.until(lambda: closed(world))
        assert [each.reason for each in closed(world)] == [reason]
        await world.until(lambda: world.protection[-1] == "none")

    assert play(Paired(stop_loss, take_profit), script) == []


def test_a_pair_that_somebody_cancels_stands_again_within_five_seconds() -> None:
    async def script(world: Play) -> None:
        for turn in (0, 1):
            before = await pair(world)
            world.cancel(before[turn])
            assert legs(world) == []
            assert await world.until(lambda: world.stops) <= 5.0
        await pair(world)
        assert world.protection.count("lost") == 2

    assert play(Paired(0.2, 0.2), script) == []


def test_where_the_list_is_refused_the_stop_stands_alone_and_nobody_is_stopped() -> None:
    async def script(world: Play) -> None:
        stop = await world.armed()
        assert world.protection == ["wanted", "sent", "lost", "sent", "armed"]
        assert legs(world) == [stop]
        assert not [each for each in world.outcomes if isinstance(each, StrategyStopped)]
        await world.until(lambda: closed(world))
        assert closed(world)[0].reason == "take profit", "watched for by the engine now"

    scene = Paired(0.2, 0.0005)
    refusal = "OCO orders are not supported for this symbol."
    scene.faults = tuple(
        Rule(kind="error", path=path, status=400, code=-2010, message=refusal, accept=False) for path in LISTS
    )
    assert play(scene, script) == []


def test_a_kill_switch_leaves_both_on_guard() -> None:
    async def script(world: Play) -> None:
        before = await pair(world)
        stopped = await engage(world, KillNote("ada", "enough"))
        assert (stopped.cancelled, stopped.left, stopped.kept) == (0, 0, 2)
        assert tuple(legs(world)) == before

    assert play(Paired(0.2, 0.2), script) == []
