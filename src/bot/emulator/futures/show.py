"""What the futures streams show of a tick. Nothing is made that nobody listens to."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from bot.emulator.board import Board, Change
from bot.emulator.futures import wire
from bot.emulator.player import Tick
from bot.emulator.wire import Json

if TYPE_CHECKING:
    from bot.emulator.futures.venue import FuturesVenue

_PARTIAL = (5, 10, 20)
_SPEEDS = ("", "@100ms", "@500ms")


def tick(venue: "FuturesVenue", board: Board, moved: Tick) -> None:
    """Show one symbol's new price."""
    hub, name, now_ms, shape = venue.hub, board.stream, moved.now_ms, venue.shapes[board.symbol]
    if moved.trades:
        hub.publish(f"{name}@aggTrade", lambda: wire.agg_trade_event(*board.trades[-1], shape))
        hub.publish(f"{name}@trade", lambda: wire.trade_event(board.trades[-1][0], board.last_trade_id, shape))
    hub.publish(f"{name}@bookTicker", lambda: wire.book_ticker_event(board.quote(now_ms), board.update_id, shape))
    _candles(venue, board, moved)
    for speed in ("", "@1s"):
        hub.publish(f"{name}@markPrice{speed}", lambda: wire.mark_event(board.symbol, venue.mark(board.symbol), now_ms))
    hub.publish(f"{name}@miniTicker", lambda: wire.mini_ticker_event(board.day(now_ms), now_ms, shape))
    hub.publish(f"{name}@ticker", lambda: _day(venue, board, now_ms))
    if any(hub.wants(each) for each in _depth_names(name)):
        venue.lay_out(board)
    else:
        venue.desk.moved_books.add(board.symbol)


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
            event = partial(wire.book_ticker_event, one.quote(now_ms), one.update_id, venue.shapes[one.symbol])
            hub.publish("!bookTicker", event)


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


def _candles(venue: "FuturesVenue", board: Board, moved: Tick) -> None:
    hub, shape = venue.hub, venue.shapes[board.symbol]
    plain, continuous = f"{board.stream}@kline_", f"{board.stream}_perpetual@continuousKline_"
    wanted = list(dict.fromkeys([*hub.following(plain), *hub.following(continuous)]))
    for shown in board.series.add_and_show(moved.shown, [one for one in wanted if one in venue.intervals]):
        row = (shown, moved.now_ms, board.last_trade_id, shape)
        hub.publish(plain + shown.interval, partial(wire.kline_event, *row))
        hub.publish(continuous + shown.interval, partial(wire.continuous_event, *row))


def _day(venue: "FuturesVenue", board: Board, now_ms: int) -> Json:
    newest = board.trades[-1][0].quantity if board.trades else 0.0
    return wire.day_ticker_event(board.day(now_ms), newest, board.last_trade_id, now_ms, venue.shapes[board.symbol])


def _partial(venue: "FuturesVenue", board: Board, change: Change, count: int) -> Json:
    shape = venue.shapes[board.symbol]
    bids, asks = (wire.levels(rows, shape) for rows in board.levels(count))
    return wire.depth_event(board.symbol, change, venue.now_ms, shape) | {"b": bids, "a": asks}


def _depth_names(name: str) -> list[str]:
    plain = [f"{name}@depth{count}{speed}" for count in ("", *_PARTIAL) for speed in _SPEEDS]
    return [*plain, f"{name}@rpiDepth@500ms"]
