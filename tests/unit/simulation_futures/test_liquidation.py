"""Liquidation: when it comes, what it takes, what it leaves, and who pays when nothing is left."""

from decimal import Decimal

from tests.unit.simulation_futures.desk import Desk

from bot.domain.order import OrderType, Side
from bot.simulation.futures.happenings import Liquidated, MarginCalled, OrderMoved
from bot.simulation.futures.words import (
    LIQUIDATION,
    AlgoType,
    Execution,
    IncomeType,
    MarginType,
    OrderState,
    PositionSide,
    TimeInForce,
)

D = Decimal
BUY, SELL = Side.BUY, Side.SELL


def test_a_cross_position_is_closed_and_its_fee_goes_to_the_insurance_fund(desk: Desk) -> None:
    desk.market(BUY, "90")
    resting = desk.limit(BUY, "1", "80")
    target = desk.limit(SELL, "90", "120", reduce_only=True)
    desk.mark("89.7")  # balance 1000 - 927 = 73, needed 80.73
    (order,) = desk.exchange.forced_orders("ann")
    assert order.client_order_id == f"autoclose-{order.order_id}"
    assert (order.state, order.type, order.time_in_force) == (OrderState.FILLED, OrderType.LIMIT, TimeInForce.IOC)
    # The book still trades at 100, so nothing is lost but the fee of 9000 * 0.01.
    (told,) = desk.told(Liquidated)
    assert (told.fee, told.insured) == (D(90), D(0))
    assert desk.exchange.asset("ann", "USDT").wallet == D(910)
    assert desk.exchange.house.insurance["USDT"] == D(90)
    assert {one.state for one in (resting, target)} == {OrderState.EXPIRED}
    assert resting.expiry_reason == LIQUIDATION
    executions = [one.execution for one in desk.told(OrderMoved) if one.order.order_id == order.order_id]
    assert executions == [Execution.CALCULATED]


def test_when_the_price_jumped_over_the_margin_insurance_takes_the_rest(desk: Desk) -> None:
    desk.market(BUY, "90")
    desk.price("85")  # 1350 lost of 1000
    assert desk.exchange.position("ann", "AAAUSDT").quantity == 0
    wallet, house = desk.exchange.asset("ann", "USDT").wallet, desk.exchange.house
    # Handed over at the bankruptcy price 88.888..., a tick up: 88.9; 90 * (85 - 88.9) is the fund's loss.
    (trade,) = [one for one in desk.exchange.trades("ann", "AAAUSDT") if one.counterparty == "insurance"]
    assert (trade.price, trade.realised, trade.fee) == (D("88.9"), D(-999), D(0))
    assert wallet == 0  # the 1 that was left went as fee
    assert house.insurance["USDT"] == D(-351) + D(1)
    assert desk.told(Liquidated)[0].insured == D(351)
    assert [one.type for one in desk.exchange.income("ann")] == [IncomeType.REALIZED_PNL, IncomeType.INSURANCE_CLEAR]


def test_a_thin_book_fills_what_it_can_and_insurance_the_rest(desk: Desk) -> None:
    desk.market(BUY, "90")
    desk.exchange.on_book("AAAUSDT", [(D("89.5"), D(30)), (D(85), D(500))], [], desk.now_ms)
    desk.mark("89.5")
    trades = desk.exchange.trades("ann", "AAAUSDT")[1:]
    assert [(one.price, one.quantity, one.counterparty) for one in trades] == [
        (D("89.5"), D(30), "market"),
        (D("88.9"), D(60), "insurance"),
    ]


def test_isolated_positions_are_lost_alone() -> None:
    desk = Desk()
    desk.price("100")
    desk.price("50", "BBBUSDT")
    desk.open()
    desk.exchange.set_margin_type("ann", "AAAUSDT", MarginType.ISOLATED)
    desk.market(BUY, "20")  # 2000 / 20 = 100 in its wallet
    desk.market(BUY, "10", symbol="BBBUSDT")
    order = desk.limit(BUY, "1", "40", symbol="BBBUSDT")
    assert desk.exchange.position("ann", "AAAUSDT").liquidation_price == D("95.95959596")  # 1900 / 19.8
    desk.price("96")
    assert desk.exchange.position("ann", "AAAUSDT").quantity
    desk.price("90")
    assert desk.exchange.position("ann", "AAAUSDT").quantity == 0
    assert desk.exchange.asset("ann", "USDT").wallet == D(900)
    assert desk.exchange.position("ann", "BBBUSDT").quantity == D(10)
    assert order.is_open
    assert desk.exchange.house.insurance["USDT"] == D(20) * D(-5)


def test_an_isolated_position_closed_in_time_gives_back_what_the_fee_leaves() -> None:
    desk = Desk()
    desk.price("100")
    desk.open()
    desk.exchange.set_margin_type("ann", "AAAUSDT", MarginType.ISOLATED)
    desk.market(SELL, "20")
    desk.price("104")  # 80 lost of 100, needed 20.8
    assert desk.exchange.position("ann", "AAAUSDT").quantity == 0
    # 2080 * 0.01 = 20.8 would be the fee; 20 is all there is.
    assert desk.exchange.asset("ann", "USDT").wallet == D(900)
    assert desk.told(Liquidated)[0].fee == D(20)


