"""Order lists: one leg ends the other, a filled leg wakes the next, and the list ends when its last leg does."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from bot.domain.instrument import Instrument, LotRule
from bot.domain.order import OrderStatus, OrderType, Side, StpMode, TimeInForce
from bot.simulation.exchange import Balance, Commission, Exchange, ListKind, NewList, OrderList, Rates, Refused
from bot.simulation.happenings import Happening, ListMoved, OrderMoved

D = Decimal
BUY, SELL = Side.BUY, Side.SELL
S = OrderStatus
SL, SLL, TP = OrderType.STOP_LOSS, OrderType.STOP_LOSS_LIMIT, OrderType.TAKE_PROFIT
MAKER = OrderType.LIMIT_MAKER


def oco(put: Any, exchange: Exchange, side: Side = SELL, quantity: str = "2", **more: Any) -> OrderList:
    """Place a pair around 100: for a SELL a limit at 110 over a stop at 90, for a BUY the other way round."""
    if side is SELL:
        pair = (
            put.wish(SELL, quantity, "110", type=MAKER),
            put.wish(SELL, quantity, "89", type=SLL, stop_price=D(90)),
        )
    else:
        pair = (
            put.wish(BUY, quantity, "111", type=SLL, stop_price=D(110)),
            put.wish(BUY, quantity, "90", type=MAKER),
        )
    return exchange.place_list("ann", NewList(kind=ListKind.OCO, client_id="list", pair=more.get("pair", pair)), 1)


def oto(put: Any, exchange: Exchange, kind: ListKind, *pending: Any, now_ms: int = 1) -> OrderList:
    working = put.wish(BUY, "2", "95")
    return exchange.place_list("ann", NewList(kind=kind, client_id="list", working=working, pair=pending), now_ms)


def test_a_pair_locks_the_coins_once(put: Any, shared: Exchange) -> None:
    one = oco(put, shared)
    assert [leg.status for leg in one.legs] == [S.NEW, S.NEW]
    assert shared.balances("ann")["ABC"] == Balance(D(98), D(2))
    assert (one.contingency, one.status_type, one.order_status) == ("OCO", "EXEC_STARTED", "EXECUTING")


def test_a_pair_of_buys_locks_what_the_dearer_leg_needs(put: Any, shared: Exchange) -> None:
    one = oco(put, shared, BUY)
    assert shared.balances("ann")["USDT"] == Balance(D(9_778), D(222))
    shared.on_price("ABCUSDT", D(90), 2)
    assert [leg.status for leg in one.legs] == [S.EXPIRED, S.FILLED]
    assert shared.balances("ann") == {"USDT": Balance(D(9_820)), "ABC": Balance(D(102))}


def test_a_fill_of_one_leg_expires_the_other_and_ends_the_list(put: Any, shared: Exchange) -> None:
    one = oco(put, shared)
    limit, stop = one.legs
    shared.on_price("ABCUSDT", D(110), 5, D("0.5"))
    assert (limit.status, stop.status, stop.expiry_reason) == (S.PARTIALLY_FILLED, S.EXPIRED, "OCO_TRIGGER")
    assert one.is_open
    shared.on_price("ABCUSDT", D(110), 6)
    assert (limit.status, one.is_open, one.status_type, one.updated_ms) == (S.FILLED, False, "ALL_DONE", 6)
    assert shared.open_lists("ann") == []


def test_a_trigger_expires_the_limit_before_the_stop_goes_to_the_book(put: Any, shared: Exchange) -> None:
    one = oco(put, shared)
    limit, stop = one.legs
    shared.on_price("ABCUSDT", D("89.50"), 5)
    assert (limit.status, limit.expiry_reason) == (S.EXPIRED, "OCO_TRIGGER")
    assert (stop.status, stop.shelf, stop.locked) == (S.NEW, "book", D(2))


@pytest.mark.parametrize("number", [0, 1])
def test_cancelling_any_leg_cancels_the_list(put: Any, shared: Exchange, told: list[Happening], number: int) -> None:
    one = oco(put, shared)
    shared.cancel("ann", "ABCUSDT", order_id=one.legs[number].order_id, now_ms=9, request_id="bye")
    assert [leg.status for leg in one.legs] == [S.CANCELED, S.CANCELED]
    assert shared.balances("ann")["ABC"] == Balance(D(100))
    cancels = [what for what in told if isinstance(what, OrderMoved) and what.execution == "CANCELED"]
    assert [what.request_id for what in cancels] == ["bye", "bye"]
    assert [what.status_type for what in told if isinstance(what, ListMoved)] == ["EXEC_STARTED", "ALL_DONE"]
    with pytest.raises(Refused, match="Unknown order list sent"):
        shared.cancel_list("ann", "ABCUSDT", list_id=one.list_id, now_ms=10)


def test_a_list_is_found_by_either_of_its_ids(put: Any, shared: Exchange) -> None:
    one = oco(put, shared)
    assert shared.order_list("ann", client_id="list") is one
    assert shared.order_list("ann", list_id=one.list_id) is one
    assert shared.list_of(one.legs[0]) is one
    assert shared.order_lists("ann") == shared.open_lists("ann") == [one]
    with pytest.raises(Refused, match="does not exist") as missing:
        shared.order_list("bob", list_id=one.list_id)
    assert missing.value.code == -2018
    assert shared.cancel_list("ann", "ABCUSDT", client_id="list", now_ms=3) is one


def test_a_pending_leg_waits_without_a_lock_and_goes_live_when_the_working_one_is_filled(
    put: Any, shared: Exchange
) -> None:
    one = oto(put, shared, ListKind.OTO, put.wish(SELL, "1", "120"))
    working, pending = one.legs
    assert (working.status, pending.status, one.contingency) == (S.NEW, S.PENDING_NEW, "OTO")
    assert shared.balances("ann")["ABC"] == Balance(D(100))
    shared.on_price("ABCUSDT", D(95), 5, D(1))
    assert pending.status is S.PENDING_NEW
    shared.on_price("ABCUSDT", D(95), 6, D(1))
    assert (working.status, pending.status, pending.working_ms) == (S.FILLED, S.NEW, 6)
    assert shared.balances("ann")["ABC"] == Balance(D(101), D(1))
    shared.on_price("ABCUSDT", D(120), 7)
    assert not one.is_open


def test_a_working_leg_that_fills_at_once_wakes_its_pair_at_once(put: Any, shared: Exchange) -> None:
    put("bob", SELL, "2", "95")
    pair = (put.wish(SELL, "2", "110", type=MAKER), put.wish(SELL, "2", type=SL, stop_price=D(90)))
    one = oto(put, shared, ListKind.OTOCO, *pair)
    assert [leg.status for leg in one.legs] == [S.FILLED, S.NEW, S.NEW]
    shared.on_depth("ABCUSDT", [(D(89), D(10))], [], 8)
    shared.on_price("ABCUSDT", D(90), 9)
    assert [leg.status for leg in one.legs] == [S.FILLED, S.EXPIRED, S.FILLED]
    assert shared.balances("ann") == {"USDT": Balance(D(9_988)), "ABC": Balance(D(100))}


def test_a_pending_leg_that_cannot_go_live_expires_as_rejected(put: Any, shared: Exchange) -> None:
    one = oto(put, shared, ListKind.OTO, put.wish(SELL, "103", "120"))
    shared.on_price("ABCUSDT", D(95), 6)
    assert (one.legs[1].status, one.legs[1].expiry_reason, one.is_open) == (S.EXPIRED, "REJECTED", False)


def test_a_working_leg_that_expires_takes_the_pending_ones_with_it(put: Any, shared: Exchange) -> None:
    one = oto(put, shared, ListKind.OTO, put.wish(SELL, "1", "120"))
    put("ann", SELL, "2", "95", stp=StpMode.EXPIRE_MAKER)
    assert one.legs[0].status is S.EXPIRED_IN_MATCH
    assert (one.legs[1].status, one.legs[1].expiry_reason) == (S.EXPIRED, "OTO_PHASE_ONE_EXPIRED")
    assert not one.is_open


def test_a_list_that_sells_what_it_bought_sells_it_less_the_fee_in_whole_lots(put: Any, shared: Exchange) -> None:
    shared.set_commission("ann", Commission(Rates(maker=D("0.001"))))
    pair = (put.wish(SELL, None, "110", type=MAKER), put.wish(SELL, None, type=SL, stop_price=D(90)))
    one = oto(put, shared, ListKind.OPOCO, *pair)
    with pytest.raises(Refused, match="no quantity of its own"):
        shared.amend("ann", "ABCUSDT", D(1), order_id=one.legs[1].order_id, now_ms=3)
    shared.on_price("ABCUSDT", D(95), 6)
    assert [(leg.status, leg.quantity) for leg in one.second] == [(S.NEW, D("1.998")), (S.NEW, D("1.998"))]


def test_a_refused_list_leaves_nothing_behind(put: Any, shared: Exchange, told: list[Happening]) -> None:
    before = list(told)
    with pytest.raises(Refused, match="insufficient balance"):
        oco(put, shared, quantity="101")
    assert told == before
    assert shared.orders("ann", "ABCUSDT") == []


def test_a_list_id_is_free_again_when_its_list_is_over(put: Any, shared: Exchange) -> None:
    oco(put, shared)
    with pytest.raises(Refused, match="Duplicate order list sent"):
        oco(put, shared)
    shared.cancel_list("ann", "ABCUSDT", client_id="list", now_ms=2)
    again = oco(put, shared)
    assert shared.order_list("ann", client_id="list") is again


def test_only_so_many_lists_may_stand(put: Any, shared: Exchange, full: Instrument) -> None:
    shared.set_instrument(replace(full, max_lists=1))
    oco(put, shared)
    with pytest.raises(Refused, match="MAX_NUM_ORDER_LISTS"):
        shared.place_list(
            "ann",
            NewList(
                kind=ListKind.OTO, client_id="two", working=put.wish(BUY, "1", "90"), pair=(put.wish(SELL, "1", "120"),)
            ),
            2,
        )


def test_both_legs_of_a_pair_shrink_together(put: Any, shared: Exchange) -> None:
    one = oco(put, shared, BUY)
    shared.amend("ann", "ABCUSDT", D(1), order_id=one.legs[1].order_id, now_ms=3, new_client_order_id="new")
    assert [leg.quantity for leg in one.legs] == [D(1), D(1)]
    assert shared.balances("ann")["USDT"] == Balance(D(9_889), D(111))
    assert one.legs[1].client_order_id == "new"


def test_a_leg_that_expires_on_its_trigger_ends_its_list(put: Any, shared: Exchange) -> None:
    pair = (
        put.wish(SELL, "2", "110", type=MAKER),
        put.wish(SELL, "2", "89", type=SLL, stop_price=D(90), time_in_force=TimeInForce.FOK),
    )
    one = oco(put, shared, pair=pair)
    shared.on_price("ABCUSDT", D(90), 5)
    assert [(leg.status, leg.expiry_reason) for leg in one.legs] == [
        (S.EXPIRED, "OCO_TRIGGER"),
        (S.EXPIRED, "UNFILLED_FOK_ORDER_EXPIRED"),
    ]
    assert not one.is_open
    assert shared.balances("ann")["ABC"] == Balance(D(100))


def test_a_list_that_bought_less_than_a_lot_has_nothing_to_sell(put: Any, shared: Exchange, full: Instrument) -> None:
    shared.set_commission("ann", Commission(Rates(maker=D("0.5"))))
    shared.set_instrument(replace(full, lot=LotRule(D("1.5"), D(1_000), D("0.5"))))
    one = oto(put, shared, ListKind.OPO, put.wish(SELL, None, "120"))
    shared.on_price("ABCUSDT", D(95), 5)
    assert (one.legs[1].status, one.legs[1].expiry_reason) == (S.EXPIRED, "REJECTED")


def test_lists_that_ended_long_ago_are_forgotten_with_their_orders(put: Any, full: Instrument) -> None:
    exchange = Exchange({"ABCUSDT": full}, keep_finished=4)
    exchange.open_account("ann", {"USDT": D(10_000), "ABC": D(100)})
    exchange.on_price("ABCUSDT", D(100), 0)
    for moment in range(12):
        oco(put, exchange)
        exchange.cancel_list("ann", "ABCUSDT", client_id="list", now_ms=moment)
    kept = oco(put, exchange)
    assert exchange.order_list("ann", client_id="list") is kept
    assert len(exchange.order_lists("ann")) <= 6
