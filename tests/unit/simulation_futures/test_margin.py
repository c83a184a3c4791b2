"""Positions and margins, each figure worked out by hand."""

from decimal import Decimal

import pytest
from tests.unit.simulation_futures.desk import LADDER, Desk, code_of

from bot.domain.order import Side
from bot.simulation.futures.margin import loss_price
from bot.simulation.futures.words import IncomeType, MarginType, PositionSide

D = Decimal
BUY, SELL = Side.BUY, Side.SELL
LONG, SHORT = PositionSide.LONG, PositionSide.SHORT


def test_the_entry_price_is_the_average_and_stays_when_the_position_shrinks(desk: Desk) -> None:
    desk.market(BUY, "1")
    desk.price("110")
    desk.market(BUY, "3")
    assert desk.exchange.position("ann", "AAAUSDT").entry_price == D("107.5")
    desk.price("120")
    desk.market(SELL, "1")
    position = desk.exchange.position("ann", "AAAUSDT")
    assert (position.quantity, position.entry_price) == (D(3), D("107.5"))
    assert desk.exchange.trades("ann", "AAAUSDT")[-1].realised == D("12.5")
    assert desk.exchange.asset("ann", "USDT").wallet == D("1012.5")
    assert position.unrealised == D("37.5")


def test_an_average_that_does_not_end_loses_nothing(desk: Desk) -> None:
    desk.market(BUY, "0.1")
    desk.price("100.1")
    desk.market(BUY, "0.2")
    assert desk.exchange.position("ann", "AAAUSDT").entry_price == D("100.06666667")
    for _ in range(3):
        desk.market(SELL, "0.1")
    # Bought for 10 + 20.02, sold for 30.03.
    wallet, house = desk.exchange.asset("ann", "USDT").wallet, desk.exchange.house
    assert wallet + house.dust["USDT"] == D("1000.01")
    assert abs(house.dust["USDT"]) < D("0.0000001")


def test_a_flip_realises_the_old_side_and_opens_the_new_one(desk: Desk) -> None:
    desk.market(BUY, "2")
    desk.price("105")
    desk.market(SELL, "5")
    position = desk.exchange.position("ann", "AAAUSDT")
    assert (position.quantity, position.entry_price) == (D(-3), D(105))
    assert desk.exchange.asset("ann", "USDT").wallet == D(1010)
    desk.price("100")
    assert desk.exchange.position("ann", "AAAUSDT").unrealised == D(15)


def test_hedge_mode_keeps_long_and_short_apart() -> None:
    desk = Desk()
    desk.price("100")
    desk.open(hedge=True)
    desk.market(BUY, "3", position_side=LONG)
    desk.market(SELL, "1", position_side=SHORT)
    desk.price("110")
    assert desk.exchange.position("ann", "AAAUSDT", LONG).unrealised == D(30)
    assert desk.exchange.position("ann", "AAAUSDT", SHORT).unrealised == D(-10)
    assert code_of(lambda: desk.market(SELL, "3.1", position_side=LONG)) == -2022
    assert code_of(lambda: desk.market(BUY, "1")) == -4061
    assert code_of(lambda: desk.market(SELL, "1", position_side=LONG, reduce_only=True)) == -4062
    desk.market(SELL, "3", position_side=LONG)
    desk.market(BUY, "1", position_side=SHORT)
    assert desk.exchange.asset("ann", "USDT").wallet == D(1020)
    # Margin of both sides: 20x on 110 * 2 and on 110 * 1.
    desk.market(BUY, "2", position_side=LONG)
    desk.market(SELL, "1", position_side=SHORT)
    assert desk.exchange.asset("ann", "USDT").position_margin == D("16.5")


def test_cross_figures_add_up() -> None:
    desk = Desk()
    desk.price("100")
    desk.open(fees=True)
    desk.market(BUY, "10")  # fee 1000 * 0.0005 = 0.5
    desk.limit(BUY, "4", "95")  # margin 380 / 20 = 19, at the mark: max |1100 + 380| - 1100
    desk.price("110")
    figures = desk.exchange.asset("ann", "USDT")
    assert figures.wallet == figures.cross_wallet == D("999.5")
    assert figures.unrealised == D(100)
    assert figures.balance == D("1099.5")
    assert figures.position_margin == D(55)
    assert figures.order_margin == D(19)
    assert figures.initial_margin == D(74)
    assert figures.maintenance == D(11)
    assert figures.available == D("1025.5")
    assert figures.withdrawable == D("925.5")
    position = desk.exchange.position("ann", "AAAUSDT")
    assert (position.notional, position.bids, position.asks) == (D(1100), D(380), D(0))
    assert position.break_even_price == D("100.05")


