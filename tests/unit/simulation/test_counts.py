"""How much may stand at once: counts by kind, symbol and account, positions and assets."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from bot.domain.instrument import Instrument
from bot.domain.order import OrderType, Side
from bot.simulation.exchange import Exchange, ExchangeRules, ListKind, NewList, Refused

D = Decimal
BUY, SELL = Side.BUY, Side.SELL
SL = OrderType.STOP_LOSS


def market(full: Instrument, rules: ExchangeRules | None = None, **changes: Any) -> Exchange:
    other = replace(full, symbol="XYZUSDT", base="XYZ")
    exchange = Exchange({"ABCUSDT": replace(full, **changes), "XYZUSDT": other}, rules=rules)
    exchange.open_account("ann", {"USDT": D(10_000), "ABC": D(10), "XYZ": D(10)})
    for symbol in ("ABCUSDT", "XYZUSDT"):
        exchange.on_price(symbol, D(100), 0)
    return exchange


PLAIN = (BUY, "1", "90", {})
STOP = (SELL, "1", None, {"type": SL, "stop_price": D(95)})
ICE = (BUY, "1", "90", {"iceberg_quantity": D("0.1")})


@pytest.mark.parametrize(
    ("field", "fits", "breaks", "name"),
    [
        ("max_orders", STOP, PLAIN, "MAX_NUM_ORDERS"),
        ("max_algo_orders", STOP, STOP, "MAX_NUM_ALGO_ORDERS"),
        ("max_iceberg_orders", ICE, ICE, "MAX_NUM_ICEBERG_ORDERS"),
    ],
)
def test_one_more_than_may_stand_is_refused(
    full: Instrument, desk_of: Any, field: str, fits: Any, breaks: Any, name: str
) -> None:
    for prefix, other in (("", "ABCUSDT"), ("EXCHANGE_", "XYZUSDT")):
        rules = ExchangeRules(**{field: 1})
        exchange = market(full, rules) if prefix else market(full, **{field: 1})
        put = desk_of(exchange)
        put("ann", *fits[:3], **fits[3])
        with pytest.raises(Refused, match=f"Filter failure: {prefix}{name}$") as refusal:
            put("ann", *breaks[:3], symbol=other, **breaks[3])
        assert refusal.value.code == -2010


def test_what_is_not_of_a_kind_does_not_count_for_it(full: Instrument, desk_of: Any) -> None:
    put = desk_of(market(full, max_algo_orders=1, max_iceberg_orders=1))
    for each in (PLAIN, STOP, ICE, PLAIN):
        assert put("ann", *each[:3], **each[3]).is_open


def test_every_leg_of_a_list_counts(full: Instrument, desk_of: Any) -> None:
    exchange = market(full, max_orders=1)
    put = desk_of(exchange)
    pair = (put.wish(SELL, "1", "110", type=OrderType.LIMIT_MAKER), put.wish(SELL, "1", type=SL, stop_price=D(90)))
    with pytest.raises(Refused, match="MAX_NUM_ORDERS"):
        exchange.place_list("ann", NewList(kind=ListKind.OCO, client_id="l", pair=pair), 1)


def test_lists_count_over_all_symbols(full: Instrument, desk_of: Any) -> None:
    exchange = market(full, ExchangeRules(max_lists=1))
    put = desk_of(exchange)

    def place(symbol: str) -> None:
        working, pending = put.wish(BUY, "1", "90", symbol=symbol), put.wish(SELL, "1", "120", symbol=symbol)
        exchange.place_list("ann", NewList(kind=ListKind.OTO, client_id=symbol, working=working, pair=(pending,)), 1)

    place("ABCUSDT")
    with pytest.raises(Refused, match="EXCHANGE_MAX_NUM_ORDER_LISTS"):
        place("XYZUSDT")


def test_a_position_is_what_is_held_and_what_is_bid_for(full: Instrument, desk_of: Any) -> None:
    put = desk_of(market(full, max_position=D(13)))
    put("ann", SELL, "4", "110")
    put("ann", BUY, "2", "90")
    with pytest.raises(Refused, match="MAX_POSITION"):
        put("ann", BUY, "1.001", "90")
    assert put("ann", BUY, "1", "90").is_open
    assert put("ann", SELL, "1", "110").is_open


@pytest.mark.parametrize(("limits", "ok", "wrong"), [({"ABC": D(2)}, "2", "2.001"), ({"USDT": D(100)}, "1", "1.001")])
def test_an_order_may_move_so_much_of_an_asset(
    full: Instrument, desk_of: Any, limits: dict[str, Decimal], ok: str, wrong: str
) -> None:
    put = desk_of(market(full, ExchangeRules(asset_limits=limits)))
    put("ann", SELL, ok)
    with pytest.raises(Refused, match="MAX_ASSET"):
        put("ann", SELL, wrong)
