"""A scene for each market, and for each path that orders go by."""

from collections.abc import AsyncIterator

import pytest

from bot.binance.client import OrderPath
from bot.domain.market import Market

from .scene import Scene, a_scene

PATHS = [(market, path) for market in Market for path in OrderPath]


@pytest.fixture(params=PATHS, ids=["-".join(each) for each in PATHS])
async def scene(request: pytest.FixtureRequest) -> AsyncIterator[Scene]:
    """Give a scene of a market and a path for orders."""
    async with a_scene(*request.param) as made:
        yield made


@pytest.fixture(params=list(Market))
async def market_scene(request: pytest.FixtureRequest) -> AsyncIterator[Scene]:
    """Give a scene of a market, for what does not depend on how orders go out."""
    async with a_scene(request.param) as made:
        yield made
