"""Stops that rest on the exchange: when one is placed, when it counts, who may take it back, and what follows a loss."""

from decimal import Decimal
from random import Random

import pytest

from bot.domain.instrument import LotRule, NotionalRule, PercentBand, PriceRule
from bot.domain.messages import (
    CancelOrder,
    CloseRequested,
    Decision,
    OrderUpdate,
    PlaceOrder,
    ProtectionMoved,
    Pulse,
    StateChanged,
    StrategyStopped,
    TradeClosed,
    Verdict,
)
from bot.domain.order import Order, OrderStatus, OrderType, Purpose, Side, TimeInForce
from bot.domain.state import AccountState
from bot.engine.protection import MOVES, Guard, Protection, Unprotectable, stop_for
from bot.engine.slot import LiveOrder

D = Decimal
P, S = Protection, OrderStatus
WITH_STOPS: dict[str, object] = {"order_types": frozenset({"LIMIT", "MARKET", "STOP_LOSS", "STOP_LOSS_LIMIT"})}
GUARDED: dict[str, object] = {"stop_loss": 0.1, "protect": "exchange", "rules": WITH_STOPS}


def states(outcomes: list[object]) -> list[str]:
    return [each.state for each in outcomes if isinstance(each, ProtectionMoved)]


def cancels(outcomes: list[object]) -> list[str]:
    return [each.client_order_id for each in outcomes if isinstance(each, CancelOrder)]


def told(order: Order, status: OrderStatus, after_ms: int = 10, **more: object) -> OrderUpdate:
    return OrderUpdate(order.client_order_id, status, order.created_ms + after_ms, **more)  # type: ignore[arg-type]


class Scene:
    """A bench on which one strategy has bought at 100, with what it tells to do afterwards."""

    def __init__(self, bench, orders, plan=None, **config) -> None:
        self.bench, self.orders = bench, orders
        self.slot = bench.add({0: lambda s: s.buy("in")} | (plan or {}), **(GUARDED | config))
        (self.entry,) = orders(bench.show(0, 100.0))
        self.filled = bench.fill(self.entry, "100")
        (self.stop,) = orders(self.filled)

    def arm(self) -> list[object]:
        return self.bench.tell(told(self.stop, S.NEW))

    def state(self) -> Protection:
        return self.slot.guard.state


# The machine by its table.

FOLLOWS: list[tuple[Protection, OrderStatus, Protection | None]] = [
    (P.SENT, S.UNKNOWN, None),
    (P.SENT, S.NEW, P.ARMED),
    (P.SENT, S.PARTIALLY_FILLED, P.ARMED),
    (P.SENT, S.FILLED, P.NONE),
    *((P.SENT, ended, P.LOST) for ended in (S.CANCELED, S.EXPIRED, S.EXPIRED_IN_MATCH, S.REJECTED, S.VOID)),
    (P.ARMED, S.PARTIALLY_FILLED, None),
    (P.ARMED, S.FILLED, P.NONE),
    *((P.ARMED, ended, P.LOST) for ended in (S.CANCELED, S.EXPIRED, S.EXPIRED_IN_MATCH)),
    (P.LEAVING, S.NEW, None),
    (P.LEAVING, S.UNKNOWN, None),
    (P.LEAVING, S.PARTIALLY_FILLED, None),
    (P.LEAVING, S.FILLED, P.NONE),
    *((P.LEAVING, ended, P.WANTED) for ended in (S.CANCELED, S.EXPIRED, S.EXPIRED_IN_MATCH, S.REJECTED, S.VOID)),
]


@pytest.mark.parametrize(("state", "status", "then"), FOLLOWS)
def test_each_end_of_the_order_leads_to_a_state_that_the_table_allows(
    state: Protection, status: OrderStatus, then: Protection | None
) -> None:
    guard = Guard()
    guard.state = state
    assert guard.follow(status, 1_000, "") is then
    if then is not None:
        assert then in MOVES[state]
        guard.move(then)
        assert guard.state is then


def test_every_state_can_be_left_for_nothing_to_guard() -> None:
    assert [state for state in Protection if P.NONE not in MOVES[state]] == [P.NONE]


def test_a_move_that_the_table_does_not_have_is_a_bug() -> None:
    with pytest.raises(AssertionError, match="none to armed"):
        Guard().move(P.ARMED)


