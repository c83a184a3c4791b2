"""The rules of futures contracts: the instrument's filters, and what only a contract has.

`bundled` gives well-known USDT contracts, so that no network is needed: filters from exchangeInfo of August 2025,
leverage brackets from September 2026, a bracket written as leverage:cap:maintenance ratio.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import cast

import msgspec

from bot.domain.instrument import Instrument, LotRule, NotionalRule, PriceRule
from bot.domain.market import Market
from bot.domain.money import ONE, ZERO, number
from bot.simulation.futures.brackets import Ladder, ladder

QUOTE = "USDT"


class Contract(msgspec.Struct, frozen=True):
    """One contract. Shares are fractions of a price or notional: 0.05 is five percent.

    The instrument's `quote_precision` and `base_precision` are the decimals a price and a quantity may have.
    """

    rules: Instrument
    margin_asset: str
    up: Decimal = Decimal("1.05")
    """A buy may stand at most at mark × `up`, a sell at least at mark × `down` (PERCENT_PRICE)."""
    down: Decimal = Decimal("0.95")
    trigger_protect: Decimal = Decimal("0.05")
    """How far mark and last price may differ for a protected conditional order to fire."""
    liquidation_fee: Decimal = Decimal("0.0125")
    market_take_bound: Decimal = Decimal("0.05")
    """How far from the mark the best counter price may be for a market order."""
    max_changes: int = 10_000

    @property
    def symbol(self) -> str:
        """Give the symbol."""
        return self.rules.symbol


class Listing(msgspec.Struct, frozen=True):
    """A contract together with its leverage brackets."""

    contract: Contract
    ladder: Ladder


CAUTIOUS = ladder(
    (
        (20, Decimal(10_000), Decimal("0.025")),
        (10, Decimal(100_000), Decimal("0.05")),
        (5, Decimal(1_000_000), Decimal("0.1")),
        (1, Decimal(20_000_000), Decimal("0.5")),
    )
)
"""Brackets of a contract that no table knows: less than the exchange gives for most."""


def listing_of(rules: Instrument, known: Mapping[str, Listing]) -> Listing:
    """Give the contract of an instrument as it is traded now, with brackets that are known, or else cautious ones."""
    if (listing := known.get(rules.symbol)) is not None:
        return Listing(msgspec.structs.replace(listing.contract, rules=rules), listing.ladder)
    return Listing(Contract(rules, rules.quote), CAUTIOUS)


def read_contract(row: Mapping[str, object]) -> Contract:
    """Read one entry of `symbols` of GET /fapi/v1/exchangeInfo, as parsed from JSON."""
    filters = {str(rule["filterType"]): rule for rule in cast(Sequence[Mapping[str, object]], row["filters"])}
    band = filters.get("PERCENT_PRICE", {})
    price = filters.get("PRICE_FILTER", {})
    rules = Instrument(
        symbol=str(row["symbol"]),
        base=str(row["baseAsset"]),
        quote=str(row["quoteAsset"]),
        market=Market.FUTURES,
        status=str(row["status"]),
        price=PriceRule(*(_number(price, name) for name in ("minPrice", "maxPrice", "tickSize"))),
        lot=_lot(filters.get("LOT_SIZE", {})),
        market_lot=_lot(filters.get("MARKET_LOT_SIZE", {})),
        notional=NotionalRule(smallest=_number(filters.get("MIN_NOTIONAL", {}), "notional")),
        max_orders=int(_number(filters.get("MAX_NUM_ORDERS", {}), "limit", Decimal(200))),
        base_precision=int(_number(row, "quantityPrecision", Decimal(8))),
        quote_precision=int(_number(row, "pricePrecision", Decimal(8))),
        order_types=frozenset(cast(Sequence[str], row["orderTypes"])),
    )
    return Contract(
        rules=rules,
        margin_asset=str(row["marginAsset"]),
        up=_number(band, "multiplierUp", Decimal(1_000_000)),
        down=_number(band, "multiplierDown"),
        trigger_protect=_number(row, "triggerProtect", ONE),
        liquidation_fee=_number(row, "liquidationFee"),
        market_take_bound=_number(row, "marketTakeBound", Decimal(1_000_000)),
        max_changes=int(_number(row, "maxMoveOrderLimit", Decimal(10_000))),
    )


def bundled() -> dict[str, Listing]:
    """Give the bundled contracts with their brackets by symbol."""
    blocks = (block.split() for block in _TABLE.strip().split("\n\n"))
    listings = (_listing(block) for block in blocks)
    return {listing.contract.symbol: listing for listing in listings}


def _lot(rule: Mapping[str, object]) -> LotRule:
    return LotRule(*(_number(rule, name) for name in ("minQty", "maxQty", "stepSize")))


def _number(row: Mapping[str, object], name: str, otherwise: Decimal = ZERO) -> Decimal:
    return number(str(row[name])) if name in row else otherwise


def _listing(words: list[str]) -> Listing:
    base, price_decimals, quantity_decimals = words[0], int(words[1]), int(words[2])
    price_min, price_max, tick, step, lot_max, market_max, notional, band, fee = map(Decimal, words[3:12])
    rules = Instrument(
        symbol=base + QUOTE,
        base=base,
        quote=QUOTE,
        market=Market.FUTURES,
        price=PriceRule(price_min, price_max, tick),
        lot=LotRule(step, lot_max, step),
        market_lot=LotRule(step, market_max, step),
        notional=NotionalRule(smallest=notional),
        base_precision=quantity_decimals,
        quote_precision=price_decimals,
        order_types=frozenset(
            {"LIMIT", "MARKET", "STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET"}
        ),
    )
    steps = (rung.split(":") for rung in words[12:])
    return Listing(
        Contract(rules, QUOTE, ONE + band, ONE - band, band, fee, band),
        ladder((int(leverage), Decimal(cap), Decimal(ratio)) for leverage, cap, ratio in steps),
    )


# Base, decimals of price and quantity, smallest and largest price, tick, smallest lot and step, largest lot and
# market lot, smallest notional, price band (also the bounds of triggers and market orders), liquidation fee.
_TABLE = """
BTC 2 3 556.8 4529764 0.1 0.001 1000 120 100 0.05 0.0125
150:300000:0.004 100:800000:0.005 75:3000000:0.0065 50:12000000:0.01 25:70000000:0.02 20:100000000:0.025
10:230000000:0.05 5:480000000:0.1 4:600000000:0.125 3:800000000:0.15 2:1200000000:0.25 1:1800000000:0.5

