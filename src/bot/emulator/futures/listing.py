"""Which contracts are listed: those of a saved exchangeInfo, bundled ones, or plain ones made for what is played."""

import gzip
import zlib
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from bot.domain.errors import Misconfigured
from bot.domain.instrument import Instrument, LotRule, NotionalRule, PriceRule
from bot.domain.market import Market
from bot.domain.money import plain
from bot.emulator.wire import Json
from bot.simulation.futures.brackets import Ladder, ladder, read_ladder
from bot.simulation.futures.contracts import Contract, Listing, bundled, read_contract

MARGIN_ASSETS = ("USDT", "USDC", "BTC", "BNB", "ETH", "FDUSD")
ORDER_TYPES = ("LIMIT", "MARKET", "STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET")
_DOLLARS = ("USDT", "USDC")
_STEPS = (
    (50, Decimal(10_000), Decimal("0.01")),
    (25, Decimal(100_000), Decimal("0.02")),
    (10, Decimal(1_000_000), Decimal("0.05")),
    (5, Decimal(5_000_000), Decimal("0.1")),
    (1, Decimal(20_000_000), Decimal("0.5")),
)
"""Leverage, largest notional and maintenance ratio of a contract that no table knows."""


class Listed(msgspec.Struct, frozen=True):
    """The contracts of a market, with their rows as exchangeInfo shows them."""

    contracts: dict[str, Contract]
    ladders: dict[str, Ladder]
    rows: list[Json]
    assets: list[Json]


def list_contracts(
    instruments: Mapping[str, Instrument], *, exchange_info: Path | None = None, brackets: Path | None = None
) -> Listed:
    """Give the contracts for what the market plays; only pairs against a dollar coin have one."""
    saved = _read(exchange_info) if exchange_info else {}
    rows = {str(row["symbol"]): row for row in saved.get("symbols", [])} if saved.get("futuresType") else {}
    ladders, known = read_brackets(brackets) if brackets else {}, bundled()
    contracts: dict[str, Contract] = {}
    shown: list[Json] = []
    for symbol, instrument in instruments.items():
        if symbol in rows:
            contracts[symbol] = read_contract(rows[symbol])
            shown.append(rows[symbol])
        elif instrument.quote in _DOLLARS:
            contracts[symbol] = known[symbol].contract if symbol in known else _plain_contract(instrument)
            shown.append(row_of(contracts[symbol]))
    found = {symbol: ladders.get(symbol) or _ladder(known.get(symbol)) for symbol in contracts}
    return Listed(contracts, found, shown, saved.get("assets") or [_asset(name) for name in MARGIN_ASSETS])


def read_brackets(file: Path) -> dict[str, Ladder]:
    """Read leverage brackets: the endpoint's own list, or lists by symbol (also written as BTC/USDT:USDT)."""
    content = _read(file)
    lists = content.items() if isinstance(content, dict) else ((row["symbol"], row["brackets"]) for row in content)
    try:
        return {_symbol(str(name)): read_ladder(rows) for name, rows in lists}
    except (KeyError, TypeError, ValueError) as error:
        raise Misconfigured(f"{file}: {error}; it has to hold the answer of /fapi/v1/leverageBracket") from error


def _symbol(name: str) -> str:
    """Give Binance's name: BTCUSDT of BTC/USDT:USDT, BTCUSDT_261225 of the quarterly BTC/USDT:USDT-261225."""
    pair, _, settled = name.partition(":")
    _, dash, date = settled.partition("-")
    return pair.replace("/", "") + (f"_{date}" if dash else "")


