"""Candles, prices and time: the path inside a bar, and who may meet it."""

from decimal import Decimal

import pytest
from tests.unit.simulation_futures.desk import Desk, code_of, contract

from bot.domain.errors import Misconfigured
from bot.domain.market import Candle, Market
from bot.domain.order import Side
from bot.simulation.futures.exchange import FuturesExchange
from bot.simulation.futures.happenings import Liquidated
from bot.simulation.futures.words import AlgoState, AlgoType, OrderState, TimeInForce

D = Decimal
BUY, SELL = Side.BUY, Side.SELL


def prices(desk: Desk) -> list[Decimal]:
    """Give the prices of ann's trades."""
    return [trade.price for trade in desk.exchange.trades("ann", "AAAUSDT")]


def test_inside_a_candle_the_low_comes_before_the_high(desk: Desk) -> None:
    desk.limit(SELL, "1", "104")
    desk.limit(BUY, "1", "97")
    desk.limit(BUY, "1", "98")
    desk.candle("95", "105", opened="100", closed="101")
    assert prices(desk) == [D(98), D(97), D(104)]
    assert desk.exchange.last_price("AAAUSDT") == D(101)


def test_an_order_beyond_the_open_gets_the_open(desk: Desk) -> None:
    desk.limit(BUY, "1", "99")
    desk.candle("95", "97", opened="96", closed="96.5")
    assert prices(desk) == [D(96)]


def test_a_stop_inside_a_candle_fills_at_its_trigger_and_beyond_the_open_at_the_open(desk: Desk) -> None:
    desk.market(BUY, "2")
    desk.algo(AlgoType.STOP_MARKET, SELL, trigger_price="97", quantity="1")
    desk.candle("95", "101", opened="100", closed="100")
    desk.algo(AlgoType.STOP_MARKET, SELL, trigger_price="97", quantity="1")
    desk.candle("90", "95", opened="94", closed="95")
    assert prices(desk)[1:] == [D(97), D(94)]


def test_when_stop_and_target_lie_in_one_candle_the_lower_one_comes_first(desk: Desk) -> None:
    desk.market(BUY, "1")
    stop = desk.algo(AlgoType.STOP_MARKET, SELL, trigger_price="97", close_position=True)
    target = desk.algo(AlgoType.TAKE_PROFIT_MARKET, SELL, trigger_price="103", close_position=True)
    desk.candle("95", "105", opened="100", closed="100")
    assert (stop.state, target.state) == (AlgoState.FINISHED, AlgoState.EXPIRED)


def test_a_limit_order_made_by_a_stop_can_fill_in_the_same_candle(desk: Desk) -> None:
    stop = desk.algo(AlgoType.STOP, BUY, trigger_price="103", price="102", quantity="1")
    desk.candle("99", "105", opened="100", closed="101")
    assert prices(desk) == [D(102)]
    assert stop.state is AlgoState.FINISHED


def test_a_trailing_stop_follows_the_path_of_the_candle(desk: Desk) -> None:
    desk.market(BUY, "1")
    desk.algo(AlgoType.TRAILING_STOP_MARKET, SELL, callback_rate="2", quantity="1")
    desk.candle("99", "110", opened="100", closed="107")
    assert prices(desk)[-1] == D("107.8")  # 110 * 0.98, on the way from the high to the close


def test_an_order_does_not_meet_a_candle_that_opened_before_what_is_known(desk: Desk) -> None:
    order = desk.limit(BUY, "1", "98")
    past = Candle(
        "AAAUSDT", "1m", desk.now_ms, 100.0, 101.0, 95.0, 99.0, 1.0, desk.now_ms + 59_999, market=Market.FUTURES
    )
    assert desk.exchange.on_candle(past) == []
    assert order.is_open
    assert desk.exchange.last_price("AAAUSDT") == D(99)
    assert desk.exchange.on_candle(past) == []


