"""One strategy, three ways to run it, the same decisions: on paper, through a signed API, and in a plain loop.

The candles are real ones (../shared/data).

The first two are whole bots: hub, workers, journals in PostgreSQL. Only the broker differs.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import text
from tests.parity.scene import (
    FEE,
    FUNDS,
    MAX_ORDER_VALUE,
    STRATEGIES,
    WARM_UP,
    Decided,
    Filled,
    Story,
    Trip,
    config_of,
    cut_candles,
    in_a_plain_loop,
    minute,
    until,
)

from bot.bootstrap import Roof
from bot.commands import heartbeat
from bot.commands.program import Program
from bot.config import load
from bot.db.base import Mode, schema_of, unit_of_work
from bot.db.repositories import Accounts
from bot.db.repositories import Strategies as StrategyRows
from bot.domain.market import Candle
from bot.emulator.config import AccountConfig, EmulatorConfig, Replay
from bot.emulator.replay import read_tables
from bot.emulator.server import Emulator
from bot.simulation.instruments import bundled

KEY, SECRET = "parity-key", "parity-secret"
MODES = (Mode.PAPER, Mode.REHEARSAL)


@pytest.fixture
def candles_file(tmp_path: Path) -> Path:
    return cut_candles(tmp_path)


@pytest.fixture
def candles(candles_file: Path) -> list[Candle]:
    (table,) = read_tables([candles_file], ())
    return list(table.candles())


@pytest.fixture
async def emulator(candles_file: Path) -> AsyncIterator[Emulator]:
    """A market that moves by hand, a whole candle at a time, with fees as the strategies expect them."""
    config = EmulatorConfig(
        Replay((candles_file,)), (AccountConfig(KEY, SECRET, FUNDS),),
        speed=0, ticks_per_candle=1, warmup=WARM_UP, maker_fee=Decimal(FEE), taker_fee=Decimal(FEE),
        orders_per_10s=1_000_000, weight_per_minute=1_000_000,
    )  # fmt: skip
    async with Emulator(config) as running:
        yield running


@pytest.fixture
async def roof(tmp_path: Path, database_url: str, emulator: Emulator) -> AsyncIterator[Roof]:
    settings = {
        "VAR_DIR": str(tmp_path / "var"),
        "DB_URL": database_url,
        "MARKET_DATA_ENVIRONMENT": "emulator",
        "EMULATOR_URL": emulator.spot_url,
        "RISK_MAX_ORDER_VALUE": MAX_ORDER_VALUE,
    }
    roof = Roof(load(env_file=tmp_path / "no.env", environ=settings))
    await asyncio.to_thread(lambda: roof.box)
    with heartbeat.only_one(tmp_path / "var"):
        yield roof
    await roof.close()


async def test_paper_rehearsal_and_a_plain_loop_take_the_same_decisions(
    roof: Roof, emulator: Emulator, candles: list[Candle]
) -> None:
    ids = await furnish(roof)
    async with running_bot(roof) as bot:
        for candle in candles[WARM_UP:]:
            assert await emulator.step()
            await until(lambda at=candle.close_time: is_idle(bot, at), f"both accounts are done with {candle}")
        assert not await emulator.step()
        limits = bot.outfit.limits
    paper, rehearsal = [await stories(roof, mode, ids[mode]) for mode in MODES]
    loop = in_a_plain_loop(candles, bundled()["BTCUSDT"], roof.catalogue, limits)
    for title in STRATEGIES:
        assert paper[title] == rehearsal[title], title
        assert paper[title] == loop[title], title
    assert_that_it_was_worth_comparing(paper)


def assert_that_it_was_worth_comparing(told: Mapping[str, Story]) -> None:
    """Entries, exits, stops and refusals have to be among what was compared, or its being equal says little."""
    assert len(told["dips"].decisions) > 30
    decisions = [each for story in told.values() for each in story.decisions]
    assert {each.rule for each in decisions} >= {"", "minimum_profit", "cooldown", "order_value"}
    assert {each.reason for each in decisions} >= {
        "below mean",
        "back at mean",
        "new high",
        "stop loss",
        "trailing stop",
    }
    assert all(len(story.trips) > 3 for title, story in told.items() if title != "greedy")


# The bot.


async def furnish(roof: Roof) -> dict[Mode, dict[int, str]]:
    """Give one account on paper and one with a key the same strategies: titles by strategy id."""
    titles: dict[Mode, dict[int, str]] = {}
    async with unit_of_work(roof.sessions) as session:
        for mode in MODES:
            name = mode.value
            sealed = {
                f"{field}_enc": roof.box.seal(value, account=name, field=field, environment="emulator")
                for field, value in (("api_key", KEY), ("api_secret", SECRET))
            }
            funds = {asset: str(amount) for asset, amount in FUNDS.items()}
            account = await Accounts(session).create(name, environment="emulator", paper_funds=funds, **sealed)
            titles[mode] = {}
            for title, (strategy, _) in STRATEGIES.items():
                config = config_of(title, is_paper=mode is Mode.PAPER)
                row = await StrategyRows(session).create(account.id, strategy, config, title=title, enabled=True)
                titles[mode][row.id] = title
    return titles


@contextlib.asynccontextmanager
async def running_bot(roof: Roof) -> AsyncIterator[Program]:
    """Run what `bot start` runs but for the dashboard, from the first candle to a clean stop."""
    bot = Program(roof, with_dashboard=False, with_aggregator=False)
    task = asyncio.create_task(bot.run())
    try:
        await until(lambda: task.done() or is_ready(bot), "both accounts are ready", 20.0)
        yield bot
    finally:
        bot.stop.set()
        await task


def is_ready(bot: Program) -> bool:
    workers = bot.orchestrator.workers.values()
    return len(workers) == len(MODES) and all(each.runner for each in workers)


def is_idle(bot: Program, close_time: int) -> bool:
    """Say whether every account has decided on the candle that closed then, and knows what its orders came to."""
    runners = [worker.runner for worker in bot.orchestrator.workers.values()]
    return all(
        runner is not None
        and runner.last_candle_ms == close_time
        and not runner.inbox.waiting
        and not any(slot.live for slot in runner._engine.slots.values())
        for runner in runners
    )


# What the journal remembers.

DECISIONS = """
SELECT d.strategy_id, d.time_ms, d.side, d.verdict, d.reason, d.rule, o.qty
FROM {schema}.decisions d LEFT JOIN {schema}.orders o ON o.client_order_id = d.client_order_id ORDER BY d.id
"""
FILLS = "SELECT strategy_id, side, price, quantity, fee, fee_asset FROM {schema}.fills ORDER BY id"
TRIPS = """
SELECT strategy_id, side, qty, entry_price, exit_price, gross, fees, pnl, opened_ms, ts_close
FROM {schema}.trades ORDER BY id
"""


async def stories(roof: Roof, mode: Mode, titles: Mapping[int, str]) -> dict[str, Story]:
    """Give what every strategy of a mode did, by title."""
    told = {title: Story([], [], []) for title in titles.values()}
    async with roof.sessions() as session:

        async def rows(question: str) -> list[tuple[object, ...]]:
            found = await session.execute(text(question.format(schema=schema_of(mode))))
            return [tuple(row) for row in found]

        for strategy_id, *decided in await rows(DECISIONS):
            told[titles[strategy_id]].decisions.append(Decided(*decided))
        for strategy_id, *filled in await rows(FILLS):
            told[titles[strategy_id]].fills.append(Filled(*filled))
        for strategy_id, *trip, opened_ms, closed in await rows(TRIPS):
            times = minute(opened_ms), minute(milliseconds(closed))
            told[titles[strategy_id]].trips.append(Trip(*trip, *times))
    return told


def milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