def test_maintenance_follows_the_bracket_of_the_notional() -> None:
    desk = Desk()
    desk.price("100")
    desk.open(USDT="10000")
    desk.market(BUY, "100")
    assert desk.exchange.position("ann", "AAAUSDT").maintenance == D(100)
    desk.price("200")
    assert desk.exchange.position("ann", "AAAUSDT").maintenance == D(300)  # 20000 * 0.02 - 100


def test_an_isolated_position_has_its_own_wallet() -> None:
    desk = Desk()
    desk.price("100")
    desk.open()
    desk.exchange.set_margin_type("ann", "AAAUSDT", MarginType.ISOLATED)
    desk.exchange.set_leverage("ann", "AAAUSDT", 10)
    desk.market(BUY, "10")
    figures = desk.exchange.asset("ann", "USDT")
    assert (figures.wallet, figures.cross_wallet, figures.available) == (D(1000), D(900), D(900))
    desk.price("110")
    position = desk.exchange.position("ann", "AAAUSDT")
    assert (position.isolated_wallet, position.isolated_margin) == (D(100), D(200))
    assert desk.exchange.asset("ann", "USDT").available == D(900)
    desk.market(SELL, "4")  # 40 gained, and 40 of the 100 come back
    position = desk.exchange.position("ann", "AAAUSDT")
    assert (position.isolated_wallet, position.quantity) == (D(60), D(6))
    assert desk.exchange.asset("ann", "USDT").cross_wallet == D(980)
    desk.market(SELL, "10")  # 60 gained, 60 back, and 4 sold short at 110 take 44
    assert desk.exchange.asset("ann", "USDT").cross_wallet == D(1056)
    assert desk.exchange.position("ann", "AAAUSDT").isolated_wallet == D(44)


@pytest.mark.parametrize("side", [BUY, SELL])
def test_the_liquidation_price_is_where_the_margin_balance_equals_the_maintenance_margin(side: Side) -> None:
    desk = Desk()
    desk.price("100")
    desk.open()
    desk.market(side, "90")
    price = desk.exchange.position("ann", "AAAUSDT").liquidation_price
    # Long: (1000 - 9000) / (90 * (0.01 - 1)); short: (1000 + 9000) / (90 * (0.01 + 1)).
    assert price == (D("89.78675645") if side is BUY else D("110.01100110"))
    desk.exchange.on_mark("AAAUSDT", price + (D("0.01") if side is BUY else D("-0.01")), desk.now_ms)
    assert desk.exchange.position("ann", "AAAUSDT").quantity
    desk.exchange.on_mark("AAAUSDT", price + (D("-0.01") if side is BUY else D("0.01")), desk.now_ms)
    assert not desk.exchange.position("ann", "AAAUSDT").quantity


def test_other_positions_move_the_liquidation_price_of_a_cross_position(desk: Desk) -> None:
    desk.market(BUY, "10")
    alone = desk.exchange.position("ann", "AAAUSDT").liquidation_price
    assert alone == 0  # 1000 in the wallet covers 1000 of notional down to nothing
    desk.price("10", "BBBUSDT")
    desk.market(BUY, "50", symbol="BBBUSDT")
    desk.price("6", "BBBUSDT")  # 200 lost, 3 of maintenance needed
    # (1000 - 200 - 3 - 1000) / (10 * (0.01 - 1)) = 20.5050...
    assert desk.exchange.position("ann", "AAAUSDT").liquidation_price == D("20.50505051")


@pytest.mark.parametrize(
    ("quantity", "cost", "money", "price"),
    [
        ("10", "1000", "100", "90.90909091"),  # 900 / 9.9
        ("-10", "-1000", "100", "108.91089109"),  # 1100 / 10.1
        ("1000", "100000", "10000", "92.63157895"),  # (100000 - 10000 - 1600) / (1000 - 50): third bracket
        ("10", "1000", "1000", "0"),
    ],
)
def test_the_loss_price_finds_its_bracket(quantity: str, cost: str, money: str, price: str) -> None:
    expected = D(price)
    if quantity == "1000":
        expected = ((D(100_000) - D(10_000) - D(1_600)) / D(950)).quantize(D("0.00000001"))
    assert loss_price(LADDER, D(quantity), D(cost), D(money)) == expected


def test_commission_is_maker_or_taker_and_written_as_income() -> None:
    desk = Desk()
    desk.price("100")
    desk.open(fees=True)
    desk.market(BUY, "1")
    desk.limit(SELL, "1", "110")
    desk.price("110")
    taker, maker = desk.exchange.trades("ann", "AAAUSDT")
    assert (taker.fee, taker.is_maker, maker.fee, maker.is_maker) == (D("0.05"), False, D("0.022"), True)
    income = [(one.type, one.amount) for one in desk.exchange.income("ann")]
    assert income == [
        (IncomeType.COMMISSION, D("-0.05")),
        (IncomeType.REALIZED_PNL, D(10)),
        (IncomeType.COMMISSION, D("-0.022")),
    ]
    assert desk.exchange.house.fees == {"USDT": D("0.072")}


