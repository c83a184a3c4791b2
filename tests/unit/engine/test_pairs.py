"""A stop and its take profit as one list: what goes out, what counts, and what the end of either leg means."""

from decimal import Decimal

import pytest

from bot.domain.instrument import PercentBand
from bot.domain.messages import CancelOrder, OrderUpdate, PlaceOrder, ProtectionMoved, Pulse, StateChanged, TradeClosed
from bot.domain.order import Order, OrderStatus, OrderType, Purpose
from bot.domain.state import AccountState
from bot.engine.protection import Guard, Protection
from bot.engine.slot import LiveOrder

D = Decimal
P, S = Protection, OrderStatus
KINDS = frozenset({"LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS", "STOP_LOSS_LIMIT"})
PAIRED: dict[str, object] = {
    "stop_loss": 0.1, "take_profit": 0.1, "protect": "exchange", "rules": {"order_types": KINDS},
}  # fmt: skip


def told(order: Order, status: OrderStatus, **more: object) -> OrderUpdate:
    return OrderUpdate(order.client_order_id, status, order.created_ms + 10, **more)  # type: ignore[arg-type]


def states(outcomes: list[object]) -> list[str]:
    return [each.state for each in outcomes if isinstance(each, ProtectionMoved)]


def cancels(outcomes: list[object]) -> list[str]:
    return [each.client_order_id for each in outcomes if isinstance(each, CancelOrder)]


class Scene:
    """One strategy that has bought one unit at 100, with the pair that guards it."""

    def __init__(self, bench, orders, plan=None, **config) -> None:
        self.bench, self.orders = bench, orders
        self.slot = bench.add({0: lambda s: s.buy("in")} | (plan or {}), **(PAIRED | config))
        (self.entry,) = orders(bench.show(0, 100.0))
        self.filled = bench.fill(self.entry, "100")
        self.stop, *takes = orders(self.filled)
        self.take = takes[0] if takes else None

    def arm(self) -> None:
        for each in (self.stop, self.take):
            self.bench.tell(told(each, S.NEW))
        assert self.state() is P.ARMED

    def state(self) -> Protection:
        return self.slot.guard.state


def test_the_two_are_one_decision_of_which_the_second_stands_beside_the_first(bench, orders) -> None:
    scene = Scene(bench, orders)
    stop, take = [each for each in scene.filled if isinstance(each, PlaceOrder)]
    assert (stop.beside, take.beside) == ("", scene.stop.client_order_id)
    assert (take.order.type, take.order.price, take.order.purpose) == (OrderType.LIMIT_MAKER, D("110.00"), Purpose.EXIT)
    assert take.order.quantity == stop.order.quantity
    assert scene.slot.orders == []
    assert scene.slot.pending_exit() == stop.order.quantity, "only one of them can sell"
    assert scene.slot.exiting() == 0
    assert scene.slot.standing().open_orders == 1


@pytest.mark.parametrize("turn", [0, 1])
def test_it_is_armed_only_when_both_are_seen(bench, orders, turn) -> None:
    scene = Scene(bench, orders)
    first, second = (scene.stop, scene.take) if turn else (scene.take, scene.stop)
    assert states(bench.tell(told(first, S.NEW))) == []
    assert states(bench.tell(told(second, S.NEW))) == ["armed"]


@pytest.mark.parametrize(
    "rules",
    [
        {"oco_allowed": False},
        {"order_types": KINDS - {"LIMIT_MAKER"}},
        {"percent_price": PercentBand(D("1.05"), D("0.5"))},
    ],
)
def test_where_no_take_profit_can_rest_the_stop_stands_alone(bench, orders, rules) -> None:
    scene = Scene(bench, orders, rules={"order_types": KINDS} | rules)
    assert scene.take is None
    assert states(bench.tell(told(scene.stop, S.NEW))) == ["armed"]
    assert scene.stop.stop_price == D("90.00")


def test_the_engine_takes_no_profit_while_the_exchange_does(bench, orders) -> None:
    scene = Scene(bench, orders)
    scene.arm()
    assert cancels(bench.show(1, 120.0)) == []
    alone = Scene(type(bench)(), orders, rules={"order_types": KINDS, "oco_allowed": False})
    alone.bench.tell(told(alone.stop, S.NEW))
    assert cancels(alone.bench.show(1, 120.0)) == [alone.stop.client_order_id]


@pytest.mark.parametrize("is_stop_told_first", [True, False])
def test_a_take_profit_that_fills_ends_the_trip_and_no_stop_was_lost(bench, orders, is_stop_told_first) -> None:
    scene = Scene(bench, orders)
    scene.arm()
    outcomes = []
    if is_stop_told_first:
        outcomes += bench.tell(told(scene.stop, S.EXPIRED))
    outcomes += bench.fill(scene.take, "110")
    (trade,) = [each for each in outcomes if isinstance(each, TradeClosed)]
    assert (trade.reason, trade.client_order_id) == ("take profit", scene.take.client_order_id)
    if not is_stop_told_first:
        outcomes += bench.tell(told(scene.stop, S.EXPIRED))
    assert states(outcomes) == ["leaving", "wanted", "none"]
    assert scene.slot.live == {}
    assert orders(outcomes) == []


