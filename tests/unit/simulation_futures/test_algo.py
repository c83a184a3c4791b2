"""Conditional orders: when they fire, what becomes of them, and what is refused."""

from decimal import Decimal

import pytest
from tests.unit.simulation_futures.desk import Desk, code_of

from bot.domain.order import OrderType, Side
from bot.simulation.futures.happenings import AlgoMoved
from bot.simulation.futures.records import AlgoOrder
from bot.simulation.futures.words import (
    AlgoState,
    AlgoType,
    OrderState,
    PositionSide,
    PriceMatch,
    TimeInForce,
    WorkingType,
)

D = Decimal
BUY, SELL = Side.BUY, Side.SELL
A = AlgoType
LIMITED = {"price": "100", "quantity": "1"}


def states(desk: Desk, algo: AlgoOrder) -> list[AlgoState]:
    """Give the states that the observer was told of."""
    return [told.algo.state for told in desk.told(AlgoMoved) if told.algo.algo_id == algo.algo_id]


@pytest.mark.parametrize(
    ("kind", "side", "trigger", "not_yet", "fires"),
    [
        (A.STOP_MARKET, BUY, "105", "104.9", "105"),
        (A.STOP_MARKET, SELL, "95", "95.1", "95"),
        (A.TAKE_PROFIT_MARKET, BUY, "95", "95.1", "95"),
        (A.TAKE_PROFIT_MARKET, SELL, "105", "104.9", "105"),
        (A.STOP, BUY, "105", "104.9", "105"),
        (A.STOP, SELL, "95", "95.1", "95"),
        (A.TAKE_PROFIT, BUY, "95", "95.1", "95"),
        (A.TAKE_PROFIT, SELL, "105", "104.9", "105"),
    ],
)
def test_an_order_fires_when_its_price_is_reached_and_not_before(
    desk: Desk, kind: A, side: Side, trigger: str, not_yet: str, fires: str
) -> None:
    words = LIMITED if kind.has_limit else {"quantity": "1"}
    algo = desk.algo(kind, side, trigger_price=trigger, **words)
    desk.price(not_yet)
    assert algo.is_open
    assert desk.exchange.open_orders("ann") == []
    desk.price(fires)
    assert algo.triggered_ms == desk.now_ms
    order = desk.exchange.order("ann", "AAAUSDT", order_id=algo.actual_order_id)
    assert (order.client_order_id, order.algo_id) == (algo.client_algo_id, algo.algo_id)
    assert order.type is (OrderType.LIMIT if kind.has_limit else OrderType.MARKET)


def test_the_states_of_an_order_that_fires_and_fills_are_told_in_turn(desk: Desk) -> None:
    algo = desk.algo(A.STOP_MARKET, BUY, trigger_price="105", quantity="1")
    desk.price("106")
    assert states(desk, algo) == [AlgoState.NEW, AlgoState.TRIGGERING, AlgoState.TRIGGERED, AlgoState.FINISHED]
    assert (algo.actual_price, algo.actual_quantity, algo.actual_type) == (D(106), D(1), OrderType.MARKET)
    assert algo.algo_id > 4 * 10**15


def test_a_limit_order_that_fired_is_finished_only_when_it_is_done(desk: Desk) -> None:
    algo = desk.algo(A.STOP, BUY, trigger_price="105", **LIMITED)
    desk.price("105")
    assert algo.state is AlgoState.TRIGGERED
    desk.exchange.cancel("ann", "AAAUSDT", order_id=algo.actual_order_id, now_ms=desk.now_ms)
    assert algo.state is AlgoState.FINISHED


def test_margin_is_asked_for_only_when_an_order_fires(desk: Desk) -> None:
    algo = desk.algo(A.STOP_MARKET, BUY, trigger_price="105", quantity="300")
    assert desk.exchange.asset("ann", "USDT").order_margin == 0
    desk.price("105")
    assert (algo.state, algo.reject_text) == (AlgoState.REJECTED, "Margin is insufficient.")
    assert states(desk, algo)[-2:] == [AlgoState.TRIGGERING, AlgoState.REJECTED]
    assert desk.exchange.orders("ann") == []


def test_a_mark_price_order_looks_at_the_mark_alone(desk: Desk) -> None:
    algo = desk.algo(A.STOP_MARKET, SELL, trigger_price="95", quantity="1", working_type=WorkingType.MARK_PRICE)
    desk.mark("100")
    desk.price("94")
    assert algo.is_open
    desk.mark("95")
    assert algo.state is AlgoState.FINISHED


def test_a_protected_order_waits_while_mark_and_last_price_differ(desk: Desk) -> None:
    desk.mark("100")
    algo = desk.algo(A.STOP_MARKET, SELL, trigger_price="95", quantity="1", price_protect=True)
    desk.price("94.9")
    assert algo.is_open
    desk.mark("99")
    assert algo.state is AlgoState.FINISHED


