"""Requests that anybody may make of USD-M."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from bot.emulator.board import Board
from bot.emulator.futures import wire
from bot.emulator.futures.marks import premium, share
from bot.emulator.gateway import Public
from bot.emulator.limits import order_limit
from bot.emulator.params import Params
from bot.emulator.refusals import ApiError, bad_combination, bad_request, missing
from bot.emulator.series import Series
from bot.emulator.wire import Json

if TYPE_CHECKING:
    from bot.emulator.futures.venue import FuturesVenue

type Act = Callable[["FuturesVenue"], Any]
_DEPTH_WEIGHTS = {5: 2, 10: 2, 20: 2, 50: 2, 100: 5, 500: 10, 1_000: 20}
_KLINES_MAX = 1_500
_HOUR_MS = 3_600_000


def ping(params: Params) -> Act:
    """Say nothing."""
    params.done()
    return lambda _: {}


def server_time(params: Params) -> Act:
    """Give server time."""
    params.done()
    return lambda venue: {"serverTime": venue.wall_ms}


def exchange_info(params: Params) -> Act:
    """Give limits and the rules of every contract."""
    params.done()
    return _exchange_info


def depth(params: Params) -> Act:
    """Give the best levels of a book."""
    symbol, limit = params.symbol(), params.whole("limit")
    params.done()
    if limit is not None and limit not in _DEPTH_WEIGHTS:
        raise ApiError(-4021, f"Depth limit of {limit} is not valid; it has to be one of {[*_DEPTH_WEIGHTS]}.")

    def act(venue: "FuturesVenue") -> Json:
        board, shape = venue.fresh_board(symbol), venue.shapes[symbol]
        bids, asks = board.levels(limit or 500)
        return {
            "lastUpdateId": board.update_id, "E": venue.now_ms, "T": venue.now_ms,
            "bids": wire.levels(bids, shape), "asks": wire.levels(asks, shape),
        }  # fmt: skip

    return act


def depth_weight(params: Params) -> int:
    """Weigh a book by its levels."""
    limit = params.peek("limit") or "500"
    return _DEPTH_WEIGHTS.get(int(limit), 2) if limit.isascii() and limit.isdigit() else 2


def trades(params: Params) -> Act:
    """Give the newest single trades."""
    symbol, limit = params.symbol(), params.limit(500, 1_000)
    params.done()

    def act(venue: "FuturesVenue") -> list[Json]:
        board, shape = venue.board(symbol), venue.shapes[symbol]
        rows = [
            wire.trade(one, number, one.quantity / (last - first + 1), shape)
            for one, first, last in board.trades
            for number in range(first, last + 1)
        ]
        return rows[-limit:]

    return act


def historical_trades(params: Params) -> Act:
    """Give single trades from an id on."""
    symbol, limit, first_id = params.symbol(), params.limit(100, 500), params.whole("fromId")
    params.done()

    def act(venue: "FuturesVenue") -> list[Json]:
        board, shape = venue.board(symbol), venue.shapes[symbol]
        rows = [
            wire.trade(one, number, one.quantity / (last - first + 1), shape)
            for one, first, last in board.trades
            for number in range(first, last + 1)
            if first_id is None or number >= first_id
        ]
        return rows[-limit:] if first_id is None else rows[:limit]

    return act


def agg_trades(params: Params) -> Act:
    """Give trades of one moment and price, from an id or in a time."""
    symbol, limit, first_id = params.symbol(), params.limit(500, 1_000), params.whole("fromId")
    start, end = span(params)
    params.done()
    if first_id is not None and (start is not None or end is not None):
        raise bad_combination()
    if start is not None and end is not None and end - start > _HOUR_MS:
        raise ApiError(-1127, "Lookup interval is too big; it may be 1 hour.")

    def act(venue: "FuturesVenue") -> list[Json]:
        board, shape = venue.board(symbol), venue.shapes[symbol]
        rows = [
            wire.agg_trade(*row, shape)
            for row in board.trades
            if (first_id is None or row[0].trade_id >= first_id) and _within(row[0].time_ms, start, end)
        ]
        return rows[:limit] if first_id is not None or start is not None else rows[-limit:]

    return act


def klines(params: Params) -> Act:
    """Give candles of the last price."""
    return _klines(params, "symbol", lambda candle, symbol, venue: wire.kline(candle, venue.shapes[symbol]))


def mark_klines(params: Params) -> Act:
    """Give candles of the mark price."""
    return _klines(
        params, "symbol", lambda one, symbol, _: wire.scaled_kline(one, share(symbol, one.close_time, "mark")),
        lambda venue, symbol: venue.recorded_marks.series(symbol),
    )  # fmt: skip


def index_klines(params: Params) -> Act:
    """Give candles of the index price."""
    return _klines(
        params, "pair", lambda one, symbol, _: wire.scaled_kline(one, share(symbol, one.close_time, "index"))
    )


def premium_klines(params: Params) -> Act:
    """Give candles of the premium."""
    return _klines(
        params, "symbol",
        lambda one, symbol, _: wire.premium_kline(one, premium(symbol, one.open_time), premium(symbol, one.close_time)),
    )  # fmt: skip


def continuous_klines(params: Params) -> Act:
    """Give candles of a pair's perpetual contract; the other contract types trade nothing here."""
    kind = params.text("contractType")
    if kind not in {"PERPETUAL", "CURRENT_QUARTER", "NEXT_QUARTER", "TRADIFI_PERPETUAL"}:
        raise ApiError(-4104, "Invalid contract type.")
    act = _klines(params, "pair", lambda candle, symbol, venue: wire.kline(candle, venue.shapes[symbol]))
    return act if kind == "PERPETUAL" else lambda _: []


