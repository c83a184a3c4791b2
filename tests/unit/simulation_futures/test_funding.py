"""Funding: who pays whom, from which wallet, and when."""

import csv
import gzip
from decimal import Decimal
from pathlib import Path

import pytest
from tests.unit.simulation_futures.desk import Desk

from bot.domain.order import OrderType, Side
from bot.simulation.futures.contracts import bundled
from bot.simulation.futures.exchange import FuturesExchange
from bot.simulation.futures.funding import next_funding_ms
from bot.simulation.futures.happenings import BalanceMoved, Funded, Liquidated, PositionMoved
from bot.simulation.futures.requests import NewOrder
from bot.simulation.futures.state import Rates
from bot.simulation.futures.words import IncomeType, MarginType, Why

D = Decimal
DATA = Path(__file__).parents[3] / "../shared/data"


@pytest.mark.parametrize(
    ("side", "rate", "amount"),
    [
        (Side.BUY, "0.0001", "-0.11"),
        (Side.SELL, "0.0001", "0.11"),
        (Side.BUY, "-0.0003", "0.33"),
        (Side.SELL, "-0.0003", "-0.33"),
    ],
)
def test_longs_pay_a_positive_rate_on_the_notional_at_the_mark(desk: Desk, side: Side, rate: str, amount: str) -> None:
    desk.market(side, "10")
    desk.mark("110")
    desk.exchange.settle_funding("AAAUSDT", D(rate), desk.now_ms)
    assert desk.exchange.asset("ann", "USDT").wallet == D(1000) + D(amount)
    assert desk.exchange.house.funding["USDT"] == -D(amount)
    assert [(one.type, one.amount) for one in desk.exchange.income("ann")] == [(IncomeType.FUNDING_FEE, D(amount))]
    (rate_paid,) = desk.exchange.funding_rates("AAAUSDT")
    assert (rate_paid.mark, rate_paid.rate) == (D(110), D(rate))


def test_what_longs_pay_shorts_receive(desk: Desk) -> None:
    desk.open("bob")
    desk.market(Side.BUY, "10")
    desk.market(Side.SELL, "10", "bob")
    desk.exchange.settle_funding("AAAUSDT", D("0.001"), desk.now_ms)
    assert desk.exchange.house.funding["USDT"] == 0


def test_an_isolated_position_pays_from_its_own_wallet_and_is_told_with_its_position() -> None:
    desk = Desk()
    desk.price("100")
    desk.open()
    desk.exchange.set_margin_type("ann", "AAAUSDT", MarginType.ISOLATED)
    desk.market(Side.BUY, "10")
    desk.seen.clear()
    desk.exchange.settle_funding("AAAUSDT", D("0.001"), desk.now_ms)
    assert desk.exchange.position("ann", "AAAUSDT").isolated_wallet == D(49)
    assert desk.exchange.asset("ann", "USDT").cross_wallet == D(950)
    assert [type(one) for one in desk.seen] == [Funded, BalanceMoved, PositionMoved]
    assert desk.seen[1].why is Why.FUNDING_FEE
    assert (desk.seen[1].wallet, desk.seen[1].cross_wallet) == (D(999), D(950))


def test_a_cross_position_pays_without_word_of_its_position(desk: Desk) -> None:
    desk.market(Side.BUY, "10")
    desk.seen.clear()
    desk.exchange.settle_funding("AAAUSDT", D("0.001"), desk.now_ms)
    assert [type(one) for one in desk.seen] == [Funded, BalanceMoved]


def test_funding_may_cost_the_position(desk: Desk) -> None:
    desk.market(Side.BUY, "90")
    desk.exchange.settle_funding("AAAUSDT", D("0.1"), desk.now_ms)
    assert desk.exchange.position("ann", "AAAUSDT").quantity == D(90)
    desk.exchange.settle_funding("AAAUSDT", D("0.01"), desk.now_ms)
    assert desk.told(Liquidated)


@pytest.mark.parametrize(
    ("now", "hours", "then"),
    [
        (0, 8, 28_800_000),
        (28_799_999, 8, 28_800_000),
        (28_800_000, 8, 57_600_000),
        (1, 4, 14_400_000),
    ],
)
def test_funding_times_divide_the_day(now: int, hours: int, then: int) -> None:
    assert next_funding_ms(now, hours) == then


def test_three_years_of_real_funding_cost_what_a_plain_sum_says() -> None:
    """One BTC long through every funding of BTCUSDT, at the real mark prices."""
    rates = read("funding/um/BTCUSDT_funding_20230101_20251206.csv.gz", "funding_time", "funding_rate")
    marks = read("mark_price/um/BTCUSDT_8h_20230101_20251206.csv.gz", "open_time", "open")
    listing = bundled()["BTCUSDT"]
    exchange = FuturesExchange({"BTCUSDT": listing.contract}, {"BTCUSDT": listing.ladder})
    exchange.open_account("ann", {"USDT": D(1_000_000)}, rates=Rates(D(0), D(0)))
    first = min(marks)
    exchange.on_price("BTCUSDT", D("16537.6"), first)
    buy = {"symbol": "BTCUSDT", "side": Side.BUY, "type": OrderType.MARKET, "client_order_id": "long"}
    exchange.place("ann", NewOrder(quantity=D(1), **buy), now_ms=first)
    expected = D(0)
    hour_ms = 3_600_000
    for time_ms, rate in rates.items():
        mark = marks.get(time_ms // hour_ms * hour_ms)
        if mark is not None:
            exchange.on_mark("BTCUSDT", mark, time_ms)
            exchange.settle_funding("BTCUSDT", rate, time_ms)
            expected -= (mark * rate).quantize(D("0.00000001"))
    assert len(exchange.income("ann")) > 3_000
    assert exchange.asset("ann", "USDT").wallet == D(1_000_000) + expected


def read(name: str, key: str, value: str) -> dict[int, Decimal]:
    """Read two columns of a data file."""
    with gzip.open(DATA / name, "rt") as file:
        return {int(row[key]): D(row[value]) for row in csv.DictReader(file)}
