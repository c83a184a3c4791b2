"""Recovery: the engine stands where the journal says that it was, however the process ended."""

import asyncio
from collections.abc import Sequence
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fakes.journal import MemoryJournal
from tests.fakes.outfit import (
    BTC,
    START,
    D,
    FakeOutfit,
    Stage,
    account_plan,
    buys,
    candle,
    end,
    ledger_of,
    sells,
    told,
    until,
)

from bot.domain.errors import Unavailable
from bot.domain.messages import AccountMarked, Event, Outcome, PlaceOrder, ProtectionMoved
from bot.domain.order import Fill, Order, OrderStatus, OrderType, Side, TimeInForce
from bot.engine.engine import Engine
from bot.ports import OpenOrder, Recovered, StrategyState
from bot.runtime import runner as runner_module
from bot.runtime.recovery import candles_since_entry, newest_order_id, newest_trade_id, restore, restore_cooldown

OPEN = OpenOrder(
    Order("b-1-x-0", 1, "BTCUSDT", Side.BUY, OrderType.LIMIT, D(2), START, D(90), TimeInForce.GTC),  # type: ignore[arg-type]
    OrderStatus.NEW,
    D("0.5"),
    D(45),
    77,
)


def recovered(**changes: object) -> Recovered:
    values: dict[str, object] = {"balances": {}, "open_orders": (), "strategies": {}, "fill_keys": frozenset()}
    return Recovered(**(values | changes))  # type: ignore[arg-type]


def engine_with(**config: object) -> Engine:
    engine = Engine()
    plan = told(**config)  # type: ignore[arg-type]
    engine.add(1, plan.strategy, plan.config, BTC)
    return engine


def test_everything_the_journal_knows_comes_back() -> None:
    engine = engine_with()
    state = StrategyState(1, realised=D(5), peak_equity=700.0, stopped="drawdown", sequence=9)
    restore(
        engine, recovered(balances={("owner", "USDT"): D(10)}, open_orders=(OPEN,), strategies={1: state, 5: state})
    )
    slot = engine.slots[1]
    assert engine.ledger.total("USDT") == 10
    assert (slot.realised, slot.peak_equity, slot.stopped, slot.sequence) == (D(5), 700.0, "drawdown", 9)
    live = slot.live["b-1-x-0"]
    assert (live.status, live.remaining, live.exchange_order_id) == (OrderStatus.NEW, D("1.5"), 77)


BOUGHT = Fill("b-1-x-0", "BTCUSDT", 1, Side.BUY, D(100), D(2), D("0.003"), "BNB", START)  # type: ignore[arg-type]


def test_a_fee_in_another_asset_keeps_the_worth_at_which_it_was_booked() -> None:
    engine = engine_with()
    restore(engine, recovered(strategies={1: StrategyState(1, fills=(BOUGHT,), fees=(D("1.8"),))}))
    assert (engine.slots[1].position.quantity, engine.slots[1].position.fees) == (D(2), D("1.8"))


def test_the_day_goes_on_after_a_restart() -> None:
    engine = engine_with(capital=500.0)
    restore(engine, recovered(strategies={1: StrategyState(1, marked_ms=START, day_equity=480.0, realised=D(-70))}))
    slot = engine.slots[1]
    slot.mark(START + 1)
    assert slot.standing().lost_today == 50.0
    slot.mark(START + 86_400_000)
    assert slot.standing().lost_today == 0.0


def test_other_capital_since_the_last_mark_is_neither_a_loss_nor_a_gain() -> None:
    engine = engine_with(capital=500.0, max_drawdown=0.1)
    state = StrategyState(1, peak_equity=1050.0, capital=1000.0, marked_ms=START, day_equity=1020.0)
    restore(engine, recovered(strategies={1: state}))
    slot = engine.slots[1]
    assert (slot.peak_equity, slot.day_equity) == (550.0, 520.0)


def test_the_account_goes_on_from_its_peak_and_its_day() -> None:
    engine = engine_with()
    restore(
        engine,
        recovered(balances={("owner", "USDT"): D(850)}, accounts=(AccountMarked("USDT", START, 1000.0, 900.0),)),
    )
    standing = engine.account.standing("USDT", START + 1)
    assert (standing.drawdown, standing.lost_today) == (0.15, 50.0)


def test_what_a_strategy_that_cannot_run_holds_is_no_loss_of_the_account() -> None:
    engine = engine_with()
    gone = StrategyState(7, fills=(BOUGHT,), fees=(D("1.8"),))
    mark = AccountMarked("USDT", START, 1000.0, 1000.0)
    restore(engine, recovered(balances={("owner", "USDT"): D(800)}, strategies={7: gone}, accounts=(mark,)))
    standing = engine.account.standing("USDT", START + 1)
    assert (standing.drawdown, standing.lost_today) == (0.0, 0.0)


@pytest.mark.parametrize(("closed_ms", "ago"), [(START + 59_999, 3), (START + 60_500, 3), (START + 239_999, 0)])
def test_a_cooldown_goes_on_from_the_end_of_the_last_round_trip(closed_ms: int, ago: int) -> None:
    engine = engine_with(cooldown=5)
    restore(engine, recovered(strategies={1: StrategyState(1, closed_ms=closed_ms)}))
    engine.warm_up(1, [candle(n, 100.0) for n in (2, 3)])
    restore_cooldown(engine.slots[1])
    slot = engine.slots[1]
    assert slot.candles - slot.exited_at == ago


