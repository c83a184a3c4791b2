"""What makes a list well-formed, with the code that each malformed one earns."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from bot.domain.instrument import Instrument
from bot.domain.order import OrderType, Side, TimeInForce
from bot.simulation.exchange import Exchange, ListKind, NewList, Peg, Refused

D = Decimal
BUY, SELL = Side.BUY, Side.SELL
SL, SLL, TP, TPL = OrderType.STOP_LOSS, OrderType.STOP_LOSS_LIMIT, OrderType.TAKE_PROFIT, OrderType.TAKE_PROFIT_LIMIT
MAKER, LIMIT = OrderType.LIMIT_MAKER, OrderType.LIMIT

Leg = tuple[Side, str | None, str | None, dict[str, Any]]


def leg(side: Side, price: str | None = None, quantity: str | None = "1", **more: Any) -> Leg:
    if "stop_price" in more:
        more["stop_price"] = D(more["stop_price"])
    return side, quantity, price, more


PAIRS: list[tuple[str, int, tuple[Leg, ...]]] = [
    ("two limits", -1168, (leg(SELL, "110", type=MAKER), leg(SELL, type=TP, stop_price="105"))),
    ("two stops", -1158, (leg(SELL, type=SL, stop_price="95"), leg(SELL, type=SL, stop_price="90"))),
    ("a plain limit", -1158, (leg(SELL, "110"), leg(SELL, type=SL, stop_price="90"))),
    ("sell limit below", -1166, (leg(SELL, type=SL, stop_price="110"), leg(SELL, "90", type=MAKER))),
    ("buy limit above", -1165, (leg(BUY, "110", type=MAKER), leg(BUY, type=SL, stop_price="90"))),
    ("sell take below", -1199, (leg(SELL, type=SL, stop_price="110"), leg(SELL, type=TP, stop_price="90"))),
    ("buy take above", -1198, (leg(BUY, type=TP, stop_price="110"), leg(BUY, type=SL, stop_price="90"))),
    ("prices crossed", -2010, (leg(SELL, "110", type=MAKER), leg(SELL, type=SL, stop_price="111"))),
    ("stop over the market", -2010, (leg(SELL, "110", type=MAKER), leg(SELL, type=SL, stop_price="100"))),
    ("limit under the market", -2010, (leg(SELL, "99", type=MAKER), leg(SELL, type=SL, stop_price="90"))),
    ("two sides", -1182, (leg(SELL, "110", type=MAKER), leg(BUY, type=SL, stop_price="90"))),
    ("two sizes", -1182, (leg(SELL, "110", type=MAKER), leg(SELL, quantity="2", type=SL, stop_price="90"))),
    (
        "iceberg that will not stand",
        -1160,
        (
            leg(SELL, "110", type=MAKER),
            leg(SELL, "89", type=SLL, stop_price="90", iceberg_quantity=D("0.1"), time_in_force=TimeInForce.IOC),
        ),
    ),
    ("one leg", -1182, (leg(SELL, "110", type=MAKER),)),
]


@pytest.mark.parametrize(("code", "legs"), [row[1:] for row in PAIRS], ids=[row[0] for row in PAIRS])
def test_a_pair_that_is_not_one_limit_and_one_stop_around_the_market_is_refused(
    put: Any, shared: Exchange, code: int, legs: tuple[Leg, ...]
) -> None:
    pair = tuple(put.wish(side, quantity, price, **more) for side, quantity, price, more in legs)
    with pytest.raises(Refused) as refusal:
        shared.place_list("ann", NewList(kind=ListKind.OCO, client_id="l", pair=pair), 1)
    assert refusal.value.code == code
    assert shared.orders("ann", "ABCUSDT") == []


@pytest.mark.parametrize(
    ("kind", "code", "working", "pending"),
    [
        (ListKind.OTO, -1158, leg(BUY), leg(SELL, "110")),
        (ListKind.OTO, -1182, None, leg(SELL, "110")),
        (ListKind.OTOCO, -1182, leg(BUY, "95"), leg(SELL, "110")),
        (ListKind.OTO, -1106, leg(BUY, "95"), leg(SELL, None, None, quote_quantity=D(50))),
        (ListKind.OTO, -2010, leg(BUY, "95"), leg(SELL, type=LIMIT, peg=Peg("PRIMARY_PEG"))),
        (ListKind.OPO, -1222, leg(SELL, "105"), leg(SELL, "110", None)),
        (ListKind.OPO, -1223, leg(BUY, "95"), leg(BUY, "90", None)),
    ],
)
def test_a_list_with_a_working_leg_has_its_shape(
    put: Any, shared: Exchange, kind: ListKind, code: int, working: Leg | None, pending: Leg
) -> None:
    side, quantity, price, more = pending
    pair = (put.wish(side, quantity, price, **more),)
    first = None if working is None else put.wish(*working[:3], **working[3])
    with pytest.raises(Refused) as refusal:
        shared.place_list("ann", NewList(kind=kind, client_id="l", pair=pair, working=first), 1)
    assert refusal.value.code == code


@pytest.mark.parametrize(
    ("kind", "flag"),
    [
        (ListKind.OCO, "oco_allowed"),
        (ListKind.OTO, "oto_allowed"),
        (ListKind.OTOCO, "oco_allowed"),
        (ListKind.OPO, "opo_allowed"),
        (ListKind.OPOCO, "opo_allowed"),
    ],
)
def test_a_list_that_the_symbol_does_not_offer_is_refused(
    put: Any, shared: Exchange, full: Instrument, kind: ListKind, flag: str
) -> None:
    shared.set_instrument(replace(full, **{flag: False}))
    with pytest.raises(Refused, match=f"{kind} orders are not supported for this symbol"):
        shared.place_list("ann", NewList(kind=kind, client_id="l", pair=(put.wish(SELL, "1", "110"),)), 1)


def test_legs_on_two_symbols_are_no_list(put: Any, shared: Exchange) -> None:
    stray = replace(put.wish(SELL, "1", type=SL, stop_price=D(90)), symbol="XYZUSDT")
    pair = (put.wish(SELL, "1", "110", type=MAKER), stray)
    with pytest.raises(Refused, match="one symbol"):
        shared.place_list("ann", NewList(kind=ListKind.OCO, client_id="l", pair=pair), 1)


def test_a_stop_leg_that_only_trails_may_stand_anywhere(put: Any, shared: Exchange) -> None:
    pair = (put.wish(SELL, "1", "110", type=MAKER), put.wish(SELL, "1", type=SL, trailing_delta=100))
    assert shared.place_list("ann", NewList(kind=ListKind.OCO, client_id="l", pair=pair), 1).is_open
