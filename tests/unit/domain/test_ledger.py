from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.ledger import EXTERNAL, FEES, MARKET, OWNER, Ledger, move, postings_of, strategy_ledger
from bot.domain.money import Price, Quantity
from bot.domain.order import Fill, Side

D = Decimal
OURS = strategy_ledger(7)


def fill(side: Side, quantity: str, price: str, fee: str, fee_asset: str, trade_id: int = 1) -> Fill:
    return Fill(
        "b-7-0-0", "BTCUSDT", trade_id, side, Price(D(price)), Quantity(D(quantity)), D(fee), fee_asset, time_ms=1
    )


@pytest.mark.parametrize(
    ("side", "fee_asset", "base", "quote", "bnb"),
    [
        (Side.BUY, "BTC", "0.999", "-100", "0"),
        (Side.BUY, "BNB", "1", "-100", "-0.001"),
        (Side.SELL, "USDT", "-1", "99.999", "0"),
    ],
)
def test_a_fill_moves_base_quote_and_fee(side: Side, fee_asset: str, base: str, quote: str, bnb: str) -> None:
    ledger = Ledger(postings_of(fill(side, "1", "100", "0.001", fee_asset), OURS, "BTC", "USDT"))
    assert [ledger.balance(OURS, asset) for asset in ("BTC", "USDT", "BNB")] == [D(base), D(quote), D(bnb)]
    assert ledger.balance(FEES, fee_asset) == D("0.001")
    assert ledger.imbalance() == {}


amounts = st.decimals(min_value=-(10**9), max_value=10**9, places=8)
ledgers = st.sampled_from([OWNER, EXTERNAL, MARKET, FEES, OURS, strategy_ledger(8)])


@given(st.lists(st.tuples(st.sampled_from(["BTC", "USDT"]), amounts, ledgers, ledgers)))
def test_money_is_moved_and_never_made(moves: list[tuple[str, Decimal, str, str]]) -> None:
    ledger = Ledger()
    for asset, amount, giver, taker in moves:
        ledger.post(move(asset, amount, giver, taker, 0, "test"))
    assert ledger.imbalance() == {}
    ours = [OWNER, OURS, strategy_ledger(8)]
    for asset in ("BTC", "USDT"):
        assert ledger.total(asset) == sum((ledger.balance(name, asset) for name in ours), D(0))


def test_opening_from_balances_gives_the_same_totals() -> None:
    ledger = Ledger(move("USDT", D(100), EXTERNAL, OWNER, 0, "deposit"))
    again = Ledger()
    again.open({(OWNER, "USDT"): D(100), (EXTERNAL, "USDT"): D(-100)})
    assert again.ours() == ledger.ours() == {"USDT": D(100)}


def test_products_of_thirty_digits_cancel_out_to_the_last_one() -> None:
    long = fill(Side.BUY, "1234567890.12345678", "98765432.12345678", "0", "USDT")
    ledger = Ledger(postings_of(long, OURS, "BTC", "USDT"))
    assert ledger.imbalance() == {}
