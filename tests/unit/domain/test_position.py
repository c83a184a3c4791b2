from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.money import Price, Quantity
from bot.domain.order import Fill, Side
from bot.domain.position import Position

D = Decimal


def trade(side: Side, quantity: str | Decimal, price: str | Decimal, fee: str = "0", fee_asset: str = "USDT") -> Fill:
    return Fill("b", "BTCUSDT", 1, side, Price(D(price)), Quantity(D(quantity)), D(fee), fee_asset, time_ms=5)


def test_a_fee_taken_in_base_lessens_what_is_owned_and_counts_as_a_fee() -> None:
    position = Position("BTCUSDT")
    position.apply(trade(Side.BUY, "1", "100", "0.001", "BTC"), "BTC", D("0.1"))
    assert (position.quantity, position.cost, position.fees) == (D("0.999"), D(100), D("0.1"))


def test_the_average_cost_weighs_each_entry() -> None:
    position = Position("BTCUSDT")
    position.apply(trade(Side.BUY, "1", "100"), "BTC", D(0))
    position.apply(trade(Side.BUY, "3", "200"), "BTC", D(0))
    assert position.cost == 175


def test_a_short_gains_when_the_price_falls() -> None:
    position = Position("BTCUSDT")
    position.apply(trade(Side.SELL, "2", "100"), "BTC", D(0))
    assert position.is_short
    assert position.unrealised(90.0) == 20.0
    position.apply(trade(Side.BUY, "2", "90"), "BTC", D(0))
    assert (position.is_flat, position.gross, position.exit_price) == (True, D(20), D(90))


def test_a_short_is_as_exact_as_a_long() -> None:
    grosses = []
    for enter, leave in ((Side.BUY, Side.SELL), (Side.SELL, Side.BUY)):
        position = Position("BTCUSDT")
        position.apply(trade(enter, "3", "1"), "BTC", D(0))
        position.apply(trade(enter, "4", "2"), "BTC", D(0))
        position.apply(trade(leave, "7", "5"), "BTC", D(0))
        grosses.append(position.gross)
    assert abs(grosses[0] - 24) < D("1e-50")
    assert grosses[0] == grosses[1].copy_negate()


def test_the_gain_counts_the_fees_of_both_ways() -> None:
    position = Position("BTCUSDT")
    position.apply(trade(Side.BUY, "1", "100"), "BTC", D(0))
    assert abs(position.gain(101.0, 0.001) - (1 - 0.201) / 100) < 1e-12


prices = st.decimals(min_value="0.01", max_value=100_000, places=2)
quantities = st.decimals(min_value="0.00001", max_value=100, places=5)


@given(st.lists(st.tuples(quantities, prices), min_size=1, max_size=8), prices, st.integers(0, 100))
def test_gross_less_fees_is_what_the_quote_balance_did(
    entries: list[tuple[Decimal, Decimal]], exit_price: Decimal, fee_bps: int
) -> None:
    position = Position("BTCUSDT")
    rate = D(fee_bps) / 10_000
    quote = D(0)
    for quantity, price in entries:
        fee = quantity * price * rate
        position.apply(trade(Side.BUY, quantity, price), "BTC", fee)
        quote -= quantity * price + fee
    held = position.quantity
    fee = held * exit_price * rate
    position.apply(trade(Side.SELL, held, exit_price), "BTC", fee)
    quote += held * exit_price - fee
    assert position.is_flat
    assert abs(position.gross - position.fees - quote) < D("1e-15")
