"""What the engine does while something is in doubt: states, unknown outcomes, worst cases, restarts, missing money."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from bot.domain.ledger import OWNER
from bot.domain.messages import (
    AccountMoved,
    Decision,
    FundsPosted,
    FundsSeen,
    OrderUpdate,
    Outcome,
    PlaceOrder,
    StateChanged,
    StrategyStopped,
    Verdict,
)
from bot.domain.order import Order, OrderStatus, Purpose
from bot.domain.state import AccountState
from bot.engine.engine import Engine
from bot.engine.ids import client_order_id, is_ours
from bot.risk.rules import Limits

D = Decimal
Orders = Callable[[list[Outcome]], list[Order]]


def denied(outcomes: list[Outcome]) -> list[str]:
    return [each.rule for each in outcomes if isinstance(each, Decision) and each.verdict is Verdict.DENIED]


def of[T](kind: type[T], outcomes: list[Outcome]) -> list[T]:
    return [each for each in outcomes if isinstance(each, kind)]


def test_an_order_reserves_what_it_may_put_at_risk_and_an_exit_nothing(bench, orders: Orders) -> None:
    bench.add({0: lambda s: s.buy("in"), 1: lambda s: s.sell_all("out")})
    (entry,) = of(PlaceOrder, bench.show(0, 100.0))
    assert entry.reserved == D(50)
    bench.fill(entry.order, "100")
    (leaving,) = of(PlaceOrder, bench.show(1, 101.0))
    assert leaving.reserved == 0


def test_new_risk_is_taken_when_the_account_is_ready_alone(bench, orders: Orders) -> None:
    bench.add({n: (lambda s: s.buy("in")) if n < 2 else (lambda s: s.sell_all("out")) for n in range(4)})
    (entry,) = orders(bench.show(0, 100.0))
    bench.fill(entry, "100")
    moved = bench.tell(StateChanged(AccountState.DEGRADED, "the user stream broke", 7))
    assert moved == [AccountMoved(AccountState.DEGRADED, "the user stream broke", 7)]
    assert denied(bench.show(1, 100.0)) == ["account_state"]
    bench.tell(StateChanged(AccountState.HALTED, "two bots share one key", 8))
    assert denied(bench.show(2, 100.0)) == ["account_state"]
    bench.tell(StateChanged(AccountState.DEGRADED, "a person looks", 9))
    assert [each.side for each in orders(bench.show(3, 100.0))] == ["SELL"]


def test_the_same_state_is_told_once(bench) -> None:
    change = StateChanged(AccountState.DEGRADED, "the clock is off", 7)
    assert len(bench.tell(change)) == 1
    assert bench.tell(change) == []


def test_while_an_outcome_is_unknown_the_strategy_enters_nothing_more(bench, orders: Orders) -> None:
    bench.add({n: lambda s: s.buy("in", price=90.0) for n in range(3)})
    (entry,) = orders(bench.show(0, 100.0))
    bench.tell(OrderUpdate(entry.client_order_id, OrderStatus.UNKNOWN, 5))
    assert denied(bench.show(1, 100.0)) == ["known_outcomes"]
    bench.tell(OrderUpdate(entry.client_order_id, OrderStatus.VOID, 6))
    assert len(orders(bench.show(2, 100.0))) == 1


def test_an_unknown_order_counts_as_open_and_as_filled(bench, orders: Orders) -> None:
    slot = bench.add({0: lambda s: s.buy("in", price=100.0)})
    (entry,) = orders(bench.show(0, 100.0))
    assert slot.exposure == D(50)
    bench.tell(OrderUpdate(entry.client_order_id, OrderStatus.UNKNOWN, 5))
    assert slot.exposure == D(100)
    bench.tell(OrderUpdate(entry.client_order_id, OrderStatus.NEW, 6, 77))
    bench.fill(entry, "100", quantity="0.2")
    assert slot.exposure == D(50)  # held and open together are what was wished for


@pytest.mark.parametrize(
    ("limits", "config"),
    [
        (Limits(max_exposure=D(80)), {}),
        (Limits(max_symbol_exposure=D(80)), {}),
        (Limits(), {"max_exposure": 80.0}),
    ],
    ids=["account", "symbol", "strategy"],
)
def test_no_entry_can_put_more_at_risk_than_allowed(make_bench, orders: Orders, limits: Limits, config: dict) -> None:
    bench = make_bench(limits)
    bench.add({n: lambda s: s.buy("in", price=100.0) for n in range(2)}, **config)
    assert len(orders(bench.show(0, 100.0))) == 1
    assert denied(bench.show(1, 100.0)) == ["exposure"]


def test_strategies_on_one_symbol_share_its_limit(make_bench, orders: Orders) -> None:
    bench = make_bench(Limits(max_symbol_exposure=D(80)))
    for strategy_id in (1, 2):
        bench.add({0: lambda s: s.buy("in")}, strategy_id=strategy_id)
    outcomes = bench.show(0, 100.0)
    assert (len(orders(outcomes)), denied(outcomes)) == (1, ["exposure"])


def test_ids_carry_the_lease_under_which_they_were_made() -> None:
    ids = {client_order_id(1, 1_700_000_000_000, 4, epoch) for epoch in (0, 77, 1_048_575)}
    assert len(ids) == 3
    assert all(is_ours(each) and len(each) <= 36 for each in ids)
    assert not is_ours("web_123")
    assert Engine(epoch=77).epoch == 77


def test_a_candle_decided_on_before_a_restart_is_not_decided_on_again(bench, orders: Orders) -> None:
    slot = bench.add({n: lambda s: s.buy("in", price=90.0) for n in range(2)})
    slot.decided_ms = bench.candle(0, 100.0).close_time
    assert orders(bench.show(0, 100.0)) == []
    assert len(orders(bench.show(1, 100.0))) == 1


def test_a_profit_asked_for_before_a_restart_waits_for_the_next_candle_and_a_stop_does_not(
    bench, orders: Orders
) -> None:
    slot = bench.add({0: lambda s: s.buy("in")}, take_profit=0.01, stop_loss=0.01)
    (entry,) = orders(bench.show(0, 100.0))
    bench.fill(entry, "100")
    slot.decided_ms = bench.candle(2, 102.0).close_time
    assert orders(bench.show(1, 98.0))[0].purpose is Purpose.STOP
    slot.live.clear()
    assert orders(bench.show(2, 102.0)) == []
    assert [each.reason for each in orders(bench.show(3, 102.0))] == ["take profit"]


def test_a_look_that_disagrees_once_is_no_fact(bench, orders: Orders) -> None:
    bench.add({0: lambda s: s.buy("in")})
    (entry,) = orders(bench.show(0, 100.0))
    # The exchange tells of a trade's money before it tells of the trade.
    assert bench.tell(FundsSeen({"USDT": D(950), "BTC": D("0.5")}, 8)) == []
    bench.fill(entry, "100")
    assert bench.tell(FundsSeen({"USDT": D(950), "BTC": D("0.5")}, 9)) == []


def test_a_fill_between_two_looks_makes_them_two_first_ones(bench, orders: Orders) -> None:
    bench.add({0: lambda s: s.buy("in")})
    (entry,) = orders(bench.show(0, 100.0))
    assert bench.tell(FundsSeen({"USDT": D(700)}, 8)) == []
    bench.fill(entry, "100")
    assert bench.tell(FundsSeen({"USDT": D(650), "BTC": D("0.5")}, 9)) == []
    (posted,) = bench.tell(FundsSeen({"USDT": D(650), "BTC": D("0.5")}, 10))
    assert [(each.asset, each.amount) for each in posted.postings if each.ledger == OWNER] == [("USDT", D(-300))]


def test_a_strategy_whose_coins_left_without_it_is_stopped(bench, orders: Orders) -> None:
    bench.add({0: lambda s: s.buy("in")})
    (entry,) = orders(bench.show(0, 100.0))
    bench.fill(entry, "100")
    bench.tell(FundsSeen({"USDT": D(990), "BTC": D("0.1")}, 8))
    outcomes = bench.tell(FundsSeen({"USDT": D(990), "BTC": D("0.1")}, 9))
    assert len(of(FundsPosted, outcomes)) == 1
    (stopped,) = of(StrategyStopped, outcomes)
    assert "BTC" in stopped.reason


def test_what_the_owner_takes_of_his_own_stops_nobody(bench, orders: Orders) -> None:
    bench.tell(FundsSeen({"USDT": D(1000), "BTC": D(3)}, 1))
    bench.tell(FundsSeen({"USDT": D(1000), "BTC": D(3)}, 2))
    bench.add({0: lambda s: s.buy("in")})
    (entry,) = orders(bench.show(0, 100.0))
    bench.fill(entry, "100")
    looks = [bench.tell(FundsSeen({"USDT": D(950), "BTC": D(1)}, n)) for n in (8, 9)]
    assert of(StrategyStopped, looks[1]) == []
    assert len(of(FundsPosted, looks[1])) == 1


@pytest.mark.parametrize(("is_live", "stopped"), [(True, 1), (False, 0)])
@pytest.mark.parametrize("surplus", ["3", "-1"])
def test_coins_that_nothing_explains_stop_in_live_who_holds_such(
    bench, orders: Orders, *, surplus: str, is_live: bool, stopped: int
) -> None:
    bench.engine._is_live = is_live
    bench.tell(FundsSeen({"USDT": D(1000), "BTC": D(5)}, 1))
    bench.tell(FundsSeen({"USDT": D(1000), "BTC": D(5)}, 2))
    bench.add({0: lambda s: s.buy("in")})
    (entry,) = orders(bench.show(0, 100.0))
    bench.fill(entry, "100")
    held = bench.engine.ledger.ours()
    more = {**held, "BTC": held["BTC"] + D(surplus)}
    outcomes = [*bench.tell(FundsSeen(more, 3)), *bench.tell(FundsSeen(more, 4))]
    assert len(of(FundsPosted, outcomes)) == 1
    stops = of(StrategyStopped, outcomes)
    assert len(stops) == stopped
    assert all("BTC, which it holds, came or went unexplained" in each.reason for each in stops)