def klines_weight(params: Params) -> int:
    """Weigh candles by their number."""
    text = params.peek("limit") or "500"
    limit = int(text) if text.isascii() and text.isdigit() else 500
    return 1 if limit < 100 else 2 if limit < 500 else 5 if limit <= 1_000 else 10


def premium_index(params: Params) -> Act:
    """Give mark price, index and funding of a symbol, or of all."""
    return _each(params, _premium_index)


def funding_rates(params: Params) -> Act:
    """Give the fundings that happened, oldest first."""
    symbol, limit = params.maybe("symbol"), params.limit(100, 1_000)
    start, end = span(params)
    params.done()

    def act(venue: "FuturesVenue") -> list[Json]:
        venue.count_funding_request()
        symbols = venue.boards if symbol is None else [venue.board(symbol).symbol]
        rates = sorted(
            (
                rate
                for one in symbols
                for rate in venue.exchange.funding_rates(one)
                if _within(rate.time_ms, start, end)
            ),
            key=lambda rate: rate.time_ms,
        )
        return [wire.funding(rate) for rate in (rates[-limit:] if start is None else rates[:limit])]

    return act


def funding_info(params: Params) -> Act:
    """Give the symbols whose funding is not the usual one: none."""
    params.done()

    def act(venue: "FuturesVenue") -> list[Json]:
        venue.count_funding_request()
        return []

    return act


def day_ticker(params: Params) -> Act:
    """Give 24 hours of a symbol, or of all."""
    return _each(params, _day_ticker)


def price(params: Params) -> Act:
    """Give the last price of a symbol, or of all."""
    return _each(params, _price)


def book_ticker(params: Params) -> Act:
    """Give the best prices of a symbol, or of all."""
    return _each(params, _book_ticker)


def open_interest(params: Params) -> Act:
    """Give what customers hold of a symbol, with what the outside holds beside."""
    symbol = params.symbol()
    params.done()

    def act(venue: "FuturesVenue") -> Json:
        board, held = venue.board(symbol), 0.0
        for name in venue.exchange.accounts:
            held += sum(abs(float(one.quantity)) for one in venue.exchange.slot(name, symbol).held)
        total = venue.shapes[symbol].quantity(held + board.day(venue.now_ms).volume)
        return {"openInterest": total, "symbol": symbol, "time": venue.now_ms}

    return act


def span(params: Params) -> tuple[int | None, int | None]:
    """Give the optional start and end of a range; a reversed one is refused."""
    start, end = params.whole("startTime"), params.whole("endTime")
    if start is not None and end is not None and start > end:
        raise ApiError(-1023, "Start time is greater than end time.")
    return start, end


def _within(time_ms: int, start: int | None, end: int | None) -> bool:
    return (start is None or time_ms >= start) and (end is None or time_ms <= end)


