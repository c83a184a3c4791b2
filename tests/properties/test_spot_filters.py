"""The filters of spot, against a second reading of what they say."""

import math
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.instrument import Instrument, LotRule, NotionalRule, PriceRule
from bot.domain.order import OrderType, Side, TimeInForce
from bot.simulation.exchange import Exchange, NewOrder, Refused

D = Decimal
SYMBOL = "ABCUSDT"
prices = st.integers(9_900, 10_100).map(lambda cents: D(cents) / 100)
sizes = st.integers(20, 3_000).map(lambda lots: D(lots) / 1_000)

reference_rules = st.builds(
    Instrument,
    symbol=st.just(SYMBOL),
    base=st.just("ABC"),
    quote=st.just("USDT"),
    price=st.builds(
        PriceRule, st.sampled_from([D(0), D("99.5")]), st.sampled_from([D(0), D("100.5")]),
        st.sampled_from([D(0), D("0.01"), D("0.05")]),
    ),
    lot=st.builds(LotRule, st.sampled_from([D(0), D("0.1")]), st.sampled_from([D(0), D(2)]),
        st.sampled_from([D(0), D("0.001"), D("0.02")])),
    notional=st.builds(NotionalRule, smallest=st.sampled_from([D(0), D(20)]), largest=st.sampled_from([D(0), D(200)])),
    iceberg_parts=st.sampled_from([0, 4]),
)  # fmt: skip


def reference_refusal(rules: Instrument, price: Decimal, size: Decimal, iceberg: Decimal | None) -> str | None:
    """The filters once more, as their descriptions read."""

    def is_off(value: Decimal, low: Decimal, high: Decimal, step: Decimal) -> bool:
        return bool((low and value < low) or (high and value > high) or (step and (value / step) % 1))

    if is_off(price, rules.price.smallest, rules.price.largest, rules.price.tick):
        return "PRICE_FILTER"
    if any(is_off(one, rules.lot.smallest, rules.lot.largest, rules.lot.step) for one in (size, iceberg or size)):
        return "LOT_SIZE"
    if is_off(price * size, rules.notional.smallest, rules.notional.largest, D(0)):
        return "NOTIONAL"
    if iceberg and rules.iceberg_parts and math.ceil(size / iceberg) > rules.iceberg_parts:
        return "ICEBERG_PARTS"
    return None


@settings(max_examples=300, deadline=None)
@given(rules=reference_rules, price=prices, size=sizes, iceberg=st.none() | sizes)
def test_filters_refuse_what_a_plain_reading_of_them_refuses(
    rules: Instrument, price: Decimal, size: Decimal, iceberg: Decimal | None
) -> None:
    exchange = Exchange({SYMBOL: rules})
    exchange.open_account("ann", {"USDT": D(10**6)})
    if iceberg is not None and iceberg > size:
        iceberg = size
    wish = NewOrder(
        symbol=SYMBOL, client_order_id="c", side=Side.BUY, type=OrderType.LIMIT, time_in_force=TimeInForce.GTC,
        price=price, quantity=size, iceberg_quantity=iceberg,
    )  # fmt: skip
    expected = reference_refusal(rules, price, size, iceberg)
    if expected is None:
        exchange.check("ann", wish, 0)
        return
    with pytest.raises(Refused) as refusal:
        exchange.check("ann", wish, 0)
    assert (refusal.value.code, refusal.value.message) == (-1013, f"Filter failure: {expected}")
