"""Leverage, margin type, modes, isolated margin and transfers: what they do and when they are refused."""

from decimal import Decimal

import pytest
from tests.unit.simulation_futures.desk import Desk, code_of

from bot.domain.order import Side
from bot.simulation.futures.happenings import BalanceMoved
from bot.simulation.futures.words import AlgoType, IncomeType, MarginType, PositionSide, Why

D = Decimal
BUY, SELL = Side.BUY, Side.SELL
CROSSED, ISOLATED = MarginType.CROSSED, MarginType.ISOLATED


def test_leverage_sets_the_margin_and_the_largest_notional(desk: Desk) -> None:
    assert desk.exchange.set_leverage("ann", "AAAUSDT", 50) == D(10_000)
    desk.market(BUY, "10")
    assert desk.exchange.asset("ann", "USDT").position_margin == D(20)
    assert desk.exchange.set_leverage("ann", "AAAUSDT", 10) == D(200_000)
    assert desk.exchange.asset("ann", "USDT").position_margin == D(100)
    assert desk.exchange.largest_notional("ann", "AAAUSDT") == D(200_000)


@pytest.mark.parametrize(("leverage", "code"), [(0, -4028), (51, -4028), (50, -2027), (21, -2027), (9, -2028), (11, 0)])
def test_leverage_is_refused_when_out_of_range_or_too_much_or_too_little(leverage: int, code: int) -> None:
    desk = Desk()
    desk.price("100")
    desk.open(USDT="1010")
    desk.market(BUY, "100.1")  # 10010: too much for the first bracket, and 10010 / 10 < 1010 < 10010 / 9
    assert code_of(lambda: desk.exchange.set_leverage("ann", "AAAUSDT", leverage)) == code
    assert desk.exchange.slot("ann", "AAAUSDT").leverage == (20 if code else leverage)


def test_open_orders_count_for_the_largest_notional(desk: Desk) -> None:
    desk.limit(BUY, "110", "99")
    assert code_of(lambda: desk.exchange.set_leverage("ann", "AAAUSDT", 50)) == -2027


def test_leverage_of_an_isolated_position_can_only_go_up(desk: Desk) -> None:
    desk.exchange.set_margin_type("ann", "AAAUSDT", ISOLATED)
    desk.market(BUY, "10")
    assert code_of(lambda: desk.exchange.set_leverage("ann", "AAAUSDT", 19)) == -4161
    assert code_of(lambda: desk.exchange.set_leverage("ann", "AAAUSDT", 25)) == 0


def test_the_margin_type_changes_only_when_nothing_is_there(desk: Desk) -> None:
    def change() -> None:
        desk.exchange.set_margin_type("ann", "AAAUSDT", ISOLATED)

    assert code_of(lambda: desk.exchange.set_margin_type("ann", "AAAUSDT", CROSSED)) == -4046
    desk.limit(BUY, "1", "90")
    assert code_of(change) == -4047
    desk.exchange.cancel_all("ann", "AAAUSDT", now_ms=desk.now_ms)
    algo = desk.algo(AlgoType.STOP_MARKET, BUY, trigger_price="105", quantity="1")
    assert code_of(change) == -4047
    desk.exchange.cancel_algo("ann", algo_id=algo.algo_id, now_ms=desk.now_ms)
    desk.market(BUY, "1")
    assert code_of(change) == -4048
    desk.market(SELL, "1")
    assert code_of(change) == 0
    assert code_of(change) == -4046


def test_the_position_mode_changes_only_when_nothing_is_there(desk: Desk) -> None:
    def change() -> None:
        desk.exchange.set_hedge("ann", hedge=True)

    assert code_of(lambda: desk.exchange.set_hedge("ann", hedge=False)) == -4059
    order = desk.limit(BUY, "1", "90")
    assert code_of(change) == -4067
    desk.exchange.cancel("ann", "AAAUSDT", order_id=order.order_id, now_ms=desk.now_ms)
    desk.market(BUY, "1")
    assert code_of(change) == -4068
    desk.market(SELL, "1")
    assert code_of(change) == 0


