"""The TRANSFER mode of self-trade prevention, with the balances that Binance's FAQ gives."""

from decimal import Decimal

import pytest

from bot.domain.instrument import Instrument
from bot.domain.order import OrderStatus, OrderType, Side, StpMode
from bot.simulation.exchange import Commission, Exchange, Rates
from bot.simulation.happenings import BalanceMoved, Happening

from .conftest import Desk

D = Decimal
BUY, SELL = Side.BUY, Side.SELL
T = StpMode.TRANSFER


@pytest.fixture
def group(full: Instrument, told: list[Happening]) -> Exchange:
    """Ann and bob in one trade group, cat in none; fees of a tenth of a percent."""
    exchange = Exchange({"ABCUSDT": full}, clients_meet=True, observe=told.append)
    for account, number in (("ann", 1), ("bob", 1), ("cat", -1)):
        fees = Commission(Rates(D("0.001"), D("0.001")))
        exchange.open_account(account, {"USDT": D(20_000), "ABC": D(20_000)}, commission=fees, trade_group=number)
    exchange.on_price("ABCUSDT", D("0.2"), 0)
    exchange.on_depth("ABCUSDT", [], [], 0)
    told.clear()
    return exchange


@pytest.fixture
def place(group: Exchange) -> Desk:
    return Desk(group)


def held(exchange: Exchange, account: str) -> tuple[Decimal, Decimal, Decimal]:
    balances = exchange.balances(account)
    return balances["ABC"].free, balances["USDT"].free, balances["USDT"].locked


def test_quantity_and_its_worth_pass_between_two_accounts_of_a_group(
    group: Exchange, place: Desk, told: list[Happening]
) -> None:
    maker = place("ann", BUY, "0.6", "0.2", stp=T)
    taker = place("bob", SELL, "0.2", "0.2", stp=T)
    assert (maker.status, maker.prevented, maker.filled) == (OrderStatus.NEW, D("0.2"), 0)
    assert (taker.status, taker.prevented, taker.fills) == (OrderStatus.EXPIRED_IN_MATCH, D("0.2"), [])
    assert held(group, "ann") == (D("20000.2"), D("19999.88"), D("0.08"))
    assert held(group, "bob") == (D("19999.8"), D("20000.04"), D(0))
    (event,) = taker.prevented_matches
    assert (event.mode, event.trade_group, event.is_transfer) == ("TRANSFER", 1, True)
    assert sum(one.why == "transfer" for one in told if isinstance(one, BalanceMoved)) == 4


def test_a_taker_who_would_pay_more_pays_the_makers_price(group: Exchange, place: Desk) -> None:
    place("ann", SELL, "1", "0.2", stp=T)
    taker = place("bob", BUY, "3", "0.5", stp=T)
    assert (taker.status, taker.remaining) == (OrderStatus.NEW, D(2))
    assert held(group, "bob") == (D(20_001), D("19998.8"), D(1))
    assert held(group, "ann") == (D(19_999), D("20000.2"), D(0))


def test_a_market_order_transfers_too_and_needs_the_money_for_it(group: Exchange, place: Desk) -> None:
    place("ann", SELL, "1", "0.2", stp=T)
    place("cat", SELL, "1", "0.3")
    taker = place("bob", BUY, "2", stp=T)
    assert (taker.prevented, taker.filled, taker.status) == (D(1), D(1), OrderStatus.FILLED)
    assert held(group, "bob") == (D("20001.999"), D("19999.5"), D(0))


@pytest.mark.parametrize(
    ("maker_account", "maker_mode", "taker_mode", "mode"),
    [
        ("ann", StpMode.DECREMENT, T, "DECREMENT"),
        ("ann", StpMode.NONE, T, "DECREMENT"),
        ("ann", T, StpMode.EXPIRE_MAKER, "EXPIRE_MAKER"),
        ("bob", T, T, "TRANSFER"),
    ],
)
def test_nothing_is_transferred_unless_both_orders_want_it_and_have_their_own_accounts(
    group: Exchange, place: Desk, maker_account: str, maker_mode: StpMode, taker_mode: StpMode, mode: str
) -> None:
    place(maker_account, SELL, "1", "0.2", stp=maker_mode)
    taker = place("bob", BUY, "1", "0.2", stp=taker_mode)
    (event,) = taker.prevented_matches
    assert (event.mode, event.is_transfer) == (mode, False)
    assert {group.balances(account)["ABC"].total for account in ("ann", "bob")} == {D(20_000)}
    assert (event.taker_lost, event.maker_lost) == ((None if mode == "EXPIRE_MAKER" else D(1)), D(1))


def test_strangers_trade_whatever_mode_they_ask_for(group: Exchange, place: Desk) -> None:
    place("cat", SELL, "1", "0.2", stp=T)
    assert place("bob", BUY, "1", "0.2", stp=T).status is OrderStatus.FILLED
    assert not group.prevented("bob", "ABCUSDT")


def test_a_stop_that_ran_out_of_money_transfers_what_it_can_pay(group: Exchange, place: Desk) -> None:
    stop = place("bob", BUY, "1000", type=OrderType.STOP_LOSS, stop_price=D(20), stp=T)
    place("ann", SELL, "1000", "100", stp=T)
    assert stop.locked == D(20_000)
    group.on_price("ABCUSDT", D(20), 2)
    assert (stop.prevented, stop.status) == (D(200), OrderStatus.EXPIRED)
    assert held(group, "bob") == (D(20_200), D(0), D(0))
    assert held(group, "ann") == (D(19_000), D(40_000), D(0))
