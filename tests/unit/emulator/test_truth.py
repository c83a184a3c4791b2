from decimal import Decimal

from bot.emulator.clock import Clock
from bot.emulator.truth import TruthBook
from bot.simulation.happenings import BalanceMoved


def test_facts_are_numbered_without_holes_and_read_by_what_they_are_about() -> None:
    book = TruthBook(Clock())
    book.note("spot", "balance", "alice", BalanceMoved("alice", "BTC", Decimal("0.1"), Decimal(0), "trade"))
    book.note("um", "request", "bob", {"path": "order.place"})
    book.note("spot", "request", "alice", {"path": "/api/v3/order"})
    assert [row["n"] for row in book.read()] == [1, 2, 3]
    assert [row["n"] for row in book.read(account="alice", kind="request,move")] == [3]
    assert [row["n"] for row in book.read(face="um")] == [2]
    assert [row["n"] for row in book.read(since=1, limit=1)] == [2]
    first = book.read()[0]
    assert (first["kind"], first["account"], first["asset"], first["free"]) == ("balance", "alice", "BTC", "0.1")


def test_the_newest_facts_are_kept_and_the_numbers_say_what_is_gone() -> None:
    book = TruthBook(Clock(), kept=3)
    assert (book.first, book.last, book.read()) == (1, 0, [])
    for number in range(10):
        book.note("spot", "x", "", {"value": number})
    assert (book.first, book.last) == (8, 10)
    assert [row["value"] for row in book.read(since=2)] == [7, 8, 9]
    assert [row["value"] for row in book.read(since=9)] == [9]
    assert book.read(since=99) == []
