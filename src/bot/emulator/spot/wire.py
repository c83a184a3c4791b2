"""Binance's field names for the market, as its spot servers write them. Numbers are strings with 8 decimals."""

from collections.abc import Iterable
from typing import Any

from bot.domain.market import Candle, PublicTrade, Quote
from bot.emulator.board import Change
from bot.emulator.wire import Json, text


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


def day_ticker_event(day: Candle, quote: Quote, last_quantity: float, last_id: int, event_ms: int) -> Json:
    """One frame of a ticker stream."""
    average = day.quote_volume / day.volume if day.volume else day.close
    return {
        "e": "24hrTicker", "E": event_ms, "s": day.symbol, "p": text(day.close - day.open),
        "P": _percent(day), "w": text(average), "x": text(day.open), "c": text(day.close), "Q": text(last_quantity),
        "b": text(quote.bid), "B": text(quote.bid_quantity), "a": text(quote.ask), "A": text(quote.ask_quantity),
        "o": text(day.open), "h": text(day.high), "l": text(day.low), "v": text(day.volume),
        "q": text(day.quote_volume), "O": day.open_time, "C": day.close_time, "F": _first_id(day, last_id),
        "L": last_id if day.trade_count else -1, "n": day.trade_count,
    }  # fmt: skip


def rolling_event(window: str, part: Candle, last_id: int, event_ms: int) -> Json:
    """One frame of a rolling ticker stream; `window` is 1h, 4h or 1d."""
    average = part.quote_volume / part.volume if part.volume else part.close
    return {
        "e": f"{window}Ticker", "E": event_ms, "s": part.symbol, "p": text(part.close - part.open),
        "P": _percent(part), "o": text(part.open), "h": text(part.high), "l": text(part.low), "c": text(part.close),
        "w": text(average), "v": text(part.volume), "q": text(part.quote_volume), "O": part.open_time,
        "C": part.close_time, "F": _first_id(part, last_id), "L": last_id if part.trade_count else -1,
        "n": part.trade_count,
    }  # fmt: skip


def rolling_row(part: Candle, last_id: int, *, is_mini: bool) -> Json:
    """One row of REST ticker or ticker/tradingDay, FULL or MINI."""
    mini = {
        "symbol": part.symbol, "openPrice": text(part.open), "highPrice": text(part.high),
        "lowPrice": text(part.low), "lastPrice": text(part.close), "volume": text(part.volume),
        "quoteVolume": text(part.quote_volume), "openTime": part.open_time, "closeTime": part.close_time,
        "firstId": _first_id(part, last_id), "lastId": last_id if part.trade_count else -1,
        "count": part.trade_count,
    }  # fmt: skip
    if is_mini:
        return mini
    average = part.quote_volume / part.volume if part.volume else part.close
    return mini | {
        "priceChange": text(part.close - part.open), "priceChangePercent": _percent(part),
        "weightedAvgPrice": text(average),
    }  # fmt: skip


def day_ticker_row(day: Candle, quote: Quote, last_quantity: float, last_id: int, *, is_mini: bool) -> Json:
    """One row of REST ticker/24hr, FULL or MINI."""
    row = rolling_row(day, last_id, is_mini=is_mini)
    if is_mini:
        return row
    return row | {
        "prevClosePrice": text(day.open), "lastQty": text(last_quantity),
        "bidPrice": text(quote.bid), "bidQty": text(quote.bid_quantity),
        "askPrice": text(quote.ask), "askQty": text(quote.ask_quantity),
    }  # fmt: skip


def average_event(symbol: str, price: float, event_ms: int) -> Json:
    """One frame of an avgPrice stream."""
    return {"e": "avgPrice", "E": event_ms, "s": symbol, "i": "5m", "w": text(price), "T": event_ms}


def reference_event(symbol: str, price: str | None, event_ms: int) -> Json:
    """One frame of a referencePrice stream."""
    return {"e": "referencePrice", "s": symbol, "r": price, "t": event_ms}


def depth_event(symbol: str, change: Change, event_ms: int) -> Json:
    """One frame of a diff. depth stream: quantities are absolute."""
    return {
        "e": "depthUpdate", "E": event_ms, "s": symbol, "U": change.first, "u": change.last,
        "b": _pairs(change.bids.items()), "a": _pairs(change.asks.items()),
    }  # fmt: skip


def depth(last_update_id: int, bids: Iterable[tuple[float, float]], asks: Iterable[tuple[float, float]]) -> Json:
    """An order book by levels, best first."""
    return {
        "lastUpdateId": last_update_id,
        "bids": _pairs(bids),
        "asks": _pairs(asks),
    }


def _pairs(levels: Iterable[tuple[float, float]]) -> list[list[str]]:
    return [[text(price), text(quantity)] for price, quantity in levels]


def _percent(part: Candle) -> str:
    return f"{(part.close / part.open - 1) * 100:.3f}" if part.open else "0.000"


def _first_id(part: Candle, last_id: int) -> int:
    return last_id - part.trade_count + 1 if part.trade_count else -1
