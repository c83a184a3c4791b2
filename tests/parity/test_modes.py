"""One strategy, every way to run it, the same decisions: backtests, paper, and a signed API. On real candles.

The short form takes some hours of minutes. The long one takes thirty recorded days: make parity.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.parity.scene import MAX_ORDER_VALUE, assert_that_it_was_worth_comparing, scene_of

from bot.bootstrap import Feeds, Outfit, Roof
from bot.commands import heartbeat
from bot.commands.parity_modes import Scene, market, played_back, played_by_the_bot, quiet_start
from bot.config import load
from bot.db.base import Mode
from bot.emulator.server import Emulator
from bot.reporting.parity import compare
from bot.reporting.run_record import Record
from bot.risk.rules import Limits

KEY, SECRET = "parity-key", "parity-secret"
INTERVAL = os.environ.get("PARITY_INTERVAL", "1m")
CANDLES = int(os.environ.get("PARITY_CANDLES", "350"))


@pytest.fixture
def scene() -> Scene:
    return quiet_start(scene_of(CANDLES, INTERVAL), Limits(max_order_value=MAX_ORDER_VALUE))


@pytest.fixture
async def emulator(scene: Scene, tmp_path: Path) -> AsyncIterator[Emulator]:
    async with market(scene, tmp_path, KEY, SECRET) as running:
        yield running


@pytest.fixture
async def roof(tmp_path: Path, database_url: str, emulator: Emulator) -> AsyncIterator[Roof]:
    settings = {
        "VAR_DIR": str(tmp_path / "var"),
        "DB_URL": database_url,
        "MARKET_DATA_ENVIRONMENT": "emulator",
        "EMULATOR_URL": emulator.spot_url,
        "RISK_MAX_ORDER_VALUE": str(MAX_ORDER_VALUE),
        "RISK_MAX_DRAWDOWN": "1",
    }
    roof = Roof(load(env_file=tmp_path / "no.env", environ=settings))
    await asyncio.to_thread(lambda: roof.box)
    with heartbeat.only_one(tmp_path / "var"):
        yield roof
    await roof.close()


async def test_every_mode_takes_the_same_decisions_and_fills_alike(
    scene: Scene, roof: Roof, emulator: Emulator
) -> None:
    limits = Outfit(roof, Feeds(roof.settings)).limits
    dense, sparse = played_back(scene, limits), played_back(scene, limits, "sparse")
    played = await played_by_the_bot(scene, roof, emulator, KEY, SECRET)
    runs = {"sparse": sparse, "paper": played[Mode.PAPER], "rehearsal": played[Mode.REHEARSAL]}
    assert len(sparse) == 2
    assert_that_it_was_worth_comparing(dense)
    for mode, records in runs.items():
        for title, theirs in records.items():
            assert_equal(dense[title], theirs, f"{title}, {mode}")
    told = {title: (len(record.orders), len(record.fills), len(record.trips)) for title, record in dense.items()}
    print(
        f"\n{CANDLES} candles of {INTERVAL}: orders, fills and trips of each strategy, the same in every mode: {told}"
    )


def assert_equal(ours: Record, theirs: Record, where: str) -> None:
    """Not merely explained: equal in all that a mode does not stamp itself."""
    found = compare(ours, theirs)
    assert found.differences == [], f"{where}: {found.differences[:3]} of {len(found.differences)}"
    assert found.orders == len(ours.orders) == len(theirs.orders), where
    assert found.fills == len(ours.fills) == len(theirs.fills), where
    assert ours.refused == theirs.refused, where
    assert ours.trips == theirs.trips, where
    assert [order.seen for order in ours.orders] == [order.seen for order in theirs.orders], where
    told = [[(each.price, each.quantity, each.fee, each.fee_asset) for each in run.fills] for run in (ours, theirs)]
    assert told[0] == told[1], where
