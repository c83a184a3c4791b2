"""exchangeInfo, both ways: a saved one becomes instruments, instruments are shown as one."""

import gzip
from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from bot.domain.errors import Misconfigured
from bot.domain.instrument import Instrument, LotRule, NotionalRule, PercentBand, PriceRule, SideBand, TrailingRule
from bot.domain.money import ZERO, number, plain
from bot.domain.order import OrderType, StpMode
from bot.emulator.wire import Json, text

STATUSES = ("TRADING", "END_OF_DAY", "HALT", "BREAK", "CANCEL_ONLY")
"""Words for how a symbol stands."""
_STP = frozenset(StpMode)
_FLAGS = {
    "icebergAllowed": "iceberg_allowed", "ocoAllowed": "oco_allowed", "otoAllowed": "oto_allowed",
    "opoAllowed": "opo_allowed", "quoteOrderQtyMarketAllowed": "quote_market_allowed",
    "allowTrailingStop": "trailing_allowed", "cancelReplaceAllowed": "replace_allowed", "amendAllowed": "amend_allowed",
    "pegInstructionsAllowed": "pegs_allowed",
}  # fmt: skip


def equipped(instrument: Instrument) -> Instrument:
    """Give an instrument everything that a spot symbol can do today, where its rules say nothing of it."""
    return replace(
        instrument,
        order_types=frozenset(OrderType),
        iceberg_parts=instrument.iceberg_parts or 100,
        trailing=instrument.trailing or TrailingRule(10, 2000, 10, 2000),
        max_algo_orders=instrument.max_algo_orders or 5,
        max_lists=instrument.max_lists or 20,
        max_amends=instrument.max_amends or 10,
        default_stp=StpMode.EXPIRE_MAKER,
        price_range=instrument.price_range
        or SideBand(Decimal("1.03"), Decimal("0.97"), Decimal("1.03"), Decimal("0.97")),
    )


type Sors = tuple[tuple[str, ...], ...]
"""Groups of symbols among which smart order routing works."""


def load(file: Path) -> tuple[dict[str, Instrument], dict[str, list[list[str]]], Sors]:
    """Read instruments, permission sets and routing of a saved exchangeInfo, gzipped or not; Misconfigured if none."""
    try:
        raw = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
        content = msgspec.json.decode(raw)
        rows = content["symbols"]
        sets = {row["symbol"]: row.get("permissionSets") or [row["permissions"]] for row in rows}
        sors = tuple(tuple(group["symbols"]) for group in content.get("sors", ()))
        return {row["symbol"]: instrument_of(row) for row in rows}, sets, sors
    except OSError as error:
        raise Misconfigured(f"{file}: {error.strerror or error}; give the path of a saved exchangeInfo") from error
    except (msgspec.DecodeError, KeyError, TypeError, ValueError, EOFError) as error:
        raise Misconfigured(
            f"{file} is no spot exchangeInfo ({error!r}); save the answer of /api/v3/exchangeInfo"
        ) from error