ETH 2 3 39.86 306177 0.01 0.001 10000 2000 20 0.05 0.0125
150:300000:0.004 100:800000:0.005 75:3000000:0.0065 50:12000000:0.01 25:50000000:0.02 20:65000000:0.025
10:150000000:0.05 5:320000000:0.1 4:400000000:0.125 3:530000000:0.15 2:800000000:0.25 1:1200000000:0.5

BNB 3 2 6.6 100000 0.01 0.01 100000 2000 5 0.05 0.0125
75:10000:0.005 50:200000:0.006 40:400000:0.01 25:1500000:0.02 20:3000000:0.025 10:15000000:0.05 5:30000000:0.1
4:37500000:0.125 2:75000000:0.25 1:150000000:0.5

SOL 4 2 0.42 6857 0.01 0.01 1000000 5000 5 0.05 0.015
100:50000:0.005 75:400000:0.0065 50:1000000:0.01 25:4000000:0.02 20:8000000:0.025 10:40000000:0.05 5:80000000:0.1
4:100000000:0.125 2:200000000:0.25 1:400000000:0.5

XRP 4 1 0.0143 100000 0.0001 0.1 10000000 2000000 5 0.05 0.0125
100:40000:0.005 75:80000:0.006 50:150000:0.01 40:400000:0.0125 25:1000000:0.02 20:2000000:0.025 10:10000000:0.05
5:20000000:0.1 4:25000000:0.125 2:50000000:0.25 1:100000000:0.5

ADA 5 0 0.0174 20000 0.0001 1 6000000 1300000 5 0.05 0.0125
75:10000:0.005 50:50000:0.01 40:200000:0.015 25:1000000:0.02 20:2000000:0.025 10:10000000:0.05 5:20000000:0.1
4:25000000:0.125 2:50000000:0.25 1:100000000:0.5

DOGE 6 0 0.00244 30 0.00001 1 50000000 30000000 5 0.1 0.015
75:80000:0.0065 50:150000:0.01 40:750000:0.0125 25:2000000:0.02 20:4000000:0.025 10:20000000:0.05 5:40000000:0.1
4:50000000:0.125 2:100000000:0.25 1:200000000:0.5

AVAX 4 0 0.35 2403 0.001 1 100000 5000 5 0.1 0.015
75:25000:0.005 50:80000:0.01 40:160000:0.015 25:800000:0.02 20:1600000:0.025 10:8000000:0.05 5:16000000:0.1
4:20000000:0.125 2:40000000:0.25 1:80000000:0.5

DOT 3 1 0.373 2398 0.001 0.1 1000000 50000 5 0.05 0.0125
75:10000:0.0065 50:50000:0.01 40:100000:0.015 25:500000:0.02 20:800000:0.025 10:4000000:0.05 5:8000000:0.1
4:10000000:0.125 2:30000000:0.25 1:50000000:0.5