@pytest.mark.parametrize("is_take_told_first", [True, False])
def test_a_stop_that_fills_ends_the_trip_and_the_take_profit(bench, orders, is_take_told_first) -> None:
    scene = Scene(bench, orders)
    scene.arm()
    outcomes = []
    if is_take_told_first:
        assert states(bench.tell(told(scene.take, S.EXPIRED))) == []
        assert scene.state() is P.ARMED
    outcomes += bench.fill(scene.stop, "90")
    assert [each.reason for each in outcomes if isinstance(each, TradeClosed)] == ["stop loss"]
    if not is_take_told_first:
        outcomes += bench.tell(told(scene.take, S.EXPIRED))
    assert (scene.state(), scene.slot.live) == (P.NONE, {})
    assert "lost" not in states(outcomes)


@pytest.mark.parametrize("is_stop_told_first", [True, False])
def test_what_a_part_fill_leaves_is_taken_back_and_guarded_anew(bench, orders, is_stop_told_first) -> None:
    scene = Scene(bench, orders)
    scene.arm()
    part = scene.take.quantity / 4
    outcomes = bench.tell(told(scene.stop, S.EXPIRED)) if is_stop_told_first else []
    outcomes += bench.fill(scene.take, "110", quantity=str(part))
    assert scene.take.client_order_id in cancels(outcomes)
    if not is_stop_told_first:
        outcomes += bench.tell(told(scene.stop, S.EXPIRED))
    assert orders(outcomes) == []
    again = orders(bench.tell(told(scene.take, S.CANCELED)))
    assert [(each.quantity, each.stop_price) for each in again] == [(scene.take.quantity - part, D("90.00"))]
    assert "lost" not in states(outcomes)


def test_a_pair_that_somebody_cancels_is_lost_once_and_placed_when_both_are_gone(bench, orders) -> None:
    scene = Scene(bench, orders)
    scene.arm()
    outcomes = bench.tell(told(scene.stop, S.CANCELED))
    assert (states(outcomes), orders(outcomes)) == (["lost"], [])
    again = bench.tell(told(scene.take, S.CANCELED))
    assert (states(again), len(orders(again))) == (["sent"], 2)


def test_where_the_list_is_refused_the_stop_goes_alone(bench, orders) -> None:
    scene = Scene(bench, orders)
    assert orders(bench.tell(told(scene.stop, S.REJECTED, reason="no lists"))) == []
    (alone,) = orders(bench.tell(told(scene.take, S.REJECTED, reason="no lists")))
    assert alone.stop_price == D("90.00")
    assert states(bench.tell(told(alone, S.NEW))) == ["armed"]
    assert scene.slot.guard.refusals == 1


def test_another_exit_waits_until_both_have_made_way(bench, orders) -> None:
    scene = Scene(bench, orders, plan={1: lambda s: s.close("out")})
    scene.arm()
    assert cancels(bench.show(1, 101.0)) == [scene.stop.client_order_id], "cancelling one cancels both"
    assert orders(bench.tell(told(scene.stop, S.CANCELED))) == []
    (out,) = orders(bench.tell(told(scene.take, S.CANCELED)))
    assert (out.type, out.quantity) == (OrderType.MARKET, scene.stop.quantity)


def test_a_take_profit_whose_end_nobody_told_is_cancelled_again(bench, orders) -> None:
    scene = Scene(bench, orders)
    scene.arm()
    bench.tell(told(scene.stop, S.CANCELED))
    found = [name for _ in range(3) for name in cancels(bench.tell(Pulse()))]
    assert found == [scene.take.client_order_id]


def test_under_a_kill_switch_the_stop_alone_is_put_back(bench, orders) -> None:
    scene = Scene(bench, orders)
    scene.arm()
    bench.tell(StateChanged(AccountState.HALTED, "kill switch", 1, keeps_stops=True))
    bench.tell(told(scene.stop, S.CANCELED))
    (alone,) = orders(bench.tell(told(scene.take, S.CANCELED)))
    assert alone.stop_price is not None


@pytest.mark.parametrize("turn", [0, 1])
@pytest.mark.parametrize(
    ("stop", "take", "state"),
    [
        (S.NEW, S.NEW, P.ARMED),
        (S.NEW, S.SENT, P.SENT),
        (S.UNKNOWN, S.UNKNOWN, P.SENT),
        (S.NEW, S.PARTIALLY_FILLED, P.LEAVING),
        (S.PARTIALLY_FILLED, S.NEW, P.ARMED),
        (None, S.NEW, P.LEAVING),
        (S.NEW, None, P.ARMED),
    ],
)
def test_after_a_restart_both_are_adopted_as_they_stood(bench, orders, stop, take, state, turn) -> None:
    before = Scene(bench, orders)
    after = type(bench)()
    slot = after.add({}, **PAIRED)
    found = [(before.stop, stop), (before.take, take)]
    for order, status in found[:: 1 if turn else -1]:
        if status is not None:
            after.engine.restore_order(LiveOrder(order, status))
    assert slot.guard.state is state
    assert slot.exiting() == 0


def test_the_spare_leg_is_the_one_that_did_not_trade() -> None:
    guard = Guard()
    guard.begin("stop", "take")
    assert [guard.is_spare(each) for each in ("stop", "take", "other")] == [False, True, False]
    guard.trade("take")
    assert [guard.is_spare(each) for each in ("stop", "take", "other")] == [True, False, False]