def instrument_of(row: Mapping[str, Any]) -> Instrument:
    """Read one symbol of exchangeInfo."""
    filters: dict[str, Mapping[str, Any]] = {one["filterType"]: one for one in row["filters"]}
    worth_name = "MIN_NOTIONAL" if "MIN_NOTIONAL" in filters else "NOTIONAL"
    trailing = filters.get("TRAILING_DELTA")
    allowed = row.get("allowedSelfTradePreventionModes")
    minutes = [int(one["avgPriceMins"]) for one in filters.values() if "avgPriceMins" in one]
    plain_rules = Instrument(
        row["symbol"], row["baseAsset"], row["quoteAsset"], status=row["status"],
        price=_price(filters.get("PRICE_FILTER", {})),
        lot=_lot(filters.get("LOT_SIZE", {})), market_lot=_lot(filters.get("MARKET_LOT_SIZE", {})),
        notional=_notional(filters.get(worth_name, {})), notional_name=worth_name,
        band=_band(filters.get("PERCENT_PRICE_BY_SIDE")), percent_price=_percent(filters.get("PERCENT_PRICE")),
        average_minutes=max(minutes, default=0),
        max_orders=int(filters.get("MAX_NUM_ORDERS", {}).get("maxNumOrders", 0)),
        max_algo_orders=int(filters.get("MAX_NUM_ALGO_ORDERS", {}).get("maxNumAlgoOrders", 0)),
        max_iceberg_orders=int(filters.get("MAX_NUM_ICEBERG_ORDERS", {}).get("maxNumIcebergOrders", 0)),
        max_lists=int(filters.get("MAX_NUM_ORDER_LISTS", {}).get("maxNumOrderLists", 0)),
        max_amends=int(filters.get("MAX_NUM_ORDER_AMENDS", {}).get("maxNumOrderAmends", 0)),
        max_position=_amount(filters.get("MAX_POSITION", {}), "maxPosition"),
        iceberg_parts=int(filters.get("ICEBERG_PARTS", {}).get("limit", 0)),
        trailing=None if trailing is None else TrailingRule(
            int(trailing["minTrailingAboveDelta"]), int(trailing["maxTrailingAboveDelta"]),
            int(trailing["minTrailingBelowDelta"]), int(trailing["maxTrailingBelowDelta"]),
        ),
        base_precision=int(row["baseAssetPrecision"]),
        quote_precision=int(row.get("quoteAssetPrecision", row.get("quotePrecision", 8))),
        order_types=frozenset(row["orderTypes"]),
        default_stp=StpMode(row.get("defaultSelfTradePreventionMode", "NONE")),
        allowed_stp=_STP if allowed is None else frozenset(StpMode(one) for one in allowed if one in set(StpMode)),
    )  # fmt: skip
    return replace(plain_rules, **{ours: bool(row[theirs]) for theirs, ours in _FLAGS.items() if theirs in row})


def is_permitted(groups: Iterable[str], sets: list[list[str]]) -> bool:
    """Say whether somebody with these permissions has one of every inner set."""
    held = set(groups)
    return all(held & set(inner) for inner in sets)


def exchange_info(symbols: list[Json], server_ms: int, limits: list[Json], sors: list[Json]) -> Json:
    """The whole of exchangeInfo; `sors` are left out where orders are not routed."""
    info: Json = {
        "timezone": "UTC", "serverTime": server_ms, "rateLimits": limits, "exchangeFilters": [], "symbols": symbols
    }  # fmt: skip
    return info | {"sors": sors} if sors else info


def symbol_info(instrument: Instrument, sets: list[list[str]] | None) -> Json:
    """One symbol of exchangeInfo; its permission sets are left out on request."""
    row: Json = {
        "symbol": instrument.symbol, "status": instrument.status,
        "baseAsset": instrument.base, "baseAssetPrecision": instrument.base_precision,
        "quoteAsset": instrument.quote, "quotePrecision": instrument.quote_precision,
        "quoteAssetPrecision": instrument.quote_precision,
        "baseCommissionPrecision": 8, "quoteCommissionPrecision": 8,
        "orderTypes": sorted(instrument.order_types),
    } | {theirs: getattr(instrument, ours) for theirs, ours in _FLAGS.items()}  # fmt: skip
    row |= {
        "isSpotTradingAllowed": True, "isMarginTradingAllowed": False,
        "filters": filters(instrument), "permissions": [],
    }  # fmt: skip
    if sets is not None:
        row["permissionSets"] = sets
    return row | {
        "defaultSelfTradePreventionMode": instrument.default_stp.value,
        "allowedSelfTradePreventionModes": [mode.value for mode in StpMode if mode in instrument.allowed_stp],
    }  # fmt: skip


PERMISSION_SETS = [["SPOT", "MARGIN"]]
"""One of each inner list is what an account needs."""


