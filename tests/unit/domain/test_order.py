from itertools import product

import pytest

from bot.domain.order import MOVES, OrderStatus, Side, may_move

S = OrderStatus


def test_every_state_has_its_row_in_the_table() -> None:
    assert set(MOVES) == set(OrderStatus)


@pytest.mark.parametrize("status", [S.FILLED, S.CANCELED, S.EXPIRED, S.REJECTED, S.VOID])
def test_an_ended_order_moves_no_more(status: OrderStatus) -> None:
    assert not status.is_open
    assert not any(may_move(status, then) for then in OrderStatus)


def test_no_order_comes_back_to_a_state_it_left() -> None:
    """Apart from further partial fills, the table has no way round in a circle."""
    reachable = {status: set(MOVES[status]) - {status} for status in OrderStatus}
    for _ in OrderStatus:
        for status in OrderStatus:
            reachable[status] |= {further for then in set(reachable[status]) for further in reachable[then]}
    assert not [status for status in OrderStatus if status in reachable[status]]


def test_an_unknown_order_is_open_and_never_goes_back_to_sent() -> None:
    assert S.UNKNOWN.is_open
    assert not may_move(S.UNKNOWN, S.SENT)


def test_only_an_order_that_was_sent_can_trade() -> None:
    trading = {S.NEW, S.PARTIALLY_FILLED, S.FILLED}
    assert not [pair for pair in product([S.INTENT], trading) if may_move(*pair)]


def test_the_opposite_of_a_side() -> None:
    assert (Side.BUY.opposite, Side.SELL.opposite) == (Side.SELL, Side.BUY)
