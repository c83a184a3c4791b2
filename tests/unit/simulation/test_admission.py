"""The form of every order type, what a symbol does not offer, and the filters that look at one order alone."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from bot.domain.instrument import Instrument, NotionalRule, PercentBand, TrailingRule
from bot.domain.market import Candle
from bot.domain.order import OrderType, Side, StpMode, TimeInForce
from bot.simulation.exchange import Exchange, Peg, Refused

D = Decimal
BUY, SELL = Side.BUY, Side.SELL
T = OrderType
GTC, IOC = TimeInForce.GTC, TimeInForce.IOC

FORMS: list[tuple[str, int, str, dict[str, Any]]] = [
    ("stop without a trigger", -1102, "stopPrice", {"type": T.STOP_LOSS, "quantity": "1"}),
    ("stop with a price", -1106, "price", {"type": T.STOP_LOSS, "quantity": "1", "price": "9", "stop_price": D(95)}),
    (
        "stop with a time",
        -1106,
        "timeInForce",
        {"type": T.TAKE_PROFIT, "quantity": "1", "stop_price": D(95), "time_in_force": GTC},
    ),
    (
        "stop limit without a time",
        -1102,
        "timeInForce",
        {"type": T.STOP_LOSS_LIMIT, "quantity": "1", "price": "90", "stop_price": D(95), "time_in_force": None},
    ),
    (
        "stop limit without a price",
        -1102,
        "price",
        {"type": T.STOP_LOSS_LIMIT, "quantity": "1", "stop_price": D(95), "time_in_force": GTC},
    ),
    ("limit with a stop", -1106, "stopPrice", {"quantity": "1", "price": "90", "stop_price": D(95)}),
    ("limit with a trail", -1106, "trailingDelta", {"quantity": "1", "price": "90", "trailing_delta": 100}),
    ("limit by quote", -1106, "quoteOrderQty", {"quantity": "1", "price": "90", "quote_quantity": D(9)}),
    ("market iceberg", -1106, "icebergQty", {"quantity": "1", "iceberg_quantity": D("0.1")}),
    (
        "iceberg that will not stand",
        -1014,
        "combination",
        {"quantity": "1", "price": "90", "iceberg_quantity": D("0.1"), "time_in_force": IOC},
    ),
    (
        "iceberg above its whole",
        -2010,
        "IcebergQty exceeds QTY",
        {"quantity": "1", "price": "90", "iceberg_quantity": D(2)},
    ),
    (
        "stop with nine decimals",
        -1111,
        "stopPrice",
        {"type": T.STOP_LOSS, "quantity": "1", "stop_price": D("95.000000001")},
    ),
    (
        "stop off the tick",
        -1013,
        "PRICE_FILTER",
        {"type": T.STOP_LOSS, "quantity": "1", "stop_price": D("95.001"), "side": SELL},
    ),
    ("iceberg off the lot", -1013, "LOT_SIZE", {"quantity": "1", "price": "90", "iceberg_quantity": D("0.0001")}),
    ("peg on a market order", -2010, "pegged price", {"quantity": "1", "peg": Peg("PRIMARY_PEG")}),
    (
        "post-only pegged to the other side",
        -2010,
        "pegged price",
        {"type": T.LIMIT_MAKER, "quantity": "1", "peg": Peg("MARKET_PEG")},
    ),
    (
        "own side pegged for an instant",
        -2010,
        "pegged price",
        {"type": T.LIMIT, "quantity": "1", "peg": Peg("PRIMARY_PEG"), "time_in_force": IOC},
    ),
    ("a time of futures", -1115, "Invalid timeInForce", {"quantity": "1", "price": "90", "time_in_force": "GTX"}),
    ("trail of nothing", -1013, "TRAILING_DELTA", {"type": T.STOP_LOSS, "quantity": "1", "trailing_delta": 0}),
]


@pytest.mark.parametrize(("code", "text", "words"), [row[1:] for row in FORMS], ids=[row[0] for row in FORMS])
def test_an_order_that_is_malformed_is_refused(
    put: Any, shared: Exchange, code: int, text: str, words: dict[str, Any]
) -> None:
    more = {key: value for key, value in words.items() if key not in {"side", "quantity", "price"}}
    with pytest.raises(Refused, match=text) as refusal:
        shared.check("ann", put.wish(words.get("side", BUY), words["quantity"], words.get("price"), **more), 1)
    assert refusal.value.code == code


@pytest.mark.parametrize(
    ("changes", "text", "words"),
    [
        ({"iceberg_allowed": False}, "Iceberg orders are not", {"price": "90", "iceberg_quantity": D("0.1")}),
        ({"trailing_allowed": False}, "Trailing stop orders are not", {"type": T.STOP_LOSS, "trailing_delta": 100}),
        ({"pegs_allowed": False}, "Pegged orders are not", {"type": T.LIMIT, "peg": Peg("PRIMARY_PEG")}),
        ({"quote_market_allowed": False}, "Quote order qty", {"quantity": None, "quote_quantity": D(50)}),
        ({"allowed_stp": frozenset({StpMode.NONE})}, "self-trade prevention", {"stp": StpMode.DECREMENT}),
        ({"order_types": frozenset({"LIMIT"})}, "MARKET orders are not", {}),
    ],
)
def test_what_a_symbol_does_not_offer_is_refused(
    put: Any, shared: Exchange, full: Instrument, changes: dict[str, Any], text: str, words: dict[str, Any]
) -> None:
    shared.set_instrument(replace(full, **changes))
    words = {"quantity": "1", "price": None} | words
    more = {key: value for key, value in words.items() if key not in {"quantity", "price"}}
    with pytest.raises(Refused, match=text):
        shared.check("ann", put.wish(BUY, words["quantity"], words["price"], **more), 1)


@pytest.mark.parametrize(
    ("changes", "name", "words"),
    [
        ({"percent_price": PercentBand(D("1.1"), D("0.9"))}, "PERCENT_PRICE", {"price": "89.99"}),
        ({"percent_price": PercentBand(D("1.1"), D("0.9"))}, "PERCENT_PRICE", {"price": "110.01"}),
        (
            {"notional": NotionalRule(D(95)), "notional_name": "MIN_NOTIONAL"},
            "MIN_NOTIONAL",
            {"price": "94.99"},
        ),
        ({"notional": NotionalRule(largest=D(90))}, "NOTIONAL", {"price": "90.01"}),
        ({"notional": NotionalRule(D(95))}, "NOTIONAL", {"type": T.STOP_LOSS, "stop_price": D(94), "side": SELL}),
        ({"iceberg_parts": 9}, "ICEBERG_PARTS", {"price": "90", "iceberg_quantity": D("0.111")}),
        (
            {"trailing": TrailingRule(10, 2_000, 50, 500)},
            "TRAILING_DELTA",
            {"type": T.STOP_LOSS, "trailing_delta": 2_001},
        ),
        (
            {"trailing": TrailingRule(10, 2_000, 50, 500)},
            "TRAILING_DELTA",
            {"type": T.STOP_LOSS, "trailing_delta": 49, "side": SELL},
        ),
        (
            {"trailing": TrailingRule(10, 2_000, 50, 500)},
            "TRAILING_DELTA",
            {"type": T.TAKE_PROFIT, "trailing_delta": 501},
        ),
    ],
)
def test_a_filter_refuses_under_its_own_name(
    put: Any, shared: Exchange, full: Instrument, changes: dict[str, Any], name: str, words: dict[str, Any]
) -> None:
    shared.set_instrument(replace(full, **changes))
    more = {key: value for key, value in words.items() if key not in {"side", "price"}}
    with pytest.raises(Refused, match=f"Filter failure: {name}$") as refusal:
        shared.check("ann", put.wish(words.get("side", BUY), "1", words.get("price"), **more), 1)
    assert refusal.value.code == -1013


def test_filters_measure_by_the_average_of_the_last_minutes(full: Instrument, desk_of: Any) -> None:
    exchange = Exchange({"ABCUSDT": replace(full, average_minutes=5, percent_price=PercentBand(D("1.1"), D("0.9")))})
    exchange.open_account("ann", {"USDT": D(10_000)})
    exchange.on_price("ABCUSDT", D(50), 0, D(3))
    exchange.on_price("ABCUSDT", D(100), 60_000, D(1))
    exchange.on_price("ABCUSDT", D(100), 120_000, D(2))
    assert exchange.reference_price("ABCUSDT") == D(75)
    put = desk_of(exchange)
    exchange.check("ann", put.wish(BUY, "1", "80"), 1)
    exchange.on_price("ABCUSDT", D(100), 300_000)
    assert exchange.reference_price("ABCUSDT") == D(100)
    with pytest.raises(Refused, match="PERCENT_PRICE"):
        exchange.check("ann", put.wish(BUY, "1", "80"), 1)
    exchange.set_reference_price("ABCUSDT", D(80))
    exchange.check("ann", put.wish(BUY, "1", "80"), 1)
    assert exchange.last_price("ABCUSDT") == exchange.average_price("ABCUSDT") == D(100)


def test_candles_weigh_in_the_average_by_their_volume(full: Instrument) -> None:
    exchange = Exchange({"ABCUSDT": replace(full, average_minutes=5)})
    for minute, (close, volume, worth) in enumerate(((100.0, 3.0, 297.0), (110.0, 1.0, 0.0))):
        start = minute * 60_000
        exchange.on_candle(
            Candle("ABCUSDT", "1m", start, close, close, close, close, volume, start + 59_999, quote_volume=worth)
        )
    assert exchange.reference_price("ABCUSDT") == D("101.75")