def test_losses_far_apart_are_no_row() -> None:
    guard = Guard()
    for moment in (0, 100_000, 200_000, 300_000):
        guard.state = P.SENT
        guard.move(guard.follow(S.NEW, moment, ""))
        guard.move(guard.follow(S.CANCELED, moment + 60_001, ""))
        assert (guard.refusals, guard.pause) == (1, 0)
        guard.move(P.SENT)


# The order it is.


def test_a_symbol_without_market_stops_gets_a_limit_that_reaches_further(bench, orders) -> None:
    scene = Scene(bench, orders, rules={"order_types": frozenset({"LIMIT", "MARKET", "STOP_LOSS_LIMIT"})})
    stop = scene.stop
    assert (stop.type, stop.stop_price, stop.price, stop.time_in_force) == (
        OrderType.STOP_LOSS_LIMIT, D("90.00"), D("89.10"), TimeInForce.GTC,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("rules", "why"),
    [
        ({"order_types": frozenset({"LIMIT", "MARKET"})}, "takes no stop orders"),
        ({"notional": NotionalRule(D(46))}, "NOTIONAL"),
        ({"price": PriceRule(D(95), D(1000), D("0.01"))}, "PRICE_FILTER"),
        ({"lot": LotRule(D("0.5"), D(9000), D("0.00001"))}, "below the smallest lot"),
        ({"market_lot": LotRule(D(0), D("0.3"), D(0))}, "more than one stop may sell"),
        (
            {"order_types": frozenset({"STOP_LOSS_LIMIT"}), "percent_price": PercentBand(D("1.1"), D("0.9"))},
            "PERCENT_PRICE",
        ),
    ],
)
def test_an_entry_is_refused_when_its_stop_could_not_rest(bench, orders, rules, why) -> None:
    plan = {0: lambda s: s.buy("in", price=100.0)}
    bench.add(plan, **(GUARDED | {"rules": WITH_STOPS | rules, "order_value": 50.0}))
    outcomes = bench.show(0, 100.0)
    assert orders(outcomes) == []
    (decision,) = [each for each in outcomes if isinstance(each, Decision)]
    assert (decision.verdict, decision.rule) == (Verdict.DENIED, "protectable")
    assert why in decision.reason


def test_an_entry_is_refused_when_the_exchange_takes_no_more_stops_of_the_symbol(bench, orders) -> None:
    rules = WITH_STOPS | {"max_algo_orders": 1}
    bench.add({0: lambda s: s.buy("in")}, **(GUARDED | {"rules": rules}))
    bench.add({0: lambda s: s.buy("in")}, strategy_id=2, **(GUARDED | {"rules": rules}))
    outcomes = bench.show(0, 100.0)
    assert [order.strategy_id for order in orders(outcomes)] == [1]
    assert [each.rule for each in outcomes if isinstance(each, Decision)] == ["", "protectable"]
    assert "MAX_NUM_ALGO_ORDERS" in outcomes[-1].reason


def test_an_entry_is_refused_when_one_stop_could_not_hold_it_with_what_is_held(bench, orders) -> None:
    rules = WITH_STOPS | {"market_lot": LotRule(D(0), D("0.8"), D(0))}
    scene = Scene(bench, orders, {1: lambda s: s.buy("more")}, rules=rules)
    scene.arm()
    outcomes = bench.show(1, 100.0)
    assert orders(outcomes) == []
    assert "0.9995 is more than one stop may sell" in outcomes[-1].reason


def test_a_strategy_that_watches_itself_needs_no_stop_orders(bench, orders) -> None:
    bench.add({0: lambda s: s.buy("in")}, stop_loss=0.1)
    (entry,) = orders(bench.show(0, 100.0))
    assert orders(bench.fill(entry, "100")) == []


def test_the_stop_of_a_short_position_stands_above_it(bench) -> None:
    instrument = bench.add(**GUARDED).instrument
    stop = stop_for(instrument, D(-1), D("110.001"), D(100))
    assert (stop.side, stop.quantity, stop.stop_price) == (Side.BUY, D(1), D("110.00"))
    with pytest.raises(Unprotectable):
        stop_for(instrument, D("-0.000001"), D(110), D(100))


