import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bot.emulator.config import EmulatorConfig, Synthetic
from bot.emulator.spot.venue import Venue
from bot.emulator.wire import encode
from bot.emulator.world import World

MINUTE = 60_000
DAY_MS = 1_747_699_200_000
"""2025-05-20 00:00 UTC."""


class Listening:
    """A connection that only remembers what it was sent."""

    def __init__(self, *, combined: bool = False, in_microseconds: bool = False) -> None:
        self.combined, self.in_microseconds = combined, in_microseconds
        self.path, self.account, self.opened_ms = "", "", 0
        self.frames: list[Any] = []
        self.later: list[tuple[float, Any]] = []
        self.held: list[bytes] = []

    def send(self, frame: bytes) -> None:
        header = {126: 4, 127: 10}.get(frame[1], 2)
        self.frames.append(json.loads(frame[header:]))
        if self.held:
            self.send(self.held.pop(0))

    def say(self, content: Any) -> None:
        self.frames.append(json.loads(encode(content)))

    def send_later(self, frame: bytes, delay_s: float) -> None:
        self.later.append((delay_s, frame))

    def hold(self, frame: bytes) -> None:
        self.held.append(frame)


@pytest.fixture
def listening() -> type[Listening]:
    return Listening


@pytest.fixture
def make_venue() -> Callable[..., Venue]:
    """Make a spot face over a made-up market that stands still, with whatever is to be different."""

    def make(**changes: Any) -> Venue:
        base: dict[str, Any] = {"source": Synthetic(1), "speed": 0, "warmup": 20}
        world = World(EmulatorConfig(**(base | changes)))
        venue = Venue(world)
        world.player.begin()
        return venue

    return make


@pytest.fixture
def candle_file(tmp_path: Path) -> Callable[..., Path]:
    """Write rows of (open, high, low, close, volume), a minute each, into a replay file."""

    def write(*rows: tuple[float, ...] | None, name: str = "BTCUSDT_1m_test.csv", start: int = DAY_MS) -> Path:
        lines = ["open_time,open,high,low,close,volume"]
        for number, row in enumerate(rows):
            if row is not None:
                lines.append(",".join([str(start + number * MINUTE), *map(str, row)]))
        path = tmp_path / name
        path.write_text("\n".join(lines) + "\n")
        return path

    return write
