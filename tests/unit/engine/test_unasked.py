"""Funding, liquidation fees and forced trades: booked once, to those who hold the symbol."""

from decimal import Decimal

import pytest

from bot.domain.ledger import FUNDING, OWNER
from bot.domain.market import Market
from bot.domain.messages import (
    FillBooked,
    FundsSeen,
    IncomeBooked,
    IncomeKind,
    IncomeSeen,
    OrderChanged,
    OrderFound,
    StrategyStopped,
    TradeClosed,
)
from bot.domain.money import Price, Quantity
from bot.domain.order import Fill, OrderStatus, Side, whole_id
from bot.engine.engine import Engine

D = Decimal


def income(amount: str, number: int = 1, kind: IncomeKind = IncomeKind.FUNDING) -> IncomeSeen:
    return IncomeSeen(kind, number, "BTCUSDT", "USDT", D(amount), 1_700_000_100_000)


def forced(
    trade_id: int, quantity: str, side: Side = Side.SELL, realised: str = "-3", fee: str = "0.1",
    name: str = "autoclose-12",
) -> Fill:  # fmt: skip
    return Fill(
        name, "BTCUSDT", trade_id, side, Price(D(90)), Quantity(D(quantity)), D(fee), "USDT",
        1_700_000_100_000, exchange_order_id=12, market=Market.FUTURES, realised=D(realised),
    )  # fmt: skip


@pytest.fixture
def held(make_bench, orders):
    """Two strategies that are long 2 and 1, and were asked for nothing since."""
    bench = make_bench()
    for strategy_id, quantity in ((1, D(2)), (2, D(1))):
        bench.add(
            {0: lambda s, q=quantity: s.buy("cheap", quantity=q)},
            strategy_id=strategy_id, market="futures", order_value=200.0,
            capital=10_000.0,
        )  # fmt: skip
    first, second = orders(bench.show(0, 100.0, market=Market.FUTURES))
    bench.fill(first, "100")
    bench.fill(second, "100")
    return bench


def test_funding_goes_to_who_holds_the_symbol_and_counts_in_the_round_trip(held) -> None:
    (told,) = held.tell(income("-0.10000000"))
    assert isinstance(told, IncomeBooked)
    ledger = held.engine.ledger
    assert (ledger.balance("strategy:1", "USDT"), ledger.balance("strategy:2", "USDT")) == (
        D("-0.06666666"), D("-0.03333333"),
    )  # fmt: skip
    assert ledger.balance(OWNER, "USDT") == D(1000) - D("0.00000001"), "what rounding leaves"
    assert ledger.balance(FUNDING, "USDT") == D("0.1")
    assert [held.engine.slots[each].position.fees for each in (1, 2)] == [D("0.06666666"), D("0.03333333")]
    assert not ledger.imbalance()


def test_funding_is_booked_once(held) -> None:
    assert held.tell(income("-0.1"))
    assert not held.tell(income("-0.1"))
    assert held.tell(income("-0.1", 2))


def test_what_was_paid_before_the_first_look_at_the_account_is_in_it_already() -> None:
    engine = Engine()
    (told,) = engine.handle(income("-0.1"))
    assert isinstance(told, IncomeBooked)
    assert told.postings == ()
    engine.handle(FundsSeen({"USDT": D(10)}, 5))
    assert not engine.handle(income("-0.1"))
    assert engine.ledger.total("USDT") == D(10)


def test_funding_that_nobody_holds_for_is_the_owners(make_bench) -> None:
    bench = make_bench()
    bench.add(market="futures")
    bench.tell(income("0.5"))
    assert bench.engine.ledger.balance(OWNER, "USDT") == D("1000.5")


def test_a_look_at_the_money_after_funding_finds_nothing_foreign(held) -> None:
    held.tell(FundsSeen({"USDT": D("999.9")}, 7))
    held.tell(income("-0.1"))
    assert not held.tell(FundsSeen({"USDT": D("999.9")}, 8))


