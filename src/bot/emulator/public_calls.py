"""What anybody may ask of the exchange: time, rules, candles, trades, books, tickers."""

from collections.abc import Callable
from typing import Any

from bot.emulator import wire
from bot.emulator.faults import ApiError, bad_symbol
from bot.emulator.gateway import Public, PublicAct
from bot.emulator.market import Board
from bot.emulator.params import Params
from bot.emulator.venue import Venue


def ping(params: Params) -> PublicAct:
    """Answer with nothing."""
    params.done()
    return lambda _: {}


def server_time(params: Params) -> PublicAct:
    """Give wall time, see `market` about the two clocks."""
    params.done()
    return lambda venue: {"serverTime": venue.wall_ms}


def exchange_info(params: Params) -> PublicAct:
    """Give the rules of some symbols or of all."""
    wanted = params.symbols()
    for ignored in ("permissions", "symbolStatus", "showPermissionSets"):
        params.maybe(ignored)
    params.done()

    def act(venue: Venue) -> wire.Json:
        known = venue.instruments
        if any(symbol not in known for symbol in wanted or ()):
            raise bad_symbol()
        config = venue.config
        limits = wire.rate_limits(config.weight_per_minute, config.orders_per_10s, config.orders_per_day)
        return wire.exchange_info([known[symbol] for symbol in wanted or known], venue.wall_ms, limits)

    return act


def klines(params: Params) -> PublicAct:
    """Give closed candles."""
    symbol, interval = params.symbol(), params.interval()
    start, end, limit = params.whole("startTime"), params.whole("endTime"), params.limit(500, 1_000)
    params.maybe("timeZone")
    params.done()
    return lambda venue: [
        wire.kline_row(candle) for candle in venue.board(symbol).series.klines(interval, start, end, limit)
    ]


def depth(params: Params) -> PublicAct:
    """Give a made-up order book around the last price."""
    symbol, limit = params.symbol(), params.limit(100, 5_000)
    params.done()

    def act(venue: Venue) -> wire.Json:
        board = venue.board(symbol)
        return wire.depth(board.update_id, *board.levels(limit))

    return act


def trades(params: Params) -> PublicAct:
    """Give the newest trades."""
    symbol, limit = params.symbol(), params.limit(500, 1_000)
    params.done()
    return lambda venue: [wire.trade_row(trade, last) for trade, _, last in list(venue.board(symbol).trades)[-limit:]]


def agg_trades(params: Params) -> PublicAct:
    """Give aggregate trades: the newest, those from an id on, or those of a time range."""
    symbol, limit = params.symbol(), params.limit(500, 1_000)
    from_id, start, end = params.whole("fromId"), params.whole("startTime"), params.whole("endTime")
    params.done()

    def act(venue: Venue) -> list[wire.Json]:
        rows = [
            row
            for row in venue.board(symbol).trades
            if (from_id is None or row[0].trade_id >= from_id)
            and (start is None or row[0].time_ms >= start)
            and (end is None or row[0].time_ms <= end)
        ]
        chosen = rows[-limit:] if from_id is None and start is None else rows[:limit]
        return [wire.agg_trade_row(*row) for row in chosen]

    return act


def average_price(params: Params) -> PublicAct:
    """Give the volume-weighted price of the last five minutes."""
    symbol = params.symbol()
    params.done()

    def act(venue: Venue) -> wire.Json:
        board = venue.board(symbol)
        recent = board.series.klines(board.series.base, venue.now_ms - 300_000, None, 300)
        volume = sum(candle.volume for candle in recent)
        price = sum(candle.quote_volume for candle in recent) / volume if volume else board.last
        return {"mins": 5, "price": wire.text(price), "closeTime": venue.now_ms}

    return act


def price_ticker(params: Params) -> PublicAct:
    """Give last prices."""
    return _for_symbols(params, lambda _, board: {"symbol": board.symbol, "price": wire.text(board.last)})


def book_ticker(params: Params) -> PublicAct:
    """Give best bids and asks."""
    return _for_symbols(params, lambda venue, board: wire.book_ticker_row(board.quote(venue.now_ms)))


def day_ticker(params: Params) -> PublicAct:
    """Give statistics of the last 24 hours of market time."""
    kind = params.choice("type", ("FULL", "MINI"), ApiError(-1139, "Invalid ticker type."))

    def row(venue: Venue, board: Board) -> wire.Json:
        quote, newest = board.quote(venue.now_ms), board.trades[-1][0].quantity if board.trades else 0.0
        day = board.day(venue.now_ms)
        return wire.day_ticker_row(day, quote, newest, board.last_trade_id, is_mini=kind == "MINI")

    return _for_symbols(params, row)


def _for_symbols(params: Params, row: Callable[[Venue, Board], wire.Json]) -> PublicAct:
    """Give one object for `symbol`, a list for `symbols` or for all."""
    is_single = params.peek("symbol") is not None
    wanted = params.symbols()
    params.done()

    def act(venue: Venue) -> Any:
        rows = [row(venue, venue.board(symbol)) for symbol in wanted or venue.instruments]
        return rows[0] if is_single else rows

    return act


def _depth_weight(params: Params) -> int:
    asked = params.peek("limit") or "100"
    limit = int(asked) if asked.isascii() and asked.isdigit() else 100
    return next((weight for most, weight in ((100, 5), (500, 25), (1_000, 50)) if limit <= most), 250)


def _ticker_weight(params: Params) -> int:
    return 2 if params.peek("symbol") else 4


def _day_weight(params: Params) -> int:
    if params.peek("symbol"):
        return 2
    many = (params.peek("symbols") or "," * 100).count(",") + 1
    return 2 if many <= 20 else 40 if many <= 100 else 80


PING = Public(ping)
TIME = Public(server_time)
EXCHANGE_INFO = Public(exchange_info, 20)
KLINES = Public(klines, 2)
DEPTH = Public(depth, _depth_weight)
TRADES = Public(trades, 25)
AGG_TRADES = Public(agg_trades, 4)
AVERAGE_PRICE = Public(average_price, 2)
PRICE_TICKER = Public(price_ticker, _ticker_weight)
BOOK_TICKER = Public(book_ticker, _ticker_weight)
DAY_TICKER = Public(day_ticker, _day_weight)