def test_the_neediest_position_goes_first_and_the_others_stay_if_that_is_enough() -> None:
    desk = Desk()
    desk.price("100")
    desk.price("50", "BBBUSDT")
    desk.open()
    desk.market(BUY, "90")
    desk.market(BUY, "10", symbol="BBBUSDT")
    desk.exchange.on_book("AAAUSDT", [(D(95), D(500))], [], desk.now_ms)
    desk.mark("89.7")
    assert [one.symbol for one in desk.told(Liquidated)] == ["AAAUSDT"]
    assert desk.exchange.position("ann", "BBBUSDT").quantity == D(10)


def test_hedged_sides_are_liquidated_until_the_balance_suffices() -> None:
    desk = Desk()
    desk.price("100")
    desk.open(hedge=True, USDT="400")
    desk.market(BUY, "50", position_side=PositionSide.LONG)
    desk.market(SELL, "20", position_side=PositionSide.SHORT)
    desk.price("89")  # 400 - 550 + 220 = 70, and 62.3 needed
    assert desk.exchange.position("ann", "AAAUSDT", PositionSide.LONG).quantity == D(50)
    desk.price("88")  # 400 - 600 + 240 = 40, which the fee of the long side takes
    assert [(one.position_side, one.fee) for one in desk.told(Liquidated)] == [
        (PositionSide.LONG, D(40)),
        (PositionSide.SHORT, D(0)),
    ]
    assert desk.exchange.asset("ann", "USDT").wallet == 0


def test_in_multi_assets_mode_other_assets_pay_before_the_insurance_fund() -> None:
    desk = Desk()
    desk.price("100", "CCCUSDC")
    desk.open(USDT="500", USDC="500")
    desk.exchange.set_multi_assets("ann", multi_assets=True)
    desk.market(BUY, "90", symbol="CCCUSDC")
    desk.price("89.8", "CCCUSDC")  # 918 lost; 82 left, 80.82 needed
    assert not desk.told(Liquidated)
    desk.mark("89.7", "CCCUSDC")
    assert desk.told(Liquidated)
    wallets = desk.exchange.account("ann").wallets
    # Sold at 89.8: 918 lost, 80.82 + the rest of the fee taken: 82 - 80.82 = 1.18 stays.
    assert wallets["USDC"] == 0
    assert wallets["USDT"] == D("1.18")


def test_a_stop_at_the_same_price_is_quicker_than_the_liquidation(desk: Desk) -> None:
    desk.market(BUY, "90")
    desk.algo(AlgoType.STOP_MARKET, SELL, trigger_price="90", close_position=True)
    desk.price("89.7")
    assert not desk.told(Liquidated)
    assert desk.exchange.asset("ann", "USDT").wallet == D(1000) - D(927)


def test_a_margin_call_is_given_once_until_the_position_is_safe_again(desk: Desk) -> None:
    desk.market(BUY, "90")
    desk.price("91")  # 190 left, 81.9 needed
    assert not desk.told(MarginCalled)
    for price in ("90", "90.1", "92", "90"):  # 100 left and 81 needed; 109 and 81.09; 280 and 82.8
        desk.price(price)
    calls = desk.told(MarginCalled)
    assert [(one.positions, one.is_isolated, one.cross_wallet) for one in calls] == [
        ((("AAAUSDT", PositionSide.BOTH),), False, D(1000))
    ] * 2
    assert not desk.told(Liquidated)


def test_an_isolated_position_has_margin_calls_of_its_own() -> None:
    desk = Desk()
    desk.price("100")
    desk.open()
    desk.exchange.set_margin_type("ann", "AAAUSDT", MarginType.ISOLATED)
    desk.market(BUY, "20")
    desk.price("96.1")  # 22 left, 19.22 needed
    (call,) = desk.told(MarginCalled)
    assert (call.is_isolated, call.cross_wallet) == (True, D(900))
    assert not desk.told(Liquidated)


def test_a_large_position_is_led_into_the_bracket_below_and_the_rest_of_it_lives(desk: Desk) -> None:
    desk.market(BUY, "120")
    desk.price("93")  # 160 left, 123.2 needed
    assert not desk.told(Liquidated)
    desk.price("92.6")  # 112 left, 122.24 needed
    (order,) = desk.exchange.forced_orders("ann")
    assert (order.quantity, order.state, order.price) == (D("12.1"), OrderState.FILLED, D("91.7"))
    (told,) = desk.told(Liquidated)
    assert (told.fee, told.insured, told.deleveraged) == (D("11.2046"), D(0), D(0))
    left = desk.exchange.position("ann", "AAAUSDT")
    assert left.quantity == D("107.9")
    assert desk.exchange.pool("ann", "USDT").balance == D("100.7954")
    assert left.maintenance == D("99.9154")
    desk.price("92.5")  # 90.0054 left: the lowest bracket knows no steps
    assert desk.exchange.position("ann", "AAAUSDT").quantity == 0
    assert [one.order.quantity for one in desk.told(Liquidated)] == [D("12.1"), D("107.9")]


def test_an_isolated_position_keeps_what_a_step_freed() -> None:
    desk = Desk()
    desk.price("100")
    desk.open()
    desk.exchange.set_margin_type("ann", "AAAUSDT", MarginType.ISOLATED)
    desk.market(BUY, "120")
    desk.exchange.change_margin("ann", "AAAUSDT", D(400), adding=True, now_ms=desk.now_ms)
    desk.price("92.6")
    left = desk.exchange.position("ann", "AAAUSDT")
    assert (left.quantity, left.isolated_margin) == (D("107.9"), D("100.7954"))
    assert desk.exchange.account("ann").wallet("USDT") == 0
    assert desk.exchange.asset("ann", "USDT").wallet == D(1000) - D("89.54") - D("11.2046")