def test_close_position_closes_what_is_there_at_that_time(desk: Desk) -> None:
    desk.market(BUY, "2")
    algo = desk.algo(A.STOP_MARKET, SELL, trigger_price="95", close_position=True)
    desk.market(BUY, "1")
    desk.price("95")
    assert desk.exchange.position("ann", "AAAUSDT").quantity == 0
    assert algo.actual_quantity == D(3)


def test_close_position_without_a_position_expires(desk: Desk) -> None:
    algo = desk.algo(A.STOP_MARKET, SELL, trigger_price="95", close_position=True)
    desk.price("95")
    assert algo.state is AlgoState.EXPIRED


def test_a_reduce_only_order_that_would_open_is_rejected_when_it_fires(desk: Desk) -> None:
    algo = desk.algo(A.STOP_MARKET, SELL, trigger_price="95", quantity="1", reduce_only=True)
    desk.price("95")
    assert (algo.state, algo.reject_text) == (AlgoState.REJECTED, "ReduceOnly Order is rejected.")


def test_a_trailing_sell_follows_the_highest_price(desk: Desk) -> None:
    desk.market(BUY, "1")
    algo = desk.algo(A.TRAILING_STOP_MARKET, SELL, callback_rate="1", quantity="1")
    assert algo.is_active
    for price in ("110", "109", "120", "118.9"):
        desk.price(price)
        assert algo.is_open
    desk.price("118.8")  # 120 * 0.99
    assert algo.state is AlgoState.FINISHED
    assert desk.exchange.trades("ann", "AAAUSDT")[-1].realised == D("18.8")


def test_a_trailing_buy_becomes_active_at_its_price_and_follows_the_lowest(desk: Desk) -> None:
    algo = desk.algo(A.TRAILING_STOP_MARKET, BUY, callback_rate="2", quantity="1", activate_price="95")
    desk.price("96")
    assert not algo.is_active
    desk.price("95")
    assert algo.is_active
    desk.price("90")
    desk.price("91.7")
    assert algo.is_open
    desk.price("91.8")  # 90 * 1.02
    assert algo.state is AlgoState.FINISHED
    assert [told.algo.is_active for told in desk.told(AlgoMoved)][:2] == [False, True]


@pytest.mark.parametrize(
    ("kind", "side", "words", "code"),
    [
        (A.STOP_MARKET, BUY, {"trigger_price": "100", "quantity": "1"}, -2021),
        (A.STOP_MARKET, SELL, {"trigger_price": "100", "quantity": "1"}, -2021),
        (A.TAKE_PROFIT_MARKET, BUY, {"trigger_price": "100", "quantity": "1"}, -2021),
        (A.TAKE_PROFIT_MARKET, SELL, {"trigger_price": "100", "quantity": "1"}, -2021),
        (A.TRAILING_STOP_MARKET, BUY, {"callback_rate": "1", "quantity": "1", "activate_price": "100"}, -2021),
        (A.TRAILING_STOP_MARKET, SELL, {"callback_rate": "1", "quantity": "1", "activate_price": "100"}, -2021),
        (A.TRAILING_STOP_MARKET, SELL, {"callback_rate": "0.09", "quantity": "1"}, -1130),
        (A.TRAILING_STOP_MARKET, SELL, {"callback_rate": "20.1", "quantity": "1"}, -1130),
        (A.TRAILING_STOP_MARKET, SELL, {"quantity": "1"}, -1102),
        (A.TRAILING_STOP_MARKET, SELL, {"callback_rate": "1", "quantity": "1", "trigger_price": "99"}, -1106),
        (A.TRAILING_STOP_MARKET, SELL, {"callback_rate": "1", "close_position": True}, -1106),
        (A.STOP_MARKET, BUY, {"quantity": "1"}, -1102),
        (A.STOP_MARKET, BUY, {"trigger_price": "105"}, -1102),
        (A.STOP_MARKET, BUY, {"trigger_price": "105", "quantity": "1", "activate_price": "101"}, -1106),
        (A.STOP_MARKET, BUY, {"trigger_price": "105", "quantity": "1", "price": "105"}, -1106),
        (A.STOP_MARKET, BUY, {"trigger_price": "105", "quantity": "1", "price_match": PriceMatch.QUEUE}, -5038),
        (A.STOP_MARKET, BUY, {"trigger_price": "105", "quantity": "1", "close_position": True}, -4137),
        (A.STOP_MARKET, BUY, {"trigger_price": "105", "reduce_only": True, "close_position": True}, -1106),
        (A.STOP_MARKET, BUY, {"trigger_price": "0", "quantity": "1"}, -4006),
        (A.STOP_MARKET, BUY, {"trigger_price": "105.05", "quantity": "1"}, -4014),
        (A.STOP_MARKET, BUY, {"trigger_price": "105", "quantity": "0.05"}, -4004),
        (A.STOP_MARKET, BUY, {"trigger_price": "105", "quantity": "1", "symbol": "NOPE"}, -1121),
        (A.STOP_MARKET, BUY, {"trigger_price": "105", "quantity": "1", "client_algo_id": "a b"}, -1100),
        (A.STOP_MARKET, BUY, {"trigger_price": "105", "quantity": "1", "position_side": PositionSide.LONG}, -4061),
        (A.STOP, BUY, {"trigger_price": "105", "quantity": "1"}, -1102),
        (A.STOP, BUY, {"trigger_price": "105", "quantity": "1", "price": "210.1"}, -4183),
        (A.STOP, SELL, {"trigger_price": "95", "quantity": "1", "price": "47.4"}, -4184),
        (A.STOP, BUY, {"trigger_price": "105", "quantity": "0.1", "price": "40"}, -4164),
        (A.STOP, BUY, {"trigger_price": "105", "time_in_force": TimeInForce.GTD, **LIMITED}, -1102),
        (A.STOP, BUY, {"trigger_price": "105", **LIMITED}, 0),
    ],
)
def test_a_conditional_order_is_refused_with_the_code_of_its_fault(
    desk: Desk, kind: A, side: Side, words: dict[str, object], code: int
) -> None:
    assert code_of(lambda: desk.algo(kind, side, **words)) == code
    assert bool(code) == (not desk.exchange.algos("ann"))


