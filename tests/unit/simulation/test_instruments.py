"""The bundled rules say what the recorded exchangeInfo says."""

import gzip
import json
from decimal import Decimal
from pathlib import Path

import pytest

from bot.simulation.instruments import bundled

SNAPSHOT = Path(__file__).parents[3] / "../shared/data/exchange_info/spot_testnet_20240908.json.gz"


@pytest.mark.parametrize("symbol", bundled())
def test_bundled_rules_equal_the_recorded_ones(symbol: str) -> None:
    recorded = {row["symbol"]: row for row in json.loads(gzip.decompress(SNAPSHOT.read_bytes()))["symbols"]}
    row, rules = recorded[symbol], bundled()[symbol]
    filters = {each["filterType"]: each for each in row["filters"]}

    def numbers(name: str, *fields: str) -> tuple[Decimal, ...]:
        return tuple(Decimal(filters[name][field]) for field in fields)

    assert (rules.base, rules.quote, rules.status) == (row["baseAsset"], row["quoteAsset"], row["status"])
    assert (rules.base_precision, rules.quote_precision) == (row["baseAssetPrecision"], row["quotePrecision"])
    assert rules.order_types >= set(row["orderTypes"])
    assert rules.default_stp == row["defaultSelfTradePreventionMode"]
    assert rules.trailing is not None
    assert (rules.trailing.above_min, rules.trailing.below_max) == (
        filters["TRAILING_DELTA"]["minTrailingAboveDelta"],
        filters["TRAILING_DELTA"]["maxTrailingBelowDelta"],
    )
    assert rules.max_algo_orders == filters["MAX_NUM_ALGO_ORDERS"]["maxNumAlgoOrders"]
    assert numbers("PRICE_FILTER", "minPrice", "maxPrice", "tickSize") == (
        rules.price.smallest,
        rules.price.largest,
        rules.price.tick,
    )
    for name, lot in (("LOT_SIZE", rules.lot), ("MARKET_LOT_SIZE", rules.market_lot)):
        assert numbers(name, "minQty", "maxQty", "stepSize") == (lot.smallest, lot.largest, lot.step)
    assert numbers("NOTIONAL", "minNotional", "maxNotional") == (rules.notional.smallest, rules.notional.largest)
    assert rules.max_orders == filters["MAX_NUM_ORDERS"]["maxNumOrders"]