@pytest.mark.parametrize("name", ["autoclose-12", "adl_autoclose", "settlement_autoclose-1700000100000"])
def test_a_forced_trade_goes_to_the_holders_in_order_of_id_and_stops_them(held, name: str) -> None:
    outcomes = held.tell(forced(50, "2.5", realised="-25", fee="0.25", name=name))
    parts = [each for each in outcomes if isinstance(each, FillBooked)]
    assert [(each.strategy_id, each.fill.quantity) for each in parts] == [(1, D(2)), (2, D("0.5"))]
    assert sum(each.fill.realised or 0 for each in parts) == D(-25)
    assert sum(each.fill.fee for each in parts) == D("0.25")
    assert {whole_id(each.fill.trade_id) for each in parts} == {50}
    assert len({each.fill.key for each in parts}) == 2
    found = [each.order.client_order_id for each in outcomes if isinstance(each, OrderFound)]
    assert [each.client_order_id for each in outcomes if isinstance(each, OrderChanged)] == found
    assert all(each.status is OrderStatus.FILLED for each in outcomes if isinstance(each, OrderChanged))
    assert [each.strategy_id for each in outcomes if isinstance(each, StrategyStopped)] == [1, 2]
    (trip,) = [each for each in outcomes if isinstance(each, TradeClosed)]
    assert (trip.strategy_id, trip.gross) == (1, D(-20))
    assert [held.engine.slots[each].position.quantity for each in (1, 2)] == [D(0), D("0.5")]
    assert held.engine.ledger.total("USDT") == D(1000) - D("25.25")


def test_a_forced_trade_is_booked_once(held) -> None:
    assert held.tell(forced(50, "2.5"))
    assert not held.tell(forced(50, "2.5"))


def test_deleveragings_are_kept_apart_though_the_exchange_gives_all_of_them_one_name(held) -> None:
    for trade_id, left in ((50, (D("1.5"), D(1))), (51, (D(1), D(1)))):
        told = held.tell(forced(trade_id, "0.5", name="adl_autoclose"))
        assert len([each for each in told if isinstance(each, OrderFound)]) == 1
        assert tuple(held.engine.slots[each].position.quantity for each in (1, 2)) == left


def test_a_forced_trade_of_before_we_entered_is_not_ours(held) -> None:
    held.trade_id = 60
    assert not held.tell(forced(0, "1"))
    assert [held.engine.slots[each].position.quantity for each in (1, 2)] == [D(2), D(1)]


def test_a_forced_trade_that_is_heard_of_late_leaves_what_our_exit_opened(make_bench, orders) -> None:
    """Our exit went out before we heard that nothing was left: at the exchange it opened the other way."""
    bench = make_bench()
    bench.add({0: lambda s: s.buy("cheap"), 1: lambda s: s.close("out")}, market="futures")
    (entry,) = orders(bench.show(0, 100.0, market=Market.FUTURES))
    bench.fill(entry, "100")
    (leave,) = orders(bench.show(1, 100.0, market=Market.FUTURES))
    bench.trade_id = 50
    bench.fill(leave, "99")
    quantity = str(entry.quantity)
    bench.tell(forced(40, quantity))
    assert bench.engine.slots[1].position.quantity == -entry.quantity


def test_a_forced_trade_that_comes_before_our_exit_turns_the_position(make_bench, orders) -> None:
    bench = make_bench()
    bench.add({0: lambda s: s.buy("cheap"), 1: lambda s: s.close("out")}, market="futures", order_value=100.0)
    (entry,) = orders(bench.show(0, 100.0, market=Market.FUTURES))
    bench.fill(entry, "100")
    (leave,) = orders(bench.show(1, 100.0, market=Market.FUTURES))
    bench.tell(forced(40, str(entry.quantity)))
    bench.trade_id = 50
    bench.fill(leave, "80")
    position = bench.engine.slots[1].position
    assert (position.quantity, position.cost) == (-entry.quantity, D(80))
