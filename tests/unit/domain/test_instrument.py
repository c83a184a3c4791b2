from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.instrument import Instrument, LotRule, NotionalRule, PriceRule, SideBand
from bot.domain.order import Side

D = Decimal
BTC = Instrument(
    symbol="BTCUSDT",
    base="BTC",
    quote="USDT",
    price=PriceRule(D("0.01"), D(1_000_000), D("0.01")),
    lot=LotRule(D("0.00001"), D(9000), D("0.00001")),
    market_lot=LotRule(D(0), D(100), D(0)),
    notional=NotionalRule(D(5), D(9_000_000)),
    band=SideBand(D("1.2"), D("0.5"), D(2), D("0.8")),
)
LAST = D(50_000)


def test_a_quantity_below_the_smallest_lot_is_not_tradable() -> None:
    assert BTC.fit_quantity(D("0.000009"), is_market=True) is None


@given(st.decimals(min_value=0, max_value=20_000, places=9))
def test_fitting_a_quantity_never_rounds_up_and_always_obeys_the_lot(wanted: Decimal) -> None:
    fitted = BTC.fit_quantity(wanted, is_market=True)
    if fitted is not None:
        assert fitted <= wanted
        assert not BTC.lot.broken_by(fitted)
        assert not BTC.market_lot.broken_by(fitted)


def test_a_market_order_is_capped_by_the_market_lot_alone() -> None:
    assert BTC.fit_quantity(D(500), is_market=True) == 100
    assert BTC.fit_quantity(D(500), is_market=False) == 500


def test_a_price_moves_to_the_tick_that_is_no_worse() -> None:
    assert BTC.fit_price(D("100.019"), Side.BUY) == D("100.01")
    assert BTC.fit_price(D("100.011"), Side.SELL) == D("100.02")


@pytest.mark.parametrize(
    ("side", "quantity", "price", "broken"),
    [
        (Side.BUY, "0.001", "50000.00", None),
        (Side.BUY, "0.001", "50000.001", "PRICE_FILTER"),
        (Side.BUY, "0.001", "2000000", "PRICE_FILTER"),
        (Side.BUY, "0.001", "0", "PRICE_FILTER"),
        (Side.BUY, "0.001", "60000.01", "PERCENT_PRICE_BY_SIDE"),
        (Side.BUY, "0.001", "24999.99", "PERCENT_PRICE_BY_SIDE"),
        (Side.SELL, "0.001", "39999.99", "PERCENT_PRICE_BY_SIDE"),
        (Side.SELL, "0.001", "60000.01", None),
        (Side.BUY, "0.000001", "50000", "LOT_SIZE"),
        (Side.BUY, "9001", "50000", "LOT_SIZE"),
        (Side.BUY, "101", None, "MARKET_LOT_SIZE"),
        (Side.BUY, "0.00009", None, "NOTIONAL"),
        (Side.BUY, "0.0001", None, None),
        (Side.BUY, "200", "50000", "NOTIONAL"),
    ],
)
def test_a_broken_filter_is_named(side: Side, quantity: str, price: str | None, broken: str | None) -> None:
    assert BTC.explain(side, D(quantity), None if price is None else D(price), LAST) == broken


def test_each_bound_of_the_notional_has_its_own_flag_for_market_orders() -> None:
    rule = NotionalRule(D(5), D(10), smallest_applies_to_market=False, largest_applies_to_market=True)
    assert not rule.broken_by(D(1), is_market=True)
    assert rule.broken_by(D(1), is_market=False)
    assert rule.broken_by(D(11), is_market=True)


def test_bounds_of_zero_are_switched_off() -> None:
    free = Instrument("XUSDT", "X", "USDT")
    assert free.explain(Side.SELL, D("1e12"), D("0.123456789"), D(1)) is None
    assert free.fit_price(D("0.123456789"), Side.BUY) == D("0.123456789")
