"""What the spot streams show of a tick. Nothing is made that nobody listens to."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from bot.domain.market import INTERVAL_MS, Candle
from bot.emulator.board import WINDOWS, Board, Change
from bot.emulator.player import Tick
from bot.emulator.spot import wire
from bot.emulator.wire import Json, text

if TYPE_CHECKING:
    from bot.emulator.spot.venue import Venue

AVERAGE_MS = 300_000
_PARTIAL = (5, 10, 20)
_SPEEDS = ("", "@100ms")
_EAST = "@+08:00"
_EIGHT_HOURS_MS = 8 * 3_600_000


def tick(venue: "Venue", board: Board, moved: Tick) -> None:
    """Show one symbol's new price."""
    hub, name, now_ms = venue.hub, board.stream, moved.now_ms
    if board.has_printed:
        _last_trade(venue, board)
    if board.recorded is None:
        venue.desk.moved_books.add(board.symbol)
        if is_book_wanted(venue, board):
            venue.lay_out(board)
        hub.publish(f"{name}@bookTicker", lambda: wire.book_ticker_event(venue.quote(board), board.quote_id))
    _candles(venue, board, moved.shown, now_ms)
    _statistics(venue, board, now_ms)


def book(venue: "Venue", board: Board, *, is_best_only: bool) -> None:
    """Show how a recorded book moved; the streams of depth wait for a change of depth."""
    venue.desk.moved_books.add(board.symbol)
    if not is_best_only and is_book_wanted(venue, board):
        venue.lay_out(board)
    best(venue, board)


def trade(venue: "Venue", board: Board, under_way: Candle | None) -> None:
    """Show a trade of clients, the newest there is; `under_way` is the candle that it changed."""
    _last_trade(venue, board)
    if under_way is not None:
        _candles(venue, board, under_way, venue.now_ms)
        _statistics(venue, board, venue.now_ms)


def best(venue: "Venue", board: Board) -> None:
    """Show the best bid and ask when clients changed them."""
    if venue.hub.wants(f"{board.stream}@bookTicker"):
        quote = venue.quote(board)
        if board.shown_quote != (facts := (quote.bid, quote.bid_quantity, quote.ask, quote.ask_quantity)):
            board.shown_quote = facts
            venue.hub.publish(f"{board.stream}@bookTicker", lambda: wire.book_ticker_event(quote, board.quote_id))


def all_symbols(venue: "Venue", boards: Sequence[Board], now_ms: int) -> None:
    """Show the streams that hold every symbol."""
    hub = venue.hub
    if hub.wants("!miniTicker@arr"):
        hub.publish("!miniTicker@arr", lambda: [wire.mini_ticker_event(one.day(now_ms), now_ms) for one in boards])
    for window in WINDOWS:
        if hub.wants(f"!ticker_{window}@arr"):
            hub.publish(f"!ticker_{window}@arr", partial(_all_rolling, boards, window, now_ms))


def depth(venue: "Venue", board: Board, change: Change) -> None:
    """Show how a book changed, and its best levels."""
    hub, name, now_ms = venue.hub, board.stream, venue.now_ms
    for speed in _SPEEDS:
        if change.bids or change.asks:
            hub.publish(f"{name}@depth{speed}", lambda: wire.depth_event(board.symbol, change, now_ms))
        for count in _PARTIAL:
            hub.publish(f"{name}@depth{count}{speed}", partial(_partial, board, count))


def is_book_wanted(venue: "Venue", board: Board) -> bool:
    """Say whether anybody watches the book of a symbol, or the best of it."""
    return venue.hub.wants(f"{board.stream}@bookTicker") or is_depth_wanted(venue, board)


def is_depth_wanted(venue: "Venue", board: Board) -> bool:
    """Say whether anybody watches the book of a symbol."""
    return bool(venue.hub.following(f"{board.stream}@depth"))


def average(board: Board, now_ms: int) -> float:
    """Give the volume-weighted price of the last five minutes."""
    recent = board.series.klines(board.series.base, now_ms - AVERAGE_MS, None, 300)
    volume = sum(candle.volume for candle in recent)
    return sum(candle.quote_volume for candle in recent) / volume if volume else board.newest


def _last_trade(venue: "Venue", board: Board) -> None:
    hub, row = venue.hub, board.trades[-1]
    hub.publish(f"{board.stream}@aggTrade", lambda: wire.agg_trade_event(*row))
    hub.publish(f"{board.stream}@trade", lambda: wire.trade_event(row[0], row[2]))


def _statistics(venue: "Venue", board: Board, now_ms: int) -> None:
    """Show what is said of the last minutes and hours."""
    hub, name = venue.hub, board.stream
    for part in hub.following(f"{name}@"):
        match part:
            case "miniTicker":
                hub.publish(f"{name}@miniTicker", lambda: wire.mini_ticker_event(board.day(now_ms), now_ms))
            case "ticker":
                hub.publish(f"{name}@ticker", lambda: _day_ticker(venue, board, now_ms))
            case "ticker_1h" | "ticker_4h" | "ticker_1d":
                hub.publish(f"{name}@{part}", partial(_rolling, board, part.removeprefix("ticker_"), now_ms))
            case "avgPrice":
                hub.publish(
                    f"{name}@avgPrice", lambda: wire.average_event(board.symbol, average(board, now_ms), now_ms)
                )
            case "referencePrice":
                hub.publish(f"{name}@referencePrice", partial(_reference, venue, board, now_ms))


def _candles(venue: "Venue", board: Board, candle: Candle, now_ms: int) -> None:
    hub, prefix = venue.hub, f"{board.stream}@kline_"
    wanted = hub.following(prefix)
    intervals = list(dict.fromkeys(one.removesuffix(_EAST) for one in wanted))
    for shown in board.series.add_and_show(candle, intervals):
        frame = partial(wire.kline_event, shown, now_ms, board.last_trade_id)
        hub.publish(f"{prefix}{shown.interval}", frame)
        if _EIGHT_HOURS_MS % INTERVAL_MS[shown.interval] == 0:
            # Eight hours are a multiple of these intervals: their boundaries are the same there.
            hub.publish(f"{prefix}{shown.interval}{_EAST}", frame)


def _day_ticker(venue: "Venue", board: Board, now_ms: int) -> Json:
    newest = board.trades[-1][0].quantity if board.trades else 0.0
    return wire.day_ticker_event(board.day(now_ms), venue.quote(board), newest, board.last_trade_id, now_ms)


def _rolling(board: Board, window: str, now_ms: int) -> Json:
    return wire.rolling_event(window, board.statistics(window, now_ms), board.last_trade_id, now_ms)


def _all_rolling(boards: Sequence[Board], window: str, now_ms: int) -> list[Json]:
    return [_rolling(board, window, now_ms) for board in boards]


def _reference(venue: "Venue", board: Board, now_ms: int) -> Json:
    price = venue.exchange.reference_price(board.symbol)
    return wire.reference_event(board.symbol, None if price is None else text(price), now_ms)


def _partial(board: Board, count: int) -> Json:
    return wire.depth(board.update_id, *board.levels(count))
