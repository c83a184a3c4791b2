"""The engine through its door."""

import asyncio
import re
from decimal import Decimal

import pytest

from bot.domain.ledger import DUST, OWNER
from bot.domain.market import Market
from bot.domain.messages import (
    AccountMarked,
    CancelOrder,
    Decision,
    EquityMarked,
    FillBooked,
    FundsPosted,
    FundsSeen,
    OrderChanged,
    OrderUpdate,
    StopRequested,
    StrategyStopped,
    Tick,
    TradeClosed,
    Verdict,
)
from bot.domain.order import OrderStatus, OrderType, Purpose, Side
from bot.risk.rules import Limits
from bot.strategies.indicators import SMA

D = Decimal


def of(kind: type, outcomes: list) -> list:
    return [outcome for outcome in outcomes if isinstance(outcome, kind)]


def test_a_wish_becomes_one_fitted_order_and_a_recorded_decision(bench, orders) -> None:
    bench.add({0: lambda s: s.buy("it is cheap")})
    outcomes = bench.show(0, 30_000.0)
    (order,) = orders(outcomes)
    (decision,) = of(Decision, outcomes)
    assert (order.side, order.type, order.quantity) == (Side.BUY, OrderType.MARKET, D("0.00166"))
    assert (decision.verdict, decision.reason, decision.client_order_id) == (
        Verdict.APPROVED, "it is cheap", order.client_order_id,
    )  # fmt: skip
    assert decision.seen["close"] == 30_000.0


def test_the_decision_comes_before_its_order(bench) -> None:
    bench.add({0: lambda s: s.buy("x")})
    assert [type(outcome).__name__ for outcome in bench.show(0, 30_000.0)] == ["Decision", "PlaceOrder"]


def test_the_same_events_give_the_same_outcomes(make_bench) -> None:
    def run() -> list[object]:
        bench = make_bench()
        bench.add({0: lambda s: s.buy("in"), 2: lambda s: s.sell_all("out")})
        for n, price in enumerate([100.0, 101.0, 103.0]):
            for order in [o.order for o in bench.show(n, price) if hasattr(o, "order")]:
                bench.fill(order, str(price), fee="0.05")
        return bench.outcomes

    assert run() == run()


def test_a_quiet_candle_gives_nothing(bench) -> None:
    bench.add()
    assert bench.show(0, 100.0) == []


def test_a_candle_that_was_seen_before_is_not_decided_on_again(bench, orders) -> None:
    bench.add({0: lambda s: s.buy("x"), 1: lambda s: s.buy("y")})
    bench.show(1, 100.0)
    assert bench.show(1, 100.0) == []
    assert bench.show(0, 100.0) == []


def test_a_round_trip_closes_with_exact_money(bench, orders) -> None:
    slot = bench.add({0: lambda s: s.buy("in"), 1: lambda s: s.sell_all("out")}, order_value=100.0)
    (entry,) = orders(bench.show(0, 100.0))
    bench.fill(entry, "100", fee="0.001", fee_asset="BTC")
    (leave,) = orders(bench.show(1, 110.0))
    assert leave.quantity == D("0.999")
    outcomes = bench.fill(leave, "110", fee="0.10989")
    (trade,) = of(TradeClosed, outcomes)
    assert (trade.gross, trade.fees, trade.pnl) == (D("9.99"), D("0.20989"), D("9.78011"))
    assert bench.engine.ledger.total("USDT") - 1000 == D("9.78011")
    assert bench.engine.ledger.imbalance() == {}
    assert slot.position.is_flat
    assert slot.equity == pytest.approx(slot.capital + 9.78011)


def test_a_fee_in_a_third_asset_whose_price_nobody_follows_counts_as_the_expected_one(bench, orders) -> None:
    bench.add({0: lambda s: s.buy("in"), 1: lambda s: s.sell_all("out")}, fee_pct=0.00075)
    (entry,) = orders(bench.show(0, 100.0))
    bench.fill(entry, "100", fee="0.00006", fee_asset="BNB")
    (leave,) = orders(bench.show(1, 110.0))
    (trade,) = of(TradeClosed, bench.fill(leave, "110", fee="0", fee_asset="BNB"))
    assert (trade.fees, trade.pnl) == (D("0.0375"), D("4.9625"))
    assert bench.engine.ledger.balance("strategy:1", "BNB") == D("-0.00006")


