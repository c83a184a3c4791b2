import json
from typing import Any

import pytest

from bot.emulator.stream_socket import StreamSocket
from bot.emulator.unverified import Unverified


@pytest.fixture
def socket(listening: Any, make_venue: Any) -> tuple[StreamSocket, Any]:
    connection = listening()
    venue = make_venue(settings=Unverified(accepts_any_request_id=False))
    return StreamSocket(venue, connection, ["btcusdt@kline_1m"]), connection


def ask(socket: tuple[StreamSocket, Any], request: Any) -> Any:
    face, connection = socket
    face.on_text(request if isinstance(request, str) else json.dumps(request))
    return connection.frames[-1]


def test_streams_are_added_listed_and_dropped(socket: tuple[StreamSocket, Any]) -> None:
    names = ["ethusdt@kline_1m", "no@such"]
    assert ask(socket, {"method": "SUBSCRIBE", "params": names, "id": 1}) == {"result": None, "id": 1}
    listed = ask(socket, {"method": "LIST_SUBSCRIPTIONS", "id": "x"})
    assert listed == {"result": ["btcusdt@kline_1m", *names], "id": "x"}
    ask(socket, {"method": "UNSUBSCRIBE", "params": ["no@such"], "id": 2})
    assert (ask(socket, {"method": "LIST_SUBSCRIPTIONS", "id": None}))["result"] == [
        "btcusdt@kline_1m", "ethusdt@kline_1m",
    ]  # fmt: skip


def test_the_wrapper_can_be_switched_while_running(socket: tuple[StreamSocket, Any]) -> None:
    assert (ask(socket, {"method": "GET_PROPERTY", "params": ["combined"], "id": 1}))["result"] is False
    ask(socket, {"method": "SET_PROPERTY", "params": ["combined", True], "id": 2})
    assert (ask(socket, {"method": "GET_PROPERTY", "params": ["combined"], "id": 3}))["result"] is True


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ("{", 3), ("not json", 3), ("[]", 2), ("7", 2), ({"method": "FLY", "id": 1}, 2), ({"id": 1}, 2),
        ({"method": "SUBSCRIBE", "params": "a", "id": 1}, 2), ({"method": "SUBSCRIBE", "params": [1], "id": 1}, 2),
        ({"method": "SUBSCRIBE", "params": [], "id": 1.5}, 2), ({"method": "SUBSCRIBE", "params": [], "id": "x" * 37}, 2),
        ({"method": "SUBSCRIBE", "params": [], "id": 1, "more": 1}, 2), ({"method": ["SUBSCRIBE"], "id": 1}, 2),
        ({"method": "SET_PROPERTY", "params": ["colour", True], "id": 1}, 0),
        ({"method": "SET_PROPERTY", "params": ["combined", "yes"], "id": 1}, 1),
        ({"method": "GET_PROPERTY", "params": [], "id": 1}, 0),
        ({"method": "SUBSCRIBE", "params": [f"s{number}" for number in range(1_024)], "id": 1}, 2),
    ],
)  # fmt: skip
def test_a_wrong_request_is_answered_with_its_code(socket: tuple[StreamSocket, Any], request_: Any, code: int) -> None:
    answer = ask(socket, request_)
    assert answer["code"] == code
    assert answer["msg"]
    assert (ask(socket, {"method": "LIST_SUBSCRIPTIONS", "id": 1}))["result"] == ["btcusdt@kline_1m"]


@pytest.mark.parametrize("request_id", [1.5, "x" * 37, [1], {"a": None}, True, None, 2**62])
def test_ids_of_any_kind_come_back_unless_it_is_forbidden(listening: Any, make_venue: Any, request_id: Any) -> None:
    connection = listening()
    answer = ask((StreamSocket(make_venue(), connection, []), connection), {"method": "SUBSCRIBE", "id": request_id})
    assert answer == {"result": None, "id": request_id}


def test_who_leaves_hears_nothing_more(listening: Any, make_venue: Any) -> None:
    venue, connection = make_venue(), listening()
    socket = StreamSocket(venue, connection, ["a"])
    socket.leave()
    venue.hub.publish("a", lambda: {"x": 1})
    assert connection.frames == []
