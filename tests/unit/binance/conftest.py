"""A fake Binance for the tests of this folder."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from fake_binance import FakeBinance


@pytest.fixture
async def binance() -> AsyncIterator[FakeBinance]:
    """Give a running fake exchange."""
    fake = await FakeBinance().start()
    yield fake
    await fake.stop()