def test_a_fill_is_booked_once_however_often_it_is_told(bench, orders) -> None:
    bench.add({0: lambda s: s.buy("in")})
    (entry,) = orders(bench.show(0, 100.0))
    assert of(FillBooked, bench.fill(entry, "100"))
    bench.trade_id -= 1
    assert bench.fill(entry, "100") == []


def test_a_fill_reported_after_a_cancel_still_counts(bench, orders) -> None:
    slot = bench.add({0: lambda s: s.buy("in", price=90.0)})
    (entry,) = orders(bench.show(0, 100.0))
    bench.tell(OrderUpdate(entry.client_order_id, OrderStatus.CANCELED, 5))
    assert slot.orders == []
    outcomes = bench.fill(entry, "90", quantity="0.1")
    assert of(FillBooked, outcomes)
    assert slot.position.quantity == D("0.1")


def test_what_is_left_and_too_small_to_trade_becomes_dust(bench, orders) -> None:
    bench.add({0: lambda s: s.buy("in"), 1: lambda s: s.sell_all("out")}, order_value=100.0)
    (entry,) = orders(bench.show(0, 50_000.0))
    bench.fill(entry, "50000", fee="0.000002", fee_asset="BTC")
    (leave,) = orders(bench.show(1, 50_000.0))
    outcomes = bench.fill(leave, "50000")
    assert len(of(TradeClosed, outcomes)) == 1
    assert len(of(FundsPosted, outcomes)) == 1
    assert bench.engine.ledger.balance(DUST, "BTC") == D("0.000008")
    assert bench.engine.slots[1].position.is_flat


def test_an_entry_that_ended_early_with_too_little_to_sell_leaves_the_strategy_flat(bench, orders) -> None:
    slot = bench.add({0: lambda s: s.buy("in", price=100.0), 2: lambda s: s.buy("again")})
    (entry,) = orders(bench.show(0, 100.0))
    bench.fill(entry, "100", quantity="0.04", fee="0.004")
    assert slot.position.is_long
    outcomes = bench.tell(OrderUpdate(entry.client_order_id, OrderStatus.CANCELED, 9))
    (trade,) = of(TradeClosed, outcomes)
    assert (trade.quantity, trade.entry_price, trade.exit_price, trade.pnl) == (D("0.04"), 100, 100, D("-0.004"))
    assert slot.position.is_flat
    assert bench.engine.ledger.balance(DUST, "BTC") == D("0.04")
    assert bench.engine.ledger.imbalance() == {}
    assert len(orders(bench.show(2, 100.0))) == 1


def test_a_position_that_fell_below_the_smallest_order_is_not_given_up_for_a_cancelled_entry(bench, orders) -> None:
    slot = bench.add({0: lambda s: s.buy("in", quantity=0.06), 1: lambda s: s.buy("more", price=50.0, quantity=0.2)})
    (entry,) = orders(bench.show(0, 100.0))
    bench.fill(entry, "100")
    (more,) = orders(bench.show(1, 60.0))
    assert of(TradeClosed, bench.tell(OrderUpdate(more.client_order_id, OrderStatus.CANCELED, 9))) == []
    assert slot.position.quantity == D("0.06")


@pytest.mark.parametrize("quantity", ["0.06", None])
def test_an_entry_that_bought_enough_to_sell_is_kept(bench, orders, quantity) -> None:
    slot = bench.add({0: lambda s: s.buy("in", price=100.0)})
    (entry,) = orders(bench.show(0, 100.0))
    bench.fill(entry, "100", quantity=quantity)
    bench.tell(OrderUpdate(entry.client_order_id, OrderStatus.CANCELED, 9))
    assert slot.position.is_long


def test_a_strategy_cannot_sell_what_it_did_not_buy(bench, orders) -> None:
    bench.engine.handle(FundsSeen({"USDT": D(1000), "BTC": D(5)}, 1))
    bench.add({0: lambda s: s.sell_all("all of it"), 1: lambda s: s.close("all of it")})
    outcomes = bench.show(0, 100.0) + bench.show(1, 100.0)
    assert orders(outcomes) == []
    assert {decision.rule for decision in of(Decision, outcomes)} == {"sizing"}


