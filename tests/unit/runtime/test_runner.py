"""The runner: decides, writes down, then acts; without its memory it sends nothing."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import msgspec
import pytest
from tests.fakes.broker import FakeBroker
from tests.fakes.journal import MemoryJournal
from tests.fakes.outfit import BTC, START, D, StillClock, breathe, buys, candle, end, sells, told, until

from bot.db.leases import LeaseLost
from bot.domain.market import Candle
from bot.domain.messages import (
    Attempt,
    CancelOrder,
    Command,
    Event,
    FundsSeen,
    OrderChanged,
    OrderUpdate,
    Outcome,
    PlaceOrder,
    StopRequested,
    StrategyStopped,
    TradeClosed,
)
from bot.domain.order import Fill, Order, OrderStatus
from bot.domain.state import AccountState
from bot.engine.engine import Engine
from bot.runtime.condition import Condition
from bot.runtime.inbox import Inbox
from bot.runtime.runner import DOUBT_AFTER_S, PATIENCE_S, Runner
from bot.strategies.base import Strategy


class Diary(list[tuple[str, object]]):
    """What happened, in order, in journal and broker alike."""


class WatchedJournal(MemoryJournal):
    def __init__(self, diary: Diary) -> None:
        super().__init__()
        self._diary = diary

    async def record(self, event: Event, outcomes: Sequence[Outcome]) -> None:
        await super().record(event, outcomes)
        self._diary.extend(("written", each) for each in outcomes)


class WatchedBroker(FakeBroker):
    def __init__(self, diary: Diary) -> None:
        super().__init__()
        self._diary = diary

    async def execute(self, command: Command, attempt: Attempt | None = None, take: Order | None = None) -> None:
        await super().execute(command, attempt, take)
        self._diary.append(("sent", command))

    def see(self, candle: Candle) -> None:
        super().see(candle)
        self._diary.append(("seen", candle))


class Scene:
    """One strategy with everything around it; the test plays the exchange."""

    def __init__(self, script: dict[int, object], *, base: type[Strategy] | None = None, **config: object) -> None:
        self.diary = Diary()
        self.journal = WatchedJournal(self.diary)
        self.broker = WatchedBroker(self.diary)
        self.clock = StillClock()
        self.inbox = Inbox()
        self.engine = Engine()
        plan = told(script, **({"base": base} if base else {}), **config)  # type: ignore[arg-type]
        self.slot = self.engine.add(1, plan.strategy, plan.config, BTC)
        self.condition = Condition("main/paper")
        self.runner = Runner(
            "main/paper", self.engine, self.journal, self.broker, self.inbox, self.clock, self.condition
        )
        self.engine.handle(FundsSeen({"USDT": D(1000)}, START))

    def fill(self, order_number: int = 0, price: float = 100.0) -> Fill:
        """Give the whole fill of one of the orders sent."""
        order = self.orders[order_number]
        return Fill(
            order.client_order_id, order.symbol, order_number + 1, order.side, D(str(price)), order.quantity,
            D(0), "USDT", order.created_ms, 77,
        )  # fmt: skip

    @property
    def orders(self) -> list:  # type: ignore[type-arg]
        return [each.order for each in self.broker.commands if isinstance(each, PlaceOrder)]

    def changes(self) -> list[OrderStatus]:
        return [each.status for each in self.journal.outcomes if isinstance(each, OrderChanged)]


@pytest.fixture
async def running() -> AsyncIterator[list["asyncio.Task[None]"]]:
    tasks: list[asyncio.Task[None]] = []
    yield tasks
    for task in tasks:
        await end(task)


async def test_what_is_decided_is_written_down_before_it_is_sent() -> None:
    scene = Scene({0: buys(), 1: buys(price=90.0)}, max_open_orders=9)
    for n in range(2):
        await scene.runner.step(candle(n, 100.0))
        await scene.runner.step(OrderUpdate(scene.orders[n].client_order_id, OrderStatus.NEW, START, 7 + n))
        if n == 0:
            await scene.runner.step(scene.fill())
    await scene.runner.step(StopRequested(1, "enough", START))
    sent = [what for kind, what in scene.diary if kind == "sent"]
    assert [type(each) for each in sent] == [PlaceOrder, PlaceOrder, CancelOrder]
    for command in sent:
        assert scene.diary.index(("written", command)) < scene.diary.index(("sent", command))


async def test_the_brokers_own_market_moves_before_the_engine_decides() -> None:
    scene = Scene({0: buys()})
    await scene.runner.step(candle(0, 100.0))
    assert scene.diary[0] == ("seen", candle(0, 100.0))
    assert scene.runner.candles == 1
    assert scene.runner.last_candle_ms == candle(0, 100.0).close_time


async def test_a_candle_meets_the_position_that_a_waiting_fill_made() -> None:
    scene = Scene({0: buys(), 1: sells})
    await scene.runner.step(candle(0, 100.0))
    scene.inbox.put(candle(1, 110.0))
    scene.inbox.put(scene.fill())
    task = asyncio.create_task(scene.runner.run())
    await until(lambda: len(scene.orders) == 2)
    scene.inbox.put(scene.fill(1, 110.0))
    await until(lambda: any(isinstance(each, TradeClosed) for each in scene.journal.outcomes))
    await end(task)


async def test_an_event_of_which_nothing_comes_is_not_written_down() -> None:
    scene = Scene({})
    await scene.runner.step(candle(0, 100.0))
    assert scene.journal.events == []


async def test_nothing_is_sent_while_the_journal_is_away_and_all_goes_on_after(
    running: list["asyncio.Task[None]"],
) -> None:
    scene = Scene({0: buys()})
    running.append(asyncio.create_task(scene.runner.run()))
    scene.journal.is_away = True
    scene.inbox.put(candle(0, 100.0))
    scene.inbox.put(candle(1, 100.0))
    await until(lambda: scene.runner.is_waiting_for_database)
    for _ in range(3):
        await scene.clock.advance(0.5)
    assert scene.broker.commands == []
    assert scene.runner.candles == 1, "no candle is decided on meanwhile"
    scene.journal.is_away = False
    await scene.clock.advance(0.5)
    await until(lambda: scene.inbox.is_idle)
    assert scene.runner.candles == 2
    assert len(scene.orders) == 1
    assert not scene.runner.is_waiting_for_database


async def test_a_record_that_takes_too_long_is_a_doubt_before_the_engine_hears(
    running: list["asyncio.Task[None]"],
) -> None:
    scene = Scene({0: buys()})
    scene.condition.begin()
    scene.condition.finish()
    running.extend(asyncio.create_task(work) for work in (scene.runner.run(), scene.runner.watch()))
    await scene.clock.advance(0.3)
    scene.journal.is_away = True
    scene.inbox.put(candle(0, 100.0))
    await until(lambda: scene.runner.is_waiting_for_database)
    await scene.clock.advance(DOUBT_AFTER_S - 0.1)
    assert scene.condition.state is AccountState.READY, "a moment is no reason"
    await scene.clock.advance(0.1)
    await scene.clock.advance(0.1)
    assert scene.condition.state is AccountState.DEGRADED
    assert scene.condition.reason == "the database has taken no record for 1 s"
    scene.journal.is_away = False
    await scene.clock.advance(0.5)
    await until(lambda: scene.inbox.is_idle)
    assert scene.condition.doubts == {}
    assert scene.condition.wants_look.is_set()


async def test_an_order_that_grew_too_old_is_void_and_never_sent(running: list["asyncio.Task[None]"]) -> None:
    scene = Scene({0: buys(), 9: buys()})
    running.append(asyncio.create_task(scene.runner.run()))
    scene.journal.is_away = True
    scene.inbox.put(candle(0, 100.0))
    await until(lambda: scene.runner.is_waiting_for_database)
    await scene.clock.advance(PATIENCE_S + 1)
    scene.journal.is_away = False
    await scene.clock.advance(1)
    await until(lambda: OrderStatus.VOID in scene.changes())
    assert scene.broker.commands == []
    assert (await scene.journal.recover()).open_orders == ()
    (void,) = [each for each in scene.slot.strategy.heard if isinstance(each, OrderUpdate)]  # type: ignore[attr-defined]
    assert void.reason == "not sent: the database was away for 7 s"
    for n in range(1, 10):
        scene.inbox.put(candle(n, 100.0))
    await until(lambda: scene.inbox.is_idle)
    assert [each.created_ms for each in scene.orders] == [candle(9, 1.0).close_time]


async def test_decisions_on_candles_that_waited_too_long_for_the_journal_are_void_too(
    running: list["asyncio.Task[None]"],
) -> None:
    scene = Scene({0: buys(), 1: buys(), 2: buys()}, max_open_orders=9)
    running.append(asyncio.create_task(scene.runner.run()))
    scene.journal.is_away = True
    scene.inbox.put(candle(0, 100.0))
    scene.inbox.put(candle(1, 100.0))
    await until(lambda: scene.runner.is_waiting_for_database)
    await scene.clock.advance(600)
    scene.inbox.put(candle(2, 100.0))
    scene.journal.is_away = False
    await scene.clock.advance(1)
    await until(lambda: scene.inbox.is_idle)
    assert scene.changes() == [OrderStatus.VOID, OrderStatus.VOID]
    assert [each.created_ms for each in scene.orders] == [candle(2, 1.0).close_time], "the newest is fresh: sent"


async def test_what_is_decided_is_written_and_sent_before_a_stop_is_obeyed() -> None:
    scene = Scene({0: buys()})
    task = asyncio.create_task(scene.runner.run())
    scene.journal.is_away = True
    scene.inbox.put(candle(0, 100.0))
    await until(lambda: scene.runner.is_waiting_for_database)
    task.cancel()
    await breathe()
    assert not task.done()
    scene.journal.is_away = False
    await scene.clock.advance(0.5)
    await until(task.done)
    assert task.cancelled()
    assert len(scene.orders) == 1
    order = scene.broker.commands[0]
    assert scene.diary[-3::2] == [("written", order), ("sent", order)]
    assert scene.diary[-2] == ("written", Attempt(scene.orders[0].client_order_id, scene.orders[0].created_ms))


async def test_told_to_stop_a_second_time_it_stops_at_once_and_sends_nothing_later() -> None:
    scene = Scene({0: buys()})
    task = asyncio.create_task(scene.runner.run())
    scene.journal.is_away = True
    scene.inbox.put(candle(0, 100.0))
    await until(lambda: scene.runner.is_waiting_for_database)
    task.cancel()
    await breathe()
    await end(task)
    scene.journal.is_away = False
    await scene.clock.advance(0.5)
    assert scene.broker.commands == []
    assert scene.journal.outcomes == []


async def test_a_cancellation_is_sent_however_late(running: list["asyncio.Task[None]"]) -> None:
    scene = Scene({0: buys(price=90.0)})
    running.append(asyncio.create_task(scene.runner.run()))
    scene.inbox.put(candle(0, 100.0))
    await until(lambda: scene.orders)
    scene.inbox.put(OrderUpdate(scene.orders[0].client_order_id, OrderStatus.NEW, START, 7))
    await until(lambda: OrderStatus.NEW in scene.changes())
    scene.journal.is_away = True
    scene.inbox.put(StopRequested(1, "enough", START))
    await until(lambda: scene.runner.is_waiting_for_database)
    await scene.clock.advance(60)
    scene.journal.is_away = False
    await scene.clock.advance(1)
    await until(lambda: any(isinstance(each, CancelOrder) for each in scene.broker.commands))


async def test_what_ever_a_strategy_does_wrong_stops_it_and_not_the_runner() -> None:
    class Broken(Strategy):
        name = "broken"

        def on_tick(self, candle: Candle) -> None:
            raise ZeroDivisionError("oh")

    scene = Scene({}, base=Broken)
    await scene.runner.step(candle(0, 100.0))
    (stop,) = [each for each in scene.journal.outcomes if isinstance(each, StrategyStopped)]
    assert stop.reason == "on_tick raised ZeroDivisionError: oh"
    await scene.runner.step(candle(1, 100.0))
    assert scene.runner.candles == 2


async def test_when_its_turn_is_over_the_runner_ends_and_what_it_decided_is_never_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scene = Scene({0: buys()})

    async def refuse(event: Event, outcomes: Sequence[Outcome]) -> None:
        raise LeaseLost("a newer turn has begun")

    monkeypatch.setattr(scene.journal, "record", refuse)
    scene.inbox.put(candle(0, 100.0))
    with pytest.raises(LeaseLost):
        await scene.runner.run()
    assert scene.broker.commands == []
    assert scene.clock.naps == []


PAIRED = frozenset({"LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS"})


def paired(monkeypatch: pytest.MonkeyPatch) -> Scene:
    """Give a scene whose strategy guards what it holds with a stop and a take profit."""
    monkeypatch.setitem(globals(), "BTC", msgspec.structs.replace(BTC, order_types=PAIRED))
    return Scene({0: buys()}, stop_loss=0.1, take_profit=0.1, protect="exchange")


async def test_a_pair_is_written_as_two_orders_and_sent_as_one_list(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = paired(monkeypatch)
    await scene.runner.step(candle(0, 100.0))
    await scene.runner.step(scene.fill())
    entry, stop = scene.orders
    (take,) = [each for each in scene.broker.takes if each]
    attempts = [each for each in scene.journal.outcomes if isinstance(each, Attempt)]
    assert [each.client_order_id for each in attempts] == [each.client_order_id for each in (entry, stop, take)], (
        "one more of the order beside it"
    )
    assert attempts[1] == msgspec.structs.replace(attempts[2], client_order_id=stop.client_order_id)