# Placing and arming.


def test_a_filled_entry_gets_a_stop_for_what_is_held(bench, orders) -> None:
    bench.add({0: lambda s: s.buy("in")}, **GUARDED)
    (entry,) = orders(bench.show(0, 100.0))
    assert orders(bench.fill(entry, "100", quantity="0.2", fee="0.001", fee_asset="BTC")) == []
    (stop,) = orders(bench.fill(entry, "101", quantity="0.3", fee="0.00012", fee_asset="BTC"))
    assert (stop.side, stop.type, stop.purpose, stop.quantity, stop.stop_price, stop.price) == (
        Side.SELL, OrderType.STOP_LOSS, Purpose.STOP, D("0.49888"), D("90.55"), None,
    )  # fmt: skip


def test_it_is_armed_once_the_exchange_has_shown_it(bench, orders) -> None:
    scene = Scene(bench, orders)
    assert states(scene.filled) == ["wanted", "sent"]
    assert states(bench.tell(told(scene.stop, S.UNKNOWN))) == []
    assert scene.state() is P.SENT
    assert states(scene.arm()) == ["armed"]
    assert scene.state() is P.ARMED
    assert not bench.engine.wants_pulses


def test_the_strategy_does_not_see_the_stop_among_its_orders(bench, orders) -> None:
    scene = Scene(bench, orders)
    scene.arm()
    assert (scene.slot.orders, len(scene.slot.live)) == ([], 1)
    assert [each for each in scene.slot.strategy.heard if isinstance(each, OrderUpdate)] == []


def test_a_stop_that_fills_ends_the_round_trip(bench, orders) -> None:
    scene = Scene(bench, orders)
    scene.arm()
    outcomes = bench.fill(scene.stop, "89.9")
    (trade,) = [each for each in outcomes if isinstance(each, TradeClosed)]
    assert (trade.reason, trade.quantity) == ("stop loss", scene.entry.quantity)
    assert (scene.state(), scene.slot.live, orders(outcomes)) == (P.NONE, {}, [])


def test_a_stop_that_fills_in_part_stays_for_the_rest(bench, orders) -> None:
    scene = Scene(bench, orders)
    scene.arm()
    outcomes = bench.fill(scene.stop, "89.9", quantity="0.2")
    assert (orders(outcomes), cancels(outcomes), scene.state()) == ([], [], P.ARMED)


def test_a_second_entry_makes_the_stop_larger(bench, orders) -> None:
    scene = Scene(bench, orders, {1: lambda s: s.buy("more")})
    scene.arm()
    (more,) = orders(bench.show(1, 110.0))
    outcomes = bench.fill(more, "110")
    assert (states(outcomes), cancels(outcomes)) == (["leaving"], [scene.stop.client_order_id])
    outcomes = bench.tell(told(scene.stop, S.CANCELED, 70_000))
    (stop,) = orders(outcomes)
    assert states(outcomes) == ["wanted", "sent"]
    assert stop.quantity == scene.entry.quantity + more.quantity
    assert stop.stop_price == D("94.29")  # nine tenths of the average of both
    assert stop.client_order_id != scene.stop.client_order_id


def test_nothing_is_placed_before_the_account_may(bench, orders) -> None:
    bench.add({0: lambda s: s.buy("in")}, **GUARDED)
    (entry,) = orders(bench.show(0, 100.0))
    bench.tell(StateChanged(AccountState.RECONCILING, "", 1))
    assert orders(bench.fill(entry, "100")) == []
    assert bench.engine.wants_pulses
    (stop,) = orders(bench.tell(StateChanged(AccountState.READY, "", 2)))
    assert stop.stop_price == D("90.00")


def test_under_a_kill_switch_what_is_held_stays_guarded(bench, orders) -> None:
    scene = Scene(bench, orders, {1: lambda s: s.sell_all("out"), 2: lambda s: s.buy("more")})
    scene.arm()
    halt = StateChanged(AccountState.HALTED, "kill switch", 1, keeps_stops=True)
    assert orders(bench.tell(halt)) == []
    assert bench.tell(halt) == []
    (again,) = orders(bench.tell(told(scene.stop, S.CANCELED, 20)))
    assert (again.stop_price, again.quantity) == (scene.stop.stop_price, scene.stop.quantity)
    bench.tell(told(again, S.NEW, 30))
    assert orders(bench.show(1, 100.0)) == orders(bench.show(2, 100.0)) == []
    assert scene.state() is P.ARMED


