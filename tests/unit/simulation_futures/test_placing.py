"""Changing, cancelling and batches of ordinary orders."""

from decimal import Decimal

import msgspec
import pytest
from tests.unit.simulation_futures.desk import Desk, code_of

from bot.domain.order import OrderType, Side
from bot.simulation.futures.happenings import OrderMoved
from bot.simulation.futures.records import FuturesOrder
from bot.simulation.futures.requests import Change, NewOrder
from bot.simulation.futures.words import AlgoType, Execution, OrderState, PriceMatch, TimeInForce
from bot.simulation.orders import Refused

D = Decimal
BUY, SELL = Side.BUY, Side.SELL


def change(desk: Desk, order: FuturesOrder, **words: object) -> FuturesOrder:
    """Change an order; what is not said stays."""
    known = {"symbol": "AAAUSDT", "side": order.side, "price": order.price, "quantity": order.quantity}
    request = Change(**{**known, "order_id": order.order_id, **words})
    return desk.exchange.modify("ann", request, now_ms=desk.now_ms)


def test_a_changed_order_goes_to_the_end_of_its_price_level(desk: Desk) -> None:
    desk.open("bob")
    mine = desk.limit(BUY, "1", "99")
    other = desk.limit(BUY, "1", "99", "bob")
    change(desk, mine, quantity=D(2), modify_id=7)
    desk.price("99", quantity="1")
    assert (other.state, mine.filled) == (OrderState.FILLED, D(0))
    (amendment,) = desk.exchange.amendments("ann", "AAAUSDT")
    assert (amendment.quantity_before, amendment.quantity_after, amendment.count) == (D(1), D(2), 1)
    (told,) = [one for one in desk.told(OrderMoved) if one.execution is Execution.AMENDMENT]
    assert (told.order.quantity, told.order.modify_id) == (D(2), 7)


def test_a_changed_order_may_trade_at_once(desk: Desk) -> None:
    order = desk.limit(BUY, "1", "99")
    change(desk, order, price=D(101))
    assert order.state is OrderState.FILLED
    assert desk.exchange.trades("ann", "AAAUSDT")[0].price == D(100)


def test_an_order_that_filled_as_much_as_its_new_quantity_is_cancelled(desk: Desk) -> None:
    order = desk.limit(BUY, "3", "99")
    desk.price("99", quantity="2")
    assert change(desk, order, quantity=D(2)).state is OrderState.CANCELED
    assert order.filled == D(2)


def test_a_post_only_order_that_would_take_after_its_change_is_cancelled(desk: Desk) -> None:
    order = desk.limit(BUY, "1", "99", time_in_force=TimeInForce.GTX)
    assert change(desk, order, price=D(100)).state is OrderState.CANCELED
    assert desk.exchange.trades("ann", "AAAUSDT") == []


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ({}, -5027),
        ({"price": None}, -1102),
        ({"quantity": None}, -1102),
        ({"side": SELL}, -1117),
        ({"order_id": 99}, -2013),
        ({"reduce_only": True}, -5047),
        ({"quantity": D("0.1"), "price": D(40)}, -5029),
        ({"price": D("99.01")}, -4014),
        ({"quantity": D(300)}, -2019),
        ({"price": None, "price_match": PriceMatch.QUEUE}, 0),
        ({"order_id": None, "client_order_id": "mine", "price": D(98)}, 0),
    ],
)
def test_a_change_is_refused_with_the_code_of_its_fault(desk: Desk, words: dict[str, object], code: int) -> None:
    order = desk.limit(BUY, "1", "99", client_order_id="mine")
    assert code_of(lambda: change(desk, order, **words)) == code
    if code:
        assert (order.price, order.quantity, order.is_open, order.changes) == (D(99), D(1), True, 0)


def test_changes_have_a_limit() -> None:
    desk = Desk(max_changes=2)
    desk.price("100")
    desk.open()
    order = desk.limit(BUY, "1", "99")
    change(desk, order, price=D(98))
    change(desk, order, price=D(97))
    assert code_of(lambda: change(desk, order, price=D(96))) == -5026


def test_margin_follows_the_change(desk: Desk) -> None:
    order = desk.limit(BUY, "100", "99")
    assert desk.exchange.asset("ann", "USDT").order_margin == D(495)
    change(desk, order, quantity=D(200))
    assert desk.exchange.asset("ann", "USDT").order_margin == D(990)
    desk.exchange.cancel("ann", "AAAUSDT", client_order_id=order.client_order_id, now_ms=desk.now_ms)
    assert desk.exchange.asset("ann", "USDT").order_margin == 0


