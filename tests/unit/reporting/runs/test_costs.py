from collections.abc import Callable
from decimal import Decimal

import pytest
from tests.unit.reporting.runs.conftest import walk

from bot.reporting.runs.costs import costs, slippage
from bot.reporting.runs.record import Run


@pytest.mark.parametrize("fill", ["next", "last", "midpoint"])
def test_slippage_is_what_the_same_fills_would_have_saved_without(played: Callable[..., Run], fill: str) -> None:
    columns = walk(1_500)
    (with_it,) = played(columns, fill=fill, slippage_bps=20.0).parts
    (without,) = played(columns, fill=fill).parts
    assert len(with_it.fills) == len(without.fills) > 40
    dearer = Decimal(0)
    for one, other in zip(with_it.fills, without.fills, strict=True):
        assert one.fill.side is other.fill.side
        # The same quantity at the price that the run without slippage paid; that price is on the tick already.
        dearer += (one.fill.price - other.fill.price) * one.fill.signed
    tick = float(with_it.instrument.price.tick) * sum(float(each.fill.quantity) for each in with_it.fills)
    assert float(slippage(with_it)) == pytest.approx(float(dearer), abs=tick)
    assert float(dearer) == pytest.approx(20e-4 * 50 * len(with_it.fills), rel=0.05)


def test_stops_inside_a_candle_have_the_slippage_taken_out_of_their_price(played: Callable[..., Run]) -> None:
    (part,) = played(walk(1_500), slippage_bps=20.0, stop_loss=0.001, protect="exchange").parts
    stopped = [each for each in part.fills if each.fill.time_ms % 60_000 == 59_999]
    assert stopped
    turned_over = sum(float(each.fill.price * each.fill.quantity) for each in part.fills)
    assert float(slippage(part)) == pytest.approx(turned_over * 20e-4, rel=0.02)


def test_without_slippage_there_is_none_and_fees_are_what_was_charged(played: Callable[..., Run]) -> None:
    (part,) = played(walk(600)).parts
    told = costs(part)
    assert (told["slippage"], told["funding"]) == (0.0, 0.0)
    assert told["fees"] == pytest.approx(float(sum(each.fee_in_quote for each in part.fills)))


def test_funding_that_was_paid_is_a_cost(played: Callable[..., Run]) -> None:
    (part,) = played(walk(600)).parts
    told = costs(part._replace(funding=-2.5, liquidation_fees=4.0))
    assert (told["funding"], told["liquidation"]) == (2.5, 4.0)
