"""What `bot demo` needs of memory: all of its processes together, and PostgreSQL beside them.

Run it as `python benchmarks/demo_memory.py [--seconds 40] [--json]`. Memory is resident memory with everything shared
counted in each process; PostgreSQL shares most of its own, so its pages are counted once.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measure import family_of, pss_mb, rss_mb

from bot.db import embedded

MOST_MB = 450.0
SOURCE = Path(__file__).parents[1] / "src"


def main() -> int:
    """Run a demo, look at it again and again, print the most it needed; 1 when that is too much."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seconds", type=float, default=40.0, help="how long the demo runs")
    arguments.add_argument("--json", action="store_true")
    chosen = arguments.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="bot-memory-"))
    folder.chmod(0o755)
    command = [sys.executable, "-m", "bot.cli", "demo", "--for", str(chosen.seconds), "--port", "0", "--json"]
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    try:
        with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True, env=environment) as demo:
            most, database_mb, names = _watch(demo, folder / "var" / "demo" / "postgres")
            assert demo.stdout is not None
            told = json.loads(demo.stdout.read())
    finally:
        embedded.erase(folder / "var" / "demo" / "postgres")
        shutil.rmtree(folder)
    result = {
        "ours_mb": round(sum(most.values())),
        "processes_mb": {names[pid]: round(each) for pid, each in most.items()},
        "postgresql_mb": round(database_mb),
        "most_mb": MOST_MB,
        "candles": told["candles"],
        "orders": told["orders"],
        "holds": sum(most.values()) <= MOST_MB,
    }
    print(json.dumps(result, indent=None if chosen.json else 2))
    return 0 if result["holds"] else 1


def _watch(demo: "subprocess.Popen[str]", database: Path) -> tuple[dict[int, float], float, dict[int, str]]:
    """Give the most memory that each process needed, the most of PostgreSQL, and what the processes are."""
    most: dict[int, float] = {}
    names = {demo.pid: "demo"}
    database_mb = 0.0
    while demo.poll() is None:
        server = embedded.running(database) if database.exists() else None
        theirs = family_of(server.pid) if server else []
        database_mb = max(database_mb, pss_mb(theirs))
        for pid in family_of(demo.pid):
            if pid in theirs or (name := names.get(pid) or _name(pid)) is None:
                continue
            names[pid] = name
            most[pid] = max(most.get(pid, 0.0), rss_mb(pid))
        time.sleep(0.25)
    return most, database_mb, names


def _name(pid: int) -> str | None:
    """Say which of our processes this is; None for helpers of the database's start."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return None
    return "emulator" if b"emulator" in words else None


if __name__ == "__main__":
    sys.exit(main())
