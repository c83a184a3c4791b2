"""A fake Binance for the tests of this folder."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from fake_binance import FakeBinance
from order_desk import Desk, a_desk


@pytest.fixture
async def binance() -> AsyncIterator[FakeBinance]:
    """Give a running fake exchange."""
    fake = await FakeBinance().start()
    yield fake
    await fake.stop()


@pytest.fixture
def answer_s() -> float:
    """Seconds that an order's answer may take; a test that lets it run out gives less."""
    return 30.0


@pytest.fixture
async def desk(binance: FakeBinance, answer_s: float) -> AsyncIterator[Desk]:
    """Give a broker at the fake exchange, not yet open."""
    async with a_desk(binance, answer_s) as made:
        yield made


@pytest.fixture
async def ready(desk: Desk) -> Desk:
    """Give a broker that is open and has told what it told at its start."""
    await desk.open()
    desk.events.clear()
    return desk