def _klines(
    params: Params,
    name: str,
    row: Callable[[Any, str, "FuturesVenue"], list[object]],
    recorded: Callable[["FuturesVenue", str], Series | None] = lambda *_: None,
) -> Act:
    symbol = params.symbol() if name == "symbol" else params.text(name)
    interval = params.interval()
    if interval == "1s":
        raise ApiError(-1120, "Invalid interval.")
    limit = params.whole("limit", smallest=1)
    if limit is not None and limit > _KLINES_MAX:
        raise bad_request("limit")
    start, end = span(params)
    params.done()

    def act(venue: "FuturesVenue") -> list[list[object]]:
        if name == "pair" and symbol not in venue.boards:
            raise ApiError(-4144, "Invalid pair.")
        board = venue.board(symbol)
        if (series := recorded(venue, symbol)) is not None:
            return [wire.scaled_kline(one, 1) for one in series.klines(interval, start, end, limit or 500)]
        candles = board.klines(interval, start, end, limit or 500, has_open=venue.gate.clock.is_led)
        return [row(candle, symbol, venue) for candle in candles]

    return act


def _each(params: Params, row: Callable[["FuturesVenue", Board], Json]) -> Act:
    symbol = params.maybe("symbol")
    params.done()

    def act(venue: "FuturesVenue") -> Json | list[Json]:
        if symbol is not None:
            return row(venue, venue.board(symbol))
        return [row(venue, board) for board in venue.boards.values()]

    return act


def _exchange_info(venue: "FuturesVenue") -> Json:
    limits = [
        {
            "rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1,
            "limit": venue.gate.weight.bounds.weight,
        },
        *(order_limit(unit, number, limit) for (unit, number), limit in venue.order_limits.items()),
    ]  # fmt: skip
    return {
        "timezone": "UTC", "serverTime": venue.wall_ms, "futuresType": "U_MARGINED", "rateLimits": limits,
        "exchangeFilters": [], "assets": venue.listed.assets, "symbols": venue.listed.rows,
    }  # fmt: skip


def _premium_index(venue: "FuturesVenue", board: Board) -> Json:
    rates, mark = venue.exchange.market(board.symbol).funding, venue.mark(board.symbol)
    return wire.premium_index(board.symbol, mark, rates[-1].rate if rates else mark.rate, venue.now_ms)


def _day_ticker(venue: "FuturesVenue", board: Board) -> Json:
    newest = board.trades[-1][0].quantity if board.trades else 0.0
    return wire.day_ticker(
        board.day(venue.now_ms), newest, board.last_trade_id, venue.now_ms, venue.shapes[board.symbol]
    )


def _price(venue: "FuturesVenue", board: Board) -> Json:
    return {"symbol": board.symbol, "price": venue.shapes[board.symbol].price(board.newest), "time": venue.now_ms}


def _book_ticker(venue: "FuturesVenue", board: Board) -> Json:
    fresh = venue.fresh_board(board.symbol)
    return wire.book_ticker(venue.quote(fresh), fresh.update_id, venue.shapes[board.symbol])


def _all_or_one(one: int, everything: int) -> Callable[[Params], int]:
    return lambda params: one if params.peek("symbol") else everything


def needs_one(params: Params, *names: str) -> None:
    """Refuse a request that names nothing by any of these parameters."""
    if not any(params.peek(name) for name in names):
        raise ApiError(-1102, f"Param '{names[-1]}' or '{names[0]}' must be sent, but both were empty/null!")


def demanded[Value](name: str, value: Value | None) -> Value:
    """Give a value that has to be there."""
    if value is None:
        raise missing(name)
    return value


PING = Public(ping)
TIME = Public(server_time)
EXCHANGE_INFO = Public(exchange_info)
DEPTH = Public(depth, depth_weight)
RPI_DEPTH = Public(depth, 20)
TRADES = Public(trades, 5)
HISTORICAL_TRADES = Public(historical_trades, 200)
AGG_TRADES = Public(agg_trades, 20)
KLINES = Public(klines, klines_weight)
MARK_KLINES = Public(mark_klines, klines_weight)
INDEX_KLINES = Public(index_klines, klines_weight)
PREMIUM_KLINES = Public(premium_klines, klines_weight)
CONTINUOUS_KLINES = Public(continuous_klines, klines_weight)
PREMIUM_INDEX = Public(premium_index, _all_or_one(1, 10))
FUNDING_RATES = Public(funding_rates, 0)
FUNDING_INFO = Public(funding_info, 0)
DAY_TICKER = Public(day_ticker, _all_or_one(1, 40))
PRICE = Public(price, _all_or_one(1, 2))
BOOK_TICKER = Public(book_ticker, _all_or_one(2, 5))
OPEN_INTEREST = Public(open_interest)
