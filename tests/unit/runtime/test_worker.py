"""The worker: recovers, warms up, trades until cancelled, lets go; one bad strategy leaves the others alone."""

import asyncio
from collections.abc import Mapping, Sequence

import msgspec
import pytest
from tests.fakes.broker import FakeBroker
from tests.fakes.feed import FakeFeed
from tests.fakes.outfit import (
    BTC,
    START,
    D,
    FakeOutfit,
    Stage,
    Told,
    account_plan,
    buys,
    candle,
    end,
    sells,
    strategy_plan,
    told,
    until,
)

from bot.domain.errors import Rejected, Unavailable
from bot.domain.instrument import Instrument, LotRule
from bot.domain.market import Market, Stream
from bot.domain.messages import (
    EquityMarked,
    ForeignSeen,
    FundsPosted,
    FundsSeen,
    OrderChanged,
    PlaceOrder,
    StrategyStopped,
    TradeClosed,
)
from bot.domain.order import OrderStatus, Side
from bot.domain.state import AccountState
from bot.ports import Broker, Deliver, OpenOrder, Recovered
from bot.runtime.kill_switch import KillNote
from bot.runtime.lease import LeaseLost
from bot.runtime.plan import AccountPlan, StrategyPlan
from bot.runtime.setting_up import Listed
from bot.runtime.worker import Worker
from bot.strategies.base import Strategy

MINUTES = Stream(Market.SPOT, "BTCUSDT", "1m")


class FailsToStart(Told):
    def on_start(self) -> None:
        raise LookupError("no such file")


class FailsToBeMade(Told):
    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)
        raise LookupError("no such file")


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (told(strategy_id=2, symbol="NOSUCH"), "NOSUCH is not listed on emulator spot"),
        (told(strategy_id=2, market="futures"), "BTCUSDT is not listed on emulator futures"),
        (told(strategy_id=2, base=FailsToStart), "on_start raised LookupError: no such file"),
        (told(strategy_id=2, base=FailsToBeMade), "Told raised LookupError: no such file"),
    ],
)
async def test_a_strategy_that_cannot_run_is_refused_and_the_others_run(bad: StrategyPlan, reason: str) -> None:
    async with Stage(bad, told({0: buys()})) as stage:
        await stage.show(candle(0, 100.0))
        assert stage.outfit.refused == {2: reason}
        assert [each.order.strategy_id for each in stage.kept(PlaceOrder)] == [1]


async def test_history_is_fetched_once_for_each_series_and_long_enough_for_everybody() -> None:
    outfit = FakeOutfit()
    outfit.feed_.show(*(candle(n, 100.0) for n in range(30)))
    plans = (told(warm_up=5), told(strategy_id=2, warm_up=20), told(strategy_id=3, candle="5m"))
    async with Stage(*plans, outfit=outfit):
        assert sorted(outfit.feed_.asked, key=str) == [(MINUTES, 20), (Stream(Market.SPOT, "BTCUSDT", "5m"), 1)]


async def test_a_warm_strategy_decides_at_its_first_own_candle_and_not_on_history() -> None:
    outfit = FakeOutfit()
    outfit.feed_.show(*(candle(n, 100.0) for n in range(5)))
    async with Stage(told({4: buys(), 5: buys()}, warm_up=5), outfit=outfit) as stage:
        assert stage.kept(PlaceOrder) == []
        await stage.show(candle(4, 100.0), candle(5, 100.0))
        assert [each.order.created_ms for each in stage.kept(PlaceOrder)] == [candle(5, 1.0).close_time]


def watching(seen: list[Strategy], base: type[Told] = Told) -> type[Told]:
    """Give a strategy class that shows its instances to the test."""

    class Watched(base):  # type: ignore[misc, valid-type]
        def on_start(self) -> None:
            seen.append(self)

    return Watched


async def test_strategies_are_told_of_the_end_and_everything_is_let_go() -> None:
    class Grumbling(Told):
        def on_stop(self) -> None:
            raise OSError("disk full")

    seen: list[Strategy] = []
    plans = (told(base=watching(seen, Grumbling)), told(strategy_id=2, base=watching(seen)))
    async with Stage(*plans) as stage:
        assert len(stage.outfit.feed_.subscriptions) == 1
    assert [each.is_stopped for each in seen] == [False, True]  # type: ignore[attr-defined]
    assert stage.outfit.feed_.subscriptions == []
    assert stage.worker.runner is None


async def test_a_faulted_strategy_is_not_called_at_the_end() -> None:
    class Broken(Told):
        def on_tick(self, candle: object) -> None:
            raise ZeroDivisionError

    seen: list[Strategy] = []
    async with Stage(told(base=watching(seen, Broken))) as stage:
        await stage.show(candle(0, 100.0))
    assert not seen[0].is_stopped  # type: ignore[attr-defined]


