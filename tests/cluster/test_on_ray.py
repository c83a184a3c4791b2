"""Studies on a Ray cluster of this machine: the same result, whoever is killed; each trial counted once.

make cluster
"""

import contextlib
import gzip
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.cluster.environment import make
from tests.integration.cli.holding import Database
from tests.integration.cli.person import Person, until

pytestmark = pytest.mark.cluster
RECORDED = Path(__file__).parents[2] / "../shared/data/klines/spot/BTCUSDT_1m_20250520_20250818.csv.gz"
ROWS = 1_500
SLOW = '''
"""Averages that take their time, so that somebody can be killed while they are played."""

import time

from bot.strategies.sma_cross import SmaCross


class SlowCross(SmaCross):
    """Waits before it begins."""

    name = "slow_cross"

    def on_start(self) -> None:
        """Wait."""
        time.sleep(0.15)
'''
GRID = ("--grid", "fast=2:12:2", "--grid", "slow=20:35:5", "--objective", "net_pnl", "--json")
"""24 sets."""


@pytest.fixture(scope="session")
def with_ray() -> tuple[str, ...]:
    """The bot in the environment that has Ray."""
    return (str(make()), "-m", "bot.cli")


@pytest.fixture
def trader(tmp_path: Path, database_url: str) -> Person:
    """Give a person with a day of real minutes, and a strategy that takes its time."""
    with gzip.open(RECORDED, "rt", encoding="utf-8") as lines:
        text = "".join(line for line, _ in zip(lines, range(ROWS + 1), strict=False))
    (tmp_path / "candles.csv").write_text(text)
    (tmp_path / "strategies").mkdir()
    (tmp_path / "strategies/slow_cross.py").write_text(SLOW)
    return Person(tmp_path, DB_URL=database_url)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """The database of that person."""
    found = Database(database_url)
    yield found
    found.connection.close()


def line(strategy: str, *more: str) -> tuple[str, ...]:
    return ("sweep", strategy, "--symbol", "BTCUSDT", "--candles", "candles.csv", *GRID, *more)


def answered(out: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(out.splitlines()[-1])
    timed = {"load_s", "run_s", "bars_per_s", "peak_rss_mb", "study"}
    return {key: value for key, value in told.items() if key not in timed}


def playing(folder: Path) -> list[int]:
    """Give the processes that play trials of ours now: Ray names them after what they do."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdecimal():
            with contextlib.suppress(OSError):
                words = (process / "cmdline").read_bytes()
                ours = str(folder).encode() in (process / "environ").read_bytes()
                if ours and words.startswith(b"ray::play"):
                    found.append(int(process.name))
    return found


def test_a_cluster_finds_what_one_process_finds(trader: Person, with_ray: tuple[str, ...]) -> None:
    alone = trader.ok(*line("sma_cross", "--jobs", "1"))
    there = trader.run(*line("sma_cross", "--cluster", "local"), command=with_ray)
    assert there.code == 0, there.err
    assert answered(there.out) == answered(alone)


def test_a_worker_that_is_killed_costs_no_trial(trader: Person, with_ray: tuple[str, ...], database: Database) -> None:
    words = line("slow_cross", "--cluster", "local", "--study", "killed")
    with trader.running(*words, command=with_ray) as program:
        until(lambda: database.states().get("done", 0) >= 2)
        victims = until(lambda: playing(trader.folder))
        with contextlib.suppress(ProcessLookupError):
            os.kill(victims[0], signal.SIGKILL)
        assert program.wait() == 0, program.err
    assert database.states() == {"done": 24}
    assert database.ask("SELECT DISTINCT attempts FROM trials") == [(1,)]


def test_a_driver_that_is_killed_is_started_again_with_the_same_line(
    trader: Person, with_ray: tuple[str, ...], database: Database
) -> None:
    words = line("slow_cross", "--cluster", "local", "--study", "driven")
    with trader.running(*words, command=with_ray) as program:
        until(lambda: database.states().get("done", 0) >= 2)
        program.process.send_signal(signal.SIGKILL)
        program.wait()
    database.wait_for_nobody()
    finished = dict(database.ask("SELECT number, ended_at FROM trials WHERE state = 'done'"))
    again = trader.run(*words, command=with_ray)
    assert again.code == 0, again.err
    assert database.states() == {"done": 24}
    now = dict(database.ask("SELECT number, ended_at FROM trials"))
    assert all(now[number] == ended_at for number, ended_at in finished.items())
    # A worker without Ray comes to the same study, and finds nothing left to do.
    helped = json.loads(trader.ok("sweep", "worker", "--study", "driven", "--candles", "candles.csv", "--json"))
    assert (helped["counted"], helped["done"]) == (0, 24)
    until(lambda: not playing(trader.folder))


def test_a_cluster_that_runs_already_is_joined_by_its_address(trader: Person, with_ray: tuple[str, ...]) -> None:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    ray = str(Path(with_ray[0]).with_name("ray"))
    source = str(Path(__file__).parents[2] / "src")
    environment = {
        "PATH": os.environ["PATH"], "HOME": str(trader.folder), "PYTHONPATH": source, "RAY_USAGE_STATS_ENABLED": "0",
    }  # fmt: skip
    # Short, because sockets lie in it.
    folder = tempfile.mkdtemp(prefix="ray-")
    head = [
        ray, "start", "--head", "--port", str(port), "--node-ip-address", "127.0.0.1", "--include-dashboard", "false",
        "--num-cpus", "2", "--temp-dir", folder, "--block",
    ]  # fmt: skip
    # Its processes are a group of their own, which ends as one.
    node = subprocess.Popen(
        head, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        until(lambda: _listens(port))
        there = trader.run(*line("sma_cross", "--cluster", f"127.0.0.1:{port}"), command=with_ray)
        assert there.code == 0, there.err
        assert answered(there.out) == answered(trader.ok(*line("sma_cross", "--jobs", "1")))
    finally:
        os.killpg(node.pid, signal.SIGTERM)
        node.wait(60)
        shutil.rmtree(folder, ignore_errors=True)


def test_where_no_cluster_is_one_line_says_so(trader: Person, with_ray: tuple[str, ...]) -> None:
    answer = trader.run(*line("sma_cross", "--cluster", "127.0.0.1:1"), command=with_ray)
    assert answer.code == 1
    assert "no cluster at '127.0.0.1:1'" in answer.err
    assert "Traceback" not in answer.err


def _listens(port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0