LINK 3 2 0.464 100000 0.001 0.01 200000 20000 20 0.1 0.0125
75:10000:0.005 50:200000:0.01 40:400000:0.015 25:800000:0.02 20:1600000:0.025 10:8000000:0.05 5:16000000:0.1
4:20000000:0.125 2:40000000:0.25 1:80000000:0.5

LTC 2 3 3.61 100000 0.01 0.001 10000 5000 20 0.05 0.0125
75:10000:0.005 50:50000:0.01 40:160000:0.015 25:800000:0.02 20:1600000:0.025 10:8000000:0.05 5:16000000:0.1
4:20000000:0.125 2:40000000:0.25 1:80000000:0.5

TRX 5 0 0.00132 20000 0.00001 1 10000000 5000000 5 0.05 0.0125
75:10000:0.0065 50:90000:0.01 40:120000:0.015 25:650000:0.02 20:800000:0.025 10:3000000:0.05 5:6000000:0.1
4:12000000:0.125 2:20000000:0.25 1:30000000:0.5

BCH 2 3 13.93 100000 0.01 0.001 10000 850 20 0.05 0.0125
75:10000:0.005 50:100000:0.01 40:160000:0.015 25:800000:0.02 20:1600000:0.025 10:8000000:0.05 5:16000000:0.1
4:20000000:0.125 2:40000000:0.25 1:80000000:0.5

ATOM 3 2 0.251 100000 0.001 0.01 100000 20000 5 0.1 0.015
75:10000:0.006 50:50000:0.01 40:80000:0.015 25:200000:0.02 20:600000:0.025 10:2000000:0.05 5:4000000:0.1
4:5000000:0.125 2:12000000:0.25 1:20000000:0.5

NEAR 4 0 0.048 1000 0.001 1 10000000 25000 5 0.1 0.015
75:20000:0.01 50:200000:0.015 25:1000000:0.02 20:2000000:0.025 10:10000000:0.05 5:20000000:0.1 4:25000000:0.125
2:30000000:0.25 1:35000000:0.5

UNI 4 0 0.373 2684 0.001 1 10000000 25000 5 0.1 0.015
75:10000:0.006 50:50000:0.01 40:100000:0.015 25:500000:0.02 20:1000000:0.025 10:5000000:0.05 5:10000000:0.1
4:12500000:0.125 2:25000000:0.25 1:50000000:0.5

ETC 3 2 1.051 100000 0.001 0.01 100000 10000 20 0.1 0.0125
75:10000:0.005 50:50000:0.01 40:80000:0.015 25:400000:0.02 20:800000:0.025 10:3000000:0.05 5:5000000:0.1
4:7000000:0.125 2:8000000:0.25 1:9000000:0.5

XLM 5 0 0.00648 20000 0.00001 1 10000000 1000000 5 0.05 0.0125
75:10000:0.01 50:100000:0.015 25:500000:0.02 20:1000000:0.025 10:5000000:0.05 5:10000000:0.1 4:12500000:0.125
2:25000000:0.25 1:50000000:0.5

FIL 3 1 1.381 10000 0.001 0.1 10000000 30000 5 0.1 0.015
75:20000:0.01 50:200000:0.015 25:400000:0.02 20:800000:0.025 10:3000000:0.05 5:7500000:0.1 4:10000000:0.125
2:12500000:0.25 1:15000000:0.5

APT 5 1 0.001 20000 0.0001 0.1 1000000 100000 5 0.1 0.015
75:10000:0.01 50:100000:0.015 25:900000:0.02 20:1100000:0.025 10:5000000:0.05 5:7000000:0.1 4:8000000:0.125
2:9000000:0.25 1:10000000:0.5

ARB 6 1 0.0001 2000 0.0001 0.1 5000000 1000000 5 0.15 0.015
75:5000:0.006 50:50000:0.01 25:100000:0.015 20:500000:0.02 10:1000000:0.025 5:5000000:0.05 4:6000000:0.1
3:7000000:0.125 2:8000000:0.25 1:9000000:0.5

OP 7 1 0.0001 200 0.0001 0.1 10000000 100000 5 0.1 0.015
75:10000:0.006 50:50000:0.01 40:80000:0.015 25:300000:0.02 20:600000:0.025 10:3000000:0.05 5:6000000:0.1
4:7500000:0.125 2:18000000:0.25 1:30000000:0.5

SUI 6 1 0.0001 2000 0.0001 0.1 10000000 600000 5 0.15 0.015
75:20000:0.01 50:200000:0.015 25:1000000:0.02 20:2000000:0.025 10:10000000:0.05 5:20000000:0.1 4:25000000:0.125
2:50000000:0.25 1:100000000:0.5
"""