async def test_forming_candles_come_when_a_strategy_asks_for_them() -> None:
    class Curious(Told):
        open_candles = True

    seen: list[Strategy] = []
    async with Stage(told(base=watching(seen, Curious)), told(strategy_id=2, base=watching(seen))) as stage:
        await stage.show(candle(0, 100.0, is_closed=False))
        await stage.show(candle(0, 101.0))
    curious, ordinary = seen
    assert [each.close for each in curious.ticks] == [100.0, 101.0]  # type: ignore[attr-defined]
    assert [each.close for each in ordinary.ticks] == [101.0]  # type: ignore[attr-defined]


async def test_equity_is_marked_at_the_markets_own_time() -> None:
    async with Stage(told({0: buys()})) as stage:
        await stage.outfit.clock.advance(60)
        assert stage.kept(EquityMarked) == [], "the market has not moved"
        await stage.show(candle(0, 100.0), candle(1, 110.0))
        await stage.outfit.clock.advance(60)
        (mark,) = stage.kept(EquityMarked)
        assert mark.time_ms == candle(1, 1.0).close_time
        assert mark.price == 110.0


async def test_a_strategy_taken_out_of_new_risk_keeps_its_exits() -> None:
    async with Stage(told({0: buys(), 2: buys(), 3: sells})) as stage:
        await stage.show(candle(0, 100.0))
        stage.worker.request_stop(1, "disabled")
        await stage.show(*(candle(n, 100.0) for n in range(1, 4)))
        assert [each.reason for each in stage.kept(StrategyStopped)] == ["disabled"]
        assert [each.order.side for each in stage.kept(PlaceOrder)] == ["BUY", "SELL"]


async def test_a_strategy_disabled_while_its_account_gets_ready_takes_no_new_risk() -> None:
    outfit = FakeOutfit()
    plan = account_plan(told({0: buys()}))
    worker = Worker(plan, outfit)
    ready, waits = asyncio.Event(), asyncio.Event()

    class Slow(FakeBroker):
        async def start(self, deliver: Deliver, open_orders: Sequence[OpenOrder] = (), *_: object) -> None:
            waits.set()
            await ready.wait()
            deliver(FundsSeen({"USDT": D(1000)}, START))

    broker = Slow()
    outfit.make_broker = lambda: broker
    task = asyncio.create_task(worker.run())
    await waits.wait()
    disabled = msgspec.structs.replace(plan.strategies[0], is_enabled=False)
    worker.plan = msgspec.structs.replace(plan, strategies=(disabled,))
    ready.set()
    await until(lambda: outfit.feed_.subscriptions)
    outfit.feed_.show(candle(0, 100.0))
    await until(lambda: worker.runner and worker.runner.candles)
    await end(task)
    assert broker.commands == []
    assert [each.reason for each in outfit.journals["main/paper"].outcomes if isinstance(each, StrategyStopped)] == [
        "disabled"
    ]


async def test_each_market_has_its_own_rules_for_a_symbol() -> None:
    coarse = msgspec.structs.replace(BTC, market=Market.FUTURES, lot=LotRule(D("0.001"), D(9000), D("0.001")))
    outfit = FakeOutfit(FakeFeed(BTC, coarse))
    seen: list[Listed] = []
    give = outfit.broker

    async def broker(plan: AccountPlan, instruments: Listed, recovered: Recovered) -> Broker:
        seen.append(instruments)
        return await give(plan, instruments, recovered)

    outfit.broker = broker  # type: ignore[method-assign]
    async with Stage(told(), told(strategy_id=2, market="futures"), outfit=outfit):
        assert seen == [{(Market.SPOT, "BTCUSDT"): BTC, (Market.FUTURES, "BTCUSDT"): coarse}]


async def test_a_market_that_the_feed_does_not_show_stops_its_own_strategies_alone() -> None:
    class SpotAlone(FakeFeed):
        async def instruments(self, market: Market) -> Mapping[str, Instrument]:
            if market is not Market.SPOT:
                raise Rejected("this feed shows spot, not futures")
            return await super().instruments(market)

    outfit = FakeOutfit(SpotAlone(BTC))
    async with Stage(told({0: buys()}), told(strategy_id=2, market="futures"), outfit=outfit) as stage:
        await stage.show(candle(0, 100.0))
        assert len(stage.kept(PlaceOrder)) == 1
    assert outfit.refused == {2: "BTCUSDT is not listed on emulator futures"}


