"""The local book: gaps are seen, old changes passed over, and a snapshot joins what waited for it."""

from decimal import Decimal

import pytest

from bot.binance.book import LocalBook
from bot.binance.wire_market import DepthReply
from bot.binance.wire_streams import DepthEvent
from bot.domain.market import Market

SPOT, FUTURES = Market.SPOT, Market.FUTURES


def snapshot(update_id: int) -> DepthReply:
    return DepthReply(update_id, [(Decimal("9.5"), Decimal(1)), (Decimal(9), Decimal(2))], [(Decimal(10), Decimal(3))])


def diff(first: int, last: int, previous: int | None = None, bid: tuple[float, float] = (9.5, 1.0)) -> DepthEvent:
    return DepthEvent(first, last, [bid], [], pu=previous, E=last)


def test_spot_changes_that_waited_for_the_snapshot_follow_it() -> None:
    book = LocalBook("A", SPOT)
    assert book.quote() is None
    for event in (diff(1, 3), diff(4, 6), diff(7, 8, bid=(9.75, 5.0))):
        assert book.take(event)
    assert book.load(snapshot(5))
    assert (book.update_id, book.bids.best(2)) == (8, [(9.75, 5.0), (9.5, 1.0)])
    quote = book.quote()
    assert quote is not None
    assert (quote.bid, quote.bid_quantity, quote.ask, quote.ask_quantity) == (9.75, 5.0, 10.0, 3.0)
    assert book.take(diff(2, 8))  # heard before: passed over
    assert book.take(diff(9, 9, bid=(9.75, 0.0)))
    assert book.bids.best(5) == [(9.5, 1.0), (9.0, 2.0)]


def test_a_snapshot_older_than_the_first_change_is_refused() -> None:
    for market, first in ((SPOT, 12), (FUTURES, 11)):
        book = LocalBook("A", market)
        book.take(diff(first, 20))
        assert not book.load(snapshot(10))
        assert book.quote() is None
        assert book.load(snapshot(15))


def test_a_hole_in_the_changes_ends_the_book_until_the_next_snapshot() -> None:
    book = LocalBook("A", SPOT)
    assert book.load(snapshot(10))
    assert book.take(diff(11, 12))
    assert not book.take(diff(14, 15))
    assert book.quote() is None
    assert book.take(diff(16, 17, bid=(9.9, 1.0)))
    assert book.load(snapshot(15))
    assert book.update_id == 17


def test_a_hole_among_the_changes_that_waited_is_seen_and_the_later_ones_kept() -> None:
    book = LocalBook("A", SPOT)
    for event in (diff(1, 5), diff(8, 9), diff(10, 12)):
        book.take(event)
    assert not book.load(snapshot(4))
    assert book.load(snapshot(8))
    assert book.update_id == 12


def test_futures_changes_hang_together_by_their_predecessors() -> None:
    book = LocalBook("A", FUTURES)
    assert book.load(snapshot(10))
    assert book.take(diff(5, 9, 4))  # wholly before the snapshot
    assert book.take(diff(8, 12, 7))
    assert book.take(diff(20, 25, 12))
    assert book.update_id == 25
    assert not book.take(diff(30, 31, 26))


@pytest.mark.parametrize("price", [9.1, 8.0])
def test_taking_away_what_is_not_there_changes_nothing(price: float) -> None:
    book = LocalBook("A", SPOT)
    book.load(snapshot(1))
    book.take(diff(2, 2, bid=(price, 0.0)))
    assert book.bids.best(9) == [(9.5, 1.0), (9.0, 2.0)]
