"""Binance's field names, as its spot servers write them. Numbers that are paid are strings with 8 decimals."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import msgspec

from bot.domain.instrument import Instrument, LotRule
from bot.domain.market import Candle, PublicTrade, Quote
from bot.domain.money import plain

Json = dict[str, Any]
encode = msgspec.json.Encoder().encode


def text(value: float | Decimal) -> str:
    """Write a number as REST does: 8 decimals, no exponent."""
    return f"{value:.8f}"


def kline_row(candle: Candle) -> list[Any]:
    """One row of REST klines. Half of the volume counts as bought by takers: candles do not say how much was."""
    return [
        candle.open_time, text(candle.open), text(candle.high), text(candle.low), text(candle.close),
        text(candle.volume), candle.close_time, text(candle.quote_volume), candle.trade_count,
        text(candle.volume / 2), text(candle.quote_volume / 2), "0",
    ]  # fmt: skip


def kline_event(candle: Candle, event_ms: int, last_id: int) -> Json:
    """One frame of a kline stream; `last_id` is the newest public trade."""
    has_trades = candle.trade_count > 0
    return {
        "e": "kline", "E": event_ms, "s": candle.symbol,
        "k": {
            "t": candle.open_time, "T": candle.close_time, "s": candle.symbol, "i": candle.interval,
            "f": last_id - candle.trade_count + 1 if has_trades else -1, "L": last_id if has_trades else -1,
            "o": text(candle.open), "c": text(candle.close), "h": text(candle.high), "l": text(candle.low),
            "v": text(candle.volume), "n": candle.trade_count, "x": candle.is_closed,
            "q": text(candle.quote_volume), "V": text(candle.volume / 2), "Q": text(candle.quote_volume / 2),
            "B": "0",
        },
    }  # fmt: skip


def agg_trade_event(trade: PublicTrade, first_id: int, last_id: int) -> Json:
    """One frame of an aggTrade stream: the trades `first_id` to `last_id` at one price."""
    return {
        "e": "aggTrade", "E": trade.time_ms, "s": trade.symbol, "a": trade.trade_id, "p": text(trade.price),
        "q": text(trade.quantity), "f": first_id, "l": last_id, "T": trade.time_ms,
        "m": trade.is_buyer_maker, "M": True,
    }  # fmt: skip


def agg_trade_row(trade: PublicTrade, first_id: int, last_id: int) -> Json:
    """One row of REST aggTrades."""
    event = agg_trade_event(trade, first_id, last_id)
    return {name: event[name] for name in ("a", "p", "q", "f", "l", "T", "m", "M")}


def trade_event(trade: PublicTrade, last_id: int) -> Json:
    """One frame of a trade stream: what happened in one tick, as a single trade."""
    return {
        "e": "trade", "E": trade.time_ms, "s": trade.symbol, "t": last_id, "p": text(trade.price),
        "q": text(trade.quantity), "T": trade.time_ms, "m": trade.is_buyer_maker, "M": True,
    }  # fmt: skip


def trade_row(trade: PublicTrade, last_id: int) -> Json:
    """One row of REST trades."""
    return {
        "id": last_id, "price": text(trade.price), "qty": text(trade.quantity),
        "quoteQty": text(trade.price * trade.quantity), "time": trade.time_ms,
        "isBuyerMaker": trade.is_buyer_maker, "isBestMatch": True,
    }  # fmt: skip


def book_ticker_event(quote: Quote, update_id: int) -> Json:
    """One frame of a bookTicker stream: on spot it has no event name and no time."""
    return {
        "u": update_id, "s": quote.symbol, "b": text(quote.bid), "B": text(quote.bid_quantity),
        "a": text(quote.ask), "A": text(quote.ask_quantity),
    }  # fmt: skip


def book_ticker_row(quote: Quote) -> Json:
    """One row of REST ticker/bookTicker."""
    return {
        "symbol": quote.symbol, "bidPrice": text(quote.bid), "bidQty": text(quote.bid_quantity),
        "askPrice": text(quote.ask), "askQty": text(quote.ask_quantity),
    }  # fmt: skip


def mini_ticker_event(day: Candle, event_ms: int) -> Json:
    """One frame of a miniTicker stream; `day` covers the last 24 hours."""
    return {
        "e": "24hrMiniTicker", "E": event_ms, "s": day.symbol, "c": text(day.close), "o": text(day.open),
        "h": text(day.high), "l": text(day.low), "v": text(day.volume), "q": text(day.quote_volume),
    }  # fmt: skip


def day_ticker_row(day: Candle, quote: Quote, last_quantity: float, last_id: int, *, is_mini: bool) -> Json:
    """One row of REST ticker/24hr, FULL or MINI."""
    mini = {
        "symbol": day.symbol, "openPrice": text(day.open), "highPrice": text(day.high),
        "lowPrice": text(day.low), "lastPrice": text(day.close), "volume": text(day.volume),
        "quoteVolume": text(day.quote_volume), "openTime": day.open_time, "closeTime": day.close_time,
        "firstId": last_id - day.trade_count + 1 if day.trade_count else -1,
        "lastId": last_id if day.trade_count else -1, "count": day.trade_count,
    }  # fmt: skip
    if is_mini:
        return mini
    average = day.quote_volume / day.volume if day.volume else day.close
    return mini | {
        "priceChange": text(day.close - day.open),
        "priceChangePercent": f"{(day.close / day.open - 1) * 100:.3f}",
        "weightedAvgPrice": text(average), "prevClosePrice": text(day.open), "lastQty": text(last_quantity),
        "bidPrice": text(quote.bid), "bidQty": text(quote.bid_quantity),
        "askPrice": text(quote.ask), "askQty": text(quote.ask_quantity),
    }  # fmt: skip


def rate_limits(weight: int, orders_10s: int, orders_day: int) -> list[Json]:
    """The limits that exchangeInfo declares."""
    return [
        {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": weight},
        order_limit("SECOND", 10, orders_10s),
        order_limit("DAY", 1, orders_day),
        {"rateLimitType": "RAW_REQUESTS", "interval": "MINUTE", "intervalNum": 5, "limit": 300_000},
    ]


def order_limit(interval: str, number: int, limit: int) -> Json:
    """One limit of unfilled orders."""
    return {"rateLimitType": "ORDERS", "interval": interval, "intervalNum": number, "limit": limit}


def exchange_info(instruments: Iterable[Instrument], server_ms: int, limits: list[Json]) -> Json:
    """The whole of exchangeInfo."""
    symbols = [symbol_info(instrument) for instrument in instruments]
    return {"timezone": "UTC", "serverTime": server_ms, "rateLimits": limits, "exchangeFilters": [], "symbols": symbols}


def symbol_info(instrument: Instrument) -> Json:
    """One symbol of exchangeInfo. It declares only what this exchange can do."""
    return {
        "symbol": instrument.symbol, "status": instrument.status,
        "baseAsset": instrument.base, "baseAssetPrecision": instrument.base_precision,
        "quoteAsset": instrument.quote, "quotePrecision": instrument.quote_precision,
        "quoteAssetPrecision": instrument.quote_precision,
        "baseCommissionPrecision": 8, "quoteCommissionPrecision": 8,
        "orderTypes": sorted(instrument.order_types),
        "icebergAllowed": False, "ocoAllowed": False, "otoAllowed": False, "opoAllowed": False,
        "quoteOrderQtyMarketAllowed": True, "allowTrailingStop": False, "cancelReplaceAllowed": False,
        "amendAllowed": False, "pegInstructionsAllowed": False,
        "isSpotTradingAllowed": True, "isMarginTradingAllowed": False,
        "filters": filters(instrument), "permissions": [], "permissionSets": [["SPOT"]],
        "defaultSelfTradePreventionMode": "EXPIRE_MAKER",
        "allowedSelfTradePreventionModes": ["NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH"],
    }  # fmt: skip


def filters(instrument: Instrument) -> list[Json]:
    """The filters of a symbol that its instrument holds orders to."""
    price, worth = instrument.price, instrument.notional
    found: list[Json] = [
        {
            "filterType": "PRICE_FILTER", "minPrice": text(price.smallest), "maxPrice": text(price.largest),
            "tickSize": text(price.tick),
        },
        _lot_filter("LOT_SIZE", instrument.lot),
        _lot_filter("MARKET_LOT_SIZE", instrument.market_lot),
        {
            "filterType": "NOTIONAL", "minNotional": text(worth.smallest),
            "applyMinToMarket": worth.smallest_applies_to_market, "maxNotional": text(worth.largest),
            "applyMaxToMarket": worth.largest_applies_to_market, "avgPriceMins": 0,
        },
        {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": instrument.max_orders},
    ]  # fmt: skip
    if band := instrument.band:
        found.append({
            "filterType": "PERCENT_PRICE_BY_SIDE", "bidMultiplierUp": plain(band.bid_up),
            "bidMultiplierDown": plain(band.bid_down), "askMultiplierUp": plain(band.ask_up),
            "askMultiplierDown": plain(band.ask_down), "avgPriceMins": 0,
        })  # fmt: skip
    return found


def _lot_filter(name: str, lot: LotRule) -> Json:
    return {
        "filterType": name, "minQty": text(lot.smallest), "maxQty": text(lot.largest), "stepSize": text(lot.step)
    }  # fmt: skip


def depth(last_update_id: int, bids: Iterable[tuple[float, float]], asks: Iterable[tuple[float, float]]) -> Json:
    """An order book by levels, best first."""
    return {
        "lastUpdateId": last_update_id,
        "bids": [[text(price), text(quantity)] for price, quantity in bids],
        "asks": [[text(price), text(quantity)] for price, quantity in asks],
    }