def test_a_candle_that_forms_or_is_older_than_what_is_known_changes_nothing(desk: Desk) -> None:
    forming = Candle("AAAUSDT", "1m", 60_000, 9.0, 9.0, 9.0, 9.0, 1.0, 119_999, is_closed=False, market=Market.FUTURES)
    desk.exchange.on_candle(forming)
    old = Candle("AAAUSDT", "1s", 0, 9.0, 9.0, 9.0, 9.0, 1.0, 999, market=Market.FUTURES)
    desk.exchange.on_candle(old)
    assert desk.exchange.last_price("AAAUSDT") == D(100)


def test_a_candle_can_cost_a_position_at_its_low(desk: Desk) -> None:
    desk.market(BUY, "90")
    desk.candle("89", "105", opened="100", closed="104")
    assert desk.told(Liquidated)
    assert desk.exchange.position("ann", "AAAUSDT").quantity == 0


def test_a_fed_mark_price_keeps_a_wick_from_costing_the_position(desk: Desk) -> None:
    desk.mark("100")
    desk.market(BUY, "90")
    desk.candle("89", "105", opened="100", closed="104")
    assert not desk.told(Liquidated)
    assert desk.exchange.mark_price("AAAUSDT") == D(100)


def test_orders_end_at_their_date_and_countdowns_cancel_the_rest(desk: Desk) -> None:
    now_ms, due_ms = desk.now_ms, 10_000_000
    dated = desk.limit(BUY, "1", "90", time_in_force=TimeInForce.GTD, good_till_ms=due_ms + 999)
    other = desk.limit(BUY, "1", "90")
    algo = desk.algo(AlgoType.STOP_MARKET, BUY, trigger_price="105", quantity="1")
    assert dated.good_till_ms == due_ms
    assert desk.exchange.on_time(due_ms - 1) == []
    assert desk.exchange.on_time(due_ms) == [dated]
    assert dated.state is OrderState.EXPIRED
    desk.exchange.countdown_cancel_all("ann", "AAAUSDT", 500, now_ms=due_ms)
    desk.exchange.countdown_cancel_all("ann", "AAAUSDT", 500, now_ms=due_ms + 400)
    assert desk.exchange.on_time(due_ms + 899) == []
    assert desk.exchange.on_time(due_ms + 900) == [other]
    assert algo.is_open
    assert now_ms < due_ms


def test_a_countdown_of_zero_calls_it_off(desk: Desk) -> None:
    order = desk.limit(BUY, "1", "90")
    desk.exchange.countdown_cancel_all("ann", "AAAUSDT", 500, now_ms=desk.now_ms)
    desk.exchange.countdown_cancel_all("ann", "AAAUSDT", 0, now_ms=desk.now_ms)
    desk.exchange.on_time(desk.now_ms + 1_000)
    assert order.is_open


def test_every_contract_needs_its_brackets() -> None:
    with pytest.raises(Misconfigured, match="AAAUSDT"):
        FuturesExchange({"AAAUSDT": contract("AAAUSDT")}, {})


def test_an_unknown_symbol_is_refused_everywhere(desk: Desk) -> None:
    for act in (
        lambda: desk.exchange.on_price("NOPE", D(1), 1),
        lambda: desk.exchange.open_orders("ann", "NOPE"),
        lambda: desk.exchange.set_leverage("ann", "NOPE", 5),
        lambda: desk.exchange.cancel_all("ann", "NOPE", now_ms=1),
        lambda: desk.exchange.position("ann", "NOPE"),
    ):
        assert code_of(act) == -1121


def test_a_trailing_stop_becomes_active_inside_a_candle(desk: Desk) -> None:
    desk.algo(AlgoType.TRAILING_STOP_MARKET, SELL, callback_rate="1", quantity="1", activate_price="104")
    desk.candle("99", "105", opened="100", closed="103.9")
    assert prices(desk) == [D("103.95")]  # 105 * 0.99


def test_a_client_trade_before_any_market_price_sets_the_first_price() -> None:
    desk = Desk()
    desk.open()
    desk.open("bob")
    desk.limit(SELL, "1", "70", "bob")
    desk.limit(BUY, "1", "70")
    assert desk.exchange.last_price("AAAUSDT") == desk.exchange.mark_price("AAAUSDT") == D(70)
    assert desk.exchange.market("AAAUSDT").seen_ms == -1
    assert desk.exchange.price_of("AAA") == D(70)
    assert desk.exchange.price_of("XYZ") is None
