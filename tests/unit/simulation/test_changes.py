"""Orders that change: amended in their place, cancelled and replaced, cancelled all at once, forgotten in the end."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from bot.domain.instrument import Instrument, NotionalRule
from bot.domain.order import OrderStatus, OrderType, Side, StpMode
from bot.simulation.exchange import Balance, Exchange, Refused, Terms
from bot.simulation.happenings import Happening, OrderMoved

D = Decimal
BUY, SELL = Side.BUY, Side.SELL


def test_an_amended_order_keeps_its_place_and_frees_its_lock(put: Any, shared: Exchange, told: list[Happening]) -> None:
    old, young = put("ann", BUY, "3", "99"), put("bob", BUY, "3", "99")
    amended = shared.amend("ann", "ABCUSDT", D(2), order_id=old.order_id, now_ms=7, new_client_order_id="less")
    assert amended is old
    assert shared.balances("ann")["USDT"] == Balance(D(9_802), D(198))
    last = told[-1]
    assert isinstance(last, OrderMoved)
    assert (last.execution, last.client_order_id, last.request_id, last.quantity) == ("REPLACED", "less", "c1", D(2))
    put("bob", SELL, "2.5", "99", now_ms=8)
    assert (old.filled, young.filled) == (D(2), D("0.5"))
    assert shared.order("ann", "ABCUSDT", client_order_id="less") is old
    with pytest.raises(Refused, match="does not exist"):
        shared.order("ann", "ABCUSDT", client_order_id="c1")
    assert [(one.from_quantity, one.to_quantity, one.time_ms) for one in old.amendments] == [(D(3), D(2), 7)]


@pytest.mark.parametrize(
    ("quantity", "changes", "code", "text"),
    [
        ("4", {}, -2038, "quantity increase"),
        ("3", {}, -2038, "would change no state"),
        ("1", {}, -2038, "would change no state"),
        ("2.0001", {}, -1013, "LOT_SIZE"),
        ("2", {"notional": NotionalRule(D(199))}, -1013, "NOTIONAL"),
        ("2", {"amend_allowed": False}, -2010, "amend is not supported"),
    ],
)
def test_an_amendment_that_makes_no_order_smaller_is_refused(
    put: Any, shared: Exchange, full: Instrument, quantity: str, changes: dict[str, Any], code: int, text: str
) -> None:
    order = put("ann", BUY, "3", "99")
    put("bob", SELL, "1", "99")
    shared.set_instrument(replace(full, **changes))
    with pytest.raises(Refused, match=text) as refusal:
        shared.amend("ann", "ABCUSDT", D(quantity), order_id=order.order_id, now_ms=2)
    assert refusal.value.code == code
    assert order.quantity == D(3)


def test_an_order_may_be_amended_so_often(put: Any, shared: Exchange, full: Instrument) -> None:
    shared.set_instrument(replace(full, max_amends=2))
    order = put("ann", SELL, "3", "105", iceberg_quantity=D(1))
    for quantity in ("2", "1"):
        shared.amend("ann", "ABCUSDT", D(quantity), client_order_id="c1", now_ms=2)
    with pytest.raises(Refused, match="MAX_NUM_ORDER_AMENDS"):
        shared.amend("ann", "ABCUSDT", D("0.5"), client_order_id="c1", now_ms=2)
    assert (order.shown, order.locked) == (D(1), D(1))


def test_an_iceberg_shrinks_no_further_than_what_it_shows(put: Any, shared: Exchange) -> None:
    put("ann", SELL, "3", "105", iceberg_quantity=D(1))
    with pytest.raises(Refused, match="IcebergQty exceeds QTY"):
        shared.amend("ann", "ABCUSDT", D("0.9"), client_order_id="c1", now_ms=2)


def test_an_order_by_quote_that_waits_for_the_next_candle_is_not_amended(put: Any, shared: Exchange) -> None:
    shared.forget_depth("ABCUSDT")
    order = put("ann", SELL, None, quote_quantity=D(50), terms=Terms(fill="next"))
    assert order.is_open
    with pytest.raises(Refused, match="quoteOrderQty"):
        shared.amend("ann", "ABCUSDT", D("0.1"), client_order_id="c1", now_ms=2)


def test_an_amendment_takes_no_id_of_another_open_order_and_no_finished_order(put: Any, shared: Exchange) -> None:
    put("ann", BUY, "3", "99")
    put("ann", BUY, "3", "98")
    with pytest.raises(Refused, match="Duplicate order sent"):
        shared.amend("ann", "ABCUSDT", D(2), client_order_id="c1", new_client_order_id="c2", now_ms=2)
    shared.cancel("ann", "ABCUSDT", client_order_id="c2", now_ms=2)
    with pytest.raises(Refused, match="does not exist"):
        shared.amend("ann", "ABCUSDT", D(2), client_order_id="c2", now_ms=2)


def test_a_smaller_stop_without_a_price_locks_its_share(put: Any, shared: Exchange) -> None:
    put("ann", BUY, "3", type=OrderType.STOP_LOSS, stop_price=D(110))
    shared.amend("ann", "ABCUSDT", D(1), client_order_id="c1", now_ms=2)
    assert shared.balances("ann")["USDT"] == Balance(D(9_890), D(110))


def test_cancel_replace_frees_the_old_money_for_the_new_order(put: Any, shared: Exchange) -> None:
    old = put("ann", SELL, "100", "105")
    done = shared.replace("ann", put.wish(SELL, "100", "104"), order_id=old.order_id, now_ms=2)
    assert (done.cancelled, old.status) == (old, OrderStatus.CANCELED)
    assert shared.open_orders("ann") == [done.placed]


@pytest.mark.parametrize("stop_on_failure", [True, False])
def test_a_replacement_without_its_cancel_goes_on_only_when_told_to(
    put: Any, shared: Exchange, *, stop_on_failure: bool
) -> None:
    done = shared.replace("ann", put.wish(SELL, "1", "104"), order_id=77, now_ms=2, stop_on_failure=stop_on_failure)
    assert isinstance(done.cancelled, Refused)
    assert (done.placed is None) is stop_on_failure
    assert len(shared.open_orders("ann")) == (0 if stop_on_failure else 1)


def test_a_replacement_may_fail_after_its_cancel_but_not_for_a_filter(
    put: Any, shared: Exchange, full: Instrument
) -> None:
    old = put("ann", SELL, "1", "105")
    with pytest.raises(Refused, match="LOT_SIZE"):
        shared.replace("ann", put.wish(SELL, "0.0001", "104"), order_id=old.order_id, now_ms=2)
    assert old.is_open
    done = shared.replace("ann", put.wish(SELL, "101", "104"), order_id=old.order_id, now_ms=2)
    assert done.cancelled is old
    assert isinstance(done.placed, Refused)
    shared.set_instrument(replace(full, replace_allowed=False))
    with pytest.raises(Refused, match="Cancel-replace orders are not supported"):
        shared.replace("ann", put.wish(SELL, "1", "104"), order_id=1, now_ms=2)


@pytest.mark.parametrize(("restriction", "works"), [("ONLY_NEW", False), ("ONLY_PARTIALLY_FILLED", True), (None, True)])
def test_a_cancel_may_be_meant_for_one_state_only(put: Any, shared: Exchange, restriction: Any, *, works: bool) -> None:
    order = put("ann", BUY, "3", "99")
    put("bob", SELL, "1", "99")
    if not works:
        with pytest.raises(Refused, match="cancel restrictions"):
            shared.cancel("ann", "ABCUSDT", order_id=order.order_id, restriction=restriction, now_ms=2)
    else:
        shared.cancel("ann", "ABCUSDT", order_id=order.order_id, restriction=restriction, now_ms=2)
    assert order.is_open is not works


def test_all_orders_of_a_symbol_go_at_once(put: Any, shared: Exchange) -> None:
    orders = [put("ann", BUY, "1", "99"), put("ann", SELL, "1", type=OrderType.STOP_LOSS, stop_price=D(90))]
    other = put("bob", BUY, "1", "99")
    assert shared.cancel_all("ann", "ABCUSDT", 5) == orders
    assert [order.status for order in orders] == [OrderStatus.CANCELED] * 2
    assert other.is_open
    with pytest.raises(Refused, match="Unknown order sent") as refusal:
        shared.cancel_all("ann", "ABCUSDT", 6)
    assert refusal.value.code == -2011


def test_orders_that_ended_long_ago_are_forgotten_but_not_their_fills(full: Instrument, desk_of: Any) -> None:
    exchange = Exchange({"ABCUSDT": full}, keep_finished=10)
    exchange.open_account("ann", {"USDT": D(10_000), "ABC": D(100)})
    exchange.on_price("ABCUSDT", D(100), 0)
    put = desk_of(exchange)
    kept = put("ann", BUY, "1", "90")
    for _ in range(50):
        put("ann", SELL, "0.1")
    known = exchange.orders("ann", "ABCUSDT")
    assert known[0] is kept
    assert 10 <= len(known) <= 32
    assert len(exchange.fills("ann", "ABCUSDT")) == 50
    with pytest.raises(Refused, match="does not exist"):
        exchange.order("ann", "ABCUSDT", client_order_id="c2")


def test_money_comes_and_goes(shared: Exchange) -> None:
    shared.deposit("ann", "EUR", D(5))
    shared.deposit("ann", "EUR", D(-2))
    assert shared.balances("ann")["EUR"] == Balance(D(3))
    with pytest.raises(Refused, match="insufficient balance"):
        shared.deposit("ann", "EUR", D(-4))


def test_a_symbol_can_be_listed_and_its_rules_can_change(put: Any, shared: Exchange, full: Instrument) -> None:
    order = put("ann", BUY, "1", "99")
    shared.set_instrument(replace(full, status="CANCEL_ONLY"))
    with pytest.raises(Refused, match="Market is closed"):
        put("ann", BUY, "1", "99")
    shared.cancel("ann", "ABCUSDT", order_id=order.order_id, now_ms=3)
    shared.set_instrument(replace(full, symbol="NEWUSDT", base="NEW"))
    shared.on_price("NEWUSDT", D(1), 4)
    assert shared.instrument("NEWUSDT").base == "NEW"
    assert shared.last_price("NEWUSDT") == D(1)


def test_trades_with_oneself_that_were_prevented_long_ago_are_forgotten(full: Instrument, desk_of: Any) -> None:
    exchange = Exchange({"ABCUSDT": full}, clients_meet=True, keep_finished=2)
    exchange.open_account("ann", {"USDT": D(10_000), "ABC": D(100)})
    exchange.on_depth("ABCUSDT", [], [], 0)
    put = desk_of(exchange)
    put("ann", SELL, "1", "100")
    for _ in range(9):
        put("ann", BUY, "1", "100", stp=StpMode.EXPIRE_TAKER)
    known = exchange.prevented("ann", "ABCUSDT")
    assert known[-1].match_id == 8
    assert 2 <= len(known) <= 5


def test_waiting_orders_are_put_back_where_they_waited(full: Instrument, desk_of: Any) -> None:
    before, after = (Exchange({"ABCUSDT": full}) for _ in range(2))
    for exchange in (before, after):
        exchange.open_account("ann", {"USDT": D(10_000), "ABC": D(100)})
        exchange.on_price("ABCUSDT", D(100), 0)
    put = desk_of(before)
    stop = put("ann", SELL, "1", "94", type=OrderType.STOP_LOSS_LIMIT, stop_price=D(95))
    market = put("ann", SELL, "1", terms=Terms(fill="next"))
    part = put("ann", SELL, "2", "101")
    before.on_price("ABCUSDT", D(101), 1, D(1))
    assert market.status is OrderStatus.FILLED
    for order in (stop, part):
        after.adopt("ann", order)
    assert after.balances("ann")["ABC"] == Balance(D(98), D(2))
    after.on_price("ABCUSDT", D(95), 2)
    assert (stop.status, part.status) == (OrderStatus.FILLED, OrderStatus.PARTIALLY_FILLED)
    assert stop.fills[0].trade_id > part.fills[0].trade_id
    with pytest.raises(ValueError, match="here already"):
        after.adopt("ann", part)