async def test_an_entry_of_a_strategy_stopped_before_the_restart_does_not_go_on_resting() -> None:
    outfit = FakeOutfit()
    plan = told({0: buys(price=90.0)})
    async with Stage(plan, outfit=outfit) as stage:
        await stage.show(candle(0, 100.0))
    async with Stage(msgspec.structs.replace(plan, stopped="drawdown"), outfit=outfit) as stage:
        assert [each.status for each in stage.kept(OrderChanged)] == [OrderStatus.NEW, OrderStatus.CANCELED]
        assert stage.kept(StrategyStopped) == []


@pytest.mark.parametrize("change", [{"is_enabled": False}, {"stopped": "drawdown"}])
async def test_a_strategy_that_is_disabled_or_stopped_in_its_row_only_leaves(change: dict[str, object]) -> None:
    outfit = FakeOutfit()
    plan = told({0: buys(), 1: sells, 2: buys()})
    async with Stage(plan, outfit=outfit) as stage:
        await stage.show(candle(0, 100.0))
    async with Stage(msgspec.structs.replace(plan, **change), outfit=outfit) as stage:
        await stage.show(candle(1, 100.0), candle(2, 100.0))
        assert [each.order.side for each in stage.kept(PlaceOrder)] == ["BUY", "SELL"]


async def test_paper_money_is_given_once() -> None:
    outfit = FakeOutfit()
    for _ in range(3):
        async with Stage(told(), outfit=outfit) as stage:
            await stage.show()
    assert len(stage.kept(FundsPosted)) == 1


async def test_an_account_whose_strategies_are_all_refused_stays_quiet() -> None:
    async with Stage(told(symbol="NOSUCH")) as stage:
        assert stage.worker.runner is not None
        assert stage.outfit.feed_.asked == []


async def test_what_is_away_at_the_start_ends_the_attempt_and_leaves_nothing_open() -> None:
    outfit = FakeOutfit()
    outfit.feed_.is_away = True
    with pytest.raises(Unavailable, match="the feed is away"):
        await Worker(account_plan(told()), outfit).run()
    assert outfit.brokers == []

    class Unreachable(FakeBroker):
        is_stopped = False

        async def start(self, *_: object) -> None:
            raise Unavailable("the exchange is away")

        async def stop(self) -> None:
            self.is_stopped = True

    outfit.feed_.is_away = False
    broker = Unreachable()
    outfit.make_broker = lambda: broker
    with pytest.raises(Unavailable, match="the exchange is away"):
        await Worker(account_plan(told()), outfit).run()
    assert broker.is_stopped
    assert outfit.feed_.subscriptions == []


async def test_orders_of_strategies_that_are_gone_are_left_where_they_are() -> None:
    outfit = FakeOutfit()
    async with Stage(told({0: buys(price=90.0)}), told(strategy_id=2), outfit=outfit) as stage:
        await stage.show(candle(0, 100.0))
    async with Stage(told(strategy_id=2), outfit=outfit) as stage:
        await stage.show(candle(1, 80.0))
        assert [each.order.strategy_id for each in (await stage.journal.recover()).open_orders] == [1]


async def test_the_trailing_stop_of_a_position_counts_from_the_best_close_before_the_restart() -> None:
    outfit = FakeOutfit()
    plan = told({1: buys()}, trailing=0.1)
    async with Stage(plan, outfit=outfit) as stage:
        await stage.show(*(candle(n, close) for n, close in enumerate((200.0, 100.0, 120.0, 115.0))))
    await outfit.clock.advance(4 * 60)
    async with Stage(plan, outfit=outfit) as stage:
        await stage.show(candle(4, 109.0))
        assert len(stage.kept(PlaceOrder)) == 1
        await stage.show(candle(5, 107.0))
        assert [each.order.reason for each in stage.kept(PlaceOrder)] == ["told", "trailing stop"]


async def test_a_cooldown_outlives_a_restart() -> None:
    outfit = FakeOutfit()
    script = {0: buys(), 1: sells, 3: buys(), 5: buys()}
    async with Stage(told(script, cooldown=3), outfit=outfit) as stage:
        await stage.show(candle(0, 100.0), candle(1, 101.0))
        assert len(stage.kept(TradeClosed)) == 1
    async with Stage(told(script, cooldown=3), outfit=outfit) as stage:
        await stage.show(candle(2, 100.0), candle(3, 100.0), candle(4, 100.0))
        assert len(stage.kept(PlaceOrder)) == 2
        await stage.show(candle(5, 100.0))
        assert len(stage.kept(PlaceOrder)) == 3


