"""Delisting: a contract is settled at one price."""

from decimal import Decimal

import pytest
from tests.unit.simulation_futures.desk import Desk

from bot.domain.order import Side
from bot.simulation.futures.happenings import OrderMoved
from bot.simulation.futures.words import Execution, OrderState

D = Decimal
BUY, SELL = Side.BUY, Side.SELL


@pytest.fixture
def desk() -> Desk:
    """Ann is long 10 at 100 with an order at rest, bob is short 4, cat holds another contract."""
    desk = Desk()
    for name in ("ann", "bob", "cat"):
        desk.open(name)
    desk.price("100")
    desk.price("100", symbol="BBBUSDT")
    desk.market(BUY, "10")
    desk.market(SELL, "4", account="bob")
    desk.market(BUY, "1", account="cat", symbol="BBBUSDT")
    return desk


def test_all_positions_are_closed_at_the_price_and_nobody_pays_a_fee(desk: Desk) -> None:
    before = {name: desk.exchange.asset(name, "USDT").wallet for name in ("ann", "bob")}
    desk.exchange.settle_contract("AAAUSDT", D(110), desk.now_ms)
    assert all(desk.exchange.position(name, "AAAUSDT").quantity == 0 for name in ("ann", "bob"))
    assert desk.exchange.asset("ann", "USDT").wallet == before["ann"] + 10 * 10
    assert desk.exchange.asset("bob", "USDT").wallet == before["bob"] - 4 * 10
    assert desk.exchange.position("cat", "BBBUSDT").quantity == D(1)


def test_it_is_told_as_an_order_of_the_exchanges_own(desk: Desk) -> None:
    desk.exchange.settle_contract("AAAUSDT", D(110), desk.now_ms)
    (order,) = desk.exchange.forced_orders("ann")
    assert order.client_order_id.startswith("settlement_autoclose-")
    told = [one for one in desk.told(OrderMoved) if one.order.is_forced and one.order.account == "ann"]
    assert [one.execution for one in told] == [Execution.CALCULATED]


def test_orders_at_rest_end_first(desk: Desk) -> None:
    resting = desk.limit(BUY, "1", "90")
    desk.exchange.settle_contract("AAAUSDT", D(80), desk.now_ms)
    assert desk.exchange.order("ann", "AAAUSDT", order_id=resting.order_id).state is OrderState.EXPIRED