def test_an_exit_is_not_asked_for_twice_while_the_first_is_at_work(bench, orders) -> None:
    bench.add({0: lambda s: s.buy("in"), 1: lambda s: s.close("out"), 2: lambda s: s.close("out")})
    (entry,) = orders(bench.show(0, 100.0))
    bench.fill(entry, "100")
    assert len(orders(bench.show(1, 90.0))) == 1
    assert orders(bench.show(2, 80.0)) == []


def test_min_profit_holds_a_profit_exit_back_and_lets_a_stop_pass(bench, orders) -> None:
    bench.add(
        {0: lambda s: s.buy("in"), 1: lambda s: s.sell_all("up"), 2: lambda s: s.sell_all("up"), 3: lambda s: s.close("no")},
        min_profit=0.01,
        fee_pct=0.001,
    )  # fmt: skip
    (entry,) = orders(bench.show(0, 100.0))
    bench.fill(entry, "100")
    denied = bench.show(1, 101.0)
    assert orders(denied) == []
    assert of(Decision, denied)[0].rule == "minimum_profit"
    (leave,) = orders(bench.show(2, 101.3))
    bench.tell(OrderUpdate(leave.client_order_id, OrderStatus.EXPIRED, 9))
    assert [order.purpose for order in orders(bench.show(3, 50.0))] == [Purpose.STOP]


@pytest.mark.parametrize(
    ("config", "prices", "reason"),
    [
        ({"stop_loss": 0.05}, [100.0, 96.0, 95.0], "stop loss"),
        ({"take_profit": 0.05}, [100.0, 104.0, 105.0], "take profit"),
        ({"trailing": 0.05}, [100.0, 120.0, 114.0], "trailing stop"),
    ],
)
def test_the_engine_watches_the_exits_of_the_settings(bench, orders, config, prices, reason) -> None:
    bench.add({0: lambda s: s.buy("in")}, **config)
    (entry,) = orders(bench.show(0, prices[0]))
    bench.fill(entry, str(prices[0]))
    assert orders(bench.show(1, prices[1])) == []
    assert [order.reason for order in orders(bench.show(2, prices[2]))] == [reason]


def rests_an_exit(strategy) -> None:
    strategy.sell("target", price=120.0)


@pytest.mark.parametrize(
    ("config", "plan"),
    [({"stop_loss": 0.1}, {}), ({}, {2: lambda s: s.close("enough")})],
    ids=["of the settings", "of the strategy"],
)
def test_a_stop_does_not_wait_behind_an_exit_that_rests(bench, orders, config, plan) -> None:
    slot = bench.add({0: lambda s: s.buy("in"), 1: rests_an_exit, **plan}, **config)
    (entry,) = orders(bench.show(0, 100.0))
    bench.fill(entry, "100")
    (target,) = orders(bench.show(1, 100.0))
    bench.tell(OrderUpdate(target.client_order_id, OrderStatus.NEW, 5))
    assert bench.show(2, 80.0) == [CancelOrder(target.client_order_id, "BTCUSDT")]
    bench.fill(target, "120", quantity="0.1")
    (stop,) = orders(
        bench.tell(OrderUpdate(target.client_order_id, OrderStatus.CANCELED, bench.candle(2, 80.0).close_time))
    )
    assert (stop.purpose, stop.price, stop.quantity) == (Purpose.STOP, None, entry.quantity - D("0.1"))
    (trade,) = of(TradeClosed, bench.fill(stop, "80"))
    assert trade.quantity == entry.quantity
    assert slot.awaited_exit is None


def test_a_resting_exit_that_fills_before_it_is_taken_back_leaves_nothing_to_stop(bench, orders) -> None:
    slot = bench.add({0: lambda s: s.buy("in"), 1: rests_an_exit}, stop_loss=0.1, take_profit=0.05)
    (entry,) = orders(bench.show(0, 100.0))
    bench.fill(entry, "100")
    (target,) = orders(bench.show(1, 100.0))
    assert bench.show(2, 110.0) == []
    bench.show(3, 80.0)
    assert len(of(TradeClosed, bench.fill(target, "120"))) == 1
    assert slot.awaited_exit is None
    assert orders(bench.show(4, 80.0)) == []


