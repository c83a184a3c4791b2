"""Interrupting: a strategy that does not come to an end is ended, and it alone. Each of these would hang without."""

import asyncio
import sys
import time
from collections.abc import Iterator

import pytest
from tests.fakes.broker import FakeBroker
from tests.fakes.journal import MemoryJournal
from tests.fakes.outfit import BTC, START, D, StillClock, buys, candle, end, told, until

from bot.domain.messages import CancelOrder, FundsSeen, OrderUpdate, PlaceOrder, StopRequested, StrategyStopped
from bot.domain.order import OrderStatus
from bot.engine.engine import Engine
from bot.runtime.inbox import Inbox
from bot.runtime.interrupting import Interrupter, overruns_interrupted
from bot.runtime.runner import Runner
from bot.strategies.base import Strategy

DEADLINE_S = 0.1


@pytest.fixture(autouse=True)
def _interrupted() -> Iterator[None]:
    with overruns_interrupted(DEADLINE_S, every_s=0.02):
        yield


def is_busy_for_ever(_strategy: Strategy) -> None:
    while True:
        pass


def sleeps(_strategy: Strategy) -> None:
    time.sleep(3600)


def swallows_what_ends_it(strategy: Strategy) -> None:
    try:
        is_busy_for_ever(strategy)
    except Exception:  # noqa: BLE001 - as careless code does
        sleeps(strategy)


def an_engine(*scripts: object) -> Engine:
    engine = Engine()
    for number, script in enumerate(scripts, 1):
        plan = told(script, strategy_id=number)  # type: ignore[arg-type]
        engine.add(number, plan.strategy, plan.config, BTC)
    engine.handle(FundsSeen({"USDT": D(1000)}, START))
    return engine


@pytest.mark.parametrize("blocks", [is_busy_for_ever, sleeps, swallows_what_ends_it])
def test_a_strategy_that_blocks_is_interrupted_and_stopped_alone(blocks: object) -> None:
    engine = an_engine({0: blocks}, {0: buys()})
    outcomes = engine.handle(candle(0, 100.0))
    (stopped,) = (each for each in outcomes if isinstance(each, StrategyStopped))
    assert stopped.strategy_id == 1
    assert "on_tick did not come to an end within" in stopped.reason
    assert [each.order.strategy_id for each in outcomes if isinstance(each, PlaceOrder)] == [2]
    assert engine.slots[1].is_faulted
    assert not engine.slots[2].is_faulted


def test_each_call_has_the_whole_deadline_to_itself() -> None:
    now = [0.0]
    interrupter = Interrupter(1.0, lambda: now[0])

    def takes(*seconds: float) -> object:
        def callback(_strategy: Strategy) -> None:
            for pause in (0.0, *seconds):
                now[0] += pause
                interrupter.ring(0, sys._getframe())

        return callback

    engine = an_engine({0: takes(0.5, 0.4), 1: takes(0.9), 2: takes(0.5, 0.6)})
    assert not any(isinstance(each, StrategyStopped) for n in range(2) for each in engine.handle(candle(n, 100.0)))
    (stopped,) = (each for each in engine.handle(candle(2, 100.0)) if isinstance(each, StrategyStopped))
    assert "within 1.1 s" in stopped.reason


def test_what_is_no_strategy_is_never_interrupted() -> None:
    before = time.monotonic()
    while time.monotonic() < before + 3 * DEADLINE_S:
        pass
    time.sleep(2 * DEADLINE_S)


async def test_orders_of_others_go_on_after_one_that_blocks() -> None:
    engine = an_engine({0: sleeps}, {0: buys(price=90.0)})
    broker, inbox = FakeBroker(), Inbox()
    runner = Runner("main/paper", engine, MemoryJournal(), broker, inbox, StillClock())
    task = asyncio.create_task(runner.run())
    inbox.put(candle(0, 100.0))
    await until(lambda: broker.commands)
    (placed,) = broker.commands
    assert isinstance(placed, PlaceOrder)
    inbox.put(OrderUpdate(placed.order.client_order_id, OrderStatus.NEW, START, 7))
    inbox.put(StopRequested(2, "enough", START))
    await until(lambda: len(broker.commands) == 2)
    assert isinstance(broker.commands[1], CancelOrder)
    await end(task)