def test_a_strategy_that_never_left_a_position_has_no_cooldown() -> None:
    slot = engine_with(cooldown=5).slots[1]
    restore_cooldown(slot)
    assert slot.candles - slot.exited_at > 5


def test_a_peak_below_the_capital_does_not_count() -> None:
    engine = engine_with(capital=500.0)
    restore(engine, recovered(strategies={1: StrategyState(1, peak_equity=450.0)}))
    assert engine.slots[1].peak_equity == 500.0


def test_orders_of_strategies_that_are_gone_stay_out() -> None:
    engine = Engine()
    restore(engine, recovered(open_orders=(OPEN,), strategies={1: StrategyState(1)}))
    assert engine.slots == {}


def test_new_ids_begin_above_all_that_were_used() -> None:
    nothing = recovered()
    assert (newest_trade_id(nothing), newest_order_id(nothing)) == (0, 0)
    some = recovered(
        open_orders=(OPEN,),
        strategies={1: StrategyState(1, sequence=3), 2: StrategyState(2, sequence=4)},
        fill_keys=frozenset({("spot", "BTCUSDT", 9), ("spot", "ETHUSDT", 12)}),
    )
    assert (newest_trade_id(some), newest_order_id(some)) == (12, 77)
    assert newest_order_id(recovered(strategies=some.strategies)) == 7


def test_only_a_trailing_stop_with_a_position_asks_for_older_candles() -> None:
    slot = engine_with(trailing=0.1).slots[1]
    now_ms = START + 10 * 60_000
    assert candles_since_entry(slot, now_ms) == 0
    slot.position.quantity, slot.position.opened_ms = D(1), START
    assert candles_since_entry(slot, now_ms) == 11
    assert candles_since_entry(slot, START - 1) == 1
    assert candles_since_entry(slot, START + 10**12) == 5_000


class DyingJournal(MemoryJournal):
    """Breaks down for good after so many records, as a process does that is killed in the middle."""

    def __init__(self, records: int) -> None:
        super().__init__()
        self.left = records

    async def record(self, event: Event, outcomes: Sequence[Outcome]) -> None:
        if not self.left:
            raise Unavailable("killed")
        self.left -= 1
        await super().record(event, outcomes)


@settings(max_examples=30, deadline=None)
@given(records=st.integers(1, 25), fill=st.sampled_from(["last", "next"]))
def test_killed_between_any_two_records_an_account_goes_on_with_exact_money(records: int, fill: str) -> None:
    script = {0: buys(), 2: sells, 3: buys(price=97.0), 6: buys(price=50.0), 7: sells, 9: sells}
    plan = told(script, fill=fill, max_open_orders=9)
    closes = (100.0, 101.0, 102.0, 99.0, 96.0, 98.0, 100.0, 101.0, 99.0, 103.0, 104.0)
    candles = [candle(n, close) for n, close in enumerate(closes)]

    async def story() -> None:
        outfit = FakeOutfit()
        journal = outfit.journals["main/paper"] = DyingJournal(records)
        stage = Stage(plan, outfit=outfit)
        task = asyncio.create_task(stage.worker.run())
        await until(lambda: stage.worker.runner or task.done())
        runner = stage.worker.runner
        assert runner is not None
        shown = 0
        while shown < len(candles) and not runner.is_waiting_for_database:
            outfit.feed_.show(candles[shown])
            shown += 1
            await until(lambda: runner.is_waiting_for_database or runner.inbox.is_idle)
        with patch.object(runner_module, "GRACE_S", 0.0):  # killed, not stopped: it cannot finish what it was at
            await end(task)
        journal.left = 10_000
        async with Stage(plan, outfit=outfit) as again:
            await again.show(*candles[shown:], candle(20, 100.0))
            state = await journal.recover()
            ledger = ledger_of(state)
            assert ledger.imbalance() == {}
            assert all(each.order.price is not None for each in state.open_orders), "no market order is left in doubt"
            # What the simulator holds and what the ledger says are the same to the last unit.
            held = again.outfit.brokers[-1]._desk._exchange.balances("paper")  # type: ignore[attr-defined]
            assert {asset: each.total for asset, each in held.items() if each.total} == {
                asset: amount for asset, amount in ledger.ours().items() if amount
            }
            position = again.worker.plan and sum(
                each.quantity if each.side is Side.BUY else -each.quantity for each in state.strategies[1].fills
            )
            assert abs(ledger.balance("strategy:1", "BTC") - position) < D("0.01")
        ids = [each.order.client_order_id for each in journal.outcomes if isinstance(each, PlaceOrder)]
        assert len(ids) == len(set(ids))

    asyncio.run(story())


def test_a_plan_says_whose_it_is() -> None:
    plan = account_plan(told(), name="savings")
    assert str(plan) == "savings/paper"
    assert plan.key == (1, "paper")


def test_the_row_of_losses_of_a_stop_goes_on_after_a_restart() -> None:
    engine = engine_with(stop_loss=0.1, protect="exchange")
    word = ProtectionMoved(1, "lost", START + 9, "b-1-x-0", D(2), D(90), "by hand", 3, START + 1)
    restore(engine, recovered(strategies={1: StrategyState(1, fills=(BOUGHT,), fees=(D(0),), protection=word)}))
    guard = engine.slots[1].guard
    assert guard is not None
    assert (guard.refusals, guard.armed_ms, guard.reason, guard.seen_ms) == (3, START + 1, "by hand", START + 9)
    watching = engine_with()
    restore(watching, recovered(strategies={1: StrategyState(1, protection=word)}))
    assert watching.slots[1].guard is None
