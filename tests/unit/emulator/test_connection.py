import asyncio
from typing import Any

import pytest

from bot.emulator.connection import Connection
from bot.emulator.frames import framed


class Wire:
    """A transport that keeps what is written, and how it was ended. `unsent` is what the client has not taken yet."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []
        self.unsent = 0
        self.ended = ""

    def write(self, data: bytes) -> None:
        self.writes.append(data)

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def is_closing(self) -> bool:
        return bool(self.ended)

    def abort(self) -> None:
        self.ended = "abort"

    def close(self) -> None:
        self.ended = self.ended or "close"


@pytest.fixture
async def wire() -> Wire:
    return Wire()


def connection(wire: Wire, **kind: Any) -> Connection:
    return Connection(None, wire, **kind)  # type: ignore[arg-type]


async def turn() -> None:
    """Let what is due in the loop happen."""
    await asyncio.sleep(0)
    await asyncio.sleep(0)


async def test_frames_of_one_turn_go_out_in_one_write_in_order(wire: Wire) -> None:
    one = connection(wire)
    for frame in (b"a", b"b", b"c"):
        one.send(frame)
    assert wire.writes == []
    await one.drained()
    assert wire.writes == [b"abc"]


async def test_a_frame_held_back_follows_the_next_one(wire: Wire) -> None:
    one = connection(wire)
    one.hold(b"1")
    await turn()
    one.send(b"2")
    one.send(b"3")
    await turn()
    assert b"".join(wire.writes) == b"213"


async def test_a_client_that_takes_nothing_is_cut_and_nobody_waits_for_it(wire: Wire) -> None:
    one = connection(wire)
    wire.unsent = 1 << 30
    one.send(b"x")
    await one.drained()
    assert wire.ended == "abort"
    one.send(b"y")
    await turn()
    assert wire.writes == [b"x"]


async def test_a_cut_comes_after_what_is_queued(wire: Wire) -> None:
    one = connection(wire)
    one.send(b"last words")
    one.abort()
    assert (wire.writes, wire.ended) == ([b"last words"], "close")


async def test_content_is_said_in_the_clients_unit_of_time(wire: Wire) -> None:
    plain, fine = connection(wire), connection(wire, in_microseconds=True)
    plain.say({"E": 1_790_000_000_000})
    await turn()
    fine.say({"E": 1_790_000_000_000})
    await turn()
    assert wire.writes == [framed(b'{"E":1790000000000}'), framed(b'{"E":1790000000000000}')]
