"""Public market data as USD-M writes it: prices and quantities padded to the symbol's precision."""

from collections.abc import Iterable
from decimal import Decimal

import msgspec

from bot.domain.market import Candle, PublicTrade, Quote
from bot.emulator.board import Change
from bot.emulator.futures.marks import INTEREST, Mark
from bot.emulator.wire import Json
from bot.simulation.futures.records import FundingRate, FuturesOrder

_USD_M = 1
"""The product family that newer frames name in `st`."""


class Shape(msgspec.Struct, frozen=True):
    """How many decimals a symbol's prices and quantities are written with."""

    price_decimals: int
    quantity_decimals: int

    def price(self, value: float | Decimal) -> str:
        """Write a price."""
        return f"{value:.{self.price_decimals}f}"

    def quantity(self, value: float | Decimal) -> str:
        """Write a quantity."""
        return f"{value:.{self.quantity_decimals}f}"


# REST.


def kline(candle: Candle, shape: Shape) -> list[object]:
    """One candle; nobody knows which side took, so half of the volume did."""
    return [
        candle.open_time, shape.price(candle.open), shape.price(candle.high), shape.price(candle.low),
        shape.price(candle.close), shape.quantity(candle.volume), candle.close_time, f"{candle.quote_volume:.5f}",
        candle.trade_count, shape.quantity(candle.volume / 2), f"{candle.quote_volume / 2:.5f}", "0",
    ]  # fmt: skip


def scaled_kline(candle: Candle, factor: float) -> list[object]:
    """One candle of the mark or index price: the volume columns say nothing."""
    prices = [f"{price * factor:.8f}" for price in (candle.open, candle.high, candle.low, candle.close)]
    return [candle.open_time, *prices, "0", candle.close_time, "0", candle.trade_count, "0", "0", "0"]


def premium_kline(candle: Candle, first: float, last: float) -> list[object]:
    """One candle of the premium, which goes from one value to another."""
    prices = [f"{value:.8f}" for value in (first, max(first, last), min(first, last), last)]
    return [candle.open_time, *prices, "0", candle.close_time, "0", candle.trade_count, "0", "0", "0"]


def levels(rows: Iterable[tuple[float, float]], shape: Shape) -> list[list[str]]:
    """Price levels."""
    return [[shape.price(price), shape.quantity(quantity)] for price, quantity in rows]


def trade(one: PublicTrade, number: int, quantity: float, shape: Shape) -> Json:
    """One single trade."""
    return {
        "id": number, "price": shape.price(one.price), "qty": shape.quantity(quantity),
        "quoteQty": shape.price(one.price * quantity), "time": one.time_ms, "isBuyerMaker": one.is_buyer_maker,
        "isRPITrade": False,
    }  # fmt: skip


def agg_trade(one: PublicTrade, first: int, last: int, shape: Shape) -> Json:
    """Trades of one moment and price."""
    quantity = shape.quantity(one.quantity)
    return {
        "a": one.trade_id, "p": shape.price(one.price), "q": quantity, "nq": quantity, "f": first, "l": last,
        "T": one.time_ms, "m": one.is_buyer_maker,
    }  # fmt: skip


def day_ticker(day: Candle, newest: float, last_id: int, now_ms: int, shape: Shape) -> Json:
    """24 hours of a symbol."""
    return {
        "symbol": day.symbol, "priceChange": shape.price(day.close - day.open),
        "priceChangePercent": _percent(day), "weightedAvgPrice": shape.price(_average(day)),
        "lastPrice": shape.price(day.close), "lastQty": shape.quantity(newest), "openPrice": shape.price(day.open),
        "highPrice": shape.price(day.high), "lowPrice": shape.price(day.low), "volume": shape.quantity(day.volume),
        "quoteVolume": f"{day.quote_volume:.2f}", "openTime": day.open_time, "closeTime": now_ms,
        "firstId": max(1, last_id - day.trade_count + 1), "lastId": last_id, "count": day.trade_count,
    }  # fmt: skip


def book_ticker(quote: Quote, update_id: int, shape: Shape) -> Json:
    """Best prices."""
    return {
        "symbol": quote.symbol, "bidPrice": shape.price(quote.bid), "bidQty": shape.quantity(quote.bid_quantity),
        "askPrice": shape.price(quote.ask), "askQty": shape.quantity(quote.ask_quantity), "time": quote.time_ms,
        "lastUpdateId": update_id,
    }  # fmt: skip


def premium_index(symbol: str, mark: Mark, last_rate: Decimal, now_ms: int) -> Json:
    """Mark price and funding of a symbol."""
    return {
        "symbol": symbol, "markPrice": f"{mark.price:.8f}", "indexPrice": f"{mark.index:.8f}",
        "estimatedSettlePrice": f"{mark.index:.8f}", "lastFundingRate": f"{last_rate:.8f}",
        "interestRate": f"{INTEREST:.8f}", "nextFundingTime": mark.next_ms, "time": now_ms,
    }  # fmt: skip


def funding(rate: FundingRate) -> Json:
    """One funding that happened."""
    return {
        "symbol": rate.symbol, "fundingTime": rate.time_ms, "fundingRate": f"{rate.rate:.8f}",
        "markPrice": f"{rate.mark:.8f}", "rateType": "Regular",
    }  # fmt: skip


# Streams.


def agg_trade_event(one: PublicTrade, first: int, last: int, shape: Shape) -> Json:
    """Frame of <symbol>@aggTrade."""
    return {"e": "aggTrade", "E": one.time_ms, "s": one.symbol, **agg_trade(one, first, last, shape), "st": _USD_M}


