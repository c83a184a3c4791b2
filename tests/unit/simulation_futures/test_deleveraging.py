"""Auto-deleveraging: who is reduced when the insurance fund cannot take a lost position, in what order, at what price."""

from decimal import Decimal

import pytest
from tests.unit.simulation_futures.desk import Desk

from bot.domain.order import Side
from bot.simulation.futures.happenings import Liquidated, OrderMoved, Traded
from bot.simulation.futures.words import Execution, TradeSource

D = Decimal
BUY, SELL = Side.BUY, Side.SELL


@pytest.fixture
def desk() -> Desk:
    """Ann is long with all she has, bob and cat are short: bob gains most on what he risks. The fund has 100."""
    desk = Desk(insurance={"USDT": D(100)})
    desk.price("100")
    for name in ("ann", "cat", "bob"):
        desk.open(name)
    desk.market(BUY, "90")
    desk.market(SELL, "20", account="cat")
    desk.market(SELL, "50", account="bob")
    return desk


def test_winners_give_up_their_positions_at_the_bankruptcy_price_best_first(desk: Desk) -> None:
    desk.price("85")  # ann lost 1350 of 1000; at 88.9 the fund would lose 351
    trades = desk.exchange.trades("ann", "AAAUSDT")[1:]
    assert [(one.counterparty, one.quantity, one.price) for one in trades] == [
        ("bob", D(50), D("88.9")),
        ("cat", D(20), D("88.9")),
        ("market", D(20), D("88.9")),
    ]
    assert desk.exchange.asset("bob", "USDT").wallet == D(1000) + 50 * D("11.1")
    assert desk.exchange.asset("cat", "USDT").wallet == D(1000) + 20 * D("11.1")
    assert all(desk.exchange.position(name, "AAAUSDT").quantity == 0 for name in ("ann", "bob", "cat"))
    (told,) = desk.told(Liquidated)
    assert (told.insured, told.deleveraged) == (D(0), D(90))
    assert desk.exchange.house.insurance["USDT"] == D(100) + told.fee


def test_it_is_told_by_its_own_order_id_outside_the_book_and_free_of_charge(desk: Desk) -> None:
    desk.price("85")
    (order,) = desk.exchange.forced_orders("bob")
    assert (order.client_order_id, order.side, order.filled) == ("adl_autoclose", BUY, D(50))
    told = [one for one in desk.told(OrderMoved) if one.order.account == "bob" and one.order.is_forced]
    assert [(one.execution, one.trade.fee if one.trade else None) for one in told] == [(Execution.CALCULATED, D(0))]
    made = [one for one in desk.told(Traded) if one.source is TradeSource.ADL]
    assert [one.maker.trade_id == one.taker.trade_id for one in made if one.maker and one.taker] == [True, True]
    assert desk.exchange.last_price("AAAUSDT") == D(85)


def test_a_fund_that_has_enough_spares_the_winners() -> None:
    desk = Desk(insurance={"USDT": D(351)})
    desk.price("100")
    for name in ("ann", "bob"):
        desk.open(name)
    desk.market(BUY, "90")
    desk.market(SELL, "50", account="bob")
    desk.price("85")
    assert desk.exchange.position("bob", "AAAUSDT").quantity == D(-50)
    assert desk.exchange.house.insurance["USDT"] == desk.told(Liquidated)[0].fee
    assert desk.told(Liquidated)[0].insured == D(351)


def test_whoever_gains_most_on_what_he_risks_stands_first_in_line(desk: Desk) -> None:
    desk.open("dan")
    desk.market(SELL, "1", account="dan")
    desk.price("95")
    assert [desk.exchange.adl_quantile(name, "AAAUSDT") for name in ("dan", "cat", "bob")] == [0, 1, 3]
    assert desk.exchange.adl_quantile("ann", "AAAUSDT") == 0
    assert desk.exchange.adl_quantile("ann", "BBBUSDT") == 0


def test_a_loser_stands_behind_every_winner(desk: Desk) -> None:
    desk.price("90")
    desk.open("dan")
    desk.market(SELL, "100", account="dan")
    desk.price("91")
    assert desk.exchange.adl_quantile("dan", "AAAUSDT") == 0
    assert desk.exchange.adl_quantile("cat", "AAAUSDT") > 0


def test_money_is_the_same_before_and_after(desk: Desk) -> None:
    desk.open("dan", USDT="700")
    desk.market(BUY, "120", account="dan")  # in the second bracket: it is led down step by step
    for price in ("97", "94.6", "94.3", "92", "85", "80"):
        desk.price(price)
    told = desk.told(Liquidated)
    assert [one.account for one in told].count("dan") > 1
    assert any(one.deleveraged for one in told)
    house, owners = desk.exchange.house, [desk.exchange.account(name) for name in desk.exchange.accounts]
    held = [one for owner in owners for slot in owner.slots.values() for one in slot.positions.values()]
    wallets = sum((owner.wallet("USDT") for owner in owners), D(0)) + sum((one.isolated_wallet for one in held), D(0))
    ledgers = (house.cash, house.fees, house.insurance, house.funding, house.dust)
    ours = sum((ledger.get("USDT", D(0)) for ledger in ledgers), D(0))
    assert wallets - sum((one.cost for one in held), D(0)) + ours == house.deposits["USDT"] == D(3800)
    assert sum((one.quantity for one in held), D(0)) == -house.positions["AAAUSDT"]
