import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

MINUTE = 60_000
DAY_MS = 1_747_699_200_000
"""2025-05-20 00:00 UTC."""


class Listening:
    """A connection that only remembers what it was sent."""

    def __init__(self, *, combined: bool = False) -> None:
        self.combined = combined
        self.frames: list[Any] = []

    def send(self, frame: bytes) -> None:
        self.frames.append(json.loads(frame))


@pytest.fixture
def listening() -> type[Listening]:
    return Listening


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