def row_of(contract: Contract) -> Json:
    """Write a contract as one of exchangeInfo's symbols."""
    rules, lot, market_lot = contract.rules, contract.rules.lot, contract.rules.market_lot
    return {
        "symbol": rules.symbol, "pair": rules.symbol, "contractType": "PERPETUAL", "deliveryDate": 4133404800000,
        "onboardDate": 1569398400000, "status": rules.status, "maintMarginPercent": "2.5000",
        "requiredMarginPercent": "5.0000", "baseAsset": rules.base, "quoteAsset": rules.quote,
        "marginAsset": contract.margin_asset, "pricePrecision": rules.quote_precision,
        "quantityPrecision": rules.base_precision, "baseAssetPrecision": 8, "quotePrecision": 8,
        "underlyingType": "COIN", "underlyingSubType": [], "triggerProtect": f"{contract.trigger_protect:.4f}",
        "liquidationFee": f"{contract.liquidation_fee:.6f}", "marketTakeBound": f"{contract.market_take_bound:.2f}",
        "maxMoveOrderLimit": contract.max_changes,
        "filters": [
            {
                "filterType": "PRICE_FILTER", "minPrice": plain(rules.price.smallest),
                "maxPrice": plain(rules.price.largest), "tickSize": f"{rules.price.tick:.{rules.quote_precision}f}",
            },
            _lot_row("LOT_SIZE", lot),
            _lot_row("MARKET_LOT_SIZE", market_lot),
            {"filterType": "MAX_NUM_ORDERS", "limit": rules.max_orders},
            {"filterType": "MIN_NOTIONAL", "notional": plain(rules.notional.smallest)},
            {
                "filterType": "PERCENT_PRICE", "multiplierUp": f"{contract.up:.4f}",
                "multiplierDown": f"{contract.down:.4f}", "multiplierDecimal": "4",
            },
            {"filterType": "POSITION_RISK_CONTROL", "positionControlSide": "NONE"},
        ],
        "orderTypes": list(ORDER_TYPES), "timeInForce": ["GTC", "IOC", "FOK", "GTX", "GTD"],
        "permissionSets": ["GRID", "COPY"],
    }  # fmt: skip


def phase(symbol: str) -> float:
    """Give a number from 0 up to 1 that is always the same for a symbol."""
    return zlib.crc32(symbol.encode()) % 10_000 / 10_000


def _lot_row(name: str, lot: LotRule) -> Json:
    return {
        "filterType": name, "minQty": plain(lot.smallest), "maxQty": plain(lot.largest), "stepSize": plain(lot.step)
    }  # fmt: skip


def _asset(name: str) -> Json:
    return {"asset": name, "marginAvailable": True, "autoAssetExchange": "-10000" if name in _DOLLARS else "0"}


def _ladder(known: Listing | None) -> Ladder:
    return known.ladder if known else ladder(_STEPS)


def _plain_contract(instrument: Instrument) -> Contract:
    """Make a contract with the grid of an instrument and usual bounds."""
    tick, lot = instrument.price.tick, instrument.lot
    rules = Instrument(
        symbol=instrument.symbol, base=instrument.base, quote=instrument.quote, market=Market.FUTURES,
        price=PriceRule(tick, instrument.price.largest, tick),
        lot=LotRule(lot.step, lot.largest, lot.step), market_lot=LotRule(lot.step, lot.largest, lot.step),
        notional=NotionalRule(smallest=Decimal(5)),
        base_precision=_decimals(lot.step), quote_precision=_decimals(tick), order_types=frozenset(ORDER_TYPES),
    )  # fmt: skip
    return Contract(rules, instrument.quote)


def _decimals(step: Decimal) -> int:
    text = plain(step)
    return len(text.partition(".")[2])


def _read(file: Path) -> Any:
    try:
        raw = file.read_bytes()
        return msgspec.json.decode(gzip.decompress(raw) if file.suffix == ".gz" else raw)
    except OSError as error:
        raise Misconfigured(f"{file}: {error.strerror or error}; give the path of a JSON file") from error
    except (msgspec.DecodeError, EOFError, zlib.error) as error:
        raise Misconfigured(f"{file}: {error}; give a JSON file, gzipped or not") from error
