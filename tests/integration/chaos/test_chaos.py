"""Chaos, the short form: the real bot dies at every named point, and nothing of its money goes astray."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from bot.commands import chaos_mother
from bot.commands.chaos_scene import furnish
from bot.db.migrate import current, head
from bot.killpoints import NAMES
from bot.proof.chaos import AT_SETTING_UP, Case, Result, cases_at, perform
from bot.proof.chaos_stage import Stage

SOURCE = Path(__file__).parents[3] / "src"
BEFORE_AN_ORDER = ("risk.reserved", "intent.tx_open", "intent.committed", "attempt.committed", "gate.checked")
ON_THE_WIRE = ("wire.first_byte", "wire.last_byte", "reply.first_byte", "reply.parsed", "ack.committed")
EVENTS = ("event.received", "event.journaled", "fold.positions", "fold.ledger")
STRATEGY = ("callback.entered", "callback.intents", "strategy_state.committed", "stop.placed")
CANCELS = ("cancel.intent", "cancel.wire", "cancel.ack")
AT_BOOT = ("recon.started", "recon.page", "recon.repaired", "recon.ready")
FILES = ("snapshot.written", "snapshot.renamed", "shutdown.drain")
BATCHES = (BEFORE_AN_ORDER, ON_THE_WIRE, EVENTS, STRATEGY, CANCELS, AT_BOOT, FILES)
LEASE = ("lease.renewed",)


async def _chaos(folder: Path, cases: list[Case], order_path: str) -> list[Result]:
    folder.chmod(0o755)
    stage = Stage(folder / "stage", 7, order_path, [chaos_mother.__name__], chaos_mother.WORDS)
    found: list[Result] = []
    try:
        await stage.begin()
        await perform(stage, await furnish(stage), iter(cases), found.append, Random(7))
    finally:
        await stage.end()
    return found


def _run(folder: Path, cases: list[Case], order_path: str) -> list[Result]:
    return asyncio.run(_chaos(folder, cases, order_path))


def test_every_point_stands_in_a_batch() -> None:
    assert {point for batch in BATCHES for point in batch} | {*AT_SETTING_UP, *LEASE} == set(NAMES)


def test_the_bot_may_die_at_every_point_life_after_life(tmp_path: Path) -> None:
    found = _run(tmp_path, [Case("batch", "any", batch) for batch in BATCHES], "rest")
    assert [each.breaches for each in found] == [() for _ in BATCHES]
    assert [each.missed for each in found] == [() for _ in BATCHES]


def test_it_may_die_on_the_other_order_path_and_in_trouble_too(tmp_path: Path) -> None:
    cases = [
        Case("batch", "any", ON_THE_WIRE),
        Case("trouble", "any", is_random=True, has_trouble=True),
        Case("random", "any", is_random=True),
    ]
    found = _run(tmp_path, cases, "ws")
    assert [each.breaches for each in found] == [(), (), ()]
    assert found[0].missed == ()


@pytest.mark.parametrize("step", [1, 3])
def test_a_migration_that_was_killed_is_made_whole_by_the_next_one(empty_url: str, step: int) -> None:
    words = [sys.executable, "-c", f"from bot.db.migrate import upgrade; upgrade({empty_url!r})"]
    environ = {**os.environ, "PYTHONPATH": str(SOURCE)}
    killed = subprocess.run(words, env={**environ, "BOT_KILL_AT": f"migration.step:{step}"}, check=False)
    assert killed.returncode == -9
    assert current(empty_url) is None
    subprocess.run(words, env=environ, check=True)
    assert current(empty_url) == head()


def test_each_kind_of_order_is_killed_where_it_passes() -> None:
    cases = cases_at(["fold.ledger", "cancel.wire", "recon.page"], ["market", "cancel"], double=True, lots=Random(1))
    assert [(each.points[0].split(":")[0], each.kind) for each in cases] == [
        ("fold.ledger", "market"), ("cancel.wire", "cancel"), ("recon.page", "market"), ("recon.page", "cancel"),
    ]  # fmt: skip
    assert all(len(each.points) == 2 for each in cases)
