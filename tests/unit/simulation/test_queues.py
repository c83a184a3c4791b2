"""A line of orders: by price, at one price by age."""

from decimal import Decimal

import pytest

from bot.domain.order import OrderType, Side
from bot.simulation.orders import RestingOrder
from bot.simulation.queues import PriceQueue

D = Decimal


def order(number: int) -> RestingOrder:
    return RestingOrder(
        account="ann", order_id=number, client_order_id=str(number), symbol="ABCUSDT", side=Side.BUY,
        type=OrderType.LIMIT, quantity=D(1), created_ms=0,
    )  # fmt: skip


@pytest.mark.parametrize(("highest_first", "line"), [(True, [3, 1, 2, 4]), (False, [4, 1, 2, 3])])
def test_the_line_goes_by_price_and_then_by_age(*, highest_first: bool, line: list[int]) -> None:
    queue = PriceQueue(highest_first=highest_first)
    for number, price in enumerate(("10", "10.0", "11", "9"), 1):
        queue.add(D(price), order(number))
    assert [one.order_id for _, level in queue.levels() for one in level] == line
    assert queue.head is not None
    assert queue.head.order_id == line[0]
    assert queue.best == D("11" if highest_first else "9")


def test_who_leaves_and_comes_back_stands_last() -> None:
    queue, first, second = PriceQueue(highest_first=True), order(1), order(2)
    queue.add(D(10), first)
    queue.add(D(10), second)
    queue.remove(D("10.00"), first)
    queue.add(D(10), first)
    assert queue.reaching(D(10)) == [second, first]
    assert queue.reaching(D("10.01")) == []


def test_an_empty_line_has_no_head() -> None:
    queue, only = PriceQueue(highest_first=False), order(1)
    queue.add(D(10), only)
    queue.remove(D(10), only)
    assert (queue.head, queue.best, bool(queue), list(queue.levels())) == (None, None, False, [])
