import pytest
from multidict import MultiDict

from bot.emulator.futures.streams import kind_of, route_of, served, user_streams


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("btcusdt@bookTicker", "public"),
        ("!bookTicker", "public"),
        ("btcusdt@depth20@100ms", "public"),
        ("btcusdt@rpiDepth@500ms", "public"),
        ("btcusdt@trade", "public"),
        ("btcusdt@kline_1m", "market"),
        ("btcusdt_perpetual@continuousKline_1m", "market"),
        ("!markPrice@arr@1s", "market"),
        ("!ticker@arr", "market"),
        ("!contractInfo", "market"),
        ("tradingSession", "market"),
        ("abcDEF123", "private"),
        ("abcDEF123@ACCOUNT_UPDATE", "private"),
    ],
)
def test_every_stream_belongs_to_one_route(name: str, kind: str) -> None:
    assert kind_of(name) == kind
    assert [route for route in ("public", "market", "private") if served(name, route, old_serves_all=False)] == [kind]


def test_the_old_roots_act_like_public_and_know_listen_keys() -> None:
    names = ("btcusdt@bookTicker", "btcusdt@aggTrade", "abcDEF123")
    assert [served(name, "", old_serves_all=False) for name in names] == [True, False, True]
    assert all(served(name, "", old_serves_all=True) for name in names)


def test_the_route_is_found_wherever_it_stands() -> None:
    assert [route_of(path) for path in ("/market/ws", "/x/private/stream", "/ws/btcusdt@depth")] == [
        "market", "private", ""
    ]  # fmt: skip


def test_each_listen_key_takes_the_events_that_stand_beside_it() -> None:
    query = MultiDict([("listenKey", "a"), ("events", "X/Y"), ("listenKey", "b")])
    assert user_streams(query) == ["a@X/Y", "b"]
    assert user_streams({"listenKey": "a"}) == ["a"]
    assert user_streams({"streams": "btcusdt@depth"}) == []