@pytest.mark.parametrize("reason", ["two bots share one key", "kill switch"])
def test_in_any_other_halt_a_stop_that_is_lost_is_not_placed_again(bench, orders, reason) -> None:
    scene = Scene(bench, orders)
    scene.arm()
    bench.tell(StateChanged(AccountState.HALTED, "kill switch", 1, keeps_stops=True))
    bench.tell(StateChanged(AccountState.HALTED, reason, 2))
    assert orders(bench.tell(told(scene.stop, S.CANCELED, 20))) == []
    assert orders(bench.tell(Pulse())) == []
    assert scene.state() is P.LOST


def test_who_wants_all_closed_gets_the_stop_taken_back_and_no_other_one(bench, orders) -> None:
    scene = Scene(bench, orders)
    scene.arm()
    bench.tell(StateChanged(AccountState.HALTED, "kill switch", 1, keeps_stops=True))
    assert cancels(bench.tell(CloseRequested("all out", 2))) == [scene.stop.client_order_id]
    (exit_,) = orders(bench.tell(told(scene.stop, S.CANCELED, 20)))
    assert (exit_.stop_price, exit_.quantity, exit_.purpose) == (None, scene.stop.quantity, Purpose.STOP)
    assert orders(bench.fill(exit_, "99")) == []
    assert scene.slot.position.is_flat


# Other exits.


def test_an_exit_waits_until_the_stop_is_taken_back(bench, orders) -> None:
    scene = Scene(bench, orders, {1: lambda s: s.sell("out"), 2: lambda s: s.sell("out again")})
    scene.arm()
    outcomes = bench.show(1, 105.0)
    assert (orders(outcomes), cancels(outcomes)) == ([], [scene.stop.client_order_id])
    outcomes = bench.show(2, 105.0)
    assert (orders(outcomes), cancels(outcomes)) == ([], [])
    (exit_order,) = orders(bench.tell(told(scene.stop, S.CANCELED, 130_000)))
    assert (exit_order.type, exit_order.quantity, exit_order.reason) == (OrderType.MARKET, scene.entry.quantity, "out")
    (trade,) = [each for each in bench.fill(exit_order, "105") if isinstance(each, TradeClosed)]
    assert (trade.reason, scene.state()) == ("out", P.NONE)


@pytest.mark.parametrize(("config", "price"), [({"take_profit": 0.05}, 106.0), ({"trailing": 0.05}, 94.0), ({}, 85.0)])
def test_the_exits_that_the_engine_watches_take_the_stop_back_first(bench, orders, config, price) -> None:
    scene = Scene(bench, orders, **config)
    scene.arm()
    bench.show(1, 100.0)
    outcomes = bench.show(2, price)
    assert (orders(outcomes), cancels(outcomes)) == ([], [scene.stop.client_order_id])
    (exit_order,) = orders(bench.tell(told(scene.stop, S.CANCELED, 130_000)))
    assert (exit_order.type, exit_order.stop_price, exit_order.quantity) == (
        OrderType.MARKET, None, scene.entry.quantity,
    )  # fmt: skip


def test_an_exit_that_risk_denies_leaves_the_stop_where_it_is(bench, orders) -> None:
    scene = Scene(bench, orders, {1: lambda s: s.sell("out")}, min_profit=0.2)
    scene.arm()
    outcomes = bench.show(1, 105.0)
    assert (cancels(outcomes), scene.state()) == ([], P.ARMED)
    assert [each.rule for each in outcomes if isinstance(each, Decision)] == ["minimum_profit"]


def test_a_stop_that_fills_before_it_is_taken_back_leaves_nothing_to_sell(bench, orders) -> None:
    scene = Scene(bench, orders, {1: lambda s: s.sell("out")})
    scene.arm()
    bench.show(1, 105.0)
    outcomes = bench.fill(scene.stop, "90")
    assert [each.quantity for each in outcomes if isinstance(each, TradeClosed)] == [scene.entry.quantity]
    assert (orders(outcomes), scene.slot.awaited_exit, scene.state()) == ([], None, P.NONE)