def filters(instrument: Instrument) -> list[Json]:
    """The filters of a symbol that its instrument holds orders to."""
    price, worth, minutes = instrument.price, instrument.notional, instrument.average_minutes
    found: list[Json] = [
        {
            "filterType": "PRICE_FILTER", "minPrice": text(price.smallest), "maxPrice": text(price.largest),
            "tickSize": text(price.tick),
        },
        _lot_filter("LOT_SIZE", instrument.lot),
        *_counted("ICEBERG_PARTS", "limit", instrument.iceberg_parts),
        _lot_filter("MARKET_LOT_SIZE", instrument.market_lot),
    ]  # fmt: skip
    if rule := instrument.trailing:
        found.append({
            "filterType": "TRAILING_DELTA", "minTrailingAboveDelta": rule.above_min,
            "maxTrailingAboveDelta": rule.above_max, "minTrailingBelowDelta": rule.below_min,
            "maxTrailingBelowDelta": rule.below_max,
        })  # fmt: skip
    if band := instrument.band:
        found.append({
            "filterType": "PERCENT_PRICE_BY_SIDE", "bidMultiplierUp": plain(band.bid_up),
            "bidMultiplierDown": plain(band.bid_down), "askMultiplierUp": plain(band.ask_up),
            "askMultiplierDown": plain(band.ask_down), "avgPriceMins": minutes,
        })  # fmt: skip
    if percent := instrument.percent_price:
        found.append({
            "filterType": "PERCENT_PRICE", "multiplierUp": plain(percent.up), "multiplierDown": plain(percent.down),
            "avgPriceMins": minutes,
        })  # fmt: skip
    if instrument.notional_name == "MIN_NOTIONAL":
        found.append({
            "filterType": "MIN_NOTIONAL", "minNotional": text(worth.smallest),
            "applyToMarket": worth.smallest_applies_to_market, "avgPriceMins": minutes,
        })  # fmt: skip
    else:
        found.append({
            "filterType": "NOTIONAL", "minNotional": text(worth.smallest),
            "applyMinToMarket": worth.smallest_applies_to_market, "maxNotional": text(worth.largest),
            "applyMaxToMarket": worth.largest_applies_to_market, "avgPriceMins": minutes,
        })  # fmt: skip
    if instrument.max_position:
        found.append({"filterType": "MAX_POSITION", "maxPosition": text(instrument.max_position)})
    counts = [
        *_counted("MAX_NUM_ORDERS", "maxNumOrders", instrument.max_orders),
        *_counted("MAX_NUM_ORDER_LISTS", "maxNumOrderLists", instrument.max_lists),
        *_counted("MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders", instrument.max_algo_orders),
        *_counted("MAX_NUM_ICEBERG_ORDERS", "maxNumIcebergOrders", instrument.max_iceberg_orders),
        *_counted("MAX_NUM_ORDER_AMENDS", "maxNumOrderAmends", instrument.max_amends),
    ]
    return found + counts


def execution_rules(instrument: Instrument) -> Json:
    """The execution rules of a symbol."""
    band = instrument.price_range
    rules = [] if band is None else [{
        "ruleType": "PRICE_RANGE", "bidLimitMultUp": plain(band.bid_up), "bidLimitMultDown": plain(band.bid_down),
        "askLimitMultUp": plain(band.ask_up), "askLimitMultDown": plain(band.ask_down),
    }]  # fmt: skip
    return {"symbol": instrument.symbol, "rules": rules}


def _counted(name: str, field: str, most: int) -> list[Json]:
    return [{"filterType": name, field: most}] if most else []


def _lot_filter(name: str, lot: LotRule) -> Json:
    return {
        "filterType": name, "minQty": text(lot.smallest), "maxQty": text(lot.largest), "stepSize": text(lot.step)
    }  # fmt: skip


def _amount(row: Mapping[str, Any], name: str) -> Decimal:
    return number(row[name]) if name in row else ZERO


def _price(row: Mapping[str, Any]) -> PriceRule:
    return PriceRule(_amount(row, "minPrice"), _amount(row, "maxPrice"), _amount(row, "tickSize"))


def _lot(row: Mapping[str, Any]) -> LotRule:
    return LotRule(_amount(row, "minQty"), _amount(row, "maxQty"), _amount(row, "stepSize"))


def _notional(row: Mapping[str, Any]) -> NotionalRule:
    if "applyToMarket" in row:
        return NotionalRule(_amount(row, "minNotional"), smallest_applies_to_market=bool(row["applyToMarket"]))
    return NotionalRule(
        _amount(row, "minNotional"), _amount(row, "maxNotional"), bool(row.get("applyMinToMarket", True)),
        bool(row.get("applyMaxToMarket", False)),
    )  # fmt: skip


def _band(row: Mapping[str, Any] | None) -> SideBand | None:
    if row is None:
        return None
    names = ("bidMultiplierUp", "bidMultiplierDown", "askMultiplierUp", "askMultiplierDown")
    return SideBand(*(number(row[name]) for name in names))


def _percent(row: Mapping[str, Any] | None) -> PercentBand | None:
    return None if row is None else PercentBand(number(row["multiplierUp"]), number(row["multiplierDown"]))