def test_a_cooldown_keeps_entries_away_after_an_exit(bench, orders) -> None:
    bench.add({n: (lambda s: s.buy("in")) for n in (0, 2, 3, 4, 5)} | {1: lambda s: s.close("out")}, cooldown=2)
    for n in (0, 1):
        (order,) = orders(bench.show(n, 100.0))
        bench.fill(order, "100")
    assert [bool(orders(bench.show(n, 100.0))) for n in (2, 3, 4)] == [False, False, True]


def test_indicators_are_fed_before_the_decision_and_warmed_from_history(bench) -> None:
    slot = bench.add()
    average = slot.strategy.indicator(SMA(3))
    bench.show(5, 30.0)
    assert slot.strategy.ticks == 0
    bench.engine.warm_up(1, [])
    bench.show(6, 20.0)
    bench.show(7, 10.0)
    assert (slot.strategy.ticks, average.value) == (1, 20.0)


def test_history_warms_and_decides_nothing(bench) -> None:
    slot = bench.add({n: (lambda s: s.buy("in")) for n in range(3)})
    slot.strategy.indicator(SMA(3))
    bench.engine.warm_up(1, [bench.candle(n, 100.0) for n in range(3)])
    assert slot.strategy.ticks == 0
    assert bench.show(2, 100.0) == []
    bench.show(3, 100.0)
    assert slot.strategy.ticks == 1


def test_the_forming_candle_is_shown_to_those_who_asked_only(bench) -> None:
    curious, other = bench.add(), bench.add(strategy_id=2)
    type(curious.strategy).open_candles = True
    bench.show(0, 100.0, is_closed=False)
    assert (curious.strategy.ticks, other.strategy.ticks) == (1, 0)


@pytest.mark.parametrize(
    ("act", "cause"),
    [
        (lambda s: 1 / 0, "on_tick raised ZeroDivisionError"),
        (lambda s: "nonsense", "returned str"),
    ],
)
def test_a_strategy_that_fails_is_stopped_alone_and_its_exits_are_kept(bench, orders, act, cause) -> None:
    bench.add({0: lambda s: s.buy("in"), 1: act}, stop_loss=0.1)
    healthy = bench.add(strategy_id=2)
    (entry,) = orders(bench.show(0, 100.0))
    bench.fill(entry, "100")
    (stopped,) = of(StrategyStopped, bench.show(1, 100.0))
    assert cause in stopped.reason
    assert [order.reason for order in orders(bench.show(2, 80.0))] == ["stop loss"]
    assert healthy.strategy.ticks == 3


def test_an_async_on_tick_is_driven_to_its_end_but_may_not_wait(bench, orders) -> None:
    async def willing(strategy) -> None:
        strategy.buy("async")

    async def waiting(strategy) -> None:
        await asyncio.sleep(0)

    bench.add({0: willing, 1: waiting})
    assert len(orders(bench.show(0, 100.0))) == 1
    (stopped,) = of(StrategyStopped, bench.show(1, 100.0))
    assert "awaits" in stopped.reason


def test_a_drawdown_stops_the_strategy_once_and_refuses_entries(bench, orders) -> None:
    bench.add(
        {0: lambda s: s.buy("in"), 2: lambda s: s.buy("more")}, capital=100.0, order_value=100.0, max_drawdown=0.1
    )
    (entry,) = orders(bench.show(0, 100.0))
    bench.fill(entry, "100")
    assert len(of(StrategyStopped, bench.show(1, 89.0))) == 1
    outcomes = bench.show(2, 88.0)
    assert orders(outcomes) == []
    assert of(StrategyStopped, outcomes) == []
    assert of(Decision, outcomes)[0].rule == "stopped"


def test_an_account_drawdown_stops_all_its_strategies(make_bench, orders) -> None:
    bench = make_bench(Limits(max_drawdown=0.1))
    bench.add({0: lambda s: s.buy("in")}, order_value=500.0)
    bench.add(strategy_id=2)
    (entry,) = orders(bench.show(0, 100.0))
    bench.fill(entry, "100")
    bench.tell(Tick(1))
    bench.show(1, 60.0)
    assert {stopped.strategy_id for stopped in of(StrategyStopped, bench.tell(Tick(2)))} == {1, 2}