def test_multi_assets_mode_and_isolated_symbols_exclude_each_other(desk: Desk) -> None:
    def change() -> None:
        desk.exchange.set_multi_assets("ann", multi_assets=True)

    assert code_of(lambda: desk.exchange.set_multi_assets("ann", multi_assets=False)) == -4171
    desk.exchange.set_margin_type("ann", "AAAUSDT", ISOLATED)
    assert code_of(change) == -4167
    desk.exchange.set_margin_type("ann", "AAAUSDT", CROSSED)
    desk.limit(BUY, "1", "90")
    assert code_of(change) == -4170
    desk.exchange.cancel_all("ann", "AAAUSDT", now_ms=desk.now_ms)
    assert code_of(change) == 0
    assert code_of(lambda: desk.exchange.set_margin_type("ann", "AAAUSDT", ISOLATED)) == -4168


def test_isolated_margin_can_be_added_and_taken_back_but_not_the_initial_margin(desk: Desk) -> None:
    def move(amount: str, *, adding: bool, side: PositionSide = PositionSide.BOTH) -> int:
        now_ms = desk.now_ms
        return code_of(
            lambda: desk.exchange.change_margin(
                "ann", "AAAUSDT", D(amount), adding=adding, now_ms=now_ms, position_side=side
            )
        )

    assert move("1", adding=True) == -4049
    desk.exchange.set_margin_type("ann", "AAAUSDT", ISOLATED)
    assert move("0", adding=True) == -4055
    assert move("1", adding=True, side=PositionSide.LONG) == -4061
    assert move("1", adding=True) == -4054
    desk.market(BUY, "10")  # 50 in its wallet
    assert move("950.1", adding=True) == -4050
    assert move("100", adding=True) == 0
    assert desk.exchange.position("ann", "AAAUSDT").isolated_wallet == D(150)
    assert desk.exchange.asset("ann", "USDT").cross_wallet == D(850)
    desk.price("98")  # 20 lost; 49 must stay
    assert move("81.1", adding=False) == -4051
    assert move("81", adding=False) == 0
    assert [one.amount for one in desk.exchange.margin_changes("ann", "AAAUSDT")] == [D(100), D(-81)]
    assert desk.told(BalanceMoved)[-1].why is Why.MARGIN_TRANSFER


def test_only_money_that_is_free_and_realised_can_leave(desk: Desk) -> None:
    desk.market(BUY, "10")
    desk.price("110")  # 100 gained, 55 bound
    assert code_of(lambda: desk.exchange.transfer("ann", "USDT", D("-945.1"), now_ms=desk.now_ms)) == -2018
    desk.exchange.transfer("ann", "USDT", D(-945), now_ms=desk.now_ms)
    assert desk.exchange.asset("ann", "USDT").wallet == D(55)
    desk.exchange.transfer("ann", "USDC", D(7), now_ms=desk.now_ms)
    assert desk.exchange.asset("ann", "USDC").wallet == D(7)
    assert [one.type for one in desk.exchange.income("ann")] == [IncomeType.TRANSFER] * 2
    assert desk.exchange.house.deposits == {"USDT": D(55), "USDC": D(7)}


def test_an_account_opens_once_and_not_below_zero(desk: Desk) -> None:
    with pytest.raises(ValueError, match="open already"):
        desk.exchange.open_account("ann", {})
    with pytest.raises(ValueError, match="below zero: USDT"):
        desk.exchange.open_account("bob", {"USDT": D(-1)})


def test_multi_assets_mode_is_refused_while_a_wallet_is_below_zero(desk: Desk) -> None:
    desk.price("50", "BBBUSDT")
    desk.market(BUY, "50")
    desk.market(SELL, "50", symbol="BBBUSDT")
    desk.price("20", "BBBUSDT")
    desk.price("75")
    desk.market(SELL, "50")  # 1250 lost of 1000; the other position is 1500 up
    assert desk.exchange.asset("ann", "USDT").wallet == D(-250)
    assert code_of(lambda: desk.exchange.set_multi_assets("ann", multi_assets=True)) == -4172
    desk.market(BUY, "50", symbol="BBBUSDT")
    assert desk.exchange.asset("ann", "USDT").wallet == D(1250)