def test_hedge_mode_knows_no_reduce_only_and_closes_no_opening_side() -> None:
    desk = Desk()
    desk.price("100")
    desk.open(hedge=True)
    long = {"position_side": PositionSide.LONG, "trigger_price": "105"}
    assert code_of(lambda: desk.algo(A.STOP_MARKET, BUY, reduce_only=True, quantity="1", **long)) == -4062
    assert code_of(lambda: desk.algo(A.STOP_MARKET, BUY, close_position=True, **long)) == -4138
    assert code_of(lambda: desk.algo(A.TAKE_PROFIT_MARKET, SELL, close_position=True, **long)) == 0


def test_ids_are_unique_among_waiting_orders_and_their_number_has_a_limit(desk: Desk) -> None:
    first = desk.algo(A.STOP_MARKET, BUY, trigger_price="105", quantity="1", client_algo_id="mine")
    again = {"trigger_price": "106", "quantity": "1", "client_algo_id": "mine"}
    assert code_of(lambda: desk.algo(A.STOP_MARKET, BUY, **again)) == -4116
    desk.exchange.cancel_algo("ann", client_algo_id="mine", now_ms=desk.now_ms)
    assert first.state is AlgoState.CANCELED
    desk.algo(A.STOP_MARKET, BUY, **again)
    for _ in range(199):
        desk.algo(A.STOP_MARKET, BUY, trigger_price="105", quantity="1")
    assert code_of(lambda: desk.algo(A.STOP_MARKET, BUY, trigger_price="105", quantity="1")) == -4045


def test_cancelling_all_orders_and_all_conditional_orders_are_two_things(desk: Desk) -> None:
    algo = desk.algo(A.STOP_MARKET, BUY, trigger_price="105", quantity="1")
    order = desk.limit(BUY, "1", "90")
    assert desk.exchange.cancel_all("ann", "AAAUSDT", now_ms=desk.now_ms) == [order]
    assert desk.exchange.open_algos("ann", "AAAUSDT") == [algo]
    assert desk.exchange.cancel_all_algos("ann", "AAAUSDT", now_ms=desk.now_ms) == [algo]
    assert desk.exchange.open_algos("ann") == []


def test_an_order_that_fired_cannot_be_cancelled_as_a_conditional_one(desk: Desk) -> None:
    algo = desk.algo(A.STOP, BUY, trigger_price="105", **LIMITED)
    desk.price("105")
    assert code_of(lambda: desk.exchange.cancel_algo("ann", algo_id=algo.algo_id, now_ms=desk.now_ms)) == -2011
    assert code_of(lambda: desk.exchange.algo("ann", algo_id=99)) == -2013
    assert desk.exchange.algo("ann", client_algo_id=algo.client_algo_id) is algo


def test_a_matched_price_is_taken_when_the_order_fires(desk: Desk) -> None:
    algo = desk.algo(A.STOP, BUY, trigger_price="105", quantity="1", price_match=PriceMatch.QUEUE)
    desk.price("107")
    order = desk.exchange.order("ann", "AAAUSDT", order_id=algo.actual_order_id)
    assert (order.price, order.state) == (D("106.9"), OrderState.NEW)


def test_a_condition_ends_at_its_date(desk: Desk) -> None:
    words = {"time_in_force": TimeInForce.GTD, "good_till_ms": desk.now_ms + 700_000, **LIMITED}
    algo = desk.algo(A.STOP, BUY, trigger_price="105", **words)
    desk.exchange.on_time(desk.now_ms + 699_999)
    assert algo.is_open
    desk.exchange.on_time(desk.now_ms + 700_000)
    assert algo.state is AlgoState.EXPIRED


def test_a_condition_without_limit_may_have_a_date_too(desk: Desk) -> None:
    words = {"time_in_force": TimeInForce.GTD, "trigger_price": "105", "quantity": "1"}
    assert code_of(lambda: desk.algo(A.STOP_MARKET, BUY, good_till_ms=5, **words)) == -5040
    assert desk.algo(A.STOP_MARKET, BUY, good_till_ms=desk.now_ms + 700_000, **words).is_open