def test_what_an_exit_leaves_is_guarded_anew(bench, orders) -> None:
    scene = Scene(bench, orders, {1: lambda s: s.sell("half", quantity=0.3)})
    scene.arm()
    bench.show(1, 105.0)
    half, rest = orders(bench.tell(told(scene.stop, S.CANCELED, 70_000)))
    assert (half.quantity, half.stop_price) == (D("0.3"), None)
    assert (rest.quantity, rest.stop_price) == (scene.entry.quantity - D("0.3"), D("90.00"))


def test_a_stop_that_does_not_go_is_taken_back_once_more(bench, orders) -> None:
    scene = Scene(bench, orders, {1: lambda s: s.sell("out")})
    scene.arm()
    bench.show(1, 105.0)
    again = [cancels(bench.tell(Pulse())) for _ in range(8)]
    assert again.count([scene.stop.client_order_id]) == 1
    assert again.count([]) == 7


# Losses.


@pytest.mark.parametrize("end", [S.CANCELED, S.EXPIRED])
def test_a_stop_that_somebody_ends_is_placed_again_at_once(bench, orders, end) -> None:
    scene = Scene(bench, orders)
    scene.arm()
    outcomes = bench.tell(told(scene.stop, end, 20))
    (stop,) = orders(outcomes)
    assert states(outcomes) == ["lost", "sent"]
    assert (stop.quantity, stop.stop_price) == (scene.stop.quantity, scene.stop.stop_price)
    assert states(bench.tell(told(stop, S.NEW))) == ["armed"]


def refuse_until_the_end(scene: Scene) -> list[object]:
    """Refuse each stop; give what comes of the last refusal, and check that it takes no more than five pulses."""
    stop, pulses = scene.stop, 0
    while True:
        outcomes = scene.bench.tell(told(stop, S.REJECTED, reason="no"))
        while not scene.orders(outcomes) and scene.state() is P.LOST:
            pulses += 1
            assert pulses <= 5
            outcomes = scene.bench.tell(Pulse())
        if scene.state() is P.BARE:
            return outcomes
        (stop,) = scene.orders(outcomes)


def test_after_refusals_in_a_row_the_position_is_left_and_the_strategy_stopped(bench, orders) -> None:
    scene = Scene(bench, orders, {1: lambda s: s.buy("more")})
    outcomes = refuse_until_the_end(scene)
    (exit_order,) = orders(outcomes)
    assert (exit_order.type, exit_order.quantity, exit_order.purpose) == (
        OrderType.MARKET, scene.entry.quantity, Purpose.STOP,
    )  # fmt: skip
    (stopped,) = [each for each in outcomes if isinstance(each, StrategyStopped)]
    assert stopped.reason == "its stop cannot rest on the exchange: 4 times in a row: no"
    assert orders(bench.show(1, 100.0)) == []
    bench.fill(exit_order, "99")
    assert (scene.state(), bench.engine.wants_pulses) == (P.NONE, False)


def test_who_wants_to_hold_is_watched_by_the_engine_itself(bench, orders) -> None:
    scene = Scene(bench, orders, if_unprotected="hold")
    outcomes = refuse_until_the_end(scene)
    assert (orders(outcomes), scene.slot.stopped != "") == ([], True)
    assert orders(bench.tell(Pulse())) == []
    (exit_order,) = orders(bench.show(1, 89.0))
    assert (exit_order.reason, exit_order.quantity) == ("stop loss", scene.entry.quantity)


def test_a_stop_that_never_left_us_is_no_refusal_and_waits_for_a_pulse(bench, orders) -> None:
    scene = Scene(bench, orders)
    stop = scene.stop
    for _ in range(10):
        assert orders(bench.tell(told(stop, S.VOID))) == []
        (stop,) = orders(bench.tell(Pulse()))
    assert (scene.slot.guard.refusals, scene.slot.stopped) == (0, "")


