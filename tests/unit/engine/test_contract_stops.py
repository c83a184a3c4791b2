"""Stops and take profits on futures: orders of their own that only reduce, of which we end the one that has not traded."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from bot.domain.market import Market
from bot.domain.messages import (
    CancelOrder,
    Decision,
    OrderUpdate,
    PlaceOrder,
    ProtectionMoved,
    Pulse,
    StateChanged,
    TradeClosed,
    Verdict,
)
from bot.domain.order import Fill, Order, OrderStatus, OrderType, Purpose, Side
from bot.domain.state import AccountState
from bot.engine import foresight
from bot.engine.protection import Guard, Protection
from bot.engine.slot import LiveOrder

D = Decimal
P, S = Protection, OrderStatus
KINDS = frozenset({"LIMIT", "MARKET", "STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET"})
CONTRACT: dict[str, object] = {
    "market": "futures", "stop_loss": 0.1, "protect": "exchange", "rules": {"order_types": KINDS},
}  # fmt: skip


def told(order: Order, status: OrderStatus, **more: object) -> OrderUpdate:
    return OrderUpdate(order.client_order_id, status, order.created_ms + 10, **more)  # type: ignore[arg-type]


def states(outcomes: list[object]) -> list[str]:
    return [each.state for each in outcomes if isinstance(each, ProtectionMoved)]


def cancels(outcomes: list[object]) -> list[str]:
    return [each.client_order_id for each in outcomes if isinstance(each, CancelOrder)]


def trips(outcomes: list[object]) -> list[str]:
    return [each.reason for each in outcomes if isinstance(each, TradeClosed)]


def denials(outcomes: list[object]) -> list[str]:
    return [each.reason for each in outcomes if isinstance(each, Decision) and each.verdict is Verdict.DENIED]


class Scene:
    """One strategy that went long (or short) at 100, with its stop under way."""

    def __init__(self, bench, orders, plan=None, *, short=False, **config) -> None:
        self.bench, self.orders = bench, orders

        def enter(strategy: object) -> None:
            (strategy.short if short else strategy.buy)("in")  # type: ignore[attr-defined]

        self.slot = bench.add({0: enter} | (plan or {}), **(CONTRACT | config))
        (self.entry,) = orders(self.show(0, 100.0))
        (self.stop,) = orders(bench.fill(self.entry, "100", realised="0"))
        self.take: Order | None = None

    def show(self, n: int, close: float) -> list:
        return self.bench.show(n, close, market=Market.FUTURES)

    def arm(self) -> None:
        takes = self.orders(self.bench.tell(told(self.stop, S.NEW)))
        assert self.state() is P.ARMED
        if takes:
            (self.take,) = takes
            self.bench.tell(told(self.take, S.NEW))

    def state(self) -> Protection:
        return self.slot.guard.state


@pytest.mark.parametrize(("short", "side", "trigger"), [(False, Side.SELL, "90.00"), (True, Side.BUY, "110.00")])
def test_the_stop_of_a_contract_stands_where_the_loss_is_reached_whichever_way_it_goes(
    bench, orders, short, side, trigger
) -> None:
    scene = Scene(bench, orders, short=short)
    assert (scene.stop.type, scene.stop.side, scene.stop.stop_price) == (OrderType.STOP_LOSS, side, D(trigger))
    assert (scene.stop.quantity, scene.stop.price) == (scene.entry.quantity, None)
    assert scene.stop.market is Market.FUTURES


@pytest.mark.parametrize(("short", "trigger"), [(False, "105.00"), (True, "95.00")])
def test_the_take_profit_is_sent_when_the_stop_was_seen_and_by_itself(bench, orders, short, trigger) -> None:
    scene = Scene(bench, orders, short=short, take_profit=0.05)
    outcomes = bench.tell(told(scene.stop, S.NEW))
    (placed,) = [each for each in outcomes if isinstance(each, PlaceOrder)]
    take = placed.order
    assert states(outcomes) == ["armed"]
    assert (take.type, take.side, take.stop_price) == (OrderType.TAKE_PROFIT, scene.stop.side, D(trigger))
    assert (take.price, take.purpose, take.quantity, placed.beside) == (None, Purpose.EXIT, scene.stop.quantity, "")
    assert scene.slot.orders == [], "what guards is the engine's"
    assert scene.slot.pending_exit() == scene.stop.quantity, "only one of them reduces"


def test_the_two_claim_no_money(bench, orders) -> None:
    scene = Scene(bench, orders, short=True, take_profit=0.05)
    before = bench.engine.account.free("USDT")
    scene.arm()
    assert bench.engine.account.free("USDT") == before == D(1000)


def test_a_stop_that_trades_ends_the_trip_and_we_take_the_take_profit_back(bench, orders) -> None:
    scene = Scene(bench, orders, take_profit=0.05)
    scene.arm()
    outcomes = bench.fill(scene.stop, "90", realised="-5")
    assert (trips(outcomes), cancels(outcomes)) == (["stop loss"], [scene.take.client_order_id])
    assert scene.state() is P.LEAVING, "until the other one is gone"
    assert states(bench.tell(told(scene.take, S.CANCELED))) == ["wanted", "none"]
    assert scene.slot.live == {}


def test_a_take_profit_that_trades_ends_the_trip_and_we_take_the_stop_back(bench, orders) -> None:
    scene = Scene(bench, orders, take_profit=0.05)
    scene.arm()
    outcomes = bench.fill(scene.take, "105", realised="2.5")
    assert (trips(outcomes), cancels(outcomes)) == (["take profit"], [scene.stop.client_order_id])
    assert states(bench.tell(told(scene.stop, S.CANCELED))) == ["wanted", "none"]
    assert scene.slot.live == {}
    assert orders(bench.outcomes) == [scene.entry, scene.stop, scene.take]


def test_what_is_left_over_is_cancelled_until_it_is_gone(bench, orders) -> None:
    scene = Scene(bench, orders, take_profit=0.05)
    scene.arm()
    bench.fill(scene.take, "105", realised="2.5")
    assert bench.engine.wants_pulses
    found = [name for _ in range(12) for name in cancels(bench.tell(Pulse()))]
    assert found == [scene.stop.client_order_id] * 2


def test_a_leg_left_over_that_trades_all_the_same_is_booked_to_its_strategy(bench, orders) -> None:
    scene = Scene(bench, orders, take_profit=0.05)
    scene.arm()
    bench.fill(scene.take, "105", realised="2.5")
    bench.fill(scene.stop, "90", realised="0")
    assert scene.slot.position.quantity == -scene.stop.quantity, "as it is: another strategy's part was reduced by it"


def test_the_stop_stays_while_a_take_profit_trades_in_parts(bench, orders) -> None:
    scene = Scene(bench, orders, take_profit=0.05)
    scene.arm()
    part = scene.take.quantity / 4
    first = bench.fill(scene.take, "105", quantity=str(part), realised="1")
    assert (cancels(first), scene.state()) == ([], P.ARMED)
    ended = bench.tell(told(scene.take, S.EXPIRED))
    assert cancels(ended) == [scene.stop.client_order_id], "it is larger than what is left"
    (again,) = orders(bench.tell(told(scene.stop, S.CANCELED)))
    assert (again.quantity, again.stop_price) == (scene.stop.quantity - part, D("90.00"))


def test_a_stop_that_trades_in_parts_is_left_to_it(bench, orders) -> None:
    scene = Scene(bench, orders, take_profit=0.05)
    scene.arm()
    part = scene.stop.quantity / 4
    assert cancels(bench.fill(scene.stop, "90", quantity=str(part), realised="-1")) == []
    assert scene.state() is P.ARMED
    rest = bench.fill(scene.stop, "90", quantity=str(scene.stop.quantity - part), realised="-4")
    assert (trips(rest), cancels(rest)) == (["stop loss"], [scene.take.client_order_id])


def test_a_stop_that_somebody_takes_is_put_back_beside_the_take_profit_that_stands(bench, orders) -> None:
    scene = Scene(bench, orders, take_profit=0.05)
    scene.arm()
    lost = bench.tell(told(scene.stop, S.CANCELED))
    (again,) = orders(lost)
    assert (states(lost), cancels(lost)) == (["lost", "sent"], [])
    assert (again.quantity, again.stop_price) == (scene.stop.quantity, scene.stop.stop_price)
    assert orders(bench.tell(told(again, S.NEW))) == [], "the take profit needs no second one"
    outcomes = bench.fill(scene.take, "105", realised="2.5")
    assert cancels(outcomes) == [again.client_order_id]


def test_a_take_profit_that_somebody_takes_is_put_back_while_the_stop_stays(bench, orders) -> None:
    scene = Scene(bench, orders, take_profit=0.05)
    scene.arm()
    assert orders(bench.tell(told(scene.take, S.CANCELED))) == []
    assert bench.engine.wants_pulses
    (again,) = orders(bench.tell(Pulse()))
    assert (again.type, again.stop_price) == (OrderType.TAKE_PROFIT, scene.take.stop_price)
    assert scene.state() is P.ARMED


def test_a_take_profit_that_is_refused_is_watched_for_here(bench, orders) -> None:
    scene = Scene(bench, orders, take_profit=0.05)
    (take,) = orders(bench.tell(told(scene.stop, S.NEW)))
    bench.tell(told(take, S.REJECTED, reason="would trigger at once", code=-2021))
    assert [orders(bench.tell(Pulse())) for _ in range(5)] == [[]] * 5
    assert scene.state() is P.ARMED
    assert cancels(scene.show(1, 106.0)) == [scene.stop.client_order_id], "the engine leaves by itself"
    (out,) = orders(bench.tell(told(scene.stop, S.CANCELED)))
    assert (out.type, out.reason) == (OrderType.MARKET, "take profit")


@pytest.mark.parametrize("first", ["stop", "take"])
def test_another_exit_waits_until_the_two_orders_have_made_way(bench, orders, first) -> None:
    scene = Scene(bench, orders, plan={1: lambda s: s.close("out")}, take_profit=0.05)
    scene.arm()
    assert cancels(scene.show(1, 101.0)) == [scene.stop.client_order_id, scene.take.client_order_id]
    legs = [scene.stop, scene.take] if first == "stop" else [scene.take, scene.stop]
    assert orders(bench.tell(told(legs[0], S.CANCELED))) == []
    (out,) = orders(bench.tell(told(legs[1], S.CANCELED)))
    assert (out.type, out.quantity) == (OrderType.MARKET, scene.stop.quantity)


def test_when_no_stop_can_rest_the_take_profit_goes_too_and_the_position_is_left(bench, orders) -> None:
    scene = Scene(bench, orders, take_profit=0.05)
    scene.arm()
    stop = scene.stop
    outcomes: list = []
    while scene.state() is not P.BARE:
        outcomes = bench.tell(told(stop, S.REJECTED if stop is not scene.stop else S.CANCELED, reason="no"))
        for _ in range(4):
            if again := orders(outcomes):
                (stop,) = again
                break
            outcomes = bench.tell(Pulse())
    assert scene.take.client_order_id in cancels(bench.outcomes)
    (out,) = orders(bench.tell(told(scene.take, S.CANCELED)))
    assert (out.type, out.purpose, out.reason) == (OrderType.MARKET, Purpose.STOP, "its stop could not rest")


def test_what_cannot_be_left_at_once_is_left_as_soon_as_the_exchange_takes_it(bench, orders) -> None:
    scene = Scene(bench, orders, take_profit=0.05)
    scene.arm()
    open_for_all, scene.slot.instrument = scene.slot.instrument, replace(scene.slot.instrument, status="HALT")
    bench.tell(told(scene.stop, S.CANCELED))
    while scene.state() is not P.BARE:
        assert orders(bench.tell(Pulse())) == []
    assert [cancels(bench.tell(Pulse())) for _ in range(3)] == [[]] * 3
    scene.slot.instrument = open_for_all
    assert cancels(bench.tell(Pulse())) == [scene.take.client_order_id]
    (out,) = orders(bench.tell(told(scene.take, S.CANCELED)))
    assert out.reason == "its stop could not rest"


def test_when_more_is_bought_both_fit_the_whole_again(bench, orders) -> None:
    scene = Scene(bench, orders, plan={1: lambda s: s.buy("more")}, take_profit=0.05)
    scene.arm()
    (more,) = orders(scene.show(1, 100.0))
    assert cancels(bench.fill(more, "100", realised="0")) == [scene.stop.client_order_id, scene.take.client_order_id]
    bench.tell(told(scene.take, S.CANCELED))
    (stop,) = orders(bench.tell(told(scene.stop, S.CANCELED)))
    (take,) = orders(bench.tell(told(stop, S.NEW)))
    assert stop.quantity == take.quantity == scene.entry.quantity + more.quantity


def test_a_position_that_the_exchange_closed_leaves_nothing_waiting(bench, orders) -> None:
    scene = Scene(bench, orders, take_profit=0.05)
    scene.arm()
    fill = Fill(
        "autoclose-1", "BTCUSDT", 900, Side.SELL, D(80), scene.stop.quantity, D(0), "USDT", scene.stop.created_ms + 50,
        exchange_order_id=5, market=Market.FUTURES, realised=D(-10),
    )  # fmt: skip
    outcomes = bench.tell(fill)
    assert cancels(outcomes) == [scene.stop.client_order_id, scene.take.client_order_id]


def test_under_a_kill_switch_the_stop_of_a_contract_alone_is_put_back(bench, orders) -> None:
    scene = Scene(bench, orders, take_profit=0.05)
    scene.arm()
    bench.tell(StateChanged(AccountState.HALTED, "kill switch", 1, keeps_stops=True))
    bench.tell(told(scene.take, S.CANCELED))
    (alone,) = orders(bench.tell(told(scene.stop, S.CANCELED)))
    assert alone.type is OrderType.STOP_LOSS
    bench.tell(told(alone, S.NEW))
    assert [orders(bench.tell(Pulse())) for _ in range(5)] == [[]] * 5


def test_a_stop_may_be_worth_less_than_the_smallest_order_since_it_only_reduces(bench, orders) -> None:
    scene = Scene(bench, orders, order_value=5.2, capital=100.0)
    assert scene.stop.quantity * scene.stop.stop_price < 5


@pytest.mark.parametrize(("guarded", "other"), [("exchange", "exchange"), ("exchange", "watch"), ("watch", "exchange")])
def test_nobody_enters_against_a_strategy_when_the_stop_of_either_would_have_nothing_to_reduce(
    bench, orders, guarded, other
) -> None:
    config = CONTRACT | {"strategy_id": 2, "protect": other}
    bench.add({1: lambda s: s.short("against"), 2: lambda s: s.buy("along")}, **config)
    bench.add({0: lambda s: s.buy("in")}, **(CONTRACT | {"protect": guarded}))
    (entry,) = orders(bench.show(0, 100.0, market=Market.FUTURES))
    bench.fill(entry, "100", realised="0")
    refused = bench.show(1, 100.0, market=Market.FUTURES)
    assert orders(refused) == []
    (why,) = denials(refused)
    assert "could not work: strategy 1 goes the other way in BTCUSDT" in why
    assert len(orders(bench.show(2, 100.0, market=Market.FUTURES))) == 1


def test_strategies_that_watch_for_themselves_may_go_either_way(bench, orders) -> None:
    config = CONTRACT | {"protect": "watch"}
    bench.add({1: lambda s: s.short("against")}, strategy_id=2, **config)
    bench.add({0: lambda s: s.buy("in")}, **config)
    (entry,) = orders(bench.show(0, 100.0, market=Market.FUTURES))
    bench.fill(entry, "100", realised="0")
    assert len(orders(bench.show(1, 100.0, market=Market.FUTURES))) == 1


def test_a_contract_without_stop_orders_is_not_entered(bench, orders) -> None:
    bench.add({0: lambda s: s.buy("in")}, **(CONTRACT | {"rules": {"order_types": frozenset({"LIMIT", "MARKET"})}}))
    outcomes = bench.show(0, 100.0, market=Market.FUTURES)
    assert orders(outcomes) == []
    assert "its stop could not rest: BTCUSDT takes no stop orders" in denials(outcomes)[0]


@pytest.mark.parametrize("turn", [0, 1])
@pytest.mark.parametrize(
    ("stop", "take", "state"),
    [
        (S.NEW, S.NEW, P.ARMED),
        (S.NEW, S.UNKNOWN, P.ARMED),
        (S.SENT, S.NEW, P.SENT),
        (S.NEW, S.PARTIALLY_FILLED, P.ARMED),
        (S.PARTIALLY_FILLED, S.NEW, P.ARMED),
        (S.NEW, None, P.ARMED),
        (None, S.NEW, P.LEAVING),
    ],
)
def test_what_was_open_is_taken_over_in_either_order(turn, stop, take, state) -> None:
    guard = Guard(is_list=False)
    found = [(name, status) for name, status in (("stop", stop), ("take", take)) if status is not None]
    for name, status in reversed(found) if turn else found:
        guard.adopt(name, status, is_take=name == "take")
    assert guard.state is state
    assert guard.has("take") is (take is not None)


def test_what_stands_after_a_restart_is_gone_on_with(bench, orders, make_bench) -> None:
    scene = Scene(bench, orders, take_profit=0.05)
    scene.arm()
    again = make_bench()
    slot = again.add({}, **(CONTRACT | {"take_profit": 0.05}))
    again.show(0, 100.0, market=Market.FUTURES)
    fills = [each.fill for each in bench.outcomes if hasattr(each, "fill")]
    slot.restore_fills((fill, D(0)) for fill in fills)
    for order in (scene.take, scene.stop):
        again.engine.restore_order(LiveOrder(order, S.NEW))
    outcomes = again.show(1, 100.0, market=Market.FUTURES)
    assert (states(outcomes), orders(outcomes), cancels(outcomes)) == (["armed"], [], [])


def test_no_more_is_entered_than_the_account_may_guard(bench, orders, monkeypatch) -> None:
    monkeypatch.setattr(foresight, "CONDITIONAL_MAX", 3)
    config = CONTRACT | {"take_profit": 0.05}
    bench.add({0: lambda s: s.buy("in")}, **config)
    bench.add({0: lambda s: s.buy("in")}, strategy_id=2, **config)
    outcomes = bench.show(0, 100.0, market=Market.FUTURES)
    assert [each.strategy_id for each in orders(outcomes)] == [1]
    assert "2 orders may wait for a price already" in denials(outcomes)[0]