def test_only_an_open_order_can_be_cancelled(desk: Desk) -> None:
    done = desk.market(BUY, "1")
    for number in (done.order_id, 99):
        assert code_of(lambda n=number: desk.exchange.cancel("ann", "AAAUSDT", order_id=n, now_ms=1)) == -2011
    assert code_of(lambda: desk.exchange.order("ann", "BBBUSDT", order_id=done.order_id)) == -2013


def test_a_batch_gives_an_order_or_a_refusal_for_each(desk: Desk) -> None:
    good = NewOrder(
        symbol="AAAUSDT",
        side=BUY,
        type=OrderType.LIMIT,
        client_order_id="a",
        quantity=D(1),
        price=D(99),
        time_in_force=TimeInForce.GTC,
    )
    requests = [good, msgspec.structs.replace(good, quantity=D(0)), msgspec.structs.replace(good, client_order_id="b")]
    first, second, third = desk.exchange.place_batch("ann", requests, now_ms=desk.now_ms)
    assert isinstance(second, Refused)
    assert second.code == -4003
    changes = [
        Change(symbol="AAAUSDT", side=BUY, quantity=D(1), price=price, client_order_id="a") for price in (D(98), D(98))
    ]
    assert desk.exchange.modify_batch("ann", changes, now_ms=desk.now_ms)[0] is first
    results = desk.exchange.cancel_batch("ann", "AAAUSDT", client_order_ids=["a", "zzz", "b"], now_ms=desk.now_ms)
    assert results[::2] == [first, third]
    assert isinstance(results[1], Refused)
    assert results[1].code == -2011


def test_batches_have_a_size(desk: Desk) -> None:
    assert code_of(lambda: desk.exchange.place_batch("ann", [], now_ms=1)) == -4082
    assert code_of(lambda: desk.exchange.cancel_batch("ann", "AAAUSDT", order_ids=range(11), now_ms=1)) == -4032


def test_symbols_accounts_and_rules_can_be_asked_for(desk: Desk) -> None:
    exchange = desk.exchange
    assert exchange.accounts == ["ann"]
    assert exchange.symbols[0] == "AAAUSDT"
    assert exchange.contract("AAAUSDT").margin_asset == "USDT"
    assert exchange.brackets("AAAUSDT").largest_leverage == 50
    desk.limit(BUY, "1", "99")
    desk.limit(BUY, "2", "99")
    bids, asks = exchange.client_levels("AAAUSDT")
    assert (bids, asks) == ([(D(99), D(3))], [])


def test_a_changed_order_that_loses_its_position_while_it_trades_leaves_the_book_in_order(desk: Desk) -> None:
    desk.market(BUY, "1")
    other = desk.limit(SELL, "1", "105")
    closing = desk.limit(SELL, "2", "110", reduce_only=True)
    change(desk, closing, price=D(100))
    assert (closing.state, closing.filled) == (OrderState.EXPIRED, D(1))
    assert desk.exchange.open_orders("ann") == [other]
    desk.price("105")
    assert other.state is OrderState.FILLED


def test_what_is_done_is_forgotten_when_only_so_much_is_to_be_kept() -> None:
    desk = Desk(keep=3)
    desk.price("100")
    desk.open(fees=True)
    standing = desk.limit(BUY, "1", "90", client_order_id="stays")
    for number in range(9):
        desk.market(BUY, "0.1", client_order_id=f"done-{number}")
        algo = desk.algo(AlgoType.STOP_MARKET, BUY, trigger_price="105", quantity="1", client_algo_id=f"algo-{number}")
        desk.exchange.cancel_algo("ann", algo_id=algo.algo_id, now_ms=desk.now_ms)
    exchange = desk.exchange
    assert [one.client_order_id for one in exchange.orders("ann")] == ["stays", "done-6", "done-7", "done-8"]
    assert exchange.open_orders("ann") == [standing]
    assert code_of(lambda: exchange.order("ann", "AAAUSDT", client_order_id="done-5")) == -2013
    assert [one.client_algo_id for one in exchange.algos("ann")] == ["algo-6", "algo-7", "algo-8"]
    assert 3 <= len(exchange.trades("ann", "AAAUSDT")) < 6
    assert 3 <= len(exchange.income("ann")) < 6
    assert exchange.position("ann", "AAAUSDT").quantity == D("0.9")


def test_a_retail_order_does_not_hinder_a_post_only_one(desk: Desk) -> None:
    desk.limit(SELL, "1", "101", time_in_force=TimeInForce.RPI)
    desk.exchange.on_book("AAAUSDT", [(D(90), D(1))], [(D(110), D(1))], desk.now_ms)
    assert desk.limit(BUY, "1", "102", time_in_force=TimeInForce.GTX).is_open


def test_only_limit_orders_can_be_changed(desk: Desk) -> None:
    done = desk.market(BUY, "1")
    assert code_of(lambda: change(desk, done, price=D(99))) == -5025