def test_entries_share_one_wallet(bench, orders) -> None:
    for strategy_id in (1, 2, 3):
        bench.add({0: lambda s: s.buy("in")}, strategy_id=strategy_id, order_value=400.0)
    outcomes = bench.show(0, 100.0)
    assert len(orders(outcomes)) == 2
    assert [decision.rule for decision in of(Decision, outcomes)] == ["", "", "funds"]


def test_a_hopeless_wish_is_recorded_once(bench) -> None:
    bench.add({n: (lambda s: s.buy("in")) for n in range(5)}, min_price=1000.0)
    assert sum(len(of(Decision, bench.show(n, 100.0))) for n in range(5)) == 1


def test_a_person_stops_a_strategy_and_its_resting_entries_are_cancelled(bench, orders) -> None:
    bench.add({0: lambda s: s.buy("in", price=90.0)})
    (entry,) = orders(bench.show(0, 100.0))
    outcomes = bench.tell(StopRequested(1, "disabled", 5))
    assert [type(outcome) for outcome in outcomes] == [StrategyStopped, CancelOrder]
    assert bench.tell(StopRequested(1, "disabled", 6)) == [CancelOrder(entry.client_order_id, "BTCUSDT")]
    bench.tell(OrderUpdate(entry.client_order_id, OrderStatus.CANCELED, 7))
    assert bench.tell(StopRequested(1, "disabled", 8)) == []
    assert entry.client_order_id == outcomes[1].client_order_id


def test_a_strategy_may_cancel_its_own_order_only(bench, orders) -> None:
    bench.add(
        {0: lambda s: s.buy("in", price=90.0), 1: lambda s: [s.cancel(o.client_order_id) for o in s.orders] and None}
    )
    bench.add({1: lambda s: s.cancel("b-1-0-0")}, strategy_id=2)
    bench.show(0, 100.0)
    assert len(of(CancelOrder, bench.show(1, 100.0))) == 1


def test_a_rejection_ends_the_order_with_its_reason(bench, orders) -> None:
    slot = bench.add({0: lambda s: s.buy("in")})
    (entry,) = orders(bench.show(0, 100.0))
    (changed,) = of(
        OrderChanged,
        bench.tell(OrderUpdate(entry.client_order_id, OrderStatus.REJECTED, 5, reason="no money", code=-2010)),
    )
    assert (changed.status, changed.reason, slot.orders) == (OrderStatus.REJECTED, "no money", [])


def test_an_order_never_moves_backwards(bench, orders) -> None:
    bench.add({0: lambda s: s.buy("in", price=90.0)})
    (entry,) = orders(bench.show(0, 100.0))
    bench.tell(OrderUpdate(entry.client_order_id, OrderStatus.NEW, 5))
    assert bench.tell(OrderUpdate(entry.client_order_id, OrderStatus.UNKNOWN, 6)) == []


def test_a_difference_to_the_exchange_is_posted_openly(bench) -> None:
    assert bench.tell(FundsSeen({"USDT": D(900), "ETH": D(2)}, 8)) == []  # one look may be older than our fills
    (posted,) = bench.tell(FundsSeen({"USDT": D(900), "ETH": D(2)}, 9))
    assert {(p.ledger, p.asset, p.amount) for p in posted.postings if p.ledger == OWNER} == {
        (OWNER, "USDT", D(-100)),
        (OWNER, "ETH", D(2)),
    }
    assert bench.tell(FundsSeen({"USDT": D(900), "ETH": D(2)}, 10)) == []


def test_a_tick_is_answered_with_equity_marks(bench) -> None:
    bench.add()
    assert bench.tell(Tick(1)) == []
    bench.show(0, 100.0)
    assert bench.tell(Tick(2)) == [
        EquityMarked(1, 2, 500.0, 0.0, 0.0, D(0), 100.0),
        AccountMarked("USDT", 2, peak_equity=1000.0, day_equity=1000.0),
    ]


def test_money_that_comes_or_goes_is_no_gain_and_no_loss_of_the_account(make_bench) -> None:
    bench = make_bench(Limits(max_drawdown=0.1))
    bench.add()
    bench.show(0, 100.0)
    bench.tell(Tick(2))
    bench.tell(FundsSeen({"USDT": D(400)}, 3))
    bench.tell(FundsSeen({"USDT": D(400)}, 3))
    outcomes = bench.tell(Tick(4))
    assert of(StrategyStopped, outcomes) == []
    assert outcomes[-1] == AccountMarked("USDT", 4, peak_equity=400.0, day_equity=400.0)