def trade_event(one: PublicTrade, number: int, shape: Shape) -> Json:
    """Frame of <symbol>@trade, which is not documented."""
    return {
        "e": "trade", "E": one.time_ms, "T": one.time_ms, "s": one.symbol, "t": number, "p": shape.price(one.price),
        "q": shape.quantity(one.quantity), "X": "MARKET", "m": one.is_buyer_maker,
    }  # fmt: skip


def kline_event(candle: Candle, now_ms: int, last_id: int, shape: Shape) -> Json:
    """Frame of <symbol>@kline_<interval>."""
    return {"e": "kline", "E": now_ms, "s": candle.symbol, "k": {"s": candle.symbol, **_k(candle, last_id, shape)}}


def continuous_event(candle: Candle, now_ms: int, last_id: int, shape: Shape) -> Json:
    """Frame of <pair>_perpetual@continuousKline_<interval>."""
    return {
        "e": "continuous_kline",
        "E": now_ms,
        "ps": candle.symbol,
        "ct": "PERPETUAL",
        "k": _k(candle, last_id, shape),
    }


def mark_event(symbol: str, mark: Mark, now_ms: int) -> Json:
    """Frame of <symbol>@markPrice."""
    return {
        "e": "markPriceUpdate", "E": now_ms, "s": symbol, "p": f"{mark.price:.8f}", "ap": f"{mark.price:.8f}",
        "P": f"{mark.index:.8f}", "i": f"{mark.index:.8f}", "r": f"{mark.rate:.8f}", "T": mark.next_ms, "st": _USD_M,
    }  # fmt: skip


def book_ticker_event(quote: Quote, update_id: int, shape: Shape) -> Json:
    """Frame of <symbol>@bookTicker."""
    return {
        "e": "bookTicker", "u": update_id, "E": quote.time_ms, "T": quote.time_ms, "s": quote.symbol,
        "ps": quote.symbol, "b": shape.price(quote.bid), "B": shape.quantity(quote.bid_quantity),
        "a": shape.price(quote.ask), "A": shape.quantity(quote.ask_quantity), "st": _USD_M,
    }  # fmt: skip


def mini_ticker_event(day: Candle, now_ms: int, shape: Shape) -> Json:
    """Frame of <symbol>@miniTicker."""
    return {
        "e": "24hrMiniTicker", "E": now_ms, "s": day.symbol, "ps": day.symbol, "c": shape.price(day.close),
        "o": shape.price(day.open), "h": shape.price(day.high), "l": shape.price(day.low),
        "v": shape.quantity(day.volume), "q": f"{day.quote_volume:.2f}", "st": _USD_M,
    }  # fmt: skip


def day_ticker_event(day: Candle, newest: float, last_id: int, now_ms: int, shape: Shape) -> Json:
    """Frame of <symbol>@ticker."""
    return {
        "e": "24hrTicker", "E": now_ms, "s": day.symbol, "ps": day.symbol, "p": shape.price(day.close - day.open),
        "P": _percent(day), "w": shape.price(_average(day)), "c": shape.price(day.close),
        "Q": shape.quantity(newest), "o": shape.price(day.open), "h": shape.price(day.high), "l": shape.price(day.low),
        "v": shape.quantity(day.volume), "q": f"{day.quote_volume:.2f}", "O": day.open_time, "C": now_ms,
        "F": max(1, last_id - day.trade_count + 1), "L": last_id, "n": day.trade_count, "st": _USD_M,
    }  # fmt: skip


def depth_event(symbol: str, change: Change, now_ms: int, shape: Shape) -> Json:
    """Frame of <symbol>@depth: `pu` is the `u` of the frame before."""
    return {
        "e": "depthUpdate", "E": now_ms, "T": now_ms, "s": symbol, "ps": symbol, "U": change.first, "u": change.last,
        "pu": change.previous, "b": levels(change.bids.items(), shape), "a": levels(change.asks.items(), shape),
        "st": _USD_M,
    }  # fmt: skip


def force_order_event(order: FuturesOrder, now_ms: int, shape: Shape) -> Json:
    """Frame of <symbol>@forceOrder: a liquidation as everybody sees it."""
    return {
        "e": "forceOrder", "E": now_ms, "ps": order.symbol, "st": _USD_M,
        "o": {
            "s": order.symbol, "S": order.side, "o": order.type, "f": order.time_in_force,
            "q": shape.quantity(order.quantity), "p": shape.price(order.price or Decimal(0)),
            "ap": shape.price(order.average_price), "X": order.state, "l": shape.quantity(order.filled),
            "z": shape.quantity(order.filled), "T": order.updated_ms,
        },
    }  # fmt: skip


def _k(candle: Candle, last_id: int, shape: Shape) -> Json:
    return {
        "t": candle.open_time, "T": candle.close_time, "i": candle.interval,
        "f": max(1, last_id - candle.trade_count + 1), "L": last_id, "o": shape.price(candle.open),
        "c": shape.price(candle.close), "h": shape.price(candle.high), "l": shape.price(candle.low),
        "v": shape.quantity(candle.volume), "n": candle.trade_count, "x": candle.is_closed,
        "q": f"{candle.quote_volume:.5f}", "V": shape.quantity(candle.volume / 2),
        "Q": f"{candle.quote_volume / 2:.5f}", "B": "0",
    }  # fmt: skip


def _percent(day: Candle) -> str:
    return f"{(day.close / day.open - 1) * 100 if day.open else 0.0:.3f}"


def _average(day: Candle) -> float:
    return day.quote_volume / day.volume if day.volume else day.close