async def test_strategies_without_a_word_about_indicators_still_know_a_price() -> None:
    outfit = FakeOutfit()
    outfit.feed_.show(candle(0, 100.0))
    async with Stage(strategy_plan(Told), outfit=outfit):
        assert outfit.feed_.asked == [(MINUTES, 1)]


# Whose turn it is, and the kill switch.


async def test_orders_carry_the_epoch_of_the_lease_and_a_lost_lease_ends_the_worker() -> None:
    outfit = FakeOutfit()
    async with Stage(told({0: buys()}), outfit=outfit) as stage:
        await stage.show(candle(0, 100.0))
        (placed,) = stage.kept(PlaceOrder)
        assert placed.order.client_order_id.startswith("b-1-1-")
        turns = outfit.turns["main/paper"]
        assert turns.holder == "this test"
        turns.holder, turns.epoch = "another", 2
        await outfit.clock.advance(0.4e9)
        await until(stage._task.done)
        with pytest.raises(LeaseLost, match="taken over by another process"):
            stage._task.result()


async def test_it_waits_for_lease_and_database_and_says_for_what() -> None:
    outfit = FakeOutfit()
    outfit.is_database_away = True
    worker = Worker(account_plan(told()), outfit)
    task = asyncio.create_task(worker.run())
    await until(lambda: worker.waits_for == "the database is away")
    outfit.is_database_away = False
    await outfit.clock.advance(1.0)
    await until(lambda: worker.runner)
    assert worker.waits_for == ""
    await end(task)
    assert outfit.turns["main/paper"].holder == "", "it was given back"


async def test_the_kill_switch_halts_and_cancels_though_the_database_is_away() -> None:
    async with Stage(told({0: buys(price=90.0), 1: buys()})) as stage:
        await stage.show(candle(0, 100.0))
        stage.journal.is_away = True
        stage.outfit.feed_.show(candle(1, 100.0))
        runner = stage.worker.runner
        assert runner
        await until(lambda: runner.is_waiting_for_database)
        stopped = await stage.worker.carry_out(KillNote("ada", "enough"))
        assert (stopped.account, stopped.mode, stopped.cancelled, stopped.left) == ("main", "paper", 1, 0)
        assert stage.worker.condition.state is AccountState.HALTED


async def test_flatten_closes_what_is_held_and_nothing_else_is_sent() -> None:
    async with Stage(told({0: buys(), 2: buys()})) as stage:
        await stage.show(candle(0, 100.0), candle(1, 101.0))
        stage.outfit.note = KillNote("ada", "enough", flatten=True)
        await stage.worker.carry_out(stage.outfit.note)
        await stage.settle()
        await stage.show(candle(2, 101.0), candle(3, 101.0))
        assert [each.order.side for each in stage.kept(PlaceOrder)] == ["BUY", "SELL"]
        (closed,) = stage.kept(TradeClosed)
        assert "enough" in closed.reason


async def test_who_starts_while_the_switch_is_engaged_sends_nothing() -> None:
    outfit = FakeOutfit()
    outfit.note = KillNote("ada", "enough")
    async with Stage(told({0: buys()}), outfit=outfit) as stage:
        await stage.show(candle(0, 100.0))
        assert stage.worker.condition.state is AccountState.HALTED
        assert stage.kept(PlaceOrder) == []


# Orders of others, and halts that outlive us.


async def test_an_order_of_another_bot_with_our_key_halts_and_is_put_on_record() -> None:
    outfit = FakeOutfit()
    broker = FakeBroker()
    broker.foreign = [ForeignSeen(Market.SPOT, "BTCUSDT", "b-9-1-abc-1", 77, Side.BUY, D(1), D(0), True, START)]
    outfit.make_broker = lambda: broker
    async with Stage(told({0: buys()}), outfit=outfit) as stage:
        await stage.show(candle(0, 100.0))
        assert stage.worker.condition.state is AccountState.HALTED
        assert broker.commands == []
        assert [each.client_order_id for each in stage.kept(ForeignSeen)] == ["b-9-1-abc-1"]
    (reason,) = outfit.halts
    assert "another bot uses the same key" in reason


async def test_a_halt_of_before_the_restart_holds_and_cancels_nothing() -> None:
    outfit = FakeOutfit()
    outfit.note = KillNote("the bot itself", "two bots share one key", cancels=False)
    broker = FakeBroker()
    outfit.make_broker = lambda: broker
    async with Stage(told({0: buys()}), outfit=outfit) as stage:
        await stage.show(candle(0, 100.0))
        assert stage.worker.condition.state is AccountState.HALTED
        assert "two bots share one key" in stage.worker.condition.reason
    assert (broker.commands, broker.sweeps, outfit.halts) == ([], 0, [])
