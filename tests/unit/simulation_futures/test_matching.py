"""How orders meet: price before time, the market ahead at one price, self trades, reduce-only, times in force."""

from decimal import Decimal

import pytest
from tests.unit.simulation_futures.desk import Desk, code_of

from bot.domain.order import OrderType, Side
from bot.simulation.futures.happenings import (
    BalanceMoved,
    OrderAccepted,
    OrderMoved,
    PositionMoved,
    Traded,
)
from bot.simulation.futures.words import OrderState, PriceMatch, SelfTrade, TimeInForce

D = Decimal
BUY, SELL = Side.BUY, Side.SELL


@pytest.fixture
def quiet() -> Desk:
    """A market whose own quotes stand far away, with three customers."""
    desk = Desk()
    desk.mark("100")
    desk.exchange.on_book("AAAUSDT", [(D(90), D(5))], [(D(110), D(5)), (D(112), D(5))], desk.now_ms)
    for name in ("ann", "bob", "cid"):
        desk.open(name)
    return desk


def test_customers_meet_inside_the_spread_by_price_and_then_by_time(quiet: Desk) -> None:
    late = quiet.limit(SELL, "1", "101", "bob")
    second = quiet.limit(SELL, "1", "100", "bob")
    third = quiet.limit(SELL, "1", "100", "cid")
    taker = quiet.limit(BUY, "2.5", "101", "ann")
    assert [trade.price for trade in quiet.exchange.trades("ann", "AAAUSDT")] == [D(100), D(100), D(101)]
    assert (second.state, third.state) == (OrderState.FILLED, OrderState.FILLED)
    assert (late.filled, taker.filled) == (D("0.5"), D("2.5"))
    assert [trade.counterparty for trade in quiet.exchange.trades("ann", "AAAUSDT")] == ["bob", "cid", "bob"]
    assert quiet.exchange.last_price("AAAUSDT") == D(101)
    assert quiet.exchange.house.cash["USDT"] == 0


def test_a_taker_walks_customers_and_the_market_and_no_further_than_there_is(quiet: Desk) -> None:
    quiet.limit(SELL, "1", "111", "bob")
    taker = quiet.market(BUY, "20", "ann")
    prices = [(trade.price, trade.quantity) for trade in quiet.exchange.trades("ann", "AAAUSDT")]
    assert prices == [(D(110), D(5)), (D(111), D(1)), (D(112), D(5))]
    assert (taker.state, taker.expiry_reason, taker.filled) == (OrderState.EXPIRED, 9, D(11))


def test_at_one_price_the_market_is_served_before_customers(quiet: Desk) -> None:
    resting = quiet.limit(SELL, "1", "110", "bob")
    quiet.market(BUY, "5", "ann")
    assert resting.filled == 0
    quiet.market(BUY, "1", "ann")
    assert resting.state is OrderState.FILLED


def test_a_resting_order_trades_when_the_market_comes_to_it(quiet: Desk) -> None:
    first = quiet.limit(BUY, "3", "100", "ann")
    second = quiet.limit(BUY, "3", "100", "bob")
    touched = quiet.exchange.on_book("AAAUSDT", [], [(D(99), D(4))], quiet.now_ms)
    assert touched == [first, second]
    assert (first.filled, second.filled) == (D(3), D(1))
    assert quiet.exchange.trades("ann", "AAAUSDT")[0].price == D(100)
    assert quiet.exchange.trades("ann", "AAAUSDT")[0].is_maker


def test_a_public_trade_fills_best_limits_first_within_its_quantity(desk: Desk) -> None:
    desk.open("bob")
    low = desk.limit(BUY, "2", "98")
    first = desk.limit(BUY, "2", "99")
    second = desk.limit(BUY, "2", "99", "bob")
    desk.price("98", quantity="3")
    assert (first.filled, second.filled, low.filled) == (D(2), D(1), D(0))
    desk.price("98")
    assert (second.filled, low.filled) == (D(2), D(2))