def test_what_is_left_too_small_for_a_stop_is_left_too_and_nobody_is_stopped(bench, orders) -> None:
    rules = WITH_STOPS | {"notional": NotionalRule(D(10))}
    scene = Scene(bench, orders, {1: lambda s: s.sell("most", quantity=0.395)}, rules=rules)
    scene.arm()
    bench.show(1, 100.0)
    (most,) = orders(bench.tell(told(scene.stop, S.CANCELED, 70_000)))
    (rest,) = orders(bench.fill(most, "100"))
    assert (rest.type, rest.quantity, rest.reason) == (OrderType.MARKET, D("0.105"), "its stop could not rest")
    assert (scene.state(), scene.slot.stopped) == (P.BARE, "")


# Coming back.


@pytest.mark.parametrize(("status", "state"), [(S.NEW, P.ARMED), (S.SENT, P.SENT), (S.UNKNOWN, P.SENT)])
def test_after_a_restart_the_stop_that_was_open_is_the_stop(make_bench, orders, status, state) -> None:
    scene = Scene(make_bench(), orders)
    back = make_bench()
    slot = back.add(**GUARDED)
    fills = [each.fill for each in scene.bench.outcomes if hasattr(each, "fill")]
    slot.restore_fills([(fill, D(0)) for fill in fills])
    back.engine.restore_order(LiveOrder(scene.stop, status))
    assert slot.guard.state is state
    # The record may still say that it was leaving when the former life ended: it is told once, as it is.
    outcomes = back.tell(StateChanged(AccountState.RECONCILING, "", 1))
    assert [each.state for each in outcomes if isinstance(each, ProtectionMoved)] == [state.value]
    assert orders(outcomes) == []
    outcomes = back.tell(StateChanged(AccountState.READY, "", 2))
    assert [each for each in outcomes if isinstance(each, ProtectionMoved)] == []
    assert orders(outcomes) == []
    assert orders(back.show(1, 100.0)) == []
    (stop,) = orders(back.tell(told(scene.stop, S.CANCELED, 20)))
    assert stop.quantity == scene.stop.quantity


def test_after_a_restart_a_position_without_a_stop_gets_one(make_bench, orders) -> None:
    scene = Scene(make_bench(), orders)
    back = make_bench()
    slot = back.add(**GUARDED)
    slot.restore_fills([(each.fill, D(0)) for each in scene.bench.outcomes if hasattr(each, "fill")])
    back.tell(StateChanged(AccountState.RECONCILING, "", 1))
    (stop,) = orders(back.tell(StateChanged(AccountState.READY, "", 2)))
    assert stop.quantity == scene.entry.quantity


# All of it at random.


@pytest.mark.parametrize("seed", range(60))
def test_whatever_comes_the_same_quantity_is_never_sold_twice(make_bench, seed) -> None:
    lots = Random(seed)

    def act(strategy) -> None:
        for _ in range(lots.choice((0, 1, 2))):
            if strategy.position.is_flat or lots.random() < 0.3:
                strategy.buy("dice", price=lots.choice((None, 99.0)))
            else:
                strategy.sell("dice", quantity=lots.choice((None, 0.1, 0.25)), price=lots.choice((None, 103.0)))

    bench = make_bench()
    slot = bench.add(dict.fromkeys(range(200), act), **(GUARDED | {"max_open_orders": 50, "take_profit": 0.01}))
    for n in range(120):
        bench.show(n, 100.0 + lots.uniform(-2.0, 2.0))
        for _ in range(6):
            if lots.random() < 0.2:
                bench.tell(Pulse())
            if not slot.live:
                continue
            live = lots.choice(list(slot.live.values()))
            when = bench.candle(n, 1.0).close_time - live.order.created_ms + 5
            fate = lots.random()
            if fate < 0.35:
                bench.tell(told(live.order, S.NEW, when))
            elif fate < 0.45:
                bench.tell(told(live.order, lots.choice((S.REJECTED, S.VOID, S.UNKNOWN)), when))
            elif fate < 0.6:
                bench.tell(told(live.order, S.CANCELED, when))
            else:
                half = (live.remaining / 2).quantize(D("0.00001"))
                part = half if half > D("0.001") and lots.random() < 0.5 else live.remaining
                bench.fill(live.order, "100", quantity=str(part))
            assert slot.pending_exit() <= slot.position.quantity
            assert sum(each.order.stop_price is not None for each in slot.live.values()) <= 1
    assert any(isinstance(each, PlaceOrder) and each.order.stop_price for each in bench.outcomes)
