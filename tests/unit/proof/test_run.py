"""Seeds: the same one gives the same run, and sound code breaks nothing (`tests/mutants` plants what does)."""

import os
import subprocess
import sys
from itertools import count
from pathlib import Path

from bot.proof.run import prove, prove_all
from bot.proof.world import Scene

ROOT = Path(__file__).parents[3]
RESTLESS_SEED = next(seed for seed in count() if (scene := Scene(seed)).deaths >= 3 and scene.weather.lost_after)
"""One with several lives and lost answers."""


def test_the_same_seed_gives_the_same_run_to_the_last_line() -> None:
    one, two = prove(RESTLESS_SEED, traces=True), prove(RESTLESS_SEED, traces=True)
    assert one.trace == two.trace
    assert one == two
    assert one.lives > 1
    assert one.orders > 20


def test_another_process_has_the_same_run() -> None:
    # Sets of text are in another order there: nothing may hang on it.
    line = f"from bot.proof.run import prove; print(prove({RESTLESS_SEED}).digest)"
    digests = {
        subprocess.run(
            [sys.executable, "-c", line], capture_output=True, text=True, check=True, cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT / "src"), "PYTHONHASHSEED": salt},
        ).stdout.strip()
        for salt in ("1", "2")
    }  # fmt: skip
    assert digests == {prove(RESTLESS_SEED).digest}


def test_seeds_break_nothing_and_differ() -> None:
    verdicts = list(prove_all(range(20, 24), jobs=1))
    assert [each.breaches for each in verdicts] == [()] * 4
    assert len({each.digest for each in verdicts}) == 4
    assert all(each.trades for each in verdicts)
