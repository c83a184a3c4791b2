import pytest

from bot.domain.market import PublicTrade
from bot.emulator.board import Board, Change
from bot.simulation.instruments import bundled


@pytest.fixture
def board() -> Board:
    made = Board(bundled()["BTCUSDT"], "1m", depth=3)
    made.last = 100.0
    return made


def lay_out(board: Board, *bids: tuple[float, float]) -> Change:
    return board.refresh(bids, ())


def test_the_chain_of_told_ids_has_no_holes_when_a_book_is_laid_out_without_a_change(board: Board) -> None:
    first = lay_out(board)
    untold = lay_out(board)
    second = lay_out(board, (99.0, 1.0))
    assert (untold.bids, untold.asks) == ({}, {})
    assert (second.first, second.previous) == (first.last + 1, first.last)


def test_a_snapshot_between_two_changes_lies_inside_the_second_one(board: Board) -> None:
    lay_out(board)
    lay_out(board)
    snapshot = board.update_id
    change = lay_out(board, (99.0, 1.0))
    assert change.first <= snapshot + 1 <= change.last


def test_a_level_that_is_gone_is_told_as_nothing(board: Board) -> None:
    lay_out(board, (50.0, 2.0))
    assert lay_out(board).bids == {50.0: 0.0}


def test_the_best_levels_of_clients_and_outside_are_one_quote(board: Board) -> None:
    outside = board.quote(0)
    assert board.quote(0, (outside.bid - 1, 5.0), (outside.ask + 1, 5.0)) == outside
    better = board.quote(0, (outside.bid + 0.001, 5.0), None)
    assert (better.bid, better.bid_quantity, better.ask) == (outside.bid + 0.001, 5.0, outside.ask)
    same = board.quote(0, None, (outside.ask, 5.0))
    assert same.ask_quantity == pytest.approx(outside.ask_quantity + 5.0)


def test_a_trade_that_the_source_tells_itself_changes_no_candle(board: Board) -> None:
    trade = PublicTrade("BTCUSDT", board.next_trade_id(), 99.0, 2.0, 60_000, is_buyer_maker=True)
    assert board.show_trade(trade, is_extra=False) is None
    assert board.under_way is None
    first = board.show_trade(trade, is_extra=True)
    assert first is not None
    assert (first.open_time, first.volume, first.trade_count, first.is_closed) == (60_000, 2.0, 1, False)
    assert len(board.trades) == 2
