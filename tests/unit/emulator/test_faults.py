from typing import Any

import msgspec
import pytest

from bot.emulator.clock import Clock
from bot.emulator.faults import UNKNOWN_KEY, FaultBook, Rule, read_rules
from bot.emulator.truth import TruthBook


@pytest.fixture
def book() -> FaultBook:
    return FaultBook(TruthBook(Clock()))


def hits(book: FaultBook, times: int = 6, **request: Any) -> str:
    """Give a letter a request: x where a rule hit."""
    asked: dict[str, Any] = {"face": "spot", "method": "POST", "path": "/api/v3/order", "account": "me", "params": {}}
    return "".join("x" if book.for_request(**(asked | request)) else "." for _ in range(times))


@pytest.mark.parametrize(
    ("rule", "seen"),
    [
        ({}, "xxxxxx"), ({"count": 2}, "xx...."), ({"skip": 2}, "..xxxx"), ({"skip": 1, "count": 2}, ".xx..."),
        ({"script": "..x"}, "..x..x"), ({"script": "x.", "count": 2}, "x.x..."), ({"probability": 0}, "......"),
        ({"method": "GET"}, "......"), ({"path": "/api/*/order"}, "xxxxxx"), ({"face": "um"}, "......"),
        ({"account": "me"}, "xxxxxx"), ({"account": "you"}, "......"), ({"params": {"symbol": "BTC*"}}, "......"),
    ],
)  # fmt: skip
def test_a_rule_hits_what_it_matches_as_often_as_it_says(book: FaultBook, rule: dict[str, Any], seen: str) -> None:
    book.add(Rule(kind="error", **rule))
    assert hits(book) == seen


def test_chance_is_the_same_for_the_same_seed_and_another_for_another() -> None:
    seen = []
    for seed in (1, 1, 2):
        book = FaultBook(TruthBook(Clock()))
        book.add(Rule(kind="error", probability=0.5, seed=seed))
        seen.append(hits(book, 40))
    assert seen[0] == seen[1] != seen[2]


def test_parameters_of_a_request_can_be_matched(book: FaultBook) -> None:
    book.add(Rule(kind="error", params={"symbol": "BTC*", "side": "BUY"}))
    assert hits(book, 1, params={"symbol": "BTCUSDT", "side": "BUY"}) == "x"
    assert hits(book, 1, params={"symbol": "BTCUSDT", "side": "SELL"}) == "."


def test_the_first_rule_that_hits_wins_and_rules_can_be_lifted(book: FaultBook) -> None:
    first, second = book.add(Rule(kind="drop_reply", count=1)), book.add(Rule(kind="error"))
    assert [row["id"] for row in book.rows()] == [first, second]
    rule = book.for_request("spot", "GET", "/", "", {})
    assert rule is not None
    assert rule.kind == "drop_reply"
    assert book.remove(second) == 1
    assert hits(book, 1) == "."
    assert (book.remove(), book.remove()) == (1, 0)
    assert not book.on_requests


def test_frames_are_matched_by_stream_event_and_whether_a_candle_is_closed(book: FaultBook) -> None:
    book.add(Rule(kind="drop_frame", stream="btc*@kline_1m", closed=True))
    forming, closed = {"e": "kline", "k": {"x": False}}, {"e": "kline", "k": {"x": True}}
    assert book.for_frame("spot", "btcusdt@kline_1m", "", forming) is None
    assert book.for_frame("spot", "ethusdt@kline_1m", "", closed) is None
    assert book.for_frame("spot", "btcusdt@kline_1m", "", closed) is not None
    book.add(Rule(kind="duplicate_frame", event="executionReport", account="me"))
    assert book.for_frame("spot", "", "me", {"e": "executionReport"}) is not None
    assert book.for_frame("spot", "", "you", {"e": "executionReport"}) is None


def test_unknown_keys_and_words_reach_every_level(book: FaultBook) -> None:
    book.add(Rule(kind="extra_keys", path="/x", count=1))
    changed = book.change("spot", "/x", "", {"rows": [{"status": "NEW"}]}, is_frame=False)
    assert UNKNOWN_KEY in changed
    assert UNKNOWN_KEY in changed["rows"][0]
    book.add(Rule(kind="unknown_enum", event="executionReport", field="X", value="ODD"))
    event = {"e": "executionReport", "X": "NEW", "i": 5}
    assert book.change("spot", "", "", event, is_frame=True) == event | {"X": "ODD"}


def test_every_hit_is_written_into_the_truth_book() -> None:
    truth = TruthBook(Clock())
    book = FaultBook(truth)
    book.add(Rule(kind="silent_ack", path="/market*"))
    assert book.for_connection("silent_ack", "um", "/public/ws") is None
    assert book.for_connection("silent_ack", "um", "/market/ws") is not None
    assert [(row["kind"], row["fault"]) for row in truth.read()] == [("fault", "silent_ack")]


def test_rules_are_read_from_one_object_or_a_list() -> None:
    assert [rule.kind for rule in read_rules(b'{"kind": "ban"}')] == ["ban"]
    assert [rule.kind for rule in read_rules(b' [{"kind": "ban"}, {"kind": "limit"}]')] == ["ban", "limit"]
    for wrong in (b'{"kind": "storm"}', b'{"kind": "ban", "often": 3}', b"{"):
        with pytest.raises(msgspec.DecodeError):
            read_rules(wrong)
