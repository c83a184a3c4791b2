"""Fees: by liquidity, side, account and symbol; in what is received, or in BNB at a discount."""

from decimal import Decimal
from typing import Any

import pytest

from bot.domain.instrument import Instrument
from bot.domain.order import OrderType, Side
from bot.simulation.exchange import Balance, Commission, Exchange, Rates

D = Decimal
BUY, SELL = Side.BUY, Side.SELL
BURN = Commission(Rates(maker=D("0.001"), taker=D("0.002")), tax=Rates(seller=D("0.0005")), pays_in_bnb=True)


@pytest.fixture
def market(full: Instrument) -> Exchange:
    """One symbol at 100, and BNB at 500."""
    exchange = Exchange({"ABCUSDT": full, "BNBUSDT": Instrument(symbol="BNBUSDT", base="BNB", quote="USDT")})
    exchange.on_price("ABCUSDT", D(100), 0)
    exchange.on_price("BNBUSDT", D(500), 0)
    return exchange


def fee(exchange: Exchange) -> tuple[Decimal, str]:
    fill = exchange.fills("ann", "ABCUSDT")[-1]
    return fill.fee, fill.fee_asset


def test_a_rate_is_the_sum_of_all_its_parts(desk_of: Any, market: Exchange) -> None:
    rates = Commission(
        Rates(D("0.001"), D("0.002"), buyer=D("0.0003"), seller=D("0.0004")),
        special=Rates(taker=D("0.00001")),
        tax=Rates(seller=D("0.000002")),
    )
    market.open_account("ann", {"USDT": D(1_000), "ABC": D(9)}, commission=rates)
    put = desk_of(market)
    put("ann", BUY, "1")
    assert fee(market) == (D("0.00231"), "ABC")
    put("ann", SELL, "1")
    assert fee(market) == (D("0.2412"), "USDT")
    put("ann", SELL, "1", "110")
    market.on_price("ABCUSDT", D(110), 2)
    assert fee(market) == (D("0.15422"), "USDT")


def test_bnb_pays_the_discounted_standard_part_and_the_whole_tax(desk_of: Any, market: Exchange) -> None:
    market.open_account("ann", {"ABC": D(5), "BNB": D(1)}, commission=BURN)
    desk_of(market)("ann", SELL, "2")
    # 200 USDT x (0.002 x 0.75 + 0.0005) = 0.4 USDT, at 500 USDT a BNB
    assert fee(market) == (D("0.0008"), "BNB")
    assert market.balances("ann") == {
        "ABC": Balance(D(3)),
        "BNB": Balance(D("0.9992")),
        "USDT": Balance(D(200)),
    }


def test_without_enough_free_bnb_the_whole_fee_is_taken_from_what_is_received(desk_of: Any, market: Exchange) -> None:
    market.open_account("ann", {"ABC": D(5), "BNB": D("0.0007")}, commission=BURN)
    desk_of(market)("ann", SELL, "2")
    assert fee(market) == (D("0.5"), "USDT")
    assert market.balances("ann")["BNB"] == Balance(D("0.0007"))


def test_bnb_whose_price_nobody_knows_pays_no_fee(desk_of: Any, full: Instrument) -> None:
    exchange = Exchange({"ABCUSDT": full})
    exchange.on_price("ABCUSDT", D(100), 0)
    exchange.open_account("ann", {"ABC": D(5), "BNB": D(1)}, commission=BURN)
    desk_of(exchange)("ann", SELL, "2")
    assert fee(exchange) == (D("0.5"), "USDT")


def test_the_price_of_bnb_in_bnb_is_one() -> None:
    rules = Instrument(symbol="ETHBNB", base="ETH", quote="BNB")
    exchange = Exchange({"ETHBNB": rules})
    exchange.on_price("ETHBNB", D(5), 0)
    exchange.open_account("ann", {"BNB": D(20)}, commission=BURN)
    exchange.place(
        "ann", client_order_id="1", symbol="ETHBNB", side=BUY, type=OrderType.MARKET, quantity=D(2), now_ms=1
    )
    assert exchange.fills("ann", "ETHBNB")[0].fee == D("0.015")
    assert exchange.balances("ann")["BNB"] == Balance(D("9.985"))


def test_money_that_the_trade_itself_takes_pays_no_fee(desk_of: Any) -> None:
    rules = Instrument(symbol="ETHBNB", base="ETH", quote="BNB")
    exchange = Exchange({"ETHBNB": rules})
    exchange.on_price("ETHBNB", D(5), 0)
    exchange.open_account("ann", {"BNB": D(10)}, commission=BURN)
    order = desk_of(exchange)("ann", BUY, "2", symbol="ETHBNB")
    assert (order.fills[0].fee, order.fills[0].fee_asset) == (D("0.004"), "ETH")


def test_rates_of_a_symbol_come_before_those_of_the_account(desk_of: Any, market: Exchange) -> None:
    market.open_account("ann", {"ABC": D(5)})
    assert market.commission("ann", "ABCUSDT") is None
    market.set_commission("ann", Commission(Rates(taker=D("0.5"))))
    market.set_commission("ann", Commission(Rates(taker=D("0.25"))), "ABCUSDT")
    assert market.commission("ann", "BNBUSDT") == Commission(Rates(taker=D("0.5")))
    desk_of(market)("ann", SELL, "1")
    assert fee(market) == (D(25), "USDT")


@pytest.mark.parametrize(
    "wrong", [{"standard": Rates(taker=D("0.9"), seller=D("0.1"))}, {"standard": Rates(), "discount": D(2)}]
)
def test_rates_that_cannot_be_meant_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="write 0"):
        Commission(**wrong)
