"""What the futures streams show of a tick. Nothing is made that nobody listens to."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from bot.domain.market import Candle, PublicTrade
from bot.emulator.board import Board, Change
from bot.emulator.futures import wire
from bot.emulator.player import Tick
from bot.emulator.wire import Json
from bot.simulation.futures.words import TradeSource

if TYPE_CHECKING:
    from bot.emulator.futures.venue import FuturesVenue

_PARTIAL = (5, 10, 20)
_SPEEDS = ("", "@100ms", "@500ms")


def tick(venue: "FuturesVenue", board: Board, moved: Tick) -> None:
    """Show one symbol's new price."""
    now_ms = moved.now_ms
    if board.has_printed:
        _last_trade(venue, board)
    if board.recorded is None:
        venue.desk.moved_books.add(board.symbol)
        if is_book_wanted(venue, board):
            venue.lay_out(board)
        venue.hub.publish(f"{board.stream}@bookTicker", partial(_best, venue, board))
    _candles(venue, board, moved.shown, now_ms)
    marks(venue, board, now_ms)
    _statistics(venue, board, now_ms)


def marks(venue: "FuturesVenue", board: Board, now_ms: int) -> None:
    """Show the mark price of a symbol."""
    for speed in ("", "@1s"):
        name = f"{board.stream}@markPrice{speed}"
        venue.hub.publish(name, lambda: wire.mark_event(board.symbol, venue.mark(board.symbol), now_ms))


def book(venue: "FuturesVenue", board: Board, *, is_best_only: bool) -> None:
    """Show how a recorded book moved; the streams of depth wait for a change of depth."""
    venue.desk.moved_books.add(board.symbol)
    if not is_best_only and is_book_wanted(venue, board):
        venue.lay_out(board)
    best(venue, board)


def trade(venue: "FuturesVenue", board: Board, under_way: Candle | None) -> None:
    """Show a trade of clients in the book, the newest there is; `under_way` is the candle that it changed."""
    _last_trade(venue, board)
    if under_way is not None:
        _candles(venue, board, under_way, venue.now_ms)
        _statistics(venue, board, venue.now_ms)


def trade_aside(venue: "FuturesVenue", trade: PublicTrade, source: TradeSource) -> None:
    """Show a trade outside the book: this one stream has it, and says where it came about."""
    shape = venue.shapes[trade.symbol]
    venue.hub.publish(
        f"{trade.symbol.lower()}@trade", lambda: wire.trade_event(trade, trade.trade_id, shape) | {"X": source}
    )


def best(venue: "FuturesVenue", board: Board) -> None:
    """Show the best bid and ask when clients changed them."""
    if venue.hub.wants(f"{board.stream}@bookTicker"):
        quote = venue.quote(board)
        if board.shown_quote != (facts := (quote.bid, quote.bid_quantity, quote.ask, quote.ask_quantity)):
            board.shown_quote = facts
            venue.hub.publish(f"{board.stream}@bookTicker", partial(_best, venue, board))


def all_symbols(venue: "FuturesVenue", boards: Sequence[Board], now_ms: int) -> None:
    """Show the streams that hold every symbol."""
    hub = venue.hub
    for speed in ("", "@1s"):
        hub.publish(
            f"!markPrice@arr{speed}",
            lambda: [wire.mark_event(one.symbol, venue.mark(one.symbol), now_ms) for one in boards],
        )
    hub.publish(
        "!miniTicker@arr",
        lambda: [wire.mini_ticker_event(one.day(now_ms), now_ms, venue.shapes[one.symbol]) for one in boards],
    )
    hub.publish("!ticker@arr", lambda: [_day(venue, one, now_ms) for one in boards])
    if hub.wants("!bookTicker"):
        for one in boards:
            hub.publish("!bookTicker", partial(_best, venue, venue.fresh_board(one.symbol)))


def depth(venue: "FuturesVenue", board: Board, change: Change) -> None:
    """Show how a book changed, and its best levels. A change that is none is not sent, and breaks no chain of `pu`."""
    hub, name, now_ms, shape = venue.hub, board.stream, venue.now_ms, venue.shapes[board.symbol]
    is_change = bool(change.bids or change.asks)
    for speed in _SPEEDS:
        if is_change:
            hub.publish(f"{name}@depth{speed}", lambda: wire.depth_event(board.symbol, change, now_ms, shape))
        for count in _PARTIAL:
            hub.publish(f"{name}@depth{count}{speed}", partial(_partial, venue, board, change, count))
    if is_change:
        hub.publish(f"{name}@rpiDepth@500ms", lambda: wire.depth_event(board.symbol, change, now_ms, shape))


def is_book_wanted(venue: "FuturesVenue", board: Board) -> bool:
    """Say whether anybody watches the book of a symbol, or the best of it."""
    hub, name = venue.hub, board.stream
    return hub.wants(f"{name}@bookTicker") or bool(hub.following(f"{name}@depth") or hub.following(f"{name}@rpiDepth"))


def _last_trade(venue: "FuturesVenue", board: Board) -> None:
    hub, row, shape = venue.hub, board.trades[-1], venue.shapes[board.symbol]
    hub.publish(f"{board.stream}@aggTrade", lambda: wire.agg_trade_event(*row, shape))
    hub.publish(f"{board.stream}@trade", lambda: wire.trade_event(row[0], row[2], shape))


def _best(venue: "FuturesVenue", board: Board) -> Json:
    return wire.book_ticker_event(venue.quote(board), board.quote_id, venue.shapes[board.symbol])


def _statistics(venue: "FuturesVenue", board: Board, now_ms: int) -> None:
    """Show what is said of the last 24 hours."""
    hub, name, shape = venue.hub, board.stream, venue.shapes[board.symbol]
    hub.publish(f"{name}@miniTicker", lambda: wire.mini_ticker_event(board.day(now_ms), now_ms, shape))
    hub.publish(f"{name}@ticker", lambda: _day(venue, board, now_ms))


def _candles(venue: "FuturesVenue", board: Board, candle: Candle, now_ms: int) -> None:
    hub, shape = venue.hub, venue.shapes[board.symbol]
    plain, continuous = f"{board.stream}@kline_", f"{board.stream}_perpetual@continuousKline_"
    wanted = list(dict.fromkeys([*hub.following(plain), *hub.following(continuous)]))
    for shown in board.series.add_and_show(candle, [one for one in wanted if one in venue.intervals]):
        row = (shown, now_ms, board.last_trade_id, shape)
        hub.publish(plain + shown.interval, partial(wire.kline_event, *row))
        hub.publish(continuous + shown.interval, partial(wire.continuous_event, *row))


def _day(venue: "FuturesVenue", board: Board, now_ms: int) -> Json:
    newest = board.trades[-1][0].quantity if board.trades else 0.0
    return wire.day_ticker_event(board.day(now_ms), newest, board.last_trade_id, now_ms, venue.shapes[board.symbol])


def _partial(venue: "FuturesVenue", board: Board, change: Change, count: int) -> Json:
    shape = venue.shapes[board.symbol]
    bids, asks = (wire.levels(rows, shape) for rows in board.levels(count))
    return wire.depth_event(board.symbol, change, venue.now_ms, shape) | {"b": bids, "a": asks}