def test_after_an_account_drawdown_has_struck_a_person_can_let_its_strategies_go_on(make_bench, orders) -> None:
    bench = make_bench(Limits(max_drawdown=0.1))
    slot = bench.add({0: lambda s: s.buy("in")}, order_value=500.0)
    (entry,) = orders(bench.show(0, 100.0))
    bench.fill(entry, "100")
    bench.tell(Tick(1))
    bench.show(1, 60.0)
    assert len(of(StrategyStopped, bench.tell(Tick(2)))) == 1
    slot.stopped = ""
    assert of(StrategyStopped, bench.tell(Tick(3))) == []
    bench.show(2, 30.0)
    assert len(of(StrategyStopped, bench.tell(Tick(4)))) == 1


@pytest.mark.parametrize("quantity", [float("nan"), float("inf"), -1.0, 0.0, "5", None.__class__])
def test_nonsense_quantities_are_denied_in_words(bench, orders, quantity) -> None:
    bench.add({0: lambda s: s.buy("in", quantity=quantity)})
    outcomes = bench.show(0, 100.0)
    assert orders(outcomes) == []
    assert of(Decision, outcomes)[0].rule == "sizing"


def test_client_order_ids_are_unique_and_fit_binance(bench, orders) -> None:
    bench.add(
        {n: (lambda s: [s.buy("a", price=50.0), s.buy("b", price=51.0)] and None) for n in range(3)}, max_open_orders=20
    )
    ids = [order.client_order_id for n in range(3) for order in orders(bench.show(n, 100.0))]
    assert len(set(ids)) == len(ids) == 6
    assert all(re.fullmatch(r"[A-Za-z0-9\-_.:/]{1,36}", each) for each in ids)


def test_futures_move_gains_and_fees_alone_and_a_short_may_be_entered(make_bench, orders) -> None:
    bench = make_bench()
    bench.add({0: lambda s: s.short("it is dear"), 1: lambda s: s.close("out")}, market="futures")
    (entry,) = orders(bench.show(0, 100.0, market=Market.FUTURES))
    bench.fill(entry, "100", fee="0.05", realised="0")
    assert bench.engine.ledger.total("USDT") == D("999.95")
    assert bench.engine.ledger.total("BTC") == 0
    assert bench.engine.account.equity("USDT") == pytest.approx(999.95)
    (leave,) = orders(bench.show(1, 90.0, market=Market.FUTURES))
    assert leave.side is Side.BUY
    (trade,) = of(TradeClosed, bench.fill(leave, "90", fee="0.045", realised="5"))
    assert (trade.side, trade.pnl) == (Side.SELL, D("4.905"))
    assert bench.engine.ledger.total("USDT") == D("1004.905")
    assert bench.engine.ledger.imbalance() == {}


@pytest.mark.parametrize(
    ("times", "reasons", "is_stopped"),
    [
        ((0, 10_000, 59_999), ("no money", "no money", "no money"), True),
        ((0, 10_000, 59_999), ("no money", "too small", "no money"), False),
        ((0, 10_000, 60_001), ("no money", "no money", "no money"), False),
    ],
)
def test_equal_refusals_within_a_minute_stop_the_strategy(bench, orders, times, reasons, is_stopped) -> None:
    slot = bench.add({n: lambda s: s.buy("in") for n in range(3)})
    for n, (time_ms, reason) in enumerate(zip(times, reasons, strict=True)):
        (entry,) = orders(bench.show(n, 100.0))
        bench.tell(OrderUpdate(entry.client_order_id, OrderStatus.REJECTED, time_ms, reason=reason))
    assert bool(slot.stopped) is is_stopped
    assert not is_stopped or slot.stopped == "the exchange refused too often: no money"


def test_a_trade_of_an_order_of_an_earlier_life_is_booked_to_its_strategy(bench, make_bench, orders) -> None:
    bench.add({0: lambda s: s.buy("in")})
    (order,) = orders(bench.show(0, 30_000.0))
    later = make_bench()
    later.add({})
    (booked,) = of(FillBooked, later.fill(order, "30000"))
    assert (booked.strategy_id, booked.fill.client_order_id) == (order.strategy_id, order.client_order_id)
    assert later.tell(booked.fill) == []
