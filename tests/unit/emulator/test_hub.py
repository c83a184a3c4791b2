from typing import Any

from bot.emulator.hub import Hub


def test_a_frame_is_made_once_and_wrapped_for_those_who_want_it(listening: Any) -> None:
    hub, raw, wrapped, other = Hub(), listening(), listening(combined=True), listening()
    for listener, name in ((raw, "a"), (wrapped, "a"), (other, "b")):
        hub.subscribe(listener, [name])
    made: list[int] = []
    hub.publish("a", lambda: made.append(1) or {"x": 1})
    assert (raw.frames, wrapped.frames, other.frames) == ([{"x": 1}], [{"stream": "a", "data": {"x": 1}}], [])
    assert made == [1]


def test_nothing_is_made_when_nobody_listens(listening: Any) -> None:
    hub, listener = Hub(), listening()
    hub.subscribe(listener, ["a"])
    hub.unsubscribe(listener, ["a", "never"])
    made: list[int] = []
    hub.publish("a", lambda: made.append(1) or {})
    assert made == []


def test_the_intervals_somebody_listens_to_follow_the_subscriptions(listening: Any) -> None:
    hub, listener = Hub(), listening()
    assert hub.intervals("btcusdt") == []
    hub.subscribe(listener, ["btcusdt@kline_1m", "btcusdt@kline_1h", "ethusdt@kline_5m", "btcusdt@aggTrade"])
    assert hub.intervals("btcusdt") == ["1m", "1h"]
    hub.unsubscribe(listener, ["btcusdt@kline_1m"])
    assert hub.intervals("btcusdt") == ["1h"]


def test_the_first_subscription_is_told(listening: Any) -> None:
    hub = Hub()
    hub.subscribe(listening(), [])
    assert not hub.first_subscription.is_set()
    hub.subscribe(listening(), ["a"])
    assert hub.first_subscription.is_set()
