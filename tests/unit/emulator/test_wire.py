import json
from decimal import Decimal
from typing import Any

import pytest

from bot.domain.market import Candle, PublicTrade, Quote
from bot.emulator.spot import rules as spot_rules
from bot.emulator.spot import wire
from bot.simulation.instruments import bundled

MOMENT = 1_790_000_060_012
CANDLE = Candle(
    "BTCUSDT", "1m", 1_790_000_000_000, 61240.10, 61260.0, 61238.0, 61250.5, 3.217, 1_790_000_059_999, 197012.4, 60
)  # fmt: skip
TRADE = PublicTrade("BTCUSDT", 12, 0.001, 100.0, MOMENT, is_buyer_maker=True)
SAMPLE = (
    '{"e":"kline","E":1790000060012,"s":"BTCUSDT","k":{"t":1790000000000,"T":1790000059999,"s":"BTCUSDT","i":"1m",'
    '"f":501,"L":560,"o":"61240.10","c":"61250.50","h":"61260.00","l":"61238.00","v":"3.21700","n":60,"x":true,'
    '"q":"197012.40","V":"1.80000","Q":"110240.10","B":"0"}}'
)


def numbers(value: Any) -> Any:
    """Take numbers written as text for what they are worth."""
    if isinstance(value, dict):
        return {name: numbers(inner) for name, inner in value.items()}
    return Decimal(value) if isinstance(value, str) and value.replace(".", "").isdigit() else value


def test_a_kline_frame_is_that_of_the_protocol_in_names_order_and_values() -> None:
    ours, sample = wire.kline_event(CANDLE, MOMENT, 560), json.loads(SAMPLE)
    assert list(ours) == list(sample)
    assert list(ours["k"]) == list(sample["k"])
    # How much takers bought is not known from a candle.
    for frame in (ours, sample):
        del frame["k"]["V"], frame["k"]["Q"]
    assert numbers(ours) == numbers(sample)


@pytest.mark.parametrize(
    ("event", "names"),
    [
        (wire.agg_trade_event(TRADE, 100, 105), "e E s a p q f l T m M"),
        (wire.trade_event(TRADE, 105), "e E s t p q T m M"),
        (wire.book_ticker_event(Quote("BTCUSDT", 1.0, 2.0, 3.0, 4.0, MOMENT), 7), "u s b B a A"),
        (wire.mini_ticker_event(CANDLE, MOMENT), "e E s c o h l v q"),
    ],
)
def test_frames_have_the_names_of_the_protocol(event: wire.Json, names: str) -> None:
    assert set(event) == set(names.split())


def test_a_kline_row_has_twelve_cells_and_no_exponent() -> None:
    tiny = Candle("PEPEUSDT", "1m", 0, 1e-8, 2e-8, 1e-8, 2e-8, 1e9, 59_999, 15.0, 3)
    row = wire.kline_row(tiny)
    assert len(row) == 12
    assert row[1:6] == ["0.00000001", "0.00000002", "0.00000001", "0.00000002", "1000000000.00000000"]
    assert row[11] == "0"


@pytest.mark.parametrize("price", [105573.73, 0.00001234, 2.3, 99999999.99, 1234567.12345678])
def test_a_price_survives_its_way_over_the_wire(price: float) -> None:
    assert float(wire.text(price)) == price


def test_every_bundled_symbol_declares_the_rules_it_is_held_to() -> None:
    for instrument in bundled().values():
        info = spot_rules.symbol_info(instrument, spot_rules.PERMISSION_SETS)
        rules = {rule["filterType"]: rule for rule in info["filters"]}
        assert Decimal(rules["PRICE_FILTER"]["tickSize"]) == instrument.price.tick
        assert Decimal(rules["LOT_SIZE"]["stepSize"]) == instrument.lot.step
        assert Decimal(rules["NOTIONAL"]["minNotional"]) == instrument.notional.smallest
        assert (info["baseAsset"], info["status"]) == (instrument.base, "TRADING")