def test_an_ioc_order_takes_what_there_is_and_expires(quiet: Desk) -> None:
    order = quiet.limit(BUY, "7", "110", time_in_force=TimeInForce.IOC)
    assert (order.state, order.filled, order.expiry_reason) == (OrderState.EXPIRED, D(5), 2)


def test_a_fok_order_is_filled_whole_or_refused(quiet: Desk) -> None:
    assert code_of(lambda: quiet.limit(BUY, "7", "110", time_in_force=TimeInForce.FOK)) == -5021
    quiet.limit(SELL, "2", "110", "bob")
    assert quiet.limit(BUY, "7", "110", time_in_force=TimeInForce.FOK).state is OrderState.FILLED


def test_a_market_without_bound_fills_any_fok_order_at_its_price(desk: Desk) -> None:
    assert desk.limit(BUY, "50", "100", time_in_force=TimeInForce.FOK).state is OrderState.FILLED
    assert code_of(lambda: desk.limit(BUY, "50", "99.9", time_in_force=TimeInForce.FOK)) == -5021


def test_own_orders_do_not_count_for_a_fok_order_that_must_not_meet_them(quiet: Desk) -> None:
    quiet.limit(SELL, "2", "110")
    assert code_of(lambda: quiet.limit(BUY, "7", "110", time_in_force=TimeInForce.FOK)) == -5021


def test_post_only_orders_rest_and_retail_ones_meet_the_market_alone(quiet: Desk) -> None:
    retail = quiet.limit(SELL, "1", "101", "bob", time_in_force=TimeInForce.RPI)
    assert quiet.limit(BUY, "1", "102", "ann", time_in_force=TimeInForce.IOC).filled == 0
    assert quiet.exchange.client_levels("AAAUSDT") == ([], [])
    quiet.exchange.on_book("AAAUSDT", [(D(102), D(1))], [], quiet.now_ms)
    assert retail.state is OrderState.FILLED


@pytest.mark.parametrize(
    ("mode", "taker_state", "maker_state"),
    [
        (SelfTrade.EXPIRE_MAKER, OrderState.NEW, OrderState.EXPIRED_IN_MATCH),
        (SelfTrade.EXPIRE_TAKER, OrderState.EXPIRED_IN_MATCH, OrderState.NEW),
        (SelfTrade.EXPIRE_BOTH, OrderState.EXPIRED_IN_MATCH, OrderState.EXPIRED_IN_MATCH),
        (SelfTrade.NONE, OrderState.FILLED, OrderState.FILLED),
    ],
)
def test_the_takers_wish_decides_about_self_trades(
    quiet: Desk, mode: SelfTrade, taker_state: OrderState, maker_state: OrderState
) -> None:
    maker = quiet.limit(SELL, "1", "100")
    taker = quiet.limit(BUY, "1", "100", self_trade=mode)
    assert (taker.state, maker.state) == (taker_state, maker_state)
    reasons = {order.expiry_reason for order in (taker, maker) if order.state is OrderState.EXPIRED_IN_MATCH}
    assert reasons <= {1}
    assert quiet.exchange.position("ann", "AAAUSDT").quantity == 0


def test_a_reduce_only_order_never_trades_more_than_the_position(desk: Desk) -> None:
    desk.market(BUY, "2")
    order = desk.market(SELL, "5", reduce_only=True)
    assert (order.state, order.filled, order.expiry_reason) == (OrderState.EXPIRED, D(2), 4)
    assert desk.exchange.position("ann", "AAAUSDT").quantity == 0


def test_resting_reduce_only_orders_go_when_their_position_is_gone(desk: Desk) -> None:
    desk.market(BUY, "2")
    target = desk.limit(SELL, "2", "110", reduce_only=True)
    other = desk.limit(SELL, "2", "120")
    desk.market(SELL, "1")
    assert target.is_open
    desk.market(SELL, "1")
    assert (target.state, target.expiry_reason) == (OrderState.EXPIRED, 4)
    assert other.is_open
    assert desk.exchange.open_orders("ann") == [other]


