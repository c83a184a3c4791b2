from typing import Any

import pytest

from bot.emulator.clock import Clock
from bot.emulator.faults import FaultBook, Rule
from bot.emulator.hub import Hub
from bot.emulator.truth import TruthBook

FAULTS = FaultBook(TruthBook(Clock()))


def test_a_frame_is_made_once_and_wrapped_for_those_who_want_it(listening: Any) -> None:
    hub, raw, wrapped, other = Hub("spot", FAULTS), listening(), listening(combined=True), listening()
    for listener, name in ((raw, "a"), (wrapped, "a"), (other, "b")):
        hub.subscribe(listener, [name])
    made: list[int] = []
    hub.publish("a", lambda: made.append(1) or {"x": 1})
    assert (raw.frames, wrapped.frames, other.frames) == ([{"x": 1}], [{"stream": "a", "data": {"x": 1}}], [])
    assert made == [1]


def test_nothing_is_made_when_nobody_listens(listening: Any) -> None:
    hub, listener = Hub("spot", FAULTS), listening()
    hub.subscribe(listener, ["a"])
    hub.unsubscribe(listener, ["a", "never"])
    made: list[int] = []
    hub.publish("a", lambda: made.append(1) or {})
    assert made == []


def test_the_intervals_somebody_listens_to_follow_the_subscriptions(listening: Any) -> None:
    hub, listener = Hub("spot", FAULTS), listening()
    assert hub.following("btcusdt@kline_") == []
    hub.subscribe(listener, ["btcusdt@kline_1m", "btcusdt@kline_1h", "ethusdt@kline_5m", "btcusdt@aggTrade"])
    assert hub.following("btcusdt@kline_") == ["1m", "1h"]
    hub.unsubscribe(listener, ["btcusdt@kline_1m"])
    assert hub.following("btcusdt@kline_") == ["1h"]


def test_who_wants_microseconds_gets_them(listening: Any) -> None:
    hub, plain, fine = Hub("spot", FAULTS), listening(), listening(in_microseconds=True)
    for listener in (plain, fine):
        hub.subscribe(listener, ["a"])
    hub.publish("a", lambda: {"E": 1_790_000_000_123, "t": 5, "k": [{"T": 1_790_000_000_000}]})
    assert plain.frames == [{"E": 1_790_000_000_123, "t": 5, "k": [{"T": 1_790_000_000_000}]}]
    assert fine.frames == [{"E": 1_790_000_000_123_000, "t": 5, "k": [{"T": 1_790_000_000_000_000}]}]


@pytest.mark.parametrize(
    ("kind", "seen"),
    [("drop_frame", [0, 2]), ("duplicate_frame", [0, 1, 1, 2]), ("reorder_frame", [0, 2, 1]), ("delay_frame", [0, 2])],
)
def test_a_fault_meets_the_frame_it_is_meant_for(listening: Any, kind: Any, seen: list[int]) -> None:
    faults = FaultBook(TruthBook(Clock()))
    faults.add(Rule(kind=kind, stream="a*", skip=1, count=1, delay_ms=500))
    hub, listener = Hub("spot", faults), listening()
    hub.subscribe(listener, ["abc"])
    for number in range(3):
        hub.publish("abc", lambda number=number: {"x": number})
    assert [frame["x"] for frame in listener.frames] == seen
    assert [delay for delay, _ in listener.later] == ([0.5] if kind == "delay_frame" else [])


def test_the_first_subscription_is_told(listening: Any) -> None:
    hub = Hub("spot", FAULTS)
    hub.subscribe(listening(), [])
    assert not hub.first_subscription.is_set()
    hub.subscribe(listening(), ["a"])
    assert hub.first_subscription.is_set()