def test_commission_in_bnb_has_a_discount_while_there_is_enough() -> None:
    desk = Desk()
    desk.price("100")
    desk.price("300", "BNBUSDT")
    desk.open(fees=True, USDT="1000", BNB="0.0002")
    desk.exchange.set_fee_burn("ann", fee_burn=True)
    desk.market(BUY, "1")  # 0.05 * 0.9 / 300
    assert desk.exchange.account("ann").wallets == {"USDT": D(1000), "BNB": D("0.00005")}
    desk.market(SELL, "1")
    assert desk.exchange.trades("ann", "AAAUSDT")[-1].fee_asset == "USDT"
    assert desk.exchange.account("ann").wallets["USDT"] == D("999.95")


def test_in_single_asset_mode_each_margin_asset_stands_alone() -> None:
    desk = Desk()
    desk.price("100", "CCCUSDC")
    desk.open(USDT="1000")
    assert code_of(lambda: desk.market(BUY, "1", symbol="CCCUSDC")) == -2019


def test_in_multi_assets_mode_all_assets_stand_together() -> None:
    desk = Desk()
    desk.price("100", "CCCUSDC")
    desk.open(USDT="1000", BNB="1", XYZ="5")
    desk.exchange.set_multi_assets("ann", multi_assets=True)
    assert desk.exchange.pool("ann", "USDC").wallet == D(1000)  # nobody said what BNB and XYZ are worth
    desk.exchange.on_asset_price("BNB", D(250))
    desk.market(BUY, "10", symbol="CCCUSDC")
    desk.price("90", "CCCUSDC")
    shared = desk.exchange.pool("ann", "USDT")
    assert (shared.wallet, shared.unrealised, shared.position_margin, shared.available) == (
        D(1250),
        D(-100),
        D(45),
        D(1105),
    )
    assert desk.exchange.asset("ann", "BNB").available == D("4.42")
    desk.market(SELL, "10", symbol="CCCUSDC")
    # The loss is in USDC, of which there was none: it is paid from USDT.
    assert desk.exchange.account("ann").wallets == {"USDT": D(900), "BNB": D(1), "XYZ": D(5), "USDC": D(0)}
    kinds = [one.type for one in desk.exchange.income("ann")]
    assert kinds == [IncomeType.REALIZED_PNL, IncomeType.AUTO_EXCHANGE, IncomeType.AUTO_EXCHANGE]
    assert desk.exchange.house.insurance.get("USDC", D(0)) == 0


def test_positions_are_listed_for_symbols_with_a_position_or_an_order(desk: Desk) -> None:
    desk.price("50", "BBBUSDT")
    desk.market(BUY, "1")
    desk.limit(BUY, "1", "40", symbol="BBBUSDT")
    assert desk.exchange.slot("ann", "BNBUSDT").leverage == 20
    assert [(one.symbol, one.quantity) for one in desk.exchange.positions("ann")] == [("AAAUSDT", 1), ("BBBUSDT", 0)]


def test_an_isolated_loss_beyond_its_wallet_is_not_the_accounts() -> None:
    desk = Desk()
    desk.price("100")
    desk.open()
    desk.exchange.set_margin_type("ann", "AAAUSDT", MarginType.ISOLATED)
    desk.mark("100")
    desk.market(BUY, "10")  # 50 in its wallet
    desk.price("75")
    desk.market(SELL, "1")  # 25 lost: 5 of its own part, 20 of what the rest has
    assert desk.exchange.position("ann", "AAAUSDT").isolated_wallet == D(25)
    assert desk.exchange.asset("ann", "USDT").cross_wallet == D(950)
    desk.market(SELL, "9")  # 225 lost, 25 there
    assert desk.exchange.asset("ann", "USDT").wallet == D(950)
    assert desk.exchange.house.insurance["USDT"] == D(-200)


def test_a_debt_that_no_other_asset_can_pay_is_the_insurance_funds() -> None:
    desk = Desk()
    desk.price("100", "CCCUSDC")
    desk.open(USDT="100", XYZ="5")
    desk.exchange.set_multi_assets("ann", multi_assets=True)
    desk.mark("100", "CCCUSDC")
    desk.market(BUY, "10", symbol="CCCUSDC")
    desk.price("75", "CCCUSDC")
    desk.market(SELL, "10", symbol="CCCUSDC")
    assert desk.exchange.account("ann").wallets == {"USDT": D(0), "XYZ": D(5), "USDC": D(0)}
    assert desk.exchange.house.insurance["USDC"] == D(-150)
    assert [one.wallet for one in desk.exchange.assets("ann")] == [D(0), D(5), D(0)]
