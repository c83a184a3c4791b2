"""Tickers: last prices, best prices, and statistics of windows of market time."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from bot.domain.market import INTERVAL_MS, Candle
from bot.emulator.board import Board
from bot.emulator.gateway import Public
from bot.emulator.params import Params
from bot.emulator.refusals import ApiError, bad_request
from bot.emulator.spot import wire
from bot.emulator.wire import Json, text

if TYPE_CHECKING:
    from bot.emulator.spot.venue import Venue

type Act = Callable[["Venue"], Any]

_SYMBOLS_MAX = 100
_UNITS = {"m": (60_000, 59), "h": (3_600_000, 23), "d": (INTERVAL_MS["1d"], 7)}


def price_ticker(params: Params) -> Act:
    """Give last prices."""
    return _for_symbols(params, lambda _, board: {"symbol": board.symbol, "price": text(board.newest)})


def book_ticker(params: Params) -> Act:
    """Give best bids and asks."""
    return _for_symbols(params, lambda venue, board: wire.book_ticker_row(venue.quote(board)))


def day_ticker(params: Params) -> Act:
    """Give statistics of the last 24 hours of market time."""
    is_mini = _reads_mini(params)

    def row(venue: "Venue", board: Board) -> Json:
        quote, newest = venue.quote(board), board.trades[-1][0].quantity if board.trades else 0.0
        return wire.day_ticker_row(board.day(venue.now_ms), quote, newest, board.last_trade_id, is_mini=is_mini)

    return _for_symbols(params, row)


def rolling_ticker(params: Params) -> Act:
    """Give statistics of a window of minutes, hours or days."""
    is_mini = _reads_mini(params)
    length_ms = _window(params)

    def row(venue: "Venue", board: Board) -> Json:
        return wire.rolling_row(
            _over(board, venue.now_ms - length_ms, venue.now_ms), board.last_trade_id, is_mini=is_mini
        )

    return _for_symbols(params, row, needs_symbol=True)


def trading_day_ticker(params: Params) -> Act:
    """Give statistics since midnight UTC of market time."""
    is_mini = _reads_mini(params)
    params.maybe("timeZone")

    def row(venue: "Venue", board: Board) -> Json:
        start = venue.now_ms // INTERVAL_MS["1d"] * INTERVAL_MS["1d"]
        return wire.rolling_row(_over(board, start, venue.now_ms), board.last_trade_id, is_mini=is_mini)

    return _for_symbols(params, row, needs_symbol=True)


def _reads_mini(params: Params) -> bool:
    return params.choice("type", ("FULL", "MINI"), -1139, "Invalid ticker type.") == "MINI"


def _window(params: Params) -> int:
    text_ = params.maybe("windowSize") or "1d"
    number, unit = text_[:-1], text_[-1]
    if unit not in _UNITS or not (number.isascii() and number.isdigit() and 1 <= int(number[:4]) <= _UNITS[unit][1]):
        raise bad_request("windowSize")
    return int(number) * _UNITS[unit][0]


def _over(board: Board, start_ms: int, now_ms: int) -> Candle:
    """Give the candles since a time as one."""
    closed = board.series.klines(board.series.base, start_ms, None, 100_000) or list(board.series.closed)[-1:]
    candles = closed if board.under_way is None else [*closed, board.under_way]
    last = board.newest
    if not candles:
        return Candle(board.symbol, "1d", start_ms, last, last, last, last, 0.0, now_ms)
    return Candle(
        board.symbol, "1d", start_ms, candles[0].open, max(one.high for one in candles),
        min(one.low for one in candles), last, sum(one.volume for one in candles), now_ms,
        sum(one.quote_volume for one in candles), sum(one.trade_count for one in candles),
    )  # fmt: skip


def _for_symbols(params: Params, row: Callable[["Venue", Board], Json], *, needs_symbol: bool = False) -> Act:
    """Give one object for `symbol`, a list for `symbols` or for all."""
    is_single = params.peek("symbol") is not None
    wanted = params.symbols()
    status = params.choice(
        "symbolStatus", ("TRADING", "HALT", "BREAK", "CANCEL_ONLY"), -1122, "Invalid symbolStatus."
    )  # fmt: skip
    params.done()
    if needs_symbol and wanted is None:
        raise ApiError(-1128, "Combination of optional parameters invalid.")
    if needs_symbol and wanted is not None and len(wanted) > _SYMBOLS_MAX:
        raise bad_request("symbols")

    def act(venue: "Venue") -> Any:
        chosen = [venue.board(symbol) for symbol in wanted or venue.instruments]
        if is_single and status not in {None, chosen[0].instrument.status}:
            raise ApiError(-1220, "The symbol's status does not match the requested symbolStatus.")
        rows = [row(venue, board) for board in chosen if status in {None, board.instrument.status}]
        return rows[0] if is_single else rows

    return act


def _few(params: Params) -> int:
    return 2 if params.peek("symbol") else 4


def _many(params: Params) -> int:
    if params.peek("symbol"):
        return 2
    many = (params.peek("symbols") or "," * 100).count(",") + 1
    return 2 if many <= 20 else 40 if many <= 100 else 80


def _each(params: Params) -> int:
    return min(200, 4 * ((params.peek("symbols") or "").count(",") + 1))


PRICE = Public(price_ticker, _few)
BOOK = Public(book_ticker, _few)
DAY = Public(day_ticker, _many)
ROLLING = Public(rolling_ticker, _each)
TRADING_DAY = Public(trading_day_ticker, _each)