def test_a_price_match_takes_its_price_from_the_book(quiet: Desk) -> None:
    words = {"symbol": "AAAUSDT", "type": OrderType.LIMIT, "time_in_force": TimeInForce.GTC, "quantity": D(1)}
    queue = quiet.place("ann", side=BUY, price_match=PriceMatch.QUEUE, **words)
    assert (queue.price, queue.is_open) == (D(90), True)
    quiet.limit(BUY, "1", "95", "bob")
    opponent = quiet.place("cid", side=SELL, price_match=PriceMatch.OPPONENT, **words)
    assert (opponent.price, opponent.state) == (D(95), OrderState.FILLED)


@pytest.mark.parametrize(("side", "price"), [(BUY, "99.9"), (SELL, "100.1")])
def test_a_price_match_with_the_queue_rests_where_the_market_gives_to_both_sides_at_one_price(
    desk: Desk, side: Side, price: str
) -> None:
    levels = [D("0.1") * step for step in range(3)]
    book = [[(D(100) + way * one, D(5)) for one in levels] for way in (-1, 1)]
    desk.exchange.on_book("AAAUSDT", *book, now_ms=2_000)
    queue = desk.place(
        "ann", symbol="AAAUSDT", side=side, type=OrderType.LIMIT, time_in_force=TimeInForce.GTC, quantity=D(1),
        price_match=PriceMatch.QUEUE,
    )  # fmt: skip
    assert (queue.price, queue.is_open, queue.filled) == (D(price), True, 0)


def test_the_observer_hears_of_a_fill_in_the_order_of_its_effects(desk: Desk) -> None:
    desk.seen.clear()
    desk.market(BUY, "1")
    assert [type(one) for one in desk.seen] == [OrderAccepted, Traded, BalanceMoved, PositionMoved, OrderMoved]
    accepted, traded, _, moved, last = desk.seen
    assert accepted.order.state is OrderState.NEW
    assert (last.order.state, last.trade) == (OrderState.FILLED, traded.taker)
    assert (traded.maker, traded.taker.counterparty) == (None, "market")
    assert (moved.quantity, moved.entry_price) == (D(1), D(100))


def test_a_trade_knows_its_worth_in_quote(desk: Desk) -> None:
    desk.market(BUY, "2")
    assert desk.exchange.trades("ann", "AAAUSDT")[0].quote_quantity == D(200)


def test_of_two_orders_to_close_the_second_goes_when_the_first_did_it(desk: Desk) -> None:
    desk.market(BUY, "1")
    first = desk.limit(SELL, "1", "105", reduce_only=True)
    second = desk.limit(SELL, "1", "106", reduce_only=True)
    assert desk.price("107") == [first, second]
    assert (first.state, second.state) == (OrderState.FILLED, OrderState.EXPIRED)
    assert desk.exchange.position("ann", "AAAUSDT").quantity == 0


def test_a_limit_is_kept_when_only_customers_stand_there(quiet: Desk) -> None:
    quiet.exchange.on_book("AAAUSDT", [], [], quiet.now_ms)
    quiet.limit(SELL, "1", "101", "bob")
    assert quiet.limit(BUY, "1", "100").is_open


def test_a_resting_order_takes_from_new_levels_only_up_to_its_limit(quiet: Desk) -> None:
    order = quiet.limit(BUY, "2", "100")
    quiet.exchange.on_book("AAAUSDT", [], [(D(99), D(1)), (D(101), D(5))], quiet.now_ms)
    assert (order.filled, order.state) == (D(1), OrderState.PARTIALLY_FILLED)
    quiet.exchange.on_book("AAAUSDT", [], [(D(100), D(1))], quiet.now_ms)
    assert order.state is OrderState.FILLED
